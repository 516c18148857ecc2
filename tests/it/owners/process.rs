//! The store, the organisation, and what processes do with them: the verbs of the command line in virtual time.

use super::below;
use super::fate::{Fate, Hand, Line, lived};
use neon_mock::api::{AccountId, FieldId, Value};
use neon_mock::profile::Profile;
use neon_mock::rng::Generator;
use neonbench::store::{
    Claimant, FormerOwner, Header, Lease, LeaseAnswer, ProcessIdentity, ProfileText, RunState,
    Site, Store, StoreError, TakenRun,
};
use neonbench_engine::clock::Clock;
use neonbench_engine::decide::{AccountDecision, apply, state_of_values};
use neonbench_engine::engine::{self, AccountSource, Control, Job, ReviewMode, Settings, Stop};
use neonbench_engine::event::Event;
use neonbench_engine::journal::{
    AccountStatus, BEAT_EVERY, LeaseWatch, Ledger, OwnerSign, RetryScope,
};
use neonbench_engine::plan::ResolvedPlan;
use neonbench_engine::record::ChosenBy;
use neonbench_engine::scenario::{Resources, Scenario};
use neonbench_engine::world::{InProcess, VirtualClock};
use rand::Rng;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

/// A verb of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Run,
    Resume,
    Retry,
    Undo,
}

/// The end of a process that did not die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It did what it could, or there was nothing to do.
    Ended,
    /// Another process owned the run.
    Held,
    /// Another run has applied the plan.
    Overlap,
    /// Another process took the run over.
    Lost,
}

/// A process from its start to its end.
type Life<'f> = Pin<Box<dyn Future<Output = Option<Ending>> + 'f>>;

/// Half a year, by which calendars jump.
const JUMP_S: i64 = 15_000_000;

/// A schedule on its way.
pub(super) struct World<'s> {
    scenario: &'s Scenario,
    ids: &'s [AccountId],
    settings: Settings,
    task: ResolvedPlan,
    neon: InProcess,
    clock: VirtualClock,
    path: PathBuf,
    /// The store in the eyes of the judge, who only reads; each process opens it for itself.
    store: Store,
    original: BTreeMap<AccountId, Vec<(FieldId, Value)>>,
    /// The process of each owner's name.
    owners: RefCell<BTreeMap<String, Rc<Fate>>>,
    calendar: RefCell<Generator>,
}

impl<'s> World<'s> {
    pub(super) fn new(scenario: &'s Scenario, settings: Settings, folder: &Path) -> Self {
        let Resources::Ids(ids) = &scenario.resources else { unreachable!("plans without filter") };
        let neon = scenario.neon(settings.seed);
        let organisation = neon.organisation();
        let task = ResolvedPlan::resolve(&scenario.plan, organisation.definitions()).unwrap();
        let original = ids.iter().map(|&id| (id, organisation.original_values(id))).collect();
        let path = folder.join("store.sqlite");
        for beside in ["", "-wal", "-shm"] {
            let file = format!("{}{beside}", path.display());
            std::fs::remove_file(file).ok();
        }
        // A copy of an empty store is faster than a new one.
        let empty = folder.join("empty.sqlite");
        if !empty.exists() {
            drop(Store::open(&empty).unwrap());
        }
        std::fs::copy(&empty, &path).unwrap();
        let store = Store::open(&path).unwrap();
        let clock = VirtualClock::new();
        let calendar = RefCell::new(neon_mock::rng::stream(settings.seed, "calendar"));
        Self {
            scenario,
            ids,
            settings,
            task,
            neon: InProcess::new(neon, clock.clone()),
            clock,
            path,
            store,
            original,
            owners: RefCell::default(),
            calendar,
        }
    }

    pub(super) fn set_profile(&self, profile: &Profile) {
        self.neon.set_profile(profile.clone());
    }

    fn header(&self) -> Header {
        Header {
            schema: Header::SCHEMA,
            scenario: "owners".to_owned(),
            plan: self.scenario.plan.clone(),
            accounts: self.ids.len() as u64,
            sample: None,
            dataset: None,
            profile: ProfileText::built_in("constant").unwrap(),
            settings: self.settings.clone(),
            chosen_by: ChosenBy::User,
            reason: String::new(),
            site: Site::ForeignHttp {
                base_url: "http://127.0.0.1:1/v2".to_owned(),
                org_id: "demo".to_owned(),
            },
        }
    }

    /// Some second of some year.
    fn calendar_s(&self) -> i64 {
        let jump = (self.calendar.borrow_mut().next_u64() % 5).cast_signed() - 2;
        1_700_000_000 + jump * JUMP_S
    }

