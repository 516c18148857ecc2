//! Rehearsals: candidates simulated on a target as far as it is known, and the best of them.
//!
//! Successive halving: every candidate is run under a few seeds, those that are plainly dearer than the
//! best are given up, and the rest is run under more. A long plan is rehearsed by two parts of it.
//! Every run of a candidate under a seed is made once. Deliberately absent: a model of costs; whatever a
//! profile can say, a simulation knows.

use super::target::KnownTarget;
use crate::experiment::{
    Candidate, CandidateRuns, CanonicalRun, CostLimit, Goal, Portfolio, RunFigures, SimulatedRun,
    Summary, not_told_apart, rank, simulate,
};
use crate::stats::{mean, pareto_front, quantile, sorted};
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use neonbench_engine::engine::{Guard, Settings, Strategy};
use neonbench_engine::record::EditsOfRun;
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// Accounts beyond which a rehearsal is of a part of the plan, and of a larger part: what the larger
/// takes beyond the smaller goes on for the rest of the plan. So what a run takes once, such as
/// the refusals that find a limit, is counted once.
const MOST_ACCOUNTS: u64 = 400;
const LARGER: u64 = 3 * MOST_ACCOUNTS;

/// Accounts up to which a plan is rehearsed as a whole where faults come at a time or at an account.
const MOST_AT_ONCE: u64 = 5_000;

/// A round of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// Runs of each candidate, as a share of those of the last round.
    pub(super) runs: f64,
    /// Cost as a multiple of the least up to which a candidate goes on.
    pub(super) at_most: f64,
    /// True if it is by the first accounts of a long plan alone, scaled up.
    pub(super) is_rough: bool,
    /// True if candidates next to the leaders join after it.
    pub(super) refines: bool,
}

/// A search by successive halving.
///
/// Source: Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits", ICML 2013.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    pub(super) rounds: &'static [Round],
    /// Calls of the runs of a candidate in the last round, and those runs at least and at most.
    pub(super) calls: u64,
    pub(super) runs: (u64, u64),
    /// Multiple of the least cost under a seed after which a run is ended, being hopeless.
    pub(super) hopeless: f64,
}

/// The candidates of a search, and the choices that it is for.
#[derive(Clone, Debug)]
pub(super) struct CandidateSet {
    /// The candidates that it begins with; ties go to the first.
    pub(super) candidates: Vec<Candidate>,
    /// Candidates of which those next to the leaders join in a round that refines.
    pub(super) joining: Vec<Candidate>,
    /// The portfolios whose best is searched.
    pub(super) portfolios: &'static [Portfolio],
}

/// A round of so many runs, as a share of the last round's, after which a candidate goes on that costs at most so many times the least.
pub(super) const fn round(runs: f64, at_most: f64) -> Round {
    Round { runs, at_most, is_rough: false, refines: false }
}

/// The search of a choice: a coarse grid, then what is next to the leaders.
pub(super) const CHOICE: Search = Search {
    rounds: &[
        Round { is_rough: true, ..round(0.025, 2.0) },
        Round { refines: true, ..round(0.12, 1.3) },
        round(0.12, 1.25),
        round(0.35, 1.1),
        round(1.0, 1.0),
    ],
    calls: 8_000,
    runs: (8, 200),
    hopeless: 3.0,
};

/// The search of the best of a whole grid.
pub(super) const THOROUGH: Search = Search {
    rounds: &[
        Round { is_rough: true, ..round(0.025, 2.0) },
        round(0.1, 1.4),
        round(0.3, 1.15),
        round(1.0, 1.0),
    ],
    calls: 8_000,
    runs: (8, 100),
    hopeless: 3.0,
};

/// Candidates of each portfolio that go on at least.
const FEWEST: usize = 4;

/// Leaders whose neighbours join.
const LEADERS: usize = 3;

/// Candidates that cannot be told from the best cost this much more at most.
const CLOSE: f64 = 1.02;

/// A plan on the target of one seed.
#[derive(Clone, Debug)]
struct Stage {
    plan: Scenario,
    /// A larger part, where `plan` is a part of the whole.
    larger: Option<Scenario>,
}

