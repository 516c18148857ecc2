//! Runs with a journal: started, resumed, ended.

use super::args::{AccessArgs, OutputArgs, StoreArgs, ValuesArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::inputs::writable_target;
use super::owner::{self, OwnedRun, TakeOver};
use clap::Args;
use neon_mock::api::AccountId;
use neon_mock::bounds;
use neonbench::store::{Header, Lease, RunState, Site, Store, StoreError, StoredRun, TakenRun};
use neonbench::text::{join_and, plural};
use neonbench_engine::engine::{Control, EngineError, ReviewMode, Stop, WriteReview};
use neonbench_engine::event::Observer;
use neonbench_engine::journal::{
    AccountStatus, Journal, JournalError, Ledger, LedgerEntry, RetryScope, Settlements,
};
use neonbench_engine::record::{CallCounts, RunRecord};
use neonbench_engine::run::{self, Run, RunContext, RunError, RunSpec, World};
use neonbench_engine::scenario::Resources;
use neonbench_engine::world::Target;
use std::fmt::Display;
use std::time::Duration;

/// Flags of every verb that takes a run up again.
#[derive(Clone, Debug, Args)]
pub(super) struct RunRef {
    /// Number of the run, as `run` and `history` show it
    #[arg(value_name = "RUN")]
    pub(super) run: i64,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Take over a run whose owner has sent no heartbeat for this long (10s without a time)
    #[arg(long, value_name = "DURATION", value_parser = silence, num_args = 0..=1, require_equals = true, default_missing_value = "10s", help_heading = "World")]
    pub(super) take_over: Option<Duration>,
    /// Go on although the accounts look like those of another organisation
    #[arg(long, help_heading = "World")]
    pub(super) same_organisation: bool,
    #[command(flatten)]
    pub(super) values: ValuesArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// The refusal to `verb` run `id`.
pub(super) fn cannot(verb: &str, id: i64, reason: impl Display) -> CliError {
    CliError::usage(format!("cannot {verb} run {id}: {reason}"))
}

/// A stored run of another process, ready to be resumed, retried, verified or undone.
pub(super) struct ResumableRun {
    pub(super) store: Store,
    pub(super) run: StoredRun,
    pub(super) header: Header,
    pub(super) target: Target,
    take_over: TakeOver,
    same_organisation: bool,
}

impl ResumableRun {
    /// Run `id` of `store` at `target`, which no other process has.
    ///
    /// Errors: the store has no such run.
    pub(super) fn of(store: Store, id: i64, target: Target) -> Result<Self, CliError> {
        let run = store.run(id)?;
        let header = run.header.clone().ok_or_else(|| cannot("review", id, "it has no journal"))?;
        let take_over = TakeOver { after: None };
        Ok(Self { store, run, header, target, take_over, same_organisation: false })
    }

    /// Compares the run's fields with `ledger`, or takes them back, `how` it says. Every event goes to `observer`.
    ///
    /// Errors: the target cannot be reached.
    pub(super) fn review(
        &self,
        ledger: &Ledger,
        how: (&Stop, &Control, &dyn Journal, ReviewMode),
        observer: &mut dyn Observer,
    ) -> Result<WriteReview, CliError> {
        Ok(run::review(&self.target, &self.header.settings, ledger, how, observer)?)
    }

    /// Takes the run for `verb`, if it is in one of the states `from`; the state that it is in otherwise.
    ///
    /// Errors: another process owns it, or the store cannot be written.
    pub(super) fn take(
        &mut self,
        verb: &str,
        from: &[RunState],
        to: RunState,
    ) -> Result<Result<TakenRun, RunState>, CliError> {
        owner::take(&mut self.store, self.run.id, verb, (from, to), self.take_over)
    }

    /// Looks at a few accounts that the run of `ledger` wrote, in order to `verb` it; the calls that this took.
    ///
    /// Errors: they are those of another organisation; the server does not answer.
    pub(super) fn recognise(
        &self,
        verb: &str,
        ledger: &Ledger,
        stop: &Stop,
    ) -> Result<CallCounts, CliError> {
        if self.same_organisation || !ledger.has_writes() {
            return Ok(CallCounts::NONE);
        }
        let settings = &self.header.settings;
        let (found, calls) = run::recognise(&self.target, settings, ledger, stop)?;
        if !found.is_another() {
            return Ok(calls);
        }
        let reason = format!(
            "organisation `{}` at {} is another than the one that it wrote: of {} that it wrote, {} are others there \
             or are missing; add --same-organisation if that is right; nothing was written",
            self.target.org_id,
            self.target.base_url,
            plural(found.known + found.strange, "account"),
            found.strange
        );
        Err(cannot(verb, self.run.id, reason))
    }

    /// Waits until no other process writes the run.
    ///
    /// Errors: one does.
    pub(super) fn await_silence(&self, verb: &str) -> Result<(), CliError> {
        owner::await_silence(&self.store, self.run.id, verb, self.take_over)
    }
}

/// The least silence that tells anything: several heartbeats.
const LEAST_SILENCE: Duration = Duration::from_secs(2);

/// A time of silence, as the flag has it.
fn silence(text: &str) -> Result<Duration, String> {
    let silence = bounds::duration(text)?;
    if silence < LEAST_SILENCE {
        return Err(
            "an owner sends a heartbeat each half second: at least 2s are needed".to_owned()
        );
    }
    Ok(silence)
}

impl RunRef {
    /// Recognises the organisation of a run of which accounts are left; the calls that this took.
    ///
    /// Errors: as those of [`ResumableRun::recognise`].
    pub(super) fn recognised(
        &self,
        reopened: &ResumableRun,
        verb: &str,
        stop: &Stop,
    ) -> Result<CallCounts, CliError> {
        let ledger = reopened.store.ledger(self.run)?;
        let has_ended = |id: &AccountId| {
            let landed = ledger.get(*id).and_then(|entry| entry.landed.as_ref());
            let again = [AccountStatus::Failed, AccountStatus::Ambiguous];
            landed.is_some_and(|(status, _)| verb == "resume" || !again.contains(status))
        };
        if reopened.run.ids.as_ref().is_some_and(|ids| ids.iter().all(has_ended)) {
            return Ok(CallCounts::NONE);
        }
        reopened.recognise(verb, &ledger, stop)
    }

    /// Opens the run in order to `verb` it; `writes` is true if that writes.
    ///
    /// Errors: the store has no such run; it has no journal or ended with its process; the
    /// production guard refuses the address.
    pub(super) fn reopen(&self, verb: &str, writes: bool) -> Result<ResumableRun, CliError> {
        let store = self.store.open()?;
        let run = store.run(self.run)?;
        let id = run.id;
        let usage = |reason: String| Err(cannot(verb, id, reason));
        let gone = |made: &str| {
            usage(format!(
                "it ran {made} ended with its process; to keep one, use `neonbench serve` and `run --base-url`"
            ))
        };
        let Some(header) = run.header.clone() else {
            return usage(
                "it has no journal (`run` keeps one over HTTP, or with --journal)".to_owned(),
            );
        };
        let (base_url, org_id) = match &header.site {
            Site::ForeignHttp { base_url, org_id } => (base_url, org_id),
            Site::Virtual => return gone("in virtual time, and its organisation"),
            Site::EmbeddedHttp => return gone("against a mock that"),
        };
        if let Some(given) =
            self.access.credentials.org_id.as_ref().filter(|given| *given != org_id)
        {
            return usage(format!("it belongs to organisation `{org_id}`, not to `{given}`"));
        }
        let mut access = self.access.clone();
        access.credentials.org_id = Some(org_id.clone());
        let target = writable_target(base_url, &access, writes)?;
        let take_over = TakeOver { after: self.take_over };
        let same_organisation = self.same_organisation;
        Ok(ResumableRun { store, run, header, target, take_over, same_organisation })
    }
}

/// The command worth running after a run with a journal; `line` names that run.
pub(super) fn next_command(record: &RunRecord, line: &CommandLine) -> String {
    let verb = if record.stopped {
        "resume"
    } else if record.records.failed > 0 {
        "retry"
    } else {
        "verify"
    };
    line.to(verb).to_string()
}

/// A stored run, about to be carried out.
pub(super) struct JournaledRun<'a> {
    /// The store that holds it.
    pub(super) store: &'a mut Store,
    /// The right to write to it.
    pub(super) owned: &'a OwnedRun,
    /// Its ledger from earlier attempts.
    pub(super) ledger: &'a Ledger,
    /// The failed accounts that are tried again.
    pub(super) again: RetryScope,
    /// Decisions of people about accounts with a write of unknown result.
    pub(super) settlements: &'a Settlements,
    /// Set when nothing more may begin.
    pub(super) stop: &'a Stop,
    /// Holds and slows it.
    pub(super) control: &'a Control,
    /// The command that resumes it; `None` where none can.
    pub(super) resume: Option<String>,
    /// The record that it has from earlier processes.
    pub(super) earlier: Option<RunRecord>,
    /// Processes after those that left no figures.
    pub(super) lost: u64,
    /// True if the record of this process is of all accounts of the run, and becomes the run's. That of some
    /// accounts is added to it.
    pub(super) keeps_record: bool,
}

impl JournaledRun<'_> {
    /// Carries it out; `next` gives the command worth running after it.
    ///
    /// Errors: the run could not go on. It stays in the store if it has notes, and can be resumed.
    pub(super) fn carry_out(
        self,
        order: &RunSpec<'_>,
        world: &World,
        observer: &mut dyn Observer,
        next: impl FnOnce(&Run) -> Result<String, CliError>,
    ) -> Result<Run, CliError> {
        let JournaledRun {
            store, owned, ledger, again, settlements, stop, control, resume, ..
        } = self;
        let accounts = match &order.scenario.resources {
            Resources::Ids(ids) => ids.as_slice(),
            Resources::Search { .. } => &[],
        };
        let lease = &owned.lease;
        let (made, late) = {
            let journal = store.journal(lease)?;
            let context =
                RunContext { journal: &journal, ledger, again, settlements, ..order.session };
            let session = RunContext { stop, control, ..context };
            let made = RunSpec { session, ..order.clone() }.run(world, observer);
            (made, journal.late_writes())
        };
        if store.is_held(lease).is_ok_and(|is_held| !is_held) {
            return Err(owner::lost(store, lease.run, &late));
        }
        owned.end();
        match made {
            Ok(mut run) => {
                run.record.run = Some(lease.run);
                if self.keeps_record {
                    let landed = run.measure.landed_here();
                    run.record.continue_from(self.earlier.as_ref(), landed, self.lost);
                }
                run.record.warnings.extend(late_words(&store.late_writes(lease.run)?));
                run.record.next_command = next(&run)?;
                let state = if run.record.stopped { RunState::Stopped } else { RunState::Finished };
                let ended = match (self.keeps_record, self.earlier) {
                    (true, _) => store.end(lease, state, Some(&run)),
                    (false, None) => store.end(lease, state, None),
                    (false, Some(earlier)) => {
                        let landed = run.measure.landed_here();
                        let whole = run.record.clone().after_retry(&earlier, accounts, landed);
                        let own = std::mem::replace(&mut run.record, whole);
                        let ended = store.end(lease, state, Some(&run));
                        run.record = own;
                        ended
                    }
                };
                match ended.and_then(|()| store.check_journal(lease.run)) {
                    Ok(()) => Ok(run),
                    Err(source) => Err(unsaved(store, lease.run, "its end", resume, source.into())),
                }
            }
            Err(source) => Err(broken_off(store, lease, resume, source)),
        }
    }
}

