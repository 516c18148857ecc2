//! The smallest of the guide's examples over real HTTP, beside virtual time.

use crate::report::shared::SuiteError;
use crate::report::shared::fact::{Fact, Tone};
use crate::report::shared::rows::run::{run_in, scenario};
use crate::report::shared::rows::{EXAMPLES, Example};
use crate::text::signed;
use minijinja::Environment;
use minijinja::value::Serde;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{Run, RunError, World};
use neonbench_engine::scenario::Scenario;
use neonbench_engine::world::WallClock;
use serde::{Deserialize, Serialize};
use std::thread::ScopedJoinHandle;

/// The example that the sample is taken from.
const HTTP_EXAMPLE: Example = EXAMPLES[2];

/// Divisor of its service times, so that standard's 180 s end within 10 s.
const HTTP_DIVISOR: u32 = 25;

/// The same runs over real HTTP and in virtual time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HttpSample {
    /// Number of the example.
    pub example: u32,
    /// The divisor of the profile's service times.
    pub service_times_divided_by: u32,
    /// Wall time of all runs over HTTP together, in seconds.
    pub wall_s: f64,
    /// One pair per strategy.
    pub pairs: Vec<HttpPair>,
}

impl HttpSample {
    /// The largest deviation by size, of valid runs.
    pub fn worst_deviation(&self) -> Option<f64> {
        let deviations = self.pairs.iter().filter_map(HttpPair::deviation);
        deviations.max_by(|a, b| a.abs().total_cmp(&b.abs()))
    }
}

/// One run over HTTP, and the same run in virtual time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct HttpPair {
    pub http: RunRecord,
    pub simulated: RunRecord,
}

impl HttpPair {
    /// Makespan over HTTP ÷ simulated − 1; `None` where one of them is invalid.
    pub fn deviation(&self) -> Option<f64> {
        let Self { http, simulated } = self;
        let valid = http.audit.valid && simulated.audit.valid;
        valid.then(|| http.makespan_s / simulated.makespan_s - 1.0)
    }
}

/// The sample over HTTP. Its runs go side by side, each against a mock of its own: together they
/// send fewer than a hundred calls a second, so that they do not disturb one another.
pub(crate) fn run(seed: u64) -> Result<HttpSample, SuiteError> {
    let profile = Scenario::profile(HTTP_EXAMPLE.name)?;
    let profile = profile.with_service_times(1.0 / f64::from(HTTP_DIVISOR));
    let scenario = scenario(&HTTP_EXAMPLE, profile)?;
    let strategies = HTTP_EXAMPLE.claims.iter().map(|claim| claim.strategy);
    let clock = WallClock::start();
    let runs: Vec<Result<Run, RunError>> = std::thread::scope(|scope| {
        let scenario = &scenario;
        let threads: Vec<_> = strategies
            .clone()
            .map(|strategy| {
                scope.spawn(move || run_in(scenario, strategy, seed, &World::EmbeddedHttp))
            })
            .collect();
        threads.into_iter().map(joined).collect()
    });
    let wall_s = clock.elapsed().as_secs_f64();
    let mut pairs = Vec::new();
    for (strategy, http) in strategies.zip(runs) {
        let simulated = run_in(&scenario, strategy, seed, &World::Virtual)?.record;
        pairs.push(HttpPair { http: http?.record, simulated });
    }
    Ok(HttpSample {
        example: HTTP_EXAMPLE.number,
        service_times_divided_by: HTTP_DIVISOR,
        wall_s,
        pairs,
    })
}

/// The result of `thread`, or its panic.
pub(crate) fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The largest difference of the sample over HTTP, in a sentence.
pub(crate) fn in_words(http: &HttpSample) -> String {
    let Some(worst) = http.worst_deviation() else {
        return "No run of the sample over real HTTP is valid.".to_owned();
    };
    format!(
        "The same runs over real HTTP, sockets and all, differ from virtual time by at most {} (example {}, \
         service times divided by {}).",
        signed(worst).trim_start_matches(['+', '−']),
        http.example,
        http.service_times_divided_by
    )
}

/// The same as a figure.
pub(crate) fn fact(http: &HttpSample) -> Fact {
    let Some(worst) = http.worst_deviation() else {
        let label = "no valid sample over real HTTP".to_owned();
        return Fact { value: "–".to_owned(), label, tone: Tone::Bad };
    };
    Fact {
        value: signed(worst),
        label: "largest gap between real HTTP and the simulation".to_owned(),
        tone: if worst.abs() <= 0.02 { Tone::Good } else { Tone::Mixed },
    }
}

/// Adds what the section's templates say of a record.
pub(crate) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("deviation", |pair: Serde<HttpPair>| pair.deviation());
}
