//! All strategies have the same result: they end in the state that the plan demands, for any plan,
//! organisation, workers, batches, limits and failures.

pub(crate) mod case;
pub(crate) mod interpreter;

use self::case::{Case, Raw, raw};
use self::interpreter::Fate;
use neon_mock::api::{AccountId, Class, MAX_PAGE_SIZE, Request, Response, Status};
use neon_mock::org::{Organisation, StateDigest};
use neon_mock::{Calls, Neon};
use neonbench_engine::audit::{Audit, audit};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{self, EngineError, Job, Reads, Settings, Strategy};
use neonbench_engine::event::{AccountOutcome, Event, Observer};
use neonbench_engine::measure::Measure;
use neonbench_engine::scenario::{Resources, Scenario};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::VirtualClock;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// The mock in process, which fails calls by their number.
struct Failing {
    neon: RefCell<Neon>,
    clock: VirtualClock,
    calls: Cell<u64>,
    /// Which calls fail, from 0, and with which status.
    fails: BTreeMap<u64, u16>,
}

impl Transport for Failing {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let number = self.calls.replace(self.calls.get() + 1);
        let reply = {
            let mut neon = self.neon.borrow_mut();
            if let Some(&status) = self.fails.get(&number) {
                neon.fail_next(Status(status));
            }
            neon.handle(self.clock.now(), request)
        };
        self.clock.sleep_until(reply.ready_at).await;
        Ok(reply.response)
    }
}

/// Figures and the ends of accounts.
#[derive(Default)]
struct Notes {
    measure: Measure,
    ends: BTreeMap<AccountId, Vec<AccountOutcome>>,
    in_flight: u32,
    most_in_flight: u32,
}

impl Observer for Notes {
    fn observe(&mut self, event: &Event) {
        self.measure.observe(event);
        match event {
            Event::Sent { .. } => self.in_flight += 1,
            Event::Done(_) => self.in_flight -= 1,
            Event::Landed { id, end, .. } => self.ends.entry(*id).or_default().push(end.clone()),
            _ => {}
        }
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
    }
}

/// A migration that has ended.
struct Ended {
    neon: Neon,
    clock: VirtualClock,
    notes: Notes,
    audit: Audit,
}

impl Ended {
    fn organisation(&self) -> &Organisation {
        self.neon.organisation()
    }
}

fn resources(scenario: &Scenario) -> engine::AccountSource<'_> {
    match &scenario.resources {
        Resources::Ids(ids) => engine::AccountSource::Ids(ids),
        Resources::Search { criteria, most } => {
            engine::AccountSource::Search { criteria, most: *most }
        }
    }
}

/// Runs `scenario` on `neon`, failing the calls of `fails`.
fn try_run(
    scenario: &Scenario,
    settings: &Settings,
    neon: Neon,
    clock: VirtualClock,
    fails: BTreeMap<u64, u16>,
) -> Result<Ended, EngineError> {
    let transport =
        Failing { neon: RefCell::new(neon), clock: clock.clone(), calls: Cell::new(0), fails };
    let mut notes = Notes::default();
    let ids = resources(scenario);
    let run = engine::run(&transport, &clock, Job::new(&scenario.plan, settings, ids), &mut notes);
    clock.run(run).expect("virtual time goes on")?;
    let neon = transport.neon.into_inner();
    let audit = audit(scenario, &neon, &notes.measure, settings.dry_run);
    Ok(Ended { neon, clock, notes, audit })
}

fn run(case: &Case, settings: &Settings, fails: &BTreeMap<u64, u16>) -> Ended {
    let neon = case.scenario.neon(settings.seed);
    try_run(&case.scenario, settings, neon, VirtualClock::new(), fails.clone()).unwrap()
}

/// Applies the interpreter to every account of the plan.
fn fates(case: &Case, organisation: &Organisation) -> BTreeMap<AccountId, Fate> {
    let Resources::Ids(ids) = &case.scenario.resources else { unreachable!("cases name ids") };
    let known = ids.iter().filter(|&&id| organisation.contains(id));
    let fate = |&id: &AccountId| {
        let (kind, before) = (organisation.kind(id), organisation.original_values(id));
        (id, interpreter::apply(&case.fields, &case.rules, case.cleanup_only, kind, &before))
    };
    known.map(fate).collect()
}

/// Digest of the state that the interpreter computes.
fn digest(organisation: &Organisation, fates: &BTreeMap<AccountId, Fate>) -> String {
    let mut digest = StateDigest::new();
    for id in (1..=organisation.accounts()).map(AccountId) {
        match fates.get(&id) {
            Some(fate) => digest.account(id, &fate.values),
            None => digest.account(id, &organisation.original_values(id)),
        }
    }
    digest.finish()
}

fn writes(calls: &Calls) -> u64 {
    calls.admitted(Class::Patch) + calls.admitted(Class::Put)
}

