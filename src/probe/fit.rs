//! A profile from what was seen, and what the calls leave open of it.

use super::bound::{Bound, Limit, bound};
use super::calls::CROWD;
use super::faults::Faults;
use super::growth::{Growth, Posterior};
use super::law::{Estimate, Law, Told};
use super::{ProbeError, Seen};
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

/// Reads of accounts without which nothing can be said.
pub(super) const FEWEST: usize = 3;

/// Laws that intervals are taken of.
const DRAWS: u64 = 1_000;

/// Ratios of medians to that of reads, assumed where there is no call of a kind: those of profile
/// `documented`.
const WRITES: f64 = 350.0 / 250.0;
const SEARCHES: f64 = 600.0 / 250.0;
const LOOK_UPS: f64 = 1.0;

/// Neon's documented limits, assumed where none were looked for.
const DOCUMENTED: u32 = 5;
const DOCUMENTED_SEARCH: u32 = 1;

/// How long a refusal takes where none was seen, assumed.
const REFUSAL: Duration = Duration::from_millis(30);

/// What is admitted; null where calls were sent at once and none was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "one member an endpoint")]
pub struct Limits {
    pub get: Option<Limit>,
    pub patch: Option<Limit>,
    pub search: Option<Limit>,
    /// Reads that were sent at once, at most.
    pub most_reads_at_once: u32,
}

/// A target as calls show it.
#[derive(Clone, Debug)]
pub struct Fit {
    get: Told,
    patch: Told,
    search: Told,
    metadata: Told,
    growth: Posterior,
    faults: Faults,
    limits: Limits,
    refusal: Duration,
    retry_after: Option<Duration>,
    /// What was not seen, in words.
    assumed: Vec<String>,
    calls: usize,
}

/// The laws of one target, by class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laws {
    get: Law,
    patch: Law,
    search: Law,
    metadata: Law,
}

/// What calls of four kinds tell, each with a name in words.
pub(super) const KINDS: [(Class, &str); 4] = [
    (Class::Get, "reads"),
    (Class::Patch, "writes"),
    (Class::Search, "searches"),
    (Class::Metadata, "look-ups"),
];

impl Fit {
    /// What `seen` tells.
    ///
    /// Errors: too few reads were answered.
    pub fn of(seen: &Seen) -> Result<Self, ProbeError> {
        let met = in_flight(&seen.calls);
        let times = |class: Class| -> Vec<(f64, usize)> {
            let of_class = seen
                .calls
                .iter()
                .zip(&met)
                .filter(|(call, _)| call.outcome.is_ok() && kind(call.endpoint) == Some(class));
            of_class
                .map(|(call, met)| (call.done_at.nanos_since(call.sent_at) as f64, *met))
                .collect()
        };
        let reads = times(Class::Get);
        if reads.len() < FEWEST {
            return Err(ProbeError::TooFew(reads.len()));
        }
        let get = Told::of(&reads, None, 1.0);
        let told = |class, ratio| Told::of(&times(class), Some(&get), ratio);
        let patch = told(Class::Patch, WRITES);
        let search = told(Class::Search, SEARCHES);
        let metadata = told(Class::Metadata, LOOK_UPS);
        let scattering: Vec<_> =
            [&get, &patch, &search, &metadata].into_iter().filter_map(Told::scatters).collect();
        let growth = match get {
            Told::Constant { .. } => Posterior::steady(),
            _ => Posterior::of(&scattering),
        };
        let mut assumed = Vec::new();
        let limits = limits(seen, &mut assumed);
        let refusals = seen.calls.iter().filter(|call| call.outcome == Outcome::Rejected);
        let mut refusals: Vec<Duration> =
            refusals.map(|call| call.done_at.since(call.sent_at)).collect();
        refusals.sort_unstable();
        let refusal = refusals.get(refusals.len() / 2).copied();
        if refusal.is_none() {
            assumed.push("a refusal takes 30 ms: none was met".to_owned());
        }
        let fit = Self {
            get,
            patch,
            search,
            metadata,
            growth,
            faults: Faults::of(&seen.calls),
            limits,
            refusal: refusal.unwrap_or(REFUSAL),
            retry_after: seen.retry_after,
            assumed: Vec::new(),
            calls: seen.calls.len(),
        };
        assumed.extend(fit.assumed_times());
        Ok(Self { assumed, ..fit })
    }

