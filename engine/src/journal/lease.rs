//! The lease of a run: how a process sees that the owner of a run is silent.
//!
//! An owner counts its heartbeats up beside the journal. Whoever wants the run watches that counter on a
//! monotonic clock of its own, and takes over only the exact heartbeat that it has watched in vain. Two
//! clocks are never compared, so a wall clock that jumps by a year, or two machines that disagree, change
//! nothing. Neither is the silence a proof of death: it decides when another may ask, and the journal
//! refuses each later note of the former owner.
//!
//! Deliberately absent: where the lease is stored.

use neon_mock::time::Timestamp;
use std::time::Duration;

/// Time between two heartbeats of an owner.
pub const BEAT_EVERY: Duration = Duration::from_millis(500);

/// Time without a heartbeat after which an owner counts as silent, unless somebody asks for another.
pub const SILENCE: Duration = Duration::from_secs(10);

/// One sign of life of a run's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The owner's random name, new with each lease.
    pub owner: String,
    /// Heartbeats so far.
    pub beat: u64,
}

/// A conclusion about an owner from its heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerSign {
    /// The counter moved, or the run has another owner by now.
    Alive,
    /// The counter stood still, but not for long enough.
    Quiet,
    /// The counter stood still for the whole silence.
    Silent,
}

/// A watch over the heartbeats of another process.
#[derive(Clone, Debug)]
pub struct LeaseWatch {
    /// The heartbeat that it began with.
    pub seen: Heartbeat,
    since: Timestamp,
    silence: Duration,
}

impl LeaseWatch {
    /// A watch that begins at `now` with heartbeat `seen`.
    pub const fn new(seen: Heartbeat, silence: Duration, now: Timestamp) -> Self {
        Self { seen, since: now, silence }
    }

    /// The conclusion from heartbeat `found`, read at `now` of the same monotonic clock.
    pub fn look(&self, found: &Heartbeat, now: Timestamp) -> OwnerSign {
        if *found != self.seen {
            OwnerSign::Alive
        } else if now.since(self.since) < self.silence {
            OwnerSign::Quiet
        } else {
            OwnerSign::Silent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_silent_once_its_counter_stood_still_for_the_whole_time() {
        let beat = |owner: &str, beat| Heartbeat { owner: owner.to_owned(), beat };
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let watch = LeaseWatch::new(beat("a", 7), SILENCE, at(100));
        assert_eq!(watch.look(&beat("a", 7), at(109)), OwnerSign::Quiet);
        assert_eq!(watch.look(&beat("a", 7), at(110)), OwnerSign::Silent);
        // However late it is, a counter that moved is a sign of life, and so is another owner's.
        assert_eq!(watch.look(&beat("a", 8), at(1_000_000)), OwnerSign::Alive);
        assert_eq!(watch.look(&beat("b", 7), at(1_000_000)), OwnerSign::Alive);
    }
}
