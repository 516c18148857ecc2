//! The knee: the number of calls in flight beyond which more of them bring hardly more throughput,
//! since each takes longer.
//!
//! A server whose times grow with the calls in flight refuses none. With n in flight a call takes
//! f(n) = 1 + a (n − 1) + b n (n − 1) times as long as alone, so that n ÷ f(n) calls go through in the
//! time of one (universal scalability law). Single times scatter far more than f grows, so nothing is
//! concluded from one call or from two rounds: a posterior over (a, b), on a grid, rests on the time of
//! every call and on how many were in flight when it was sent. Times scatter log-normally about a median
//! of each endpoint, and medians as much about a common one; medians and spread are integrated out. Calls
//! that have no answer yet and take longer than usual count with their age: the slow ones answer last. The
//! limit is where the expected time per call is least, at a price for each call in flight.
//!
//! Logarithms and powers are those of the crate `libm`, so that a run is the same on every platform.
//!
//! Sources: Gunther, "Guerrilla Capacity Planning", 2007; Kleinrock, "Power and deterministic rules of
//! thumb for probabilistic problems in computer communications", 1979 (a knee is a price); Gelman et al.,
//! "Bayesian Data Analysis", 2013, §14 (the marginal likelihood).

use super::limit::{CallFeedback, UnansweredCall};
use libm::{log, pow};
use neon_mock::api::Endpoint;
use std::sync::LazyLock;

/// Contentions on the grid, a.
const CONTENTION: [f64; 7] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8];