    /// What the record of a run tells: quantiles of its service times, which were kept, and no limits,
    /// since no single call was.
    ///
    /// Errors: too few reads were answered.
    pub fn of_record(record: &RunRecord) -> Result<Self, ProbeError> {
        let ResponseMs { get, patch, put, search, metadata } = record.service_ms;
        if get.count < FEWEST as u64 {
            return Err(ProbeError::TooFew(get.count as usize));
        }
        let told = |of: Quantiles, ratio| {
            Told::of_quantiles(of.p50 * 1e6, of.p90 * 1e6, of.count as usize, ratio)
        };
        let write = if patch.count >= put.count { patch } else { put };
        let mut assumed = vec![
            "limits are those that Neon documents, 5 in flight and 1 search: a record tells none"
                .to_owned(),
            "service times do not grow with the calls in flight: a record does not tell".to_owned(),
            "a refusal takes 30 ms: a record does not tell".to_owned(),
        ];
        let fit = Self {
            get: told(get, 1.0),
            patch: told(write, WRITES),
            search: told(search, SEARCHES),
            metadata: told(metadata, LOOK_UPS),
            growth: Posterior::steady(),
            faults: Faults::counted(
                record.calls.failed,
                record.calls.total - record.calls.rejected,
            ),
            limits: Limits {
                get: Some(Limit::Pool(DOCUMENTED)),
                patch: Some(Limit::Pool(DOCUMENTED)),
                search: Some(Limit::Pool(DOCUMENTED_SEARCH)),
                most_reads_at_once: 0,
            },
            refusal: REFUSAL,
            retry_after: None,
            assumed: Vec::new(),
            calls: record.calls.total as usize,
        };
        assumed.extend(fit.assumed_times());
        Ok(Self { assumed, ..fit })
    }

    /// The kinds of calls of which there was none, in words.
    fn assumed_times(&self) -> Vec<String> {
        let none = |((class, name), told): (&(Class, &str), &Told)| match told {
            Told::Assumed { ratio } => Some(format!(
                "{name} take {ratio} times as long as reads (2/3 to 3/2 of that): no {} was made",
                class.name()
            )),
            _ => None,
        };
        KINDS.iter().zip(self.told()).filter_map(none).collect()
    }

    /// What is admitted.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What was not seen, in words.
    pub fn assumed(&self) -> &[String] {
        &self.assumed
    }

    /// Calls that failed, and calls that could have.
    pub const fn failed(&self) -> (u32, u32) {
        (self.faults.failed, self.faults.calls)
    }

    /// How likely it is that service times grow with the calls in flight.
    pub fn grows(&self) -> f64 {
        self.growth.grows()
    }

    /// How many times as long a call takes with `in_flight` calls in flight.
    pub fn growth_at(&self, in_flight: usize) -> f64 {
        self.growth.point().log_factor(in_flight).exp()
    }

    /// Reads, writes, searches and look-ups, each with the intervals that its calls leave.
    pub fn estimates(&self) -> [Estimate; 4] {
        let growth = self.growth.point();
        let point = self.point(growth).each();
        let targets: Vec<[Law; 4]> = (0..DRAWS)
            .map(|seed| {
                let mut from = stream(seed, "estimates");
                let growth = self.growth.at(unit(from.next_u64()));
                self.drawn(growth, &mut from).each()
            })
            .collect();
        std::array::from_fn(|place| {
            let draws: Vec<Law> = targets.iter().map(|laws| laws[place]).collect();
            Estimate::of(self.told()[place], point[place], &draws)
        })
    }

