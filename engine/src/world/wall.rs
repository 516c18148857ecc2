//! Wall clock on tokio's timer.

use crate::clock::Clock;
use neon_mock::time::Timestamp;
use std::time::{Duration, Instant};

/// A clock that counts from its creation.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    start: Instant,
}

impl WallClock {
    /// A clock that starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the one home of the wall clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since its creation.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the wall clock waits by tokio's timer")]
    async fn sleep_until(&self, deadline: Timestamp) {
        let deadline = self.start + Duration::from_nanos(deadline.as_nanos());
        tokio::time::sleep_until(deadline.into()).await;
    }
}
