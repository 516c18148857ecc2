//! One run over time, and the longest time in which no account ends.

mod chart;

pub(crate) use chart::{lanes, timeline};

use crate::report::shared::exploration::Exploration;
use crate::text::{count, duration, join_and, plural};
use neonbench_engine::engine::Strategy;
use neonbench_engine::measure::timeline::{Lane, Timeline, TimelineSlice};
use neonbench_engine::run::{RunError, RunSpec, World};
use neonbench_engine::scenario::Scenario;
use std::ops::Range;

/// Runs `best` on `scenario` under the first seed.
pub(crate) fn run(
    exploration: &Exploration<'_>,
    scenario: &Scenario,
    best: Strategy,
) -> Result<Timeline, RunError> {
    let mut timeline = Timeline::default();
    let spec = RunSpec::new(scenario, (exploration.settings)(best));
    spec.run(&World::Virtual, &mut timeline)?;
    Ok(timeline)
}

/// The places of the slices that make up the longest time without an account: before the first account and
/// after the last none was to be expected. Empty where there is no such time.
fn longest_idle(slices: &[TimelineSlice]) -> Range<usize> {
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

/// The calls in flight that the limiter settles on, refusals, failures, and the longest time in which no
/// account ended, where it is a quarter of the run or more.
pub(crate) fn title(strategy: Strategy, timeline: &Timeline) -> String {
    let Timeline { slices, slice_ns, .. } = timeline;
    let last = |lane: &Lane| slices.iter().rev().find_map(|slice| slice.limit[*lane as usize]);
    let noun = |lane: &Lane| match lane {
        Lane::Reads => "read",
        Lane::Writes => "write",
        Lane::Searches => "search",
    };
    let limits = Lane::ALL.iter().filter_map(|lane| {
        let plural = if *lane == Lane::Searches { "es" } else { "s" };
        let limit = last(lane)?;
        Some(format!("{limit} {}{}", noun(lane), if limit == 1 { "" } else { plural }))
    });
    let limits: Vec<String> = limits.collect();
    let mut parts = Vec::new();
    if !limits.is_empty() {
        parts.push(format!("its limiter settles at {} in flight", join_and(&limits)));
    }
    let refused: u64 = slices.iter().map(|slice| slice.refused).sum();
    parts.push(match refused {
        0 => "no call refused".to_owned(),
        refused => format!("{} refused", plural(refused, "call")),
    });
    let failed: u64 = slices.iter().map(|slice| slice.failed).sum();
    if failed > 0 {
        parts.push(format!("{} failed", count(failed)));
    }
    let longest = longest_idle(slices).len();
    if longest > 0 && longest * 4 >= slices.len() {
        let seconds = |slices: usize| duration((slices as u64 * slice_ns) as f64 / 1e9);
        let (gap, all) = (seconds(longest), seconds(slices.len()));
        parts.push(format!("no account finishes for {gap} of its {all}"));
    }
    format!("{strategy} over time: {}", parts.join(", "))
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
