//! The wish that a run begins nothing more.

use crate::clock::Clock;
use futures_util::future::{Either, pending, select};
use neon_mock::time::Timestamp;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Time that calls in flight get to be answered once a stop is set.
const GRACE: Duration = Duration::from_secs(1);

/// Once set, a run sends nothing more. Calls in flight have a moment to be answered, and are given up then.
///
/// It may be set by any thread; whatever waits is woken.
#[derive(Debug, Default)]
pub struct Stop {
    is_set: AtomicBool,
    raised: Notify,
    /// True if calls in flight are awaited, however long they take.
    is_patient: bool,
}

impl Stop {
    /// A stop that is never set.
    pub const NEVER: &'static Self = &NEVER;

    /// A stop after which calls in flight are awaited, however long they take: nobody is waiting for the end.
    pub const fn patient() -> Self {
        Self { is_set: AtomicBool::new(false), raised: Notify::const_new(), is_patient: true }
    }

    /// Asks the run to stop.
    pub fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.raised.notify_waiters();
    }

    /// True once the run was asked to stop.
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Waits until it is set.
    pub async fn raised(&self) {
        if std::ptr::eq(self, Self::NEVER) {
            return pending().await;
        }
        // Made before the look: a stop that is set in between wakes it.
        let raised = self.raised.notified();
        if !self.is_set() {
            raised.await;
        }
    }

    /// Waits until `deadline`, or until it is set.
    pub(super) async fn sleep_until<C: Clock>(&self, clock: &C, deadline: Timestamp) {
        select(pin!(self.raised()), pin!(clock.sleep_until(deadline))).await;
    }

    /// The output of `call`; `None` if it is not there within a second after a stop that is not patient.
    pub(super) async fn give_up<C: Clock, F: Future>(
        &self,
        clock: &C,
        call: F,
    ) -> Option<F::Output> {
        let patience = async {
            self.raised().await;
            if self.is_patient {
                return pending().await;
            }
            clock.sleep_until(clock.now() + GRACE).await;
        };
        match select(pin!(call), pin!(patience)).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}

static NEVER: Stop = Stop::patient();
