//! The time that a run under way still takes, with an interval of 90 %.
//!
//! The run is simulated again and again, as far as it has come and to its end, each time by another of the profiles
//! that agree with its latest calls, and with the probe that it was begun on. Those simulations count whose pace over
//! a window of accounts was nearest to the run's own: how long the rest took, as a multiple of that window, is what the
//! run is expected to do. The interval is wider than theirs where the run is more uneven than they are within that
//! window, and early in a run.
//!
//! Source: Beaumont, Zhang and Balding, "Approximate Bayesian computation in population genetics", 2002, for simulations
//! that are selected by their distance from what was observed.

mod course;
mod regime;

pub use course::Course;
pub use regime::{ChangedFigure, RegimeChange, regime_change};

use super::seeds;
use crate::probe::{self, ProbeTrace, TargetFit};
use crate::stats::{mean, prediction_interval, squared_deviations};
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use neonbench_engine::engine::{Job, Settings};
use neonbench_engine::event::{Attempt, Event};
use neonbench_engine::run::{self, resources};
use neonbench_engine::scenario::Scenario;
use std::time::Duration;

/// Runs that an estimate is made of.
const RUNS: u64 = 100;

/// Accounts of the window and after it that are simulated; of more, a part.
pub(super) const MOST_ACCOUNTS: u64 = 1_000;

/// Accounts at the start of a run in which it finds its limits, and at its end in which its last calls end: where a
/// part is simulated, they are not scaled.
pub(super) const WARM_UP: u64 = 64;

/// Accounts that must have landed: fewer tell nothing of the pace.
const FEWEST: u64 = 3;

/// Accounts from which on the pace is that of the later half.
const HALVED: u64 = 32;

/// Simulations that count: those whose pace was nearest to the run's.
const NEAREST: usize = 15;

/// Share of runs that the interval is to hold.
const COVERAGE: f64 = 0.9;

/// Growth of the interval per share of the accounts that is left beyond one half: 30 % at most. The limiter of a run
/// that has just begun goes on learning, in more ways than in the simulations. This constant and [`LEAST_UNEVENNESS`] were
/// fitted to some 400 runs of scenarios that were drawn for it.
const EARLY: f64 = 0.6;

/// Variance of a run's parts, as a multiple of the simulations', that is believed at least.
const LEAST_UNEVENNESS: f64 = 0.6;

/// Time between the calls of a probe and those of a run: their limits have forgotten them.
const APART: Duration = Duration::from_secs(600);

/// Parts of a window whose times are compared, and accounts of one at least.
const PARTS: u64 = 8;
const LEAST_PART: u64 = 3;

/// Parts that the simulations' own variation is worth beside those of the run.
const PRIOR_PARTS: f64 = 4.0;

/// Variance of the run's parts, as a multiple of the simulations', at most: accounts that land together take no time.
const MOST_TIMES: f64 = 50.0;

/// A run under way that is simulated: how far it is, and the window of accounts that its pace is taken over.
#[derive(Clone, Copy, Debug)]
struct PaceWindow {
    /// Accounts before the window.
    before: u64,
    /// Accounts in it.
    accounts: u64,
    /// Accounts that have not ended.
    left: u64,
}

impl PaceWindow {
    fn of(since: u64, landed: u64, left: u64) -> Self {
        let before = if since == 0 && landed >= HALVED { landed / 2 } else { since };
        Self { before, accounts: landed - before, left }
    }

    /// Share of its accounts and of those left that is simulated (0 to 1).
    fn share(self) -> f64 {
        (MOST_ACCOUNTS as f64 / (self.accounts + self.left) as f64).min(1.0)
    }

    /// The same for the simulations, which are no longer than they have to be.
    fn simulated(self) -> Self {
        let share = self.share();
        if share >= 1.0 {
            return self;
        }
        let part = |accounts: u64| ((accounts as f64 * share).round() as u64).max(1);
        Self {
            before: self.before.min(WARM_UP),
            accounts: part(self.accounts),
            left: part(self.left),
        }
    }

    const fn end(self) -> u64 {
        self.before + self.accounts + self.left
    }

    /// Number of parts that are compared.
    fn parts(self) -> u64 {
        PARTS.min(self.accounts / LEAST_PART)
    }

    /// Variance of the logarithms of the seconds that its parts took, by the time at which so many accounts had landed.
    fn variance(self, at: impl Fn(u64) -> f64) -> f64 {
        let parts = self.parts();
        let end = |part: u64| at(self.before + part * self.accounts / parts);
        let took = |part: u64| (end(part + 1) - end(part)).max(1e-9).ln();
        let took: Vec<f64> = (0..parts).map(took).collect();
        if parts < 2 { 0.0 } else { squared_deviations(&took) / (parts - 1) as f64 }
    }
}

