//! The league of limiters, in virtual time: results of each limit on pools that it does not know
//! beforehand.
//!
//! A run is `pipelined` with the limit in place of the strategy's own. A run that fails its audit
//! ends the league.

use neon_mock::Neon;
use neon_mock::api::{Endpoint, Request, Response};
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use neonbench::experiment::{Objective, RunFigures};
use neonbench_engine::audit::audit;
use neonbench_engine::clock::Clock as _;
use neonbench_engine::engine::limiter::{CallFeedback, ConcurrencyLimit, LimitFactory, LimitOfAll};
use neonbench_engine::engine::{self, EngineError, Job, Reads, Settings, Strategy};
use neonbench_engine::measure::Measure;
use neonbench_engine::scenario::{Resources, Scenario, Workload};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::{InProcess, VirtualClock};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Writes in a row within 10 % of the pool after which a limit counts as having found it.
const SETTLED: usize = 20;

/// Server limits to run on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Track {
    pub(crate) name: &'static str,
    /// Pool per endpoint, the search's excepted; `None` where calls per second are limited.
    pub(crate) pool: Option<u32>,
    /// Pool from a later moment on: (seconds, slots).
    pub(crate) then: Option<(u64, u32)>,
    /// Call that reads accounts: a pool is shared only with calls that are made.
    reads: Reads,
    limits: &'static str,
    staff: &'static str,
    /// Growth of service times with the calls in flight: (contention, coherency).
    congestion: Option<(f64, f64)>,
    /// Times of a search, median and p99.
    search: (&'static str, &'static str),
}

const SEARCH_OF_ONE: &str = "[limits.endpoints]\n\"POST /accounts/search\" = 1\n";

/// Constant, moving and shared pools, and none; servers that slow down, and slow searches.
pub(crate) const TRACKS: [Track; 15] = [
    pool("pool of 1", 1),
    pool("pool of 2", 2),
    pool("pool of 5", 5),
    pool("pool of 10", 10),
    pool("pool of 50", 50),
    Track { then: Some((20, 2)), ..pool("5, then 2", 5) },
    Track { then: Some((20, 10)), ..pool("5, then 10", 5) },
    Track {
        staff: "[staff]\nedits_per_s = 2.0\nskew = 1.0\nthink = \"20s\"\nfields = []\n",
        ..pool("5 with staff", 5)
    },
    Track { reads: Reads::Get, limits: "scope = \"template\"\n", ..pool("5 for all verbs", 5) },
    Track { limits: "per_second = 5\n", pool: None, ..pool("5 a second", 5) },
    congested("slower beyond 18", 0.02, 0.003),
    congested("slower beyond 8", 0.05, 0.0148),
    congested("slower beyond 3", 0.1, 0.08),
    Track { limits: "scope = \"organisation\"\n", ..pool("20 for all calls", 20) },
    Track { search: ("6s", "24s"), ..pool("5, slow searches", 5) },
];

const fn pool(name: &'static str, pool: u32) -> Track {
    Track {
        name,
        pool: Some(pool),
        then: None,
        reads: Reads::Search,
        limits: "",
        staff: "",
        congestion: None,
        search: ("600ms", "2400ms"),
    }
}

const fn congested(name: &'static str, contention: f64, coherency: f64) -> Track {
    Track { pool: None, congestion: Some((contention, coherency)), ..pool(name, 1) }
}

impl Track {
    fn profile(&self, pool: Option<u32>) -> Profile {
        let pool = pool.map_or(String::new(), |pool| format!("pool = {pool}\n"));
        let of_search = if self.limits.contains("organisation") { "" } else { SEARCH_OF_ONE };
        let limits = match self.congestion {
            None => {
                let limits = self.limits;
                format!("[limits]\n{pool}{limits}reject_after = \"30ms\"\n{of_search}")
            }
            Some(_) => String::new(),
        };
        let congestion = self.congestion.map_or(String::new(), |(contention, coherency)| {
            format!("congestion = {{ contention = {contention}, coherency = {coherency} }}\n")
        });
        let (median, p99) = self.search;
        let text = format!(
            "schema = 1\n{limits}[service]\n\
             get = {{ law = \"log-normal\", median = \"250ms\", p99 = \"1s\" }}\n\
             patch = {{ law = \"log-normal\", median = \"350ms\", p99 = \"1400ms\" }}\n\
             put = {{ law = \"log-normal\", median = \"350ms\", p99 = \"1400ms\" }}\n\
             search = {{ law = \"log-normal\", median = \"{median}\", p99 = \"{p99}\" }}\n\
             metadata = {{ law = \"log-normal\", median = \"250ms\", p99 = \"1s\" }}\n{congestion}{staff}",
            staff = self.staff,
        );
        Profile::from_toml(self.name, &text).expect("a valid profile")
    }
}

/// Result of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Finish {
    pub(crate) makespan_s: f64,
    /// Makespan × (1 + 20 × share refused beyond the free ones).
    pub(crate) cost_s: f64,
    pub(crate) calls_per_record: f64,
    pub(crate) refused_share: f64,
    /// Accounts that were not migrated.
    pub(crate) failed: f64,
    /// When the limit had found the pool of the write endpoint, in seconds; the whole run if never.
    pub(crate) found_s: f64,
}

impl Finish {
    /// Means over several runs.
    pub(crate) fn mean(all: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
        Self {
            makespan_s: mean(|finish| finish.makespan_s),
            cost_s: mean(|finish| finish.cost_s),
            failed: mean(|finish| finish.failed),
            calls_per_record: mean(|finish| finish.calls_per_record),
            refused_share: mean(|finish| finish.refused_share),
            found_s: mean(|finish| finish.found_s),
        }
    }
}

