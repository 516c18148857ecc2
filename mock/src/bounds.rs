//! Bounds of the numbers that people write, in files and in flags: one table, one check, one sentence.
//!
//! Whoever reads a number checks it here, so that nothing behind the edge meets NaN, a century or a count that
//! no machine holds. Bounds are far above what an organisation has and below what arithmetic takes.

use std::fmt;
use std::time::Duration;

/// A closed range of values and the sentence that names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds<T> {
    least: T,
    most: T,
    expected: &'static str,
}

/// A value out of its bounds; shown as `= VALUE: expected RANGE`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("= {value}: expected {expected}")]
pub struct OutOfBounds {
    value: String,
    expected: &'static str,
}

impl<T: Copy + PartialOrd + fmt::Debug> Bounds<T> {
    /// The range from `least` to `most`, both included; `expected` says so in words.
    pub const fn new(least: T, most: T, expected: &'static str) -> Self {
        Self { least, most, expected }
    }

    /// `value`, if it lies in the range. NaN lies in none.
    ///
    /// Errors: [`OutOfBounds`] with the value and the range.
    pub fn check(&self, value: T) -> Result<T, OutOfBounds> {
        if self.least <= value && value <= self.most {
            return Ok(value);
        }
        Err(OutOfBounds { value: format!("{value:?}"), expected: self.expected })
    }

    /// `value`, or the end of the range that is nearer to it: for what was measured, not written.
    pub fn clamp(&self, value: T) -> T {
        match self.check(value) {
            Ok(value) => value,
            Err(_) if value > self.most => self.most,
            Err(_) => self.least,
        }
    }

    /// The range in words.
    pub const fn expected(&self) -> &'static str {
        self.expected
    }

    /// Upper end of the range.
    pub const fn most(&self) -> T {
        self.most
    }
}

/// A share of something.
pub const SHARE: Bounds<f64> = Bounds::new(0.0, 1.0, "a share between 0 and 1");

/// Exponent of Zipf's law. Above 10 nearly every draw is the first.
pub const EXPONENT: Bounds<f64> = Bounds::new(0.0, 10.0, "an exponent of Zipf's law from 0 to 10");

/// Edits per second by staff: one in twelve days to a thousand, since a run simulates each of them.
pub const EDITS_PER_S: Bounds<f64> =
    Bounds::new(1e-6, 1_000.0, "a rate per second from 0.000001 to 1000");

/// A duration in a file or a flag.
pub const TIME: Bounds<Duration> =
    Bounds::new(Duration::ZERO, Duration::from_secs(86_400), "a time of at most a day");

/// Calls that a limit admits, at once or per second.
pub const LIMIT: Bounds<u32> = Bounds::new(1, 1_000_000, "a number of calls from 1 to 1000000");

/// Calls that may wait at a limit.
pub const QUEUE: Bounds<u32> = Bounds::new(0, 1_000_000, "a number of calls from 0 to 1000000");

/// Accounts of an organisation.
pub const ACCOUNTS: Bounds<u64> =
    Bounds::new(1, 10_000_000, "a number of accounts from 1 to 10000000");

/// Accounts that a run asks a simulated organisation for, and that it does not have: each is a call.
pub const MISSING: Bounds<u64> =
    Bounds::new(0, 100_000, "at most 100000 accounts that do not exist");

/// Mappings of a plan. An organisation has a few hundred fields at most.
pub const MAPPINGS: Bounds<u32> = Bounds::new(1, 500, "a number of mappings from 1 to 500");

/// Calls that a delivery of a webhook makes.
pub const ECHOED_CALLS: Bounds<u32> = Bounds::new(0, 3, "a number of calls from 0 to 3");

/// Attempts more of a call that is refused.
pub const PATIENCE: Bounds<u32> = Bounds::new(0, 100, "a number of attempts from 0 to 100");

/// Steps of a mapping's transform.
pub const STEPS: Bounds<usize> = Bounds::new(0, 100, "at most 100 steps");

/// Bytes of a pattern, and of a text that a step of a transform inserts.
pub const STEP_BYTES: Bounds<usize> = Bounds::new(0, 4_096, "at most 4096 bytes");

/// Custom fields of an organisation.
pub const FIELDS: Bounds<usize> = Bounds::new(0, 5_000, "at most 5000 fields");

/// Fields of which each mirrors the one before: a value is looked for along the whole row.
pub const MIRRORS: Bounds<usize> = Bounds::new(0, 10, "at most 10 mirrors in a row");

/// Id of a field.
pub const IDS: Bounds<u32> = Bounds::new(1, i32::MAX as u32, "an id from 1 to 2147483647");

/// Values of one field: its options, or its vocabulary.
pub const VALUES: Bounds<usize> = Bounds::new(0, 5_000, "at most 5000 values");

/// Concurrent workers.
pub const WORKERS: Bounds<u32> = Bounds::new(1, 10_000, "a number of workers from 1 to 10000");

/// Accounts that are held in memory before they are written.
pub const BATCH: Bounds<u32> = Bounds::new(1, 1_000_000, "a number of accounts from 1 to 1000000");

/// Bytes of a value of a field, after any transform.
pub const TEXT_BYTES: Bounds<usize> = Bounds::new(0, 65_536, "at most 65536 bytes");

/// Bytes of a file that people write: plans, profiles, datasets, scenarios, thresholds.
pub const FILE_BYTES: Bounds<u64> = Bounds::new(0, 8 << 20, "a file of at most 8 MiB");

/// Bytes of a file that machines write: recordings, histograms, lists of ids, answers.
pub const DATA_BYTES: Bounds<u64> = Bounds::new(0, 256 << 20, "a file of at most 256 MiB");

/// A duration as people write it, of at most a day.
///
/// Errors: it is none, or longer; the sentence names the text.
pub fn duration(text: &str) -> Result<Duration, String> {
    let read = humantime::parse_duration(text).map_err(|error| {
        format!("`{text}` is no duration ({error}); expected one such as \"250ms\"")
    })?;
    TIME.check(read).map_err(|_| format!("`{text}` is more than a day; expected {}", TIME.expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_in_and_what_is_no_number_is_out() {
        for share in [0.0, -0.0, 5e-324, 1.0] {
            assert_eq!(SHARE.check(share), Ok(share));
        }
        for share in [f64::NAN, f64::INFINITY, -5e-324, 1.000_000_1, 1e308] {
            let error = SHARE.check(share).unwrap_err().to_string();
            assert!(error.ends_with(": expected a share between 0 and 1"), "{error}");
        }
        assert_eq!(
            (SHARE.clamp(f64::INFINITY), SHARE.clamp(f64::NAN), SHARE.clamp(0.5)),
            (1.0, 0.0, 0.5)
        );
        assert_eq!(
            WORKERS.check(0).unwrap_err().to_string(),
            "= 0: expected a number of workers from 1 to 10000"
        );
    }

    #[test]
    fn durations_end_at_a_day() {
        assert_eq!(duration("1day"), Ok(Duration::from_secs(86_400)));
        for long in ["1day 1ns", "1000y", "200000years", "18446744073709551615s"] {
            let error = duration(long).unwrap_err();
            assert!(error.contains(long), "{error}");
        }
        for none in ["", "1", "NaN", "inf", "1e9s", "99999999999999999999y", "-1s"] {
            assert!(duration(none).unwrap_err().contains("is no duration"), "{none}");
        }
    }
}
