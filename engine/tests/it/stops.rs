//! A stop in every state of a run: heard within the second that calls in flight have, and the journal is good
//! afterwards. Virtual time, so that no trial waits and none depends on the machine.

use neon_mock::Neon;
use neon_mock::api::{Body, Class, Request, Response, Status};
use neon_mock::profile::Profile;
use neon_mock::rng::{self, Generator};
use neon_mock::time::Timestamp;
use neonbench_engine::audit::{Claims, compare};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{
    self, Control, EngineError, Job, ReviewMode, Settings, Stop, Strategy,
};
use neonbench_engine::event::Event;
use neonbench_engine::journal::{Journal, Ledger, MemoryJournal, NoJournal, Note};
use neonbench_engine::measure::Measure;
use neonbench_engine::plan::Plan;
use neonbench_engine::read_back::{Recorder, read_back};
use neonbench_engine::run::resources;
use neonbench_engine::scenario::{Scenario, Workload};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::{InProcess, VirtualClock};
use rand::Rng;
use std::num::NonZeroU32;
use std::time::Duration;

const TRIALS: u64 = 20;
const ACCOUNTS: u64 = 60;

/// The second of grace.
const MOST: Duration = Duration::from_secs(1);

/// Text that is put onto each value once: a second time shows.
const MAPPINGS: &str = "[[mappings]]\nsource = \"V-1\"\ntarget = \"V-1\"\noperation = \"transform\"\n\
    transform = [{ step = \"regex_replace\", pattern = \"$\", with = \"!\" }]\n\
    [[mappings]]\nsource = \"V-2\"\ntarget = \"T-2\"\noperation = \"replace\"\n";

/// One state of a run in which it is stopped.
#[derive(Clone, Copy)]
struct State {
    name: &'static str,
    /// Fault tables and behaviour of the server.
    server: &'static str,
    /// When the stop comes, in ms, at random between both.
    between_ms: (u64, u64),
    selects: &'static str,
    accounts: u64,
    settings: fn() -> Settings,
    trouble: Trouble,
}

/// An answer of the server that no profile can give.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    None,
    /// Each second call on an account is refused, with a wait of 50 s.
    RetryAfter,
    /// The calls of this class are never answered.
    Silence(Class),
}

fn hybrid() -> Settings {
    Settings::new(Strategy::Hybrid)
}

fn pipelined() -> Settings {
    Settings::new(Strategy::Pipelined)
}

const LISTED: &str = "resource_ids = \"1-60\"\n";
const FILTER: &str = "[[filter]]\nfield = \"V-1\"\noperator = \"NOT_BLANK\"\n";

const STATES: [State; 11] = [
    State {
        name: "enumeration",
        selects: FILTER,
        accounts: 20_000,
        between_ms: (0, 15_000),
        ..CALM
    },
    State { name: "look-up", between_ms: (0, 100), ..CALM },
    State { name: "calls in flight", between_ms: (100, 5_000), settings: pipelined, ..CALM },
    State {
        name: "calls without an answer",
        between_ms: (200, 25_000),
        trouble: Trouble::Silence(Class::Get),
        ..CALM
    },
    State {
        name: "writes without an answer",
        between_ms: (1_000, 25_000),
        trouble: Trouble::Silence(Class::Patch),
        ..CALM
    },
    State {
        name: "Retry-After",
        between_ms: (1_000, 40_000),
        trouble: Trouble::RetryAfter,
        ..CALM
    },
    State {
        name: "pool wait",
        between_ms: (200, 5_000),
        settings: || Settings {
            limiter: Limiter::Fixed(NonZeroU32::MIN),
            workers: NonZeroU32::new(40).unwrap(),
            ..Settings::new(Strategy::Parallel)
        },
        ..CALM
    },
    State {
        name: "backoff",
        between_ms: (500, 9_000),
        server: "[[faults]]\nkind = \"503\"\nrecords = [1, 2, 3, 4, 5, 6, 7, 8]\n",
        ..CALM
    },
    State {
        name: "outage",
        between_ms: (3_000, 40_000),
        server: "[[faults]]\nkind = \"503\"\nfrom = \"1s\"\nuntil = \"2h\"\n",
        ..CALM
    },
    State {
        name: "chunk pause",
        between_ms: (1_000, 30_000),
        settings: || Settings {
            chunk_size: NonZeroU32::new(2),
            chunk_pause: Duration::from_secs(40),
            ..hybrid()
        },
        ..CALM
    },
    State {
        name: "one account after another",
        between_ms: (200, 60_000),
        settings: || Settings::new(Strategy::Standard),
        ..CALM
    },
];

