//! Room for the calls by which integrations answer webhooks: each write that lands sets some off, a known delay later,
//! on the pool of the engine's own reads.
//!
//! The engine sees none of these calls, but knows when each of its writes landed. So a write counts from its sending
//! on, and after its landing for as much of its echo as is still to be expected: its calls last as long as the engine's
//! own reads, and end at random (exponentially), so that a landed write counts by e^(−age ÷ their time). As many
//! count at once as keep the share of refusals below the one asked for, by the loss formula of so many sources
//! (Engset; source: Kleinrock, "Queueing Systems", volume 1, 1975, section 3.10).

use super::limit::CallFeedback;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// Calls of integrations that each write sets off.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct ExpectedEcho {
    /// Calls per write, one after another.
    pub calls: NonZeroU32,
    /// Time from the answer to a write until the first of them.
    pub delay: Duration,
    /// Refusals that are borne, per 10,000 of these calls.
    pub refused_per_10k: u32,
}

/// Refusals that are borne if nobody says otherwise: 1 %.
const REFUSED_PER_10K: u32 = 100;

impl ExpectedEcho {
    /// `calls` per write after `delay`, of which 1 % may be refused.
    pub const fn new(calls: NonZeroU32, delay: Duration) -> Self {
        Self { calls, delay, refused_per_10k: REFUSED_PER_10K }
    }
}

impl fmt::Display for ExpectedEcho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.calls, humantime::format_duration(self.delay))?;
        if self.refused_per_10k != REFUSED_PER_10K {
            write!(f, "<{}%", f64::from(self.refused_per_10k) / 100.0)?;
        }
        Ok(())
    }
}

/// The text names no echo.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no echo: expected CALLSxDELAY (CALLS from 1 to 3), such as 1x500ms, or with the share \
     that may be refused, 1x500ms<0.5%"
)]
pub struct ParseEchoError(String);

impl FromStr for ExpectedEcho {
    type Err = ParseEchoError;

    fn from_str(text: &str) -> Result<Self, ParseEchoError> {
        let parsed = || {
            let (echo, share) = text.split_once('<').unwrap_or((text, "1%"));
            let (calls, delay) = echo.split_once('x')?;
            let calls = neon_mock::bounds::ECHOED_CALLS.check(calls.parse().ok()?).ok()?;
            let delay = neon_mock::bounds::duration(delay).ok()?;
            let percent: f64 = share.strip_suffix('%')?.parse().ok()?;
            let share = neon_mock::bounds::SHARE.check(percent / 100.0).ok()?;
            let refused_per_10k = (share * 10_000.0).round() as u32;
            Some(Self { calls: NonZeroU32::new(calls)?, delay, refused_per_10k })
        };
        parsed().ok_or_else(|| ParseEchoError(text.to_owned()))
    }
}

/// Pool that Neon documents, before another is found.
const DOCUMENTED_POOL: u32 = 5;

/// Sources per place beyond which the loss formula looks no further.
const MOST_SOURCES_PER_PLACE: u32 = 64;

/// Calls of an echo below which one call of the engine has room, however small the pool.
const QUIET: f64 = 0.5;

/// Part of a call's time after which the first in the queue looks again: an echo ends unseen.
const LOOKS_PER_CALL: u32 = 16;

/// Times of calls after which an echo no longer counts: e^−6 is a quarter of a percent.
const FORGOTTEN_AFTER: u32 = 6;

/// Reads whose time is derived from that of the writes, beside those that were answered: the mean of a handful of reads,
/// as `pipelined` makes them, is off by a quarter, and either the run pays for that or the integrations do.
const READS_ASSUMED: u32 = 8;

/// Time of a read by that of a write.
const READ_PER_WRITE: f64 = 0.75;

/// Time of a write before any was answered.
const AT_FIRST: Duration = Duration::from_millis(250);

/// Mean of the times of calls.
#[derive(Clone, Copy, Debug, Default)]
struct MeanTime {
    total: Duration,
    calls: u32,
}

impl MeanTime {
    fn add(&mut self, call: &CallFeedback) {
        self.total += call.done_at.since(call.sent_at);
        self.calls += 1;
    }

    fn mean(self) -> Option<Duration> {
        self.total.checked_div(self.calls)
    }
}

/// Own calls that are admitted, by what they do to integrations.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnCalls {
    /// Reads, which take their places.
    pub reads: u32,
    /// Writes, which set off their calls.
    pub writes: u32,
}

/// The share of a pool that the echo of the engine's writes needs.
#[derive(Clone, Debug)]
pub struct EchoShare {
    expected: ExpectedEcho,
    /// When writes landed whose echo has not ended for certain.
    landed: VecDeque<Timestamp>,
    read: MeanTime,
    write: MeanTime,
    pool: u32,
    /// The most that counts at once, of writes on their way and their echo.
    capacity: f64,
}

impl EchoShare {
    /// Knows nothing of the server yet.
    pub fn new(expected: ExpectedEcho) -> Self {
        let none = MeanTime::default();
        let mut share = Self {
            expected,
            landed: VecDeque::new(),
            read: none,
            write: none,
            pool: DOCUMENTED_POOL,
            capacity: 0.0,
        };
        share.capacity = share.fitting();
        share
    }

