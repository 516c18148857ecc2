//! Comparison of runs by their replicates: two runs by their makespans, candidates by their costs.
//!
//! Runs under the same seeds meet the same chances, so they are compared seed by seed; others as
//! independent samples.

use super::cost::Goal;
use super::rank::{CandidateRuns, Ranking};
use super::simulate::RunFigures;
use super::summary::Summary;
use crate::stats::{mean, mean_interval, permutation_intervals};
use neonbench_engine::record::RunRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Replicates of either run below which nothing can be said.
pub const MIN_REPLICATES: usize = 5;

/// Width of the ratio's interval from which the runs are too noisy to tell.
const TOO_WIDE: f64 = 0.2;

/// The shortest makespan that has a logarithm: the clock's step, in seconds.
const SHORTEST_S: f64 = 1e-9;

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
    /// Geometric mean of the makespans ÷ that of the baseline.
    pub ratio: f64,
    /// Its 95 % interval; `None` with too few replicates.
    pub ratio_interval: Option<[f64; 2]>,
    /// Its 90 % interval, which leaves out 5 % on either side: a gate asks about one of them.
    #[serde(default)]
    pub ratio_interval_90: Option<[f64; 2]>,
    /// True if both were made under the same seeds, and are compared seed by seed.
    #[serde(default)]
    pub paired: bool,
    /// Replicates of the baseline and of the run.
    pub replicates: [usize; 2],
    /// Share of the calls refused over all replicates, less that of the baseline.
    pub refused_change: f64,
    /// Mean calls of the replicates, less those of the baseline, rounded.
    pub calls_change: i64,
    /// Why the two are not to be compared, where they did not do the same work, or one is invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomparable: Option<String>,
}

impl Delta {
    /// True if the run is less than `max_slower` (0.05: 5 %) slower than the baseline, false if it is slower
    /// by more; `None` if nobody can tell. Either answer is wrong in at most 5 % of the cases.
    pub fn is_within(&self, max_slower: f64) -> Option<bool> {
        let bound = 1.0 + max_slower;
        let [low, high] = self.ratio_interval_90.filter(|_| self.incomparable.is_none())?;
        if high < bound { Some(true) } else { (low > bound).then_some(false) }
    }
}

/// Intervals of the mean of `new` less that of `base`, whose values stand for the same seeds in the same
/// order where they are `paired`; `None` with too few of either.
fn difference<const N: usize>(
    base: &[f64],
    new: &[f64],
    paired: bool,
    coverages: [f64; N],
) -> Option<[[f64; 2]; N]> {
    let are_enough = base.len().min(new.len()) >= MIN_REPLICATES;
    are_enough.then(|| {
        if paired {
            let differences: Vec<f64> =
                base.iter().zip(new).map(|(base, new)| new - base).collect();
            coverages.map(|coverage| mean_interval(&differences, coverage))
        } else {
            permutation_intervals([base, new], coverages)
        }
    })
}

