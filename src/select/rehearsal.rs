//! Rehearsals: short simulations against a target made of what was observed.
//!
//! Where the cost model cannot tell the best configurations apart, each is tried a few times in
//! virtual time. The target is made of quantiles, pools and windows; nothing else is known of it.

use super::configuration::{Behaviour as Alike, Configuration, grid};
use super::objective::Goal;
use super::observed::{Kind, Observed, Times};
use super::simulate::simulate;
use neon_mock::behaviour::Behaviour;
use neon_mock::fault::FaultKind;
use neon_mock::file::DurationText;
use neon_mock::limit::Scope;
use neon_mock::profile::{
    LawName, Profile, WireCongestion, WireFault, WireLaw, WireLimits, WireProfile, WireService,
};
use neon_mock::staff::WireStaff;
use neonbench_engine::scenario::Scenario;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls that a configuration is tried for.
const CALLS: u64 = 4_000;

/// The same where calls are counted by the second, or go wrong: costs scatter more there.
const CALLS_SCATTERED: u64 = 8_000;

/// Runs that a configuration is tried for, at least and at most.
const RUNS: (u64, u64) = (4, 150);

/// What costs so many times as much as the best so far is given up.
const PLAINLY_DEARER: f64 = 1.4;

/// Accounts beyond which a rehearsal is of a part of the plan, and of a larger part: what the larger
/// takes beyond the smaller goes on for the rest of the plan. So what a run takes once, such as
/// the refusals that find a limit, is counted once.
const MOST_ACCOUNTS: u64 = 400;
const LARGER: u64 = 3 * MOST_ACCOUNTS;

/// Runs that such a pair of parts is tried for, at least: differences scatter more than sums.
const LEAST_PAIRS: u64 = 8;

/// Seconds for which other users have an account open: short, since none is open when a rehearsal
/// begins, and people at work have some open at any moment.
const THINK_S: f64 = 0.3;

/// Seed of the first rehearsal: no user's.
const FIRST_SEED: u64 = 7_000_001;

/// What a configuration takes, as a trade between time, calls and refusals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct FrontPoint {
    pub configuration: Configuration,
    pub makespan_s: f64,
    pub calls: f64,
    pub refused: f64,
}

impl FrontPoint {
    fn figures(&self) -> [f64; 3] {
        [self.makespan_s, self.calls, self.refused]
    }

    fn same_as(&self, other: &Self) -> bool {
        self.figures().iter().zip(other.figures()).all(|(a, b)| a.total_cmp(&b).is_eq())
    }

    /// Whether it is as good in all and better in something.
    fn beats(&self, other: &Self) -> bool {
        let as_good = self.figures().iter().zip(other.figures()).all(|(a, b)| *a <= b);
        as_good && !self.same_as(other)
    }
}

/// Runs of each configuration for the front.
const FRONT_RUNS: u64 = 4;

/// A scenario in front of a target that was observed.
#[derive(Clone, Debug)]
pub struct Stage {
    scenario: Scenario,
    /// A larger part of the plan, where the scenario is a part of it.
    larger: Option<Scenario>,
    /// Accounts of the whole plan.
    resources: f64,
    goal: Goal,
    costs: BTreeMap<Alike, f64>,
    scatters: bool,
    /// Calls that were simulated.
    pub calls: u64,
}

impl Stage {
    /// `scenario`'s plan on the target that `observed` describes.
    pub fn new(scenario: &Scenario, observed: &Observed, goal: &Goal) -> Self {
        let part = |most| {
            let mut part = scenario.part(most);
            part.profile = profile(observed);
            part
        };
        let resources = scenario.expected_resources();
        Self {
            scenario: part(MOST_ACCOUNTS),
            larger: (resources > MOST_ACCOUNTS).then(|| part(LARGER)),
            resources: resources as f64,
            goal: goal.clone(),
            costs: BTreeMap::new(),
            scatters: observed.has_windows() || observed.goes_wrong(),
            calls: 0,
        }
    }

