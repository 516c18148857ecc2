//! Checks a window by the server's journal: in no interval more calls than burst + rate × time, and no
//! call refused that would have kept to that.
//!
//! This is the definition over all pairs of calls, independent of the mock's own recurrence, in whole
//! ns, so that nothing is rounded or tolerated.

use super::{SelftestError, WindowRow, is_admitted};
use neon_mock::ServedCall;

/// The limit that the window enforces.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowRate {
    /// Calls at once.
    pub(super) burst: u32,
    /// Time from call to call beyond them.
    pub(super) interval_ns: u64,
}

/// Arrival of one call at the window, and if it was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowCall {
    pub(super) at_ns: u64,
    pub(super) admitted: bool,
}

/// The calls of the journal with the times of their arrival.
///
/// Errors: a call was answered with a status other than 200 and 429.
pub(super) fn window_calls(journal: &[ServedCall]) -> Result<Vec<WindowCall>, SelftestError> {
    let window_call = |call: &ServedCall| {
        Ok(WindowCall { at_ns: call.at.as_nanos(), admitted: is_admitted(call)? })
    };
    journal.iter().map(window_call).collect()
}

/// Checks `calls`, in any order, against a window of `rate`, and adds their counts to `row`.
///
/// The intervals that count begin and end with an admitted call. Call `j` keeps to the rate if for
/// all calls `i` before it `j − i + 1 ≤ burst + (at[j] − at[i]) / interval`: if what `at[i] − i ×
/// interval` was at most does not exceed `at[j] − j × interval + (burst − 1) × interval`.
pub(super) fn check(row: &mut WindowRow, mut calls: Vec<WindowCall>, rate: WindowRate) {
    // Equal timestamps: admitted calls first, since they explain the refusals.
    calls.sort_unstable_by_key(|call| (call.at_ns, !call.admitted));
    let interval = i128::from(rate.interval_ns);
    let (mut most, mut admitted) = (None, 0_u64);
    for call in calls {
        let lead = i128::from(call.at_ns) - i128::from(admitted) * interval;
        let keeps = most.is_none_or(|most| most <= lead + i128::from(rate.burst - 1) * interval);
        if call.admitted {
            admitted += 1;
            row.admitted_beyond += u64::from(!keeps);
            most = most.max(Some(lead));
        } else {
            row.refused += 1;
            row.refused_while_open += u64::from(keeps);
        }
    }
    row.admitted += admitted;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two at once, then one each 10 ns.
    const RATE: WindowRate = WindowRate { burst: 2, interval_ns: 10 };

    fn checked(calls: Vec<WindowCall>, rate: WindowRate) -> WindowRow {
        let mut row = WindowRow::default();
        check(&mut row, calls, rate);
        row
    }

    fn of(admitted: &[u64], refused: &[u64]) -> WindowRow {
        let passed = admitted.iter().map(|&at_ns| WindowCall { at_ns, admitted: true });
        let turned_away = refused.iter().map(|&at_ns| WindowCall { at_ns, admitted: false });
        checked(turned_away.chain(passed).collect(), RATE)
    }

    /// (admitted beyond, refused while open)
    fn amiss(admitted: &[u64], refused: &[u64]) -> (u64, u64) {
        let found = of(admitted, refused);
        assert_eq!((found.admitted, found.refused), (admitted.len() as u64, refused.len() as u64));
        (found.admitted_beyond, found.refused_while_open)
    }

    #[test]
    fn an_exact_window_has_neither() {
        assert_eq!(amiss(&[5, 5, 15, 25, 45, 45, 55], &[5, 14, 16, 24, 26, 46, 54]), (0, 0));
        assert_eq!(amiss(&[], &[]), (0, 0));
    }

    #[test]
    fn a_call_too_many_is_found() {
        assert_eq!(amiss(&[5, 5, 5], &[]), (1, 0));
        assert_eq!(amiss(&[5, 5, 14], &[]), (1, 0), "one ns early");
        // Little by little: only the longest interval sees one too many.
        assert_eq!(amiss(&[0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90], &[]), (0, 0));
        assert_eq!(amiss(&[0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 89], &[]), (1, 0));
    }

    #[test]
    fn a_refusal_without_need_is_found() {
        assert_eq!(amiss(&[], &[0]), (0, 1));
        assert_eq!(amiss(&[5], &[6]), (0, 1));
        assert_eq!(amiss(&[5, 5], &[14, 15]), (0, 1), "it is open at 15");
        assert_eq!(amiss(&[5, 5, 15], &[15, 24, 25, 100]), (0, 2));
    }

    proptest! {
        #[test]
        fn all_pairs_say_the_same(
            burst in 1_u32..5,
            calls in prop::collection::vec((0_u64..60, any::<bool>()), 0..40),
        ) {
            let rate = WindowRate { burst, interval_ns: 10 };
            let mut calls: Vec<WindowCall> =
                calls.into_iter().map(|(at_ns, admitted)| WindowCall { at_ns, admitted }).collect();
            let found = checked(calls.clone(), rate);
            calls.sort_unstable_by_key(|call| (call.at_ns, !call.admitted));
            let mut before: Vec<u64> = Vec::new();
            let mut expected = WindowRow::default();
            for call in calls {
                let keeps = before.iter().enumerate().all(|(first, &from_ns)| {
                    let count = (before.len() - first + 1) as u64;
                    count.saturating_sub(u64::from(burst)) * 10 <= call.at_ns - from_ns
                });
                if call.admitted {
                    before.push(call.at_ns);
                    expected.admitted += 1;
                    expected.admitted_beyond += u64::from(!keeps);
                } else {
                    expected.refused += 1;
                    expected.refused_while_open += u64::from(keeps);
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
