//! Changes that would change the outcome: other limits, workers, batch sizes, service times and numbers of accounts.

pub(crate) mod grid;
pub(crate) mod pools;
pub(crate) mod scaling;
pub(crate) mod surface;

use crate::experiment::{CostLimit, Objective, RunFigures, seeds, sweep_within};
use crate::report::shared::exploration::Exploration;
use crate::text::{count, plural};
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::{Scenario, Workload};
use std::num::NonZeroU32;

/// Pools of other Neon plans, and what stands in place of them in what-ifs.
const POOLS: [u32; 4] = [2, 5, 10, 20];

/// Accounts on which variants are tried; of more, the first so many.
const VARIED_ACCOUNTS: u64 = 500;

impl Exploration<'_> {
    /// One run of each of `settings`, under the first seed; hopeless ones are ended.
    fn simulated(
        &self,
        scenario: &Scenario,
        settings: &[Settings],
    ) -> Result<Vec<RunFigures>, RunError> {
        let seed = (self.settings)(Strategy::Standard).seed;
        let seeds = seeds::from(seed, 1);
        let runs = sweep_within(scenario, settings, &seeds, Some(hopeless(scenario)))?;
        Ok(runs.iter().map(|runs| runs[0].figures).collect())
    }

    /// `strategy` with each of `workers` × `batch_sizes`, the latter changing first.
    fn varied_settings(
        &self,
        strategy: Strategy,
        workers: &[u32],
        batch_sizes: &[u32],
    ) -> Vec<Settings> {
        let pairs = workers.iter().flat_map(|w| batch_sizes.iter().map(move |b| (*w, *b)));
        pairs
            .map(|(workers, batch_size)| Settings {
                workers: positive(workers),
                batch_size: positive(batch_size),
                ..(self.settings)(strategy)
            })
            .collect()
    }

    /// The workload on which variants are tried.
    pub(super) fn varied(&self, scenario: &Scenario) -> Workload {
        let workload = self.workload.clone();
        let sample = (scenario.expected_resources() > VARIED_ACCOUNTS).then_some(VARIED_ACCOUNTS);
        Workload { sample: sample.or(workload.sample), ..workload }
    }
}

/// The limit beyond which a variant is hopeless: twice what all calls of `standard` take one after
/// another, by their mean service times and the windows. Whoever needs more is starved of places, as
/// by colleagues who take them all, and would be simulated for days of virtual time.
fn hopeless(scenario: &Scenario) -> CostLimit {
    let profile = &scenario.profile;
    let per_call_s = |endpoint: Endpoint| {
        let apart_s = profile.per_second(endpoint).map_or(0.0, |rate| 1.0 / f64::from(rate));
        profile.law(endpoint).mean().as_secs_f64() + apart_s
    };
    let calls = Strategy::Standard.record_calls_per_account(scenario.mappings() as u64)
        * scenario.expected_resources().max(1);
    let mean_s =
        f64::midpoint(per_call_s(Endpoint::GetAccount), per_call_s(Endpoint::PatchAccount));
    // Timeouts of a few calls take half a minute each, however fast the others are.
    let cost_s = 300.0 + 2.0 * calls as f64 * mean_s;
    CostLimit { cost_s, objective: Objective::Fastest, calls }
}

fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("the variants are positive")
}

fn with_pool(profile: &Profile, pool: u32) -> Profile {
    profile.with_pool(positive(pool))
}

/// ` on 500 of the 100,000 accounts` where `accounts` are fewer than `all`.
pub(super) fn varied_on(accounts: u64, all: u64) -> String {
    if accounts >= all {
        return String::new();
    }
    format!(" on {} of the {}", count(accounts), plural(all, "account"))
}
