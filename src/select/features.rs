//! Features of a target that a client can observe: the input of every selector.
//!
//! Nothing of a profile is here that calls cannot tell. Quantiles of service times, the pools and
//! windows that refusals show, how times grow with calls in flight, how often calls fail.

use crate::stats::sorted;
use neon_mock::api::Endpoint;
use neon_mock::fault::{Fault, FaultKind, Trigger};
use neon_mock::profile::Profile;
use neon_mock::rng;
use neon_mock::time::Timestamp;

/// The number of quantiles.
const QUANTILES: usize = 200;

/// Quantiles of one kind of call's service time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceQuantiles {
    /// Seconds, in the middle of each two-hundredth of the calls, from short to long.
    pub quantiles_s: [f64; QUANTILES],
    /// Mean, in seconds.
    pub mean_s: f64,
    /// Variance, in seconds squared.
    pub variance: f64,
}

/// Draws that quantiles are taken of: as many as a long run makes.
const DRAWS: usize = 10_000;

impl ServiceQuantiles {
    /// The quantiles of a law, from draws as a client sees them.
    fn of(profile: &Profile, endpoint: Endpoint) -> Self {
        let mut stream = rng::stream(0, "observed");
        let law = profile.law(endpoint);
        let sorted = sorted((0..DRAWS).map(|_| law.sample(&mut stream).as_secs_f64()));
        let count = sorted.len() as f64;
        let mean_s = sorted.iter().sum::<f64>() / count;
        let squares = sorted.iter().map(|time_s| (time_s - mean_s).powi(2)).sum::<f64>();
        // One that was measured, never one in between: a law may have gaps.
        let at = |place: usize| sorted[((place as f64 + 0.5) / QUANTILES as f64 * count) as usize];
        Self { quantiles_s: std::array::from_fn(at), mean_s, variance: squares / count }
    }
}

/// One endpoint's features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndpointFeatures {
    /// Service times of a call alone in flight.
    pub times: ServiceQuantiles,
    /// Calls in flight that are admitted; `None` where no bound was found.
    pub pool: Option<u32>,
    /// Calls a second that are admitted; `None` where no bound was found.
    pub per_second: Option<u32>,
}

neon_mock::named! {
    /// The limit that decides how many accounts are processed at once.
    pub enum LimitKind {
        /// Calls in flight that are admitted.
        Pool = "pool",
        /// Calls a second that are admitted.
        Window = "window",
        /// Service times that grow with the calls in flight.
        Load = "load",
        /// Nothing that was found.
        Nothing = "nothing",
    }
}

/// The share of the observed capacity that is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapacityMargin {
    /// Share of the places that a window comes to by Little's law.
    pub of_windows: f64,
    /// Standard deviations of the calls that others have in flight, left free in a pool beside their
    /// mean.
    pub deviations_for_others: f64,
}

impl CapacityMargin {
    /// All of a window by Little's law, and room for other users at one standard deviation.
    pub const CAREFUL: Self = Self { of_windows: 1.0, deviations_for_others: 1.0 };
}

/// A target's features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetFeatures {
    /// Reads of one account.
    pub get: EndpointFeatures,
    /// Writes of one account.
    pub patch: EndpointFeatures,
    /// Searches.
    pub search: EndpointFeatures,
    /// Look-ups of field definitions.
    pub metadata: EndpointFeatures,
    /// Seconds that a refusal takes.
    pub refusal_s: f64,
    /// Growth of a call's time per other call in flight, as a share of it.
    pub contention: f64,
    /// Growth per pair of other calls in flight.
    pub coherency: f64,
    /// Share of the calls that fail and did nothing.
    pub failing: f64,
    /// Share of the calls that fail and may have been carried out.
    pub ambiguous: f64,
    /// Share of the calls that go well but take seconds longer than any other.
    pub dripping: f64,
    /// Calls a second that others make of each endpoint; they take places of its pool.
    pub others_per_s: f64,
    /// True if reads and writes share one limit.
    pub shared: bool,
}

impl TargetFeatures {
    /// The features that careful observation of `profile` yields.
    pub fn of(profile: &Profile) -> Self {
        let kind = |endpoint| EndpointFeatures {
            times: ServiceQuantiles::of(profile, endpoint),
            pool: profile.pool(endpoint),
            per_second: profile.per_second(endpoint),
        };
        let (contention, coherency) = growth(profile);
        let leader = |endpoint| profile.limits().scope.leader(endpoint);
        Self {
            get: kind(Endpoint::GetAccount),
            patch: kind(Endpoint::PatchAccount),
            search: kind(Endpoint::SearchAccounts),
            metadata: kind(Endpoint::ListCustomFields),
            refusal_s: profile.reject_after().as_secs_f64(),
            contention,
            coherency,
            failing: share_of(profile, |kind| !kind.is_applied()),
            ambiguous: share_of(profile, |kind| kind.is_applied() && kind != FaultKind::SlowBody),
            dripping: share_of(profile, |kind| kind == FaultKind::SlowBody),
            others_per_s: profile.staff().map_or(0.0, |staff| staff.edits_per_s),
            shared: leader(Endpoint::GetAccount) == leader(Endpoint::PatchAccount),
        }
    }

