//! Fits a profile to a trace: point estimates, and posteriors to draw profiles from.

use super::calls::BURST;
use super::faults::FaultPosterior;
use super::growth::{Growth, GrowthPosterior};
use super::law::{FittedLaw, LawEstimate, LawPosterior};
use super::limit::{AdmissionLimit, InferredLimit, in_flight, infer_limit};
use super::{ProbeError, ProbeTrace};
use neon_mock::api::{Class, Endpoint};
use neon_mock::behaviour::Behaviour;
use neon_mock::file::DurationText;
use neon_mock::profile::{Profile, WireFault, WireLimits, WireProfile, WireService};
use neon_mock::rng::{Generator, stream, unit};
use neonbench_engine::event::{Attempt, Outcome};
use neonbench_engine::record::{Quantiles, ResponseMs, RunRecord};
use rand::Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The fewest answered reads that a fit needs.
pub(super) const FEWEST: usize = 3;

/// Posterior draws behind each interval.
const DRAWS: u64 = 1_000;

/// Neon's documented limits, assumed where no burst was sent.
const DOCUMENTED: u32 = 5;
const DOCUMENTED_SEARCH: u32 = 1;

/// Assumed response time of a refusal, where none was seen.
const REFUSAL: Duration = Duration::from_millis(30);

/// Limits by kind of call; null where a burst was sent and no call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FittedLimits {
    /// Reads of single accounts.
    pub get: Option<AdmissionLimit>,
    /// Writes, PATCH and PUT alike.
    pub patch: Option<AdmissionLimit>,
    /// Searches.
    pub search: Option<AdmissionLimit>,
    /// The most admitted reads in flight at once.
    pub most_reads_at_once: u32,
}

/// A target as its calls show it: posteriors of laws, growth and failures, and the limits.
#[derive(Clone, Debug)]
pub struct TargetFit {
    /// In the order of [`KINDS`].
    laws: [LawPosterior; 4],
    growth: GrowthPosterior,
    faults: FaultPosterior,
    /// Limits by kind of call.
    pub limits: FittedLimits,
    refusal: Duration,
    retry_after: Option<Duration>,
    /// Assumptions in words.
    pub assumed: Vec<String>,
    /// Number of calls behind the fit.
    pub(super) calls: usize,
}

/// The four kinds of calls that are fitted, each with its name for people, and the assumed ratio of
/// its median to that of reads where there is no call of it: that of profile `documented`.
pub(super) const KINDS: [(Class, &str, f64); 4] = [
    (Class::Get, "reads", 1.0),
    (Class::Patch, "writes", 350.0 / 250.0),
    (Class::Search, "searches", 600.0 / 250.0),
    (Class::Metadata, "look-ups", 1.0),
];

impl TargetFit {
    /// Fits a trace.
    ///
    /// Errors: fewer than three reads were answered.
    pub fn of(trace: &ProbeTrace) -> Result<Self, ProbeError> {
        let calls: Vec<&Attempt> = trace.calls.iter().collect();
        let met: Vec<usize> = in_flight(&calls).collect();
        let times = |class: Class| -> Vec<(f64, usize)> {
            let of_class = trace
                .calls
                .iter()
                .zip(&met)
                .filter(|(call, _)| call.outcome.is_ok() && kind(call.endpoint) == Some(class));
            of_class
                .map(|(call, met)| (call.done_at.nanos_since(call.sent_at) as f64, 1 + *met))
                .collect()
        };
        let reads = times(Class::Get);
        if reads.len() < FEWEST {
            return Err(ProbeError::TooFew(reads.len()));
        }
        let reads = LawPosterior::of(&reads, None, 1.0);
        let laws =
            KINDS.map(|(class, _, ratio)| LawPosterior::of(&times(class), Some(&reads), ratio));
        let scattering: Vec<_> = laws.iter().filter_map(LawPosterior::scatters).collect();
        let growth = match reads {
            LawPosterior::Constant { .. } => GrowthPosterior::steady(),
            _ => GrowthPosterior::of(&scattering),
        };
        let mut assumed = Vec::new();
        let limits = limits(trace, &mut assumed);
        let refusals = trace.calls.iter().filter(|call| call.outcome == Outcome::Rejected);
        let mut refusals: Vec<Duration> =
            refusals.map(|call| call.done_at.since(call.sent_at)).collect();
        refusals.sort_unstable();
        let refusal = refusals.get(refusals.len() / 2).copied();
        if refusal.is_none() {
            assumed.push("a refusal takes 30 ms: none was met".to_owned());
        }
        assumed.extend(assumed_times(&laws));
        Ok(Self {
            laws,
            growth,
            faults: FaultPosterior::of(&trace.calls),
            limits,
            refusal: refusal.unwrap_or(REFUSAL),
            retry_after: trace.retry_after,
            assumed,
            calls: trace.calls.len(),
        })
    }