/// `run` against `baseline`, each with its replicates, of its own seed and those that follow, itself the
/// first; without any, it counts as the one. The same two give the same figures.
pub fn delta(baseline: (&RunRecord, &[RunFigures]), run: (&RunRecord, &[RunFigures])) -> Delta {
    let figures = |(record, replicates): (&RunRecord, &[RunFigures])| -> Vec<RunFigures> {
        if replicates.is_empty() { vec![record.into()] } else { replicates.to_vec() }
    };
    let [base, new] = [figures(baseline), figures(run)];
    let (baseline, run) = (baseline.0, run.0);
    let paired = baseline.seed == run.seed && base.len() == new.len();
    let logs = |runs: &[RunFigures]| -> Vec<f64> {
        runs.iter().map(|run| run.makespan_s.max(SHORTEST_S).ln()).collect()
    };
    let [base_ln, new_ln] = [logs(&base), logs(&new)];
    let ratio = (mean(new_ln.iter().copied()) - mean(base_ln.iter().copied())).exp();
    let [ratio_interval, ratio_interval_90] =
        match difference(&base_ln, &new_ln, paired, [0.95, 0.9]) {
            Some(intervals) => intervals.map(|ends| Some(ends.map(f64::exp))),
            None => [None, None],
        };
    let verdict = match ratio_interval {
        None => DeltaVerdict::TooNoisy,
        Some([_, high]) if high < 1.0 => DeltaVerdict::Faster,
        Some([low, _]) if low > 1.0 => DeltaVerdict::Slower,
        Some([low, high]) if high - low > TOO_WIDE => DeltaVerdict::TooNoisy,
        Some(_) => DeltaVerdict::NoEvidence,
    };
    let replicates = [base.len(), new.len()];
    let [base, new]: [Summary; 2] = [base.into_iter().collect(), new.into_iter().collect()];
    let calls = |runs: &Summary| runs.mean(|run| run.calls as f64);
    let has_failed = base.failed() + new.failed() > 0;
    Delta {
        verdict,
        ratio,
        ratio_interval,
        ratio_interval_90,
        paired,
        replicates,
        refused_change: new.refused_share() - base.refused_share(),
        calls_change: (calls(&new) - calls(&base)).round() as i64,
        incomparable: incomparable(baseline, run, has_failed),
    }
}

/// Places of the candidates that nobody can tell apart from the first of `ranking` by their mean cost,
/// best first: the interval of the difference holds 0. Those that tie for the best are not among them.
/// `paired` says that all were made under the same seeds. `None` if the runs are too few to tell.
///
/// All are held against the one that came out first, so that each interval leaves out its part of 5 %.
pub fn not_told_apart(
    goal: &Goal,
    all: &[CandidateRuns],
    ranking: &Ranking,
    paired: bool,
) -> Option<Vec<usize>> {
    let Some(&first) = ranking.best.first() else { return Some(Vec::new()) };
    let rivals = ranking.order.iter().take(ranking.eligible);
    let rivals: Vec<usize> = rivals.filter(|it| !ranking.best.contains(it)).copied().collect();
    let costs_s = |place: usize| -> Vec<f64> {
        all[place].runs.runs().iter().map(|run| goal.objective.of(run)).collect()
    };
    let (best_s, coverage) = (costs_s(first), 1.0 - 0.05 / rivals.len().max(1) as f64);
    let mut close = Vec::new();
    for rival in rivals {
        let theirs = costs_s(rival);
        let paired = paired && best_s.len() == theirs.len();
        let [[low, high]] = difference(&best_s, &theirs, paired, [coverage])?;
        if low <= 0.0 && high >= 0.0 {
            close.push(rival);
        }
    }
    Some(close)
}