    /// The profile that comes nearest, named `name`.
    pub fn profile(&self, name: &str) -> Profile {
        checked(name, &self.wire())
    }

    /// One of the profiles that would have shown as much: number `seed` of them.
    pub fn draw(&self, seed: u64) -> Profile {
        let mut from = stream(seed, "what a probe leaves open");
        let growth = self.growth.at(unit(from.next_u64()));
        let laws = self.drawn(growth, &mut from);
        let share = self.faults.draw(&mut from);
        checked("drawn", &self.with(laws, growth, self.faults.wire(share)))
    }

    /// The profile that comes nearest, as a file has it.
    pub(super) fn wire(&self) -> WireProfile {
        let growth = self.growth.point();
        let faults = self.faults.wire(self.faults.share());
        self.with(self.point(growth), growth, faults)
    }

    /// Calls that it is from.
    pub(super) const fn calls(&self) -> usize {
        self.calls
    }

    fn told(&self) -> [&Told; 4] {
        [&self.get, &self.patch, &self.search, &self.metadata]
    }

    fn point(&self, growth: Growth) -> Laws {
        let get = self.get.point(growth, None);
        let of = |told: &Told| told.point(growth, Some(get));
        Laws { get, patch: of(&self.patch), search: of(&self.search), metadata: of(&self.metadata) }
    }

    fn drawn(&self, growth: Growth, from: &mut Generator) -> Laws {
        let get = self.get.draw(growth, None, from);
        let mut of = |told: &Told| told.draw(growth, Some(get), from);
        Laws { get, patch: of(&self.patch), search: of(&self.search), metadata: of(&self.metadata) }
    }

    fn with(&self, laws: Laws, growth: Growth, faults: Vec<WireFault>) -> WireProfile {
        let Limits { get, patch, search, .. } = self.limits;
        let named = [
            (Endpoint::GetAccount, get),
            (Endpoint::PatchAccount, patch),
            (Endpoint::PutAccount, patch),
            (Endpoint::SearchAccounts, search),
        ];
        let (mut endpoints, mut endpoints_per_second) = (BTreeMap::new(), BTreeMap::new());
        for (endpoint, limit) in named {
            match limit {
                Some(Limit::Pool(pool)) => endpoints.insert(endpoint.name().to_owned(), pool),
                Some(Limit::PerSecond(rate)) => {
                    endpoints_per_second.insert(endpoint.name().to_owned(), rate)
                }
                None => None,
            };
        }
        // A profile says it in whole seconds.
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
                get: laws.get.wire(),
                patch: laws.patch.wire(),
                put: laws.patch.wire(),
                search: laws.search.wire(),
                metadata: laws.metadata.wire(),
                endpoints: BTreeMap::new(),
                congestion: growth.wire(),
            },
            behaviour: Behaviour::default(),
            faults,
            staff: None,
        }
    }
}

impl Laws {
    const fn each(self) -> [Law; 4] {
        [self.get, self.patch, self.search, self.metadata]
    }
}

fn checked(name: &str, wire: &WireProfile) -> Profile {
    Profile::try_from_wire(name, wire).expect("what was seen makes a profile")
}

/// The kind of call that `endpoint` is measured as; `None` for those that a migration does not make.
fn kind(endpoint: Endpoint) -> Option<Class> {
    match endpoint {
        Endpoint::GetAccount => Some(Class::Get),
        Endpoint::PatchAccount | Endpoint::PutAccount => Some(Class::Patch),
        Endpoint::SearchAccounts => Some(Class::Search),
        Endpoint::ListCustomFields => Some(Class::Metadata),
        _ => None,
    }
}

/// Admitted calls in flight when each of `calls` was sent, itself included.
fn in_flight(calls: &[Attempt]) -> Vec<usize> {
    let met = |(place, call): (usize, &Attempt)| {
        let others = calls[..place]
            .iter()
            .filter(|other| other.outcome != Outcome::Rejected && other.done_at > call.sent_at);
        1 + others.count()
    };
    calls.iter().enumerate().map(met).collect()
}

