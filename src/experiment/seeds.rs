//! Seeds of all simulations that no user asks for by seed: one table of disjoint ranges.
//!
//! A rule that is fitted, searched, judged or forecast on one range is never tested on the same runs.

use std::ops::Range;

/// Fitting the selectors: sweeps of the calibration set.
pub const FIT: Range<u64> = 1_000_001..2_000_001;

/// Searching the best candidate of a held-out scenario.
pub const SEARCH: Range<u64> = 2_000_001..3_000_001;

/// Judging choices and forecasts on a held-out scenario.
pub const JUDGE: Range<u64> = 3_000_001..4_000_001;

/// Forecasts.
pub const FORECAST: Range<u64> = 5_000_001..6_000_001;

/// Rehearsals: simulations that a choice rests on.
pub const REHEARSAL: Range<u64> = 7_000_001..8_000_001;

/// Searching the best candidate of each cell of the decision map.
pub const MAP_SEARCH: Range<u64> = 8_000_001..8_050_001;

/// Judging the choices in each cell of the decision map.
pub const MAP_JUDGE: Range<u64> = 8_050_001..8_100_001;

/// Probes of a held-out scenario.
pub const PROBE: Range<u64> = 10_000_001..11_000_001;

/// Every range.
const ALL: [Range<u64>; 8] =
    [FIT, SEARCH, JUDGE, FORECAST, REHEARSAL, MAP_SEARCH, MAP_JUDGE, PROBE];

const _: () = {
    let mut place = 1;
    while place < ALL.len() {
        assert!(ALL[place - 1].end <= ALL[place].start, "ranges of seeds overlap");
        place += 1;
    }
};

/// The first `count` seeds of `range`.
///
/// Panics if it has fewer.
pub fn first(range: &Range<u64>, count: u64) -> Range<u64> {
    assert!(count <= range.end - range.start, "a range of seeds is used up");
    range.start..range.start + count
}

/// The `count` seeds from `seed` on, a user's: the largest is followed by 0.
pub fn from(seed: u64, count: u32) -> impl Iterator<Item = u64> + Clone {
    (0..u64::from(count)).map(move |offset| seed.wrapping_add(offset))
}
