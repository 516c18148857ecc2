//! Time as the engine sees it.

use neon_mock::time::Timestamp;
use std::future::Future;

/// Says what time it is, and waits.
pub trait Clock {
    /// The time since the run's start.
    fn now(&self) -> Timestamp;

    /// Waits until `deadline`; at once if it has passed.
    fn sleep_until(&self, deadline: Timestamp) -> impl Future<Output = ()>;
}
