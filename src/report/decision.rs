//! What a decision about one migration rests on: every strategy under several seeds, and what would
//! change the outcome. [`explore`] makes the runs; all else here is data.

mod grid;

pub use grid::Grid;

use crate::engine::{Settings, Strategy};
use crate::event::{Event, Observer, Outcome};
use crate::measure::timeline::Timeline;
use crate::measure::{Measure, histogram};
use crate::plan::Selection;
use crate::record::RunRecord;
use crate::replicate;
use crate::run::{Order, Run, RunError, World};
use crate::scenario::{Resources, Scenario, ScenarioError, Workload};
use hdrhistogram::Histogram;
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// Simulated calls that the replicates of one strategy may take together.
const CALLS_A_STRATEGY: u64 = 1_000_000;

/// The fewest replicates, whatever they take.
const LEAST_REPLICATES: u32 = 3;

/// Accounts on which variants are tried; of more, the first so many.
const VARIED_ACCOUNTS: u64 = 500;

/// Pools of other Neon plans, and what stands in place of them in what-ifs.
pub const POOLS: [u32; 4] = [2, 5, 10, 20];

/// Sizes of organisations for the chart of scalability.
const SIZES: [u64; 4] = [10, 100, 1_000, 10_000];

/// Calls that one size of the chart of scalability may take.
const CALLS_A_SIZE: u64 = 300_000;

/// Workers and batch sizes of the response surface.
const WORKERS: [u32; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const BATCH_SIZES: [u32; 7] = [1, 5, 10, 25, 50, 100, 250];

/// Runs of which one migration is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What is to be migrated.
    pub scenario: String,
    /// Its organisation.
    pub dataset: String,
    /// The limits and service times.
    pub profile: String,
    /// The digest of these.
    pub profile_digest: String,
    /// Accounts to migrate.
    pub resources: u64,
    /// Mappings of the plan.
    pub mappings: u64,
    /// Calls in flight that a write's endpoint admits.
    pub pool: Option<u32>,
    /// Each strategy.
    pub league: Vec<Contender>,
    /// Hybrid under workers and batch sizes, on [`Variants::accounts`] accounts.
    pub surface: Vec<Cell>,
    /// The best strategy over time, under the first seed.
    pub timeline: Timeline,
    /// Each strategy over growing organisations; none where the accounts are listed.
    pub scaling: Vec<Sized>,
    /// The best strategy under other pools; none where there is none.
    pub pools: Vec<Pooled>,
    /// What the page's sliders show.
    pub grid: Grid,
    /// Accounts that the surface and the grid were tried on.
    pub varied_accounts: u64,
}

/// The runs of one strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// The strategy.
    pub strategy: Strategy,
    /// One run a seed.
    pub runs: Vec<RunRecord>,
    /// Response times over all its runs, by endpoint and outcome.
    pub spectra: Vec<Spectrum>,
}

/// Response times of the calls of one endpoint that ended alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// Verb and path template.
    pub endpoint: String,
    /// How they ended.
    pub outcome: String,
    /// How many there were.
    pub calls: u64,
    /// Share of the calls that took at most so many ms, in growing order.
    pub points: Vec<(f64, f64)>,
    /// The whole histogram (ns), as `HdrHistogram` V2, compressed, in base64.
    pub hdr_v2_base64: String,
}

/// One configuration of hybrid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Cell {
    pub workers: u32,
    pub batch_size: u32,
    pub makespan_s: f64,
    /// Share of the calls that were refused.
    pub refused: f64,
}

/// One strategy on an organisation of some size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Sized {
    pub strategy: Strategy,
    pub accounts: u64,
    pub makespan_s: f64,
}

/// The best strategy under another pool.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Pooled {
    pub pool: u32,
    /// 5th, 50th and 95th percentile of the makespan.
    pub makespan_s: [f64; 3],
    pub refused: f64,
}

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
        league.push(exploration.contender(&scenario, strategy)?);
    }
    let best = best(&league).unwrap_or(Strategy::Standard);
    tell("the best strategy over time, and under other pools");
    let mut timeline = Timeline::default();
    exploration.run(&scenario, &(exploration.settings)(best), &mut timeline)?;
    let pools = exploration.pools(&scenario, best)?;
    tell("growing organisations");
    let scaling = exploration.scaling(&scenario)?;
    tell("workers and batch sizes");
    let varied = exploration.varied(&scenario)?;
    let surface = exploration.surface(&varied)?;
    let grid = grid::explore(exploration, &varied)?;
    let [first, ..] = league[0].runs.as_slice() else { unreachable!("each strategy was run") };
    Ok(Decision {
        scenario: first.scenario.clone(),
        dataset: first.dataset.clone(),
        profile: first.profile.clone(),
        profile_digest: first.profile_digest.clone(),
        resources: first.resources,
        mappings: first.mappings,
        pool: scenario.profile.pool(Endpoint::PatchAccount),
        varied_accounts: varied.sample.unwrap_or(first.resources),
        timeline,
        league,
        surface,
        scaling,
        pools,
        grid,
    })
}

