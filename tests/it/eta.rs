//! The time that a run still takes, estimated while it goes on, and how often the interval of 90 % holds it.
//!
//! The forecaster knows a probe with a sample run, and what the run itself has shown. Every run is of another scenario
//! of its family, drawn for it.

use neon_mock::time::Timestamp;
use neonbench::experiment::{Course, eta, parallel_map};
use neonbench::probe::{self, ProbeOptions, TargetFit};
use neonbench::select::case::{Family, SelectorCase, draw};
use neonbench::stats::{mean, quantile, sorted};
use neonbench_engine::engine::{EngineError, Job, Settings, Stop, Strategy};
use neonbench_engine::event::{Event, Observer as _};
use neonbench_engine::journal::NoJournal;
use neonbench_engine::run::{self, RunError, SimulatedServer, World, resources};
use neonbench_engine::scenario::Scenario;

/// Shares of the accounts at which the estimate is read.
const READ_AT: [f64; 4] = [0.10, 0.25, 0.50, 0.75];

/// Seeds of the runs, and of their scenarios. The constants of the estimate were fitted to others: 42,000,001 and 1,811.
const FIRST_SEED: u64 = 43_000_001;
const SCENARIOS: u64 = 1_812;

/// Share of the accounts that are left after a change of the server by which the estimate has recovered.
const RECOVERED: f64 = 0.10;

/// An estimate, and what became of it.
#[derive(Clone, Copy)]
struct Reading {
    /// True if the interval held the time that was left.
    holds: bool,
    /// Width of the interval ÷ makespan.
    width: f64,
}

impl Reading {
    /// Compares an estimate with a run; `None` of a run that took no time.
    fn of([low, _, high]: [f64; 3], left_s: f64, makespan_s: f64) -> Option<Self> {
        // A run that always takes the same time is met but for rounding.
        let near = 1e-6 * makespan_s;
        let holds = (low - near..=high + near).contains(&left_s);
        (makespan_s > 0.0).then(|| Self { holds, width: (high - low) / makespan_s })
    }
}

/// The scenario with the profile that a probe with a sample run makes of it.
fn probed(scenario: &Scenario, seed: u64) -> Scenario {
    let options = ProbeOptions { find_pool: true, sample: 10, seed };
    let trace = probe::run(scenario, &World::Virtual, &options, &NoJournal, Stop::NEVER);
    let mut known = scenario.clone();
    // A probe that fails tells nothing.
    known.profile = match trace.map(|trace| TargetFit::of(&trace)) {
        Ok(Ok(fit)) => fit.profile("probed"),
        _ => Scenario::profile("documented").unwrap(),
    };
    known
}

/// Calls `note` with the events of a run of so many accounts.
fn events(
    scenario: &Scenario,
    accounts: u64,
    settings: &Settings,
    note: &mut dyn FnMut(&Event),
) -> Result<(), RunError> {
    let scenario = scenario.of_size(accounts);
    let job = Job::new(&scenario.plan, settings, resources(&scenario));
    let run = run::simulate(&scenario, job, &|| true, &mut |event: &Event| note(event))?;
    run.end?;
    Ok(())
}

/// A run under way, and the estimates that were read on its way.
struct RunUnderWay<'a> {
    course: Course,
    known: Scenario,
    settings: &'a Settings,
    /// Accounts landed at which it is read, and what was read: the estimate, and when.
    at: Vec<u64>,
    read: Vec<Option<([f64; 3], f64)>>,
    last_s: f64,
}

impl<'a> RunUnderWay<'a> {
    fn new(scenario: &Scenario, settings: &'a Settings, at: Vec<u64>) -> Self {
        let known = probed(scenario, settings.seed);
        let read = vec![None; at.len()];
        Self { course: Course::default(), known, settings, at, read, last_s: 0.0 }
    }

    fn look(&mut self, event: &Event) {
        self.course.observe(event);
        let Event::Landed { at, .. } = event else { return };
        self.last_s = at.nanos_since(Timestamp::ZERO) as f64 / 1e9;
        if let Some(place) = self.at.iter().position(|landed| *landed == self.course.landed()) {
            let order = (&self.known, self.settings);
            let estimate_s = eta(&self.course, *at, order, &|| true).map(|it| it.left_s);
            self.read[place] = estimate_s.map(|estimate_s| (estimate_s, self.last_s));
        }
    }

    fn readings(self) -> Vec<Option<Reading>> {
        let of_run = |(estimate_s, at_s)| Reading::of(estimate_s, self.last_s - at_s, self.last_s);
        self.read.into_iter().map(|read| read.and_then(of_run)).collect()
    }
}

/// A run of so many accounts, and the estimates on its way.
fn readings(
    scenario: &Scenario,
    accounts: u64,
    seed: u64,
) -> Result<Vec<Option<Reading>>, RunError> {
    let settings = Settings { seed, ..Settings::new(Strategy::Pipelined) };
    let at = READ_AT.map(|share| (share * accounts as f64).ceil() as u64);
    let mut read = RunUnderWay::new(&scenario.of_size(accounts), &settings, at.into());
    events(scenario, accounts, &settings, &mut |event| read.look(event))?;
    Ok(read.readings())
}

