//! Figures over the last minute, in memory that does not grow.

use super::fold::passed;
use super::snapshot::{EndpointState, Pace};
use crate::stats::{quantile, sorted};
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Seconds that are kept apart.
const SECONDS: u64 = 60;

/// Minutes of refusals that are kept apart.
const MINUTES: u64 = 10;

/// Response times that are kept per endpoint: the latest of the last minute.
const MOST_TIMES: usize = 1_000;

/// Counts of one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    answered: u32,
    landed: u32,
    written: u32,
    served: Duration,
    waited: Duration,
}

/// Response times and refusals of one endpoint.
#[derive(Debug, Default)]
struct EndpointMinute {
    times: VecDeque<(Timestamp, Duration)>,
    /// By the number of the minute, modulo [`MINUTES`].
    refused: [u32; MINUTES as usize],
}

/// The last minute of a run.
#[derive(Debug)]
pub(super) struct LastMinute {
    /// By the number of the second, modulo [`SECONDS`].
    seconds: [Second; SECONDS as usize],
    /// The second up to which the slots are of the last minute.
    second: u64,
    endpoints: BTreeMap<Endpoint, EndpointMinute>,
}

impl Default for LastMinute {
    fn default() -> Self {
        let seconds = [Second::default(); SECONDS as usize];
        Self { seconds, second: 0, endpoints: BTreeMap::new() }
    }
}

impl LastMinute {
    /// Forgets what is a minute old by `now`.
    pub(super) fn pass(&mut self, now: Timestamp) {
        let second = now.as_nanos() / 1_000_000_000;
        let is_new_minute = second / 60 > self.second / 60;
        for passed in (self.second + 1..=second).take(SECONDS as usize) {
            self.seconds[(passed % SECONDS) as usize] = Second::default();
        }
        if second > self.second + SECONDS {
            self.seconds = [Second::default(); SECONDS as usize];
        }
        if is_new_minute {
            let minutes = self.second / 60 + 1..=second / 60;
            for endpoint in self.endpoints.values_mut() {
                for minute in minutes.clone().take(MINUTES as usize) {
                    endpoint.refused[(minute % MINUTES) as usize] = 0;
                }
                if minutes.clone().count() as u64 > MINUTES {
                    endpoint.refused = Default::default();
                }
            }
        }
        self.second = self.second.max(second);
    }

    fn second(&mut self, at: Timestamp) -> &mut Second {
        self.pass(at);
        &mut self.seconds[(at.as_nanos() / 1_000_000_000 % SECONDS) as usize]
    }

    pub(super) fn answered(
        &mut self,
        endpoint: Endpoint,
        at: Timestamp,
        took: Duration,
        is_refused: bool,
    ) {
        let second = self.second(at);
        second.answered += 1;
        second.served += took;
        let of = self.endpoints.entry(endpoint).or_default();
        if of.times.len() == MOST_TIMES {
            of.times.pop_front();
        }
        of.times.push_back((at, took));
        let minute = at.as_nanos() / 60_000_000_000;
        of.refused[(minute % MINUTES) as usize] += u32::from(is_refused);
    }

    pub(super) fn landed(&mut self, at: Timestamp) {
        self.second(at).landed += 1;
    }

    pub(super) fn written(&mut self, at: Timestamp) {
        self.second(at).written += 1;
    }

    /// A call waited so long before it was sent: backoff, Retry-After, spacing.
    pub(super) fn waited(&mut self, at: Timestamp, time: Duration) {
        self.second(at).waited += time;
    }

    fn seconds_seen(now: Timestamp, began: Timestamp) -> f64 {
        passed(began, now).min(MINUTE).as_secs_f64()
    }

