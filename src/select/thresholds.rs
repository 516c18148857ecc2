//! The readable selector: a few rows over accounts, mappings and places, the first that fits decides.

mod fit;

use super::configuration::{Configuration, MAX_WORKERS};
use super::observed::{LimitKind, Observed, Use};
use neonbench_engine::engine::Strategy;
use serde::{Deserialize, Serialize};

/// A row of the rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// It is for so many accounts for each place at most; without it for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts_a_place_up_to: Option<u64>,
    /// It is for so many mappings at most; without it for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings_up_to: Option<u64>,
    /// It is for places that are so limited; without it for any, and where nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<LimitKind>,
    /// The strategy.
    pub strategy: Strategy,
    /// Workers beyond the places; less than none leaves places free.
    pub workers_beyond_places: i32,
    /// Accounts in memory for each worker.
    pub batch_per_worker: u32,
}

/// The rule of one portfolio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Share used of the places that a window comes to by Little's law.
    pub of_windows: f64,
    /// Standard deviations of the calls that others have in flight, left free beside their mean.
    pub deviations_for_others: f64,
    /// Places where nothing is known of any limit.
    pub places_if_unknown: u32,
    /// The first row that fits decides. The last fits all.
    pub rows: Vec<Row>,
}

impl Thresholds {
    /// The places on the target that `observed` describes and what limits them; those assumed where
    /// nothing is known.
    pub fn places(&self, resources: u64, observed: Option<&Observed>) -> (u32, Option<LimitKind>) {
        let Some(observed) = observed else { return (self.places_if_unknown, None) };
        let (places, kind) = places(resources, observed, self.using());
        (places, Some(kind))
    }

    const fn using(&self) -> Use {
        let Self { of_windows, deviations_for_others, .. } = *self;
        Use { of_windows, deviations_for_others }
    }

    /// The choice for so many accounts and mappings, and the row that decided.
    ///
    /// Panics without rows; a file without any is refused.
    pub fn choose(
        &self,
        resources: u64,
        mappings: u64,
        places: u32,
        kind: Option<LimitKind>,
    ) -> (Configuration, &Row) {
        let fits = |row: &&Row| {
            row.accounts_a_place_up_to.is_none_or(|most| resources <= most * u64::from(places))
                && row.mappings_up_to.is_none_or(|most| mappings <= most)
                && row.limited_by.is_none_or(|limit| kind == Some(limit))
        };
        let row = self.rows.iter().find(fits).or(self.rows.last()).expect("a rule has rows");
        (row.configuration(places), row)
    }
}

impl Row {
    /// Whether both say the same, wherever they are.
    fn does_as(&self, other: &Self) -> bool {
        let action = |row: &Self| (row.strategy, row.workers_beyond_places, row.batch_per_worker);
        action(self) == action(other)
    }

    fn configuration(&self, places: u32) -> Configuration {
        let workers =
            places.saturating_add_signed(self.workers_beyond_places).clamp(1, MAX_WORKERS);
        match self.strategy {
            // These have one worker, or rule themselves.
            Strategy::Standard | Strategy::PutBatch | Strategy::Pipelined => {
                Configuration { strategy: self.strategy, workers: 5, batch_size: 50 }
            }
            Strategy::Parallel => {
                Configuration { strategy: self.strategy, workers, batch_size: 50 }
            }
            Strategy::Hybrid => Configuration {
                strategy: self.strategy,
                workers,
                batch_size: workers * self.batch_per_worker,
            },
        }
    }
}

/// Whole places on the target that `observed` describes, and what limits them.
fn places(resources: u64, observed: &Observed, using: Use) -> (u32, LimitKind) {
    let free = (resources.min(u64::from(MAX_WORKERS)) as f64, LimitKind::Nothing);
    let (places, kind) = observed.places(resources, using).unwrap_or(free);
    ((places.round() as u32).max(1), kind)
}
