//! Whether a client comes back before the time that its refusals stated.

use crate::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// What the refusals of one limit said, and until when they hold.
#[derive(Clone, Debug)]
pub struct RetryAfter {
    stated: Duration,
    /// When the client has each refusal that it cannot know of yet, in order.
    unread: VecDeque<Timestamp>,
    until: Timestamp,
}

impl RetryAfter {
    /// Refusals that say "not before `stated` has passed".
    pub const fn new(stated: Duration) -> Self {
        Self { stated, unread: VecDeque::new(), until: Timestamp::ZERO }
    }

    /// A refusal that the client has at `ready_at`, which must not decrease.
    pub fn refuse(&mut self, ready_at: Timestamp) {
        self.unread.push_back(ready_at);
    }

    /// Whether a call that comes at `now` disobeys a refusal that the client has by then.
    ///
    /// Calls on their way before the refusal was read do not.
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