/// One word for an end.
fn word(end: &AccountOutcome) -> &'static str {
    match end {
        AccountOutcome::Migrated => "migrated",
        AccountOutcome::Unchanged | AccountOutcome::Unmapped => "unchanged",
        AccountOutcome::Skipped(_) => "skipped",
        AccountOutcome::Failed(_) => "failed",
    }
}

/// The word that an account with this fate must end with; mapping by mapping, what was written and
/// written back counts as a change.
fn expected_end(fate: Option<&Fate>, is_changed: bool) -> &'static str {
    match fate {
        None => "failed",
        Some(fate) if fate.has_failed => "failed",
        Some(fate) if !fate.is_concerned => "skipped",
        Some(_) if is_changed => "migrated",
        Some(_) => "unchanged",
    }
}

/// Every strategy with each way of reading; half of the cases know the pools and need no limiter.
fn all_ways(case: &Case) -> impl Iterator<Item = Settings> + '_ {
    let ways = |strategy| [Reads::Get, Reads::Search].map(|reads| (strategy, reads));
    Strategy::ALL.into_iter().flat_map(ways).map(|(strategy, reads)| {
        let mut settings = Settings { reads, ..case.settings(strategy) };
        if settings.workers.get() % 2 == 1 {
            settings.limiter = Limiter::None;
        }
        settings
    })
}

/// True if a value may be written that the target already holds: the guide's engine does not read a
/// target that it overwrites.
fn overwrites_unseen(settings: &Settings) -> bool {
    settings.reads_in_force() == Reads::Search && settings.strategy != Strategy::Pipelined
}

/// True if `found` is an outcome that `expected` allows.
fn ends_as(found: &AccountOutcome, expected: &str, settings: &Settings) -> bool {
    let found = word(found);
    let written_again = expected == "unchanged" && found == "migrated";
    found == expected || written_again && overwrites_unseen(settings)
}

/// Checks one strategy against the interpreter.
fn check(case: &Case, settings: &Settings, ended: &Ended) -> Result<(), TestCaseError> {
    let strategy = settings.strategy;
    let organisation = ended.organisation();
    let fates = fates(case, organisation);
    prop_assert_eq!(&ended.audit.faults, &Vec::<String>::new(), "{}", strategy);
    for id in (1..=organisation.accounts()).map(AccountId) {
        let wanted = match fates.get(&id) {
            Some(fate) => fate.values.clone(),
            None => organisation.original_values(id),
        };
        prop_assert_eq!(organisation.values(id), wanted, "{}: account {}", strategy, id);
    }
    prop_assert_eq!(&ended.audit.state_digest, &digest(organisation, &fates));

    let Resources::Ids(ids) = &case.scenario.resources else { unreachable!("cases name ids") };
    prop_assert_eq!(ended.notes.ends.len(), ids.len(), "every account ends");
    let by_mapping = matches!(strategy, Strategy::Standard | Strategy::Parallel);
    for (id, ends) in &ended.notes.ends {
        let [end] = ends.as_slice() else {
            return Err(TestCaseError::fail(format!("{strategy}: account {id} ends {ends:?}")));
        };
        let fate = fates.get(id);
        let is_changed = fate.is_some_and(|fate| {
            if by_mapping {
                fate.was_written
            } else {
                fate.values != organisation.original_values(*id)
            }
        });
        let expected = expected_end(fate, is_changed);
        prop_assert!(ends_as(end, expected, settings), "{}: {}: {:?}", strategy, id, end);
    }
    Ok(())
}

/// Checks that a strategy keeps to its numbers of workers and accounts per batch.
fn check_bounds(settings: &Settings, ended: &Ended) -> Result<(), TestCaseError> {
    let (workers, batch) = (settings.workers.get(), u64::from(settings.batch_size.get()));
    let side_by_side = match settings.strategy {
        Strategy::Standard | Strategy::PutBatch => 1,
        Strategy::Parallel | Strategy::Hybrid => workers,
        // Single reads, writes and a search.
        Strategy::Pipelined => 2 * workers + 1,
    };
    if settings.limiter == Limiter::None {
        prop_assert!(ended.notes.most_in_flight <= side_by_side, "{}", settings.strategy);
    }
    let buffered = match (settings.strategy, settings.reads_in_force()) {
        (Strategy::Pipelined, Reads::Search) => 2 * u64::from(MAX_PAGE_SIZE) + u64::from(workers),
        (Strategy::Pipelined, Reads::Get) if settings.limiter == Limiter::None => {
            3 * u64::from(workers)
        }
        (Strategy::Pipelined, Reads::Get) => u64::from(u32::MAX),
        _ => batch.max(u64::from(workers)),
    };
    prop_assert!(ended.notes.measure.peak_buffered() <= buffered, "{}", settings.strategy);
    Ok(())
}

