//! The audit of a server that is not ours, against what its mock knows: edits of others are never the
//! run's fault, and a write that was not kept always is.

use neon_mock::api::{AccountId, Body, CustomFieldItem, Request, Response, Status};
use neon_mock::profile::{BUILT_IN, Profile};
use neonbench_engine::audit::{Audit, Claims, compare};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::{
    self, Control, Guard, Job, Reads, ReviewMode, Settings, Stop, Strategy, WriteReview,
};
use neonbench_engine::event::Event;
use neonbench_engine::journal::{Journal, Ledger, MemoryJournal, NoJournal};
use neonbench_engine::measure::Measure;
use neonbench_engine::plan::Plan;
use neonbench_engine::read_back::{ReadBack, Recorder, read_back};
use neonbench_engine::run::resources;
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::{InProcess, VirtualClock};
use std::cell::Cell;
use std::time::Duration;

const ACCOUNTS: u64 = 60;

/// A transport that keeps one write from the server, and answers it as if it had been carried out.
struct Dropping<T> {
    inner: T,
    /// Number of the write to drop, from 1; 0 drops none.
    dropped: u64,
    writes: Cell<u64>,
    victim: Cell<Option<AccountId>>,
}

impl<T: Transport> Transport for &Dropping<T> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let Request::PatchAccount(id, _) = request else { return self.inner.call(request).await };
        self.writes.set(self.writes.get() + 1);
        if self.writes.get() != self.dropped {
            return self.inner.call(request).await;
        }
        self.victim.set(Some(*id));
        let (status, body) = (Status::OK, Body::AccountId(*id));
        Ok(Response { status, body, retry_after: None })
    }
}

fn scenario(more: &str, dataset: &str) -> Scenario {
    let (_, constant) = BUILT_IN.into_iter().find(|(name, _)| *name == "constant").unwrap();
    Scenario::new(Workload {
        profile: Some(Profile::from_toml("own", &format!("{constant}\n{more}")).unwrap()),
        resources: Some(ACCOUNTS),
        mappings: Some(3),
        dataset: Some(DatasetSource::BuiltIn(dataset.to_owned())),
        ..Workload::default()
    })
    .unwrap()
}

/// A run in virtual time that was judged by reading back and verified by its journal, both some time later.
struct Judged {
    audit: Audit,
    verified: WriteReview,
    calls: u64,
    victim: Option<AccountId>,
    neon: neon_mock::Neon,
    /// The accounts that the mock itself finds other than demanded.
    mismatched: Vec<AccountId>,
}

fn judged(scenario: &Scenario, settings: &Settings, dropped: u64, later: Duration) -> Judged {
    let clock = VirtualClock::new();
    let inner = InProcess::new(scenario.neon(settings.seed), clock.clone());
    let line = Dropping { inner, dropped, writes: Cell::new(0), victim: Cell::new(None) };
    let recorder = Recorder::new(&line);
    let (mut measure, journal) = (Measure::new(), MemoryJournal::default());
    let job = Job::new(&scenario.plan, settings, resources(scenario));
    let job = Job { journal: &journal, ..job };
    let (back, verified) = clock
        .run(async {
            engine::run(&recorder, &clock, job, &mut measure).await.unwrap();
            clock.sleep_until(clock.now() + later).await;
            let nobody = &mut |_: &Event| {};
            let back = read_back(&recorder, &clock, job, &measure, nobody).await.unwrap();
            let (ledger, how) = (
                Ledger::new(journal.notes()),
                (Stop::NEVER, Control::NEVER, &NoJournal as &dyn Journal, ReviewMode::Verify),
            );
            let verified = engine::review(&&line, &clock, settings, &ledger, how, nobody).await;
            (back, verified.unwrap())
        })
        .unwrap();
    let ReadBack { audit, calls, .. } = back;
    let victim = line.victim.get();
    let neon = line.inner.into_neon();
    let claims = Claims::Failed { failed: measure.failed(), dry_run: settings.dry_run };
    let mut mismatched = Vec::new();
    compare(scenario, &neon, claims, &mut |mismatch| mismatched.push(mismatch.id));
    Judged { audit, verified, calls: calls.total_attempts(), victim, neon, mismatched }
}

