//! The lease of a run in the hands of this process: taken, kept alive, lost.

use super::error::CliError;
use super::journaled::{cannot, numbered};
use super::output::second;
use super::stored::now_unix_s;
use neon_mock::api::AccountId;
use neonbench::store::TakenRun;
use neonbench::store::{
    Claimant, FormerOwner, Lease, LeaseAnswer, LeaseHolder, ProcessIdentity, RunState, Store,
    StoreError,
};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::Stop;
use neonbench_engine::journal::{BEAT_EVERY, LeaseWatch, OwnerSign};
use neonbench_engine::world::WallClock;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

/// This process wants a run in order to carry out `verb`.
pub(super) fn claimant<'a>(
    verb: &'a str,
    process: &'a ProcessIdentity,
    may_overlap: bool,
) -> Claimant<'a> {
    Claimant { verb, process, at_unix_s: now_unix_s(), may_overlap, is_gone }
}

/// This process, as others recognise it.
pub(super) fn this_process() -> ProcessIdentity {
    let process = std::process::id();
    let line = |file: &str| std::fs::read_to_string(file).map(|text| text.trim().to_owned());
    let host = line("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    // A /proc of another namespace has other numbers than ours.
    let is_ours = std::fs::read_link("/proc/self")
        .is_ok_and(|link| link.to_str() == Some(&*process.to_string()));
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok().filter(|_| is_ours);
    let boot = line("/proc/sys/kernel/random/boot_id").ok();
    let scope = boot.zip(namespace).map(|(boot, space)| format!("{boot} {}", space.display()));
    ProcessIdentity {
        process,
        host: host.unwrap_or_default(),
        started: scope.as_ref().and_then(|_| Some(stat(process)?.1)),
        scope: scope.unwrap_or_default(),
    }
}

/// State and start of a process of this namespace. Source: `proc_pid_stat(5)`.
fn stat(process: u32) -> Option<(char, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it is in parentheses and may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

/// True if that process has certainly ended: this process would see it, if it were there.
pub(in crate::cli) fn is_gone(other: &ProcessIdentity) -> bool {
    let this = this_process();
    if this.scope.is_empty() || this.scope != other.scope {
        return false;
    }
    match stat(other.process) {
        Some((state, started)) => matches!(state, 'Z' | 'X') || Some(started) != other.started,
        // A /proc may hide the processes of other users.
        None => has_no_process(other.process),
    }
}

/// True if no process of this namespace has that number.
#[cfg(unix)]
fn has_no_process(number: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(number).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

#[cfg(not(unix))]
fn has_no_process(_: u32) -> bool {
    false
}

/// `run`, process 42 on host a, since when.
pub(super) fn in_brief(holder: &LeaseHolder) -> String {
    let LeaseHolder { verb, process, since_unix_s, .. } = holder;
    let host = match process.host.as_str() {
        "" => String::new(),
        host => format!(" on {host}"),
    };
    format!("`{verb}`, process {}{host}, since {} UTC", process.process, second(*since_unix_s))
}

/// The same as a sentence, with its last heartbeat.
fn in_words(holder: &LeaseHolder) -> String {
    let brief = in_brief(holder);
    format!("it belongs to {brief} (last heartbeat {} UTC)", second(holder.seen_unix_s))
}

/// The refusal of a run that would apply a plan where another run has, with the ways on.
pub(super) fn overlap(error: &StoreError) -> CliError {
    let StoreError::Overlap { overlap, .. } = error else {
        unreachable!("asked for overlaps alone")
    };
    let run = overlap.run;
    let (verb, ways) = match overlap.state {
        RunState::Finished => ("undo", format!("undo it first (`neonbench undo {run}`)")),
        RunState::Undoing => ("undo", format!("undo it to the end (`neonbench undo {run}`)")),
        _ => (
            "resume",
            format!("continue it (`neonbench resume {run}`), or undo it (`neonbench undo {run}`)"),
        ),
    };
    let ways = match &overlap.holder {
        Some(holder) => format!(
            "it belongs to {}: wait for its end (if it has died: `neonbench {verb} {run} --take-over`), {ways}",
            in_brief(holder)
        ),
        None => ways,
    };
    CliError::usage(format!("{error}: {ways}, or add --again if that is meant"))
}

/// Heartbeats of an owner that a takeover waits through before it takes the owner for alive.
const LAST_BEATS: u32 = 3;

/// The conditions on which a run of another process may be taken over.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakeOver {
    /// The silence after which it may; `None` if only from a process that has certainly ended.
    pub(super) after: Option<Duration>,
}

/// A run that belongs to this process. It sends heartbeats until it is dropped.
#[derive(Debug)]
pub(super) struct OwnedRun {
    pub(super) lease: Lease,
    /// True once this process gives the run up itself.
    is_ending: Arc<AtomicBool>,
    heart: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl OwnedRun {
    /// Keeps `lease` alive in the store at `path`, and sets `stop` once it is lost.
    pub(super) fn keep(lease: Lease, path: &Path, stop: &Arc<Stop>) -> Self {
        let (end, ended) = mpsc::channel();
        let (path, stop, kept) = (path.to_owned(), Arc::clone(stop), lease.clone());
        let is_ending = Arc::new(AtomicBool::new(false));
        let given_up = Arc::clone(&is_ending);
        let lost = move || {
            if !given_up.load(Ordering::SeqCst) {
                stop.set();
            }
        };
        // Now, while the store is certainly there: one that is removed later must not be begun anew.
        let store = Store::open_if_any(&path).ok().flatten();
        let thread = std::thread::spawn(move || beat(&kept, (&path, store), lost, &ended));
        Self { lease, is_ending, heart: Some((end, thread)) }
    }

    /// Says that this process is about to end the run: a heartbeat after that stops nothing more.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::SeqCst);
    }
}

impl Drop for OwnedRun {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.heart.take() {
            drop(end);
            thread.join().ok();
        }
    }
}

fn beat(
    lease: &Lease,
    (path, mut store): (&Path, Option<Store>),
    lost: impl FnOnce(),
    ended: &mpsc::Receiver<()>,
) {
    // The end of the run waits for this thread, and holds a lock where the log of the store was removed.
    neonbench::store::wait_moments_only();
    while matches!(ended.recv_timeout(BEAT_EVERY), Err(RecvTimeoutError::Timeout)) {
        // A store that cannot be written now may be later: the engine's own notes decide.
        store = store.or_else(|| Store::open_if_any(path).ok().flatten());
        let beats = store.as_ref().map(|store| store.beat(lease, now_unix_s()));
        if let Some(Ok(false)) = beats {
            lost();
            return;
        }
    }
}

/// Takes run `id` for `verb`, if it is in one of the states `from`; waits for the silence of its owner if
/// `take_over` says so. `Err` has the state that it is in otherwise.
///
/// Errors: another process owns it, or the store cannot be written.
pub(super) fn take(
    store: &mut Store,
    id: i64,
    verb: &str,
    states: (&[RunState], RunState),
    take_over: TakeOver,
) -> Result<Result<TakenRun, RunState>, CliError> {
    let process = this_process();
    let claimant = claimant(verb, &process, false);
    let mut former = None;
    loop {
        match store.take(id, claimant, states, former.as_ref())? {
            LeaseAnswer::Taken(taken) => return Ok(Ok(*taken)),
            LeaseAnswer::NotIn(state) => return Ok(Err(state)),
            LeaseAnswer::Held(holder) => {
                former = Some(silence_of(store, id, verb, holder, take_over)?);
            }
        }
    }
}

/// Waits until nobody else owns run `id`, or its owner is silent or gone.
///
/// Errors: another process owns it.
pub(super) fn await_silence(
    store: &Store,
    id: i64,
    verb: &str,
    take_over: TakeOver,
) -> Result<(), CliError> {
    match store.holder(id)? {
        Some(holder) => silence_of(store, id, verb, holder, take_over).map(drop),
        None => Ok(()),
    }
}

/// The owner, once it is gone or silent for the time that `take_over` asks for.
fn silence_of(
    store: &Store,
    id: i64,
    verb: &str,
    holder: LeaseHolder,
    take_over: TakeOver,
) -> Result<FormerOwner, CliError> {
    let former =
        |holder: LeaseHolder, is_gone| FormerOwner { heartbeat: holder.heartbeat, is_gone };
    let refused = |holder: &LeaseHolder, way: &str| {
        Err(cannot(verb, id, format_args!("{}; {way}", in_words(holder))))
    };
    if is_gone(&holder.process) {
        return Ok(former(holder, true));
    }
    let Some(after) = take_over.after else {
        let this = this_process();
        let is_seen = !this.scope.is_empty() && this.scope == holder.process.scope;
        let way = if is_seen {
            "stop that process first, or add --take-over, which waits until it is silent"
        } else {
            "whether that process still runs cannot be seen from here; add --take-over, which waits until it is silent"
        };
        return refused(&holder, way);
    };
    let clock = WallClock::start();
    let mut watch = LeaseWatch::new(holder.heartbeat.clone(), after, clock.now());
    let mut moved = 0;
    loop {
        std::thread::park_timeout(BEAT_EVERY / 2);
        let Some(found) = store.holder(id)? else { return Ok(former(holder, true)) };
        match watch.look(&found.heartbeat, clock.now()) {
            // An owner that is just ending may have sent one more.
            OwnerSign::Alive if moved < LAST_BEATS => {
                moved += 1;
                watch = LeaseWatch::new(found.heartbeat, after, clock.now());
            }
            OwnerSign::Alive => return refused(&found, "it is alive: stop that process first"),
            _ if is_gone(&found.process) => return Ok(former(found, true)),
            OwnerSign::Quiet => {}
            OwnerSign::Silent => return Ok(former(found, false)),
        }
    }
}

/// The error of a process that has lost its run; what it may have written since is noted in the store.
pub(super) fn lost(store: &Store, id: i64, late: &[AccountId]) -> CliError {
    let noted = store.add_late_writes(id, late);
    let holder = store.holder(id).ok().flatten();
    let by = holder.map_or_else(|| "it was taken over and ended".to_owned(), |it| in_words(&it));
    let written = match late {
        [] => "nothing was written since".to_owned(),
        late => {
            let is_noted =
                if noted.is_ok() { "" } else { ", which could not be noted in the store" };
            format!(
                "a write of this process may have reached {} since{is_noted}: look at them once that run has ended",
                numbered(late)
            )
        }
    };
    CliError::TakenOver(format!("run {id} was taken over by another process ({by}); {written}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench::store::{Header, ProfileText, Site};
    use neonbench_engine::engine::{Settings, Strategy};
    use neonbench_engine::record::ChosenBy;
    use neonbench_engine::scenario::{Scenario, Workload};

    #[test]
    fn a_heartbeat_after_the_end_of_ones_own_run_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let scenario = Scenario::new(Workload::default()).unwrap();
        let header = Header {
            schema: Header::SCHEMA,
            scenario: scenario.name.clone(),
            plan: scenario.plan.clone(),
            accounts: 1,
            sample: None,
            dataset: None,
            profile: ProfileText::built_in("constant").unwrap(),
            settings: Settings::new(Strategy::Hybrid),
            chosen_by: ChosenBy::User,
            reason: String::new(),
            site: Site::Virtual,
        };
        for is_own_end in [true, false] {
            let mut store = Store::open(&path).unwrap();
            let process = this_process();
            let lease = store.begin(&header, None, claimant("run", &process, true)).unwrap();
            let stop = Arc::new(Stop::default());
            let owned = OwnedRun::keep(lease, &path, &stop);
            if is_own_end {
                owned.end();
            }
            store.end(&owned.lease, RunState::Finished, None).unwrap();
            // The next heartbeat finds no lease, and is the last.
            while owned.heart.as_ref().is_some_and(|(_, thread)| !thread.is_finished()) {
                std::thread::yield_now();
            }
            assert_eq!(stop.is_set(), !is_own_end);
        }
    }
}