/// Rehearsals of a plan on a target.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    scenario: &'a Scenario,
    target: KnownTarget,
    /// Settings that no candidate says.
    settings: Settings,
    pub(super) goal: &'a Goal,
    is_whole: bool,
    /// Calls in flight that the smaller pool of reads and writes admits, as far as the target is known.
    pool: Option<u32>,
    /// By seed; of a target whose profile is known, all are that of seed 0.
    stages: BTreeMap<u64, Stage>,
    /// By candidate and seed, and whether the run is rough.
    runs: BTreeMap<(CanonicalRun, u64, bool), SimulatedRun>,
    /// The least cost of any run under a seed, rough or not.
    least: BTreeMap<(u64, bool), f64>,
    /// Calls that were simulated.
    pub calls: u64,
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct BestFound {
    /// Mean cost of each candidate in its last round, in seconds.
    pub costs_s: Vec<f64>,
    /// The best of each portfolio and its mean cost in seconds; `None` where none is allowed.
    pub best: [Option<(Candidate, f64)>; Portfolio::ALL.len()],
    /// Distinct candidates that were simulated.
    pub tried: usize,
}

impl<'a> Rehearsal<'a> {
    /// Rehearsals of the plan of `scenario` on `target`, of parts of it where it is long.
    pub fn new(scenario: &'a Scenario, target: KnownTarget, goal: &'a Goal) -> Self {
        let is_at_once = |profile: &Profile| {
            let faults = profile.faults().iter();
            faults.into_iter().any(|fault| {
                fault.from > Timestamp::ZERO || fault.until.is_some() || fault.accounts.is_some()
            })
        };
        let resources = scenario.expected_resources();
        let is_whole =
            resources <= MOST_ACCOUNTS || resources <= MOST_AT_ONCE && is_at_once(&target.point());
        Self::with_parts(scenario, target, goal, is_whole)
    }

    /// Runs of the whole plan, however long it is.
    pub fn whole(scenario: &'a Scenario, goal: &'a Goal) -> Self {
        Self::with_parts(scenario, KnownTarget::of(&scenario.profile), goal, true)
    }

    fn with_parts(
        scenario: &'a Scenario,
        target: KnownTarget,
        goal: &'a Goal,
        is_whole: bool,
    ) -> Self {
        let (stages, runs, least) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let pool = CandidateRuns::pool_of(&target.point());
        let settings = Settings::new(Strategy::Standard);
        Self { scenario, target, settings, goal, is_whole, pool, stages, runs, least, calls: 0 }
    }

