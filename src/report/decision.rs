//! The evidence of a decision about one migration: every strategy under several seeds, and variants
//! that would change the outcome.

use crate::experiment::{
    CandidateRuns, Delta, Goal, Objective, Ranking, RunFigures, Summary, rank,
};
use crate::findings::RunFinding;
use crate::stats::outer_quantiles;
use hdrhistogram::Histogram;
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use neonbench_engine::engine::Strategy;
use neonbench_engine::event::Outcome;
use neonbench_engine::measure::timeline::Timeline;
use neonbench_engine::record::{ColleagueEdits, RunRecord};
use serde::{Deserialize, Serialize};

/// Runs of which one migration is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Decision {
    /// The workload to migrate.
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
    /// The service times of the profile; `None` where the profile is not at hand.
    #[serde(default)]
    pub service_times: Option<ServiceTimeBasis>,
    /// The goal that the strategies are ranked by.
    #[serde(default)]
    pub goal: Goal,
    /// Each strategy.
    pub league: Vec<StrategyRuns>,
    /// Hybrid under workers and batch sizes, on [`Decision::varied_accounts`] accounts.
    pub surface: Vec<SurfacePoint>,
    /// The best strategy over time, under the first seed.
    pub timeline: Timeline,
    /// Each strategy over growing organisations; none where the accounts are listed.
    pub scaling: Vec<ScalingPoint>,
    /// The best strategy under other pools; none where there is none.
    pub pools: Vec<PoolWhatIf>,
    /// The figures behind the page's sliders.
    pub grid: Grid,
    /// Accounts that the surface and the grid were tried on.
    pub varied_accounts: u64,
    /// Each contender against a run that was kept, if one was named.
    #[serde(default)]
    pub baseline: Option<Baseline>,
}

/// The mean service times of a profile, and their origin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ServiceTimeBasis {
    pub read_mean_s: f64,
    pub write_mean_s: f64,
    /// Calls that they were fitted to; `None` where they are assumed, or were changed since.
    pub measured_calls: Option<u64>,
}

impl ServiceTimeBasis {
    /// The service times of `profile`.
    pub fn of(profile: &Profile) -> Self {
        let mean_s = |endpoint| profile.law(endpoint).mean().as_secs_f64();
        Self {
            read_mean_s: mean_s(Endpoint::GetAccount),
            write_mean_s: mean_s(Endpoint::PatchAccount),
            measured_calls: profile.evidence().map(|it| it.calls.len() as u64 + it.admitted),
        }
    }
}

/// Contenders against a run that was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Baseline {
    /// The number of that run.
    pub run: i64,
    /// The run in words.
    pub what: String,
    /// Comparisons with the runs of its strategy, by name.
    pub deltas: Vec<(String, Delta)>,
}

/// The runs of one strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StrategyRuns {
    /// The strategy.
    pub strategy: Strategy,
    /// Its name, where that is not its strategy.
    #[serde(default)]
    pub name: Option<String>,
    /// One run a seed.
    pub runs: Vec<RunRecord>,
    /// Figures of its replicates of which no record is left, the run's own first.
    #[serde(default)]
    pub replicates: Vec<RunFigures>,
    /// Response times over all its runs, by endpoint and outcome.
    pub spectra: Vec<Spectrum>,
    /// Findings of its first run, with gains where they were simulated.
    #[serde(default)]
    pub findings: Vec<RunFinding>,
}

/// Response times of the calls of one endpoint that ended alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Spectrum {
    /// Verb and path template.
    pub endpoint: String,
    /// Their outcome.
    pub outcome: String,
    /// Their number.
    pub calls: u64,
    /// Share of the calls that took at most so many ms, in growing order.
    pub points: Vec<(f64, f64)>,
    /// The whole histogram (ns), as `HdrHistogram` V2, compressed, in base64.
    pub hdr_v2_base64: String,
}

/// One configuration of hybrid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct SurfacePoint {
    pub workers: u32,
    pub batch_size: u32,
    pub makespan_s: f64,
    /// Share of the calls that were refused.
    pub refused: f64,
}

/// One strategy on an organisation of some size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ScalingPoint {
    pub strategy: Strategy,
    pub accounts: u64,
    pub makespan_s: f64,
}

/// The best strategy under another pool.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PoolWhatIf {
    pub pool: u32,
    /// 5th, 50th and 95th percentile of the makespan.
    pub makespan_s: [f64; 3],
    pub refused: f64,
}

