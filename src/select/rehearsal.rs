//! Rehearsals: candidates simulated on a target as far as it is known, and the best of them.
//!
//! Successive halving: every candidate is run under a few seeds, those that are plainly dearer than the
//! best are given up, and the rest is run under more. A long plan is rehearsed by two parts of it.
//! On an uncertain target each seed is another profile, and a run costs as many times as the least on it, large
//! multiples more than that: no slow profile outvotes the others, and what may go very wrong is not risked.
//! Every run of a candidate under a seed is made once. Deliberately absent: a model of costs; whatever a
//! profile can say, a simulation knows.

mod halving;

pub(super) use halving::{CHOICE, CandidateSet, Search, THOROUGH, UNCERTAIN_CHOICE, round};

use super::target::KnownTarget;
use crate::experiment::{
    Candidate, CandidateRuns, CanonicalRun, CostLimit, Goal, Portfolio, RunFigures, SimulatedRun,
    Summary, not_told_apart, rank, simulate, times_as_much,
};
use crate::stats::{mean, pareto_front, quantile, sorted};
use halving::{Class, survivors};
use neon_mock::integration::Echo;
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
const PARTS: [u64; 2] = [400, 1_200];

/// The same of an uncertain target, where many profiles tell more than many accounts.
const PARTS_DRAWN: [u64; 2] = [80, 240];

/// Cost as a multiple of the least on a drawn profile that counts at most, and at which a run is ended.
const MOST_TIMES: f64 = 10.0;

/// Excess over the least cost, as a multiple of that, whose square weighs as much as itself: a tenth saved on most
/// profiles is not worth ten times the cost on one in a hundred.
const AVERSION: f64 = 8.0;

/// Accounts up to which a plan is rehearsed as a whole where faults come at a time or at an account.
const MOST_AT_ONCE: u64 = 5_000;

/// Leaders whose neighbours join.
const LEADERS: usize = 3;

/// Candidates that cannot be told from the best cost this much more at most.
const CLOSE: f64 = 1.02;

/// A plan on the target of one seed.
#[derive(Clone, Debug)]
struct Stage {
    part: Scenario,
    /// A larger part or the whole, where `part` is not the whole.
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
    /// Accounts of the parts of a long plan.
    parts: [u64; 2],
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
        let is_whole = scenario.expected_resources() <= MOST_AT_ONCE && is_at_once(&target.point());
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
        let parts = if target.is_uncertain() { PARTS_DRAWN } else { PARTS };
        let is_whole = is_whole || scenario.expected_resources() <= parts[0];
        let settings = Settings::new(Strategy::Standard);
        Self {
            scenario,
            target,
            settings,
            goal,
            parts,
            is_whole,
            pool,
            stages,
            runs,
            least,
            calls: 0,
        }
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

    /// The runs of `candidate` under `seeds`; where the target is known, up to the first that takes `hopeless`
    /// times the least cost under its seed.
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
            if is_hopeless && !self.target.is_uncertain() {
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
        let mut run = self.simulated(candidate, seed, hopeless_s, is_rough)?;
        if run.is_hopeless {
            // One that was ended for its refusals may not have taken long.
            let (cost_s, hopeless_s) =
                (self.goal.objective.of(&run.figures), hopeless_s.unwrap_or(0.0));
            if cost_s < hopeless_s {
                let makespan_s = hopeless_s;
                run.figures = RunFigures { makespan_s, refused: 0, failed: 0, ..run.figures };
            }
        }
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
        let Stage { part, larger } = self.stage(seed);
        let run = |plan: &Scenario| -> Result<SimulatedRun, RunError> {
            let accounts = plan.expected_resources();
            let share = accounts as f64 / resources.max(1.0);
            // Time that a run spends once counts for more in a part.
            let slack = if share < 1.0 { 1.5 } else { 1.0 };
            let limit = hopeless_s.map(|s| CostLimit {
                cost_s: s * share * slack,
                objective,
                calls: accounts * calls_per_account + 1,
            });
            simulate(plan, &settings, limit)
        };
        let scaled = |run: SimulatedRun| {
            let accounts = run.figures.resources.max(1) as f64;
            let makespan_s = run.figures.makespan_s * resources / accounts;
            SimulatedRun { figures: RunFigures { makespan_s, ..run.figures }, ..run }
        };
        let is_whole = |plan: &Scenario| plan.expected_resources() as f64 >= resources;
        let (calls, whole) = match larger.as_ref().filter(|_| !is_rough) {
            None => {
                let part = run(part)?;
                (part.figures.calls, scaled(part))
            }
            Some(larger) if is_whole(larger) => {
                let whole = run(larger)?;
                (whole.figures.calls, whole)
            }
            Some(larger) => {
                let part = run(part)?;
                if part.is_hopeless {
                    (part.figures.calls, scaled(part))
                } else {
                    let more = run(larger)?;
                    let figures = extrapolated(&part.figures, &more.figures, resources);
                    let whole = if more.is_hopeless {
                        scaled(more)
                    } else {
                        SimulatedRun { figures, ..more }
                    };
                    (part.figures.calls + more.figures.calls, whole)
                }
            }
        };
        self.calls += calls;
        Ok(whole)
    }

    fn stage(&mut self, seed: u64) -> &Stage {
        let key = if self.target.is_uncertain() { seed } else { 0 };
        let Self { scenario, target, is_whole, parts: [smaller, larger], .. } = self;
        self.stages.entry(key).or_insert_with(|| {
            let mut drawn = (*scenario).clone();
            drawn.profile = target.profile(seed).into_owned();
            let part = |most: u64| drawn.part(most);
            if *is_whole {
                return Stage { part: part(u64::MAX), larger: None };
            }
            // Two parts that together are no shorter than the plan tell less than the plan.
            let both = *smaller + *larger;
            let is_short = scenario.expected_resources() <= both;
            let larger = part(if is_short { both } else { *larger });
            Stage { part: part(*smaller), larger: Some(larger) }
        })
    }

