//! A run that others hold and slow, in virtual time: nothing is sent in a pause, limits hold at every moment, and what
//! waited long is decided anew.

use neon_mock::Neon;
use neon_mock::api::{
    Account, AccountKind, Body, CustomFieldItem, Endpoint, FieldId, Request, Response, Value,
};
use neon_mock::profile::Profile;
use neon_mock::rng::{self, Generator};
use neon_mock::time::Timestamp;
use neonbench_engine::audit::audit;
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{
    self, Control, Hold, HoldSource, Job, ReviewMode, Settings, Stop, Strategy,
};
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::journal::{Journal, Ledger, MemoryJournal, NoJournal};
use neonbench_engine::measure::Measure;
use neonbench_engine::plan::Plan;
use neonbench_engine::run::resources;
use neonbench_engine::scenario::{Scenario, Workload};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::{InProcess, VirtualClock};
use rand::Rng;
use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;
use std::time::Duration;

const ACCOUNTS: u64 = 60;

const MAPPINGS: &str = "schema = 1\nresource_ids = \"1-60\"\n\
    [[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n\
    [[mappings]]\nsource = \"V-2\"\ntarget = \"V-2\"\noperation = \"transform\"\n\
    transform = [{ step = \"regex_replace\", pattern = \"$\", with = \"!\" }]\n";

fn scenario(server: &str) -> Scenario {
    let text = format!(
        "schema = 1\n[limits]\npool = 5\n[service]\n\
         get = {{ law = \"log-normal\", median = \"250ms\", p99 = \"1s\" }}\n\
         patch = {{ law = \"log-normal\", median = \"350ms\", p99 = \"1400ms\" }}\n\
         put = {{ law = \"constant\", time = \"350ms\" }}\n\
         search = {{ law = \"constant\", time = \"600ms\" }}\n\
         metadata = {{ law = \"constant\", time = \"250ms\" }}\n{server}"
    );
    of_profile(Profile::from_toml("control", &text).unwrap())
}

fn of_profile(profile: Profile) -> Scenario {
    let plan = Plan::from_toml("control.toml", MAPPINGS).unwrap();
    let (profile, resources) = (Some(profile), Some(ACCOUNTS));
    Scenario::new(Workload { profile, plan: Some(plan), resources, ..Workload::default() }).unwrap()
}

fn fixed(limit: u32) -> Limiter {
    Limiter::Fixed(NonZeroU32::new(limit).unwrap())
}

fn by(name: &str) -> Hold {
    Hold { source: HoldSource::Person, by: name.into(), why: "".into() }
}

/// A server that notes when calls come, and how many of an endpoint are there at once.
struct Watched<'a> {
    inner: &'a InProcess,
    clock: &'a VirtualClock,
    in_flight: [Cell<u32>; Endpoint::ALL.len()],
    sent: RefCell<Vec<(Timestamp, Endpoint, u32)>>,
}

impl<'a> Watched<'a> {
    fn new(inner: &'a InProcess, clock: &'a VirtualClock) -> Self {
        Self {
            inner,
            clock,
            in_flight: [const { Cell::new(0) }; Endpoint::ALL.len()],
            sent: RefCell::default(),
        }
    }

    /// The most calls of an endpoint at once, of those sent from `from` until `until`.
    fn most(&self, from: Timestamp, until: Timestamp) -> u32 {
        let sent = self.sent.borrow();
        let within = sent.iter().filter(|(at, ..)| (from..until).contains(at));
        within.map(|(.., at_once)| *at_once).max().unwrap_or(0)
    }

    fn sent_within(&self, from: Timestamp, until: Timestamp) -> usize {
        self.sent.borrow().iter().filter(|(at, ..)| (from..until).contains(at)).count()
    }
}

/// A call at the server, which ends however it is given up.
struct Guest<'a>(&'a Cell<u32>);

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.update(|calls| calls - 1);
    }
}

impl Transport for Watched<'_> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let endpoint = request.endpoint();
        let calls = &self.in_flight[endpoint.index()];
        calls.update(|calls| calls + 1);
        let _guest = Guest(calls);
        self.sent.borrow_mut().push((self.clock.now(), endpoint, calls.get()));
        self.inner.call(request).await
    }
}

/// An order at its time.
type Timed = (Duration, fn(&Control));

