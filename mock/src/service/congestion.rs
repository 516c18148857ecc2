//! Congestion: service times that grow with the calls in flight.

use super::LawError;
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Growth of service times with the calls in flight.
///
/// With n in flight, a call takes 1 + contention × (n − 1) + coherency × n × (n − 1) times as long
/// as alone: contention is time spent waiting for others, coherency the cost to all others.
/// Throughput is at its highest where n = √((1 − contention) ÷ coherency).
/// Source: Gunther, "Guerrilla Capacity Planning", 2007 (universal scalability law).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Congestion {
    contention: f64,
    coherency: f64,
}

impl Congestion {
    /// `None` if both are zero: then nothing grows.
    ///
    /// Errors: [`LawError::Congestion`] for a parameter outside [0, 1].
    pub fn new(contention: f64, coherency: f64) -> Result<Option<Self>, LawError> {
        for (name, value) in [("contention", contention), ("coherency", coherency)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(LawError::Congestion { name, value: value.to_string() });
            }
        }
        Ok((contention > 0.0 || coherency > 0.0).then_some(Self { contention, coherency }))
    }

    /// Factor on the service time of a call that is one of `in_flight`.
    pub fn factor(&self, in_flight: usize) -> f64 {
        let (all, others) = (in_flight as f64, in_flight.saturating_sub(1) as f64);
        1.0 + self.contention * others + self.coherency * all * others
    }

    /// The service time `alone` under `in_flight` calls in flight.
    pub fn stretch(&self, alone: Duration, in_flight: usize) -> Duration {
        let alone_ns = alone.as_nanos() as f64;
        Duration::from_nanos((alone_ns * self.factor(in_flight)).round() as u64)
    }
}

/// The calls in flight in the whole organisation.
#[derive(Clone, Debug, Default)]
pub struct CallsInFlight {
    /// Ready times of calls that have started.
    started: BinaryHeap<Reverse<Timestamp>>,
    /// Start and ready times of queued calls.
    waiting: Vec<(Timestamp, Timestamp)>,
}

impl CallsInFlight {
    /// Number of calls in flight at `start`, the one starting then included, as far as is known
    /// at `now`, when it arrives. `now` must not decrease between calls.
    pub fn with_one_more(&mut self, now: Timestamp, start: Timestamp) -> usize {
        for (_, ready_at) in self.waiting.extract_if(.., |(start, _)| *start <= now) {
            self.started.push(Reverse(ready_at));
        }
        while self.started.peek().is_some_and(|Reverse(ready_at)| *ready_at <= now) {
            self.started.pop();
        }
        if start == now {
            return 1 + self.started.len();
        }
        let still = self.started.iter().filter(|Reverse(ready_at)| *ready_at > start).count();
        let by_then =
            |(other, ready_at): &&(Timestamp, Timestamp)| *other <= start && *ready_at > start;
        1 + still + self.waiting.iter().filter(by_then).count()
    }

    /// Service time from `start` of a call that arrived at `now`, which is in flight from then on; `alone` is its time
    /// without others.
    pub(crate) fn stretched(
        &mut self,
        congestion: Option<&Congestion>,
        alone: Duration,
        now: Timestamp,
        start: Timestamp,
    ) -> Duration {
        let Some(congestion) = congestion else { return alone };
        let service = congestion.stretch(alone, self.with_one_more(now, start));
        self.add(now, start, start + service);
        service
    }

    /// Adds a call that arrived at `now` and runs from `start` until `ready_at`.
    pub fn add(&mut self, now: Timestamp, start: Timestamp, ready_at: Timestamp) {
        if start > now {
            self.waiting.push((start, ready_at));
        } else {
            self.started.push(Reverse(ready_at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_alone_takes_its_time_and_a_crowd_grows_beyond_proportion() {
        let congestion = Congestion::new(0.05, 0.01).unwrap().unwrap();
        let alone = Duration::from_millis(100);
        assert_eq!(congestion.stretch(alone, 1), alone);
        // 1 + 0.05 × 9 + 0.01 × 10 × 9
        assert_eq!(congestion.stretch(alone, 10), Duration::from_millis(235));
        assert_eq!(Congestion::new(0.0, 0.0), Ok(None));
        assert!(Congestion::new(-0.1, 0.0).is_err() && Congestion::new(0.0, f64::NAN).is_err());
    }

    #[test]
    fn those_that_wait_or_have_ended_are_not_in_flight() {
        let at = Timestamp::from_nanos;
        let mut in_flight = CallsInFlight::default();
        assert_eq!(in_flight.with_one_more(at(0), at(0)), 1);
        in_flight.add(at(0), at(0), at(10));
        in_flight.add(at(0), at(10), at(20));
        assert_eq!(in_flight.with_one_more(at(5), at(5)), 2);
        // One that waits itself until the second is there and the first has gone.
        assert_eq!(in_flight.with_one_more(at(5), at(15)), 2);
        assert_eq!(in_flight.with_one_more(at(5), at(20)), 1);
        assert_eq!(in_flight.with_one_more(at(10), at(10)), 2);
        assert_eq!(in_flight.with_one_more(at(20), at(20)), 1);
    }
}