    /// The mean cost of `candidate`, in seconds, by its `runs` under `seeds`; on an uncertain target, as a multiple
    /// of the least. Of one that is hopeless under a seed, the mean of the least costs as many times over as
    /// under that seed: the others' runs are not made.
    fn cost_of(
        &self,
        candidate: &Candidate,
        runs: &Summary,
        seeds: &Range<u64>,
        round: (f64, bool),
    ) -> f64 {
        let (hopeless, is_rough) = round;
        let least_s = |seed| self.least.get(&(seed, is_rough && !self.is_whole)).copied();
        if self.target.is_uncertain() {
            let runs = self.relative(runs, seeds, is_rough);
            return self.goal.cost(candidate, self.pool, &runs);
        }
        let cost_s = self.goal.cost(candidate, self.pool, runs);
        let made = runs.count() as u64;
        if made == seeds.end - seeds.start || made == 0 {
            return cost_s;
        }
        let dear_s = runs.runs().last().map_or(0.0, |run| self.goal.objective.of(run));
        let times = dear_s / least_s(seeds.start + made - 1).unwrap_or(dear_s);
        times.max(hopeless) * mean(seeds.clone().filter_map(least_s))
    }

    /// `runs` under `seeds` of an uncertain target, their makespans such that their costs are losses: the multiple
    /// of the least cost under the seed, up to a most, and more than that where it is large.
    fn relative(&self, runs: &Summary, seeds: &Range<u64>, is_rough: bool) -> Summary {
        let relative = |(seed, run): (u64, &RunFigures)| {
            let cost_s = self.goal.objective.of(run);
            let least_s = self.least.get(&(seed, is_rough && !self.is_whole)).copied();
            let times = times_as_much(cost_s, least_s.unwrap_or(cost_s)).min(MOST_TIMES);
            let loss = times + (times - 1.0).powi(2) / AVERSION;
            let makespan_s = if cost_s > 0.0 { run.makespan_s * loss / cost_s } else { loss };
            RunFigures { makespan_s, ..*run }
        };
        seeds.clone().zip(runs.runs()).map(relative).collect()
    }

    /// Runs in the last round of `search`.
    fn last_runs(&self, search: &Search) -> u64 {
        let resources = self.scenario.expected_resources();
        let accounts =
            if self.is_whole { resources } else { resources.min(self.parts[0] + self.parts[1]) };
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
            let mut made = Vec::new();
            for candidate in &racing {
                made.push(self.runs(
                    candidate,
                    over.clone(),
                    Some(search.hopeless),
                    round.is_rough,
                )?);
            }
            for (candidate, runs) in racing.iter().zip(made) {
                let cost_s =
                    self.cost_of(candidate, &runs, &over, (search.hopeless, round.is_rough));
                known.insert(self.canonical(candidate), cost_s);
            }
            let cost_s = |one: &Candidate| known[&self.canonical(one)];
            racing = survivors(&racing, &self.classes(portfolios), cost_s, round.at_most);
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

    /// The classes of which some survive: on an uncertain target also those with an adaptive limiter, which show
    /// their worth on profiles that come late.
    fn classes(&self, portfolios: &[Portfolio]) -> Vec<Class> {
        let of_all = portfolios.iter().map(|portfolio| (*portfolio, false));
        let of_adaptive = portfolios.iter().map(|portfolio| (*portfolio, true));
        let is_uncertain = self.target.is_uncertain();
        of_all.chain(of_adaptive.filter(|_| is_uncertain)).collect()
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
    /// dear runs are least dear; on a known target the one with the fewest calls of those. `None` where none is allowed.
    fn safest(
        &mut self,
        finalists: &[Candidate],
        seeds: &Range<u64>,
    ) -> Result<Option<(Candidate, f64)>, RunError> {
        let mut entries: Vec<CandidateRuns> = Vec::new();
        for candidate in finalists {
            // Hopeless runs stay as they are: no more is needed of them.
            let runs = self.runs(candidate, seeds.clone(), Some(f64::INFINITY), false)?;
            if self.target.is_uncertain() {
                entries.push(self.entry_of(candidate, self.relative(&runs, seeds, false)));
            } else if runs.count() as u64 == seeds.end - seeds.start {
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
        let all: Vec<usize> = std::iter::once(first).chain(close).collect();
        let least_s = all.iter().map(|place| dear_s(*place)).fold(f64::INFINITY, f64::min);
        // Fewer calls are more accounts per page, which on an uncertain target was seen to go wrong more often.
        let as_safe = if self.target.is_uncertain() { 1.0 } else { CLOSE };
        let safe = all.into_iter().filter(|place| dear_s(*place) <= as_safe * least_s);
        let calls = |place: &usize| entries[*place].runs.mean(|run| run.calls as f64);
        let safest = safe.min_by(|a, b| calls(a).total_cmp(&calls(b)));
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
        echo: Echo {
            deliveries: count(|run| run.echo.deliveries),
            calls: count(|run| run.echo.calls),
            refused: count(|run| run.echo.refused),
            lost: count(|run| run.echo.lost),
        },
        is_valid: part.is_valid && more.is_valid,
    }
}

/// `candidate`, reading each account again before its write, unless the user decided that.
fn guarded(candidate: Candidate) -> Candidate {
    Candidate { guard: candidate.guard.or(Some(Guard::Reread)), ..candidate }
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
