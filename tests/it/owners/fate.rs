//! The fate of a simulated process: it is stopped and woken, or dies, at boundaries of its calls and notes.

use neon_mock::api::{AccountId, Request, Response};
use neon_mock::time::Timestamp;
use neonbench::store::SqliteJournal;
use neonbench_engine::clock::Clock;
use neonbench_engine::journal::{Journal, JournalError, Note};
use neonbench_engine::plan::{Plan, ResolvedPlan};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::{InProcess, VirtualClock};
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// A process on its way.
#[derive(Debug)]
pub(super) struct Fate {
    pub(super) start: Duration,
    /// Boundary at which it dies.
    death: Option<u64>,
    /// Boundary at which it is stopped, and for how long.
    sleep: Option<(u64, Duration)>,
    /// Its clock's seconds per second.
    pub(super) pace: f64,
    /// Silence after which it takes over.
    pub(super) silence: Option<Duration>,
    /// True if it runs on the machine of the others, and sees whether they are there.
    pub(super) sees_deaths: bool,
    /// True if its heart never finds the store free to hear that the run is lost: its notes must hear it.
    pub(super) is_deaf: bool,
    passed: Cell<u64>,
    dead: Cell<bool>,
    frozen: Cell<bool>,
    frozen_until: Cell<Timestamp>,
    pub(super) took_over: Cell<bool>,
}

impl Fate {
    pub(super) fn new(
        start: Duration,
        death: Option<u64>,
        sleep: Option<(u64, Duration)>,
        pace: f64,
    ) -> Self {
        Self {
            start,
            death,
            sleep,
            pace,
            silence: None,
            sees_deaths: false,
            is_deaf: false,
            passed: Cell::new(0),
            dead: Cell::new(false),
            frozen: Cell::new(false),
            frozen_until: Cell::new(Timestamp::ZERO),
            took_over: Cell::new(false),
        }
    }

    /// One that nothing happens to; it waits for the silence of others.
    pub(super) fn calm() -> Self {
        let silence = Some(Duration::from_secs(10));
        Self { silence, ..Self::new(Duration::ZERO, None, None, 1.0) }
    }

    pub(super) const fn is_dead(&self) -> bool {
        self.dead.get()
    }

    pub(super) const fn was_frozen(&self) -> bool {
        self.frozen.get()
    }

    /// The time on its own clock.
    pub(super) fn now(&self, clock: &VirtualClock) -> Timestamp {
        Timestamp::ZERO + clock.now().since(Timestamp::ZERO).mul_f64(self.pace)
    }

    /// Waits for `time` of its own clock.
    pub(super) async fn sleep(&self, clock: &VirtualClock, time: Duration) {
        clock.sleep_until(clock.now() + time.div_f64(self.pace)).await;
    }

    /// Passes a boundary; whether the process is alive behind it.
    fn passes(&self, clock: &VirtualClock) -> bool {
        let passed = self.passed.get() + 1;
        self.passed.set(passed);
        if self.death == Some(passed) {
            self.dead.set(true);
        }
        if let Some((_, time)) = self.sleep.filter(|(at, _)| *at == passed) {
            self.frozen.set(true);
            self.frozen_until.set(clock.now() + time);
        }
        !self.dead.get()
    }

    async fn boundary(&self, clock: &VirtualClock) {
        if !self.passes(clock) {
            pending::<()>().await;
        }
        clock.sleep_until(self.frozen_until.get()).await;
    }
}

/// The result of `life`; `None` if it was cut short. It stands still while the process is stopped.
pub(super) async fn lived<F: Future>(
    fate: &Fate,
    clock: &VirtualClock,
    life: F,
) -> Option<F::Output> {
    let mut life = pin!(life);
    poll_fn(|context| {
        if clock.now() < fate.frozen_until.get() {
            let sleep = pin!(clock.sleep_until(fate.frozen_until.get()));
            if sleep.poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        let ended = life.as_mut().poll(context);
        if fate.dead.get() { Poll::Ready(None) } else { ended.map(Some) }
    })
    .await
}

/// Calls of a process: it may be stopped or die before they reach the server, once it has carried them out, or once
/// they are answered.
pub(super) struct Line<'a> {
    pub(super) inner: &'a InProcess,
    pub(super) clock: &'a VirtualClock,
    pub(super) fate: &'a Fate,
}

impl Transport for Line<'_> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        self.fate.boundary(self.clock).await;
        let mut call = pin!(self.inner.call(request));
        // The server handles it in the first poll, and answers later.
        let early = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        self.fate.boundary(self.clock).await;
        let answer = match early {
            Poll::Ready(answer) => answer,
            Poll::Pending => call.await,
        };
        self.fate.boundary(self.clock).await;
        answer
    }
}

/// The journal of the store in the hands of a process that may die or be stopped before or after a note, and between
/// the last look at the lease and the call.
pub(super) struct Hand<'a> {
    pub(super) journal: &'a SqliteJournal<'a>,
    pub(super) clock: &'a VirtualClock,
    pub(super) fate: &'a Fate,
}

impl Hand<'_> {
    fn boundary(&self) -> Result<(), JournalError> {
        if self.fate.passes(self.clock) { Ok(()) } else { Err(JournalError("dead".into())) }
    }
}

impl Journal for Hand<'_> {
    fn keep(&self, note: &Note) -> Result<(), JournalError> {
        self.boundary()?;
        self.journal.keep(note)?;
        self.boundary()
    }

    fn resolved(&self, plan: &Plan, fields: &ResolvedPlan) -> Result<(), JournalError> {
        self.journal.resolved(plan, fields)
    }

    fn sending(&self, id: AccountId) -> Result<(), JournalError> {
        self.journal.sending(id)?;
        self.boundary()
    }

    fn answered(&self, id: AccountId) {
        self.journal.answered(id);
    }
}