/// Makespans in seconds, 0 where a run was invalid or hopeless (twice as long as one call after
/// another): one for each combination, the last list of
/// choices changing first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Grid {
    /// Strategies.
    pub strategies: Vec<Strategy>,
    /// Pools of the profile; one 0 where it has none.
    pub pools: Vec<u32>,
    /// Service times, as factors of the profile's.
    pub service_times: Vec<f64>,
    /// Workers.
    pub workers: Vec<u32>,
    /// Batch sizes.
    pub batch_sizes: Vec<u32>,
    /// Accounts of each run.
    pub accounts: u64,
    /// By strategy, pool, service time, workers, batch size.
    pub makespans_s: Vec<f32>,
    /// Share of the calls refused, likewise.
    pub refused: Vec<f32>,
}

impl Decision {
    /// A decision about `league` alone, without variants. The league has an entry, and each entry a
    /// run; the first names what is to be migrated.
    pub fn of(league: Vec<StrategyRuns>, goal: Goal) -> Self {
        let first = &league[0].runs[0];
        Self {
            scenario: first.scenario.clone(),
            dataset: first.dataset.clone(),
            profile: first.profile.clone(),
            profile_digest: first.profile_digest.clone(),
            resources: first.resources,
            mappings: first.mappings,
            pool: None,
            service_times: None,
            surface: Vec::new(),
            timeline: Timeline::default(),
            scaling: Vec::new(),
            pools: Vec::new(),
            grid: Grid::default(),
            varied_accounts: 0,
            baseline: None,
            goal,
            league,
        }
    }

    /// The ranking of the league under the goal.
    pub fn ranking(&self) -> Ranking {
        let entries: Vec<CandidateRuns> = self.league.iter().map(StrategyRuns::entry).collect();
        rank(&self.goal, &entries)
    }

    /// The strategy that is tried over time and under other limits: the first of the ranking, also where
    /// none is good enough to be the best.
    pub fn explored(&self) -> Strategy {
        let first = self.ranking().order.first().map(|place| self.league[*place].strategy);
        first.unwrap_or(Strategy::Standard)
    }
}

impl StrategyRuns {
    /// Its name, which is its strategy's unless it has one of its own.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.strategy.name())
    }

    /// True if every run passed its audit.
    pub fn is_valid(&self) -> bool {
        self.runs.iter().all(|record| record.audit.valid)
    }

    /// Accounts that failed, over its runs.
    pub fn fails(&self) -> u64 {
        self.runs.iter().map(|record| record.records.failed).sum()
    }

    /// Figures of all its replicates.
    pub fn summary(&self) -> Summary {
        if self.replicates.is_empty() {
            self.runs.iter().collect()
        } else {
            self.replicates.iter().copied().collect()
        }
    }

    /// Its entry in a ranking.
    pub fn entry(&self) -> CandidateRuns {
        CandidateRuns::of(&self.runs[0], self.summary())
    }

    /// Edits of colleagues over all its runs: as its record has them where that is one of replicates.
    pub fn edits(&self) -> ColleagueEdits {
        match self.runs.as_slice() {
            [only] => only.edits,
            runs => runs.iter().map(RunRecord::own_edits).collect(),
        }
    }

    /// Mean cost, in seconds.
    pub fn cost_s(&self, objective: Objective) -> f64 {
        self.summary().cost_s(objective)
    }

    /// 5th, 50th and 95th percentile of the makespan; `None` without runs.
    pub fn makespan_s(&self) -> Option<[f64; 3]> {
        outer_quantiles(self.summary().runs().iter().map(|run| run.makespan_s))
    }

    /// The mean of a figure over its runs.
    pub fn mean(&self, of: impl Fn(&RunRecord) -> f64) -> f64 {
        crate::stats::mean(self.runs.iter().map(of))
    }
}

impl Spectrum {
    /// The spectrum of `times`, whose values are ns.
    pub fn of((endpoint, outcome): (Endpoint, Outcome), times: &Histogram<u64>) -> Self {
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

    /// The place in its points of the time that `share` of the calls took at most.
    pub fn point_at(&self, share: f64) -> usize {
        let found = self.points.iter().position(|(up_to, _)| *up_to >= share - 1e-9);
        found.unwrap_or(self.points.len().saturating_sub(1))
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
