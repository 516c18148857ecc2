//! Additive increase, multiplicative decrease. Source: Chiu and Jain, "Analysis of the increase and
//! decrease algorithms for congestion avoidance", 1989.

use super::{Heard, Rule};
use neon_mock::time::Timestamp;

/// One more after as many successes as are allowed in flight; half of them after a refusal.
#[derive(Clone, Copy, Debug)]
pub struct Aimd {
    limit: f64,
    /// Refusals of calls that were sent before say nothing new.
    decreased_at: Timestamp,
}

impl Default for Aimd {
    fn default() -> Self {
        Self { limit: 1.0, decreased_at: Timestamp::ZERO }
    }
}

impl Rule for Aimd {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1, and small"
    )]
    fn limit(&self) -> u32 {
        self.limit as u32
    }

    fn hear(&mut self, heard: &Heard) {
        if !heard.refused {
            if heard.wanted {
                self.limit += 1.0 / self.limit;
            }
        } else if heard.sent_at >= self.decreased_at {
            self.limit = (self.limit / 2.0).max(1.0);
            self.decreased_at = heard.done_at;
        }
    }
}
