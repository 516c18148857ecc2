//! The wall clock: what time it is, and waiting for a moment of it.
//!
//! Timers of tokio tick in whole milliseconds and round up: a response due after 100 ms leaves
//! about 1 ms late. So one thread keeps the moments in order, sleeps on a condition variable until the
//! earliest, and wakes the calls whose moment has come. It never wakes a call early, since until
//! that moment the call's slot is taken and its client's next call would be refused.
//!
//! Delays of answers that are due after 100 ms, in ms, on two cores shared with the client (release
//! build, 100 calls a connection, otherwise idle; bursts are served one after another):
//!
//! | calls in flight | server, p50 | p90 | p99 | seen by the client, p50 | p90 |
//! |---|---|---|---|---|---|
//! | 5, spread over 100 ms | 0.17 | 0.21 | 1.0 | 0.32 | 0.40 |
//! | 50, spread over 100 ms | 0.11 | 0.25 | 0.5 | 0.21 | 0.48 |
//! | 200, spread over 100 ms | 0.16 | 0.39 | 2.2 | 0.39 | 0.86 |
//! | 50, all due at once | 0.27 | 0.68 | 4.3 | 0.64 | 1.5 |
//!
//! Deliberately absent: spinning. A thread's sleep overshoots by some 0.1 ms, which is good enough.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use tokio::sync::oneshot;

/// The current time.
#[expect(clippy::disallowed_methods, reason = "this module is the shells' one clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A thread that wakes calls at their time. Dropping it stops it and releases all waiters.
pub(crate) struct AlarmClock {
    shared: Arc<AlarmShared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct AlarmShared {
    state: Mutex<AlarmState>,
    earlier: Condvar,
}

#[derive(Default)]
struct AlarmState {
    /// By moment and number, the earliest first. One entry per call in flight; that of an
    /// abandoned call stays until its time.
    waiting: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    /// Number of the last entry.
    enlisted: u64,
    stopped: bool,
}

impl AlarmClock {
    /// Errors: the operating system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(AlarmShared::default());
        let of_thread = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("neon-mock timer".to_owned()).spawn(move || {
                sharpen();
                of_thread.run();
            })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits until `moment`, or until the timer stops. Does not yield if the moment has passed.
    pub(crate) async fn wait_until(&self, moment: Instant) {
        if moment <= now() {
            return;
        }
        let woken = self.alarm(moment);
        // An error means that the timer stopped: the call must end, not wait for ever.
        let _ = woken.await;
    }

    /// A receiver notified at `moment`, or closed if the clock has stopped.
    pub(crate) fn alarm(&self, moment: Instant) -> oneshot::Receiver<()> {
        self.shared.enlist(moment)
    }
}

impl Drop for AlarmClock {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        state.waiting.clear();
        drop(state);
        self.shared.earlier.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl AlarmShared {
    fn lock(&self) -> MutexGuard<'_, AlarmState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enlist(&self, until: Instant) -> oneshot::Receiver<()> {
        let (waker, woken) = oneshot::channel();
        let mut state = self.lock();
        if state.stopped {
            return woken;
        }
        let first = state.waiting.first_key_value();
        let earliest = first.is_none_or(|((first, _), _)| until < *first);
        state.enlisted += 1;
        let key = (until, state.enlisted);
        state.waiting.insert(key, waker);
        drop(state);
        if earliest {
            self.earlier.notify_one();
        }
        woken
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let now = now();
            match state.waiting.first_key_value().map(|((until, _), _)| *until) {
                None => state = self.earlier.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) if until > now => {
                    let waited = self.earlier.wait_timeout(state, until - now);
                    (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                }
                Some(_) => {
                    let due = state.waiting.pop_first();
                    // Waking takes microseconds, in which other calls want to enlist.
                    drop(state);
                    if let Some((_, waker)) = due {
                        // Fails if the client has gone.
                        let _ = waker.send(());
                    }
                    state = self.lock();
                }
            }
        }
    }
}

/// Asks Linux to wake this thread when it said, and not up to 50 µs later to save power.
///
/// Best effort: elsewhere, or without the right, answers leave 60 µs later.
fn sharpen() {
    if let Ok(thread) = std::fs::read_link("/proc/thread-self")
        && let Some(id) = thread.file_name()
    {
        let _ = std::fs::write(Path::new("/proc").join(id).join("timerslack_ns"), "1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn waits_are_never_short_and_come_in_order() {
        let timer = AlarmClock::start().unwrap();
        let start = now();
        let wait = async |ms: u32| {
            timer.wait_until(start + ms * MS).await;
            now() - start
        };
        let (third, first, second) = tokio::join!(wait(30), wait(10), wait(20));
        assert!(first >= 10 * MS && second >= 20 * MS && third >= 30 * MS);
        assert!(first < second && second < third, "{first:?} {second:?} {third:?}");
    }

    #[tokio::test]
    async fn a_stopped_timer_lets_go_of_its_waiters() {
        let timer = AlarmClock::start().unwrap();
        let woken = timer.shared.enlist(now() + 3_600_000 * MS);
        drop(timer);
        assert!(woken.await.is_err());
    }
}