    /// Fits the record of a run: it holds quantiles of service times, but no single calls, so limits are
    /// assumed.
    ///
    /// Errors: fewer than three reads were answered.
    pub fn of_record(record: &RunRecord) -> Result<Self, ProbeError> {
        let ResponseMs { get, patch, put, search, metadata } = record.service_ms;
        if get.count < FEWEST as u64 {
            return Err(ProbeError::TooFew(get.count as usize));
        }
        let write = if patch.count >= put.count { patch } else { put };
        let of_kinds = [get, write, search, metadata];
        let laws: [LawPosterior; 4] = std::array::from_fn(|place| {
            let Quantiles { p50, p90, count, .. } = of_kinds[place];
            LawPosterior::of_quantiles(p50 * 1e6, p90 * 1e6, count as usize, KINDS[place].2)
        });
        let mut assumed = vec![
            "limits are those that Neon documents, 5 in flight and 1 search: a record tells none"
                .to_owned(),
            "service times do not grow with the calls in flight: a record does not tell".to_owned(),
            "a refusal takes 30 ms: a record does not tell".to_owned(),
        ];
        assumed.extend(assumed_times(&laws));
        Ok(Self {
            laws,
            growth: GrowthPosterior::steady(),
            faults: FaultPosterior::counted(
                record.calls.failed,
                record.calls.total - record.calls.rejected,
            ),
            limits: documented([InferredLimit::default(); 3]),
            refusal: REFUSAL,
            retry_after: None,
            assumed,
            calls: record.calls.total as usize,
        })
    }

    /// Number of failed calls, and of calls that were not refused.
    pub const fn failed(&self) -> (u32, u32) {
        (self.faults.failed, self.faults.calls)
    }

    /// Posterior probability (0 to 1) that service times grow with the calls in flight.
    pub fn grows(&self) -> f64 {
        self.growth.grows()
    }

    /// Factor on the service time with `in_flight` calls in flight; 1 without growth.
    pub fn growth_at(&self, in_flight: usize) -> f64 {
        self.growth.point().log_factor(in_flight).exp()
    }

    /// Estimates of reads, writes, searches and look-ups, in this order, with their intervals.
    pub fn estimates(&self) -> [LawEstimate; 4] {
        let growth = self.growth.point();
        let point = self.point(growth);
        let targets: Vec<[FittedLaw; 4]> = (0..DRAWS)
            .map(|seed| {
                let mut from = stream(seed, "estimates");
                let growth = self.growth.at(unit(from.next_u64()));
                self.drawn(growth, &mut from)
            })
            .collect();
        std::array::from_fn(|place| {
            let draws: Vec<FittedLaw> = targets.iter().map(|laws| laws[place]).collect();
            LawEstimate::of(&self.laws[place], point[place], &draws)
        })
    }

    /// The profile of the point estimates, named `name`.
    pub fn profile(&self, name: &str) -> Profile {
        checked(name, &self.wire())
    }

    /// A profile drawn from the posterior with `seed`.
    pub fn draw(&self, seed: u64) -> Profile {
        let mut from = stream(seed, "what a probe leaves open");
        let growth = self.growth.at(unit(from.next_u64()));
        let laws = self.drawn(growth, &mut from);
        let share = self.faults.draw(&mut from);
        checked("drawn", &self.with(laws, growth, self.faults.wire(share)))
    }

