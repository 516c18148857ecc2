//! Limits by kind of call, and how much of them the calls leave open.
//!
//! Refusals show a limit. Where there is none, the calls show only what is admitted: any pool or
//! window at least that large is possible, by a prior that knows Neon's documentation. Reads and
//! writes mostly have the same limit, each its own; now and then they share it, or others are at work in it.

use super::limit::{AdmissionLimit, InferredLimit};
use crate::text::plural;
use neon_mock::limit::Scope;
use neon_mock::rng::{Generator, unit};
use rand::Rng;
use rand_distr::{Distribution as _, Gamma};
use serde::Serialize;

/// Neon's documented limits in calls in flight, for the point estimate where no limit was looked for.
const DOCUMENTED: u32 = 5;
const DOCUMENTED_SEARCH: u32 = 1;

/// Prior probabilities of a pool and of a window; otherwise a kind of call has no limit.
const PRIOR_POOL: f64 = 0.5;
const PRIOR_WINDOW: f64 = 0.2;

/// Prior probability that a limit has the documented size; other sizes are log-uniform.
const PRIOR_DOCUMENTED: f64 = 0.35;

/// The largest pool, and the largest window in calls per second, of the prior.
const LARGEST_POOL: u32 = 50;
const LARGEST_WINDOW: u32 = 30;

/// Probability of a window just beyond the calls that a burst without refusals sent per second: the worst
/// that the burst leaves possible is in the interval.
const JUST_BEYOND: f64 = 0.08;

/// Prior probability of a limit beyond the largest.
const BEYOND: f64 = 1e-4;

/// Prior probability that writes have the limit of reads; and that a kind of call has the window that another has,
/// beside its pool.
const PRIOR_ALIKE: f64 = 0.85;

/// Prior probability that a pool has a window beside it, and a window a pool, where no kind of call shows both.
const PRIOR_BOTH: f64 = 0.1;

/// Prior probabilities that the verbs of a path share a limit, and that all calls do.
const PRIOR_SHARED: [(Scope, f64); 2] = [(Scope::Template, 0.07), (Scope::Organisation, 0.06)];

/// Probability that others work in a pool while a probe lasts, where one of its refusals has no explanation.
const STAFF_OF_PROBE: f64 = 0.3;

/// Probability that colleagues who were seen at work explain what limits leave unexplained.
const EXPLAINED_BY_SEEN: f64 = 0.5;

/// Prior probability that others work in a pool while the run lasts, and the share of the pool that they hold in the
/// mean, at least and at most, where no refusal tells.
const PRIOR_STAFF: f64 = 0.06;
const STAFF_HOLD: [f64; 2] = [0.03, 0.3];

/// Probabilities where pool and window leave equally many refusals unexplained: of a window, if no other kind of call is
/// known; and of the kind of limit that the other kind of call does not have. Each refusal more divides them by e².
const OTHER_KIND: [f64; 2] = [0.15, 0.03];

/// Probabilities that others held none, one or two places of a pool all along, where every refusal has
/// its explanation, and where one has none.
const HELD: [[f64; 2]; 2] = [[0.985, 0.995], [0.5, 0.8]];

/// Limits by kind of call; null where none was found.
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

/// The limits of one kind of call: the most in flight, and the most per second; `None` without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KindLimits {
    pub(super) pool: Option<u32>,
    pub(super) per_second: Option<u32>,
}

/// Limits by kind of call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LimitsByKind {
    pub(super) get: KindLimits,
    pub(super) patch: KindLimits,
    pub(super) search: KindLimits,
}

/// The evidence on the limits of reads, writes and searches.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LimitsPosterior {
    pub(super) get: InferredLimit,
    pub(super) patch: InferredLimit,
    /// Of reads and writes, if their limits are the same, each its own.
    pub(super) alike: InferredLimit,
    pub(super) search: InferredLimit,
    /// The limit that reads and writes share, if they do.
    pub(super) of_accounts: InferredLimit,
    /// The limit that all calls share, if they do.
    pub(super) of_all: InferredLimit,
    /// True if colleagues were seen to work meanwhile.
    pub(super) has_others: bool,
    /// True of the calls of a run, whose refusals are enough to tell of others.
    pub(super) is_of_run: bool,
}

