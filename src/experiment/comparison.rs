//! Comparison of two runs by the makespans of their replicates.

use crate::stats::{bootstrap, mean};
use neonbench_engine::record::RunRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Replicates of either run below which nothing can be said.
pub const MIN_REPLICATES: usize = 5;

/// Width of the ratio's interval from which the runs are too noisy to tell.
const TOO_WIDE: f64 = 0.2;

/// The verdict of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeltaVerdict {
    /// The interval lies below 1.
    Faster,
    /// The interval lies above 1.
    Slower,
    /// The interval is narrow and holds 1.
    NoEvidence,
    /// The interval is wide and holds 1, or there are too few replicates.
    TooNoisy,
}

impl DeltaVerdict {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::NoEvidence => "no evidence of a difference",
            Self::TooNoisy => "too noisy to tell",
        }
    }
}

/// A run's makespan over a baseline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// The verdict.
    pub verdict: DeltaVerdict,
    /// Mean makespan ÷ mean makespan of the baseline.
    pub ratio: f64,
    /// Its 95 % interval; `None` with too few replicates.
    pub ratio_interval: Option<[f64; 2]>,
    /// Replicates of the baseline and of the run.
    pub replicates: [usize; 2],
    /// Share of the calls refused, less that of the baseline.
    pub refused_change: f64,
    /// Calls, less those of the baseline.
    pub calls_change: i64,
    /// Why the two are not to be compared, where they did not do the same work, or one is invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomparable: Option<String>,
}

/// `run` against `baseline`, each with the makespans of its replicates in seconds; without any, its own
/// counts as the one. The same two give the same figures.
pub fn delta(baseline: (&RunRecord, &[f64]), run: (&RunRecord, &[f64])) -> Delta {
    let own = [baseline.0.makespan_s, run.0.makespan_s];
    let base = if baseline.1.is_empty() { &own[..1] } else { baseline.1 };
    let new = if run.1.is_empty() { &own[1..] } else { run.1 };
    let (baseline, run) = (baseline.0, run.0);
    let over = |[base, new]: [f64; 2]| new / base.max(f64::MIN_POSITIVE);
    let ratio = over([mean(base.iter().copied()), mean(new.iter().copied())]);
    let are_enough = base.len().min(new.len()) >= MIN_REPLICATES;
    let ratio_interval = are_enough.then(|| bootstrap([base, new], 0.95, over));
    let verdict = match ratio_interval {
        None => DeltaVerdict::TooNoisy,
        Some([_, high]) if high < 1.0 => DeltaVerdict::Faster,
        Some([low, _]) if low > 1.0 => DeltaVerdict::Slower,
        Some([low, high]) if high - low > TOO_WIDE => DeltaVerdict::TooNoisy,
        Some(_) => DeltaVerdict::NoEvidence,
    };
    Delta {
        verdict,
        ratio,
        ratio_interval,
        replicates: [base.len(), new.len()],
        refused_change: run.calls.refused_share() - baseline.calls.refused_share(),
        calls_change: run.calls.total.cast_signed() - baseline.calls.total.cast_signed(),
        incomparable: incomparable(baseline, run),
    }
}

fn incomparable(a: &RunRecord, b: &RunRecord) -> Option<String> {
    let work = |run: &RunRecord| (run.resources, run.mappings, run.dry_run, run.dataset.clone());
    if !a.audit.valid || !b.audit.valid {
        return Some("a run that fails its audit yields no number".to_owned());
    }
    if a.records.failed + b.records.failed > 0 || a.stopped || b.stopped {
        return Some("a run that left accounts unmigrated is not faster for it".to_owned());
    }
    if work(a) != work(b) {
        return Some("they did not do the same work".to_owned());
    }
    (a.world != b.world).then(|| "one was made in virtual time, the other over http".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::engine::{Settings, Strategy};
    use neonbench_engine::event::Event;
    use neonbench_engine::run::{RunSpec, World};
    use neonbench_engine::scenario::{Scenario, Workload};

    fn record() -> RunRecord {
        let scenario =
            Scenario::new(Workload { resources: Some(3), ..Workload::default() }).unwrap();
        let order = RunSpec::new(&scenario, Settings::new(Strategy::Hybrid));
        order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record
    }

    fn verdict(base: &[f64], new: &[f64]) -> Delta {
        let record = &record();
        delta((record, base), (record, new))
    }

    /// `count` makespans about `middle`, within `spread` of it.
    fn about(middle: f64, spread: f64, count: u32) -> Vec<f64> {
        let step = |index: u32| f64::from(index * 7 % count) / f64::from(count) * 2.0 - 1.0;
        (0..count).map(|index| middle * (1.0 + spread * step(index))).collect()
    }

    #[test]
    fn verdicts_follow_the_interval() {
        let base = about(100.0, 0.05, 20);
        for (new, expected) in [
            (about(80.0, 0.05, 20), DeltaVerdict::Faster),
            (about(120.0, 0.05, 20), DeltaVerdict::Slower),
            (about(100.5, 0.05, 20), DeltaVerdict::NoEvidence),
            (about(100.0, 0.9, 20), DeltaVerdict::TooNoisy),
            (about(80.0, 0.05, 4), DeltaVerdict::TooNoisy),
            (Vec::new(), DeltaVerdict::TooNoisy),
        ] {
            let delta = verdict(&base, &new);
            assert_eq!(delta.verdict, expected, "{delta:?}");
            assert_eq!(delta, verdict(&base, &new), "the same two give the same figures");
        }
        let twice = verdict(&base, &about(200.0, 0.05, 20));
        let [low, high] = twice.ratio_interval.unwrap();
        assert!((low..high).contains(&2.0) && (twice.ratio - 2.0).abs() < 0.02, "{twice:?}");
    }

    #[test]
    fn a_run_is_not_slower_than_itself_and_other_work_is_not_compared() {
        let base = about(100.0, 0.05, 20);
        assert_eq!(verdict(&base, &base).verdict, DeltaVerdict::NoEvidence);
        let (whole, mut part) = (record(), record());
        part.resources = 2;
        assert!(delta((&whole, &base), (&part, &base)).incomparable.is_some());
        assert_eq!(delta((&whole, &base), (&whole, &base)).incomparable, None);
    }
}