/// Runs `accounts` accounts on `track` under `limits`.
pub(crate) fn race(track: &Track, limits: &dyn LimitFactory, accounts: u64, seed: u64) -> Finish {
    let scenario = Scenario::new(Workload {
        profile: Some(track.profile(track.pool)),
        resources: Some(accounts),
        ..Workload::default()
    })
    .expect("a scenario");
    let settings = Settings { seed, reads: track.reads, ..Settings::new(Strategy::Pipelined) };
    let Resources::Ids(ids) = &scenario.resources else { unreachable!("the plain workload") };
    let clock = VirtualClock::new();
    let transport = Moving {
        inner: InProcess::new(scenario.neon(seed), clock.clone()),
        clock: clock.clone(),
        then: Cell::new(track.then.map(|(s, pool)| {
            (Timestamp::ZERO + Duration::from_secs(s), track.profile(Some(pool)))
        })),
    };
    let watched = Watched { limits, history: Rc::default() };
    let job = Job {
        limits: Some(&watched),
        ..Job::new(&scenario.plan, &settings, engine::AccountSource::Ids(ids))
    };
    let mut measure = Measure::new();
    let run = clock.run(engine::run(&transport, &clock, job, &mut measure));
    let neon = transport.inner.into_neon();
    match run.expect("virtual time goes on") {
        Ok(()) => {
            let faults = audit(&scenario, &neon, &measure, false).faults;
            assert!(faults.is_empty(), "{}, seed {seed}: {faults:?}", track.name);
        }
        // A limit that drives the server into failing every call: accounts that are left have failed.
        Err(EngineError::Outage(_)) => {}
        Err(error) => panic!("{}, seed {seed}: {error}", track.name),
    }
    finish(track, accounts, &neon, &measure, &watched.history.borrow())
}

fn finish(
    track: &Track,
    accounts: u64,
    neon: &Neon,
    measure: &Measure,
    limits: &[(Timestamp, u32)],
) -> Finish {
    let records = measure.records();
    let failed = accounts - records.total + records.failed;
    let (total, rejected) = (neon.calls().total() as f64, neon.calls().rejected() as f64);
    let makespan_s = measure.makespan().as_secs_f64();
    let pool = track.then.map(|(_, pool)| pool).or(track.pool);
    let moved_at_s = track.then.map_or(0.0, |(s, _)| s as f64);
    let moved_at = Timestamp::ZERO + Duration::from_secs_f64(moved_at_s);
    let since: Vec<&(Timestamp, u32)> = limits.iter().filter(|(at, _)| *at >= moved_at).collect();
    let found = since.windows(SETTLED).find(|window| {
        window.iter().all(|(_, limit)| pool.is_some_and(|pool| limit.abs_diff(pool) <= pool / 10))
    });
    let found_s =
        found.map_or(makespan_s - moved_at_s, |window| window[0].0.since(moved_at).as_secs_f64());
    Finish {
        makespan_s,
        cost_s: Objective::Balanced.of(&RunFigures {
            makespan_s,
            calls: neon.calls().total(),
            refused: neon.calls().rejected(),
            resources: accounts,
            failed,
            ..RunFigures::NONE
        }),
        failed: failed as f64,
        calls_per_record: total / accounts as f64,
        refused_share: rejected / total,
        found_s,
    }
}

/// A pool that changes during the run.
struct Moving {
    inner: InProcess,
    clock: VirtualClock,
    then: Cell<Option<(Timestamp, Profile)>>,
}

impl Transport for Moving {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        match self.then.take() {
            Some((at, profile)) if self.clock.now() >= at => self.inner.set_profile(profile),
            then => self.then.set(then),
        }
        self.inner.call(request).await
    }
}

/// The write endpoint's limit after each call.
type LimitHistory = Rc<RefCell<Vec<(Timestamp, u32)>>>;

/// Records how the limit for writes changes.
struct Watched<'a> {
    limits: &'a dyn LimitFactory,
    history: LimitHistory,
}

#[derive(Debug)]
struct WatchedLimit {
    inner: Box<dyn ConcurrencyLimit>,
    history: LimitHistory,
}

impl LimitFactory for Watched<'_> {
    fn limit_for(&self, endpoint: Endpoint) -> Option<Box<dyn ConcurrencyLimit>> {
        let inner = self.limits.limit_for(endpoint)?;
        Some(match endpoint {
            Endpoint::PatchAccount => {
                Box::new(WatchedLimit { inner, history: Rc::clone(&self.history) })
            }
            _ => inner,
        })
    }

    fn limit_of_all(&self) -> Option<LimitOfAll> {
        self.limits.limit_of_all()
    }
}

impl ConcurrencyLimit for WatchedLimit {
    fn limit(&self) -> u32 {
        self.inner.limit()
    }

    fn spacing(&self) -> Duration {
        self.inner.spacing()
    }

    fn on_result(&mut self, call: &CallFeedback) {
        self.inner.on_result(call);
        self.history.borrow_mut().push((call.done_at, self.inner.limit()));
    }

    fn found(&self) -> Option<u32> {
        self.inner.found()
    }

    fn on_taken_elsewhere(&mut self, taken: u32) {
        self.inner.on_taken_elsewhere(taken);
    }

    fn on_pool_elsewhere(&mut self, pool: u32) {
        self.inner.on_pool_elsewhere(pool);
    }

    fn on_shared_pool(&mut self, pool: u32) {
        self.inner.on_shared_pool(pool);
    }
}