/// Limits drawn from the posterior.
#[derive(Clone, Copy, Debug)]
pub(super) struct DrawnLimits {
    pub(super) limits: LimitsByKind,
    /// The calls that share a limit, which is then that of reads.
    pub(super) scope: Scope,
    /// Calls of others in flight, in the mean: reads and writes, 0 without others or where the other kind tells.
    pub(super) held: [f64; 2],
}

/// Times the likelihood that the calls of others give refusals which the limits leave unexplained: so few are expected
/// of limits alone.
fn unexplained_likelihood(unexplained: u32) -> f64 {
    (-2.0 * f64::from(unexplained)).exp()
}

impl LimitsPosterior {
    /// The point estimate, where calls were sent at once to find limits; adds each assumption to
    /// `assumed`.
    pub(super) fn looked_for(&self, assumed: &mut Vec<String>) -> FittedLimits {
        let Self { get, patch, search, .. } = self;
        if get.limit.is_some() && !get.is_unambiguous() {
            assumed.push(
                "what limits reads is calls in flight: the calls do not tell that from calls per second"
                    .to_owned(),
            );
        }
        if self.is_shared() {
            assumed.push(
                "each kind of call has a limit of its own: that some share one is more likely"
                    .to_owned(),
            );
        }
        FittedLimits {
            get: get.limit,
            patch: of_writes(get, patch, assumed),
            search: of_searches(get, search),
            most_reads_at_once: get.most_in_flight,
        }
    }

    /// The inferred limits, each else the documented pool, unless more calls were in flight.
    pub(super) fn documented(&self) -> FittedLimits {
        let pool = |bound: InferredLimit, pool| {
            bound.limit.or((bound.most_in_flight <= pool).then_some(AdmissionLimit::Pool(pool)))
        };
        FittedLimits {
            get: pool(self.get, DOCUMENTED),
            patch: pool(self.patch, DOCUMENTED),
            search: pool(self.search, DOCUMENTED_SEARCH),
            most_reads_at_once: self.get.most_in_flight,
        }
    }

    /// Limits drawn from the posterior.
    pub(super) fn draw(&self, from: &mut Generator) -> DrawnLimits {
        let [by_scope, by_staff, staff, alike] = [(); 4].map(|()| unit(from.next_u64()));
        let scope = self.scope_at(by_scope);
        let limits = match scope {
            Scope::Endpoint => {
                let (get, patch) = if alike < self.are_alike() {
                    let both = drawn(&self.alike, DOCUMENTED, None, from);
                    (both, both)
                } else {
                    let get = drawn(&self.get, DOCUMENTED, None, from);
                    (get, drawn(&self.patch, DOCUMENTED, Some(get), from))
                };
                let search = drawn(&self.search, DOCUMENTED_SEARCH, Some(get), from);
                LimitsByKind { get, patch, search }
            }
            Scope::Template => {
                let shared = drawn(&self.of_accounts, DOCUMENTED, None, from);
                let search = drawn(&self.search, DOCUMENTED_SEARCH, Some(shared), from);
                LimitsByKind { get: shared, patch: shared, search }
            }
            Scope::Organisation => {
                let shared = drawn(&self.of_all, DOCUMENTED, None, from);
                LimitsByKind { get: shared, patch: shared, search: shared }
            }
        };
        let held = if by_staff < self.staff(scope) {
            self.held(scope, &limits, staff, from)
        } else {
            [0.0; 2]
        };
        DrawnLimits { limits, scope, held }
    }

    /// Posterior probabilities of the scopes of a limit, [`Scope::Endpoint`] first, but for a common factor.
    fn scopes(&self) -> [(Scope, f64); 3] {
        let [(template, of_template), (organisation, of_organisation)] = PRIOR_SHARED;
        let own = 1.0 - of_template - of_organisation;
        let Self { search, of_accounts, of_all, .. } = self;
        let [alike, apart] = self.endpoint_limits();
        [
            (Scope::Endpoint, own * (alike + apart)),
            (template, of_template * self.evidence_of(&[of_accounts], search)),
            (
                organisation,
                of_organisation * self.evidence_of(&[of_all], &InferredLimit::default()),
            ),
        ]
    }

    /// Probabilities of the evidence where each endpoint has a limit of its own, and writes have that of reads or
    /// another, but for a common factor.
    fn endpoint_limits(&self) -> [f64; 2] {
        let Self { get, patch, alike, search, .. } = self;
        [
            PRIOR_ALIKE * self.evidence_of(&[alike], search),
            (1.0 - PRIOR_ALIKE) * self.evidence_of(&[get, patch], search),
        ]
    }

