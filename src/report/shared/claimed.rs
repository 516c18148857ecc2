//! Figures of the guide's claims: what is claimed of one, when it holds, and how it is written.

use crate::text::sig3;
use serde::{Deserialize, Serialize};

/// Deviation up to which a figure that is claimed as a point holds; counts must be exact.
pub const TOLERANCE: f64 = 0.10;

/// A figure that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Calls on records.
    Calls,
    /// Calls on records an account.
    CallsPerAccount,
    /// Writes.
    Writes,
    /// The makespan, in minutes.
    Minutes,
    /// 1 − makespan ÷ that of the other.
    TimeSaved,
    /// The makespan of the fastest other ÷ its own.
    TimesFaster,
    /// 1 − calls on records ÷ those of the other.
    CallsSaved,
    /// 1 − all calls, look-ups included, ÷ those of the other.
    AllCallsSaved,
    /// Refused calls ÷ calls.
    RefusedShare,
    /// That share ÷ that of the other.
    RefusedRatio,
    /// The most accounts in memory.
    Buffered,
    /// These ÷ those of the other.
    BufferedRatio,
    /// Failed accounts ÷ accounts.
    FailedShare,
    /// That share ÷ that of the other.
    FailedRatio,
    /// Accounts that a kill leaves open on the mean ÷ those of the other.
    AtRiskRatio,
    /// Makespan an account ÷ that of the other.
    AccountTimeRatio,
    /// Its cost above the cheapest of it and the others, as a share.
    Regret,
    /// The same of the other that is cheapest on a sample.
    SampleRegret,
}

impl Figure {
    /// The unit with the figure's name, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::CallsPerAccount => "calls per account",
            Self::Writes => "writes",
            Self::Minutes => "minutes",
            Self::TimeSaved => "of the time saved",
            Self::TimesFaster => "times as fast",
            Self::CallsSaved => "of the calls saved",
            Self::AllCallsSaved => "of all calls saved",
            Self::RefusedShare => "of the calls refused",
            Self::RefusedRatio => "times the share refused",
            Self::Buffered => "accounts in memory",
            Self::BufferedRatio => "times the memory",
            Self::FailedShare => "of the accounts failed",
            Self::FailedRatio => "times the failures",
            Self::AtRiskRatio => "times the accounts at risk",
            Self::AccountTimeRatio => "times the time per account",
            Self::Regret => "above the cheapest",
            Self::SampleRegret => "above the cheapest, chosen on a sample",
        }
    }

    /// True for a share, which is written in percent.
    pub const fn is_share(self) -> bool {
        matches!(
            self,
            Self::TimeSaved
                | Self::CallsSaved
                | Self::AllCallsSaved
                | Self::RefusedShare
                | Self::FailedShare
                | Self::Regret
                | Self::SampleRegret
        )
    }

    const fn is_count(self) -> bool {
        matches!(self, Self::Calls | Self::CallsPerAccount | Self::Writes)
    }

    /// True if it sets a run against others.
    pub(crate) const fn compares(self) -> bool {
        !matches!(
            self,
            Self::Calls
                | Self::CallsPerAccount
                | Self::Writes
                | Self::Minutes
                | Self::RefusedShare
                | Self::Buffered
                | Self::FailedShare
        )
    }
}

/// A claimed value: a point, or a range of which one end may be open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Claimed {
    /// A point.
    #[serde(default)]
    pub is: Option<f64>,
    /// The least.
    #[serde(default)]
    pub from: Option<f64>,
    /// The most.
    #[serde(default)]
    pub to: Option<f64>,
}

impl Claimed {
    /// The point `value`.
    pub const fn point(value: f64) -> Self {
        Self { is: Some(value), from: None, to: None }
    }

    /// True if `measured` bears it out: a point within [`TOLERANCE`], a count exactly, a range with
    /// its ends.
    pub fn holds(&self, figure: Figure, measured: f64) -> bool {
        // Both figures are rounded.
        let tolerance = if figure.is_count() { 1e-9 } else { TOLERANCE };
        let point = self.is.is_none_or(|is| (measured - is).abs() <= tolerance * is.abs());
        let least = self.from.is_none_or(|from| measured >= from);
        let most = self.to.is_none_or(|to| measured <= to);
        point && least && most
    }
}

/// A measured figure, to three digits: `87.0 %`, `10,000`, `2.30`. Numbers of things have no zeros at the
/// end.
pub(crate) fn measured(figure: Figure, it: f64) -> String {
    let is_number = matches!(
        figure,
        Figure::Calls | Figure::CallsPerAccount | Figure::Writes | Figure::Buffered
    );
    let digits = |it: f64| sig3(it).replace('-', "−");
    written(figure, it, if is_number { trimmed } else { digits })
}

/// `it` in the unit of `figure`, its digits by `digits`.
pub(crate) fn written(figure: Figure, it: f64, digits: fn(f64) -> String) -> String {
    if figure.is_share() { format!("{} %", digits(it * 100.0)) } else { digits(it) }
}

/// Three digits at most, without zeros at the end.
pub(crate) fn trimmed(number: f64) -> String {
    let text = sig3(number);
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(is: Option<f64>, from: Option<f64>, to: Option<f64>) -> Claimed {
        Claimed { is, from, to }
    }

    #[test]
    fn a_point_has_a_tolerance_a_count_none_and_a_range_includes_its_ends() {
        let point = claimed(Some(45.0), None, None);
        let holds = |figure| [40.5, 49.5, 40.4, 49.6].map(|found| point.holds(figure, found));
        assert_eq!(holds(Figure::Minutes), [true, true, false, false]);
        assert!(point.holds(Figure::Calls, 45.0) && !point.holds(Figure::Calls, 45.1));
        let range = claimed(None, Some(3.0), Some(5.0));
        let found = [2.999, 3.0, 5.0, 5.001];
        let holds = found.map(|found| range.holds(Figure::TimesFaster, found));
        assert_eq!(holds, [false, true, true, false]);
        assert!(claimed(None, Some(1.02), None).holds(Figure::TimesFaster, 1e9));
        assert!(claimed(Some(0.0), None, None).holds(Figure::Writes, 0.0));
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(measured(Figure::Calls, 10_000.0), "10,000");
        assert_eq!(measured(Figure::Calls, 45.0), "45");
        assert_eq!(measured(Figure::RefusedShare, 0.005), "0.50 %");
        assert_eq!(measured(Figure::TimeSaved, -0.021), "−2.10 %");
        assert_eq!(measured(Figure::Minutes, 2.057), "2.06");
        assert_eq!(measured(Figure::CallsSaved, -0.0), "0 %");
    }
}
