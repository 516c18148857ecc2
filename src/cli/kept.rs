//! Runs with a journal: begun, taken up again, ended.

use super::args::AccessArgs;
use super::error::CliError;
use super::inputs::target;
use super::stored::StoreArgs;
use clap::Args;
use neonbench::store::{Header, RunState, Site, Store, StoredRun};
use neonbench_engine::engine::Stop;
use neonbench_engine::event::Observer;
use neonbench_engine::journal::{Ledger, RetryScope};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{Run, RunContext, RunSpec, World};
use neonbench_engine::world::Target;

/// Flags of every verb that takes a run up again.
#[derive(Clone, Debug, Args)]
pub(super) struct RunRef {
    /// The number of the run, as `run` said it and `store list` lists it
    #[arg(value_name = "RUN")]
    pub(super) run: i64,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Take it over although a process of its number still runs
    #[arg(long, help_heading = "World")]
    pub(super) take_over: bool,
}

/// A run of another process, ready to be taken up.
pub(super) struct Reopened {
    pub(super) store: Store,
    pub(super) run: StoredRun,
    pub(super) header: Header,
    pub(super) target: Target,
}

impl RunRef {
    /// Opens the run in order to `verb` it; `writes` says whether that writes.
    pub(super) fn reopen(&self, verb: &str, writes: bool) -> Result<Reopened, CliError> {
        let store = self.store.open()?;
        let run = store.run(self.run)?;
        let id = run.id;
        let usage =
            |reason: String| Err(CliError::usage(format!("cannot {verb} run {id}: {reason}")));
        let Some(header) = run.header.clone() else {
            return usage(
                "it kept no journal (over http `run` keeps one, in virtual time with --journal)"
                    .to_owned(),
            );
        };
        let (base_url, org_id) = match &header.site {
            Site::ForeignHttp { base_url, org_id } => (base_url, org_id),
            Site::Virtual => {
                return usage(
                    "it was made in virtual time, and its organisation ended with its \
                     process; a served one stays: neonbench serve, then run --base-url"
                        .to_owned(),
                );
            }
            Site::EmbeddedHttp => {
                return usage(
                    "it was made against a mock that ended with its process; a served \
                     one stays: neonbench serve, then run --base-url"
                        .to_owned(),
                );
            }
        };
        if let Some(given) =
            self.access.credentials.org_id.as_ref().filter(|given| *given != org_id)
        {
            return usage(format!("it is of organisation `{org_id}`, and not of `{given}`"));
        }
        if let (RunState::Running, Some(process), false) = (run.state, run.process, self.take_over)
            && is_alive(process)
        {
            return usage(format!(
                "process {process} carries it out; stop that first, or, if that is another \
                 process by now, add --take-over"
            ));
        }
        let mut access = self.access.clone();
        access.credentials.org_id = Some(org_id.clone());
        let target = target(base_url, &access, writes)?;
        Ok(Reopened { store, run, header, target })
    }

    /// The command that takes the run up by `verb`.
    pub(super) fn command(&self, verb: &str) -> String {
        command(verb, self.run, &self.access, &self.store)
    }
}

impl Reopened {
    /// Makes this process the one that carries the run out.
    pub(super) fn claim(&mut self) -> Result<(), CliError> {
        if self.store.claim(&self.run, std::process::id())? {
            return Ok(());
        }
        Err(CliError::usage(format!("another process has just taken run {} up", self.run.id)))
    }
}

/// The command that takes run `id` up by `verb`. The key is left out: it is a secret.
pub(super) fn command(verb: &str, id: i64, access: &AccessArgs, store: &StoreArgs) -> String {
    let allow = match &access.allow_writes_to {
        Some(org_id) if verb != "verify" => {
            format!(" --allow-writes-to {}", super::run::quoted(org_id))
        }
        _ => String::new(),
    };
    format!("neonbench {verb} {id}{}{allow}", store.flag())
}

/// What to do after a run with a journal, if that has to do with its journal.
pub(super) fn next_command(
    record: &RunRecord,
    id: i64,
    access: &AccessArgs,
    store: &StoreArgs,
) -> String {
    let verb = if record.stopped {
        "resume"
    } else if record.records.failed > 0 {
        "retry"
    } else {
        "verify"
    };
    command(verb, id, access, store)
}

/// A run that is kept, as it is about to be carried out.
pub(super) struct Begun<'a> {
    /// Where.
    pub(super) store: &'a mut Store,
    /// The number that it goes by.
    pub(super) id: i64,
    /// What was noted of it.
    pub(super) ledger: &'a Ledger,
    /// Which of the accounts that failed are taken up again.
    pub(super) again: RetryScope,
    /// Says when to begin nothing more.
    pub(super) stop: &'a Stop,
    /// The command that goes on with it; `None` where none can.
    pub(super) resume: Option<String>,
    /// Whether the record of this process becomes the run's.
    pub(super) keeps_record: bool,
}

impl Begun<'_> {
    /// Carries it out. `next` says what to do after it.
    ///
    /// Errors: it could not go on. If it had noted anything it stays, to be gone on with.
    pub(super) fn carry_out(
        self,
        order: &RunSpec<'_>,
        world: &World,
        observer: &mut dyn Observer,
        next: impl FnOnce(&RunRecord) -> String,
    ) -> Result<Run, CliError> {
        let Begun { store, id, ledger, again, stop, resume, keeps_record } = self;
        let made = {
            let journal = store.journal(id)?;
            let session = RunContext { journal: &journal, ledger, again, stop };
            RunSpec { session, ..order.clone() }.run(world, observer)
        };
        match made {
            Ok(mut run) => {
                run.record.run = Some(id);
                run.record.next_command = next(&run.record);
                let state = if run.record.stopped { RunState::Stopped } else { RunState::Finished };
                store.end(id, state, Some(&run).filter(|_| keeps_record))?;
                Ok(run)
            }
            Err(source) if store.has_notes(id)? => {
                store.end(id, RunState::Failed, None)?;
                Err(match resume {
                    Some(resume) => CliError::Checkpoint { resume, source },
                    None => source.into(),
                })
            }
            Err(source) => {
                store.forget(id)?;
                Err(source.into())
            }
        }
    }
}

/// Whether a process of that number runs on this machine.
#[cfg(unix)]
pub(super) fn is_alive(process: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return false };
    // Somebody else's process may not be signalled, and is alive.
    process != std::process::id() && !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
pub(super) fn is_alive(_: u32) -> bool {
    false
}