    /// The profile of the point estimates in its wire form.
    pub(super) fn wire(&self) -> WireProfile {
        let growth = self.growth.point();
        let faults = self.faults.wire(self.faults.share());
        self.with(self.point(growth), growth, faults)
    }

    /// Point estimates in the order of [`KINDS`].
    fn point(&self, growth: Growth) -> [FittedLaw; 4] {
        let reads = self.laws[0].point(growth, None);
        self.laws.each_ref().map(|law| law.point(growth, Some(reads)))
    }

    /// One draw of each law in the order of [`KINDS`].
    fn drawn(&self, growth: Growth, from: &mut Generator) -> [FittedLaw; 4] {
        let [reads, others @ ..] = &self.laws;
        let reads = reads.draw(growth, None, from);
        let [patch, search, metadata] =
            others.each_ref().map(|law| law.draw(growth, Some(reads), from));
        [reads, patch, search, metadata]
    }

    fn with(&self, laws: [FittedLaw; 4], growth: Growth, faults: Vec<WireFault>) -> WireProfile {
        let FittedLimits { get, patch, search, .. } = self.limits;
        let named = [
            (Endpoint::GetAccount, get),
            (Endpoint::PatchAccount, patch),
            (Endpoint::PutAccount, patch),
            (Endpoint::SearchAccounts, search),
        ];
        let (mut endpoints, mut endpoints_per_second) = (BTreeMap::new(), BTreeMap::new());
        for (endpoint, limit) in named {
            match limit {
                Some(AdmissionLimit::Pool(pool)) => {
                    endpoints.insert(endpoint.name().to_owned(), pool)
                }
                Some(AdmissionLimit::PerSecond(rate)) => {
                    endpoints_per_second.insert(endpoint.name().to_owned(), rate)
                }
                None => None,
            };
        }
        let [reads, writes, searches, look_ups] = laws;
        // Profiles state it in whole seconds.
        let retry_after = self.retry_after.map(|after| {
            DurationText(Duration::from_secs(after.as_secs_f64().round().max(1.0) as u64))
        });
        WireProfile {
            schema: 1,
            description: format!("fitted to {} calls", self.calls),
            limits: WireLimits {
                endpoints,
                endpoints_per_second,
                reject_after: DurationText(self.refusal),
                retry_after,
                ..WireLimits::default()
            },
            service: WireService {
                get: reads.wire(),
                patch: writes.wire(),
                put: writes.wire(),
                search: searches.wire(),
                metadata: look_ups.wire(),
                endpoints: BTreeMap::new(),
                congestion: growth.wire(),
            },
            behaviour: Behaviour::default(),
            faults,
            staff: None,
        }
    }
}

/// One assumption in words for each kind without a call.
fn assumed_times(laws: &[LawPosterior; 4]) -> impl Iterator<Item = String> {
    KINDS.iter().zip(laws).filter_map(|((class, name, _), posterior)| match posterior {
        LawPosterior::Assumed { ratio } => Some(format!(
            "{name} take {ratio} times as long as reads (2/3 to 3/2 of that): no {} was made",
            class.name()
        )),
        _ => None,
    })
}

fn checked(name: &str, wire: &WireProfile) -> Profile {
    Profile::try_from_wire(name, wire).expect("a fit is a valid profile")
}

/// The kind that calls of `endpoint` are fitted as; `None` for endpoints that a migration does not call.
fn kind(endpoint: Endpoint) -> Option<Class> {
    match endpoint {
        Endpoint::GetAccount => Some(Class::Get),
        Endpoint::PatchAccount | Endpoint::PutAccount => Some(Class::Patch),
        Endpoint::SearchAccounts => Some(Class::Search),
        Endpoint::ListCustomFields => Some(Class::Metadata),
        _ => None,
    }
}

