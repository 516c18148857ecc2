//! Rehearsals: short simulations against a target made of what was observed.
//!
//! Where the cost model cannot tell the best configurations apart, each is tried a few times in
//! virtual time. The target is made of quantiles, pools and windows; nothing else is known of it.

use super::features::{EndpointFeatures, ServiceQuantiles, TargetFeatures};
use crate::experiment::{CallPattern, Candidate, CanonicalRun, Goal, grid, seeds, simulate};
use crate::stats::pareto_front;
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

/// Cost as a multiple of the best so far from which a candidate is given up.
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

/// Time, calls and refusals of a candidate: means over a few rehearsals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ParetoPoint {
    pub configuration: Candidate,
    pub makespan_s: f64,
    pub calls: f64,
    pub refused: f64,
}

impl ParetoPoint {
    fn figures(&self) -> [f64; 3] {
        [self.makespan_s, self.calls, self.refused]
    }

    fn same_as(&self, other: &Self) -> bool {
        self.figures().iter().zip(other.figures()).all(|(a, b)| a.total_cmp(&b).is_eq())
    }
}

/// Runs of each configuration for the front.
const FRONT_RUNS: u64 = 4;

/// A scenario on a target that is made of features alone.
#[derive(Clone, Debug)]
pub struct RehearsalTarget {
    scenario: Scenario,
    /// A larger part of the plan, where the scenario is a part of it.
    larger: Option<Scenario>,
    /// Accounts of the whole plan.
    resources: f64,
    goal: Goal,
    costs: BTreeMap<CanonicalRun, f64>,
    scatters: bool,
    /// Calls that were simulated.
    pub calls: u64,
}

impl RehearsalTarget {
    /// `scenario`'s plan on the target that `observed` describes.
    pub fn new(scenario: &Scenario, observed: &TargetFeatures, goal: &Goal) -> Self {
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

    /// The mean cost of `candidate`; infinite where it breaks a constraint or an audit. What is
    /// plainly dearer than `least` is soon given up.
    pub fn cost(&mut self, candidate: &Candidate, least: f64) -> f64 {
        let key = self.canonical(candidate);
        if let Some(cost) = self.costs.get(&key) {
            return *cost;
        }
        let cost = self.rehearse(candidate, least);
        self.costs.insert(key, cost);
        cost
    }

    fn canonical(&self, candidate: &Candidate) -> CanonicalRun {
        candidate.canonical(self.scenario.expected_resources(), self.scenario.mappings() as u64)
    }

    fn rehearse(&mut self, candidate: &Candidate, least: f64) -> f64 {
        let per_run = 2 * self.scenario.expected_resources() + 1;
        let calls = if self.scatters { CALLS_SCATTERED } else { CALLS };
        let fewest = if self.larger.is_some() { LEAST_PAIRS } else { RUNS.0 };
        let runs = (calls / per_run).clamp(fewest, RUNS.1);
        let (mut costs, mut sums, mut done) = (0.0, [0.0; 3], 0.0);
        for seed in seeds::first(&seeds::REHEARSAL, runs) {
            let Some(figures) = self.figures(candidate, seed) else { return f64::INFINITY };
            costs += self.cost_of(figures);
            add(&mut sums, figures);
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
    fn figures(&mut self, candidate: &Candidate, seed: u64) -> Option<[f64; 3]> {
        let settings = candidate.settings(seed, self.goal.headroom());
        let run = |scenario: &Scenario| -> Option<[f64; 3]> {
            let run = simulate(scenario, &settings, None).ok()?.figures;
            run.is_valid.then_some([run.makespan_s, run.calls as f64, run.refused as f64])
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
    pub fn front(&mut self) -> Vec<ParetoPoint> {
        let mut points: BTreeMap<CanonicalRun, ParetoPoint> = BTreeMap::new();
        for candidate in grid() {
            let key = self.canonical(&candidate);
            // With more calls and more time, one call per mapping is on no front.
            if points.contains_key(&key) || matches!(key.pattern, CallPattern::ByMapping { .. }) {
                continue;
            }
            if let Some(point) = self.point(candidate) {
                points.insert(key, point);
            }
        }
        let all: Vec<ParetoPoint> = points.into_values().collect();
        let figures: Vec<[f64; 3]> = all.iter().map(ParetoPoint::figures).collect();
        let mut front: Vec<ParetoPoint> =
            pareto_front(&figures).into_iter().map(|place| all[place]).collect();
        front.sort_by(|a, b| a.makespan_s.total_cmp(&b.makespan_s));
        // Equal points are one.
        front.dedup_by(|a, b| a.same_as(b));
        front
    }

    fn point(&mut self, candidate: Candidate) -> Option<ParetoPoint> {
        let mut sums = [0.0; 3];
        for seed in seeds::first(&seeds::REHEARSAL, FRONT_RUNS) {
            add(&mut sums, self.figures(&candidate, seed)?);
        }
        let [makespan_s, calls, refused] = sums.map(|sum| sum / FRONT_RUNS as f64);
        Some(ParetoPoint { configuration: candidate, makespan_s, calls, refused })
    }
}

fn add(sums: &mut [f64; 3], figures: [f64; 3]) {
    for (sum, figure) in sums.iter_mut().zip(figures) {
        *sum += figure;
    }
}

/// A profile that behaves as was observed.
fn profile(observed: &TargetFeatures) -> Profile {
    let pools = |kind: fn(&EndpointFeatures) -> Option<u32>| -> BTreeMap<String, u32> {
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
        evidence: None,
    };
    Profile::try_from_wire("observed", &wire).expect("what was observed makes a profile")
}

/// A law with those quantiles, each as likely.
fn law(times: &ServiceQuantiles) -> WireLaw {
    let samples = times.quantiles_s.iter().map(|seconds| text(*seconds));
    WireLaw { samples: Some(samples.collect()), ..WireLaw::named(LawName::Empirical) }
}

/// Whole nanoseconds, at least one.
fn text(seconds: f64) -> DurationText {
    DurationText(Duration::from_secs_f64(seconds.max(1e-9)))
}