fn settings() -> impl Iterator<Item = Settings> {
    let guards = Strategy::ALL.into_iter().flat_map(|it| Guard::ALL.map(|guard| (it, guard)));
    guards.flat_map(|(strategy, guard)| {
        [(1, Reads::Get), (2, Reads::Search)].map(|(seed, reads)| Settings {
            guard,
            seed,
            reads,
            ..Settings::new(strategy)
        })
    })
}

#[test]
fn edits_of_others_are_never_our_fault_and_are_listed() {
    let scenario = scenario("[staff]\nedits_per_s = 4.0\nthink = \"2s\"", "v-fields");
    let (mut listed, mut both) = (0, 0);
    for settings in settings() {
        for dry_run in [false, true] {
            let settings = Settings { dry_run, ..settings.clone() };
            let Judged { audit, verified, neon, .. } =
                judged(&scenario, &settings, 0, Duration::from_secs(30));
            let what = format!(
                "{} {:?} {:?} {dry_run}",
                settings.strategy, settings.guard, settings.reads
            );
            assert_eq!(audit.faults, [""; 0], "{what}");
            assert_eq!(audit.read_back, ACCOUNTS, "{what}");
            assert_eq!(verified.not_kept, [], "{what}");
            for edit in &audit.edits_since {
                assert!(!neon.staff_edits(edit.id).is_empty(), "{what}: {edit:?} is nobody's");
            }
            listed += audit.edits_since.len();
            let known = audit.edits_since.iter().map(|edit| edit.id);
            both += known.filter(|id| verified.differences.iter().any(|it| it.id == *id)).count();
        }
    }
    // Verify tells of the same edits, and of those that came while the audit read.
    assert!(listed > 500 && both == listed, "{listed} {both}");
}

#[test]
fn a_write_that_was_not_kept_is_a_fault_whoever_edits_beside_it() {
    let mut found = 0;
    for staff in ["", "[staff]\nedits_per_s = 0.3\nthink = \"2s\""] {
        let scenario = scenario(staff, "plain");
        for settings in settings() {
            let run = judged(&scenario, &settings, 17, Duration::from_secs(30));
            let victim = run.victim.expect("a write was dropped");
            let what = format!("{} {:?}, account {victim}", settings.strategy, settings.guard);
            // Somebody may have written it since: then nobody can tell.
            if !run.neon.staff_edits(victim).is_empty() {
                continue;
            }
            found += 1;
            assert_eq!(run.mismatched, [victim], "{what}");
            assert_eq!((run.audit.mismatched, run.audit.faults.len()), (1, 1), "{what}");
            let not_kept = run.verified.not_kept.iter().map(|field| field.id);
            assert!(not_kept.clone().count() > 0 && not_kept.into_iter().all(|id| id == victim));
        }
    }
    assert!(found > 25, "{found}");
}

