//! Virtual time: a single-threaded executor over a heap of deadlines.
//!
//! Exact to the nanosecond and deterministic: timers fire by (deadline, order of creation), one at
//! a time. Time moves to the next deadline only when nothing can run.

use crate::clock::Clock;
use neon_mock::time::Timestamp;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering as Atomic};
use std::task::{Context, Poll, Wake, Waker};

/// Nothing can run: the future waits for something that cannot happen, or for the end of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", if self.is_end() {
    "the run would take more than 584 years".to_owned()
} else {
    format!("virtual time stalled at {at}: nothing can run and no timer is set")
})]
pub struct Stalled {
    /// Virtual time of the stall.
    pub at: Timestamp,
}

impl Stalled {
    /// True if the run would outlast time, as one with calls of a day and millions of accounts does.
    pub const fn is_end(self) -> bool {
        self.at.as_nanos() == Timestamp::END.as_nanos()
    }
}

/// A clock that moves only when nothing else can. Clones share the time.
#[derive(Clone, Debug, Default)]
pub struct VirtualClock(Rc<VirtualState>);

#[derive(Debug, Default)]
struct VirtualState {
    now: Cell<Timestamp>,
    timers_made: Cell<u64>,
    timers: RefCell<BinaryHeap<VirtualTimer>>,
}

#[derive(Debug)]
struct VirtualTimer {
    deadline: Timestamp,
    sequence: u64,
    waker: Waker,
}

impl VirtualTimer {
    const fn key(&self) -> (Timestamp, u64) {
        (self.deadline, self.sequence)
    }
}

impl PartialEq for VirtualTimer {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for VirtualTimer {}

impl PartialOrd for VirtualTimer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VirtualTimer {
    /// The heap's greatest is the timer that fires first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// True if the future was woken since its last poll.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Atomic::Relaxed);
    }
}

impl VirtualClock {
    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` to its end, moving time whenever nothing can run.
    ///
    /// Errors: [`Stalled`] if `future` waits and no timer is set, instead of hanging, or until the end of time.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
        Ok(self.run_while(&|| true, future)?.expect("it goes on to the end"))
    }

    /// As [`run`](Self::run), as long as `goes_on`; `None`, and the future dropped, where it ended the run.
    ///
    /// Errors: [`Stalled`] if `future` waits and no timer is set.
    pub fn run_while<F: Future>(
        &self,
        goes_on: &dyn Fn() -> bool,
        future: F,
    ) -> Result<Option<F::Output>, Stalled> {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if woken.0.swap(false, Atomic::Relaxed) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                    return Ok(Some(output));
                }
                continue;
            }
            let next = self.0.timers.borrow_mut().pop();
            let Some(timer) = next else { return Err(Stalled { at: self.0.now.get() }) };
            if !goes_on() {
                return Ok(None);
            }
            if timer.deadline == Timestamp::END {
                return Err(Stalled { at: timer.deadline });
            }
            debug_assert!(timer.deadline >= self.0.now.get(), "a timer lies in the past");
            self.0.now.set(timer.deadline);
            timer.waker.wake();
        }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.0.now.get()
    }

    fn sleep_until(&self, deadline: Timestamp) -> impl Future<Output = ()> {
        Sleep { clock: Rc::clone(&self.0), deadline, set: false }
    }
}

struct Sleep {
    clock: Rc<VirtualState>,
    deadline: Timestamp,
    set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.now.get() >= self.deadline {
            return Poll::Ready(());
        }
        // A task is woken by its timer alone, so that one registration is enough.
        if !self.set {
            self.set = true;
            let sequence = self.clock.timers_made.get();
            self.clock.timers_made.set(sequence + 1);
            let waker = context.waker().clone();
            let timer = VirtualTimer { deadline: self.deadline, sequence, waker };
            self.clock.timers.borrow_mut().push(timer);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::{FuturesUnordered, StreamExt};
    use std::time::Duration;

    #[test]
    fn time_jumps_to_the_nanosecond_and_ties_break_by_order_of_creation() {
        let clock = VirtualClock::new();
        let order = RefCell::new(Vec::new());
        clock
            .run(async {
                let sleeper = |name: u32, ns: u64| {
                    let (clock, order) = (&clock, &order);
                    async move {
                        clock.sleep_until(Timestamp::from_nanos(ns)).await;
                        order.borrow_mut().push((name, clock.now().as_nanos()));
                    }
                };
                let mut all: FuturesUnordered<_> =
                    [sleeper(1, 7), sleeper(2, 3), sleeper(3, 7), sleeper(4, 5)]
                        .into_iter()
                        .collect();
                while all.next().await.is_some() {}
            })
            .unwrap();
        let order = order.into_inner();
        assert_eq!(order[..2], [(2, 3), (4, 5)]);
        // FuturesUnordered polls first what was pushed last, so timer 3 was made before timer 1.
        let mut at_seven = [order[2], order[3]];
        at_seven.sort_unstable();
        assert_eq!(at_seven, [(1, 7), (3, 7)]);
    }

    #[test]
    fn a_stall_is_an_error_with_its_time() {
        let clock = VirtualClock::new();
        let stalled = clock.run(async {
            clock.sleep_until(Timestamp::ZERO + Duration::from_secs(1)).await;
            std::future::pending::<()>().await;
        });
        assert_eq!(stalled, Err(Stalled { at: Timestamp::from_nanos(1_000_000_000) }));
    }

    #[test]
    fn time_that_ends_is_an_error() {
        let clock = VirtualClock::new();
        let outlasted = clock.run(async {
            for _ in 0..600 {
                clock.sleep_until(clock.now() + Duration::from_secs(365 * 86_400)).await;
            }
        });
        let outlasted = outlasted.unwrap_err();
        assert!(outlasted.is_end(), "{outlasted}");
        assert_eq!(outlasted.to_string(), "the run would take more than 584 years");
    }
}