/// The first strategy of those ranked, if it was valid and left nothing failed.
pub fn best(league: &[Contender]) -> Option<Strategy> {
    let mut ranked: Vec<RunRecord> = league.iter().filter_map(Contender::ranked).collect();
    ranked.sort_by(replicate::order);
    replicate::best(&ranked).map(|record| record.strategy)
}

impl Contender {
    /// The first run with the interval of all; `None` if one of them is invalid.
    pub fn ranked(&self) -> Option<RunRecord> {
        if self.runs.iter().any(|record| !record.audit.valid) {
            return None;
        }
        let mut record = self.runs.first()?.clone();
        record.makespan_s_interval = Some(self.makespan_s()?);
        Some(record)
    }

    /// 5th, 50th and 95th percentile of the makespan; `None` without runs.
    pub fn makespan_s(&self) -> Option<[f64; 3]> {
        let mut makespans: Vec<f64> = self.runs.iter().map(|record| record.makespan_s).collect();
        makespans.sort_by(f64::total_cmp);
        (!makespans.is_empty())
            .then(|| [0.05, 0.5, 0.95].map(|share| replicate::quantile(&makespans, share)))
    }

    /// The mean of a figure over its runs.
    pub fn mean(&self, of: impl Fn(&RunRecord) -> f64) -> f64 {
        self.runs.iter().map(of).sum::<f64>() / self.runs.len().max(1) as f64
    }
}

/// Share of a run's calls that were refused.
pub fn refused(record: &RunRecord) -> f64 {
    record.calls.rejected as f64 / record.calls.total.max(1) as f64
}

impl Exploration<'_> {
    pub(self) fn run(
        &self,
        scenario: &Scenario,
        settings: &Settings,
        observer: &mut dyn Observer,
    ) -> Result<Run, RunError> {
        Order::new(scenario, settings.clone()).run(&World::Virtual, observer)
    }

    fn quietly(&self, scenario: &Scenario, settings: &Settings) -> Result<RunRecord, RunError> {
        Ok(self.run(scenario, settings, &mut |_: &Event| {})?.record)
    }

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
            let Run { record, measure } = self.run(scenario, &settings, &mut |_: &Event| {})?;
            let affordable = CALLS_A_STRATEGY / record.calls.total.max(1);
            let affordable = u32::try_from(affordable).unwrap_or(u32::MAX).max(LEAST_REPLICATES);
            replicates = replicates.min(affordable);
            add(&mut times, &measure);
            runs.push(record);
        }
        let spectra = times.iter().map(|(key, times)| Spectrum::of(*key, times)).collect();
        Ok(Contender { strategy, runs, spectra })
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
            pools.push(Pooled { pool, makespan_s, refused: contender.mean(refused) });
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
                let record = self.quietly(&Scenario::new(workload)?, &settings)?;
                if record.audit.valid {
                    scaling.push(Sized { strategy, accounts, makespan_s: record.makespan_s });
                }
            }
        }
        Ok(scaling)
    }

    /// The workload on which variants are tried.
    fn varied(&self, scenario: &Scenario) -> Result<Workload, ExploreError> {
        let workload = self.workload.clone();
        let accounts = match &scenario.resources {
            Resources::Ids(ids) => ids.len() as u64,
            Resources::Search(_) => return Ok(workload),
        };
        let sample = (accounts > VARIED_ACCOUNTS).then_some(VARIED_ACCOUNTS);
        Ok(Workload { sample: sample.or(workload.sample), ..workload })
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
                    entry.insert(self.quietly(&scenario, &settings)?);
                }
                let record = &known[&key];
                if record.audit.valid {
                    let (makespan_s, refused) = (record.makespan_s, refused(record));
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

impl Spectrum {
    fn of((endpoint, outcome): (Endpoint, Outcome), times: &Histogram<u64>) -> Self {
        /// Points for each factor of ten of 1 − share.
        const POINTS_A_DECADE: i32 = 8;
        let mut points = vec![(0.0, ms(times.min()))];
        for step in 1.. {
            let beyond = 10_f64.powf(-f64::from(step) / f64::from(POINTS_A_DECADE));
            if beyond * (times.len() as f64) < 1.0 {
                break;
            }
            let share = 1.0 - beyond;
            points.push((share, ms(times.value_at_quantile(share).min(times.max()))));
        }
        points.push((1.0, ms(times.max())));
        Self {
            endpoint: endpoint.name().to_owned(),
            outcome: outcome.name().to_owned(),
            calls: times.len(),
            points,
            hdr_v2_base64: encoded(times),
        }
    }
}

fn ms(ns: u64) -> f64 {
    (ns as f64 / 1e3).round() / 1e3
}

fn encoded(times: &Histogram<u64>) -> String {
    use base64::Engine as _;
    use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(times, &mut bytes).expect("a vector takes any bytes");
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