#[test]
fn options_that_a_server_does_not_clear_are_a_fault() {
    let mapping = |(source, target, preserve)| {
        format!(
            "[[mappings]]\nsource = \"{source}\"\ntarget = \"{target}\"\noperation = \"merge\"\n\
             preserve_source = {preserve}\n"
        )
    };
    let mappings =
        [("V-1", "T-4", true), ("V-2", "T-4", false), ("V-3", "T-3", true), ("V-4", "T-3", true)];
    let text = format!("schema = 1\n{}", mappings.map(mapping).concat());
    let plan = Plan::from_toml("plan", &text).unwrap();
    let (_, constant) = BUILT_IN.into_iter().find(|(name, _)| *name == "constant").unwrap();
    for (behaviour, is_kept) in [("clears", true), ("ignored", false)] {
        let text = format!("{constant}\n[behaviour]\nempty_options = \"{behaviour}\"\n");
        let scenario = Scenario::new(Workload {
            profile: Some(Profile::from_toml("own", &text).unwrap()),
            resources: Some(ACCOUNTS),
            plan: Some(plan.clone()),
            dataset: Some(DatasetSource::BuiltIn("mixed".to_owned())),
            ..Workload::default()
        })
        .unwrap();
        for strategy in [Strategy::Hybrid, Strategy::Pipelined] {
            let run = judged(&scenario, &Settings::new(strategy), 0, Duration::from_secs(30));
            assert_eq!(run.audit.faults.is_empty(), is_kept, "{behaviour}: {:?}", run.audit);
            assert_eq!(run.verified.not_kept.is_empty(), is_kept, "{behaviour}");
            assert_eq!(run.mismatched.is_empty(), is_kept);
        }
    }
}

/// Restoring the old value looks like a write that was not kept, but for the time of the account's change.
#[test]
fn somebody_who_restores_the_old_value_is_told_from_a_server_that_kept_nothing() {
    let scenario = scenario("", "plain");
    let settings = Settings::new(Strategy::Pipelined);
    let clock = VirtualClock::new();
    let recorder = Recorder::new(InProcess::new(scenario.neon(1), clock.clone()));
    let (line, journal) = (recorder.inner(), MemoryJournal::default());
    let job =
        Job { journal: &journal, ..Job::new(&scenario.plan, &settings, resources(&scenario)) };
    let mut measure = Measure::new();
    let id = AccountId(9);
    let (audit, verified) = clock
        .run(async {
            engine::run(&recorder, &clock, job, &mut measure).await.unwrap();
            clock.sleep_until(clock.now() + Duration::from_secs(5)).await;
            let ledger = Ledger::new(journal.notes());
            let entry = ledger.get(id).unwrap();
            let change = &entry.changes[0];
            let item = CustomFieldItem::to_write(change.field, false, change.before.as_ref());
            let account = neon_mock::api::Account::of_items(entry.kind.unwrap(), vec![item]);
            line.call(&Request::PatchAccount(id, account)).await.unwrap();
            let nobody = &mut |_: &Event| {};
            let back = read_back(&recorder, &clock, job, &measure, nobody).await.unwrap();
            let how = (Stop::NEVER, Control::NEVER, &NoJournal as &dyn Journal, ReviewMode::Verify);
            let verified = engine::review(line, &clock, &settings, &ledger, how, nobody).await;
            (back.audit, verified.unwrap())
        })
        .unwrap();
    assert_eq!(audit.faults, [""; 0]);
    let edited: Vec<AccountId> = audit.edits_since.iter().map(|edit| edit.id).collect();
    assert_eq!(edited, [id]);
    assert_eq!((verified.not_kept.len(), verified.differences.len()), (0, 1));
    assert_eq!(verified.differences[0].id, id);
}

#[test]
fn a_page_settles_two_hundred_accounts() {
    let scenario = scenario("", "plain");
    let run = judged(&scenario, &Settings::new(Strategy::Hybrid), 0, Duration::from_secs(1));
    assert_eq!((run.audit.faults.len(), run.calls), (0, 1), "{:?}", run.audit);
    assert_eq!(run.audit.state_digest, run.neon.organisation().digest());
    // While searches lag behind, accounts are read singly.
    let scenario = self::scenario("[behaviour]\nsearch_lag = \"1h\"", "plain");
    let run = judged(&scenario, &Settings::new(Strategy::Hybrid), 0, Duration::from_secs(1));
    assert_eq!((run.audit.faults.len(), run.calls), (0, 1 + ACCOUNTS), "{:?}", run.audit);
    assert_eq!(run.audit.state_digest, run.neon.organisation().digest());
}
