//! Time as the core sees it: whole nanoseconds since the run began.
//!
//! Nothing here reads a clock. Virtual time hands out these stamps directly; on the wall clock a
//! shell subtracts the instant at which it started.

use hdrhistogram::Histogram;
use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A moment, in ns since the run's start.
///
/// Range: 584 years. Whatever lies later counts as their end, [`Timestamp::END`], which no run reaches: virtual
/// time stops there with an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The run's start.
    pub const ZERO: Self = Self(0);

    /// The last moment, 584 years after the start.
    pub const END: Self = Self(u64::MAX);

    /// The moment `ns` nanoseconds after the start.
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for people and ratios.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Nanoseconds that passed since `earlier`; panics as [`since`](Self::since) does.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.checked_sub(earlier.0).expect("time went backwards")
    }

    /// The time that passed since `earlier`.
    ///
    /// Panics if `earlier` lies later: stamps of one run never go backwards.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }
}

/// Whole nanoseconds of a duration; more than 584 years count as those.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// An empty histogram of times in ns: 1 µs to 2 h, three digits. Longer times count as the longest.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 7_200_000_000_000, 3).expect("valid bounds")
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_and_subtracts_to_the_nanosecond() {
        let later = Timestamp::from_nanos(7) + Duration::new(1, 3);
        assert_eq!(later.as_nanos(), 1_000_000_010);
        assert_eq!(later.since(Timestamp::from_nanos(7)), Duration::new(1, 3));
    }

    #[test]
    fn time_ends_and_does_not_wrap() {
        let late = Timestamp::from_nanos(u64::MAX - 1);
        assert_eq!(late + Duration::from_secs(1), Timestamp::END);
        assert_eq!(Timestamp::ZERO + Duration::MAX, Timestamp::END);
    }

    #[test]
    #[should_panic(expected = "time went backwards")]
    fn refuses_to_go_backwards() {
        let _ = Timestamp::ZERO.since(Timestamp::from_nanos(1));
    }
}