const CALM: State = State {
    name: "",
    server: "",
    between_ms: (0, 0),
    selects: LISTED,
    accounts: ACCOUNTS,
    settings: hybrid,
    trouble: Trouble::None,
};

fn scenario(server: &str, selects: &str, accounts: u64) -> Scenario {
    let documented = "schema = 1\n[limits]\npool = 5\n[limits.endpoints]\n\"POST /accounts/search\" = 1\n[service]\n\
        get = { law = \"log-normal\", median = \"250ms\", p99 = \"1s\" }\n\
        patch = { law = \"log-normal\", median = \"350ms\", p99 = \"1400ms\" }\n\
        put = { law = \"constant\", time = \"350ms\" }\n\
        search = { law = \"constant\", time = \"600ms\" }\n\
        metadata = { law = \"constant\", time = \"250ms\" }\n";
    let profile = Profile::from_toml("stops", &format!("{documented}{server}")).unwrap();
    let plan = Plan::from_text("stops.toml", &format!("schema = 1\n{selects}{MAPPINGS}")).unwrap();
    Scenario::new(Workload {
        profile: Some(profile),
        plan: Some(plan),
        resources: Some(accounts),
        ..Workload::default()
    })
    .unwrap()
}

/// A server that may be in trouble.
struct Troubled<'a> {
    inner: &'a InProcess,
    trouble: Trouble,
    calls: std::cell::Cell<u64>,
}

impl Transport for Troubled<'_> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        self.calls.set(self.calls.get() + 1);
        let is_due = self.calls.get().is_multiple_of(2);
        let class = request.endpoint().class();
        match self.trouble {
            Trouble::Silence(silent) if class == silent => {
                if is_due {
                    // It is carried out, and nobody hears of it.
                    self.inner.call(request).await?;
                }
                std::future::pending().await
            }
            Trouble::RetryAfter if class == Class::Patch && is_due => Ok(Response {
                status: Status::TOO_MANY_REQUESTS,
                body: Body::Errors(Vec::new()),
                retry_after: Some(Duration::from_secs(50)),
            }),
            _ => self.inner.call(request).await,
        }
    }
}

/// A client that is stopped at `stop_at`: how long it went on, and its result.
async fn stopped<R>(
    clock: &VirtualClock,
    stop: &Stop,
    stop_at: Timestamp,
    client: impl Future<Output = R>,
) -> (Duration, R) {
    let stopper = async {
        clock.sleep_until(stop_at).await;
        stop.set();
    };
    let client = async {
        let result = client.await;
        (clock.now(), result)
    };
    let ((ended_at, result), ()) = futures_util::future::join(client, stopper).await;
    (ended_at.since(stop_at.min(ended_at)), result)
}

fn random(draw: &mut Generator, (from, to): (u64, u64)) -> Duration {
    let ns = (to - from) as usize * 1_000_000;
    Duration::from_millis(from) + Duration::from_nanos(rng::below(draw.next_u64(), ns) as u64)
}

/// Stops a run in `state` after `after`; its server and its notes.
fn run_until(
    state: State,
    scenario: &Scenario,
    clock: &VirtualClock,
    after: Duration,
) -> (Neon, Vec<Note>, Duration) {
    let stop = Stop::default();
    let inner = InProcess::new(scenario.neon(1), clock.clone());
    let server = Troubled { inner: &inner, trouble: state.trouble, calls: std::cell::Cell::new(0) };
    let (settings, journal) = ((state.settings)(), MemoryJournal::default());
    let job = Job::new(&scenario.plan, &settings, resources(scenario));
    let job = Job { journal: &journal, stop: &stop, ..job };
    let mut nobody = |_: &Event| {};
    let run = engine::run(&server, clock, job, &mut nobody);
    let (took, result) = clock.run(stopped(clock, &stop, Timestamp::ZERO + after, run)).unwrap();
    result.unwrap_or_else(|error| panic!("{}: {error}", state.name));
    (inner.into_neon(), journal.notes(), took)
}