    /// The mean cost of `configuration`; infinite where it breaks a constraint or an audit. What is
    /// plainly dearer than `least` is soon given up.
    pub fn cost(&mut self, configuration: &Configuration, least: f64) -> f64 {
        let (resources, mappings) =
            (self.scenario.expected_resources(), self.scenario.mappings() as u64);
        let behaviour = configuration.behaviour(resources, mappings);
        if let Some(cost) = self.costs.get(&behaviour) {
            return *cost;
        }
        let cost = self.rehearse(configuration, least);
        self.costs.insert(behaviour, cost);
        cost
    }

    fn rehearse(&mut self, configuration: &Configuration, least: f64) -> f64 {
        let per_run = 2 * self.scenario.expected_resources() + 1;
        let calls = if self.scatters { CALLS_SCATTERED } else { CALLS };
        let fewest = if self.larger.is_some() { LEAST_PAIRS } else { RUNS.0 };
        let runs = (calls / per_run).clamp(fewest, RUNS.1);
        let (mut costs, mut sums, mut done) = (0.0, [0.0; 3], 0.0);
        for seed in FIRST_SEED..FIRST_SEED + runs {
            let Some(figures) = self.figures(configuration, seed) else { return f64::INFINITY };
            costs += self.cost_of(figures);
            for (sum, figure) in sums.iter_mut().zip(figures) {
                *sum += figure;
            }
            done += 1.0;
            let is_told = done >= (runs as f64 / 4.0).max(2.0);
            if is_told && self.mean_cost(costs, sums, done) > PLAINLY_DEARER * least {
                break;
            }
        }
        let [_, calls, refused] = sums;
        let tolerated = self.goal.tolerates(refused / calls);
        if tolerated { self.mean_cost(costs, sums, done) } else { f64::INFINITY }
    }

    /// The mean of `costs`; of a part of a plan that of the mean figures, since what refusals cost
    /// beyond a handful would take the scatter of each difference for a cost.
    fn mean_cost(&self, costs: f64, sums: [f64; 3], runs: f64) -> f64 {
        match self.larger {
            Some(_) => self.cost_of(sums.map(|sum| sum / runs)),
            None => costs / runs,
        }
    }

    fn cost_of(&self, [makespan_s, calls, refused]: [f64; 3]) -> f64 {
        self.goal.objective.cost(makespan_s, calls, refused)
    }

    /// Makespan in seconds, calls and refusals of the whole plan; `None` where a run cannot be made
    /// here, or fails its audit: that is no choice, and whoever asks has others.
    fn figures(&mut self, configuration: &Configuration, seed: u64) -> Option<[f64; 3]> {
        let settings = configuration.settings(seed, self.goal.headroom());
        let run = |scenario: &Scenario| -> Option<[f64; 3]> {
            let sample = simulate(scenario, &settings, None).ok().filter(|sample| sample.valid)?;
            Some([sample.makespan_s, sample.calls as f64, sample.refused as f64])
        };
        let part = run(&self.scenario)?;
        self.calls += part[1] as u64;
        let Some(larger) = &self.larger else { return Some(part) };
        let more = run(larger)?;
        self.calls += more[1] as u64;
        let (few, many) = (self.scenario.expected_resources(), larger.expected_resources());
        let rest = (self.resources - many as f64) / (many - few).max(1) as f64;
        Some(std::array::from_fn(|it| (more[it] + (more[it] - part[it]) * rest).max(0.0)))
    }