    /// Posterior probability that writes have the limit of reads, each its own.
    fn are_alike(&self) -> f64 {
        let [alike, apart] = self.endpoint_limits();
        alike / (alike + apart)
    }

    /// Probability of the evidence by limits of calls to accounts, and one of searches: the prior probability of each
    /// limit that was inferred, or of all that are possible. A refusal that they leave unexplained divides it by e².
    fn evidence_of(&self, of_accounts: &[&InferredLimit], search: &InferredLimit) -> f64 {
        let accounts = of_accounts.iter().map(|seen| prior_of(seen, DOCUMENTED)).product::<f64>();
        let unexplained: u32 =
            of_accounts.iter().chain([&search]).map(|seen| seen.unexplained()).sum();
        let alone = unexplained_likelihood(unexplained);
        let by_others = match (self.has_others, self.is_of_run) {
            (true, _) => EXPLAINED_BY_SEEN,
            (false, true) => PRIOR_STAFF,
            (false, false) => 0.0,
        };
        accounts * prior_of(search, DOCUMENTED_SEARCH) * (by_others + (1.0 - by_others) * alone)
    }

    /// Refusals that the limits of a scope leave unexplained.
    fn unexplained(&self, scope: Scope) -> u32 {
        let Self { get, patch, search, of_accounts, of_all, .. } = self;
        let seen: &[&InferredLimit] = match scope {
            Scope::Endpoint => &[get, patch, search],
            Scope::Template => &[of_accounts, search],
            Scope::Organisation => &[of_all],
        };
        seen.iter().map(|seen| seen.unexplained()).sum()
    }

    /// Posterior probability that others work in the pools.
    fn staff(&self, scope: Scope) -> f64 {
        if !self.is_of_run {
            return if self.get.unexplained() > 0 { STAFF_OF_PROBE } else { PRIOR_STAFF };
        }
        let alone = (1.0 - PRIOR_STAFF) * unexplained_likelihood(self.unexplained(scope));
        PRIOR_STAFF / (PRIOR_STAFF + alone)
    }

    /// Calls of others in flight, reads and writes: as many as explain the refusals that were met, in the kind that
    /// met more of them.
    fn held(
        &self,
        scope: Scope,
        LimitsByKind { get, patch, .. }: &LimitsByKind,
        at: f64,
        from: &mut Generator,
    ) -> [f64; 2] {
        let (reads, writes) = match scope {
            Scope::Endpoint => (self.get, self.patch),
            Scope::Template => (self.of_accounts, InferredLimit::default()),
            Scope::Organisation => (self.of_all, InferredLimit::default()),
        };
        let is_of_writes = writes.by_pool >= reads.by_pool;
        let told = if is_of_writes { writes } else { reads };
        let pool = if is_of_writes { patch.pool } else { get.pool };
        if self.is_of_run && told.by_pool > 0 && pool.is_some() {
            let shape = f64::from(told.by_pool) + 1.0;
            let times =
                Gamma::new(shape, 1.0 / shape).expect("a shape of one at least").sample(from);
            let held = told.held.calls() * times;
            return if is_of_writes { [0.0, held] } else { [held, 0.0] };
        }
        // Others slow a run down only in a pool that its calls fill.
        let has_met = self.get.limit.or(self.patch.limit).is_some();
        match patch.pool.or(get.pool) {
            Some(pool) if has_met => {
                let [least, most] = STAFF_HOLD;
                [0.0, f64::from(pool) * least * (most / least).powf(at)]
            }
            _ => [0.0; 2],
        }
    }

    fn scope_at(&self, unit: f64) -> Scope {
        let scopes = self.scopes().map(|(scope, probability)| (Some(scope), probability));
        one_of(scopes.to_vec(), unit).unwrap_or(Scope::Endpoint)
    }

    /// True if it is more likely than not that kinds of calls share a limit.
    fn is_shared(&self) -> bool {
        let [(_, own), (_, of_template), (_, of_organisation)] = self.scopes();
        of_template + of_organisation > own
    }

    /// True if a call was refused, so that it is known whether refusals ask for a wait.
    pub(super) fn was_refused(&self) -> bool {
        [&self.get, &self.patch, &self.search].iter().any(|seen| seen.limit.is_some())
    }

