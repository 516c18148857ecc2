//! The runs of which one migration is decided.

mod grid;

use super::SuiteError;
use crate::experiment::{
    CostLimit, Goal, Objective, RunFigures, Summary, parallel_map, records, seeds, sweep,
    sweep_within,
};
use crate::findings::{RunFinding, findings, gain};
use crate::report::decision::{
    Decision, PoolWhatIf, ScalingPoint, ServiceTimeBasis, Spectrum, StrategyRuns, SurfacePoint,
};
use crate::stats::outer_quantiles;
use hdrhistogram::Histogram;
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Outcome;
use neonbench_engine::measure::timeline::Timeline;
use neonbench_engine::measure::{Measure, histogram};
use neonbench_engine::plan::Selection;
use neonbench_engine::run::{RunError, RunSpec, World};
use neonbench_engine::scenario::{Scenario, Workload};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// Simulated calls that the gain of one finding may take, and the most runs of which it is the mean.
const CALLS_A_GAIN: u64 = 100_000;
const MOST_A_GAIN: u32 = 5;

/// Accounts on which variants are tried; of more, the first so many.
const VARIED_ACCOUNTS: u64 = 500;

/// Pools of other Neon plans, and what stands in place of them in what-ifs.
pub(super) const POOLS: [u32; 4] = [2, 5, 10, 20];

/// Sizes of organisations for the chart of scalability.
const SIZES: [u64; 4] = [10, 100, 1_000, 10_000];

/// Calls that one size of the chart of scalability may take.
const CALLS_A_SIZE: u64 = 300_000;

/// Workers and batch sizes of the response surface.
const WORKERS: [u32; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const BATCH_SIZES: [u32; 7] = [1, 5, 10, 25, 50, 100, 250];

/// An exploration: the workload, the settings and the goal.
pub struct Exploration<'a> {
    /// The workload to migrate.
    pub workload: &'a Workload,
    /// The settings of a strategy; their seed is the first.
    pub settings: &'a (dyn Fn(Strategy) -> Settings + Sync),
    /// Runs of each strategy.
    pub replicates: u32,
    /// The goal that strategies are ranked by.
    pub goal: Goal,
}

/// Runs every strategy on the workload, and variants of it, all in virtual time.
///
/// `tell` hears what is being done. Errors: a run could not be made; what a run found is in its record.
pub fn explore(
    exploration: &Exploration<'_>,
    tell: &mut dyn FnMut(&str),
) -> Result<Decision, SuiteError> {
    let workload = exploration.workload;
    let scenario = Scenario::new(workload.clone())?;
    let ranked = exploration.league(&scenario, tell)?;
    let best = ranked.explored();
    tell("the best strategy over time, and under other pools");
    let mut timeline = Timeline::default();
    let spec = RunSpec::new(&scenario, (exploration.settings)(best));
    spec.run(&World::Virtual, &mut timeline)?;
    let pools = exploration.pools(&scenario, best)?;
    tell("growing organisations");
    let scaling = exploration.scaling(&scenario)?;
    tell("workers and batch sizes");
    let varied = exploration.varied(&scenario);
    // The page shows it of the best alone.
    let surface = match best {
        Strategy::Hybrid => exploration.surface(&varied)?,
        _ => Vec::new(),
    };
    let grid = grid::explore(exploration, &varied)?;
    let resources = ranked.resources;
    Ok(Decision {
        pool: scenario.profile.pool(Endpoint::PatchAccount),
        service_times: Some(ServiceTimeBasis::of(&scenario.profile)),
        varied_accounts: varied.sample.unwrap_or(resources),
        timeline,
        surface,
        scaling,
        pools,
        grid,
        ..ranked
    })
}