/// Resumes the run of `notes` on a server without trouble; every account is as the plan demands then.
fn resumes_to_its_end(
    state: State,
    scenario: &Scenario,
    (clock, mut neon): (VirtualClock, Neon),
    notes: Vec<Note>,
) {
    neon.set_profile(self::scenario("", state.selects, state.accounts).profile);
    let inner = InProcess::new(neon, clock.clone());
    let (ledger, settings) = (Ledger::new(notes), pipelined());
    let mut measure = Measure::new();
    let job = Job::new(&scenario.plan, &settings, resources(scenario));
    let job = Job { ledger: &ledger, journal: &MemoryJournal::default(), ..job };
    clock.run(engine::run(&inner, &clock, job, &mut measure)).unwrap().unwrap();
    let neon = inner.into_neon();
    let claims = Claims::Failed { failed: measure.failed(), dry_run: false };
    assert_eq!(measure.failed(), [], "{}", state.name);
    let found = compare(scenario, &neon, claims, &mut |wrong| {
        panic!(
            "{}: account {} is {:?}, and was {:?}",
            state.name, wrong.id, wrong.now, wrong.before
        )
    });
    assert_eq!(found.mismatched, 0);
}

#[test]
fn a_stop_is_heard_in_every_state_and_the_journal_is_good() {
    let mut draw = rng::stream(7, "stops");
    for state in STATES {
        let scenario = scenario(state.server, state.selects, state.accounts);
        let mut longest = Duration::ZERO;
        for _ in 0..TRIALS {
            let (clock, after) = (VirtualClock::new(), random(&mut draw, state.between_ms));
            let (neon, notes, took) = run_until(state, &scenario, &clock, after);
            assert!(
                took <= MOST,
                "{}: stopped after {after:?}, it went on for {took:?}",
                state.name
            );
            longest = longest.max(took);
            if state.accounts == ACCOUNTS {
                resumes_to_its_end(state, &scenario, (clock, neon), notes);
            }
        }
        println!("{:26} {TRIALS} trials, at most {longest:?}", state.name);
    }
}

/// Reading back, verifying and undoing: nothing is taken for wrong that was not looked at.
#[test]
fn a_stop_is_heard_while_accounts_are_read_again() {
    let scenario = scenario("", LISTED, ACCOUNTS);
    let settings = Settings { workers: NonZeroU32::new(2).unwrap(), ..hybrid() };
    let mut draw = rng::stream(8, "stops");
    for mode in [None, Some(ReviewMode::Verify), Some(ReviewMode::DryUndo), Some(ReviewMode::Undo)]
    {
        for _ in 0..TRIALS {
            let (clock, stop) = (VirtualClock::new(), Stop::default());
            let server = Recorder::new(InProcess::new(scenario.neon(1), clock.clone()));
            let (journal, mut measure) = (MemoryJournal::default(), Measure::new());
            let job = Job::new(&scenario.plan, &settings, resources(&scenario));
            let job = Job { journal: &journal, stop: &stop, ..job };
            let nobody = &mut |_: &Event| {};
            let after =
                random(&mut draw, (0, if mode == Some(ReviewMode::Undo) { 9_000 } else { 500 }));
            let took = clock
                .run(async {
                    engine::run(&server, &clock, job, &mut measure).await.unwrap();
                    let (ledger, at) = (Ledger::new(journal.notes()), clock.now() + after);
                    let Some(mode) = mode else {
                        let reading = read_back(&server, &clock, job, &measure, nobody);
                        let (took, back) = Box::pin(stopped(&clock, &stop, at, reading)).await;
                        let audit = back.unwrap().audit;
                        assert_eq!((audit.faults, audit.unreadable), (vec![], 0));
                        assert_eq!(audit.read_back + audit.not_read_back, ACCOUNTS);
                        return took;
                    };
                    let how = (&stop, Control::NEVER, &NoJournal as &dyn Journal, mode);
                    let review =
                        engine::review(server.inner(), &clock, &settings, &ledger, how, nobody);
                    let (took, review) = Box::pin(stopped(&clock, &stop, at, review)).await;
                    let review = review.unwrap();
                    assert_eq!((review.not_kept, review.failed), (vec![], vec![]), "{mode:?}");
                    assert_eq!(review.accounts + review.left_out, ACCOUNTS);
                    if mode == ReviewMode::Undo {
                        // Done again, it finds what is left.
                        let how = (Stop::NEVER, Control::NEVER, &NoJournal as &dyn Journal, mode);
                        let server = server.inner();
                        let rest = engine::review(server, &clock, &settings, &ledger, how, nobody);
                        let rest = rest.await.unwrap();
                        assert_eq!((rest.differences, rest.failed), (vec![], vec![]));
                    }
                    took
                })
                .unwrap();
            assert!(took <= MOST, "{mode:?}: stopped after {after:?}, it went on for {took:?}");
        }
    }
}