/// Figures of a simulated run, as if it were of all accounts.
#[derive(Clone, Copy, Debug)]
struct Simulation {
    /// Logarithm of the seconds that the window took.
    behind: f64,
    /// Logarithm of the seconds left.
    ahead: f64,
    /// Variance of the parts of the window.
    variance: f64,
}

impl Simulation {
    /// The figures of a run whose accounts landed at these times, in seconds; `None` if it took no time, or has fewer
    /// accounts.
    fn of(real: PaceWindow, landed: &[f64]) -> Option<Self> {
        let window = real.simulated();
        if (landed.len() as u64) < window.end() {
            return None;
        }
        let at = |accounts: u64| if accounts == 0 { 0.0 } else { landed[accounts as usize - 1] };
        let seen = at(window.before + window.accounts);
        let last = if real.share() < 1.0 { WARM_UP.min(window.left / 2) } else { 0 };
        let steady = at(window.end() - last);
        let behind = (seen - at(window.before)) * real.accounts as f64 / window.accounts as f64;
        let ahead = (steady - seen) * (real.left - last) as f64 / (window.left - last) as f64
            + (at(window.end()) - steady);
        let variance = window.variance(at);
        (behind > 0.0 && ahead > 0.0).then(|| Self {
            behind: behind.ln(),
            ahead: ahead.ln(),
            variance,
        })
    }
}

/// 5th, 50th and 95th percentile of the seconds left of the run of `course` at `now`, by simulations of `scenario` under
/// `settings`; `None` while too little is known of it, or once `goes_on` is false.
pub fn eta(
    course: &Course,
    now: Timestamp,
    (scenario, settings): (&Scenario, &Settings),
    goes_on: &dyn Fn() -> bool,
) -> Option<[f64; 3]> {
    let now = course.own_time(now);
    let (left, landed) = (course.left()?, course.landed());
    if left == 0 {
        return Some([0.0; 3]);
    }
    if landed < FEWEST {
        return None;
    }
    let steady_since = course.steady_since();
    let window = PaceWindow::of(steady_since, landed, left);
    let begun = course.at(window.before);
    let took_s = now.since(begun).as_secs_f64();
    // A server that has changed is no longer the one that was probed.
    let trace = if steady_since > 0 {
        course.calls_since(begun)
    } else {
        after_probe(&scenario.profile, course.calls_since(Timestamp::ZERO))
    };
    let runs = simulations(window, &trace, (scenario, settings), goes_on);
    if runs.len() < 2 || took_s <= 0.0 || !goes_on() {
        return None;
    }
    let runs = nearest(runs, took_s);
    let own = window.variance(|accounts| course.at(accounts).since(begun).as_secs_f64());
    let unevenness = unevenness(window, own, mean(runs.iter().map(|run| run.variance)));
    let early = 1.0 + EARLY * (left as f64 / (landed + left) as f64 - 0.5).max(0.0);
    Some(at_pace(&runs, took_s, (window.share() * unevenness).sqrt() * early))
}

/// The calls of a run after those of the probe that its profile rests on: a probe asks for limits that a run keeps away
/// from.
fn after_probe(profile: &Profile, run: ProbeTrace) -> ProbeTrace {
    let Some(mut known) = probe::calls_behind(profile) else { return run };
    let probed = known.calls.iter().map(|call| call.done_at).max().unwrap_or_default();
    let later = probed.since(Timestamp::ZERO) + APART;
    let shifted = |call: &Attempt| Attempt {
        due_at: call.due_at + later,
        sent_at: call.sent_at + later,
        done_at: call.done_at + later,
        ..*call
    };
    known.calls.extend(run.calls.iter().map(shifted));
    known
}

/// The simulations whose window took the time that is nearest to `took_s`.
fn nearest(mut runs: Vec<Simulation>, took_s: f64) -> Vec<Simulation> {
    let distance = |run: &Simulation| (run.behind - took_s.ln()).abs();
    runs.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    runs.truncate(NEAREST);
    runs
}

/// Times the variance of the simulations that the run's is, as far as its parts can tell.
fn unevenness(window: PaceWindow, own: f64, simulated: f64) -> f64 {
    let parts = window.parts() as f64 - 1.0;
    if simulated <= 0.0 || parts < 1.0 {
        return 1.0;
    }
    // Parts of the simulations have fewer accounts.
    let times = own / (simulated * window.share());
    ((PRIOR_PARTS + parts * times.min(MOST_TIMES)) / (PRIOR_PARTS + parts)).max(LEAST_UNEVENNESS)
}

