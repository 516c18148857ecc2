//! The wish that a run begins nothing more.

use crate::clock::Clock;
use neon_mock::time::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A wait that can be stopped looks for the stop this often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Once set, a run ends what it has begun and begins nothing more.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// A stop that is never set.
    pub const NEVER: &'static Self = &NEVER;

    /// Asks the run to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once the run was asked to stop.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits until `deadline`; no longer than a moment once it is set.
    pub(super) async fn sleep_until<C: Clock>(&self, clock: &C, deadline: Timestamp) {
        if std::ptr::eq(self, Self::NEVER) {
            return clock.sleep_until(deadline).await;
        }
        while clock.now() < deadline && !self.is_set() {
            clock.sleep_until(deadline.min(clock.now() + LOOK_EVERY)).await;
        }
    }
}

static NEVER: Stop = Stop(AtomicBool::new(false));