    /// The same with `settings` of what no candidate says.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    fn canonical(&self, candidate: &Candidate) -> CanonicalRun {
        candidate.canonical(self.scenario.expected_resources(), self.scenario.mappings() as u64)
    }

    /// Entry of a ranking: `candidate` with its runs under `seeds`.
    ///
    /// Errors: a run could not be made.
    pub fn entry(
        &mut self,
        candidate: &Candidate,
        seeds: Range<u64>,
    ) -> Result<CandidateRuns, RunError> {
        let runs = self.runs(candidate, seeds, None, false)?;
        Ok(self.entry_of(candidate, runs))
    }

    fn entry_of(&self, candidate: &Candidate, runs: Summary) -> CandidateRuns {
        CandidateRuns {
            candidate: *candidate,
            resources: self.scenario.expected_resources(),
            mappings: self.scenario.mappings() as u64,
            dry_run: false,
            pool: self.pool,
            runs,
        }
    }

    /// The mean cost of `candidate` under `seeds`; infinite if a run fails its audit or a constraint is
    /// broken.
    ///
    /// Errors: a run could not be made.
    pub fn cost(&mut self, candidate: &Candidate, seeds: Range<u64>) -> Result<f64, RunError> {
        let runs = self.runs(candidate, seeds, None, false)?;
        Ok(self.goal.cost(candidate, self.pool, &runs))
    }

    /// The runs of `candidate` under `seeds`, up to the first that takes `hopeless` times the least cost
    /// under its seed.
    fn runs(
        &mut self,
        candidate: &Candidate,
        seeds: Range<u64>,
        hopeless: Option<f64>,
        is_rough: bool,
    ) -> Result<Summary, RunError> {
        let mut runs = Vec::new();
        for seed in seeds {
            let SimulatedRun { mut figures, is_hopeless, .. } =
                self.run(candidate, seed, hopeless, is_rough)?;
            // A hopeless run is no invalid one: it is known to be dear, and that is all.
            figures.is_valid |= is_hopeless;
            runs.push(figures);
            if is_hopeless {
                break;
            }
        }
        Ok(runs.into_iter().collect())
    }

    fn run(
        &mut self,
        candidate: &Candidate,
        seed: u64,
        hopeless: Option<f64>,
        is_rough: bool,
    ) -> Result<SimulatedRun, RunError> {
        let is_rough = is_rough && !self.is_whole;
        let key = (self.canonical(candidate), seed, is_rough);
        // A run that was ended says only that it takes longer than was asked then.
        if let Some(run) = self.runs.get(&key).filter(|run| !run.is_hopeless || hopeless.is_some())
        {
            return Ok(*run);
        }
        let hopeless_s =
            hopeless.and_then(|times| Some(times * self.least.get(&(seed, is_rough))?));
        let run = self.simulated(candidate, seed, hopeless_s, is_rough)?;
        if run.figures.is_valid {
            let cost = self.goal.objective.of(&run.figures);
            let least = self.least.entry((seed, is_rough)).or_insert(cost);
            *least = least.min(cost);
        }
        self.runs.insert(key, run);
        Ok(run)
    }

    /// The run of the whole plan, from its parts where it is rehearsed in parts.
    fn simulated(
        &mut self,
        candidate: &Candidate,
        seed: u64,
        hopeless_s: Option<f64>,
        is_rough: bool,
    ) -> Result<SimulatedRun, RunError> {
        let resources = self.scenario.expected_resources() as f64;
        let settings = Settings { seed, ..candidate.with(&self.settings, self.goal) };
        let objective = self.goal.objective;
        let calls_per_account = 2 * self.scenario.mappings() as u64;
        let stage = self.stage(seed);
        let share = stage.plan.expected_resources() as f64 / resources.max(1.0);
        let larger_share = LARGER as f64 / resources.max(1.0);
        let limit = |plan: &Scenario, share: f64| {
            let calls = plan.expected_resources() * calls_per_account + 1;
            hopeless_s.map(|s| CostLimit { cost_s: s * share, objective, calls })
        };
        // What a run takes once counts for more in a part.
        let slack = if stage.larger.is_some() { 1.5 } else { 1.0 };
        let part = simulate(&stage.plan, &settings, limit(&stage.plan, share * slack))?;
        let mut calls = part.figures.calls;
        let scaled = |run: SimulatedRun, share: f64| {
            let makespan_s = run.figures.makespan_s / share;
            SimulatedRun { figures: RunFigures { makespan_s, ..run.figures }, ..run }
        };
        let whole = match &stage.larger {
            None => part,
            Some(_) if part.is_hopeless || is_rough => scaled(part, share),
            Some(larger) => {
                let more = simulate(larger, &settings, limit(larger, larger_share * slack))?;
                calls += more.figures.calls;
                if more.is_hopeless {
                    scaled(more, larger_share)
                } else {
                    let figures = extrapolated(&part.figures, &more.figures, resources);
                    SimulatedRun { figures, ..more }
                }
            }
        };
        self.calls += calls;
        Ok(whole)
    }

    fn stage(&mut self, seed: u64) -> &Stage {
        let key = if self.target.is_uncertain() { seed } else { 0 };
        let Self { scenario, target, is_whole, .. } = self;
        self.stages.entry(key).or_insert_with(|| {
            let profile = target.profile(seed);
            let part = |most: u64| {
                let mut part = scenario.part(most);
                part.profile = profile.clone().into_owned();
                part
            };
            match is_whole {
                true => Stage { plan: part(u64::MAX), larger: None },
                false => Stage { plan: part(MOST_ACCOUNTS), larger: Some(part(LARGER)) },
            }
        })
    }

    /// The mean cost of `candidate` under `seeds`, in seconds. Of one that is hopeless under a seed, the mean of
    /// the least costs as many times over as under that seed: the others' runs are not made.
    fn cost_in(
        &mut self,
        candidate: &Candidate,
        seeds: &Range<u64>,
        hopeless: f64,
        is_rough: bool,
    ) -> Result<f64, RunError> {
        let runs = self.runs(candidate, seeds.clone(), Some(hopeless), is_rough)?;
        let cost_s = self.goal.cost(candidate, self.pool, &runs);
        let made = runs.count() as u64;
        if made == seeds.end - seeds.start || made == 0 {
            return Ok(cost_s);
        }
        let is_rough = is_rough && !self.is_whole;
        let least_s = |seed| self.least.get(&(seed, is_rough)).copied();
        let dear_s = runs.runs().last().map_or(0.0, |run| self.goal.objective.of(run));
        let times = dear_s / least_s(seeds.start + made - 1).unwrap_or(dear_s);
        Ok(times * mean(seeds.clone().filter_map(least_s)))
    }

    /// Runs in the last round of `search`.
    fn last_runs(&self, search: &Search) -> u64 {
        let resources = self.scenario.expected_resources();
        let accounts = if self.is_whole { resources } else { MOST_ACCOUNTS + LARGER };
        (search.calls / (2 * accounts + 1)).clamp(search.runs.0, search.runs.1)
    }

    /// Searches the best of `set` over the first of `seeds`.
    ///
    /// Errors: a run could not be made.
    pub(super) fn search(
        &mut self,
        set: &CandidateSet,
        search: &Search,
        seeds: &Range<u64>,
    ) -> Result<BestFound, RunError> {
        let CandidateSet { candidates, joining, portfolios } = set;
        let mut known: BTreeMap<CanonicalRun, f64> = BTreeMap::new();
        let mut racing: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            self.join(*candidate, &mut racing, &mut known);
        }
        // A good one first makes bad ones hopeless soon.
        racing.sort_by_key(|one| Portfolio::Guide.holds(one));
        let last = self.last_runs(search);
        let has_colleagues = self.target.point().staff().is_some();
        let mut over = seeds.start..seeds.start;
        for round in search.rounds {
            over.end = seeds.start + ((last as f64 * round.runs).round() as u64).clamp(1, last);
            for candidate in &racing {
                let cost_s = self.cost_in(candidate, &over, search.hopeless, round.is_rough)?;
                known.insert(self.canonical(candidate), cost_s);
            }
            let cost_s = |one: &Candidate| known[&self.canonical(one)];
            racing = survivors(&racing, portfolios, cost_s, round.at_most);
            if round.refines {
                let leaders: Vec<Candidate> = racing.iter().take(LEADERS).copied().collect();
                let near = joining.iter().filter(|one| leaders.iter().any(|of| of.is_near(one)));
                let guarded = leaders.iter().map(|of| guarded(*of)).filter(|_| has_colleagues);
                for candidate in near.copied().chain(guarded) {
                    self.join(candidate, &mut racing, &mut known);
                }
            }
        }
        let mut best = [None; Portfolio::ALL.len()];
        for portfolio in *portfolios {
            let held: Vec<Candidate> =
                racing.iter().filter(|one| portfolio.holds(one)).copied().collect();
            best[*portfolio as usize] = self.safest(&held, &over)?;
        }
        let cost_s = |one: &Candidate| known.get(&self.canonical(one)).copied();
        let all = candidates.iter().map(|one| cost_s(one).unwrap_or(f64::INFINITY)).collect();
        Ok(BestFound { costs_s: all, best, tried: known.len() })
    }

    /// Lets `candidate` race, unless the same run does or did, or a constraint forbids it.
    fn join(
        &self,
        candidate: Candidate,
        racing: &mut Vec<Candidate>,
        known: &mut BTreeMap<CanonicalRun, f64>,
    ) {
        let key = self.canonical(&candidate);
        if self.goal.allows(&candidate, self.pool) && !known.contains_key(&key) {
            known.insert(key, f64::INFINITY);
            racing.push(candidate);
        }
    }

    /// The best of `finalists` in the one ranking; and of those that nobody can tell from it, the one whose
    /// dear runs are least dear. `None` where none is allowed.
    fn safest(
        &mut self,
        finalists: &[Candidate],
        seeds: &Range<u64>,
    ) -> Result<Option<(Candidate, f64)>, RunError> {
        let mut entries: Vec<CandidateRuns> = Vec::new();
        for candidate in finalists {
            // Hopeless runs stay as they are: no more is needed of them.
            let runs = self.runs(candidate, seeds.clone(), Some(f64::INFINITY), false)?;
            if runs.count() as u64 == seeds.end - seeds.start {
                entries.push(self.entry_of(candidate, runs));
            }
        }
        let ranking = rank(self.goal, &entries);
        let Some(&first) = ranking.order.first().filter(|_| ranking.eligible > 0) else {
            return Ok(None);
        };
        let cost_s = |place: usize| entries[place].runs.cost_s(self.goal.objective);
        let dear_s = |place: usize| {
            let all = entries[place].runs.runs().iter().map(|run| self.goal.objective.of(run));
            quantile(&sorted(all), 0.9)
        };
        let close = not_told_apart(self.goal, &entries, &ranking, true).unwrap_or_default();
        let close = close.into_iter().filter(|place| cost_s(*place) <= CLOSE * cost_s(first));
        let all = std::iter::once(first).chain(close);
        let safest = all.min_by(|a, b| dear_s(*a).total_cmp(&dear_s(*b)));
        Ok(safest.map(|place| (entries[place].candidate, cost_s(place))))
    }

    /// Every one of `candidates` that no other beats in time, calls, refusals and failed accounts together,
    /// fastest first: means of a few runs each, from the first of `seeds` on.
    ///
    /// Errors: a run could not be made.
    pub fn front(
        &mut self,
        candidates: &[Candidate],
        seeds: &Range<u64>,
    ) -> Result<Vec<ParetoPoint>, RunError> {
        let seeds = seeds.start..seeds.start + FRONT_RUNS;
        let mut points: BTreeMap<CanonicalRun, ParetoPoint> = BTreeMap::new();
        for candidate in candidates {
            let key = self.canonical(candidate);
            if points.contains_key(&key) {
                continue;
            }
            let runs = self.runs(candidate, seeds.clone(), None, false)?;
            if self.goal.cost(candidate, self.pool, &runs).is_finite() {
                points.insert(key, ParetoPoint::new(*candidate, &runs));
            }
        }
        let all: Vec<ParetoPoint> = points.into_values().collect();
        let figures: Vec<[f64; 4]> = all.iter().map(ParetoPoint::figures).collect();
        let mut front: Vec<ParetoPoint> =
            pareto_front(&figures).into_iter().map(|place| all[place]).collect();
        front.sort_by(|a, b| a.makespan_s.total_cmp(&b.makespan_s));
        // Equal points are one.
        front.dedup_by(|a, b| a.same_as(b));
        Ok(front)
    }
}