/// Simulated runs, by profiles that agree with `trace`.
fn simulations(
    window: PaceWindow,
    trace: &ProbeTrace,
    (scenario, settings): (&Scenario, &Settings),
    goes_on: &dyn Fn() -> bool,
) -> Vec<Simulation> {
    let seeds = seeds::first(&seeds::FORECAST, RUNS);
    let profiles: Vec<Profile> = match TargetFit::of_run(trace) {
        Ok(fit) => seeds.clone().map(|seed| fit.draw(seed)).collect(),
        // Too few reads: by what was known before.
        Err(_) => probe::draws(&scenario.profile, seeds.clone()).collect(),
    };
    let mut simulated = scenario.of_size(window.simulated().end());
    let mut runs = Vec::new();
    for (seed, profile) in seeds.zip(profiles) {
        simulated.profile = profile;
        let settings = Settings { seed, ..settings.clone() };
        // A run that could not go on tells nothing of one that does.
        if let Some(landed) = landings(&simulated, &settings, goes_on) {
            runs.extend(Simulation::of(window, &landed));
        }
    }
    runs
}

/// When the accounts of a simulated run ended, in seconds; `None` if it could not go on.
pub(super) fn landings(
    scenario: &Scenario,
    settings: &Settings,
    goes_on: &dyn Fn() -> bool,
) -> Option<Vec<f64>> {
    let mut landed = Vec::new();
    let mut note = |event: &Event| {
        if let Event::Landed { at, .. } = event {
            landed.push(at.since(Timestamp::ZERO).as_secs_f64());
        }
    };
    let job = Job::new(&scenario.plan, settings, resources(scenario));
    let run = run::simulate(scenario, job, goes_on, &mut note);
    run.is_ok_and(|run| run.end.is_ok()).then_some(landed)
}

/// Interval and median of the seconds left of a run whose window took `took_s`, where its deviations are so many
/// `times` those of the simulations. Panics with fewer than two simulations.
fn at_pace(runs: &[Simulation], took_s: f64, times: f64) -> [f64; 3] {
    let multiples: Vec<f64> = runs.iter().map(|run| run.ahead - run.behind).collect();
    let [low, high] = prediction_interval(&multiples, COVERAGE);
    let middle = f64::midpoint(low, high);
    [low, middle, high].map(|multiple| took_s * (middle + (multiple - middle) * times).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulation(behind_s: f64, ahead_s: f64) -> Simulation {
        Simulation { behind: behind_s.ln(), ahead: ahead_s.ln(), variance: 0.0 }
    }

    #[test]
    fn a_run_of_another_pace_than_all_simulations_goes_on_at_its_own() {
        let runs: Vec<Simulation> =
            (0..50).map(|run| simulation(10.0 + f64::from(run % 3) * 0.01, 30.0)).collect();
        let [low, middle, high] = at_pace(&nearest(runs, 20.0), 20.0, 1.0);
        assert!((middle - 60.0).abs() < 0.5 && low <= middle && middle <= high, "{middle}");
    }

    /// Half of the simulations know no limit: they are fast, and end otherwise.
    #[test]
    fn simulations_of_another_pace_do_not_count() {
        let runs: Vec<Simulation> = (0..50)
            .map(|run| {
                let noise = f64::from(run / 2 % 5) * 0.01;
                if run % 2 == 0 { simulation(10.0 + noise, 20.0) } else { simulation(2.0, 9.0) }
            })
            .collect();
        let [low, middle, high] = at_pace(&nearest(runs, 10.0), 10.0, 1.0);
        assert!((middle - 20.0).abs() < 0.1, "{middle}");
        assert!(low > 19.8 && high < 20.2, "{low} {high}");
    }

    #[test]
    fn a_part_stands_for_the_whole_but_for_its_end() {
        let real = PaceWindow::of(0, 10_000, 10_000);
        let window = real.simulated();
        assert_eq!((window.before, window.accounts, window.left), (64, 333, 667));
        // A second for each account, and a minute for the last one.
        let mut landed: Vec<f64> = (1..=window.end()).map(|account| account as f64).collect();
        *landed.last_mut().unwrap() += 60.0;
        let run = Simulation::of(real, &landed).unwrap();
        assert!((run.behind.exp() - 5_000.0).abs() < 1e-6, "{run:?}");
        assert!((run.ahead.exp() - 10_060.0).abs() < 1e-6, "{run:?}");
    }

    #[test]
    fn an_uneven_run_has_a_wider_interval() {
        let window = PaceWindow::of(0, 100, 100);
        assert!((unevenness(window, 0.1, 0.1) - 1.0).abs() < 1e-9);
        assert!(unevenness(window, 0.4, 0.1) > 2.0);
        assert!((unevenness(window, 0.0, 0.1) - LEAST_UNEVENNESS).abs() < 1e-9);
    }
}