    /// The limits that the calls cannot show, a sentence each.
    pub(super) fn not_shown(&self) -> Vec<String> {
        let kinds = [("read", self.get), ("write", self.patch), ("search", self.search)];
        let sentence = |(name, seen): (&str, InferredLimit)| {
            let (most, plural) = (seen.most_in_flight, if name == "search" { "es" } else { "s" });
            let calls = format!("{name}{plural}");
            match (seen.limit, seen.calls) {
                (Some(_), _) => None,
                (None, 0) => {
                    Some(format!("no {name} is among the calls: the limit of {calls} is not known"))
                }
                (None, _) => Some(format!(
                    "at most {most} {calls} were in flight at once and none was refused: limits of {calls} above \
                     {most} in flight, or above {} per second, are not known",
                    seen.least_rate
                )),
            }
        };
        kinds.into_iter().filter_map(sentence).collect()
    }
}

/// True if `limit` admits every call that was admitted.
fn admits(seen: &InferredLimit, limit: Option<AdmissionLimit>) -> bool {
    match limit {
        None => true,
        Some(AdmissionLimit::Pool(pool)) => pool >= seen.most_in_flight,
        Some(AdmissionLimit::PerSecond(rate)) => rate >= seen.least_rate,
    }
}

/// The limits that admit every admitted call, none included, with their prior probabilities.
fn possible(
    seen: &InferredLimit,
    documented: u32,
) -> impl Iterator<Item = (Option<AdmissionLimit>, f64)> {
    let sizes = move |largest: u32, of_kind: f64| {
        let all: f64 = (1..=largest).map(|size| 1.0 / f64::from(size)).sum();
        (1..=largest).map(move |size| {
            let known = if size == documented { PRIOR_DOCUMENTED } else { 0.0 };
            (size, of_kind * (known + (1.0 - PRIOR_DOCUMENTED) / (f64::from(size) * all)))
        })
    };
    let pools = sizes(LARGEST_POOL, PRIOR_POOL)
        .map(|(size, probability)| (Some(AdmissionLimit::Pool(size)), probability));
    let windows = sizes(LARGEST_WINDOW, PRIOR_WINDOW)
        .map(|(size, probability)| (Some(AdmissionLimit::PerSecond(size)), probability));
    let seen = *seen;
    std::iter::once((None, 1.0 - PRIOR_POOL - PRIOR_WINDOW))
        .chain(pools)
        .chain(windows)
        .filter(move |(limit, _)| admits(&seen, *limit))
}

/// Prior probability of the limit that was inferred, or of all that are possible.
fn prior_of(seen: &InferredLimit, documented: u32) -> f64 {
    if seen.limit.is_none() {
        return possible(seen, documented).map(|(_, probability)| probability).sum();
    }
    let of_size = possible(&InferredLimit::default(), documented)
        .find_map(|(size, probability)| (size == seen.limit).then_some(probability));
    of_size.unwrap_or(BEYOND)
}

/// Limits of one kind of call, drawn from their posterior; where refusals do not tell pool from window, they
/// are mostly of the same kind as those of `other`.
fn drawn(
    seen: &InferredLimit,
    documented: u32,
    other: Option<KindLimits>,
    from: &mut Generator,
) -> KindLimits {
    let [kind, size, beside, beside_size] = [(); 4].map(|()| unit(from.next_u64()));
    // Refusals that only a pool and a window together explain show both.
    let has_both = PRIOR_BOTH / (1.0 - PRIOR_BOTH) * (2.0 * f64::from(seen.for_both())).exp();
    if seen.for_both() > 0 && beside < has_both / (1.0 + has_both) {
        let pool = Some(seen.most_in_flight.max(1));
        return KindLimits { pool, per_second: Some(seen.least_rate) };
    }
    let limit = match seen.limit {
        Some(_) => Some(drawn_of_refused(seen, other, [kind, size])),
        None if seen.most_in_flight > DOCUMENTED && size < JUST_BEYOND => {
            Some(AdmissionLimit::PerSecond(seen.least_rate + 1))
        }
        None => one_of(possible(seen, documented).collect(), kind),
    };
    let mut limits = KindLimits::from(limit);
    // Beside a limit of one kind there may be one of the other, as it has to be beside that of another call.
    let of_other = other.unwrap_or_default();
    match limit {
        Some(AdmissionLimit::Pool(_)) => {
            let window = of_other.per_second.map(|rate| rate.max(seen.least_rate));
            let probability = if window.is_some() { PRIOR_ALIKE } else { PRIOR_BOTH };
            limits.per_second = (beside < probability).then(|| {
                window.unwrap_or_else(|| log_uniform(seen.least_rate, LARGEST_WINDOW, beside_size))
            });
        }
        Some(AdmissionLimit::PerSecond(_)) => {
            let pool = of_other.pool.filter(|pool| *pool >= seen.most_in_flight);
            let probability = if pool.is_some() { PRIOR_ALIKE } else { PRIOR_BOTH };
            limits.pool = (beside < probability).then(|| {
                pool.unwrap_or_else(|| log_uniform(seen.most_in_flight, LARGEST_POOL, beside_size))
            });
        }
        None => {}
    }
    limits
}