/// A run whose server is that of `scenario` for half of the accounts, and that of `then` afterwards: the estimate once
/// a tenth of the rest has landed.
fn after_change(
    [scenario, then]: [&Scenario; 2],
    accounts: u64,
    seed: u64,
) -> Result<Option<Reading>, RunError> {
    let settings = Settings { seed, ..Settings::new(Strategy::Pipelined) };
    let scenario = scenario.of_size(accounts);
    let half = accounts / 2;
    let read_at = half + (RECOVERED * half as f64).ceil() as u64;
    let mut read = RunUnderWay::new(&scenario, &settings, vec![read_at]);
    let server = SimulatedServer::new(scenario.neon(seed));
    let mut note = |event: &Event| {
        let before = read.course.landed();
        read.look(event);
        if before < half && read.course.landed() == half {
            server.set_profile(then.profile.clone());
        }
    };
    server.run(Job::new(&scenario.plan, &settings, resources(&scenario)), &|| true, &mut note)?;
    Ok(read.readings().remove(0))
}

/// The readings of a run; `None` if its server failed every call, so that it did not come to its end.
fn ended<T>(run: Result<T, RunError>) -> Result<Option<T>, RunError> {
    match run {
        Ok(readings) => Ok(Some(readings)),
        Err(RunError::Engine(EngineError::Outage(_) | EngineError::LookUp(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// One line of the table: coverage and median width at each reading, at last after a change of the server.
struct Row {
    name: &'static str,
    coverage: Vec<f64>,
    width: Vec<f64>,
    readings: Vec<usize>,
}

fn row(family: Family, cases: &[SelectorCase], runs: usize, sizes: &[u64]) -> Row {
    let of_family: Vec<&Scenario> =
        cases.iter().filter(|case| case.family == family).map(|case| &case.scenario).collect();
    let all: Vec<usize> = (0..runs).collect();
    let made = parallel_map(&all, |&run| {
        let accounts = sizes[run % sizes.len()];
        let [scenario, then] = [run, run + 1].map(|run| of_family[run % of_family.len()]);
        let seed = FIRST_SEED + run as u64;
        let nothing = || vec![None; READ_AT.len()];
        let mut made = ended(readings(scenario, accounts, seed))?.unwrap_or_else(nothing);
        made.push(ended(after_change([scenario, then], accounts, seed))?.flatten());
        Ok::<_, RunError>(made)
    });
    let made = made.expect("runs in virtual time");
    let of =
        |place: usize| -> Vec<Reading> { made.iter().filter_map(|read| read[place]).collect() };
    let places = || 0..=READ_AT.len();
    Row {
        name: family.name(),
        coverage: places()
            .map(|place| mean(of(place).iter().map(|read| f64::from(u8::from(read.holds)))))
            .collect(),
        width: places()
            .map(|place| quantile(&sorted(of(place).iter().map(|read| read.width)), 0.5))
            .collect(),
        readings: places().map(|place| of(place).len()).collect(),
    }
}

fn rows(runs: usize, sizes: &[u64]) -> Vec<Row> {
    // Of twenty scenarios, two at least are of each family.
    let drawn = draw(SCENARIOS, "eta", runs.div_ceil(2), 5_000);
    let cases: Vec<SelectorCase> = drawn.iter().map(|wire| wire.case().unwrap()).collect();
    Family::ALL.into_iter().map(|family| row(family, &cases, runs, sizes)).collect()
}

fn print(rows: &[Row]) {
    println!(
        "family     at 10 %        25 %           50 %           75 %           after a change  (held, median width ÷ makespan)"
    );
    for Row { name, coverage, width, readings } in rows {
        print!("{name:<10}");
        for (held, width) in coverage.iter().zip(width) {
            print!(" {:>5.1} % {width:>6.3}", held * 100.0);
        }
        println!("  n = {readings:?}");
    }
}

#[test]
fn an_estimate_holds_most_of_a_few_runs() {
    let rows = rows(4, &[40]);
    print(&rows);
    let mean = mean(rows.iter().flat_map(|row| row.coverage.clone()));
    assert!((0.7..=0.98).contains(&mean), "{mean}");
}

/// Runs of each family, and accounts of a run, by `NEONBENCH_ETA_RUNS` and `NEONBENCH_ETA_ACCOUNTS`.
#[test]
#[ignore = "hours: run it in release"]
fn estimates_hold_most_runs_of_every_family() {
    let of = |name: &str, else_: u64| std::env::var(name).map_or(else_, |it| it.parse().unwrap());
    let rows = rows(of("NEONBENCH_ETA_RUNS", 1_000) as usize, &[of("NEONBENCH_ETA_ACCOUNTS", 500)]);
    print(&rows);
    for Row { name, coverage, readings, .. } in &rows {
        for (held, readings) in coverage.iter().zip(readings) {
            // Three standard errors of so many runs are chance.
            let chance = 3.0 * (0.9 * 0.1 / *readings as f64).sqrt();
            assert!((0.86 - chance..=0.94 + chance).contains(held), "{name}: {held}");
        }
    }
}
