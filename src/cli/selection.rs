//! The accounts that a plan selects at a server: counted before a choice, and listed.

use super::args::{EngineArgs, WorkloadArgs, WorldArgs};
use super::error::CliError;
use super::inputs::Inputs;
use super::plan::unmapped_at;
use neon_mock::api::AccountId;
use neonbench_engine::engine::{Settings, Stop, Strategy, count_accounts, find_accounts};
use neonbench_engine::event::Observer;
use neonbench_engine::measure::Measure;
use neonbench_engine::plan::Selection;
use neonbench_engine::record::CallCounts;
use neonbench_engine::run::{RunError, World};
use neonbench_engine::scenario::Resources;
use neonbench_engine::world::{HttpTransport, Target, WallClock, runtime};

/// The size of a selection at a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountedSelection {
    /// Accounts, at least 1.
    pub(super) accounts: u64,
    /// Calls that counting them took.
    pub(super) calls: CallCounts,
}

impl Inputs {
    /// The inputs of a simulation that stands for a run at a server: as many accounts as the plan selects there.
    ///
    /// Errors: as those of [`read`](Self::read), and the server does not serve the search.
    pub(super) fn sized_at_server(
        workload: &WorkloadArgs,
        engine: &EngineArgs,
        world: &WorldArgs,
    ) -> Result<Self, CliError> {
        // Nothing is written there, whatever is simulated.
        let reads = EngineArgs { dry_run: true, ..engine.clone() };
        let mut inputs = Self::read(workload, &reads, world)?;
        let accounts = inputs.counted()?.map(|counted| counted.accounts);
        let accounts = accounts.unwrap_or_else(|| inputs.scenario.expected_resources());
        let unmapped = match &inputs.world {
            World::ForeignHttp(target) => unmapped_at(target, &inputs.scenario.plan)?,
            World::Virtual | World::EmbeddedHttp => Vec::new(),
        };
        inputs.scenario = inputs.scenario.of_size(accounts).with_unmapped(unmapped);
        inputs.engine.dry_run = engine.dry_run || inputs.scenario.plan.hints.dry_run == Some(true);
        inputs.world = World::Virtual;
        Ok(inputs)
    }

    /// Counts the accounts that a filter selects at the server, by one search; `None` where they are listed, or
    /// where the server is the mock.
    ///
    /// Errors: the server does not serve the search.
    pub(super) fn counted(&self) -> Result<Option<CountedSelection>, CliError> {
        let (World::ForeignHttp(target), Resources::Search { criteria, most }) =
            (&self.world, &self.scenario.resources)
        else {
            return Ok(None);
        };
        let mut measure = Measure::counting();
        let transport = HttpTransport::new(target.clone()).map_err(RunError::Http)?;
        let (clock, settings) = (WallClock::start(), Settings::new(Strategy::Standard));
        let counting = count_accounts(&transport, &clock, &settings, criteria, &mut measure);
        let accounts = runtime().map_err(CliError::Runtime)?.block_on(counting);
        let accounts = accounts.map_err(RunError::Engine)?;
        let accounts = most.map_or(accounts, |most| accounts.min(most)).max(1);
        Ok(Some(CountedSelection { accounts, calls: CallCounts::of_client(&measure) }))
    }
}

/// The accounts of a plan's `selection` at `target`, the first `most` of them; every event goes to `observer`.
///
/// Errors: the server does not serve the search, or it was stopped.
pub(super) fn selected_at(
    target: &Target,
    selection: &Selection,
    most: Option<u64>,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Vec<AccountId>, CliError> {
    if let Selection::Ids(ids) = selection {
        return Ok(ids[..most.map_or(ids.len(), |most| ids.len().min(most as usize))].to_vec());
    }
    let Selection::Filter(criteria) = selection.at_server() else { return Ok(Vec::new()) };
    let transport = HttpTransport::new(target.clone()).map_err(RunError::Http)?;
    let (clock, settings) = (WallClock::start(), Settings::new(Strategy::Standard));
    let finding = find_accounts(&transport, &clock, &settings, (&criteria, most), stop, observer);
    let found = runtime().map_err(CliError::Runtime)?.block_on(finding);
    Ok(found.map_err(RunError::Engine)?)
}
