//! Measures the fidelity of the mock's delays and limits on this machine, over real connections, by a
//! client with next to no overhead of its own.
//!
//! A fidelity row compares the service times that the mock drew with those that it served, by its own
//! journal, and with those that the client saw, from sending a request to receiving the head of its
//! response; the bars are on the latter. The rows of pool and window check by the journal that no call
//! too many was admitted, and none refused without need.

mod client;
mod pool;
mod record;
mod window;

pub use record::{Bar, FidelityRow, Machine, PerCall, PoolRow, SCHEMA, SelftestRecord, WindowRow};

use client::{Answered, ClientLoad, LIMIT, drive};
use neon_mock::api::Status;
use neon_mock::file::FileError;
use neon_mock::profile::Profile;
use neon_mock::{NeonMock, ServedCall, StartError};
use neonbench_engine::world::WallClock;
use record::MeasuredTimes;
use std::collections::BTreeMap;
use std::time::Duration;

/// Seed of the organisation and service times.
const SEED: u64 = 1;

/// Median and 0.99 quantile of the log-normal law, and the constant.
const MEDIAN: Duration = Duration::from_millis(100);
const P99: Duration = Duration::from_millis(400);

/// Slots of the pool, connections that want them, and how long each slot is held.
const POOL: u32 = 5;
const POOL_CONNECTIONS: u32 = 50;
const POOL_HELD: Duration = Duration::from_millis(1);

/// Calls a second of the window and at once, and connections that want them.
const PER_SECOND: u32 = 50;
const WINDOW_CONNECTIONS: u32 = 50;

/// From call to call of the window: whole ns, so that nothing is rounded.
const WINDOW_INTERVAL_NS: u64 = 1_000_000_000 / PER_SECOND as u64;
const _: () = assert!(WINDOW_INTERVAL_NS * PER_SECOND as u64 == 1_000_000_000);

/// The law of calls that take no time.
const AT_ONCE: &str = "{ law = \"constant\", time = \"0ms\" }";

/// Calls per round of the tests of pool and window, which bounds the memory of the journal.
const ROUND: u64 = 100_000;

/// Bars of the design: a distance (0 to 1), and errors in ms.
const MAX_KS: f64 = 0.02;
const MAX_P50_ERROR_MS: f64 = 0.5;
const MAX_P50_ERROR_CONSTANT_MS: f64 = 0.7;

/// Size of the measurements.
#[derive(Clone, Copy, Debug)]
pub struct SelftestSize {
    /// Each level: calls in flight, calls under the log-normal law, calls under the constant law.
    pub levels: [(u32, u64, u64); 4],
    /// Calls of the pool test.
    pub pool_calls: u64,
    /// Duration of the window test.
    pub window_lasting: Duration,
    /// True for the small size, for which the bars are not meant.
    pub quick: bool,
}

impl SelftestSize {
    /// The size that the bars are meant for: some three minutes.
    pub const FULL: Self = Self {
        levels: [(1, 200, 100), (10, 2_000, 1_000), (50, 20_000, 5_000), (200, 20_000, 20_000)],
        pool_calls: 1_000_000,
        window_lasting: Duration::from_secs(10),
        quick: false,
    };

    /// Some fifteen seconds.
    pub const QUICK: Self = Self {
        levels: [(1, 20, 10), (10, 200, 100), (50, 1_000, 500), (200, 4_000, 2_000)],
        pool_calls: 50_000,
        window_lasting: Duration::from_secs(2),
        quick: true,
    };
}