/// Checks that a dry run writes nothing, and foretells how each account ends.
fn check_dry(case: &Case, settings: &Settings) -> Result<(), TestCaseError> {
    let settings = Settings { dry_run: true, ..settings.clone() };
    let strategy = settings.strategy;
    let dry = run(case, &settings, &BTreeMap::new());
    let organisation = dry.organisation();
    prop_assert_eq!(organisation.digest(), organisation.original().digest());
    prop_assert_eq!(organisation.changed_accounts(), 0);
    prop_assert_eq!(writes(dry.neon.calls()), 0);
    prop_assert!(dry.audit.is_valid(), "{}: {:?}", strategy, dry.audit.faults);
    let fates = fates(case, organisation);
    for (id, ends) in &dry.notes.ends {
        prop_assert_eq!(ends.len(), 1);
        let fate = fates.get(id);
        let is_changed = fate.is_some_and(|fate| fate.values != organisation.original_values(*id));
        let expected = expected_end(fate, is_changed);
        prop_assert!(ends_as(&ends[0], expected, &settings), "{}: {}: {:?}", strategy, id, ends);
    }
    Ok(())
}

/// Checks that a second run changes nothing.
fn check_again(case: &Case, settings: &Settings, ended: Ended) -> Result<(), TestCaseError> {
    let Ended { neon, clock, audit, .. } = ended;
    let (state, written) = (audit.state_digest, writes(neon.calls()));
    let again = try_run(&case.scenario, settings, neon, clock, BTreeMap::new()).unwrap();
    prop_assert_eq!(again.organisation().digest(), state);
    if overwrites_unseen(settings) {
        return Ok(());
    }
    prop_assert_eq!(writes(again.neon.calls()), written, "{}", settings.strategy);
    let migrated = again.notes.measure.records().migrated;
    prop_assert_eq!(migrated, 0, "{} at {}", settings.strategy, again.clock.now());
    Ok(())
}

/// Checks all strategies on one case.
fn check_all(raw: &Raw, fails: &BTreeMap<u64, u16>) -> Result<(), TestCaseError> {
    let case = Case::new(raw);
    for settings in all_ways(&case) {
        let ended = run(&case, &settings, fails);
        check(&case, &settings, &ended)?;
        check_bounds(&settings, &ended)?;
        if case.is_idempotent() && !case.lags() {
            check_again(&case, &settings, ended)?;
        }
        check_dry(&case, &settings)?;
    }
    Ok(())
}

/// Calls that fail, few enough that no call is given up.
fn failures() -> impl proptest::strategy::Strategy<Value = BTreeMap<u64, u16>> {
    let status = prop_oneof![Just(500_u16), Just(503)];
    prop::collection::btree_map(0..300_u64, status, 1..=8)
}

/// The same cases on every machine; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for others.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 96;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn all_strategies_end_in_the_state_that_the_plan_demands(raw in raw()) {
        check_all(&raw, &BTreeMap::new())?;
    }

    #[test]
    fn failures_of_the_server_change_nothing_of_that(raw in raw(), fails in failures()) {
        check_all(&raw, &fails)?;
    }

    #[test]
    fn calls_that_are_given_up_leave_whole_mappings(
        raw in raw(),
        first in 1..200_u64,
        more in prop::collection::btree_map(0..400_u64, Just(500_u16), 0..20),
    ) {
        let case = Case::new(&raw);
        // Nine failures in a row end a call, if no other call comes in between.
        let fails: BTreeMap<u64, u16> = (first..first + 40).map(|call| (call, 503)).chain(more).collect();
        for settings in all_ways(&case) {
            let neon = case.scenario.neon(settings.seed);
            let Ok(ended) =
                try_run(&case.scenario, &settings, neon, VirtualClock::new(), fails.clone())
            else {
                // The look-up of the fields was given up.
                continue;
            };
            let strategy = settings.strategy;
            prop_assert_eq!(&ended.audit.faults, &Vec::<String>::new(), "{}", strategy);
            prop_assert!(ended.notes.ends.values().all(|ends| ends.len() == 1));
        }
    }
}

#[test]
fn the_cases_are_worth_trying() {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut written, mut failed, mut skipped, mut idempotent, mut fulfilled) = (0, 0, 0, 0, 0);
    for _ in 0..300 {
        let case = Case::new(&raw().new_tree(&mut runner).unwrap().current());
        let settings = case.settings(Strategy::Standard);
        let organisation = case.scenario.organisation(settings.seed);
        let fates = fates(&case, &organisation);
        let any = |is: fn(&Fate) -> bool| u32::from(fates.values().any(is));
        written += any(|fate| fate.was_written);
        failed += any(|fate| fate.has_failed);
        skipped += any(|fate| !fate.is_concerned);
        fulfilled += any(|fate| fate.is_concerned && !fate.was_written);
        idempotent += u32::from(case.is_idempotent());
    }
    for count in [written, failed, skipped, idempotent, fulfilled] {
        assert!(count > 30, "{written} {failed} {skipped} {idempotent} {fulfilled}");
    }
}