/// The run of a plan of `resources` accounts, from runs of two parts of it.
fn extrapolated(part: &RunFigures, more: &RunFigures, resources: f64) -> RunFigures {
    let (few, many) = (part.resources as f64, more.resources as f64);
    let rest = (resources - many) / (many - few).max(1.0);
    let over = |part: f64, more: f64| (more + (more - part) * rest).max(0.0);
    let count = |of: fn(&RunFigures) -> u64| over(of(part) as f64, of(more) as f64).round() as u64;
    RunFigures {
        makespan_s: over(part.makespan_s, more.makespan_s).max(more.makespan_s),
        calls: count(|run| run.calls).max(more.calls),
        refused: count(|run| run.refused),
        resources: resources as u64,
        failed: count(|run| run.failed),
        record_calls: count(|run| run.record_calls),
        writes: count(|run| run.writes),
        peak_buffered: part.peak_buffered.max(more.peak_buffered),
        edits: EditsOfRun {
            overwritten: count(|run| run.edits.overwritten),
            saved: count(|run| run.edits.saved),
            exposure_s: more.edits.exposure_s,
        },
        is_valid: part.is_valid && more.is_valid,
    }
}

/// `candidate`, reading each account again before its write, unless the user decided that.
fn guarded(candidate: Candidate) -> Candidate {
    Candidate { guard: candidate.guard.or(Some(Guard::Reread)), ..candidate }
}

