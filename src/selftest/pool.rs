//! Whether a pool was exact: never one call too many, never a refusal while a slot was free.
//!
//! A client does not see when its call came in, but between which moments. What is found is proof
//! either way: calls that must have been in at once, and refusals at a time when too few calls can
//! have been.

use super::SelftestError;
use super::client::Answered;
use neon_mock::api::Status;
use std::time::Duration;

/// One call, in ns: when it came in, and until when it held its slot, each between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// It got a slot.
    Admitted {
        /// When it came, at the earliest and the latest.
        from: (u64, u64),
        /// When its slot fell free, likewise.
        to: (u64, u64),
    },
    /// It was refused between these moments.
    Refused(u64, u64),
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) admitted: u64,
    pub(super) refused: u64,
    /// The most calls that must have held a slot at once.
    pub(super) most_at_once: u64,
    /// Refusals while a slot must have been free.
    pub(super) refused_while_free: u64,
}

/// When each call was in, as far as its client can tell; a slot is held for `held`.
pub(super) fn stays(answers: &[Answered], held: Duration) -> Result<Vec<Stay>, SelftestError> {
    let ns = |time: Duration| time.as_nanos() as u64;
    let stay = |answer: &Answered| {
        let (sent, done, held) = (ns(answer.sent_at), ns(answer.done_at), ns(held));
        match Status(answer.status) {
            // An answer before its time would be a fault of the timer, and shows as one.
            Status::OK => Ok(Stay::Admitted {
                from: (sent, done.saturating_sub(held)),
                to: (sent + held, done),
            }),
            Status::TOO_MANY_REQUESTS => Ok(Stay::Refused(sent, done)),
            Status(status) => Err(SelftestError::Answer(status)),
        }
    };
    answers.iter().map(stay).collect()
}

/// What `stays` prove of a pool of `limit`.
pub(super) fn findings(stays: &[Stay], limit: u32) -> Findings {
    let mut found = Findings::default();
    let (mut sure, mut possible) = (Vec::new(), Vec::new());
    for stay in stays {
        match *stay {
            Stay::Admitted { from, to } => {
                found.admitted += 1;
                // Held for sure between the latest arrival and the earliest end, if these lie so.
                if from.1 < to.0 {
                    sure.extend([(from.1, 1), (to.0, -1)]);
                }
                possible.extend([(from.0, 1), (to.1, -1)]);
            }
            Stay::Refused(..) => found.refused += 1,
        }
    }
    found.most_at_once = steps(sure).into_iter().map(|(_, count)| count).max().unwrap_or(0);
    let possible = steps(possible);
    for stay in stays {
        if let Stay::Refused(earliest, latest) = *stay {
            let most = most_between(&possible, earliest, latest);
            found.refused_while_free += u64::from(most < u64::from(limit));
        }
    }
    found
}

/// From each moment of change on, how many are in. An end comes before a beginning at its moment:
/// a slot is free at the moment at which its call is ready.
fn steps(mut changes: Vec<(u64, i64)>) -> Vec<(u64, u64)> {
    changes.sort_unstable();
    let mut count = 0;
    let step = |(at, change): (u64, i64)| {
        count += change;
        (at, count.max(0).unsigned_abs())
    };
    changes.into_iter().map(step).collect()
}

/// The most that are in at any moment from `earliest` to `latest`.
fn most_between(steps: &[(u64, u64)], earliest: u64, latest: u64) -> u64 {
    let first = steps.partition_point(|&(at, _)| at <= earliest).saturating_sub(1);
    let within = steps[first..].iter().take_while(|&&(at, _)| at <= latest);
    within.map(|&(_, count)| count).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call that is known to the ns.
    const fn exact(from: u64, to: u64) -> Stay {
        Stay::Admitted { from: (from, from), to: (to, to) }
    }

    #[test]
    fn one_too_many_is_found() {
        let two = findings(&[exact(0, 10), exact(5, 15), exact(10, 20)], 2);
        assert_eq!((two.most_at_once, two.admitted), (2, 3));
        assert_eq!(findings(&[exact(0, 10), exact(5, 15), exact(9, 20)], 2).most_at_once, 3);
    }

    #[test]
    fn a_refusal_while_a_slot_is_free_is_found() {
        let calls = |refused| [exact(0, 10), exact(5, 15), Stay::Refused(refused, refused)];
        assert_eq!(findings(&calls(7), 2).refused_while_free, 0);
        assert_eq!(findings(&calls(12), 2).refused_while_free, 1);
        assert_eq!(findings(&calls(10), 2).refused_while_free, 1, "it is free at that moment");
        assert_eq!(findings(&calls(3), 2).refused_while_free, 1);
    }

    #[test]
    fn what_may_have_been_otherwise_is_no_proof() {
        let vague = Stay::Admitted { from: (0, 6), to: (10, 16) };
        let calls = [vague, exact(5, 15), Stay::Refused(2, 7)];
        let found = findings(&calls, 2);
        assert_eq!((found.most_at_once, found.refused_while_free), (2, 0));
        let apart = [vague, exact(11, 15)];
        assert_eq!(findings(&apart, 1).most_at_once, 1);
    }
}