fn incomparable(a: &RunRecord, b: &RunRecord, has_failed: bool) -> Option<String> {
    let work = |run: &RunRecord| (run.resources, run.mappings, run.dry_run, run.dataset.clone());
    if !a.audit.valid || !b.audit.valid {
        return Some("a run that fails its audit yields no number".to_owned());
    }
    if has_failed || a.stopped || b.stopped {
        return Some("a run that left accounts unmigrated is not faster for it".to_owned());
    }
    if a.processes_lost + b.processes_lost > 0 {
        return Some(
            "a process of a run was killed, so that its time and calls are unknown".to_owned(),
        );
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

    fn figures(makespans_s: &[f64]) -> Vec<RunFigures> {
        let of = |&makespan_s| RunFigures { makespan_s, is_valid: true, ..RunFigures::default() };
        makespans_s.iter().map(of).collect()
    }

    /// Runs of different seeds.
    fn verdict(base: &[f64], new: &[f64]) -> Delta {
        let record = record();
        let other = RunRecord { seed: record.seed + 100, ..record.clone() };
        delta((&record, &figures(base)), (&other, &figures(new)))
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
    fn the_same_seeds_are_compared_seed_by_seed() {
        let (record, base) = (record(), about(100.0, 0.5, 20));
        let slower: Vec<f64> = base.iter().map(|makespan_s| makespan_s * 1.05).collect();
        let paired = delta((&record, &figures(&base)), (&record, &figures(&slower)));
        assert!(paired.paired && paired.verdict == DeltaVerdict::Slower, "{paired:?}");
        let [low, high] = paired.ratio_interval.unwrap();
        assert!((low - 1.05).abs() < 1e-9 && (high - 1.05).abs() < 1e-9, "{paired:?}");
        assert_eq!(verdict(&base, &slower).verdict, DeltaVerdict::TooNoisy);
        // Some of the seeds are not all of them.
        let part = delta((&record, &figures(&base)), (&record, &figures(&slower[..19])));
        assert!(!part.paired, "{part:?}");
        let own = delta((&record, &[]), (&record, &[]));
        assert_eq!((own.ratio, own.ratio_interval, own.replicates), (1.0, None, [1, 1]));
    }

    #[test]
    fn changes_of_calls_and_failures_are_those_of_all_replicates() {
        let record = record();
        let with = |refused: [u64; 5]| -> Vec<RunFigures> {
            let all = figures(&[1.0; 5]).into_iter().zip(refused);
            all.map(|(run, refused)| RunFigures { calls: 100 + refused, refused, ..run }).collect()
        };
        let (base, mut new) = (with([0, 0, 0, 0, 0]), with([0, 40, 40, 40, 40]));
        let found = delta((&record, &base), (&record, &new));
        assert_eq!(found.calls_change, 32);
        assert!((found.refused_change - 160.0 / 660.0).abs() < 1e-12, "{found:?}");
        assert_eq!(found.incomparable, None);
        new[4].failed = 1;
        assert!(delta((&record, &base), (&record, &new)).incomparable.is_some());
    }

    #[test]
    fn a_run_is_not_slower_than_itself_and_other_work_is_not_compared() {
        let base = about(100.0, 0.05, 20);
        assert_eq!(verdict(&base, &base).verdict, DeltaVerdict::NoEvidence);
        let (whole, mut part) = (record(), record());
        part.resources = 2;
        let base = figures(&base);
        let same = delta((&whole, &base), (&whole, &base));
        assert_eq!((same.verdict, same.incomparable), (DeltaVerdict::NoEvidence, None));
        assert!(delta((&whole, &base), (&part, &base)).incomparable.is_some());
    }

    #[test]
    fn the_best_is_told_apart_from_a_rival_only_beyond_their_scatter() {
        let of = |makespans_s: &[f64]| {
            CandidateRuns::of(&record(), figures(makespans_s).into_iter().collect())
        };
        let base = about(100.0, 0.05, 20);
        // One percent slower on each seed; as fast but for scatter of its own; far slower.
        let dearer: Vec<f64> = base.iter().map(|it| it * 1.01).collect();
        let mut close = about(100.4, 0.05, 20);
        close.reverse();
        let mut all = [of(&close), of(&about(150.0, 0.05, 20)), of(&base), of(&dearer)];
        let workers = [2, 3, 4, 5];
        for (entry, workers) in all.iter_mut().zip(workers) {
            (entry.candidate.workers, entry.resources) = (workers, 1_000);
        }
        let goal = Goal::default();
        let close = |all: &[CandidateRuns], paired| {
            not_told_apart(&goal, all, &super::super::rank::rank(&goal, all), paired)
        };
        assert_eq!(close(&all, true), Some(vec![0]));
        assert_eq!(close(&all, false), Some(vec![0, 3]), "other seeds tell less");
        for entry in &mut all {
            entry.runs = entry.runs.runs()[..4].iter().copied().collect();
        }
        assert_eq!(close(&all, true), None);
        assert_eq!(close(&[], true), Some(Vec::new()));
    }
}
