//! The library's face under the guide's names.
//!
//! ```
//! use neonbench::manager::{
//!     AccountsMigrationManager, MigrationMapping, MigrationPlan, MigrationStrategy,
//!     SimulatedOrganisation, Strategy,
//! };
//!
//! let manager = AccountsMigrationManager::new(SimulatedOrganisation::default());
//! let plan = MigrationPlan {
//!     mappings: vec![MigrationMapping::new("V-Skills", "Skills", MigrationStrategy::AddOption)],
//!     resource_ids: (1..=20).collect(),
//!     dry_run: false,
//!     ..MigrationPlan::default()
//! };
//! let result = manager.execute_bulk_migration_plan(&plan, Strategy::Auto)?;
//! assert_eq!(result.successful_migrations, 20);
//! # Ok::<(), neonbench::manager::ManagerError>(())
//! ```

mod plan;
mod result;

pub use plan::{MigrationMapping, MigrationPlan, MigrationStrategy};
pub use result::{
    BenchmarkResult, MigrationResult, PerformanceMetrics, PerformanceRecommendations,
};

pub use crate::experiment::{Constraint, Goal, Objective};

use crate::experiment::{Candidate, CandidateRuns, Portfolio, rank};
use crate::select::{Calibration, ChoiceRequest, ChosenBy, KnownTarget};
use neon_mock::profile::Profile;
use neonbench_engine::engine::{self, EngineError, Settings};
use neonbench_engine::event::Observer;
use neonbench_engine::log::Log;
use neonbench_engine::run::{RunContext, RunError, RunSpec, World};
use neonbench_engine::scenario::{DatasetSource, Scenario, ScenarioError, Workload};
use neonbench_engine::transport::TransportError;
use neonbench_engine::world::Target;
use std::num::NonZeroU32;

/// A strategy as a caller names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The selector chooses.
    #[default]
    Auto,
    /// This one.
    Named(engine::Strategy),
}

#[allow(non_upper_case_globals, reason = "they read as the guide's strategies do")]
impl Strategy {
    /// One account after another, one read and one write for each mapping.
    pub const Standard: Self = Self::Named(engine::Strategy::Standard);
    /// As standard, with whole accounts side by side.
    pub const Parallel: Self = Self::Named(engine::Strategy::Parallel);
    /// One account after another, one read and one write for all mappings.
    pub const PutBatch: Self = Self::Named(engine::Strategy::PutBatch);
    /// As put batch, with small batches side by side.
    pub const Hybrid: Self = Self::Named(engine::Strategy::Hybrid);
    /// Reads and writes overlap: ours, not the guide's.
    pub const Pipelined: Self = Self::Named(engine::Strategy::Pipelined);
}

/// A synthetic organisation in virtual time.
///
/// Each call of the manager finds it as its seed makes it: what one call migrates the next finds
/// unmigrated again.
#[derive(Clone, Debug)]
pub struct SimulatedOrganisation {
    /// Accounts; as many as the plan's largest id, or 100, where it is `None`.
    pub accounts: Option<u64>,
    /// A built-in dataset; made for the plan where it is `None`.
    pub dataset: Option<String>,
    /// Limits and service times.
    pub profile: Profile,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for SimulatedOrganisation {
    fn default() -> Self {
        let profile = Profile::built_in("documented").expect("a built-in profile");
        Self { accounts: None, dataset: None, profile, seed: 1 }
    }
}

/// A manager's target.
#[derive(Clone, Debug)]
pub enum Client {
    /// A server and the credentials for it.
    Http(Target),
    /// A synthetic organisation in virtual time.
    Simulated(Box<SimulatedOrganisation>),
}

impl From<Target> for Client {
    fn from(target: Target) -> Self {
        Self::Http(target)
    }
}

impl From<SimulatedOrganisation> for Client {
    fn from(organisation: SimulatedOrganisation) -> Self {
        Self::Simulated(Box::new(organisation))
    }
}

/// A plan that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ManagerError {
    #[error("{0} = 0: at least 1 is needed")]
    Zero(&'static str),
    #[error(
        "refused to write to {base_url}: it is not the mock on this machine; set dry_run, or name the organisation's id by \
         allowing_writes_to; nothing was sent"
    )]
    Guard { base_url: String },
    #[error(
        "refused to send an API key to {base_url}: it is not on this machine, and http:// is clear text; use https://, \
         or allow it by allowing_plain_http; nothing was sent"
    )]
    ClearText { base_url: String },
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Migrates accounts' custom fields.
#[derive(Clone, Debug)]
pub struct AccountsMigrationManager {
    client: Client,
    goal: Goal,
    writes_to: Option<String>,
    plain_http: bool,
}

