//! The knee: the number of calls in flight beyond which more of them bring hardly more throughput,
//! since each takes longer.
//!
//! A server whose times grow with the calls in flight refuses none. With n in flight a call takes
//! f(n) = 1 + a (n − 1) + b n (n − 1) times as long as alone, so that n ÷ f(n) calls go through in the
//! time of one (universal scalability law). Single times scatter far more than f grows, so nothing is
//! concluded from one call or from two rounds: a posterior over (a, b), on a grid, rests on the time of
//! every call and on how many were in flight when it was sent. Times scatter log-normally about a median
//! of each endpoint's own, and median and spread are integrated out. The limit is where the
//! expected gain falls below its price.
//!
//! Sources: Gunther, "Guerrilla Capacity Planning", 2007; Kleinrock, "Power and deterministic rules of
//! thumb for probabilistic problems in computer communications", 1979 (a knee is a price); Gelman et al.,
//! "Bayesian Data Analysis", 2013, §14 (the marginal likelihood).

use super::limit::CallFeedback;
use neon_mock::api::Endpoint;
use std::sync::LazyLock;

/// Contentions on the grid, a.
const CONTENTION: [f64; 7] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8];

/// Coherencies on the grid, b.
const COHERENCY: [f64; 11] = [0.0, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

/// Probability beforehand that nothing grows.
const NO_GROWTH: f64 = 0.5;

/// A sum of squared residuals that is known beforehand, of one call: times that do not scatter at all
/// say no more than those that scatter by a tenth.
const SQUARES_BEFORE: f64 = 0.01;

/// Calls before the first fit.
const FIRST_FIT: f64 = 6.0;

/// Share of the calls so far after which the fit is made anew, and the most calls between two fits.
const FIT_AGAIN: f64 = 0.125;
const FIT_AT_LEAST: f64 = 256.0;

/// Throughput that 1 % more calls in flight must bring, in %.
const PRICE: f64 = 0.1;

/// The price of the first call: little is known, and calls in flight too many run long.
const PRICE_OF_DOUBT: f64 = 4.0;

/// Calls after which all evidence loses half of its weight: servers change.
const REMEMBERED: f64 = 4_096.0;

/// Weights below this are passed over.
const NEGLIGIBLE: f64 = 1e-2;

/// The largest number of calls in flight that is told apart.
const MOST: u32 = 1_024;

/// Number of levels.
const LEVELS: usize = level(MOST) + 1;

/// Logarithms of f at each level, for each point of the grid.
static GROWTH: LazyLock<Vec<[f64; LEVELS]>> = LazyLock::new(|| {
    let points = COHERENCY.iter().flat_map(|&b| CONTENTION.iter().map(move |&a| (a, b)));
    let log_f = |(a, b): (f64, f64), n: f64| (a * (n - 1.0) + b * n * (n - 1.0)).ln_1p();
    let at = |point| std::array::from_fn(|level| log_f(point, f64::from(of_level(level).max(1))));
    points.map(at).collect()
});

/// Finds the knee of the calls of all endpoints together.
#[derive(Clone, Debug)]
pub(super) struct Knee {
    /// By endpoint and level.
    times: [Vec<LogTimeSums>; Endpoint::ALL.len()],
    calls: f64,
    fit_at: f64,
    limit: u32,
}

/// Logarithms of the times of calls that were sent at one level.
#[derive(Clone, Copy, Debug, Default)]
struct LogTimeSums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl LogTimeSums {
    fn add(&mut self, log_s: f64) {
        self.count += 1.0;
        self.sum += log_s;
        self.squares += log_s * log_s;
    }

    fn halve(&mut self) {
        *self = Self { count: self.count / 2.0, sum: self.sum / 2.0, squares: self.squares / 2.0 };
    }
}

/// The level of `n` calls in flight: each number to 16, then eight levels to an octave.
const fn level(n: u32) -> usize {
    let octave = n.ilog2().saturating_sub(3);
    (octave * 8 + (n >> octave)) as usize
}

/// A number of calls in flight of this level.
const fn of_level(level: usize) -> u32 {
    let octave = (level / 8).saturating_sub(1);
    ((level - octave * 8) << octave) as u32
}

impl Default for Knee {
    fn default() -> Self {
        Self { times: Default::default(), calls: 0.0, fit_at: FIRST_FIT, limit: MOST }
    }
}

impl Knee {
    /// The most calls in flight.
    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Adds the time of a call that was answered, or for whose answer nobody waits any longer.
    pub(super) fn timed(&mut self, call: &CallFeedback) {
        let times = &mut self.times[call.endpoint.index()];
        let level = level((call.in_flight_all + 1).min(MOST));
        if times.len() <= level {
            times.resize(level + 1, LogTimeSums::default());
        }
        times[level].add(call.done_at.since(call.sent_at).as_secs_f64().max(1e-6).ln());
        self.calls += 1.0;
        if self.calls < self.fit_at {
            return;
        }
        self.fit();
        if self.calls >= REMEMBERED {
            self.times.iter_mut().flatten().for_each(LogTimeSums::halve);
            self.calls /= 2.0;
        }
        self.fit_at = self.calls + (FIT_AGAIN * self.calls).clamp(2.0, FIT_AT_LEAST);
    }

    fn fit(&mut self) {
        let posterior = self.posterior();
        let price = PRICE + PRICE_OF_DOUBT / self.calls;
        let gain = |level: usize| {
            let growth: f64 = posterior.iter().map(|(weight, growth)| weight * growth[level]).sum();
            (1.0 - price) * f64::from(of_level(level)).ln() - growth
        };
        let best = (1..LEVELS).max_by(|&one, &other| gain(one).total_cmp(&gain(other)));
        self.limit = best.map_or(MOST, of_level);
    }

    /// Points of the grid with their probabilities, the negligible left out.
    fn posterior(&self) -> Vec<(f64, &'static [f64; LEVELS])> {
        let growing = (1.0 - NO_GROWTH) / (GROWTH.len() - 1) as f64;
        let endpoints = self.times.iter().filter(|times| !times.is_empty()).count() as f64;
        let freedom = (self.calls - endpoints).max(0.0) + 1.0;
        let mut all: Vec<_> = (0..)
            .zip(GROWTH.iter())
            .map(|(point, growth)| {
                let before = if point == 0 { NO_GROWTH } else { growing };
                (before.ln() - freedom / 2.0 * self.squares(growth).ln(), growth)
            })
            .collect();
        let most = all.iter().map(|point| point.0).fold(f64::MIN, f64::max);
        for point in &mut all {
            point.0 = (point.0 - most).exp();
        }
        all.retain(|point| point.0 > NEGLIGIBLE);
        let sum: f64 = all.iter().map(|point| point.0).sum();
        for point in &mut all {
            point.0 /= sum;
        }
        all
    }

    /// Sum of the squared residuals of the logarithms of all times, each endpoint about its own mean.
    fn squares(&self, growth: &[f64; LEVELS]) -> f64 {
        let of_endpoint = |times: &Vec<LogTimeSums>| {
            let mut all = LogTimeSums::default();
            for (times, growth) in times.iter().zip(growth).filter(|(times, _)| times.count > 0.0) {
                all.count += times.count;
                all.sum += times.sum - times.count * growth;
                all.squares += times.squares - growth * (2.0 * times.sum - times.count * growth);
            }
            if all.count > 0.0 { all.squares - all.sum * all.sum / all.count } else { 0.0 }
        };
        SQUARES_BEFORE + self.times.iter().map(of_endpoint).sum::<f64>().max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use neon_mock::rng;
    use neon_mock::time::Timestamp;
    use rand::Rng;
    use std::time::Duration;

    /// A time about `median_s`, a third to three times as long.
    fn scattered_s(median_s: f64, rng: &mut rng::Generator) -> f64 {
        let uniform = rng::below(rng.next_u64(), 2_001) as f64 / 1_000.0 - 1.0;
        median_s * 3.0_f64.powf(uniform)
    }

    /// The limit after `calls` calls, each with as many in flight as the limit allows and at most `most`,
    /// growing by one a call; a call takes `times` as long as alone.
    fn found(calls: u32, most: u32, times: impl Fn(f64) -> f64) -> u32 {
        let (mut knee, mut rng) = (Knee::default(), rng::stream(1, "knee"));
        for call in 0..calls {
            let in_flight = (4 + call).min(knee.limit()).min(most);
            let took_s = scattered_s(0.3 * times(f64::from(in_flight)), &mut rng);
            let outcome = if took_s < 30.0 { Outcome::Ok } else { Outcome::Timeout };
            knee.timed(&CallFeedback {
                endpoint: Endpoint::PatchAccount,
                sent_at: Timestamp::ZERO,
                done_at: Timestamp::ZERO + Duration::from_secs_f64(took_s.min(30.0)),
                in_flight: in_flight - 1,
                in_flight_all: in_flight - 1,
                outcome,
                queue_waiting: true,
            });
        }
        knee.limit()
    }

    #[test]
    fn the_knee_is_found_through_the_scatter() {
        // The most goes through with 8 in flight, and nine tenths of that with 5 to 14.
        let limit = found(400, 100, |n| 1.0 + 0.05 * (n - 1.0) + 0.0148 * n * (n - 1.0));
        assert!((5..=12).contains(&limit), "{limit}");
        // With 3, and nine tenths with 2 to 6.
        let limit = found(400, 100, |n| 1.0 + 0.1 * (n - 1.0) + 0.08 * n * (n - 1.0));
        assert!((2..=5).contains(&limit), "{limit}");
    }

    #[test]
    fn times_that_do_not_grow_have_no_knee() {
        for most in [5, 20, 100] {
            assert_eq!(found(1_000, most, |_| 1.0), MOST, "{most}");
        }
    }

    #[test]
    fn calls_that_time_out_in_a_crowd_shrink_it() {
        assert!(found(120, 200, |n| if n > 20.0 { 400.0 } else { 1.0 }) <= 24);
    }

    #[test]
    fn levels_cover_all_numbers_in_order() {
        for n in 1..=MOST {
            let of = of_level(level(n));
            assert!(of <= n && n <= of + of / 8, "{n}: {of}");
        }
    }
}