/// The survivors of a round, cheapest first: in each portfolio what costs at most `at_most` times its least,
/// and at least a few.
fn survivors(
    racing: &[Candidate],
    portfolios: &[Portfolio],
    cost_s: impl Fn(&Candidate) -> f64,
    at_most: f64,
) -> Vec<Candidate> {
    let mut order: Vec<(f64, Candidate)> = racing.iter().map(|one| (cost_s(one), *one)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut goes_on = vec![false; order.len()];
    for portfolio in portfolios {
        let held = (0..order.len()).filter(|place| portfolio.holds(&order[*place].1));
        let mut least = f64::INFINITY;
        for (rank, place) in held.enumerate() {
            least = least.min(order[place].0);
            goes_on[place] |= rank < FEWEST || order[place].0 <= at_most * least;
        }
    }
    let kept = order.into_iter().zip(goes_on).filter(|(_, goes_on)| *goes_on);
    kept.map(|((_, candidate), _)| candidate).collect()
}

/// Runs of each candidate for the front.
const FRONT_RUNS: u64 = 4;

/// Time, calls, refusals and failed accounts of a candidate: means over a few runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ParetoPoint {
    pub configuration: Candidate,
    pub makespan_s: f64,
    pub calls: f64,
    pub refused: f64,
    pub failed: f64,
}

impl ParetoPoint {
    fn new(configuration: Candidate, runs: &Summary) -> Self {
        Self {
            configuration,
            makespan_s: runs.mean(|run| run.makespan_s),
            calls: runs.mean(|run| run.calls as f64),
            refused: runs.mean(|run| run.refused as f64),
            failed: runs.mean(|run| run.failed as f64),
        }
    }

    const fn figures(&self) -> [f64; 4] {
        [self.makespan_s, self.calls, self.refused, self.failed]
    }

    fn same_as(&self, other: &Self) -> bool {
        self.figures().iter().zip(other.figures()).all(|(a, b)| a.total_cmp(&b).is_eq())
    }
}
