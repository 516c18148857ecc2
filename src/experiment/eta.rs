//! The time that a run under way still takes, with an interval of 90 %.
//!
//! The run is simulated again and again, as far as it has come and to its end, each time by another of the profiles
//! that agree with its latest calls, and with the probe that it was begun on. Where the run is unlike all of them in its
//! last accounts, its server has changed: it is then simulated through that change. Those simulations count whose pace over
//! a window of accounts was nearest to the run's own: how long the rest took, as a multiple of that window, is what the
//! run is expected to do. The interval is wider than theirs where the run is more uneven than they are within that
//! window, and early in a run.
//!
//! Source: Beaumont, Zhang and Balding, "Approximate Bayesian computation in population genetics", 2002, for simulations
//! that are selected by their distance from what was observed.

mod calls;
mod course;
mod regime;
mod trail;
mod window;

pub use course::Course;
pub use regime::{ChangedFigure, RegimeChange, regime_change};

use super::seeds;
use crate::probe::{self, ProbeTrace, TargetFit};
use crate::stats::{mean, prediction_interval, sorted};
use calls::{after_change, after_probe};
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use neonbench_engine::engine::Settings;
use neonbench_engine::event::Attempt;
use neonbench_engine::scenario::Scenario;
use trail::{Contrast, Trail};
use window::PaceWindow;

/// Runs that an estimate is made of.
const RUNS: u64 = 100;

/// Accounts of the window and after it that are simulated; of more, a part.
pub(super) const MOST_ACCOUNTS: u64 = 1_000;

/// Accounts at the start of a run in which it finds its limits, and at its end in which its last calls end: where a
/// part is simulated, they are not scaled.
pub(super) const WARM_UP: u64 = 64;

/// Accounts that must have landed: fewer tell nothing of the pace.
const FEWEST: u64 = 3;

/// Simulations that count: those whose pace was nearest to the run's.
const NEAREST: usize = 30;

/// One of so many of them is left out at each end, since a few profiles among those that agree with the calls are far
/// from the others; and the standard deviation of what is left ÷ that of all, where they are normal.
const TRIMMED: usize = 10;
const TRIMMED_DEVIATION: f64 = 0.661;

/// Share of runs that the interval is to hold.
const COVERAGE: f64 = 0.9;

/// Growth of the interval per share of the accounts that is left beyond one half: 30 % at most. The limiter of a run
/// that has just begun goes on learning, in more ways than in the simulations. This constant and [`LEAST_UNEVENNESS`] were
/// fitted to some 400 runs of scenarios that were drawn for it.
const EARLY: f64 = 0.6;

/// One of so many simulations is few.
const FEW: usize = 20;

/// Growth of the interval after a change of the server, ÷ √(accounts that tell the new pace). Fitted to some 800 runs
/// whose server changes.
const NEW: f64 = 1.5;

/// Half of the interval's width that it has at least, as a logarithm.
const LEAST_SPREAD: f64 = 0.015;

/// Variance of a run's parts, as a multiple of the simulations', that is believed at least.
const LEAST_UNEVENNESS: f64 = 0.6;

/// Parts that the simulations' own variation is worth beside those of the run.
const PRIOR_PARTS: f64 = 4.0;

/// Variance of the run's parts, as a multiple of the simulations', at most: accounts that land together take no time.
const MOST_TIMES: f64 = 50.0;

/// Figures of a simulated run, as if it were of all accounts.
#[derive(Clone, Debug)]
struct Simulation {
    /// Logarithm of the seconds that the window took.
    behind: f64,
    /// Logarithm of the seconds left.
    ahead: f64,
    /// Variance of the parts of the window.
    variance: f64,
    /// The end of the window against the rest of it, by the accounts of the end.
    contrasts: Vec<Contrast>,
}

impl Simulation {
    /// The figures of a run; `None` if it took no time, or has fewer accounts.
    fn of(real: PaceWindow, Trail { landed, calls }: &Trail) -> Option<Self> {
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
        let ends = [window.before, window.end_of_window()];
        let part = |last: u64| (last * window.accounts / real.accounts).max(1);
        let contrast = |last: u64| Contrast::of(&at, calls, ends, part(last));
        (behind > 0.0 && ahead > 0.0).then(|| Self {
            behind: behind.ln(),
            ahead: ahead.ln(),
            variance,
            contrasts: real.lasts().map(contrast).collect(),
        })
    }
}