/// Limits by kind of call; adds each assumption to `assumed`.
fn limits(trace: &ProbeTrace, assumed: &mut Vec<String>) -> FittedLimits {
    let of = |endpoint: Endpoint| infer_limit(&trace.of(endpoint).collect::<Vec<_>>());
    let (get, search) = (of(Endpoint::GetAccount), of(Endpoint::SearchAccounts));
    let write = if trace.of(Endpoint::PutAccount).next().is_some() {
        Endpoint::PutAccount
    } else {
        Endpoint::PatchAccount
    };
    let patch = of(write);
    if !trace.looked_for_limits && get.limit.is_none() {
        assumed.push("limits are those that Neon documents, 5 in flight and 1 search: they were not looked for".to_owned());
        return documented([get, patch, search]);
    }
    if get.limit.is_some() && !get.is_unambiguous {
        assumed.push(
            "what limits reads is calls in flight: the calls do not tell that from calls a second"
                .to_owned(),
        );
    }
    FittedLimits {
        get: get.limit,
        patch: of_writes(&get, &patch, assumed),
        search: of_searches(&get, &search),
        most_reads_at_once: get.most_in_flight,
    }
}

/// The inferred limits of reads, writes and searches, each else the documented pool, unless more calls
/// were in flight.
fn documented([get, patch, search]: [InferredLimit; 3]) -> FittedLimits {
    let pool = |bound: InferredLimit, pool| {
        bound.limit.or((bound.most_in_flight <= pool).then_some(AdmissionLimit::Pool(pool)))
    };
    FittedLimits {
        get: pool(get, DOCUMENTED),
        patch: pool(patch, DOCUMENTED),
        search: pool(search, DOCUMENTED_SEARCH),
        most_reads_at_once: get.most_in_flight,
    }
}

/// The limit of writes: inferred if writes were refused; the most admitted if that exceeds the pool of
/// reads; else the limit of reads.
fn of_writes(
    get: &InferredLimit,
    patch: &InferredLimit,
    assumed: &mut Vec<String>,
) -> Option<AdmissionLimit> {
    if let (Some(limit), true) = (patch.limit, patch.is_unambiguous) {
        return Some(limit);
    }
    match (patch.limit, get.limit) {
        // Ambiguous: of the same kind as the limit of reads.
        (
            Some(AdmissionLimit::Pool(most) | AdmissionLimit::PerSecond(most)),
            Some(AdmissionLimit::PerSecond(_)),
        ) => Some(AdmissionLimit::PerSecond(most)),
        (Some(limit), _) => Some(limit),
        (None, Some(AdmissionLimit::Pool(pool))) if patch.most_in_flight > pool => {
            let most = patch.most_in_flight;
            assumed.push(format!(
                "{most} writes in flight are all: they were admitted, more were not tried"
            ));
            Some(AdmissionLimit::Pool(most))
        }
        (None, limit) => {
            assumed.push("writes are limited as reads are: none was refused".to_owned());
            limit
        }
    }
}

/// The limit of searches. A burst of two shows a limit of one.
fn of_searches(get: &InferredLimit, search: &InferredLimit) -> Option<AdmissionLimit> {
    match (search.limit, get.limit) {
        (Some(AdmissionLimit::Pool(most)), Some(AdmissionLimit::PerSecond(_)))
            if !search.is_unambiguous =>
        {
            Some(AdmissionLimit::PerSecond(most))
        }
        (limit, _) => limit,
    }
}

impl FittedLimits {
    /// `limit` in words, where at most `most` calls were in flight at once.
    pub(super) fn words(limit: Option<AdmissionLimit>, most: u32) -> String {
        match limit {
            Some(AdmissionLimit::Pool(pool)) => format!("{pool} calls in flight"),
            Some(AdmissionLimit::PerSecond(rate)) => format!("{rate} calls a second"),
            None if most >= BURST => format!("none found: {most} at once were admitted"),
            None => "none found".to_owned(),
        }
    }

    /// Limits of reads, writes and searches, each with its name, in words.
    pub fn in_words(&self) -> [(&'static str, String); 3] {
        [
            ("reads", Self::words(self.get, self.most_reads_at_once)),
            ("writes", Self::words(self.patch, 0)),
            ("searches", Self::words(self.search, 0)),
        ]
    }
}
