//! The cost model: what a configuration costs, from what a client can observe.
//!
//! Analytic. Little's law for the pools, their refusals from how many workers are in the same kind of
//! call, windows as a rate after a burst, the universal scalability law for load, and the order
//! statistics of the last wave. A few coefficients are fitted to the sweep.

use super::features::{EndpointFeatures, TargetFeatures};
use crate::experiment::{CallPattern, Objective};
use serde::{Deserialize, Serialize};

/// The features of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobFeatures {
    /// Accounts.
    pub resources: f64,
    /// Mappings.
    pub mappings: f64,
    /// Share of the accounts that need a write.
    pub changing: f64,
}

/// Coefficients that are fitted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficients {
    /// Weight of the last wave's spread.
    pub tail: f64,
    /// Refusals that a call with no place draws, against those of independent attempts.
    pub retries: f64,
    /// Distance of the load from a window's rate below which calls are refused, in bursts.
    pub slack: f64,
    /// Seconds of waiting after a refusal, beyond the refusal itself.
    pub backoff_s: f64,
    /// Weight of the first page's search in our own strategy.
    pub search: f64,
    /// Refusals until our own strategy has found a limit, for each call in flight then.
    pub finding: f64,
}

impl Default for Coefficients {
    fn default() -> Self {
        Self { tail: 0.7, retries: 1.0, slack: 1.0, backoff_s: 0.1, search: 1.0, finding: 1.5 }
    }
}

impl Coefficients {
    /// The number of coefficients.
    pub(super) const COUNT: usize = 6;

    pub(super) const fn member(&mut self, place: usize) -> &mut f64 {
        match place {
            0 => &mut self.tail,
            1 => &mut self.retries,
            2 => &mut self.slack,
            3 => &mut self.backoff_s,
            4 => &mut self.search,
            _ => &mut self.finding,
        }
    }

    /// As they are written: what is used is what a file says.
    pub(super) fn rounded(mut self) -> Self {
        for place in 0..Self::COUNT {
            let member = self.member(place);
            *member = (*member * 1e4).round() / 1e4;
        }
        self
    }
}

/// A predicted run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Predicted {
    /// Seconds.
    pub(super) makespan_s: f64,
    /// Calls, refusals included.
    pub(super) calls: f64,
    /// Refusals.
    pub(super) refused: f64,
}

impl Predicted {
    /// Its cost.
    pub(super) fn cost(&self, objective: Objective) -> f64 {
        objective.cost(self.makespan_s, self.calls, self.refused)
    }
}

/// Calls of one kind in the course of a run.
struct EndpointLoad {
    kind: EndpointFeatures,
    calls: f64,
    mean_s: f64,
    /// Calls of others in flight, on average.
    others: f64,
}

/// The predicted run of `work` by calls of `pattern` on a target.
pub(super) fn predict(
    pattern: CallPattern,
    work: &JobFeatures,
    features: &TargetFeatures,
    with: &Coefficients,
) -> Predicted {
    match pattern {
        CallPattern::Batches { workers, size } => {
            side_by_side(workers as f64, size as f64, 1.0, work, features, with)
        }
        CallPattern::ByMapping { workers } => {
            side_by_side(workers as f64, 1.0, work.mappings, work, features, with)
        }
        CallPattern::Pipelined => pipelined(work, features, with),
    }
}

/// Workers that each read and write `size` accounts in turn, `rounds` times each.
fn side_by_side(
    workers: f64,
    size: f64,
    rounds: f64,
    work: &JobFeatures,
    features: &TargetFeatures,
    with: &Coefficients,
) -> Predicted {
    let (growth, again) = (features.growth(workers), features.attempts());
    let (get_s, get_var) = (features.get.times.mean_s, features.get.times.variance);
    let (patch_s, patch_var) = (features.patch.times.mean_s, features.patch.times.variance);
    let (get_s, patch_s) = (get_s * growth * again, patch_s * growth * again);
    let reads = work.resources * rounds;
    let writes = reads * work.changing;
    let load = |kind, calls, mean_s| {
        let others = features.others_per_s * mean_s;
        EndpointLoad { kind, calls, mean_s, others }
    };
    let loads = [load(features.get, reads, get_s), load(features.patch, writes, patch_s)];
    let busy_s = reads * get_s + writes * patch_s;
    // The last wave: what the slowest of the workers has left beyond the mean.
    let per_account_var = (get_var + work.changing * patch_var) * growth * growth * rounds;
    let spread_s = (per_account_var * size).sqrt() * (2.0 * workers.ln().max(0.0)).sqrt();
    let batch_s = size * busy_s / work.resources;
    let waves = (work.resources / size).ceil() / workers;
    // A wave that is not full takes as long as one that is.
    let rounding_s =
        (waves.ceil() - waves) * batch_s * (1.0 - 1.0 / workers).max(0.0) / waves.max(1.0).sqrt();
    let tail_s = with.tail * spread_s + rounding_s * 0.7;
    let mut busy_each_s = busy_s / workers;
    let mut refused = 0.0;
    for (place, load) in loads.iter().enumerate() {
        if load.calls < 0.5 {
            continue;
        }
        if let Some(pool) = load.kind.pool {
            let share = load.calls * load.mean_s / busy_s;
            let full = crowded(workers as u32, share, load.others, pool);
            let independent = full / (1.0 - full.min(0.95));
            let refusals = load.calls * independent * with.retries;
            // At the start all workers read at once, and come again until a place falls free.
            let first = (workers.min(work.resources) - f64::from(pool)).max(0.0);
            let pause_s = with.backoff_s + features.refusal_s;
            let attempts = (size * load.mean_s / pause_s + 1.0).log2().max(1.0);
            let at_start = if place == 0 { first * attempts } else { 0.0 };
            refused += refusals.max(at_start);
            busy_each_s += refusals * (features.refusal_s + with.backoff_s) / workers;
        }
    }
    let mut makespan_s = busy_each_s + tail_s;
    for load in &loads {
        if let Some(pool) = load.kind.pool {
            makespan_s = makespan_s.max(load.calls * load.mean_s / f64::from(pool) + tail_s);
        }
    }
    for load in &loads {
        let Some(rate) = load.kind.per_second.map(f64::from) else { continue };
        // Irregularity of the calls: the spread of a worker's cycle, and its reads in a row.
        let cycle_s = busy_s / reads;
        let bunched = per_account_var / (cycle_s * cycle_s) + 0.5 * (size - 1.0) + 0.02;
        let window = RateWindow { rate, bunched, free_s: makespan_s, workers };
        let (through_s, refusals) = window.pass(load.calls, features.refusal_s, with);
        refused += refusals;
        makespan_s = makespan_s.max(through_s + load.mean_s);
    }
    let metadata_s = features.metadata.times.mean_s;
    let calls = 1.0 + (reads + writes) * again + refused;
    Predicted { makespan_s: makespan_s + metadata_s, calls, refused }
}

