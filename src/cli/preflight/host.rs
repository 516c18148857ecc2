//! The command line's part of a preflight: settings that flags ask for, and runs of the sample in a store.

use crate::cli::args::{EngineArgs, StoreArgs};
use crate::cli::command_line::CommandLine;
use crate::cli::control::Controls;
use crate::cli::error::{CliError, in_words};
use crate::cli::files::{self, Readers};
use crate::cli::inputs::Inputs;
use crate::cli::journaled::{JournaledRun, ResumableRun};
use crate::cli::owner::{OwnedRun, claimant, in_brief, is_gone, this_process};
use crate::cli::stored::now_unix_s;
use crate::cli::verify_undo::restored;
use neon_mock::api::AccountId;
use neonbench::preflight::{
    CallAllowance, CallMeter, Host, Migration, PreflightError, SamplePlace,
};
use neonbench::store::{RunState, Store, StoreError};
use neonbench::text::duration;
use neonbench_engine::clock::Clock as _;
use neonbench_engine::engine::{Control, ReviewMode, Settings, Stop, WriteReview};
use neonbench_engine::journal::{Ledger, NO_SETTLEMENTS, NoJournal, RetryScope};
use neonbench_engine::run::{Run, RunContext, RunSpec, World};
use neonbench_engine::scenario::Scenario;
use neonbench_engine::transport::TIMEOUT;
use neonbench_engine::world::{WallClock, runtime};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The flags of a preflight, and its signals.
pub(super) struct CommandHost<'a> {
    /// The inputs, of which the server is only read.
    pub(super) inputs: &'a Inputs,
    /// The same without the settings that the user gave.
    pub(super) unpinned: &'a Inputs,
    pub(super) store: &'a StoreArgs,
    pub(super) line: &'a CommandLine,
    /// True if the plan may be applied where a run of the store has changed the same fields.
    pub(super) may_overlap: bool,
    /// Set by signals, and where a run's calls are used up.
    pub(super) stop: &'a Arc<Stop>,
    /// Run of the sample that is not taken back yet.
    pub(super) begun: Cell<Option<i64>>,
    /// Calls of the sample at the target.
    pub(super) calls: Cell<CallAllowance>,
    /// True if a write of the sample was sent and not answered.
    pub(super) has_unanswered: Cell<bool>,
    /// True if the stop was set since the calls of the sample were used up.
    pub(super) is_used_up: Cell<bool>,
}

fn inconclusive<T>(result: Result<T, CliError>) -> Result<T, PreflightError> {
    result.map_err(|error| PreflightError::Inconclusive(in_words(&error)))
}

impl Host for CommandHost<'_> {
    fn migration(&self, accounts: Option<u64>) -> Result<Migration, PreflightError> {
        let Inputs { scenario, .. } = self.inputs;
        let scenario =
            accounts.map_or_else(|| scenario.clone(), |count| scenario.of_size(count.max(1)));
        let order = inconclusive(self.inputs.order(&scenario, None))?;
        let (settings, chosen_by, reason) = (order.settings.clone(), order.chosen_by, order.reason);
        Ok(Migration { settings, chosen_by, reason, scenario })
    }

    fn advice(&self, scenario: &Scenario) -> Result<(Settings, String), PreflightError> {
        let order = inconclusive(self.unpinned.order(scenario, None))?;
        Ok((order.settings, order.reason))
    }

    fn migrate(
        &self,
        place: &SamplePlace,
        migration: &Migration,
        allowed: CallAllowance,
    ) -> Result<Run, PreflightError> {
        inconclusive(self.migrated(place, migration, allowed))
    }

    fn review(
        &self,
        place: &SamplePlace,
        id: i64,
        mode: ReviewMode,
        allowed: CallAllowance,
    ) -> Result<WriteReview, PreflightError> {
        inconclusive(self.reviewed(place, id, mode, allowed))
    }

    fn in_the_way(
        &self,
        migration: &Migration,
        ids: &[AccountId],
    ) -> Result<Vec<String>, PreflightError> {
        let Migration { scenario, settings, chosen_by, reason } = migration;
        let (settings, session) =
            (Settings { dry_run: false, ..settings.clone() }, RunContext::STANDALONE);
        let (chosen_by, reason) = (*chosen_by, reason.clone());
        let order = RunSpec { scenario, settings, chosen_by, reason, session };
        let header = self.inputs.header(&self.inputs.world, &order);
        let found = self.store.read_if_any(|store| {
            let unfinished = store.unfinished_at(&header)?;
            let mut found = Vec::new();
            for (id, state) in unfinished {
                let owner = store.holder(id)?.map(|holder| format!(" ({})", in_brief(&holder)));
                found.push(format!(
                    "run {id} on this organisation is {state}{}: let it end, resume it or undo it",
                    owner.unwrap_or_default()
                ));
            }
            if found.is_empty() && !self.may_overlap {
                found.extend(
                    store.met_by(&header, ids, is_gone)?.map(|overlap| overlap.to_string()),
                );
            }
            Ok(found)
        });
        Ok(inconclusive(found)?.unwrap_or_default())
    }

    fn standing(&self) -> Option<i64> {
        self.begun.get()
    }

    fn write_private(&self, path: &Path, text: &str) -> Result<(), PreflightError> {
        inconclusive(written(path, text, Readers::Owner))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), PreflightError> {
        let first = text.lines().next().unwrap_or_default();
        let is_other = fs::read(path).is_ok_and(|found| !found.starts_with(first.as_bytes()));
        if is_other {
            let words = format!("{} is another file, and was left alone", path.display());
            return Err(PreflightError::Inconclusive(words));
        }
        inconclusive(written(path, text, Readers::All))
    }

    fn now_unix_s(&self) -> i64 {
        now_unix_s()
    }

    fn undo_command(&self, id: i64) -> String {
        self.line.to("undo").with("run", id).to_string()
    }
}