/// The reasons why a selftest cannot be made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum SelftestError {
    #[error("cannot start the mock")]
    Start(#[from] StartError),
    #[error("the profile of the selftest")]
    Profile(#[from] FileError),
    #[error("the connection to the mock")]
    Connection(#[from] std::io::Error),
    #[error("the mock answered status {0}")]
    Answer(u16),
    #[error("the mock's journal has {journal} of {calls} calls")]
    Journal { journal: usize, calls: usize },
    #[error("no answer within {0:?}")]
    Stuck(Duration),
}

/// Makes all measurements; `progress` receives a line before each.
///
/// Errors: the mock cannot be started, a connection fails, or an answer is missing or wrong.
pub async fn run(
    size: &SelftestSize,
    progress: &mut dyn FnMut(&str),
) -> Result<SelftestRecord, SelftestError> {
    let clock = WallClock::start();
    let mut fidelity = Vec::new();
    for (in_flight, calls, _) in size.levels {
        progress(&format!("log-normal, {in_flight} in flight, {calls} calls"));
        fidelity.push(log_normal(in_flight, calls).await?);
    }
    for (in_flight, _, calls) in size.levels {
        progress(&format!("constant, {in_flight} in flight, {calls} calls"));
        fidelity.push(constant(in_flight, calls).await?);
    }
    progress(&format!("pool of {POOL}, {POOL_CONNECTIONS} connections, {} calls", size.pool_calls));
    let pool = pool_row(size.pool_calls).await?;
    let lasting = size.window_lasting;
    progress(&format!("{PER_SECOND} a second, {WINDOW_CONNECTIONS} connections, {lasting:?}"));
    let window = window_row(lasting).await?;
    let wall_s = clock.elapsed().as_secs_f64();
    Ok(SelftestRecord::new(size.quick, wall_s, fidelity, pool, window))
}

/// A profile without refusals, or with `limits`, whose GETs take a time by `law`.
fn profile(limits: &str, law: &str) -> Result<Profile, FileError> {
    let text = format!(
        "schema = 1\n[limits]\n{limits}\nreject_after = \"0ms\"\n[service]\nget = {law}\n\
         patch = {AT_ONCE}\nput = {AT_ONCE}\nsearch = {AT_ONCE}\nmetadata = {AT_ONCE}\n"
    );
    Profile::from_toml("selftest", &text)
}

/// A load whose connections all begin at once.
const fn at_once(connections: u32, calls: u64, lasting: Duration) -> ClientLoad {
    ClientLoad { connections, calls, lasting, stagger: Duration::ZERO }
}

/// The calls of `load` on a mock of `profile`, as the client and as the server recorded them.
async fn measured(
    profile: Profile,
    load: &ClientLoad,
) -> Result<(Vec<Answered>, Vec<ServedCall>), SelftestError> {
    let mock = NeonMock::builder()
        .profile(profile)
        .accounts(load.calls)
        .seed(SEED)
        .journal(load.calls as usize)
        .try_start()
        .await?;
    let (org_id, api_key) = mock.credentials();
    let answers = drive(mock.addr(), org_id, api_key, load).await?;
    let journal = mock.journal();
    if journal.len() != answers.len() {
        return Err(SelftestError::Journal { journal: journal.len(), calls: answers.len() });
    }
    Ok((answers, journal))
}

async fn log_normal(in_flight: u32, calls: u64) -> Result<FidelityRow, SelftestError> {
    let law = format!(
        "{{ law = \"log-normal\", median = \"{}ms\", p99 = \"{}ms\" }}",
        MEDIAN.as_millis(),
        P99.as_millis()
    );
    let load = at_once(in_flight, calls, LIMIT);
    let name = format!("log-normal, median {MEDIAN:?}, p99 {P99:?}");
    let times = times(&measured(profile("", &law)?, &load).await?)?;
    let mut row = FidelityRow::new(name, in_flight, &times);
    if in_flight >= 50 {
        row.bars.push(Bar::at_most("KS", row.ks.unwrap_or(1.0), MAX_KS));
        row.bars.push(Bar::at_most("|p50 error| ms", row.p50_error_ms.abs(), MAX_P50_ERROR_MS));
    }
    Ok(row)
}

async fn constant(in_flight: u32, calls: u64) -> Result<FidelityRow, SelftestError> {
    let law = format!("{{ law = \"constant\", time = \"{}ms\" }}", MEDIAN.as_millis());
    let load = ClientLoad { connections: in_flight, calls, stagger: MEDIAN, lasting: LIMIT };
    let name = format!("constant {MEDIAN:?}, staggered");
    let times = times(&measured(profile("", &law)?, &load).await?)?;
    let mut row = FidelityRow::new(name, in_flight, &times);
    let error_ms = row.p50_error_ms.abs();
    row.bars.push(Bar::at_most("|p50 error| ms", error_ms, MAX_P50_ERROR_CONSTANT_MS));
    Ok(row)
}

/// The times of each call, as the server drew and served it and as its client saw it.
fn times(
    (answers, journal): &(Vec<Answered>, Vec<ServedCall>),
) -> Result<Vec<MeasuredTimes>, SelftestError> {
    let journal: BTreeMap<&str, &ServedCall> =
        journal.iter().map(|call| (call.path.as_str(), call)).collect();
    let mut times = Vec::with_capacity(answers.len());
    for (number, answer) in (0..).zip(answers) {
        let call = journal.get(client::path(number).as_str());
        let drawn = call.and_then(|call| call.drawn).filter(|_| answer.status == Status::OK.0);
        let (Some(call), Some(drawn)) = (call, drawn) else {
            return Err(SelftestError::Answer(answer.status));
        };
        times.push(MeasuredTimes { drawn, served: call.served, seen: answer.taken() });
    }
    Ok(times)
}

/// True if the mock admitted `call`, false if it refused it.
///
/// Errors: the call was answered with a status other than 200 and 429.
fn is_admitted(call: &ServedCall) -> Result<bool, SelftestError> {
    match call.status {
        Some(Status::OK) => Ok(true),
        Some(Status::TOO_MANY_REQUESTS) => Ok(false),
        status => Err(SelftestError::Answer(status.map_or(0, |status| status.0))),
    }
}

/// The pool test, in rounds with a mock each.
async fn pool_row(calls: u64) -> Result<PoolRow, SelftestError> {
    let law = format!("{{ law = \"constant\", time = \"{}ms\" }}", POOL_HELD.as_millis());
    let mut row = PoolRow { pool: POOL, connections: POOL_CONNECTIONS, ..PoolRow::default() };
    let mut left = calls;
    while left > 0 {
        let calls = left.min(ROUND);
        let load = at_once(POOL_CONNECTIONS, calls, LIMIT);
        let (_, journal) = measured(profile(&format!("pool = {POOL}"), &law)?, &load).await?;
        pool::check(&mut row, &pool::pool_calls(&journal)?);
        left -= calls;
    }
    Ok(row)
}

/// The window test, in rounds with a mock each: calls that take no time, as fast as they can.
async fn window_row(lasting: Duration) -> Result<WindowRow, SelftestError> {
    let rate = window::WindowRate { burst: PER_SECOND, interval_ns: WINDOW_INTERVAL_NS };
    let mut row = WindowRow {
        per_second: PER_SECOND,
        connections: WINDOW_CONNECTIONS,
        ..WindowRow::default()
    };
    let clock = WallClock::start();
    let left = || lasting.saturating_sub(clock.elapsed());
    while !left().is_zero() {
        let profile = profile(&format!("per_second = {PER_SECOND}"), AT_ONCE)?;
        let (_, journal) = measured(profile, &at_once(WINDOW_CONNECTIONS, ROUND, left())).await?;
        window::check(&mut row, window::window_calls(&journal)?, rate);
    }
    Ok(row)
}