fn at(after: Duration) -> Timestamp {
    Timestamp::ZERO + after
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Events and figures of a run.
#[derive(Default)]
struct Seen {
    measure: Measure,
    events: Vec<Event>,
}

impl Observer for Seen {
    fn observe(&mut self, event: &Event) {
        self.measure.observe(event);
        self.events.push(event.clone());
    }
}

impl Seen {
    /// Fails where something was sent while the run was held.
    fn check(&self, what: &str) {
        let mut is_held = false;
        for event in &self.events {
            match event {
                Event::Paused { .. } => is_held = true,
                Event::WentOn { left: 0, .. } => is_held = false,
                Event::Sent { at, .. } => assert!(!is_held, "{what}: sent at {at}"),
                _ => {}
            }
        }
    }

    fn whole(&self, what: &str, scenario: &Scenario, neon: &Neon) {
        self.check(what);
        let records = self.measure.records();
        assert_eq!((records.total, records.failed), (ACCOUNTS, 0), "{what}: {records:?}");
        let audit = audit(scenario, neon, &self.measure, false);
        assert!(audit.is_valid(), "{what}: {:?}", audit.faults);
    }
}

/// Runs `scenario` while `orders` are given, and hands its server to `look` once it has ended.
fn controlled<R>(
    scenario: &Scenario,
    settings: &Settings,
    orders: &[Timed],
    meanwhile: impl AsyncFnOnce(&InProcess, &VirtualClock),
    look: impl FnOnce(&Watched<'_>, &Seen) -> R,
) -> (R, Seen, Neon) {
    let (clock, control) = (VirtualClock::new(), Control::default());
    let inner = InProcess::new(scenario.neon(1), clock.clone());
    let server = Watched::new(&inner, &clock);
    let mut seen = Seen::default();
    let job = Job::new(&scenario.plan, settings, resources(scenario));
    let job = Job { control: &control, journal: &MemoryJournal::default(), ..job };
    let give = async {
        for (after, order) in orders {
            clock.sleep_until(at(*after)).await;
            order(&control);
        }
    };
    let run = engine::run(&server, &clock, job, &mut seen);
    let all = futures_util::future::join3(run, give, meanwhile(&inner, &clock));
    clock.run(all).unwrap().0.unwrap();
    let looked = look(&server, &seen);
    drop(server);
    (looked, seen, inner.into_neon())
}

async fn nothing_else(_: &InProcess, _: &VirtualClock) {}

fn random(draw: &mut Generator, ms: usize) -> Duration {
    Duration::from_millis(rng::below(draw.next_u64(), ms) as u64)
}

#[test]
fn nothing_is_sent_in_a_pause_and_all_accounts_land_after_it() {
    let scenario = scenario("");
    let mut draw = rng::stream(3, "control");
    for strategy in Strategy::ALL {
        for limiter in [Limiter::None, fixed(4), Limiter::adaptive(0)] {
            for _ in 0..6 {
                let settings = Settings { limiter, ..Settings::new(strategy) };
                let (from, length) = (random(&mut draw, 12_000), random(&mut draw, 60_000));
                let what = format!("{strategy:?} {limiter}, held at {from:?} for {length:?}");
                let clock = VirtualClock::new();
                let control = Control::default();
                let inner = InProcess::new(scenario.neon(1), clock.clone());
                let server = Watched::new(&inner, &clock);
                let mut seen = Seen::default();
                let job = Job::new(&scenario.plan, &settings, resources(&scenario));
                let job = Job { control: &control, journal: &MemoryJournal::default(), ..job };
                let orders = async {
                    clock.sleep_until(at(from)).await;
                    assert_eq!(control.hold(by("ada")), None);
                    clock.sleep_until(at(from + length)).await;
                    assert_eq!(control.hold(by("eve")), Some(by("ada")));
                    assert_eq!(control.lift(HoldSource::Person, "eve").left, []);
                };
                let run = engine::run(&server, &clock, job, &mut seen);
                clock.run(futures_util::future::join(run, orders)).unwrap().0.unwrap();
                let held =
                    server.sent_within(at(from) + Duration::from_nanos(1), at(from + length));
                assert_eq!(held, 0, "{what}");
                if limiter == fixed(4) {
                    assert!(server.most(Timestamp::ZERO, Timestamp::END) <= 4, "{what}");
                }
                if limiter == Limiter::None && strategy != Strategy::Pipelined {
                    assert!(server.most(Timestamp::ZERO, Timestamp::END) <= 5, "{what}");
                }
                drop(server);
                if seen.measure.elapsed(at(from + length)) < seen.measure.makespan() {
                    assert_eq!(seen.measure.paused(), length, "{what}");
                }
                seen.whole(&what, &scenario, &inner.into_neon());
            }
        }
    }
}

#[test]
fn headroom_holds_at_every_moment_and_is_taken_back() {
    let scenario = scenario("");
    for strategy in [Strategy::Parallel, Strategy::Pipelined] {
        let workers = NonZeroU32::new(20).unwrap();
        let settings = Settings { limiter: fixed(5), workers, ..Settings::new(strategy) };
        let orders: [Timed; 5] = [
            (s(1), |control| assert_eq!(control.slow(3, "ada"), 0)),
            (s(3), |control| assert_eq!(control.slow(9, "ada"), 3)),
            (s(5), |control| assert_eq!(control.slow(0, "eve"), 9)),
            (s(6), |control| drop(control.hold(by("ada")))),
            (s(7), |control| {
                control.slow(4, "ada");
                control.lift(HoldSource::Person, "ada");
            }),
        ];
        let most = |server: &Watched<'_>, _: &Seen| {
            let most = |from, until| server.most(at(from), at(until));
            [
                most(s(0), s(1)),
                most(s(1) + Duration::from_nanos(1), s(3)),
                most(s(3) + Duration::from_nanos(1), s(5)),
                most(s(5), s(6)),
                most(s(7), s(9_999)),
            ]
        };
        let (most, seen, neon) = controlled(&scenario, &settings, &orders, nothing_else, most);
        // A limit that falls ends no call in flight, and none is sent until there are fewer than it allows.
        assert_eq!(most, [5, 2, 1, 5, 1], "{strategy:?}");
        seen.whole(strategy.name(), &scenario, &neon);
        let limit = |event: &Event| matches!(event, Event::Limited { limit: 2, .. });
        assert!(seen.events.iter().any(limit));
    }
}

#[test]
fn a_pause_costs_no_refusals_under_windows_and_pools() {
    for profile in ["per-second", "documented"] {
        let scenario = of_profile(Profile::built_in(profile).unwrap());
        for strategy in [Strategy::Hybrid, Strategy::Pipelined] {
            let limiter = Limiter::adaptive(0);
            let settings = Settings { limiter, ..Settings::new(strategy) };
            let refused = |orders: &[Timed]| {
                let (refused, seen, neon) =
                    controlled(&scenario, &settings, orders, nothing_else, |_, seen| {
                        seen.measure.count_all(neonbench_engine::event::Outcome::Rejected)
                    });
                seen.whole(profile, &scenario, &neon);
                refused
            };
            let pause: [Timed; 2] = [
                (s(5), |control| drop(control.hold(by("ada")))),
                (s(3_600), |control| drop(control.lift(HoldSource::Person, "ada"))),
            ];
            let (without, with) = (refused(&[]), refused(&pause));
            assert!(with <= without + 3, "{profile} {strategy:?}: {with}, and {without} without");
        }
    }
}

/// An hour counts neither against the deadline of a call nor against the patience for an outage.
#[test]
fn a_pause_spends_no_deadline_and_no_patience() {
    let fault = "[[faults]]\nkind = \"503\"\nfrom = \"2s\"\nuntil = \"1h 30s\"\n";
    let scenario = scenario(fault);
    let settings = Settings {
        call_deadline: s(120),
        max_outage: s(60),
        limiter: fixed(2),
        workers: NonZeroU32::new(20).unwrap(),
        ..Settings::new(Strategy::Parallel)
    };
    let pause: [Timed; 2] = [
        (s(20), |control| drop(control.hold(by("ada")))),
        (s(3_600), |control| drop(control.lift(HoldSource::Person, "ada"))),
    ];
    let ((), seen, neon) = controlled(&scenario, &settings, &pause, nothing_else, |_, _| {});
    seen.check("outage");
    assert_eq!(seen.measure.failures(), []);
    let audit = audit(&scenario, &neon, &seen.measure, false);
    assert!(audit.is_valid(), "{:?}", audit.faults);
}

/// A colleague edits every account in a long pause: no edit is overwritten by a value that was decided before it.
#[test]
fn what_was_read_before_a_long_pause_is_read_again() {
    let scenario = scenario("");
    let fields = scenario.neon(1);
    let field = |name: &str| {
        let fields = fields.organisation().definitions();
        fields.iter().find(|field| &*field.name == name).unwrap().id
    };
    let (source, target) = (field("V-1"), field("T-1"));
    let edit = async |inner: &InProcess, clock: &VirtualClock| {
        clock.sleep_until(at(s(30))).await;
        for id in 1..=ACCOUNTS {
            let id = neon_mock::api::AccountId(id);
            let request = Request::GetAccount(id);
            let Body::Account(account) = inner.call(&request).await.unwrap().body else {
                unreachable!()
            };
            let text = Value::Text("theirs".into());
            let item = CustomFieldItem::to_write(source, false, Some(&text));
            let write = Account::of_items(AccountKind::clone(&account.kind), vec![item]);
            inner.call(&Request::PatchAccount(id, write)).await.unwrap();
        }
    };
    for strategy in [Strategy::Hybrid, Strategy::PutBatch, Strategy::Pipelined] {
        let settings = Settings::new(strategy);
        let pause: [Timed; 2] = [
            (s(4), |control| drop(control.hold(by("ada")))),
            (s(600), |control| drop(control.lift(HoldSource::Person, "ada"))),
        ];
        let ((), seen, neon) = controlled(&scenario, &settings, &pause, edit, |_, _| {});
        seen.check(strategy.name());
        assert_eq!(seen.measure.records().migrated, ACCOUNTS, "{strategy:?}");
        assert!(seen.measure.rereads().total > 0, "{strategy:?}");
        let landed_after = seen.events.iter().filter_map(|event| match event {
            Event::Landed { at, id, .. } if at.nanos_since(Timestamp::ZERO) > 600_000_000_000 => {
                Some(*id)
            }
            _ => None,
        });
        let held = |id, wanted: FieldId| {
            let values = neon.organisation().values(id);
            values.iter().find(|(field, _)| *field == wanted).map(|(_, value)| value.clone())
        };
        let mut after = 0;
        for id in landed_after {
            after += 1;
            assert_eq!(held(id, target), Some(Value::Text("theirs".into())), "{strategy:?} {id}");
        }
        assert!(after > 0, "{strategy:?}");
    }
}

#[test]
fn a_stop_ends_a_pause_at_once_and_an_undo_can_be_held_too() {
    let scenario = scenario("");
    let settings = Settings::new(Strategy::Hybrid);
    let (clock, control, stop) = (VirtualClock::new(), Control::default(), Stop::default());
    let inner = InProcess::new(scenario.neon(1), clock.clone());
    let (server, journal) = (Watched::new(&inner, &clock), MemoryJournal::default());
    let job = Job::new(&scenario.plan, &settings, resources(&scenario));
    let job = Job { control: &control, journal: &journal, stop: &stop, ..job };
    let mut seen = Seen::default();
    let orders = async {
        clock.sleep_until(at(s(5))).await;
        control.hold(by("ada"));
        clock.sleep_until(at(s(900))).await;
        control.announce_stop("ada");
        stop.set();
    };
    let run = async {
        engine::run(&server, &clock, job, &mut seen).await.unwrap();
        assert_eq!(clock.now(), at(s(900)));
    };
    clock.run(futures_util::future::join(run, orders)).unwrap();
    seen.check("stop");
    let is_stop = |event: &Event| matches!(event, Event::StopAsked { .. });
    assert!(seen.events.iter().any(is_stop));
    let written = seen.measure.records().migrated;
    assert!((1..ACCOUNTS).contains(&written));

    let ledger = Ledger::new(journal.notes());
    let how = (Stop::NEVER, &control, &NoJournal as &dyn Journal, ReviewMode::Undo);
    let (began, mut undone) = (clock.now(), Seen::default());
    let go = async {
        clock.sleep_until(began + s(60)).await;
        control.lift(HoldSource::Person, "ada");
        clock.sleep_until(began + s(61)).await;
        control.hold(by("eve"));
        clock.sleep_until(began + s(120)).await;
        control.lift(HoldSource::Person, "eve");
    };
    let review = engine::review(&server, &clock, &settings, &ledger, how, &mut undone);
    let (review, ()) = clock.run(futures_util::future::join(review, go)).unwrap();
    let review = review.unwrap();
    assert_eq!((review.failed, review.differences), (vec![], vec![]));
    assert_eq!(server.sent_within(began, began + s(60)), 0);
    let pause = (began + s(61) + Duration::from_nanos(1), began + s(120));
    assert_eq!(server.sent_within(pause.0, pause.1), 0);
    undone.check("undo");
    let first = scenario.neon(1);
    let digest = |neon: &Neon| neon.organisation().digest();
    drop(server);
    assert_eq!(digest(&inner.into_neon()), digest(&first));
}