impl AccountsMigrationManager {
    /// A manager of what `client` points at.
    pub fn new(client: impl Into<Client>) -> Self {
        let (goal, writes_to) = (Goal::default(), None);
        Self { client: client.into(), goal, writes_to, plain_http: false }
    }

    /// The same, which chooses and ranks strategies by `goal`.
    #[must_use]
    pub fn with_goal(self, goal: Goal) -> Self {
        Self { goal, ..self }
    }

    /// The same, which may write to the organisation `org_id` on a server that is not on this machine.
    #[must_use]
    pub fn allowing_writes_to(self, org_id: impl Into<String>) -> Self {
        Self { writes_to: Some(org_id.into()), ..self }
    }

    /// The same, which may send its key in clear text, by http://, to a server that is not on this machine.
    #[must_use]
    pub fn allowing_plain_http(self) -> Self {
        Self { plain_http: true, ..self }
    }

    /// Carries out `plan` by `strategy`, and logs what happens; see [`log`](neonbench_engine::log).
    ///
    /// Errors: the run could not be made. Accounts that failed are in the result. A write to a server that is not
    /// the mock on this machine needs [`allowing_writes_to`](Self::allowing_writes_to), and a key in clear text
    /// [`allowing_plain_http`](Self::allowing_plain_http).
    /// Panics inside a tokio runtime where the client is a server: call it by `spawn_blocking`.
    pub fn execute_bulk_migration_plan(
        &self,
        plan: &MigrationPlan,
        strategy: Strategy,
    ) -> Result<MigrationResult, ManagerError> {
        self.execute_observed(plan, strategy, &mut Log::default())
    }

    /// The same, with every event handed to `observer` instead.
    pub fn execute_observed(
        &self,
        plan: &MigrationPlan,
        strategy: Strategy,
        observer: &mut dyn Observer,
    ) -> Result<MigrationResult, ManagerError> {
        let world = self.world()?;
        if let Client::Http(target) = &self.client
            && !plan.dry_run
        {
            let unreachable = |error: TransportError| EngineError::Unreachable(error.to_string());
            let allowed = self.writes_to.as_deref();
            if !target.is_writable(allowed).map_err(|it| RunError::Engine(unreachable(it)))? {
                return Err(ManagerError::Guard { base_url: target.base_url.clone() });
            }
        }
        let scenario = self.scenario(plan, None)?;
        let order = self.order(plan, &scenario, strategy)?;
        let run = order.run(&world, observer)?;
        Ok(MigrationResult::new(run.record))
    }

    /// Carries out the plan's first `sample_size` accounts by every strategy.
    ///
    /// On a server only reads are made: the first strategy's writes would leave nothing to do for
    /// the others. A simulated organisation is new for each, and written to unless the plan is a
    /// dry run.
    pub fn benchmark_migration_strategies(
        &self,
        plan: &MigrationPlan,
        sample_size: usize,
    ) -> Result<BenchmarkResult, ManagerError> {
        let dry_run = plan.dry_run || matches!(self.client, Client::Http(_));
        let plan = MigrationPlan { dry_run, ..plan.clone() };
        let scenario = self.scenario(&plan, Some(sample_size as u64))?;
        let (world, mut results, mut entries) = (self.world()?, Vec::new(), Vec::new());
        for strategy in engine::Strategy::ALL {
            let order = self.order(&plan, &scenario, Strategy::Named(strategy))?;
            let run = order.run(&world, &mut Log::default())?;
            entries.push(CandidateRuns::of(&run.record, std::iter::once(&run.record).collect()));
            results.push((strategy, MigrationResult::new(run.record)));
        }
        Ok(BenchmarkResult::new(results, &rank(&self.goal, &entries)))
    }

