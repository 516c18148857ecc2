//! The one ranking: which of several candidates is best under a goal.

use super::candidate::Candidate;
use super::cost::Goal;
use super::simulate::RunFigures;
use super::summary::Summary;
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
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
        Self {
            candidate: Candidate::of(settings),
            resources: scenario.expected_resources(),
            mappings: scenario.mappings() as u64,
            dry_run: settings.dry_run,
            pool: Self::pool_of(&scenario.profile),
            runs,
        }
    }

    /// Calls in flight that the smaller pool of reads and writes admits; `None` without a pool.
    pub fn pool_of(profile: &Profile) -> Option<u32> {
        let pools = [Endpoint::GetAccount, Endpoint::PatchAccount].map(|it| profile.pool(it));
        pools.into_iter().flatten().min()
    }

    const fn work(&self) -> (u64, u64, bool) {
        (self.resources, self.mappings, self.dry_run)
    }

    /// The class that goes before any cost: valid runs first, then those of which no larger share of accounts
    /// fails than of `surest`, then those that keep the constraints. Giving accounts up is fast, and
    /// never better than migrating them.
    fn class(&self, goal: &Goal, surest: &Self) -> [bool; 3] {
        let Self { candidate, pool, runs, .. } = self;
        let fails_more = runs.fails_more_than(&surest.runs);
        [!runs.is_valid(), fails_more, !goal.is_kept(candidate, *pool, runs)]
    }

    fn failed_share(&self) -> f64 {
        self.runs.mean(RunFigures::failed_share)
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
    /// complete as far as its runs can tell, and within the constraints, or if they did not do the same work.
    pub best: Vec<usize>,
    /// The number of first ones in `order` that could be the best, were they cheaper.
    pub eligible: usize,
}

impl Ranking {
    /// The ranked `items`, which stand in the order that the ranking was made of; best first.
    pub fn sort<T>(&self, items: Vec<T>) -> Vec<T> {
        let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
        self.order.iter().filter_map(|place| items[*place].take()).collect()
    }
}

/// True if all did the same work: accounts, mappings and dry run, seed by seed, since a filter selects other
/// accounts under each. Otherwise nothing is best.
pub fn did_the_same(all: &[CandidateRuns]) -> bool {
    all.windows(2).all(|pair| {
        let [a, b] = [&pair[0], &pair[1]];
        let mut seeds = a.runs.runs().iter().zip(b.runs.runs());
        let is_same = |(a, b): (&RunFigures, &RunFigures)| {
            a.resources == b.resources || !a.is_valid || !b.is_valid
        };
        a.work() == b.work() && seeds.all(is_same)
    })
}

/// Ranks `all` by their cost under `goal`: valid runs first, then those of which the fewest accounts fail (as
/// far as the runs can tell), then those that keep the constraints, then the cheapest.
///
/// Candidates tie if they cost the same, or come down to the same run.
pub fn rank(goal: &Goal, all: &[CandidateRuns]) -> Ranking {
    let valid = all.iter().filter(|one| one.runs.is_valid());
    let surest = valid.min_by(|a, b| a.failed_share().total_cmp(&b.failed_share()));
    let Some(surest) = surest.or(all.first()) else {
        return Ranking { order: Vec::new(), best: Vec::new(), eligible: 0 };
    };
    let keys: Vec<([bool; 3], f64)> =
        all.iter().map(|one| (one.class(goal, surest), one.runs.cost_s(goal.objective))).collect();
    let compare = |a: usize, b: usize| -> Ordering {
        keys[a].0.cmp(&keys[b].0).then_with(|| keys[a].1.total_cmp(&keys[b].1))
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| compare(*a, *b));
    let first = order[0];
    let is_eligible = |place: usize| keys[place].0 == [false; 3];
    let is_best = |place: &&usize| {
        compare(**place, first).is_eq()
            || is_eligible(**place) && all[**place].is_same_run(&all[first])
    };
    let is_any = is_eligible(first) && !all[first].runs.fails() && did_the_same(all);
    let best: Vec<usize> = order.iter().filter(|_| is_any).filter(is_best).copied().collect();
    order.sort_by_key(|place| !best.contains(place));
    let eligible = order.iter().filter(|place| is_eligible(**place)).count();
    Ranking { order, best, eligible }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Objective;
    use neonbench_engine::engine::Strategy;

    const RUN: RunFigures =
        RunFigures { makespan_s: 1.0, calls: 100, resources: 50, ..RunFigures::NONE };

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
        let (goal, fastest) = (
            Goal::default(),
            Goal { objective: Objective::Fastest, constraints: Vec::new(), echo: None },
        );
        let polite = entry(Strategy::Hybrid, RunFigures { makespan_s: 12.0, refused: 5, ..RUN });
        let rude = entry(Strategy::Pipelined, RunFigures { makespan_s: 10.0, refused: 60, ..RUN });
        let all = [rude.clone(), polite.clone()];
        assert_eq!(rank(&goal, &all).best, [1]);
        assert_eq!(rank(&fastest, &all).best, [0]);
        let constraint = "rejected<10%".parse().unwrap();
        let gentle = Goal { constraints: vec![constraint], ..fastest.clone() };
        assert_eq!(rank(&gentle, &all).best, [1]);
        let failing = entry(Strategy::Standard, RunFigures { failed: 5, ..RUN });
        let invalid = entry(Strategy::Parallel, RunFigures { is_valid: false, ..RUN });
        let ranking = rank(&fastest, &[invalid.clone(), failing.clone(), rude, polite]);
        assert_eq!(ranking, Ranking { order: vec![2, 3, 1, 0], best: vec![2], eligible: 2 });
        assert!(rank(&goal, &[invalid]).best.is_empty());
        // Where every candidate fails accounts, the one that fails fewest comes first, and none is best.
        let worse = entry(Strategy::Hybrid, RunFigures { failed: 40, makespan_s: 0.1, ..RUN });
        let ranking = rank(&fastest, &[worse, failing]);
        assert_eq!((ranking.order, ranking.best), (vec![1, 0], Vec::new()));
        assert!(rank(&goal, &[]).best.is_empty());
    }

    #[test]
    fn equals_tie_and_other_work_is_not_compared() {
        let (a, b) = (entry(Strategy::PutBatch, RUN), entry(Strategy::Hybrid, RUN));
        assert_eq!(rank(&Goal::default(), &[a.clone(), b.clone()]).best, [0, 1]);
        let mut other = b.clone();
        other.resources += 1;
        assert!(rank(&Goal::default(), &[a, other]).best.is_empty());
        // A filter selects more accounts under one seed than under another.
        let seeds = |one: &CandidateRuns, resources: [u64; 2]| {
            let runs = resources.map(|resources| RunFigures { resources, is_valid: true, ..RUN });
            CandidateRuns { runs: runs.into_iter().collect(), ..one.clone() }
        };
        let first = entry(Strategy::PutBatch, RUN);
        assert!(did_the_same(&[seeds(&first, [50, 53]), seeds(&b, [50, 53])]));
        assert!(!did_the_same(&[seeds(&first, [50, 53]), seeds(&b, [50, 54])]));
    }
}
