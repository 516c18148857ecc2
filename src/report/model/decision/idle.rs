//! The longest time in which no account ends.

use neonbench_engine::measure::timeline::TimelineSlice;
use std::ops::Range;

/// The places of the slices that make up the longest time without an account: before the first account and
/// after the last none was to be expected. Empty where there is no such time.
pub(crate) fn longest_idle(slices: &[TimelineSlice]) -> Range<usize> {
    let mut longest = 0..0;
    let mut last = None;
    for (place, _) in slices.iter().enumerate().filter(|(_, slice)| slice.landed > 0) {
        let gap = last.map_or(place, |last| last + 1)..place;
        if gap.len() > longest.len() {
            longest = gap;
        }
        last = Some(place);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_between_accounts_counts() {
        let slices = |landed: &[u64]| -> Vec<TimelineSlice> {
            landed
                .iter()
                .map(|landed| TimelineSlice { landed: *landed, ..TimelineSlice::default() })
                .collect()
        };
        assert_eq!(longest_idle(&slices(&[0, 0, 0, 1, 0, 2, 0, 0, 1, 0, 0, 0])), 6..8);
        assert!(longest_idle(&slices(&[0, 0, 1, 0])).is_empty());
        assert!(longest_idle(&slices(&[])).is_empty());
    }
}