    /// The selector's recommendation for `plan`, with calls and times from a simulation of it.
    ///
    /// For a server the simulation assumes the profile `documented`, and nothing is sent.
    pub fn get_performance_recommendations(
        &self,
        plan: &MigrationPlan,
    ) -> Result<PerformanceRecommendations, ManagerError> {
        let simulated = match &self.client {
            Client::Http(_) => SimulatedOrganisation::default(),
            Client::Simulated(organisation) => (**organisation).clone(),
        };
        let simulation = Self::new(simulated).with_goal(self.goal.clone());
        let plan = MigrationPlan { dry_run: false, ..plan.clone() };
        let chosen = simulation.execute_bulk_migration_plan(&plan, Strategy::Auto)?;
        let standard = simulation.execute_bulk_migration_plan(&plan, Strategy::Standard)?;
        Ok(PerformanceRecommendations::new(&chosen.record, &standard.record))
    }

    /// Errors: the key would go to another machine in clear text, and nobody allowed that.
    fn world(&self) -> Result<World, ManagerError> {
        match &self.client {
            Client::Http(target) if target.is_plain_http() && !self.plain_http => {
                Err(ManagerError::ClearText { base_url: target.base_url.clone() })
            }
            Client::Http(target) => Ok(World::ForeignHttp(target.clone())),
            Client::Simulated(_) => Ok(World::Virtual),
        }
    }

    fn scenario(
        &self,
        plan: &MigrationPlan,
        sample: Option<u64>,
    ) -> Result<Scenario, ManagerError> {
        let mut plan = plan.to_plan();
        let is_foreign = matches!(self.client, Client::Http(_));
        if is_foreign {
            plan.selection = plan.selection.at_server();
        }
        let mut workload = Workload { plan: Some(plan), sample, is_foreign, ..Workload::default() };
        match &self.client {
            Client::Http(_) => {}
            Client::Simulated(organisation) => {
                workload.resources = organisation.accounts;
                workload.seed = Some(organisation.seed);
                workload.dataset = organisation.dataset.clone().map(DatasetSource::BuiltIn);
                workload.profile = Some(organisation.profile.clone());
            }
        }
        Ok(Scenario::new(workload)?)
    }

    fn order<'a>(
        &self,
        plan: &MigrationPlan,
        scenario: &'a Scenario,
        strategy: Strategy,
    ) -> Result<RunSpec<'a>, ManagerError> {
        let positive = |figure, name| NonZeroU32::new(figure).ok_or(ManagerError::Zero(name));
        let workers = positive(plan.max_workers, "max_workers")?;
        let batch_size = positive(plan.batch_size, "batch_size")?;
        let (settings, chosen_by, reason) = match strategy {
            Strategy::Named(strategy) => {
                (Settings::new(strategy), ChosenBy::User, "asked for".to_owned())
            }
            Strategy::Auto => {
                let target = match &self.client {
                    Client::Http(_) => None,
                    Client::Simulated(_) => Some(KnownTarget::of(&scenario.profile)),
                };
                // Workers and batch size are the plan's.
                let pinned = |candidate| Candidate {
                    workers: workers.get(),
                    batch_size: batch_size.get(),
                    ..candidate
                };
                let request =
                    ChoiceRequest { pinned: &pinned, ..ChoiceRequest::new(scenario, &self.goal) };
                let choice =
                    Calibration::shipped().decide(request, target.as_ref(), Portfolio::Full);
                let settings = choice.candidate.settings(0, &self.goal);
                (settings, ChosenBy::Selector, choice.reason)
            }
        };
        let seed = Settings::new(settings.strategy).seed;
        let mut settings =
            Settings { workers, batch_size, dry_run: plan.dry_run, seed, ..settings };
        if let Client::Simulated(organisation) = &self.client {
            settings.seed = organisation.seed;
        }
        Ok(RunSpec { scenario, settings, chosen_by, reason, session: RunContext::STANDALONE })
    }
}