/// Probability that a call finds no place: that of `workers` − 1 others, each in this kind of call
/// with probability `share`, and of outsiders, of whom `others` are there on average.
fn crowded(workers: u32, share: f64, others: f64, pool: u32) -> f64 {
    let mates = workers.saturating_sub(1);
    let mut full = 0.0;
    let mut binomial = (1.0 - share).powf(f64::from(mates));
    for k in 0..=mates {
        let needed = pool.saturating_sub(k);
        full += binomial * poisson_at_least(others, needed);
        if share >= 1.0 {
            binomial = f64::from(u8::from(k + 1 == mates));
        } else {
            binomial *= f64::from(mates - k) / f64::from(k + 1) * share / (1.0 - share);
        }
    }
    full.clamp(0.0, 1.0)
}

fn poisson_at_least(mean: f64, least: u32) -> f64 {
    let (mut term, mut below) = ((-mean).exp(), 0.0);
    for k in 0..least {
        below += term;
        term *= mean / f64::from(k + 1);
    }
    (1.0 - below).max(0.0)
}

/// A window of calls a second, and the calls that come to it.
struct RateWindow {
    rate: f64,
    /// Squared coefficient of variation of their distances.
    bunched: f64,
    /// Seconds that they would take without it.
    free_s: f64,
    workers: f64,
}

impl RateWindow {
    /// Seconds that `calls` take through it, and their refusals.
    fn pass(&self, calls: f64, refusal_s: f64, with: &Coefficients) -> (f64, f64) {
        if calls <= self.rate {
            return (0.0, 0.0);
        }
        let through_s = (calls - self.rate) / self.rate;
        // A bucket of one second's calls overflows as a queue does under heavy traffic (Kingman).
        let spare = (1.0 - calls / self.rate / self.free_s).max(0.0);
        let full = (-2.0 * with.slack * self.rate * spare / self.bunched).exp();
        // Each call waits for its turn; pauses double from attempt to attempt.
        let pause_s = refusal_s + with.backoff_s;
        let each_s = (through_s - self.free_s).max(0.0) * self.workers / calls;
        let attempts = (1.0 + each_s / pause_s).log2();
        (through_s + 0.3 * pause_s * attempts, calls * with.retries * (0.5 * full + attempts))
    }
}

/// Pages of accounts by search, written as fast as the limit of writes allows.
fn pipelined(work: &JobFeatures, features: &TargetFeatures, with: &Coefficients) -> Predicted {
    const PAGE: f64 = 200.0;
    /// The most that a limiter tries where nothing refuses it.
    const MOST: f64 = 64.0;
    let again = features.attempts();
    let writes = work.resources * work.changing;
    let pages = (work.resources / PAGE).ceil();
    let places = features.patch.pool.map_or(MOST, f64::from).min(writes.max(1.0));
    let growth = features.growth(places);
    let search_s = features.search.times.mean_s;
    let patch_s = features.patch.times.mean_s * growth * again;
    let patch_var = features.patch.times.variance * growth * growth;
    let tail_s = with.tail * patch_var.sqrt() * (2.0 * places.ln().max(0.0)).sqrt();
    let writing_s = (writes * patch_s / places).max(patch_s) + tail_s;
    let metadata_s = features.metadata.times.mean_s;
    let mut makespan_s =
        metadata_s + with.search * search_s * again + writing_s.max((pages - 1.0) * search_s);
    let mut refused = 0.0;
    if features.patch.pool.is_some_and(|pool| writes > f64::from(pool)) {
        // Until the first refusal is heard, others go the same way; later one more is tried at times.
        refused += with.finding * (1.0 + features.refusal_s * places / patch_s);
        refused += (writes / 128.0).ln_1p();
        makespan_s += features.refusal_s + with.backoff_s;
    }
    if let Some(rate) = features.patch.per_second.map(f64::from)
        && writes > rate
    {
        let through_s = (writes - rate) / rate;
        if through_s > writing_s {
            makespan_s += (through_s - writing_s) * 1.1;
            refused += with.finding * 3.0 + writes * 0.1;
        }
    }
    let calls = 1.0 + (pages + writes) * again + refused;
    Predicted { makespan_s, calls, refused }
}