    /// True if calls of `endpoint` take places of the echo, or set it off.
    pub fn concerns(endpoint: Endpoint) -> bool {
        endpoint == Endpoint::GetAccount || endpoint.class().is_write()
    }

    /// The most writes in flight.
    pub fn most_writes(&self) -> u32 {
        (self.capacity as u32).max(1)
    }

    /// Time after which a call of `endpoint` that found no room looks again.
    pub fn look_again_after(&self, endpoint: Endpoint, own: OwnCalls, now: Timestamp) -> Duration {
        let soon = (self.call() / LOOKS_PER_CALL).max(Duration::from_millis(1));
        let room = self.capacity - 1.0 - f64::from(own.reads + own.writes);
        let echo = self.echo(now);
        if !endpoint.class().is_write() || room <= 0.0 || echo <= room {
            // It is the end of a call that it waits for.
            return soon;
        }
        // The sum falls as each of its parts does.
        self.lasting().mul_f64(libm::log(echo / room)) + Duration::from_micros(1)
    }

    /// Writes whose echo is still to be expected at `now`, each for its part.
    fn echo(&self, now: Timestamp) -> f64 {
        self.landed.iter().map(|&at| self.left(at, now)).sum()
    }

    /// True if a call of `endpoint` may be sent at `now` beside the `own` ones.
    pub fn has_room(&self, endpoint: Endpoint, own: OwnCalls, now: Timestamp) -> bool {
        if endpoint.class().is_write() {
            let echo = self.echo(now);
            let under_way = f64::from(own.reads + own.writes) + echo;
            return own.writes == 0 && echo < QUIET || under_way + 1.0 <= self.capacity;
        }
        if endpoint != Endpoint::GetAccount {
            return true;
        }
        // A read is over in the time of a call: what begins later does not meet it. One place is the next echo's.
        let soon = now + self.call();
        let begun = self.landed.iter().map(|&at| at + self.expected.delay);
        let echo: f64 = begun.filter(|&at| at <= soon).map(|at| self.left(at, now)).sum();
        own.reads == 0 && echo < QUIET || f64::from(own.reads) + echo + 2.0 <= f64::from(self.pool)
    }

    /// Learns from the answer to a call; `found` is the pool that a limit of writes has found: that of the reads is what
    /// the echo left of it, and pools are alike as a rule.
    pub fn on_result(&mut self, call: &CallFeedback, found: Option<u32>) {
        let gone = self.expected.delay + self.lasting() * FORGOTTEN_AFTER;
        while self.landed.front().is_some_and(|&at| at + gone < call.done_at) {
            self.landed.pop_front();
        }
        if !call.is_taken() {
            return;
        }
        if call.endpoint.class().is_write() {
            self.landed.push_back(call.done_at);
            self.write.add(call);
        } else if call.endpoint == Endpoint::GetAccount {
            self.read.add(call);
        }
        self.pool = found.unwrap_or(self.pool);
        self.capacity = self.fitting();
    }

    /// The part of an echo that began at `at` that is still to be expected at `now`.
    fn left(&self, at: Timestamp, now: Timestamp) -> f64 {
        if at >= now {
            return 1.0;
        }
        libm::exp(-now.since(at).as_secs_f64() / self.lasting().as_secs_f64())
    }

    /// Time of one call of the echo: the mean of the reads, and of a few that are derived from the writes.
    fn call(&self) -> Duration {
        let write = self.write.mean().unwrap_or(AT_FIRST);
        let total = self.read.total + write.mul_f64(READ_PER_WRITE) * READS_ASSUMED;
        (total / (self.read.calls + READS_ASSUMED)).max(Duration::from_micros(1))
    }

    /// Time of all calls of a write's echo.
    fn lasting(&self) -> Duration {
        self.call() * self.expected.calls.get()
    }

    /// The most writes on their way and in their echo at once of whose calls as many are refused as are borne.
    fn fitting(&self) -> f64 {
        let borne = f64::from(self.expected.refused_per_10k) / 10_000.0;
        let echo_s = self.lasting().as_secs_f64();
        let write_s = self.write.mean().unwrap_or_else(|| self.call()).as_secs_f64();
        let echoing = echo_s / (write_s + echo_s);
        let mut others = self.pool - 1;
        let (mut less, mut more) = (0.0, loss(others + 1, echoing, self.pool));
        while more <= borne && others < MOST_SOURCES_PER_PLACE * self.pool {
            others += 1;
            (less, more) = (more, loss(others + 1, echoing, self.pool));
        }
        let part = ((borne - less) / (more - less)).clamp(0.0, 1.0);
        f64::from(others + 1) + if part.is_nan() { 0.0 } else { part }
    }
}

/// Probability that `places` of `others` are taken, each of which is in its echo with the probability `echoing`.
fn loss(others: u32, echoing: f64, places: u32) -> f64 {
    let odds = echoing / (1.0 - echoing).max(f64::MIN_POSITIVE);
    let mut term = libm::pow(1.0 - echoing, f64::from(others));
    let mut free = 0.0;
    for taken in 0..places.min(others + 1) {
        free += term;
        term *= odds * f64::from(others - taken) / f64::from(taken + 1);
    }
    (1.0 - free).clamp(0.0, 1.0)
}
