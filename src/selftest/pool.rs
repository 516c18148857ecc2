//! Checks a pool by the server's journal: no call too many, and no refusal while a slot was free.

use super::{PoolRow, SelftestError, is_admitted};
use neon_mock::ServedCall;

/// One call, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PoolCall {
    /// It held a slot from the first time to the second.
    Admitted(u64, u64),
    /// It was refused at this time.
    Refused(u64),
}

/// The calls of the journal with the times of their slots.
///
/// Errors: a call was answered with a status other than 200 and 429.
pub(super) fn pool_calls(journal: &[ServedCall]) -> Result<Vec<PoolCall>, SelftestError> {
    let pool_call = |call: &ServedCall| {
        let at = call.at.as_nanos();
        let held = call.drawn.unwrap_or_default().as_nanos() as u64;
        let admitted = is_admitted(call)?;
        Ok(if admitted { PoolCall::Admitted(at, at + held) } else { PoolCall::Refused(at) })
    };
    journal.iter().map(pool_call).collect()
}

/// Checks `calls` against the pool of `row`, and adds their counts to it.
pub(super) fn check(row: &mut PoolRow, calls: &[PoolCall]) {
    let mut changes = Vec::new();
    for call in calls {
        match *call {
            PoolCall::Admitted(from, to) => {
                row.admitted += 1;
                changes.extend([(from, 1), (to, -1)]);
            }
            PoolCall::Refused(_) => row.refused += 1,
        }
    }
    let steps = steps(changes);
    row.most_at_once = steps.iter().map(|&(_, count)| count).fold(row.most_at_once, u64::max);
    for call in calls {
        if let PoolCall::Refused(at) = *call {
            row.refused_while_free += u64::from(in_at(&steps, at) < u64::from(row.pool));
        }
    }
}

/// The number of held slots from each time of change on. At equal times ends precede starts: a slot is
/// free at the time at which its call is ready.
fn steps(mut changes: Vec<(u64, i64)>) -> Vec<(u64, u64)> {
    changes.sort_unstable();
    let mut count = 0;
    let step = |(at, change): (u64, i64)| {
        count += change;
        (at, count.max(0).unsigned_abs())
    };
    changes.into_iter().map(step).collect()
}

/// The number of held slots at a time.
fn in_at(steps: &[(u64, u64)], at: u64) -> u64 {
    let after = steps.partition_point(|&(moment, _)| moment <= at);
    after.checked_sub(1).map_or(0, |last| steps[last].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(calls: &[PoolCall]) -> PoolRow {
        let mut row = PoolRow { pool: 2, ..PoolRow::default() };
        check(&mut row, calls);
        row
    }

    #[test]
    fn one_too_many_is_found() {
        let admitted =
            |third| [(0, 10), (5, 15), third].map(|(from, to)| PoolCall::Admitted(from, to));
        let two = checked(&admitted((10, 20)));
        assert_eq!((two.most_at_once, two.admitted), (2, 3));
        assert_eq!(checked(&admitted((9, 20))).most_at_once, 3);
    }

    #[test]
    fn a_refusal_while_a_slot_is_free_is_found() {
        let free = |at| {
            let calls =
                [PoolCall::Admitted(0, 10), PoolCall::Admitted(5, 15), PoolCall::Refused(at)];
            let found = checked(&calls);
            assert_eq!(found.refused, 1);
            found.refused_while_free
        };
        assert_eq!([5, 7, 9].map(free), [0, 0, 0]);
        assert_eq!([3, 12, 20].map(free), [1, 1, 1]);
        assert_eq!(free(10), 1, "it is free at that moment");
    }
}
