//! The runs of every strategy on one migration.

use super::SuiteError;
use super::league::{Spectrum, StrategyRuns};
use crate::experiment::{Goal, records};
use hdrhistogram::Histogram;
use neon_mock::api::Endpoint;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Outcome;
use neonbench_engine::measure::{Measure, histogram};
use neonbench_engine::scenario::{Scenario, Workload};
use std::collections::BTreeMap;

/// An exploration: the workload, the settings and the goal.
pub struct Exploration<'a> {
    /// The workload to migrate.
    pub workload: &'a Workload,
    /// The settings of a strategy; their seed is the first.
    pub settings: &'a (dyn Fn(Strategy) -> Settings + Sync),
    /// Runs of each strategy.
    pub replicates: u32,
    /// The goal that strategies are ranked by.
    pub goal: Goal,
}

impl Exploration<'_> {
    /// Runs `strategy` on `scenario`.
    pub(crate) fn strategy_runs(
        &self,
        scenario: &Scenario,
        strategy: Strategy,
    ) -> Result<StrategyRuns, SuiteError> {
        let mut times = BTreeMap::new();
        let settings = (self.settings)(strategy);
        let runs =
            records(scenario, &settings, self.replicates, |measure| add(&mut times, measure))?;
        let spectra = times.iter().map(|(key, times)| Spectrum::of(*key, times)).collect();
        let (name, replicates, findings) = (None, Vec::new(), Vec::new());
        Ok(StrategyRuns { strategy, name, runs, replicates, spectra, findings })
    }
}

type ResponseTimes = BTreeMap<(Endpoint, Outcome), Histogram<u64>>;

fn add(times: &mut ResponseTimes, measure: &Measure) {
    for endpoint in Endpoint::ALL {
        for outcome in Outcome::ALL {
            if let Some(series) = measure.series(endpoint, outcome) {
                let all = times.entry((endpoint, outcome)).or_insert_with(histogram);
                all.add(&series.response).expect("histograms of the same bounds");
            }
        }
    }
}
