//! The evidence of a decision about one migration: every strategy under several seeds, and variants
//! that would change the outcome.

pub mod answer;
pub mod baseline;
mod explore;
pub(crate) mod how;
mod model;
pub(crate) mod responses;
pub mod risks;
pub(crate) mod strategies;
pub(crate) mod timeline;
pub mod unfinished;
pub mod whatif;

pub use explore::explore;
pub use model::DecisionModel;

use super::shared::league::StrategyRuns;
use crate::experiment::{CandidateRuns, Goal, Ranking, rank};
use crate::neon_import::ImportCost;
use answer::ServiceTimeBasis;
use baseline::Baseline;
use neonbench_engine::engine::Strategy;
use neonbench_engine::measure::timeline::Timeline;
use serde::{Deserialize, Serialize};
use unfinished::UnfinishedAccounts;
use whatif::grid::Grid;
use whatif::pools::PoolWhatIf;
use whatif::scaling::ScalingPoint;
use whatif::surface::SurfacePoint;

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
    /// The price of migrating by Neon's own importer; `None` where it could not tell the plan's fields apart, or
    /// where the plan is not at hand.
    #[serde(default)]
    pub neon_import: Option<ImportCost>,
    /// Stored runs with accounts that did not end as planned.
    #[serde(default)]
    pub unfinished: Vec<UnfinishedAccounts>,
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
            neon_import: None,
            unfinished: Vec::new(),
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
