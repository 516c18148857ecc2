//! One engine, two worlds: over HTTP a migration makes the same calls as in virtual time and ends in the same
//! state, and it takes as long on a machine with nothing else to do.
//!
//! The runs sleep far more than they work, so that all of them go side by side. Load makes a run on the wall
//! clock longer and never shorter, so the upper bar is an ignored test, which `.ci/long` runs alone.

use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{Run, RunSpec, World};
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

/// The most relative difference between the makespans of the two worlds.
const TOLERANCE: f64 = 0.02;

/// Attempts of a run before it counts as too slow.
const TRIES: usize = 3;

const CONSTANT: &str = r#"
schema = 1
[limits]
pool = 5
reject_after = "30ms"
[service]
get = { law = "constant", time = "100ms" }
patch = { law = "constant", time = "150ms" }
put = { law = "constant", time = "150ms" }
search = { law = "constant", time = "400ms" }
metadata = { law = "constant", time = "100ms" }
"#;

const LOG_NORMAL: &str = r#"
schema = 1
[limits]
pool = 5
reject_after = "30ms"
[service]
get = { law = "log-normal", median = "150ms", p99 = "600ms" }
patch = { law = "log-normal", median = "250ms", p99 = "1s" }
put = { law = "log-normal", median = "250ms", p99 = "1s" }
search = { law = "log-normal", median = "400ms", p99 = "1600ms" }
metadata = { law = "log-normal", median = "150ms", p99 = "600ms" }
"#;

const TEN_MS: &str = r#"
schema = 1
[service]
get = { law = "constant", time = "10ms" }
patch = { law = "constant", time = "10ms" }
put = { law = "constant", time = "10ms" }
search = { law = "constant", time = "10ms" }
metadata = { law = "constant", time = "10ms" }
"#;

/// One run that is made in both worlds.
struct Pair {
    name: &'static str,
    scenario: Scenario,
    settings: Settings,
}

impl Pair {
    fn new(
        name: &'static str,
        profile: &str,
        dataset: &str,
        strategy: Strategy,
        [resources, mappings, workers]: [u32; 3],
    ) -> Self {
        let scenario = Scenario::new(Workload {
            profile: Some(Profile::from_toml(name, profile).unwrap()),
            dataset: Some(DatasetSource::BuiltIn(dataset.to_owned())),
            resources: Some(u64::from(resources)),
            mappings: Some(mappings),
            ..Workload::default()
        })
        .unwrap();
        let mut settings = Settings::new(strategy);
        settings.workers = NonZeroU32::new(workers).unwrap();
        Self { name, scenario, settings }
    }

    fn run(&self, world: &World, watch: &mut dyn FnMut(&Event)) -> Run {
        let order = RunSpec::new(&self.scenario, self.settings.clone());
        let mut watch = |event: &Event| watch(event);
        let run = order.run(world, &mut watch).unwrap();
        let name = self.name;
        assert_eq!(
            run.record.audit.faults,
            Vec::<String>::new(),
            "{name}, {}",
            run.record.strategy
        );
        run
    }

    /// The shortest time between two calls that reach one endpoint, but for the calls of the start.
    ///
    /// Two calls that come closer than the loopback's jitter may arrive in the other order, and
    /// then each draws the other's service time: that is another run, and no slower or faster one.
    fn closest_calls(&self) -> Duration {
        let mut last = BTreeMap::new();
        let mut closest = Duration::MAX;
        self.run(&World::Virtual, &mut |event| {
            if let Event::Sent { at, endpoint, .. } = event
                && let Some(before) = last.insert(*endpoint, *at)
                && *at != before
            {
                closest = closest.min(at.since(before));
            }
        });
        closest
    }

    /// The first seed under which no two calls come so close that their order is chance.
    fn with_clear_order(mut self) -> Self {
        const CLEAR: Duration = Duration::from_millis(6);
        let seed = (1..20_000).find(|&seed| {
            self.settings.seed = seed;
            self.closest_calls() >= CLEAR
        });
        self.settings.seed = seed.expect("a seed whose calls keep apart");
        self
    }

    /// Runs in both worlds; the makespan over HTTP relative to that in virtual time, less 1.
    fn excess(&self) -> f64 {
        let in_virtual = self.run(&World::Virtual, &mut |_| {});
        let over_http = self.run(&World::EmbeddedHttp, &mut |_| {});
        self.assert_same_but_for_time(&in_virtual, &over_http);
        let [one, other] = [&in_virtual, &over_http].map(|run| run.measure.makespan());
        other.as_secs_f64() / one.as_secs_f64() - 1.0
    }

    fn name(&self) -> String {
        format!("{}, {}", self.name, self.settings.strategy)
    }

    fn assert_same_but_for_time(&self, in_virtual: &Run, over_http: &Run) {
        let (one, other) = (&in_virtual.record, &over_http.record);
        let name = self.name();
        assert_eq!(one.audit.state_digest, other.audit.state_digest, "{name}");
        assert_eq!(one.calls, other.calls, "{name}");
        assert_eq!(one.records, other.records, "{name}");
        assert_eq!(one.response_ms.patch.count, other.response_ms.patch.count, "{name}");
        for endpoint in Endpoint::ALL {
            let attempts = |run: &Run| run.measure.attempts(endpoint);
            assert_eq!(attempts(in_virtual), attempts(over_http), "{name}: {}", endpoint.name());
        }
        let connections = other.performance.connections_opened;
        let workers = u64::from(self.settings.workers.get());
        assert!((1..=workers).contains(&connections), "{name}: {connections} connections");
    }
}

/// Every strategy, about four seconds each.
fn pairs() -> Vec<Pair> {
    use Strategy::{Hybrid, Parallel, PutBatch, Standard};
    let constant = |strategy, size| Pair::new("constant", CONSTANT, "plain", strategy, size);
    let varied = |dataset, strategy, size| {
        Pair::new("log-normal", LOG_NORMAL, dataset, strategy, size).with_clear_order()
    };
    vec![
        constant(Standard, [8, 2, 1]),
        constant(Parallel, [40, 2, 5]),
        constant(PutBatch, [16, 2, 5]),
        constant(Hybrid, [80, 2, 5]),
        varied("plain", Standard, [5, 2, 1]),
        varied("mixed", Parallel, [8, 2, 3]),
        varied("v-fields", PutBatch, [10, 3, 1]),
        varied("plain", Hybrid, [16, 2, 3]),
    ]
}

#[test]
fn both_worlds_make_the_same_calls_and_http_is_never_faster() {
    let pairs = pairs();
    std::thread::scope(|scope| {
        for pair in &pairs {
            scope.spawn(|| {
                let excess = pair.excess();
                assert!(excess >= -TOLERANCE, "{}: {:+.2} %", pair.name(), excess * 100.0);
            });
        }
    });
}

/// On a machine with nothing else to do.
#[test]
#[ignore = "a wall-clock bar: .ci/long runs it alone"]
fn both_worlds_take_as_long_at_service_times_of_a_tenth_of_a_second_and_more() {
    for pair in pairs() {
        let least = (0..TRIES).map(|_| pair.excess()).fold(f64::INFINITY, f64::min);
        println!("{}: {:+.2} %", pair.name(), least * 100.0);
        assert!(least.abs() <= TOLERANCE, "{}: {:+.2} %", pair.name(), least * 100.0);
    }
    // At 10 ms the overhead shows; it is what it is, and only printed.
    let short = Pair::new("10 ms", TEN_MS, "plain", Strategy::PutBatch, [25, 1, 1]);
    println!("10 ms: {:+.2} %", short.excess() * 100.0);
}