/// What is expected of the rest of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// 5th, 50th and 95th percentile of the seconds left.
    pub left_s: [f64; 3],
    /// Accounts that had landed when the server last changed; 0 if it never did.
    pub since: u64,
}

/// The time left of the run of `course` at `now`, by simulations of `scenario` under `settings`; `None` while too little
/// is known of it, or once `goes_on` is false.
pub fn eta(
    course: &Course,
    now: Timestamp,
    order: (&Scenario, &Settings),
    goes_on: &dyn Fn() -> bool,
) -> Option<Estimate> {
    if course.left()? == 0 {
        return Some(Estimate { left_s: [0.0; 3], since: 0 });
    }
    // Until then a run finds its limits, as the simulations do.
    let mut since = Some(course.steady_since()).filter(|since| *since >= WARM_UP).unwrap_or(0);
    loop {
        let (window, runs) = simulated(course, since, order, goes_on)?;
        let Some(last) = departure(window, course, &runs) else {
            let left_s = left_s(course, now, window, runs)?;
            return Some(Estimate { left_s, since });
        };
        since = course.landed() - last;
    }
}

/// The same under `settings` that may not be the run's own, of a server that last changed after so many accounts: 5th,
/// 50th and 95th percentile of the seconds left.
pub fn eta_since(
    course: &Course,
    now: Timestamp,
    since: u64,
    order: (&Scenario, &Settings),
    goes_on: &dyn Fn() -> bool,
) -> Option<[f64; 3]> {
    if course.left()? == 0 {
        return Some([0.0; 3]);
    }
    let (window, runs) = simulated(course, since, order, goes_on)?;
    left_s(course, now, window, runs)
}

/// Simulations of a run whose server last changed after so many accounts, and the window that they are compared in;
/// `None` while too few accounts have landed, or once `goes_on` is false.
fn simulated(
    course: &Course,
    since: u64,
    order: (&Scenario, &Settings),
    goes_on: &dyn Fn() -> bool,
) -> Option<(PaceWindow, Vec<Simulation>)> {
    let landed = course.landed();
    if landed < FEWEST {
        return None;
    }
    let window = PaceWindow::of(since, landed, course.left()?);
    let runs = simulations(window, course, order, goes_on);
    goes_on().then_some((window, runs))
}

/// 5th, 50th and 95th percentile of the seconds left, by simulations of the window.
fn left_s(
    course: &Course,
    now: Timestamp,
    window: PaceWindow,
    runs: Vec<Simulation>,
) -> Option<[f64; 3]> {
    let now = course.own_time(now);
    let begun = course.at(window.before);
    let took_s = now.since(begun).as_secs_f64();
    if runs.len() < 2 || took_s <= 0.0 {
        return None;
    }
    let has_changed = window.unchanged > 0;
    let is_unlike = has_changed && is_beyond(&runs, took_s);
    let runs = nearest(runs, took_s);
    let own = window.variance(|accounts| course.at(accounts).since(begun).as_secs_f64());
    let unevenness = unevenness(window, own, mean(runs.iter().map(|run| run.variance)));
    let share_left = window.left as f64 / window.end() as f64;
    let early = 1.0 + EARLY * (share_left - 0.5).max(0.0);
    let new = if has_changed { 1.0 + NEW / (window.accounts as f64).sqrt() } else { 1.0 };
    let times = (window.share() * unevenness).sqrt() * early * new;
    let [low, middle, high] = at_pace(&runs, took_s, times);
    if !is_unlike {
        return Some([low, middle, high]);
    }
    // The time since a change may be that of the change itself, which does not come again.
    let behind = mean(runs.iter().map(|run| run.behind)).exp();
    let [other_low, other_middle, other_high] = at_pace(&runs, behind, times);
    Some([low.min(other_low), (middle * other_middle).sqrt(), high.max(other_high)])
}

/// True if nearly all simulations took less, or nearly all more time than `took_s`.
fn is_beyond(runs: &[Simulation], took_s: f64) -> bool {
    let slower = runs.iter().filter(|run| run.behind > took_s.ln()).count();
    slower.min(runs.len() - slower) * FEW <= runs.len()
}