impl CommandHost<'_> {
    fn migrated(
        &self,
        place: &SamplePlace,
        migration: &Migration,
        allowed: CallAllowance,
    ) -> Result<Run, CliError> {
        let Migration { scenario, settings, chosen_by, reason } = migration;
        let world = World::ForeignHttp(place.target.clone());
        let order = RunSpec {
            scenario,
            settings: settings.clone(),
            chosen_by: *chosen_by,
            reason: reason.clone(),
            session: RunContext::STANDALONE,
        };
        let mut store = Store::open(&place.store)?;
        let process = this_process();
        let claimant = claimant("preflight", &process, self.may_overlap);
        let lease = self.inputs.begin_at(&world, &mut store, &order, usize::MAX, claimant)?;
        let id = lease.run;
        let owned = OwnedRun::keep(lease, &place.store, self.stop);
        if place.stays {
            // Said before the first write: a process that is killed says nothing.
            self.line.note(format_args!(
                "the sample is run {id}; if this process is cut off, `{}` takes it back",
                self.undo_command(id)
            ));
            self.begun.set(Some(id));
        }
        let meter = CallMeter::new(allowed, self.stop);
        let begun = JournaledRun {
            store: &mut store,
            owned: &owned,
            ledger: Ledger::EMPTY,
            again: RetryScope::Neither,
            settlements: NO_SETTLEMENTS,
            stop: self.stop,
            control: Control::NEVER,
            resume: None,
            earlier: None,
            lost: 0,
            keeps_record: true,
        };
        let made = begun.carry_out(&order, &world, &mut &meter, |_| Ok(self.undo_command(id)));
        self.count(place, &meter);
        self.has_unanswered.set(meter.has_unanswered());
        if matches!(store.run(id), Err(StoreError::NoRun { .. })) {
            // It had written nothing, and is forgotten.
            self.begun.set(None);
        }
        made
    }

    /// Takes the run back; once more where a write without an answer may have been carried out after the first time.
    fn taken_back(
        &self,
        reopened: &mut ResumableRun,
        place: &SamplePlace,
        stop: &Arc<Stop>,
        meter: &CallMeter<'_>,
    ) -> Result<WriteReview, CliError> {
        let controls = Controls::closed(stop, &reopened.header.settings, self.line);
        let mut found = restored(reopened, &place.store, &controls, &mut &*meter)?;
        if !self.has_unanswered.get() {
            // A write that was noted and never sent does not come.
            found.unsettled = 0;
        }
        if found.unsettled == 0 || !place.stays {
            return Ok(found);
        }
        self.line.note(format_args!(
            "the sample has writes without an answer: looking at them again in {}, in case they are carried out late",
            duration(TIMEOUT.as_secs_f64())
        ));
        let clock = WallClock::start();
        let pause = async { clock.sleep_until(clock.now() + TIMEOUT).await };
        runtime().map_err(CliError::Runtime)?.block_on(pause);
        let again = restored(reopened, &place.store, &controls, &mut &*meter)?;
        let unsettled = found.unsettled.saturating_sub(again.restored);
        Ok(WriteReview { unsettled, ..again })
    }

    /// Adds the calls of `meter`, if they went to the target.
    fn count(&self, place: &SamplePlace, meter: &CallMeter<'_>) {
        self.is_used_up.set(self.is_used_up.get() || meter.is_used_up());
        if place.is_target {
            self.calls.set(self.calls.get() + meter.sent());
        }
    }

    fn reviewed(
        &self,
        place: &SamplePlace,
        id: i64,
        mode: ReviewMode,
        allowed: CallAllowance,
    ) -> Result<WriteReview, CliError> {
        let store = Store::open(&place.store)?;
        let mut reopened = ResumableRun::of(store, id, place.target.clone())?;
        if mode == ReviewMode::Undo {
            // A sample is taken back whatever signal came: only a second one, which ends the process, leaves it.
            let stop = Arc::new(Stop::patient());
            let meter = CallMeter::new(allowed, &stop);
            let found = self.taken_back(&mut reopened, place, &stop, &meter);
            self.count(place, &meter);
            let found = found?;
            let is_undone = reopened.store.run(id)?.state == RunState::Undone;
            if is_undone {
                self.begun.set(None);
            }
            return Ok(found);
        }
        let ledger = reopened.store.ledger(id)?;
        let meter = CallMeter::new(allowed, self.stop);
        let found =
            reopened.review(&ledger, (self.stop, Control::NEVER, &NoJournal, mode), &mut &meter);
        self.count(place, &meter);
        found
    }
}

/// Writes `text` to `path` for `readers`, and makes its folder.
fn written(path: &Path, text: &str, readers: Readers) -> Result<(), CliError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::create_folder(folder)?;
    }
    files::Output::prepare(path, readers)?.write(text)
}

/// `engine` without the settings that a choice would leave alone.
pub(super) fn unpinned(engine: &EngineArgs) -> EngineArgs {
    EngineArgs {
        strategy: None,
        workers: None,
        batch_size: None,
        limiter: None,
        reads: None,
        guard: None,
        ..engine.clone()
    }
}