    /// Rates at `now` of a run that began at `began`.
    pub(super) fn pace(&self, now: Timestamp, began: Timestamp) -> Pace {
        let seen_s = Self::seconds_seen(now, began);
        let sum = |count: fn(&Second) -> u32| self.seconds.iter().map(count).sum::<u32>();
        let per_s = |count: u32| (seen_s > 0.0 && count > 0).then(|| f64::from(count) / seen_s);
        let time = |of: fn(&Second) -> Duration| {
            self.seconds.iter().map(of).sum::<Duration>().as_secs_f64()
        };
        let (waited, served) = (time(|it| it.waited), time(|it| it.served));
        Pace {
            accounts_per_s: per_s(sum(|it| it.landed)),
            calls_per_s: per_s(sum(|it| it.answered)),
            waiting_share: (served > 0.0).then(|| waited / (waited + served)),
        }
    }

    /// Writes per minute, over the last one.
    pub(super) fn written_per_minute(&self, now: Timestamp) -> f64 {
        let seen_s = Self::seconds_seen(now, Timestamp::ZERO).max(1.0);
        f64::from(self.seconds.iter().map(|it| it.written).sum::<u32>()) / seen_s * 60.0
    }

    /// Adds percentiles and refusals to `state`.
    pub(super) fn describe(&self, state: &mut EndpointState, now: Timestamp) {
        let found = self.endpoints.iter().find(|(endpoint, _)| endpoint.name() == state.endpoint);
        let Some((_, of)) = found else { return };
        let is_recent = |(at, _): &&(Timestamp, Duration)| passed(*at, now) <= MINUTE;
        let times = of.times.iter().filter(is_recent).map(|(_, took)| took.as_secs_f64() * 1e3);
        let times = sorted(times);
        if !times.is_empty() {
            state.response_ms = Some([quantile(&times, 0.5), quantile(&times, 0.99)]);
        }
        state.sampled = times.len() as u64;
        let minute = now.as_nanos() / 60_000_000_000;
        for (place, refused) in state.refused_by_minute.iter_mut().rev().enumerate() {
            let earlier = minute.checked_sub(place as u64);
            *refused = earlier.map_or(0, |minute| of.refused[(minute % MINUTES) as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(s)
    }

    const GET: Endpoint = Endpoint::GetAccount;

    fn described(minute: &LastMinute, now: Timestamp) -> EndpointState {
        let mut state = EndpointState { endpoint: GET.name(), ..EndpointState::default() };
        minute.describe(&mut state, now);
        state
    }

    #[test]
    fn rates_and_percentiles_are_those_of_the_last_minute() {
        let mut minute = LastMinute::default();
        for s in 0..300 {
            let ms = if s < 200 { 900 } else { 100 };
            minute.answered(GET, at(s), Duration::from_millis(ms), false);
            minute.landed(at(s));
        }
        let pace = minute.pace(at(299), at(0));
        assert!((pace.accounts_per_s.unwrap() - 1.0).abs() < 0.02, "{pace:?}");
        let state = described(&minute, at(299));
        assert_eq!((state.response_ms, state.sampled), (Some([100.0, 100.0]), 61));
        minute.pass(at(1_000));
        let pace = minute.pace(at(1_000), at(0));
        assert_eq!((pace.accounts_per_s, pace.waiting_share), (None, None));
        assert_eq!(described(&minute, at(1_000)).response_ms, None);
    }

    #[test]
    fn refusals_stand_in_their_minute_for_ten_minutes() {
        let mut minute = LastMinute::default();
        minute.answered(GET, at(30), Duration::ZERO, true);
        minute.answered(GET, at(150), Duration::ZERO, true);
        minute.answered(GET, at(151), Duration::ZERO, true);
        let refused = |minute: &LastMinute, s| described(minute, at(s)).refused_by_minute;
        assert_eq!(refused(&minute, 155), [0, 0, 0, 0, 0, 0, 0, 1, 0, 2]);
        minute.pass(at(629));
        assert_eq!(refused(&minute, 629), [0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
        minute.pass(at(10_000));
        assert_eq!(refused(&minute, 10_000), [0; 10]);
    }
}
