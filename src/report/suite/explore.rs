//! The runs of which one migration is decided.

mod grid;

use crate::findings::{Finding, findings, gain};
use crate::report::decision::{Cell, Contender, Decision, Pooled, Sized, Spectrum, best};
use hdrhistogram::Histogram;
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::{Event, Observer, Outcome};
use neonbench_engine::measure::timeline::Timeline;
use neonbench_engine::measure::{Measure, histogram};
use neonbench_engine::plan::Selection;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{Run, RunError, RunSpec, World};
use neonbench_engine::scenario::{Resources, Scenario, ScenarioError, Workload};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// Simulated calls that the replicates of one strategy may take together.
const CALLS_A_STRATEGY: u64 = 1_000_000;

/// The fewest replicates, whatever they take.
const LEAST_REPLICATES: u32 = 3;

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

/// A decision that could not be explored.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ExploreError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Run(#[from] RunError),
}

/// How to explore.
pub struct Exploration<'a> {
    /// What is to be migrated.
    pub workload: &'a Workload,
    /// The settings of a strategy; their seed is the first.
    pub settings: &'a dyn Fn(Strategy) -> Settings,
    /// Runs of each strategy.
    pub replicates: u32,
}

/// Runs every strategy on the workload, and variants of it, all in virtual time.
///
/// `tell` hears what is being done. Errors: a run could not be made; what a run found is in its record.
pub fn explore(
    exploration: &Exploration<'_>,
    tell: &mut dyn FnMut(&str),
) -> Result<Decision, ExploreError> {
    let workload = exploration.workload;
    let scenario = Scenario::new(workload.clone())?;
    let mut league = Vec::new();
    for strategy in Strategy::ALL {
        tell(&format!("every strategy: {strategy}"));
        let mut contender = exploration.contender(&scenario, strategy)?;
        contender.findings = exploration.findings(&scenario, &contender)?;
        league.push(contender);
    }
    let best = best(&league).map_or(Strategy::Standard, |contender| contender.strategy);
    tell("the best strategy over time, and under other pools");
    let mut timeline = Timeline::default();
    run(&scenario, &(exploration.settings)(best), &mut timeline)?;
    let pools = exploration.pools(&scenario, best)?;
    tell("growing organisations");
    let scaling = exploration.scaling(&scenario)?;
    tell("workers and batch sizes");
    let varied = exploration.varied(&scenario);
    let surface = exploration.surface(&varied)?;
    let grid = grid::explore(exploration, &varied)?;
    let resources = league[0].runs[0].resources;
    Ok(Decision {
        pool: scenario.profile.pool(Endpoint::PatchAccount),
        varied_accounts: varied.sample.unwrap_or(resources),
        timeline,
        surface,
        scaling,
        pools,
        grid,
        ..Decision::of(league)
    })
}

fn run(
    scenario: &Scenario,
    settings: &Settings,
    observer: &mut dyn Observer,
) -> Result<Run, RunError> {
    RunSpec::new(scenario, settings.clone()).run(&World::Virtual, observer)
}

fn quietly(scenario: &Scenario, settings: &Settings) -> Result<RunRecord, RunError> {
    Ok(run(scenario, settings, &mut |_: &Event| {})?.record)
}

