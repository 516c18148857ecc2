//! The trail of a simulated run, and what sets the end of a run's window apart from the rest of it.

use crate::stats::{mean, squared_deviations};
use neon_mock::api::{Class, Endpoint};
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use neonbench_engine::engine::{Job, Settings};
use neonbench_engine::event::{Attempt, Event, Outcome};
use neonbench_engine::run::{SimulatedServer, resources};
use neonbench_engine::scenario::Scenario;

/// Standard deviations of the simulations beyond which a run is unlike them.
pub(super) const MOST_ERRORS: f64 = 4.0;

/// The least standard deviation: a change of less than a fifth is none.
const LEAST_DEVIATION: f64 = 0.05;

/// Calls of a kind on each side that are compared at least, and simulations.
const LEAST_CALLS: usize = 5;
const LEAST_RUNS: usize = 20;

/// When the accounts of a simulated run ended, in seconds, and its calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    pub(super) landed: Vec<f64>,
    pub(super) calls: Vec<Attempt>,
}

impl Trail {
    /// The trail of a run of `scenario`, whose server is another once so many accounts have ended; `None` if it could
    /// not go on.
    pub(super) fn simulated(
        scenario: &Scenario,
        settings: &Settings,
        then: Option<(u64, &Profile)>,
        goes_on: &dyn Fn() -> bool,
    ) -> Option<Self> {
        let server = SimulatedServer::new(scenario.neon(settings.seed));
        let mut trail = Self::default();
        let mut note = |event: &Event| match event {
            Event::Done(call) => trail.calls.push(*call),
            Event::Landed { at, .. } => {
                trail.landed.push(seconds(*at));
                if let Some((after, profile)) = then
                    && trail.landed.len() as u64 == after
                {
                    server.set_profile(profile.clone());
                }
            }
            _ => {}
        };
        let job = Job::new(&scenario.plan, settings, resources(scenario));
        server.run(job, goes_on, &mut note).is_ok().then_some(trail)
    }
}

/// The end of a window against the rest of it: differences of logarithms and of shares; `None` where too few calls
/// tell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contrast {
    /// Seconds per account, seconds per read and per write, and share of the calls that were refused.
    figures: [Option<f64>; 4],
}

impl Contrast {
    /// Of the `last` accounts of those between `ends`, which landed `at` these seconds.
    pub(super) fn of(
        at: &dyn Fn(u64) -> f64,
        calls: &[Attempt],
        [from, end]: [u64; 2],
        last: u64,
    ) -> Self {
        let Some(since) = end.checked_sub(last).filter(|since| *since > from) else {
            return Self::default();
        };
        let [from_s, since_s, end_s] = [from, since, end].map(at);
        let pace = [(since_s - from_s) / (since - from) as f64, (end_s - since_s) / last as f64];
        let between = |from_s: f64, to_s: f64| -> Vec<Attempt> {
            let is_within = |call: &&Attempt| (from_s..to_s).contains(&seconds(call.sent_at));
            calls.iter().filter(is_within).copied().collect()
        };
        let parts = [between(from_s, since_s), between(since_s, end_s)];
        let difference = |of: &dyn Fn(&[Attempt]) -> Vec<f64>| {
            let [before, after] = [of(&parts[0]), of(&parts[1])];
            let is_few = before.len().min(after.len()) < LEAST_CALLS;
            (!is_few).then(|| mean(after) - mean(before))
        };
        let service = |is_meant: fn(Endpoint) -> bool| {
            difference(&move |calls: &[Attempt]| {
                let meant = calls.iter().filter(|it| is_meant(it.endpoint) && it.outcome.is_ok());
                meant.map(ln_service).collect()
            })
        };
        let refused = |calls: &[Attempt]| -> Vec<f64> {
            calls.iter().map(|it| f64::from(u8::from(it.outcome == Outcome::Rejected))).collect()
        };
        let pace = pace.iter().all(|s| *s > 0.0).then(|| (pace[1] / pace[0]).ln());
        Self {
            figures: [
                pace,
                service(|endpoint| endpoint.class() == Class::Get),
                service(|endpoint| endpoint.class().is_write()),
                difference(&refused),
            ],
        }
    }

    /// The most standard deviations of the simulations that a figure is away from their mean; of one that is simulated
    /// in part, theirs are so much larger.
    pub(super) fn errors_from(&self, simulated: impl Iterator<Item = Self>, share: f64) -> f64 {
        let simulated: Vec<Self> = simulated.collect();
        let of = |place: usize| {
            let figure = self.figures[place]?;
            let others: Vec<f64> = simulated.iter().filter_map(|it| it.figures[place]).collect();
            if others.len() < LEAST_RUNS {
                return None;
            }
            let variance = squared_deviations(&others) / (others.len() - 1) as f64 * share;
            Some((figure - mean(others)).abs() / variance.sqrt().max(LEAST_DEVIATION))
        };
        (0..self.figures.len()).filter_map(of).fold(0.0, f64::max)
    }
}

/// Logarithm of the seconds that a call took.
pub(super) fn ln_service(call: &Attempt) -> f64 {
    (call.done_at.since(call.sent_at).as_secs_f64()).max(1e-9).ln()
}

fn seconds(at: Timestamp) -> f64 {
    at.since(Timestamp::ZERO).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// The last 20 of 100 accounts, each written as long as it takes, one after another; every fourth of the last is
    /// refused or not.
    fn contrast(seed: u64, last_ms: u64, is_refused: bool) -> Contrast {
        let (mut landed, mut calls, mut now) = (Vec::new(), Vec::new(), Timestamp::ZERO);
        for account in 0..100 {
            let ms = if account < 80 { 100 } else { last_ms };
            let jitter_ms = (account * 7_919 + seed * 104_729) % 41;
            let sent_at = now;
            now = now + Duration::from_millis(ms + jitter_ms);
            let is_refused = is_refused && account >= 80 && account % 4 == 0;
            let outcome = if is_refused { Outcome::Rejected } else { Outcome::Ok };
            let endpoint = Endpoint::PatchAccount;
            calls.push(Attempt {
                endpoint,
                attempt: 1,
                due_at: sent_at,
                sent_at,
                done_at: now,
                outcome,
            });
            landed.push(seconds(now));
        }
        let at = |accounts: u64| if accounts == 0 { 0.0 } else { landed[accounts as usize - 1] };
        Contrast::of(&at, &calls, [0, 100], 20)
    }

    #[test]
    fn a_server_that_slows_or_refuses_at_the_end_is_unlike_its_simulations() {
        let simulated = || (1..=30).map(|seed| contrast(seed, 100, false));
        let errors = |real: Contrast| real.errors_from(simulated(), 1.0);
        assert!(errors(contrast(31, 100, false)) < MOST_ERRORS / 2.0);
        assert!(errors(contrast(31, 180, false)) > MOST_ERRORS);
        assert!(errors(contrast(31, 100, true)) > MOST_ERRORS);
        assert!(errors(Contrast::default()) < 1e-9);
    }
}