/// The refusal of the store to apply a plan again, if that is why a run could not go on.
fn overlap_in(error: &RunError) -> Option<&StoreError> {
    let RunError::Engine(EngineError::Journal(JournalError(source))) = error else { return None };
    let source = source.downcast_ref::<StoreError>()?;
    matches!(source, StoreError::Overlap { .. }).then_some(source)
}

/// The error of a run, which could not go on for `source`. The run stays in the store if it has notes.
fn broken_off(
    store: &mut Store,
    lease: &Lease,
    resume: Option<String>,
    source: RunError,
) -> CliError {
    let id = lease.run;
    let is_noted = store.has_notes(id).unwrap_or(true);
    if !is_noted && store.forget(lease).is_ok() {
        let overlap = overlap_in(&source).map(owner::overlap);
        return overlap.unwrap_or_else(|| source.into());
    }
    // If the store does not take this either, the run stays there like one that was killed.
    let _ = store.end(lease, RunState::Failed, None);
    match (source, resume) {
        (RunError::Engine(EngineError::Journal(JournalError(source))), resume) => {
            unsaved(store, id, "the note of its next write", resume, source)
        }
        (source, Some(resume)) => CliError::Checkpoint { resume, source },
        (source, None) => source.into(),
    }
}

/// The error of run `id`, of which the store could not take `what`.
fn unsaved(
    store: &Store,
    id: i64,
    what: &'static str,
    resume: Option<String>,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> CliError {
    // A store that vanished is still read, as long as it is open.
    let unknown = |_| "an unknown number of accounts".to_owned();
    let written = store.ledger(id).map_or_else(unknown, |ledger| {
        let of =
            |is: fn(&LedgerEntry) -> bool| ledger.iter().filter(|(_, it)| is(it)).count() as u64;
        let written = plural(of(|entry| !entry.changes.is_empty()), "account");
        match of(|entry| entry.open.is_some()) {
            0 => written,
            open => format!("{written} (and perhaps {open} more, which were under way)"),
        }
    });
    match store.check_journal(id) {
        Err(source @ StoreError::Vanished { .. }) => {
            CliError::Lost { run: id, written, source: Box::new(source) }
        }
        _ => CliError::Unsaved { run: id, what, written, resume, source },
    }
}

/// The warning about `accounts` that a process may have written after it had lost the run.
pub(super) fn late_words(accounts: &[AccountId]) -> Option<String> {
    (!accounts.is_empty()).then(|| {
        format!(
            "a process that has lost this run may have written {} after it was taken over, or may do so when it wakes \
             up: make sure that it has ended, and look at them",
            numbered(accounts)
        )
    })
}

/// `accounts 1, 2 and 3`, the first of them by their numbers.
pub(super) fn numbered(accounts: &[AccountId]) -> String {
    let mut listed: Vec<String> = accounts.iter().take(20).map(AccountId::to_string).collect();
    if let more @ 1.. = accounts.len() - listed.len() {
        listed.push(format!("{more} more"));
    }
    let noun = if accounts.len() == 1 { "account" } else { "accounts" };
    format!("{noun} {}", join_and(&listed))
}