/// The limit of calls of which some were refused.
fn drawn_of_refused(
    seen: &InferredLimit,
    other: Option<KindLimits>,
    [kind, size]: [f64; 2],
) -> AdmissionLimit {
    let [of_first, of_other] = OTHER_KIND;
    let is_windowed = other.is_some_and(|other| other.per_second.is_some());
    let is_pooled = other.is_some_and(|other| other.pool.is_some());
    let window = match (is_pooled, is_windowed) {
        (true, false) => of_other,
        (false, true) => 1.0 - of_other,
        _ => of_first,
    };
    let odds = window / (1.0 - window) * (2.0 * f64::from(seen.for_window())).exp();
    if kind < odds / (1.0 + odds) {
        return AdmissionLimit::PerSecond(seen.least_rate);
    }
    let [none, one] = HELD[usize::from(seen.by_pool > 0)];
    let held = u32::from(size >= none) + u32::from(size >= one);
    AdmissionLimit::Pool(seen.most_in_flight.max(1) + held)
}

/// The one of `weighted` at `unit` of their weights.
fn one_of<T>(weighted: Vec<(Option<T>, f64)>, unit: f64) -> Option<T> {
    let mut left = unit * weighted.iter().map(|(_, weight)| weight).sum::<f64>();
    let at = weighted.into_iter().find(|(_, weight)| {
        left -= weight;
        left < 0.0
    });
    at.and_then(|(it, _)| it)
}

/// A number from `least` to `most`, each octave alike.
fn log_uniform(least: u32, most: u32, at: f64) -> u32 {
    let (least, most) = (f64::from(least.max(1)), f64::from(most.max(least).max(1)));
    (least * (most / least).powf(at)).round() as u32
}

/// The limit of writes: inferred if writes were refused; the most admitted if that exceeds the pool of
/// reads; else the limit of reads.
fn of_writes(
    get: &InferredLimit,
    patch: &InferredLimit,
    assumed: &mut Vec<String>,
) -> Option<AdmissionLimit> {
    if let (Some(limit), true) = (patch.limit, patch.is_unambiguous()) {
        return Some(limit);
    }
    match (patch.limit, get.limit) {
        // Ambiguous: of the same kind as the limit of reads.
        (Some(_), Some(AdmissionLimit::PerSecond(_))) => {
            Some(AdmissionLimit::PerSecond(patch.least_rate))
        }
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
        (Some(_), Some(AdmissionLimit::PerSecond(_))) if !search.is_unambiguous() => {
            Some(AdmissionLimit::PerSecond(search.least_rate))
        }
        (limit, _) => limit,
    }
}

impl From<Option<AdmissionLimit>> for KindLimits {
    fn from(limit: Option<AdmissionLimit>) -> Self {
        match limit {
            None => Self::default(),
            Some(AdmissionLimit::Pool(pool)) => Self { pool: Some(pool), per_second: None },
            Some(AdmissionLimit::PerSecond(rate)) => Self { pool: None, per_second: Some(rate) },
        }
    }
}

impl From<FittedLimits> for LimitsByKind {
    fn from(FittedLimits { get, patch, search, .. }: FittedLimits) -> Self {
        Self { get: get.into(), patch: patch.into(), search: search.into() }
    }
}

impl FittedLimits {
    /// `limit` in words, where at most `most` calls were in flight at once.
    pub(super) fn words(limit: Option<AdmissionLimit>, most: u32) -> String {
        match limit {
            Some(AdmissionLimit::Pool(pool)) => {
                format!("{} in flight", plural(pool.into(), "call"))
            }
            Some(AdmissionLimit::PerSecond(rate)) => {
                format!("{} per second", plural(rate.into(), "call"))
            }
            None if most > 1 => format!("none found: {most} at once were admitted"),
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

#[cfg(test)]
mod tests;