/// Accounts at the end of the window in which the run is unlike what all its simulations show, if it is.
fn departure(window: PaceWindow, course: &Course, runs: &[Simulation]) -> Option<u64> {
    let calls: Vec<Attempt> = course.calls().copied().collect();
    let at_s = |accounts: u64| course.at(accounts).since(Timestamp::ZERO).as_secs_f64();
    let of_last = |(place, last): (usize, u64)| {
        let real = Contrast::of(&at_s, &calls, [window.before, window.end_of_window()], last);
        let simulated = runs.iter().map(|run| run.contrasts[place]);
        (real.errors_from(simulated, window.share()), last)
    };
    let all = window.lasts().enumerate().map(of_last);
    let (errors, last) = all.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (errors > trail::MOST_ERRORS).then_some(last)
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

/// Simulated runs, by profiles that agree with the calls of the run; if its server has changed, by others until then
/// than afterwards.
fn simulations(
    window: PaceWindow,
    course: &Course,
    (scenario, settings): (&Scenario, &Settings),
    goes_on: &dyn Fn() -> bool,
) -> Vec<Simulation> {
    let seeds = seeds::first(&seeds::FORECAST, RUNS);
    let (before, after): (Vec<Attempt>, Vec<Attempt>) = course
        .sent_calls()
        .into_iter()
        .partition(|call| call.sent_at < course.at(window.unchanged));
    let drawn = |trace: &ProbeTrace| -> Vec<Profile> {
        match TargetFit::of_run(trace) {
            Ok(fit) => seeds.clone().map(|seed| fit.draw(seed)).collect(),
            // Too few reads: by what was known before.
            Err(_) => probe::draws(&scenario.profile, seeds.clone()).collect(),
        }
    };
    let (profiles, changed) = if window.unchanged == 0 {
        (drawn(&after_probe(&scenario.profile, after)), Vec::new())
    } else {
        // A server that has changed is no longer the one that was probed.
        let changed = drawn(&after_change(&before, &after));
        (drawn(&after_probe(&scenario.profile, before)), changed)
    };
    let mut simulated = scenario.of_size(window.simulated().end());
    let mut runs = Vec::new();
    for (place, (seed, profile)) in seeds.clone().zip(profiles).enumerate() {
        simulated.profile = profile;
        let settings = Settings { seed, ..settings.clone() };
        let then = changed.get(place).map(|then| (window.simulated().unchanged, then));
        // A run that could not go on tells nothing of one that does.
        if let Some(trail) = Trail::simulated(&simulated, &settings, then, goes_on) {
            runs.extend(Simulation::of(window, &trail));
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
    Trail::simulated(scenario, settings, None, goes_on).map(|trail| trail.landed)
}

/// Interval and median of the seconds left of a run whose window took `took_s`, where its deviations are so many
/// `times` those of the simulations. Panics with fewer than two simulations.
fn at_pace(runs: &[Simulation], took_s: f64, times: f64) -> [f64; 3] {
    let multiples = sorted(runs.iter().map(|run| run.ahead - run.behind));
    let ends = multiples.len() / TRIMMED;
    let [low, high] = prediction_interval(&multiples[ends..multiples.len() - ends], COVERAGE);
    let middle = f64::midpoint(low, high);
    let times = if ends > 0 { times / TRIMMED_DEVIATION } else { times };
    let spread = ((high - middle) * times).max(LEAST_SPREAD);
    [-spread, 0.0, spread].map(|off| took_s * (middle + off).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulation(behind_s: f64, ahead_s: f64) -> Simulation {
        Simulation {
            behind: behind_s.ln(),
            ahead: ahead_s.ln(),
            variance: 0.0,
            contrasts: Vec::new(),
        }
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
        let runs: Vec<Simulation> = (0..RUNS)
            .map(|run| {
                let noise = (run / 2 % 5) as f64 * 0.01;
                if run % 2 == 0 { simulation(10.0 + noise, 20.0) } else { simulation(2.0, 9.0) }
            })
            .collect();
        let [low, middle, high] = at_pace(&nearest(runs, 10.0), 10.0, 1.0);
        assert!((middle - 20.0).abs() < 0.1, "{middle}");
        assert!(low > 19.6 && high < 20.4, "{low} {high}");
    }

    #[test]
    fn a_part_stands_for_the_whole_but_for_its_end() {
        let real = PaceWindow::of(0, 10_000, 10_000);
        let window = real.simulated();
        assert_eq!((window.before, window.accounts, window.left), (64, 333, 667));
        // A second for each account, and a minute for the last one.
        let mut landed: Vec<f64> = (1..=window.end()).map(|account| account as f64).collect();
        *landed.last_mut().unwrap() += 60.0;
        let run = Simulation::of(real, &Trail { landed, calls: Vec::new() }).unwrap();
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
