//! The league of limiters, in virtual time: results of each limit on pools that it does not know
//! beforehand.
//!
//! A run is `pipelined` with the limit in place of the strategy's own. A run that fails its audit
//! ends the league.

use neon_mock::Neon;
use neon_mock::api::{Endpoint, Request, Response};
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use neonbench_engine::audit::audit;
use neonbench_engine::clock::Clock as _;
use neonbench_engine::engine::limiter::{CallFeedback, ConcurrencyLimit, LimitFactory};
use neonbench_engine::engine::{self, Job, Reads, Settings, Strategy};
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
}

const SEARCH_OF_ONE: &str = "[limits.endpoints]\n\"POST /accounts/search\" = 1\n";

/// Constant, moving and shared pools, and none.
pub(crate) const TRACKS: [Track; 10] = [
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
];

const fn pool(name: &'static str, pool: u32) -> Track {
    Track { name, pool: Some(pool), then: None, reads: Reads::Search, limits: "", staff: "" }
}

impl Track {
    fn profile(&self, pool: Option<u32>) -> Profile {
        let pool = pool.map_or(String::new(), |pool| format!("pool = {pool}\n"));
        let text = format!(
            "schema = 1\n[limits]\n{pool}{limits}reject_after = \"30ms\"\n{SEARCH_OF_ONE}\
             [service]\n\
             get = {{ law = \"log-normal\", median = \"250ms\", p99 = \"1s\" }}\n\
             patch = {{ law = \"log-normal\", median = \"350ms\", p99 = \"1400ms\" }}\n\
             put = {{ law = \"log-normal\", median = \"350ms\", p99 = \"1400ms\" }}\n\
             search = {{ law = \"log-normal\", median = \"600ms\", p99 = \"2400ms\" }}\n\
             metadata = {{ law = \"log-normal\", median = \"250ms\", p99 = \"1s\" }}\n{staff}",
            limits = self.limits,
            staff = self.staff,
        );
        Profile::from_toml(self.name, &text).expect("a valid profile")
    }
}

/// Result of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Finish {
    pub(crate) makespan_s: f64,
    pub(crate) calls_per_record: f64,
    pub(crate) refused_share: f64,
    /// When the limit had found the pool of the write endpoint, in seconds; the whole run if never.
    pub(crate) found_s: f64,
}

impl Finish {
    /// Means over several runs.
    pub(crate) fn mean(all: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
        Self {
            makespan_s: mean(|finish| finish.makespan_s),
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
    run.expect("virtual time goes on").expect("a run to its end");
    let neon = transport.inner.into_neon();
    let faults = audit(&scenario, &neon, &measure, false).faults;
    assert!(faults.is_empty(), "{}, seed {seed}: {faults:?}", track.name);
    finish(track, &neon, accounts, &watched.history.borrow())
}

fn finish(track: &Track, neon: &Neon, accounts: u64, limits: &[(Timestamp, u32)]) -> Finish {
    let (total, rejected) = (neon.calls().total() as f64, neon.calls().rejected() as f64);
    let makespan_s = neon.makespan().unwrap_or_default().as_secs_f64();
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
}
