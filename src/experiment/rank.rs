//! The one ranking: which of several candidates is best under a goal.

use super::candidate::Candidate;
use super::cost::Goal;
use super::summary::Summary;
use neon_mock::api::Endpoint;
use neonbench_engine::engine::Settings;
use neonbench_engine::record::RunRecord;
use neonbench_engine::scenario::Scenario;
use std::cmp::Ordering;

/// A candidate, the work that it did and the figures of its runs: one entry of a ranking.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateRuns {
    /// The candidate.
    pub candidate: Candidate,
    /// Accounts.
    pub resources: u64,
    /// Mappings.
    pub mappings: u64,
    /// True if writes were left out.
    pub dry_run: bool,
    /// Calls in flight that the smaller pool of reads and writes admits; `None` without a pool.
    pub pool: Option<u32>,
    /// The runs.
    pub runs: Summary,
}

impl CandidateRuns {
    /// The runs of the candidate whose first run has `record`.
    pub fn of(record: &RunRecord, runs: Summary) -> Self {
        let limits = record.limits;
        Self {
            candidate: Candidate::of_record(record),
            resources: record.resources,
            mappings: record.mappings,
            dry_run: record.dry_run,
            pool: limits.get.pool.into_iter().chain(limits.patch.pool).min(),
            runs,
        }
    }

    /// The simulated runs of `settings` on `scenario`.
    pub fn simulated(scenario: &Scenario, settings: &Settings, runs: Summary) -> Self {
        let pool = |endpoint| scenario.profile.pool(endpoint);
        let pools = [pool(Endpoint::GetAccount), pool(Endpoint::PatchAccount)];
        Self {
            candidate: Candidate::of(settings),
            resources: scenario.expected_resources(),
            mappings: scenario.mappings() as u64,
            dry_run: settings.dry_run,
            pool: pools.into_iter().flatten().min(),
            runs,
        }
    }

    const fn work(&self) -> (u64, u64, bool) {
        (self.resources, self.mappings, self.dry_run)
    }

    /// The class that goes before any cost: valid runs first, then those without failed accounts, then
    /// those that keep the constraints. Giving accounts up is fast, and never better than migrating them.
    fn class(&self, goal: &Goal) -> [bool; 3] {
        let Self { candidate, pool, runs, .. } = self;
        [!runs.is_valid(), runs.failed() > 0, !goal.is_kept(candidate, *pool, runs)]
    }

    fn order(&self, other: &Self, goal: &Goal) -> Ordering {
        let cost_s = |one: &Self| one.runs.cost_s(goal.objective);
        let by_class = self.class(goal).cmp(&other.class(goal));
        by_class.then_with(|| cost_s(self).total_cmp(&cost_s(other)))
    }

    fn is_same_run(&self, other: &Self) -> bool {
        let canonical = |one: &Self| one.candidate.canonical(one.resources, one.mappings);
        canonical(self) == canonical(other)
    }
}

/// Candidates in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// Their places among those that were ranked, best first; equals are in the order given.
    pub order: Vec<usize>,
    /// The best, which come first in `order`: several if they tie; none if no candidate is valid,
    /// complete and within the constraints, or if they did not do the same work.
    pub best: Vec<usize>,
}

impl Ranking {
    /// The ranked `items`, which stand in the order that the ranking was made of; best first.
    pub fn sort<T>(&self, items: Vec<T>) -> Vec<T> {
        let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
        self.order.iter().filter_map(|place| items[*place].take()).collect()
    }
}

/// True if all did the same work: accounts, mappings and dry run. Otherwise nothing is best.
pub fn did_the_same(all: &[CandidateRuns]) -> bool {
    all.windows(2).all(|pair| pair[0].work() == pair[1].work())
}

/// Ranks `all` by their cost under `goal`: valid runs first, then those without failed accounts, then
/// those that keep the constraints, then the cheapest.
///
/// Candidates tie if they cost the same, or come down to the same run.
pub fn rank(goal: &Goal, all: &[CandidateRuns]) -> Ranking {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| all[*a].order(&all[*b], goal));
    let Some(first) = order.first().map(|place| &all[*place]) else {
        return Ranking { order, best: Vec::new() };
    };
    let is_eligible = first.class(goal) == [false; 3] && did_the_same(all);
    let is_best = |place: &&usize| {
        let one = &all[**place];
        one.order(first, goal).is_eq() || one.class(goal) == [false; 3] && one.is_same_run(first)
    };
    let best: Vec<usize> = order.iter().filter(|_| is_eligible).filter(is_best).copied().collect();
    order.sort_by_key(|place| !best.contains(place));
    Ranking { order, best }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Objective, RunFigures};
    use neonbench_engine::engine::Strategy;

    const RUN: RunFigures = RunFigures {
        edits: neonbench_engine::record::EditsOfRun { overwritten: 0, saved: 0, exposure_s: 0.0 },
        makespan_s: 1.0,
        calls: 100,
        refused: 0,
        failed: 0,
        record_calls: 100,
        writes: 50,
        peak_buffered: 1,
        is_valid: true,
    };

    fn entry(strategy: Strategy, run: RunFigures) -> CandidateRuns {
        CandidateRuns {
            candidate: Candidate::new(strategy, 5, 50),
            resources: 50,
            mappings: 2,
            dry_run: false,
            pool: Some(5),
            runs: std::iter::once(run).collect(),
        }
    }

    #[test]
    fn cost_under_the_goal_decides_behind_validity_failures_and_constraints() {
        let (goal, fastest) =
            (Goal::default(), Goal { objective: Objective::Fastest, constraints: Vec::new() });
        let polite = entry(Strategy::Hybrid, RunFigures { makespan_s: 12.0, refused: 5, ..RUN });
        let rude = entry(Strategy::Pipelined, RunFigures { makespan_s: 10.0, refused: 60, ..RUN });
        let all = [rude.clone(), polite.clone()];
        assert_eq!(rank(&goal, &all).best, [1]);
        assert_eq!(rank(&fastest, &all).best, [0]);
        let constraint = "rejected<10%".parse().unwrap();
        let gentle = Goal { constraints: vec![constraint], ..fastest.clone() };
        assert_eq!(rank(&gentle, &all).best, [1]);
        let failing = entry(Strategy::Standard, RunFigures { failed: 1, ..RUN });
        let invalid = entry(Strategy::Parallel, RunFigures { is_valid: false, ..RUN });
        let ranking = rank(&fastest, &[invalid.clone(), failing.clone(), rude, polite]);
        assert_eq!(ranking, Ranking { order: vec![2, 3, 1, 0], best: vec![2] });
        assert!(rank(&goal, &[invalid]).best.is_empty() && rank(&goal, &[failing]).best.is_empty());
        assert!(rank(&goal, &[]).best.is_empty());
    }

    #[test]
    fn equals_tie_and_other_work_is_not_compared() {
        let (a, b) = (entry(Strategy::PutBatch, RUN), entry(Strategy::Hybrid, RUN));
        assert_eq!(rank(&Goal::default(), &[a.clone(), b.clone()]).best, [0, 1]);
        let mut other = b;
        other.resources += 1;
        assert!(rank(&Goal::default(), &[a, other]).best.is_empty());
    }
}