    /// Every configuration that no other beats in time, calls and refusals together, fastest first:
    /// means of a few rehearsals each.
    pub fn front(&mut self) -> Vec<FrontPoint> {
        let (resources, mappings) =
            (self.scenario.expected_resources(), self.scenario.mappings() as u64);
        let mut points: BTreeMap<Alike, FrontPoint> = BTreeMap::new();
        for configuration in grid() {
            let alike = configuration.behaviour(resources, mappings);
            // With more calls and more time, one call a mapping is on no front.
            if points.contains_key(&alike) || matches!(alike, Alike::ByMapping { .. }) {
                continue;
            }
            if let Some(point) = self.point(configuration) {
                points.insert(alike, point);
            }
        }
        let all: Vec<FrontPoint> = points.into_values().collect();
        let is_beaten = |point: &FrontPoint| all.iter().any(|other| other.beats(point));
        let mut front: Vec<FrontPoint> =
            all.iter().filter(|point| !is_beaten(point)).copied().collect();
        front.sort_by(|a, b| a.makespan_s.total_cmp(&b.makespan_s));
        // Those that differ in nothing are one.
        front.dedup_by(|a, b| a.same_as(b));
        front
    }

    fn point(&mut self, configuration: Configuration) -> Option<FrontPoint> {
        let mut sums = [0.0; 3];
        for seed in FIRST_SEED..FIRST_SEED + FRONT_RUNS {
            let figures = self.figures(&configuration, seed)?;
            for (sum, figure) in sums.iter_mut().zip(figures) {
                *sum += figure;
            }
        }
        let [makespan_s, calls, refused] = sums.map(|sum| sum / FRONT_RUNS as f64);
        Some(FrontPoint { configuration, makespan_s, calls, refused })
    }
}

/// A profile that behaves as was observed.
fn profile(observed: &Observed) -> Profile {
    let pools = |kind: fn(&Kind) -> Option<u32>| -> BTreeMap<String, u32> {
        let named = [
            ("GET /accounts/{id}", &observed.get),
            ("PATCH /accounts/{id}", &observed.patch),
            ("POST /accounts/search", &observed.search),
        ];
        let known = named.into_iter().filter_map(|(name, of)| Some((name.to_owned(), kind(of)?)));
        known.collect()
    };
    let faults = [
        (FaultKind::Unavailable, observed.failing),
        (FaultKind::GatewayTimeout, observed.ambiguous),
        (FaultKind::SlowBody, observed.dripping),
    ];
    let faults = faults.into_iter().filter(|(_, share)| *share > 0.0);
    let faults = faults.map(|(kind, share)| WireFault {
        kind: Some(kind),
        share: Some(share),
        ..WireFault::default()
    });
    let congested = observed.contention > 0.0 || observed.coherency > 0.0;
    let wire = WireProfile {
        schema: 1,
        description: String::new(),
        limits: WireLimits {
            endpoints: pools(|kind| kind.pool),
            endpoints_per_second: pools(|kind| kind.per_second),
            reject_after: text(observed.refusal_s),
            scope: observed.shared.then_some(Scope::Template),
            ..WireLimits::default()
        },
        service: WireService {
            get: law(&observed.get.times),
            patch: law(&observed.patch.times),
            put: law(&observed.patch.times),
            search: law(&observed.search.times),
            metadata: law(&observed.metadata.times),
            endpoints: BTreeMap::new(),
            congestion: congested.then(|| WireCongestion {
                contention: observed.contention.clamp(0.0, 1.0),
                coherency: observed.coherency.clamp(0.0, 1.0),
            }),
        },
        behaviour: Behaviour::default(),
        faults: faults.collect(),
        staff: (observed.others_per_s > 0.0).then(|| WireStaff {
            edits_per_s: observed.others_per_s,
            skew: 0.0,
            think: text(THINK_S),
            fields: Vec::new(),
        }),
    };
    Profile::try_from_wire("observed", &wire).expect("what was observed makes a profile")
}

/// A law with those quantiles, each as likely.
fn law(times: &Times) -> WireLaw {
    let samples = times.quantiles_s.iter().map(|seconds| text(*seconds));
    WireLaw { samples: Some(samples.collect()), ..WireLaw::named(LawName::Empirical) }
}

/// Whole nanoseconds, at least one.
fn text(seconds: f64) -> DurationText {
    DurationText(Duration::from_secs_f64(seconds.max(1e-9)))
}