/// Writes without an answer that have not reached the server, and those that have: an undo tells which may come yet.
#[test]
fn an_undo_counts_the_writes_that_may_be_carried_out_yet() {
    let scenario = scenario("", LISTED, 5);
    let (settings, clock) = (hybrid(), VirtualClock::new());
    let servers = [(); 2].map(|()| InProcess::new(scenario.neon(1), clock.clone()));
    let (journal, mut measure) = (MemoryJournal::default(), Measure::new());
    let job = Job::new(&scenario.plan, &settings, resources(&scenario));
    let job = Job { journal: &journal, ..job };
    let [unwritten, written] = clock
        .run(async {
            engine::run(&servers[1], &clock, job, &mut measure).await.unwrap();
            let intended = journal.notes().into_iter().filter(|it| matches!(it, Note::Intended(_)));
            let ledger = Ledger::new(intended);
            assert!(ledger.has_writes());
            let how = (Stop::NEVER, Control::NEVER, &NoJournal as &dyn Journal, ReviewMode::Undo);
            let review = async |server| {
                engine::review(server, &clock, &settings, &ledger, how, &mut |_: &Event| {})
                    .await
                    .unwrap()
            };
            [review(&servers[0]).await, review(&servers[1]).await]
        })
        .unwrap();
    assert_eq!((unwritten.restored, written.unsettled), (0, 0), "{unwritten:?} {written:?}");
    assert!(written.restored > 0 && unwritten.unsettled == written.restored, "{unwritten:?}");
}

/// One page after another, for ever: the server says that five more follow each.
struct Endless<'a> {
    inner: &'a InProcess,
    /// True if each page brings accounts that were not there before.
    invents: bool,
}

impl Transport for Endless<'_> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let mut response = self.inner.call(request).await?;
        if let (Request::SearchAccounts(search), Body::Search(page)) = (request, &mut response.body)
        {
            let number = search.pagination.current_page;
            page.pagination.current_page = number;
            page.pagination.total_pages = number + 5;
            if self.invents {
                let id =
                    |number: u32| serde_json::json!({ "Account ID": (number + 1).to_string() });
                let row = serde_json::from_value(id(number)).unwrap();
                page.search_results = vec![row];
            }
        }
        Ok(response)
    }
}

#[test]
fn a_search_without_end_ends() {
    let scenario = scenario("", FILTER, 1_000);
    for invents in [false, true] {
        let clock = VirtualClock::new();
        let inner = InProcess::new(scenario.neon(1), clock.clone());
        let server = Endless { inner: &inner, invents };
        let settings = hybrid();
        let job = Job::new(&scenario.plan, &settings, resources(&scenario));
        let mut nobody = |_: &Event| {};
        let ended = clock.run(engine::run(&server, &clock, job, &mut nobody)).unwrap();
        assert!(matches!(ended, Err(EngineError::EndlessSearch(_))), "{ended:?}");
        let searches = inner.into_neon().calls().admitted(Class::Search);
        assert!(if invents { searches == 25_000 } else { searches <= 7 }, "{searches}");
    }
}