impl Exploration<'_> {
    /// Runs every strategy on `scenario`, without variants.
    ///
    /// Errors: a run could not be made.
    pub fn league(
        &self,
        scenario: &Scenario,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Decision, SuiteError> {
        let mut league = Vec::new();
        for strategy in Strategy::ALL {
            tell(&format!("every strategy: {strategy}"));
            let mut runs = self.strategy_runs(scenario, strategy)?;
            runs.findings = self.findings(scenario, &runs)?;
            league.push(runs);
        }
        Ok(Decision::of(league, self.goal.clone()))
    }

    fn strategy_runs(
        &self,
        scenario: &Scenario,
        strategy: Strategy,
    ) -> Result<StrategyRuns, SuiteError> {
        let mut times = BTreeMap::new();
        let settings = (self.settings)(strategy);
        let runs =
            records(scenario, &settings, self.replicates, |measure| add(&mut times, measure))?;
        let spectra = times.iter().map(|(key, times)| Spectrum::of(*key, times)).collect();
        let (name, replicates, findings) = (None, Vec::new(), Vec::new());
        Ok(StrategyRuns { strategy, name, runs, replicates, spectra, findings })
    }

    /// Findings of the strategy's first run, with the gain of each advice.
    fn findings(
        &self,
        scenario: &Scenario,
        of: &StrategyRuns,
    ) -> Result<Vec<RunFinding>, SuiteError> {
        let first = &of.runs[0];
        let order = RunSpec::new(scenario, (self.settings)(of.strategy));
        let affordable = CALLS_A_GAIN / first.calls.total.max(1);
        let replicates = u32::try_from(affordable).unwrap_or(u32::MAX).min(MOST_A_GAIN);
        let mut found = findings(first);
        for finding in found.iter_mut().filter(|_| replicates > 0) {
            finding.gain = gain(&order, finding, replicates)?;
        }
        Ok(found)
    }

    fn pools(&self, scenario: &Scenario, best: Strategy) -> Result<Vec<PoolWhatIf>, SuiteError> {
        if scenario.profile.pool(Endpoint::PatchAccount).is_none() {
            return Ok(Vec::new());
        }
        let mut pools = Vec::new();
        for pool in POOLS {
            let profile = with_pool(&scenario.profile, pool);
            let workload = Workload { profile: Some(profile), ..self.workload.clone() };
            let settings = (self.settings)(best);
            let seeds = seeds::from(settings.seed, self.replicates);
            let runs = sweep(&Scenario::new(workload)?, &[settings], &seeds)?;
            let runs: Summary = runs[0].iter().collect();
            let times = runs.runs().iter().map(|run| run.makespan_s);
            pools.push(PoolWhatIf {
                pool,
                makespan_s: outer_quantiles(times).unwrap_or_default(),
                refused: runs.mean(RunFigures::refused_share),
            });
        }
        Ok(pools)
    }

    fn scaling(&self, scenario: &Scenario) -> Result<Vec<ScalingPoint>, SuiteError> {
        let plan_lists = scenario.plan.selection != Selection::All;
        if self.workload.ids.is_some() || plan_lists {
            return Ok(Vec::new());
        }
        let mappings = scenario.mappings() as u64;
        let calls = |(strategy, accounts): &(Strategy, u64)| {
            accounts * strategy.record_calls_per_account(mappings)
        };
        let mut runs: Vec<(Strategy, u64)> = Strategy::ALL
            .iter()
            .flat_map(|strategy| SIZES.map(|accounts| (*strategy, accounts)))
            .filter(|run| calls(run) <= CALLS_A_SIZE)
            .collect();
        // The longest first, as the crew takes them from the end.
        runs.sort_by_key(calls);
        let mut scaling = parallel_map(&runs, |&(strategy, accounts)| {
            let workload = Workload { resources: Some(accounts), ..self.workload.clone() };
            let runs = self.simulated(&Scenario::new(workload)?, &[(self.settings)(strategy)])?;
            let makespan_s = runs[0].makespan_s;
            let point = ScalingPoint { strategy, accounts, makespan_s };
            Ok::<_, SuiteError>(runs[0].is_valid.then_some(point))
        })?;
        scaling.sort_by_key(|point| point.map(|point| (point.strategy as usize, point.accounts)));
        Ok(scaling.into_iter().flatten().collect())
    }

    /// One run of each of `settings`, under the first seed; hopeless ones are ended.
    fn simulated(
        &self,
        scenario: &Scenario,
        settings: &[Settings],
    ) -> Result<Vec<RunFigures>, RunError> {
        let seed = (self.settings)(Strategy::Standard).seed;
        let seeds = seeds::from(seed, 1);
        let runs = sweep_within(scenario, settings, &seeds, Some(hopeless(scenario)))?;
        Ok(runs.iter().map(|runs| runs[0].figures).collect())
    }

    /// `strategy` with each of `workers` × `batch_sizes`, the latter changing first.
    fn varied_settings(
        &self,
        strategy: Strategy,
        workers: &[u32],
        batch_sizes: &[u32],
    ) -> Vec<Settings> {
        let pairs = workers.iter().flat_map(|w| batch_sizes.iter().map(move |b| (*w, *b)));
        pairs
            .map(|(workers, batch_size)| Settings {
                workers: positive(workers),
                batch_size: positive(batch_size),
                ..(self.settings)(strategy)
            })
            .collect()
    }

    /// The workload on which variants are tried.
    fn varied(&self, scenario: &Scenario) -> Workload {
        let workload = self.workload.clone();
        let sample = (scenario.expected_resources() > VARIED_ACCOUNTS).then_some(VARIED_ACCOUNTS);
        Workload { sample: sample.or(workload.sample), ..workload }
    }

    /// Hybrid on `workload` under workers and batch sizes.
    pub(in crate::report) fn surface(
        &self,
        workload: &Workload,
    ) -> Result<Vec<SurfacePoint>, SuiteError> {
        let scenario = Scenario::new(workload.clone())?;
        let settings = self.varied_settings(Strategy::Hybrid, &WORKERS, &BATCH_SIZES);
        let runs = self.simulated(&scenario, &settings)?;
        let valid = settings.iter().zip(runs).filter(|(_, run)| run.is_valid);
        let point = |(settings, run): (&Settings, RunFigures)| SurfacePoint {
            workers: settings.workers.get(),
            batch_size: settings.batch_size.get(),
            makespan_s: run.makespan_s,
            refused: run.refused_share(),
        };
        Ok(valid.map(point).collect())
    }
}

