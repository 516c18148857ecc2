//! Detection of calls that disobey the `Retry-After` of earlier refusals.

use crate::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Refusals of one limit and the time until which they hold.
#[derive(Clone, Debug)]
pub struct RetryAfter {
    stated: Duration,
    /// Arrival times of refusals still on their way to the client, in order.
    unread: VecDeque<Timestamp>,
    until: Timestamp,
}

impl RetryAfter {
    /// Refusals that say "not before `stated` has passed".
    pub const fn new(stated: Duration) -> Self {
        Self { stated, unread: VecDeque::new(), until: Timestamp::ZERO }
    }

    /// Records a refusal that reaches the client at `ready_at`, which must not decrease.
    pub fn refuse(&mut self, ready_at: Timestamp) {
        self.unread.push_back(ready_at);
    }

    /// True if a call that arrives at `now` disobeys a refusal that reached the client by then.
    ///
    /// Calls sent before the refusal was received do not.
    pub fn is_early(&mut self, now: Timestamp) -> bool {
        while let Some(&read_at) = self.unread.front().filter(|read_at| **read_at <= now) {
            self.unread.pop_front();
            self.until = read_at + self.stated;
        }
        now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_is_after_the_refusal_was_read_and_before_the_stated_time() {
        let at = |ms: u64| Timestamp::from_nanos(ms * 1_000_000);
        let mut told = RetryAfter::new(Duration::from_secs(1));
        assert!(!told.is_early(at(0)));
        told.refuse(at(30));
        told.refuse(at(50));
        assert!(!told.is_early(at(29)));
        assert!(told.is_early(at(30)));
        assert!(told.is_early(at(1_049)));
        assert!(!told.is_early(at(1_050)));
    }
}
