//! Fits a profile to a trace: point estimates, and posteriors to draw profiles from.

use super::edits::SeenEdits;
use super::evidence;
use super::faults::{FaultPosterior, PRIOR_KIND, PRIOR_KIND_OF_RUN};
use super::growth::{Growth, GrowthPosterior};
use super::law::{AssumedRatio, FittedLaw, LawEstimate, LawPosterior};
use super::limit::{in_flight, infer_limit};
use super::limits::{DrawnLimits, FittedLimits, KindLimits, LimitsByKind, LimitsPosterior};
use super::{ProbeError, ProbeTrace};
use neon_mock::api::{Class, Endpoint};
use neon_mock::behaviour::Behaviour;
use neon_mock::bounds::{EDITS_PER_S, LIMIT, TIME};
use neon_mock::file::DurationText;
use neon_mock::limit::Scope;
use neon_mock::profile::{
    Profile, WireEvidence, WireFault, WireLimits, WireProfile, WireQuantiles, WireService,
};
use neon_mock::rng::{Generator, stream, unit};
use neon_mock::staff::WireStaff;
use neonbench_engine::event::{Attempt, Outcome};
use neonbench_engine::record::{Quantiles, ResponseMs, RunRecord};
use rand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;

/// The fewest answered reads that a fit needs.
pub(super) const FEWEST: usize = 3;

/// Posterior draws behind each interval.
const DRAWS: u64 = 1_000;

/// Calls that are fitted at most, the first of a longer recording.
const MOST_FITTED: usize = 2_000;

/// Assumed response time of a refusal, where none was seen.
const REFUSAL: Duration = Duration::from_millis(30);

/// Probability that refusals ask for a wait (`Retry-After`), where none was met; and the shortest and the longest
/// such wait, in seconds. Beyond what was admitted a client that tries one call more pays for it.
const PRIOR_RETRY_AFTER: f64 = 0.5;
const RETRY_AFTER_S: [f64; 2] = [1.0, 8.0];

/// Edits per second of others at most, and the time from opening an account to saving it, where others
/// are drawn.
const MOST_EDITS_PER_S: f64 = 2.0;
const THINK: Duration = Duration::from_secs(5);

/// A target as its calls show it: posteriors of laws, growth and failures, and the limits.
#[derive(Clone, Debug)]
pub struct TargetFit {
    /// In the order of [`KINDS`].
    laws: [LawPosterior; 4],
    growth: GrowthPosterior,
    faults: FaultPosterior,
    left_open: LimitsPosterior,
    /// Edits of others while the calls lasted; `None` where nobody looked.
    edits: Option<SeenEdits>,
    /// Limits by kind of call: the point estimates.
    pub limits: FittedLimits,
    refusal: Duration,
    retry_after: Option<Duration>,
    /// Assumptions in words.
    pub assumed: Vec<String>,
    /// Limits that the calls cannot show, in words.
    pub not_shown: Vec<String>,
    /// Number of calls behind the fit.
    pub(super) calls: usize,
    /// The observations, without the digest of the profile.
    evidence: WireEvidence,
}

/// The four kinds of calls that are fitted, each with its name for people, and the prior of the ratio
/// of its times to those of reads where there is no call of it.
///
/// The medians are those of profile `documented`; the spread covers servers on which a write takes as
/// long as a third of a read, and as three.
pub(super) const KINDS: [(Class, &str, AssumedRatio); 4] = [
    (Class::Get, "reads", AssumedRatio { quantiles: [1.0, 1.0, 1.0] }),
    (Class::Patch, "writes", AssumedRatio { quantiles: [0.12, 350.0 / 250.0, 3.0] }),
    (Class::Search, "searches", AssumedRatio { quantiles: [0.5, 600.0 / 250.0, 10.0] }),
    (Class::Metadata, "look-ups", AssumedRatio { quantiles: [0.4, 1.0, 2.5] }),
];

impl TargetFit {
    /// Fits a trace, or its first 2,000 calls.
    ///
    /// Errors: fewer than three reads were answered.
    pub fn of(trace: &ProbeTrace) -> Result<Self, ProbeError> {
        Self::of_calls(trace, false)
    }