/// What is admitted, as far as it was looked for; what was not is noted in `assumed`.
fn limits(seen: &Seen, assumed: &mut Vec<String>) -> Limits {
    let of = |endpoint: Endpoint| bound(&seen.of(endpoint).collect::<Vec<_>>());
    let (get, search) = (of(Endpoint::GetAccount), of(Endpoint::SearchAccounts));
    let write = if seen.of(Endpoint::PutAccount).next().is_some() {
        Endpoint::PutAccount
    } else {
        Endpoint::PatchAccount
    };
    let patch = of(write);
    if !seen.looked_for_limits && get.limit.is_none() {
        assumed.push("limits are those that Neon documents, 5 in flight and 1 search: they were not looked for".to_owned());
        return Limits {
            get: documented(&get, DOCUMENTED),
            patch: documented(&patch, DOCUMENTED),
            search: documented(&search, DOCUMENTED_SEARCH),
            most_reads_at_once: get.most_in_flight,
        };
    }
    if get.limit.is_some() && !get.is_told_apart {
        assumed.push(
            "what limits reads is calls in flight: the calls do not tell that from calls a second"
                .to_owned(),
        );
    }
    Limits {
        get: get.limit,
        patch: of_writes(&get, &patch, assumed),
        search: of_searches(&get, &search),
        most_reads_at_once: get.most_in_flight,
    }
}

/// What refusals show, or else the pool that Neon documents, unless more were in flight.
fn documented(bound: &Bound, pool: u32) -> Option<Limit> {
    bound.limit.or((bound.most_in_flight <= pool).then_some(Limit::Pool(pool)))
}

/// The limit of writes: their own if they were refused, what was admitted if that is more than of
/// reads, else that of the reads.
fn of_writes(get: &Bound, patch: &Bound, assumed: &mut Vec<String>) -> Option<Limit> {
    if let (Some(limit), true) = (patch.limit, patch.is_told_apart) {
        return Some(limit);
    }
    match (patch.limit, get.limit) {
        // A window or a pool, as reads have it.
        (Some(Limit::Pool(most) | Limit::PerSecond(most)), Some(Limit::PerSecond(_))) => {
            Some(Limit::PerSecond(most))
        }
        (Some(limit), _) => Some(limit),
        (None, Some(Limit::Pool(pool))) if patch.most_in_flight > pool => {
            let most = patch.most_in_flight;
            assumed.push(format!(
                "{most} writes in flight are all: they were admitted, more were not tried"
            ));
            Some(Limit::Pool(most))
        }
        (None, limit) => {
            assumed.push("writes are limited as reads are: none was refused".to_owned());
            limit
        }
    }
}

/// The limit of searches. Two at once show whether there is a limit of one.
fn of_searches(get: &Bound, search: &Bound) -> Option<Limit> {
    match (search.limit, get.limit) {
        (Some(Limit::Pool(most)), Some(Limit::PerSecond(_))) if !search.is_told_apart => {
            Some(Limit::PerSecond(most))
        }
        (limit, _) => limit,
    }
}

impl Limits {
    /// The limit of `limit`'s endpoint in words.
    pub(super) fn words(limit: Option<Limit>, most: u32) -> String {
        match limit {
            Some(Limit::Pool(pool)) => format!("{pool} calls in flight"),
            Some(Limit::PerSecond(rate)) => format!("{rate} calls a second"),
            None if most >= CROWD => format!("none found: {most} at once were admitted"),
            None => "none found".to_owned(),
        }
    }

    /// Those of reads, writes and searches in words.
    pub fn in_words(&self) -> [(&'static str, String); 3] {
        [
            ("reads", Self::words(self.get, self.most_reads_at_once)),
            ("writes", Self::words(self.patch, 0)),
            ("searches", Self::words(self.search, 0)),
        ]
    }
}
