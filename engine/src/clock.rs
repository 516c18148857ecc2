//! Clock trait: virtual or wall-clock time.

use neon_mock::time::Timestamp;
use std::future::Future;

/// A source of time that can wait.
pub trait Clock {
    /// Time since the start of the run.
    fn now(&self) -> Timestamp;

    /// Waits until `deadline`; at once if it has passed.
    fn sleep_until(&self, deadline: Timestamp) -> impl Future<Output = ()>;
}