    /// The capacity in accounts at once, and its limit; `None` without a limit.
    ///
    /// The smallest of: the pools of reads and writes without what others hold of them; what Little's
    /// law says of their windows, whose first second's calls come on top; the calls in flight at which
    /// throughput is at its highest.
    pub fn capacity(&self, resources: u64, using: CapacityMargin) -> Option<(f64, LimitKind)> {
        let pools = [self.get, self.patch].map(|kind| {
            let others = self.others_per_s * kind.times.mean_s;
            // A Poisson's variance is its mean.
            let held = others + using.deviations_for_others * others.sqrt();
            kind.pool.map(|pool| (f64::from(pool) - held, LimitKind::Pool))
        });
        let cycle_s = self.get.times.mean_s + self.patch.times.mean_s;
        let rates = self.get.per_second.into_iter().chain(self.patch.per_second);
        let windows = rates.min().map(f64::from).and_then(|rate| {
            let calls = resources as f64;
            // The burst itself is not limited.
            let places = calls / (calls - rate) * rate * cycle_s * using.of_windows;
            (calls > rate).then_some((places, LimitKind::Window))
        });
        let peak = (self.coherency > 0.0)
            .then(|| (((1.0 - self.contention).max(0.0) / self.coherency).sqrt(), LimitKind::Load));
        let found = pools.into_iter().flatten().chain(windows).chain(peak);
        let tightest = found.min_by(|(a, _), (b, _)| a.total_cmp(b));
        tightest.map(|(places, kind)| (places.max(1.0), kind))
    }

    /// Factor on the time of a call that is one of `at_once` in flight.
    pub(super) fn growth(&self, at_once: f64) -> f64 {
        1.0 + self.contention * (at_once - 1.0) + self.coherency * at_once * (at_once - 1.0)
    }

    /// Attempts that a call takes on average: one that fails is made again.
    pub(super) fn attempts(&self) -> f64 {
        1.0 / (1.0 - (self.failing + self.ambiguous).min(0.5))
    }

    /// True if calls on single accounts are limited per second.
    pub fn has_windows(&self) -> bool {
        self.get.per_second.is_some() || self.patch.per_second.is_some()
    }

    /// True if calls fail now and then.
    pub fn goes_wrong(&self) -> bool {
        self.failing + self.ambiguous + self.dripping > 0.0
    }

    /// The smaller of the pools that single accounts are read and written through.
    pub fn smallest_pool(&self) -> Option<u32> {
        let pools = self.get.pool.into_iter().chain(self.patch.pool);
        pools.min()
    }
}

/// Contention and coherency, from how many times as long a call takes beside one and beside nine.
fn growth(profile: &Profile) -> (f64, f64) {
    let Some(congestion) = profile.congestion() else { return (0.0, 0.0) };
    let (two, ten) = (congestion.factor(2) - 1.0, congestion.factor(10) - 1.0);
    // contention + 2 coherency = two; 9 contention + 90 coherency = ten.
    let coherency = (ten - 9.0 * two) / 72.0;
    (two - 2.0 * coherency, coherency)
}

/// The share of calls that go wrong by chance in a way that `is_meant`.
fn share_of(profile: &Profile, is_meant: fn(FaultKind) -> bool) -> f64 {
    let share = |fault: &Fault| {
        let calls = match fault.trigger {
            Trigger::Share(share) => share,
            Trigger::Every(every) => 1.0 / every.max(1) as f64,
            Trigger::First(_) => 0.0,
        };
        let meant = fault.kinds.iter().filter(|kind| is_meant(**kind)).count();
        calls * meant as f64 / fault.kinds.len() as f64
    };
    // An outage ends, and a bad record is one of many: neither says how often calls go wrong.
    let lasts = |fault: &&Fault| {
        fault.from == Timestamp::ZERO && fault.until.is_none() && fault.accounts.is_none()
    };
    // Not a sum of nothing, which is −0.
    profile.faults().iter().filter(lasts).map(share).fold(0.0, |all, share| all + share).min(0.5)
}