    fn claimant<'p>(&self, process: &'p ProcessIdentity) -> Claimant<'p> {
        let (at_unix_s, may_overlap) = (self.calendar_s(), false);
        Claimant { verb: "verb", process, at_unix_s, may_overlap, is_gone: |_| false }
    }

    /// Carries all `processes` out at once, each with its fate.
    pub(super) fn together(
        &self,
        processes: Vec<(Verb, Fate)>,
        draws: &mut Generator,
    ) -> Vec<(Option<Ending>, Rc<Fate>)> {
        let processes: Vec<(Verb, Rc<Fate>)> =
            processes.into_iter().map(|(verb, fate)| (verb, Rc::new(fate))).collect();
        let numbers: Vec<u32> = processes.iter().map(|_| 1 + below(draws, 2) as u32).collect();
        let life = |((verb, fate), number): (&(Verb, Rc<Fate>), &u32)| {
            let (verb, fate, number) = (*verb, Rc::clone(fate), *number);
            Box::pin(async move {
                self.clock.sleep_until(self.clock.now() + fate.start).await;
                let work = Box::pin(self.carry_out(verb, 1, &fate, number));
                Box::pin(lived(&fate, &self.clock, work)).await
            }) as Life<'_>
        };
        let mut lives: Vec<(Life<'_>, Option<Option<Ending>>)> =
            processes.iter().zip(&numbers).map(|of| (life(of), None)).collect();
        let all = poll_fn(|context| {
            for (life, ended) in lives.iter_mut().filter(|(_, ended)| ended.is_none()) {
                if let Poll::Ready(end) = life.as_mut().poll(context) {
                    *ended = Some(end);
                }
            }
            let is_over = lives.iter().all(|(_, ended)| ended.is_some());
            if is_over { Poll::Ready(()) } else { Poll::Pending }
        });
        self.clock.run(all).expect("virtual time goes on");
        let ends: Vec<_> = lives.into_iter().map(|(_, ended)| ended.flatten()).collect();
        ends.into_iter().zip(processes.into_iter().map(|(_, fate)| fate)).collect()
    }

    async fn carry_out(&self, verb: Verb, id: i64, fate: &Rc<Fate>, number: u32) -> Ending {
        let mut store = Store::open(&self.path).unwrap();
        let process = ProcessIdentity { process: number, ..ProcessIdentity::default() };
        let unfinished = [RunState::Running, RunState::Stopped, RunState::Failed];
        let (from, to): (&[RunState], RunState) = match verb {
            Verb::Run => {
                let header = self.header();
                return match store.begin(&header, Some(self.ids), self.claimant(&process)) {
                    Ok(lease) => {
                        self.owned(&store, &lease, fate);
                        self.migrate(&mut store, &lease, &Ledger::default(), verb, fate).await
                    }
                    Err(StoreError::Overlap { .. }) => Ending::Overlap,
                    Err(error) => panic!("{error}"),
                };
            }
            Verb::Resume => (&unfinished, RunState::Running),
            Verb::Retry => (&[RunState::Finished], RunState::Running),
            Verb::Undo => (&RunState::ALL, RunState::Undoing),
        };
        let taken = match self.taken(&mut store, id, &process, (from, to), fate).await {
            Ok(taken) => taken,
            Err(ending) => return ending,
        };
        let TakenRun { lease, ledger, .. } = taken;
        match verb {
            Verb::Undo => self.undo(&mut store, &lease, &ledger, fate).await,
            _ => self.migrate(&mut store, &lease, &ledger, verb, fate).await,
        }
    }

    /// Remembers the process behind an owner's name.
    fn owned(&self, store: &Store, lease: &Lease, fate: &Rc<Fate>) {
        let owner = store.holder(lease.run).unwrap().expect("it was just taken").heartbeat.owner;
        self.owners.borrow_mut().insert(owner, Rc::clone(fate));
    }

    /// The run, once its owner is gone or silent; how the process ends otherwise.
    async fn taken(
        &self,
        store: &mut Store,
        id: i64,
        process: &ProcessIdentity,
        states: (&[RunState], RunState),
        fate: &Rc<Fate>,
    ) -> Result<TakenRun, Ending> {
        let mut former: Option<FormerOwner> = None;
        loop {
            let holder = match store.take(id, self.claimant(process), states, former.as_ref()) {
                Ok(LeaseAnswer::Taken(taken)) => {
                    fate.took_over.set(former.is_some());
                    self.owned(store, &taken.lease, fate);
                    return Ok(*taken);
                }
                // A run that wrote nothing is forgotten.
                Ok(LeaseAnswer::NotIn(_)) | Err(StoreError::NoRun { .. }) => {
                    return Err(Ending::Ended);
                }
                Ok(LeaseAnswer::Held(holder)) => holder,
                Err(error) => panic!("{error}"),
            };
            let is_gone = |owner: &str| fate.sees_deaths && self.owners.borrow()[owner].is_dead();
            let Some(silence) = fate.silence else {
                if is_gone(&holder.heartbeat.owner) {
                    former = Some(FormerOwner { heartbeat: holder.heartbeat, is_gone: true });
                    continue;
                }
                return Err(Ending::Held);
            };
            let watch = LeaseWatch::new(holder.heartbeat, silence, fate.now(&self.clock));
            former = loop {
                let Some(found) = store.holder(id).unwrap() else { break None };
                let is_gone = is_gone(&found.heartbeat.owner);
                match watch.look(&found.heartbeat, fate.now(&self.clock)) {
                    OwnerSign::Alive => return Err(Ending::Held),
                    OwnerSign::Quiet if !is_gone => fate.sleep(&self.clock, BEAT_EVERY / 2).await,
                    _ => break Some(FormerOwner { heartbeat: found.heartbeat, is_gone }),
                }
            };
        }
    }

    /// The result of `work`, beside which the process sends heartbeats.
    async fn beating<R>(
        &self,
        store: &Store,
        lease: &Lease,
        (stop, fate): (&Stop, &Fate),
        work: impl Future<Output = R>,
    ) -> R {
        let heart = async {
            loop {
                fate.sleep(&self.clock, BEAT_EVERY).await;
                let is_mine = store.beat(lease, self.calendar_s()).unwrap();
                if !is_mine && !fate.is_deaf {
                    stop.set();
                    return;
                }
            }
        };
        let (mut heart, mut work, stopped) = (pin!(heart), pin!(work), Cell::new(false));
        poll_fn(|context| {
            if !stopped.get() && heart.as_mut().poll(context).is_ready() {
                stopped.set(true);
            }
            work.as_mut().poll(context)
        })
        .await
    }

    async fn migrate(
        &self,
        store: &mut Store,
        lease: &Lease,
        ledger: &Ledger,
        verb: Verb,
        fate: &Fate,
    ) -> Ending {
        let stop = Stop::default();
        let (made, late) = {
            let journal = store.journal(lease).unwrap();
            let hand = Hand { journal: &journal, clock: &self.clock, fate };
            let line = Line { inner: &self.neon, clock: &self.clock, fate };
            let ids = AccountSource::Ids(self.ids);
            let again = if verb == Verb::Retry { RetryScope::Both } else { RetryScope::Neither };
            let job = Job::new(&self.scenario.plan, &self.settings, ids);
            let job = Job { journal: &hand, ledger, again, stop: &stop, ..job };
            let mut nobody = |_: &Event| {};
            let run = engine::run(&line, &self.clock, job, &mut nobody);
            let made = Box::pin(self.beating(store, lease, (&stop, fate), run)).await;
            (made, journal.late_writes())
        };
        if !store.is_held(lease).unwrap() {
            // Its run may be forgotten by now.
            store.add_late_writes(lease.run, &late).ok();
            return Ending::Lost;
        }
        let state = match made {
            Ok(()) => RunState::Finished,
            Err(_) if store.has_notes(lease.run).unwrap() => RunState::Failed,
            Err(_) => {
                store.forget(lease).unwrap();
                return Ending::Ended;
            }
        };
        store.end(lease, state, None).unwrap();
        Ending::Ended
    }

    async fn undo(&self, store: &mut Store, lease: &Lease, ledger: &Ledger, fate: &Fate) -> Ending {
        let stop = Stop::default();
        let (made, late) = {
            let journal = store.journal(lease).unwrap();
            let hand = Hand { journal: &journal, clock: &self.clock, fate };
            let line = Line { inner: &self.neon, clock: &self.clock, fate };
            let mut nobody = |_: &Event| {};
            let how = (
                &stop,
                Control::NEVER,
                &hand as &dyn neonbench_engine::journal::Journal,
                ReviewMode::Undo,
            );
            let review =
                engine::review(&line, &self.clock, &self.settings, ledger, how, &mut nobody);
            let made = Box::pin(self.beating(store, lease, (&stop, fate), review)).await;
            (made, journal.late_writes())
        };
        if !store.is_held(lease).unwrap() {
            store.add_late_writes(lease.run, &late).unwrap();
            return Ending::Lost;
        }
        let is_done = made.is_ok_and(|it| it.failed.is_empty() && it.left_out == 0);
        let state = if is_done && !stop.is_set() { RunState::Undone } else { RunState::Undoing };
        store.end(lease, state, None).unwrap();
        Ending::Ended
    }

    fn runs(&self) -> Vec<(i64, RunState)> {
        let runs = self.store.list(None).unwrap();
        runs.into_iter().rev().map(|run| (run.id, run.state)).collect()
    }

    /// Carries `verb` out on run `id`, alone and undisturbed.
    fn alone(&self, verb: Verb, id: i64) {
        let fate = Rc::new(Fate::calm());
        let ended = self.clock.run(self.carry_out(verb, id, &fate, 1));
        assert_eq!(ended.expect("virtual time goes on"), Ending::Ended, "{verb:?} {id}");
    }

    /// Brings every run to its end.
    pub(super) fn settle(&self) {
        for (id, state) in self.runs() {
            match state {
                RunState::Running | RunState::Stopped | RunState::Failed => {
                    self.alone(Verb::Resume, id);
                }
                RunState::Undoing => self.alone(Verb::Undo, id),
                RunState::Finished | RunState::Undone => {}
            }
        }
        for (id, state) in self.runs() {
            if state == RunState::Finished {
                self.alone(Verb::Retry, id);
            }
        }
    }

    /// The accounts that were reported as written by a process that had lost its run.
    pub(super) fn late(&self) -> BTreeSet<AccountId> {
        let of = |(id, _): (i64, RunState)| self.store.late_writes(id).unwrap();
        self.runs().into_iter().flat_map(of).collect()
    }

    /// Accounts that are otherwise than `expected` from their original; all of them must be in `late`.
    fn differing(
        &self,
        late: &BTreeSet<AccountId>,
        what: &str,
        expected: impl Fn(&mut neonbench_engine::decide::SlotValues, AccountId),
    ) -> u64 {
        let mut differing = 0;
        for (&id, original) in &self.original {
            let mut state = state_of_values(original, &self.task);
            expected(&mut state, id);
            let now = self.neon.with(|neon| neon.organisation().values(id));
            if state_of_values(&now, &self.task) != state {
                assert!(late.contains(&id), "{what}: account {id} holds {now:?}, not {state:?}");
                differing += 1;
            }
        }
        differing
    }

    /// Checks that the plan was applied once, or not at all if every run is undone. Returns the accounts for which
    /// that is not so, as was reported.
    pub(super) fn check(&self, late: &BTreeSet<AccountId>) -> u64 {
        let states = self.runs();
        let finished = states.iter().filter(|(_, state)| *state == RunState::Finished).count();
        let undone = states.iter().filter(|(_, state)| *state == RunState::Undone).count();
        assert_eq!(finished + undone, states.len(), "{states:?}");
        if !self.scenario.plan.is_repeatable() {
            assert!(finished <= 1, "one plan is applied by two runs: {states:?}");
        }
        for (id, state) in &states {
            assert_eq!(self.store.holder(*id).unwrap(), None, "run {id} is held by nobody");
            let ledger = self.store.ledger(*id).unwrap();
            let in_doubt = ledger.iter().filter(|(_, entry)| {
                matches!(entry.landed, Some((AccountStatus::Ambiguous | AccountStatus::Failed, _)))
            });
            for (account, entry) in in_doubt.filter(|_| *state == RunState::Finished) {
                assert!(late.contains(&account), "account {account} of run {id}: {entry:?}");
            }
        }
        if finished == 0 {
            return self.differing(late, "undone", |_, _| {});
        }
        self.differing(late, "migrated", |state, id| {
            let kind = self.neon.with(|neon| neon.organisation().kind(id));
            apply(state, kind, &self.task, &self.task.steps, &mut AccountDecision::default());
        })
    }

    /// Undoes every run that is left, the latest first, and checks that all is as it was. Returns the runs that are
    /// undone then.
    pub(super) fn check_undone(&self, late: &BTreeSet<AccountId>) -> u64 {
        let states = self.runs();
        for (id, state) in states.iter().rev() {
            let later = self.store.undone_before(*id).unwrap();
            assert_eq!(later, Vec::<i64>::new(), "the latest is undone first");
            if *state == RunState::Finished {
                self.alone(Verb::Undo, *id);
            }
        }
        self.differing(late, "undone", |_, _| {});
        states.len() as u64
    }
}