    /// Fits the calls of a run under way, after those of its probe: what nothing else explains is put down to others.
    ///
    /// Errors: fewer than three reads were answered.
    pub fn of_run(trace: &ProbeTrace) -> Result<Self, ProbeError> {
        Self::of_calls(trace, true)
    }

    fn of_calls(trace: &ProbeTrace, is_of_run: bool) -> Result<Self, ProbeError> {
        if trace.calls.len() > MOST_FITTED {
            let calls = trace.calls[..MOST_FITTED].to_vec();
            let mut fit = Self::of_calls(&ProbeTrace { calls, ..trace.clone() }, is_of_run)?;
            let all = trace.calls.len();
            fit.assumed.push(format!("the first {MOST_FITTED} of {all} calls stand for all"));
            return Ok(fit);
        }
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
        let reads = LawPosterior::of(&reads, None, KINDS[0].2);
        let laws =
            KINDS.map(|(class, _, ratio)| LawPosterior::of(&times(class), Some(&reads), ratio));
        let scattering: Vec<_> = laws.iter().filter_map(LawPosterior::scatters).collect();
        let growth = match reads {
            LawPosterior::Constant { .. } => GrowthPosterior::steady(),
            _ => GrowthPosterior::of(&scattering),
        };
        let laws = laws.map(|law| law.looked_at(growth.point()));
        let left_open = LimitsPosterior { is_of_run, ..left_open(trace) };
        let prior_kind = if is_of_run { PRIOR_KIND_OF_RUN } else { PRIOR_KIND };
        let mut assumed = Vec::new();
        let limits = if trace.looked_for_limits || left_open.get.limit.is_some() {
            left_open.looked_for(&mut assumed)
        } else {
            assumed.push(
                "limits are those that Neon documents, 5 in flight and 1 search: they were not \
                 looked for"
                    .to_owned(),
            );
            left_open.documented()
        };
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
            faults: FaultPosterior::of(&trace.calls, prior_kind),
            left_open,
            edits: trace.edits,
            limits,
            refusal: refusal.unwrap_or(REFUSAL),
            retry_after: trace.retry_after,
            assumed,
            not_shown: left_open.not_shown(),
            calls: trace.calls.len(),
            evidence: evidence::of_trace(trace),
        })
    }

    /// Fits the record of a run: it holds quantiles of service times, but no single calls, so limits are
    /// assumed.
    ///
    /// Errors: fewer than three reads were answered.
    pub fn of_record(record: &RunRecord) -> Result<Self, ProbeError> {
        let ResponseMs { get, patch, put, search, metadata } = record.service_ms;
        let write = if patch.count >= put.count { patch } else { put };
        let quantiles = |((class, ..), of_kind): (&(Class, &str, AssumedRatio), Quantiles)| {
            let Quantiles { p50, p90, count, .. } = of_kind;
            let class = class.name().to_owned();
            WireQuantiles { class, p50_ms: p50, p90_ms: p90, calls: count }
        };
        Self::of_quantiles(&WireEvidence {
            quantiles: KINDS.iter().zip([get, write, search, metadata]).map(quantiles).collect(),
            admitted: record.calls.total - record.calls.rejected,
            failed: record.calls.failed,
            ..WireEvidence::default()
        })
    }

    /// Fits the quantiles of a run's calls.
    pub(super) fn of_quantiles(evidence: &WireEvidence) -> Result<Self, ProbeError> {
        let of_class = |class: Class| {
            evidence.quantiles.iter().find(|quantiles| quantiles.class == class.name())
        };
        let reads = of_class(Class::Get).map_or(0, |quantiles| quantiles.calls) as usize;
        if reads < FEWEST {
            return Err(ProbeError::TooFew(reads));
        }
        let laws = KINDS.map(|(class, _, ratio)| {
            let [p50_ns, p90_ns, calls] = of_class(class).map_or([0.0; 3], |quantiles| {
                [quantiles.p50_ms * 1e6, quantiles.p90_ms * 1e6, quantiles.calls as f64]
            });
            LawPosterior::of_quantiles(p50_ns, p90_ns, calls as usize, ratio)
        });
        let mut assumed = vec![
            "limits are those that Neon documents, 5 in flight and 1 search: a record tells none"
                .to_owned(),
            "service times do not grow with the calls in flight: a record does not tell".to_owned(),
            "a refusal takes 30 ms: a record does not tell".to_owned(),
        ];
        assumed.extend(assumed_times(&laws));
        let left_open = LimitsPosterior::default();
        Ok(Self {
            laws,
            growth: GrowthPosterior::steady(),
            faults: FaultPosterior::counted(evidence.failed, evidence.admitted),
            left_open,
            edits: None,
            limits: left_open.documented(),
            refusal: REFUSAL,
            retry_after: None,
            assumed,
            not_shown: vec!["the record of a run does not show limits".to_owned()],
            calls: evidence.admitted as usize,
            evidence: evidence.clone(),
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

    /// True if a write was seen: its law is not assumed.
    pub const fn saw_writes(&self) -> bool {
        !matches!(self.laws[1], LawPosterior::Assumed(_))
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
            let draws: Vec<FittedLaw> = targets.iter().map(|laws| laws[place].clone()).collect();
            LawEstimate::of(&self.laws[place], &point[place], &draws)
        })
    }

    /// The profile of the point estimates, named `name`, with its evidence.
    pub fn profile(&self, name: &str) -> Profile {
        checked(name, &self.wire())
    }

    /// A profile drawn from the posterior with `seed`.
    pub fn draw(&self, seed: u64) -> Profile {
        self.drawn_as("drawn", seed)
    }

    /// The same, named `name`.
    pub(super) fn drawn_as(&self, name: &str, seed: u64) -> Profile {
        let mut from = stream(seed, "what a probe leaves open");
        let growth = self.growth.at(unit(from.next_u64()));
        let laws = self.drawn(growth, &mut from);
        let share = self.faults.draw(&mut from);
        let DrawnLimits { limits, scope, held } = self.left_open.draw(&mut from);
        let mut wire = self.with(&laws, growth, self.faults.wire(share), limits);
        wire.limits.scope = Some(scope);
        if scope == Scope::Organisation {
            share_among_all(&mut wire.limits);
        }
        wire.staff = self.colleagues(held, &laws, seed);
        let [asks, wait] = [(); 2].map(|()| unit(from.next_u64()));
        if !self.left_open.was_refused() && asks < PRIOR_RETRY_AFTER {
            let [least_s, most_s] = RETRY_AFTER_S;
            let wait_s = (least_s * (most_s / least_s).powf(wait)).round();
            wire.limits.retry_after = Some(DurationText(Duration::from_secs_f64(wait_s)));
        }
        checked(name, &wire)
    }

    /// The colleagues of a draw, who hold so many places of the pools of reads and writes in the mean; none where they
    /// hold none, unless their edits were seen.
    fn colleagues(&self, held: [f64; 2], laws: &[FittedLaw; 4], seed: u64) -> Option<WireStaff> {
        let [reads, writes, ..] = laws;
        let per_s = |held: f64, law: &FittedLaw| held / (law.figures()[0] / 1e9);
        let holding_per_s = (per_s(held[0], reads) + per_s(held[1], writes)).min(MOST_EDITS_PER_S);
        let edits_per_s = self.edits.map_or(holding_per_s, |seen| {
            seen.draw(holding_per_s, &mut stream(seed, "edits that a probe saw"))
        });
        EDITS_PER_S.check(edits_per_s).ok().map(colleagues_at)
    }

    /// The profile of the point estimates in its wire form, with its evidence.
    pub(super) fn wire(&self) -> WireProfile {
        let growth = self.growth.point();
        let faults = self.faults.wire(self.faults.share());
        let mut wire = self.with(&self.point(growth), growth, faults, self.limits.into());
        wire.staff = self.edits.and_then(SeenEdits::per_s).map(colleagues_at);
        let digest = checked("fitted", &wire).digest().to_owned();
        wire.evidence = Some(WireEvidence { digest, ..self.evidence.clone() });
        wire
    }

    /// Point estimates in the order of [`KINDS`].
    fn point(&self, growth: Growth) -> [FittedLaw; 4] {
        let reads = self.laws[0].point(growth, None);
        self.laws.each_ref().map(|law| law.point(growth, Some(&reads)))
    }

    /// One draw of each law in the order of [`KINDS`].
    fn drawn(&self, growth: Growth, from: &mut Generator) -> [FittedLaw; 4] {
        let [reads, others @ ..] = &self.laws;
        let reads = reads.draw(growth, None, from);
        let [patch, search, metadata] =
            others.each_ref().map(|law| law.draw(growth, Some(&reads), from));
        [reads, patch, search, metadata]
    }

    fn with(
        &self,
        laws: &[FittedLaw; 4],
        growth: Growth,
        faults: Vec<WireFault>,
        limits: LimitsByKind,
    ) -> WireProfile {
        let LimitsByKind { get, patch, search } = limits;
        let named = [
            (Endpoint::GetAccount, get),
            (Endpoint::PatchAccount, patch),
            (Endpoint::PutAccount, patch),
            (Endpoint::SearchAccounts, search),
        ];
        let (mut endpoints, mut endpoints_per_second) = (BTreeMap::new(), BTreeMap::new());
        for (endpoint, limit) in named {
            let KindLimits { pool, per_second } = limit;
            let name = || endpoint.name().to_owned();
            endpoints.extend(pool.map(|pool| (name(), LIMIT.clamp(pool))));
            endpoints_per_second.extend(per_second.map(|rate| (name(), LIMIT.clamp(rate))));
        }
        let [reads, writes, searches, look_ups] = laws;
        // Profiles state it in whole seconds.
        let retry_after = self.retry_after.map(|after| {
            let after = TIME.clamp(after);
            DurationText(Duration::from_secs(after.as_secs_f64().round().max(1.0) as u64))
        });
        WireProfile {
            schema: 1,
            description: format!("fitted to {} calls", self.calls),
            limits: WireLimits {
                endpoints,
                endpoints_per_second,
                reject_after: DurationText(TIME.clamp(self.refusal)),
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
            integration: None,
            evidence: None,
        }
    }
}

/// One assumption in words for each kind without a call, and for each law that is not log-normal.
fn assumed_times(laws: &[LawPosterior; 4]) -> impl Iterator<Item = String> {
    KINDS.iter().zip(laws).filter_map(|((class, name, _), posterior)| match posterior {
        LawPosterior::Assumed(AssumedRatio { quantiles: [low, ratio, high] }) => Some(format!(
            "{name} take {ratio} times as long as reads, or nine times of ten {low} to {high} times: no {} \
             was made",
            class.name()
        )),
        posterior if posterior.is_of_times() => Some(format!(
            "{name} take the times that were seen, and no other: they are not log-normal"
        )),
        _ => None,
    })
}

/// One limit of all calls instead of one of each kind.
fn share_among_all(limits: &mut WireLimits) {
    let one = |of_kinds: &mut BTreeMap<String, u32>| std::mem::take(of_kinds).into_values().next();
    limits.pool = one(&mut limits.endpoints);
    limits.per_second = one(&mut limits.endpoints_per_second);
}

/// Colleagues who open so many accounts per second.
fn colleagues_at(edits_per_s: f64) -> WireStaff {
    WireStaff { edits_per_s, skew: 0.0, think: DurationText(THINK), fields: Vec::new() }
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

/// The evidence on limits.
fn left_open(trace: &ProbeTrace) -> LimitsPosterior {
    let calls_of = |is_meant: &dyn Fn(Endpoint) -> bool| -> Vec<&Attempt> {
        trace.calls.iter().filter(|call| is_meant(call.endpoint)).collect()
    };
    let has_others = trace.edits.is_some_and(|seen| seen.accounts > 0);
    let of = |is_meant: &dyn Fn(Endpoint) -> bool| infer_limit(&[&calls_of(is_meant)], has_others);
    let write = if trace.of(Endpoint::PutAccount).next().is_some() {
        Endpoint::PutAccount
    } else {
        Endpoint::PatchAccount
    };
    let reads = calls_of(&|it| it == Endpoint::GetAccount);
    let writes = calls_of(&|it| it == write);
    LimitsPosterior {
        get: infer_limit(&[&reads], has_others),
        patch: infer_limit(&[&writes], has_others),
        alike: infer_limit(&[&reads, &writes], has_others),
        search: of(&|it| it == Endpoint::SearchAccounts),
        of_accounts: of(&|it| matches!(kind(it), Some(Class::Get | Class::Patch))),
        of_all: of(&|_| true),
        has_others,
        is_of_run: false,
    }
}