impl Exploration<'_> {
    fn contender(
        &self,
        scenario: &Scenario,
        strategy: Strategy,
    ) -> Result<Contender, ExploreError> {
        let settings = (self.settings)(strategy);
        let (mut runs, mut times) = (Vec::new(), BTreeMap::new());
        let mut replicates = self.replicates.max(1);
        for offset in 0.. {
            if offset >= replicates {
                break;
            }
            let settings = after(&settings, offset);
            let Run { record, measure, .. } = run(scenario, &settings, &mut |_: &Event| {})?;
            let affordable = CALLS_A_STRATEGY / record.calls.total.max(1);
            let affordable = u32::try_from(affordable).unwrap_or(u32::MAX).max(LEAST_REPLICATES);
            replicates = replicates.min(affordable);
            add(&mut times, &measure);
            runs.push(record);
        }
        let spectra = times.iter().map(|(key, times)| Spectrum::of(*key, times)).collect();
        let (name, makespans_s, findings) = (None, Vec::new(), Vec::new());
        Ok(Contender { strategy, name, runs, makespans_s, spectra, findings })
    }

    /// What held the contender's first run back, and what the advice is worth.
    fn findings(
        &self,
        scenario: &Scenario,
        contender: &Contender,
    ) -> Result<Vec<Finding>, ExploreError> {
        let first = &contender.runs[0];
        let order = RunSpec::new(scenario, (self.settings)(contender.strategy));
        let affordable = CALLS_A_GAIN / first.calls.total.max(1);
        let replicates = u32::try_from(affordable).unwrap_or(u32::MAX).min(MOST_A_GAIN);
        let mut found = findings(first);
        for finding in found.iter_mut().filter(|_| replicates > 0) {
            finding.gain = gain(&order, finding, replicates)?;
        }
        Ok(found)
    }

    fn pools(&self, scenario: &Scenario, best: Strategy) -> Result<Vec<Pooled>, ExploreError> {
        if scenario.profile.pool(Endpoint::PatchAccount).is_none() {
            return Ok(Vec::new());
        }
        let mut pools = Vec::new();
        for pool in POOLS {
            let profile = with_pool(&scenario.profile, pool);
            let workload = Workload { profile: Some(profile), ..self.workload.clone() };
            let contender = self.contender(&Scenario::new(workload)?, best)?;
            let makespan_s = contender.makespan_s().unwrap_or_default();
            pools.push(Pooled {
                pool,
                makespan_s,
                refused: contender.mean(|record| record.calls.refused_share()),
            });
        }
        Ok(pools)
    }

    fn scaling(&self, scenario: &Scenario) -> Result<Vec<Sized>, ExploreError> {
        let plan_lists = scenario.plan.selection != Selection::All;
        if self.workload.ids.is_some() || plan_lists {
            return Ok(Vec::new());
        }
        let mut scaling = Vec::new();
        for strategy in Strategy::ALL {
            let settings = (self.settings)(strategy);
            for accounts in SIZES {
                let calls_each = match strategy {
                    Strategy::Standard | Strategy::Parallel => 2 * scenario.plan.mappings.len(),
                    Strategy::PutBatch | Strategy::Hybrid | Strategy::Pipelined => 2,
                };
                if accounts * calls_each as u64 > CALLS_A_SIZE {
                    continue;
                }
                let workload = Workload { resources: Some(accounts), ..self.workload.clone() };
                let record = quietly(&Scenario::new(workload)?, &settings)?;
                if record.audit.valid {
                    scaling.push(Sized { strategy, accounts, makespan_s: record.makespan_s });
                }
            }
        }
        Ok(scaling)
    }

    /// The workload on which variants are tried.
    fn varied(&self, scenario: &Scenario) -> Workload {
        let workload = self.workload.clone();
        let Resources::Ids(ids) = &scenario.resources else { return workload };
        let sample = (ids.len() as u64 > VARIED_ACCOUNTS).then_some(VARIED_ACCOUNTS);
        Workload { sample: sample.or(workload.sample), ..workload }
    }

    fn surface(&self, workload: &Workload) -> Result<Vec<Cell>, ExploreError> {
        let scenario = Scenario::new(workload.clone())?;
        let mut cells = Vec::new();
        let mut known = BTreeMap::new();
        for workers in WORKERS {
            for batch_size in BATCH_SIZES {
                let settings = Settings {
                    workers: positive(workers),
                    batch_size: positive(batch_size),
                    ..(self.settings)(Strategy::Hybrid)
                };
                // Batch sizes that come to the same batches are the same run.
                let key = (workers, settings.hybrid_batch());
                if let std::collections::btree_map::Entry::Vacant(entry) = known.entry(key) {
                    entry.insert(quietly(&scenario, &settings)?);
                }
                let record = &known[&key];
                if record.audit.valid {
                    let (makespan_s, refused) = (record.makespan_s, record.calls.refused_share());
                    cells.push(Cell { workers, batch_size, makespan_s, refused });
                }
            }
        }
        Ok(cells)
    }
}

/// `settings` with the seed so many further.
fn after(settings: &Settings, offset: u32) -> Settings {
    Settings { seed: settings.seed.wrapping_add(u64::from(offset)), ..settings.clone() }
}

fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("the variants are positive")
}

fn with_pool(profile: &Profile, pool: u32) -> Profile {
    profile.with_pool(positive(pool))
}

type Times = BTreeMap<(Endpoint, Outcome), Histogram<u64>>;

fn add(times: &mut Times, measure: &Measure) {
    for endpoint in Endpoint::ALL {
        for outcome in Outcome::ALL {
            if let Some(series) = measure.series(endpoint, outcome) {
                let all = times.entry((endpoint, outcome)).or_insert_with(histogram);
                all.add(&series.response).expect("histograms of the same bounds");
            }
        }
    }
}