/// The limit beyond which a variant is hopeless: twice what all calls of `standard` take one after
/// another, by their mean service times and the windows. Whoever needs more is starved of places, as
/// by colleagues who take them all, and would be simulated for days of virtual time.
fn hopeless(scenario: &Scenario) -> CostLimit {
    let profile = &scenario.profile;
    let per_call_s = |endpoint: Endpoint| {
        let apart_s = profile.per_second(endpoint).map_or(0.0, |rate| 1.0 / f64::from(rate));
        profile.law(endpoint).mean().as_secs_f64() + apart_s
    };
    let calls = Strategy::Standard.record_calls_per_account(scenario.mappings() as u64)
        * scenario.expected_resources().max(1);
    let mean_s =
        f64::midpoint(per_call_s(Endpoint::GetAccount), per_call_s(Endpoint::PatchAccount));
    // Timeouts of a few calls take half a minute each, however fast the others are.
    let cost_s = 300.0 + 2.0 * calls as f64 * mean_s;
    CostLimit { cost_s, objective: Objective::Fastest, calls }
}

fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("the variants are positive")
}

fn with_pool(profile: &Profile, pool: u32) -> Profile {
    profile.with_pool(positive(pool))
}

type ResponseTimes = BTreeMap<(Endpoint, Outcome), Histogram<u64>>;

fn add(times: &mut ResponseTimes, measure: &Measure) {
    for endpoint in Endpoint::ALL {
        for outcome in Outcome::ALL {
            if let Some(series) = measure.series(endpoint, outcome) {
                let all = times.entry((endpoint, outcome)).or_insert_with(histogram);
                all.add(&series.response).expect("histograms of the same bounds");
            }
        }
    }
}
