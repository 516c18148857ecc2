//! Features of a target: the input of the readable selector.
//!
//! A client can observe them: mean service times, pools and windows, growth of service times with the calls
//! in flight, the load of other users.

use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;

/// One endpoint's features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndpointFeatures {
    /// Mean service time of a call alone in flight, in seconds.
    pub mean_s: f64,
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
    /// Growth of a call's time per other call in flight, as a share of it.
    pub contention: f64,
    /// Growth per pair of other calls in flight.
    pub coherency: f64,
    /// Calls a second that others make of each endpoint; they take places of its pool.
    pub others_per_s: f64,
}

impl TargetFeatures {
    /// The features that careful observation of `profile` yields.
    pub fn of(profile: &Profile) -> Self {
        let kind = |endpoint| EndpointFeatures {
            mean_s: profile.law(endpoint).mean().as_secs_f64(),
            pool: profile.pool(endpoint),
            per_second: profile.per_second(endpoint),
        };
        let (contention, coherency) = growth(profile);
        Self {
            get: kind(Endpoint::GetAccount),
            patch: kind(Endpoint::PatchAccount),
            contention,
            coherency,
            others_per_s: profile.staff().map_or(0.0, |staff| staff.edits_per_s),
        }
    }

    /// The capacity in accounts at once, and its limit; `None` without a limit.
    ///
    /// The smallest of: the pools of reads and writes without what others hold of them; what Little's
    /// law says of their windows, whose first second's calls come on top; the calls in flight at which
    /// throughput is at its highest.
    pub fn capacity(&self, resources: u64, using: CapacityMargin) -> Option<(f64, LimitKind)> {
        let pools = [self.get, self.patch].map(|kind| {
            let others = self.others_per_s * kind.mean_s;
            // A Poisson's variance is its mean.
            let held = others + using.deviations_for_others * others.sqrt();
            kind.pool.map(|pool| (f64::from(pool) - held, LimitKind::Pool))
        });
        let cycle_s = self.get.mean_s + self.patch.mean_s;
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
}

/// Contention and coherency, from how many times as long a call takes beside one and beside nine.
fn growth(profile: &Profile) -> (f64, f64) {
    let Some(congestion) = profile.congestion() else { return (0.0, 0.0) };
    let (two, ten) = (congestion.factor(2) - 1.0, congestion.factor(10) - 1.0);
    // contention + 2 coherency = two; 9 contention + 90 coherency = ten.
    let coherency = (ten - 9.0 * two) / 72.0;
    (two - 2.0 * coherency, coherency)
}