/// Coherencies on the grid, b.
const COHERENCY: [f64; 11] = [0.0, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

/// Points of the grid; at the first nothing grows.
const POINTS: usize = CONTENTION.len() * COHERENCY.len();

/// Probability beforehand that nothing grows.
const NO_GROWTH: f64 = 0.1;

/// A sum of squared residuals that is known beforehand, of one call: times scatter by about a half.
const SQUARES_BEFORE: f64 = 0.3;

/// Calls before the first fit.
const FIRST_FIT: u32 = 4;

/// One of so many calls so far makes a new fit due, within the fewest and the most calls between two.
const FIT_AGAIN: u32 = 8;
const FIT_AT_LEAST: u32 = 2;
const FIT_AT_MOST: u32 = 256;

/// Throughput that 1 % more calls in flight must bring, in %.
const PRICE: f64 = 0.1;

/// The first call's share beyond that; the others' get less and less: calls in flight too many run long.
const PRICE_OF_DOUBT: f64 = 1.0;

/// Calls after which all evidence loses half of its weight: servers change.
const REMEMBERED: u32 = 4_096;

/// The largest number of calls in flight that is told apart.
pub(super) const MOST: u32 = 1_024;

/// Number of levels.
const LEVELS: usize = level(MOST) + 1;

/// A figure for each point of the grid.
type OfPoints = [f64; POINTS];

/// Logarithms of f by level and point of the grid.
static LOG_GROWTH: LazyLock<Vec<OfPoints>> = LazyLock::new(|| {
    let of_level = |level| {
        let n = f64::from(of_level(level).max(1));
        std::array::from_fn(|point| {
            let (a, b) = parameters(point);
            log(1.0 + a * (n - 1.0) + b * n * (n - 1.0))
        })
    };
    (0..LEVELS).map(of_level).collect()
});

/// Contention and coherency at a point of the grid.
const fn parameters(point: usize) -> (f64, f64) {
    (CONTENTION[point % CONTENTION.len()], COHERENCY[point / CONTENTION.len()])
}

/// Finds the knee of the calls of all endpoints together.
#[derive(Clone, Debug)]
pub(super) struct Knee {
    times: [Option<Box<TimeSums>>; Endpoint::ALL.len()],
    calls: u32,
    fit_at: u32,
    limit: u32,
}

/// Logarithms of the times of an endpoint's calls, x, beside those of their growth, g.
#[derive(Clone, Debug)]
struct TimeSums {
    count: f64,
    sum: f64,
    squares: f64,
    /// Number and sum of x since the last fit, by level.
    recent: Vec<(f64, f64)>,
    /// Sums of g, g² and g x up to the last fit.
    growth: OfPoints,
    growth_squares: OfPoints,
    products: OfPoints,
}

impl TimeSums {
    const NONE: Self = Self {
        count: 0.0,
        sum: 0.0,
        squares: 0.0,
        recent: Vec::new(),
        growth: [0.0; POINTS],
        growth_squares: [0.0; POINTS],
        products: [0.0; POINTS],
    };

    fn add(&mut self, level: usize, log_s: f64) {
        self.count += 1.0;
        self.sum += log_s;
        self.squares += log_s * log_s;
        if self.recent.len() <= level {
            self.recent.resize(level + 1, (0.0, 0.0));
        }
        self.recent[level].0 += 1.0;
        self.recent[level].1 += log_s;
    }

    /// Brings the sums up to date.
    fn fold(&mut self) {
        for ((count, sum), growth) in self.recent.iter_mut().zip(LOG_GROWTH.iter()) {
            if *count <= 0.0 {
                continue;
            }
            for (point, growth) in growth.iter().enumerate() {
                self.growth[point] += *count * growth;
                self.growth_squares[point] += *count * growth * growth;
                self.products[point] += *sum * growth;
            }
            (*count, *sum) = (0.0, 0.0);
        }
    }

    fn halve(&mut self) {
        for figure in [&mut self.count, &mut self.sum, &mut self.squares] {
            *figure /= 2.0;
        }
        for figures in [&mut self.growth, &mut self.growth_squares, &mut self.products] {
            for figure in figures {
                *figure /= 2.0;
            }
        }
    }

    fn mean(&self, point: usize) -> f64 {
        (self.sum - self.growth[point]) / self.count
    }

    /// Sum of the squared residuals about the mean.
    fn residuals(&self, point: usize) -> f64 {
        let sum = self.sum - self.growth[point];
        let squares = self.squares - 2.0 * self.products[point] + self.growth_squares[point];
        (squares - sum * sum / self.count).max(0.0)
    }

    /// Weight of the mean beside those of other endpoints, which count as one call of this.
    fn weight(&self) -> f64 {
        self.count / (self.count + 1.0)
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
        Self {
            times: [const { None }; Endpoint::ALL.len()],
            calls: 0,
            fit_at: FIRST_FIT,
            limit: MOST,
        }
    }
}

impl Knee {
    /// The most calls in flight.
    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Adds the time of a call that was answered, or for whose answer nobody waits any longer.
    pub(super) fn timed(
        &mut self,
        call: &CallFeedback,
        unanswered: impl Iterator<Item = UnansweredCall>,
    ) {
        let times = self.times[call.endpoint.index()].get_or_insert_with(|| TimeSums::NONE.into());
        let log_s = log(call.done_at.since(call.sent_at).as_secs_f64().max(1e-6));
        times.add(level((call.in_flight_all + 1).min(MOST)), log_s);
        self.calls += 1;
        if self.calls < self.fit_at {
            return;
        }
        self.times.iter_mut().flatten().for_each(|times| times.fold());
        self.limit = self.least_time(&self.squares(call, unanswered));
        if self.calls >= REMEMBERED {
            self.times.iter_mut().flatten().for_each(|times| times.halve());
            self.calls /= 2;
        }
        self.fit_at = self.calls + (self.calls / FIT_AGAIN).clamp(FIT_AT_LEAST, FIT_AT_MOST);
    }

    /// Sums of the squared residuals of the logarithms of all times, once `call` has ended.
    fn squares(
        &self,
        call: &CallFeedback,
        unanswered: impl Iterator<Item = UnansweredCall>,
    ) -> OfPoints {
        let weights: f64 = self.times.iter().flatten().map(|times| times.weight()).sum();
        let mut common = [0.0; POINTS];
        for times in self.times.iter().flatten() {
            let weight = times.weight() / weights;
            for (point, common) in common.iter_mut().enumerate() {
                *common += weight * times.mean(point);
            }
        }
        let mut squares = [SQUARES_BEFORE; POINTS];
        for times in self.times.iter().flatten() {
            let weight = times.weight();
            for (point, squares) in squares.iter_mut().enumerate() {
                let off = times.mean(point) - common[point];
                *squares += times.residuals(point) + weight * off * off;
            }
        }
        for late in unanswered {
            let Some(times) = &self.times[late.endpoint.index()] else { continue };
            let age_s = call.done_at.since(late.sent_at).as_secs_f64();
            let log_s = log(age_s.max(1e-6));
            if log_s <= times.mean(0) {
                continue;
            }
            let growth = &LOG_GROWTH[level((late.in_flight_all + 1).min(MOST))];
            for (point, squares) in squares.iter_mut().enumerate() {
                let median = common[point] + times.weight() * (times.mean(point) - common[point]);
                let over = (log_s - median - growth[point]).max(0.0);
                *squares += over * over;
            }
        }
        squares
    }

    /// The calls in flight at which the expected time per call is least, f(n) ÷ n, with the price.
    fn least_time(&self, squares: &OfPoints) -> u32 {
        let least = squares.iter().copied().fold(f64::INFINITY, f64::min);
        let (mut all, mut contention, mut coherency) = (0.0, 0.0, 0.0);
        for (point, squares) in squares.iter().enumerate() {
            let growing = (1.0 - NO_GROWTH) / (POINTS - 1) as f64;
            let before = if point == 0 { NO_GROWTH } else { growing };
            let weight = before * pow((least / squares).sqrt(), f64::from(self.calls));
            let (a, b) = parameters(point);
            all += weight;
            contention += weight * a;
            coherency += weight * b;
        }
        // f is linear in both, so their means give its mean.
        let (a, b) = (contention / all, coherency / all);
        let price = (PRICE + PRICE_OF_DOUBT / f64::from(self.calls)).min(1.0);
        // f(n) ÷ n^(1 − price) has no slope where b (1 + price) n² + price (a − b) n = gain.
        let gain = (1.0 - price) * (1.0 - a);
        let slope = price * (a - b);
        let root = (slope * slope + 4.0 * b * (1.0 + price) * gain).sqrt();
        // One of the two solutions, in the form that a vanishing b does not harm.
        (2.0 * gain / (root + slope).max(1e-9)).round().clamp(1.0, f64::from(MOST)) as u32
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
            let call = CallFeedback {
                endpoint: Endpoint::PatchAccount,
                sent_at: Timestamp::ZERO,
                done_at: Timestamp::ZERO + Duration::from_secs_f64(took_s.min(30.0)),
                in_flight: in_flight - 1,
                unanswered: 0,
                in_flight_all: in_flight - 1,
                taken_of_all: 0,
                outcome,
                queue_waiting: true,
                spare_refusals: 5,
            };
            knee.timed(&call, std::iter::empty());
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
    fn times_that_do_not_grow_leave_room_for_more() {
        for most in [5, 20, 100] {
            let limit = found(1_000, most, |_| 1.0);
            assert!(limit > most, "{most}: {limit}");
        }
    }

    #[test]
    fn slow_calls_count_before_they_are_answered() {
        let limit = |age_s: f64| {
            let mut knee = Knee::default();
            let at = |s: f64| Timestamp::ZERO + Duration::from_secs_f64(s);
            for (call, took_s) in [0.2, 0.3, 0.25, 0.4, 0.25, 0.3].into_iter().enumerate() {
                let late = (4..12).map(|in_flight_all| UnansweredCall {
                    endpoint: Endpoint::PatchAccount,
                    sent_at: at(10.0 - age_s),
                    in_flight_all,
                });
                let call = CallFeedback {
                    endpoint: Endpoint::PatchAccount,
                    sent_at: at(10.0 - took_s),
                    done_at: at(10.0),
                    in_flight: call as u32 % 3,
                    unanswered: 0,
                    in_flight_all: call as u32 % 3,
                    taken_of_all: 0,
                    outcome: Outcome::Ok,
                    queue_waiting: true,
                    spare_refusals: 5,
                };
                knee.timed(&call, late);
            }
            knee.limit()
        };
        assert!(limit(2.0) < limit(0.1), "{}, {}", limit(2.0), limit(0.1));
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
