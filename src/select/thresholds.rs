//! The readable selector: a few rows over accounts, mappings and places, the first that fits decides.

mod fit;

use super::features::{CapacityMargin, LimitKind, TargetFeatures};
use crate::experiment::{Candidate, MAX_WORKERS};
use neon_mock::bounds::{Bounds, LIMIT, OutOfBounds, WORKERS};
use neon_mock::file::Member;
use neonbench_engine::engine::{DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Strategy};
use serde::{Deserialize, Serialize};

/// A row of the rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdRow {
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
    pub rows: Vec<ThresholdRow>,
}

/// Weight of a figure of the rule: a share of places, or standard deviations.
const WEIGHT: Bounds<f64> = Bounds::new(0.0, 100.0, "a figure from 0 to 100");

/// Upper end of a row: more than any job has.
const UP_TO: Bounds<u64> = Bounds::new(0, 1_000_000_000, "a number from 0 to 1000000000");

/// Workers more or less than there are places.
const BEYOND: Bounds<i32> = Bounds::new(-10_000, 10_000, "a number from -10000 to 10000");

impl Thresholds {
    /// Checks every figure; an error comes with its member.
    pub(super) fn bounded(&self) -> Result<(), (Member, OutOfBounds)> {
        let top = Member::top;
        for (name, weight) in
            [("of_windows", self.of_windows), ("deviations_for_others", self.deviations_for_others)]
        {
            WEIGHT.check(weight).map_err(|error| (top(name), error))?;
        }
        LIMIT.check(self.places_if_unknown).map_err(|error| (top("places_if_unknown"), error))?;
        for (index, row) in self.rows.iter().enumerate() {
            let at = |name: &str| top("rows").index(index).key(name);
            for (name, most) in [
                ("accounts_a_place_up_to", row.accounts_a_place_up_to),
                ("mappings_up_to", row.mappings_up_to),
            ] {
                UP_TO.check(most.unwrap_or(0)).map_err(|error| (at(name), error))?;
            }
            BEYOND
                .check(row.workers_beyond_places)
                .map_err(|error| (at("workers_beyond_places"), error))?;
            WORKERS.check(row.batch_per_worker).map_err(|error| (at("batch_per_worker"), error))?;
        }
        Ok(())
    }

    /// The places on the target that `observed` describes and what limits them; those assumed where
    /// nothing is known.
    pub fn capacity(
        &self,
        resources: u64,
        features: Option<&TargetFeatures>,
    ) -> (u32, Option<LimitKind>) {
        let Some(features) = features else { return (self.places_if_unknown, None) };
        let (capacity, kind) = capacity(resources, features, self.using());
        (capacity, Some(kind))
    }

    const fn using(&self) -> CapacityMargin {
        let Self { of_windows, deviations_for_others, .. } = *self;
        CapacityMargin { of_windows, deviations_for_others }
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
    ) -> (Candidate, &ThresholdRow) {
        let fits = |row: &&ThresholdRow| {
            row.accounts_a_place_up_to.is_none_or(|most| resources <= most * u64::from(places))
                && row.mappings_up_to.is_none_or(|most| mappings <= most)
                && row.limited_by.is_none_or(|limit| kind == Some(limit))
        };
        let row = self.rows.iter().find(fits).or(self.rows.last()).expect("a rule has rows");
        (row.candidate(places), row)
    }
}

impl ThresholdRow {
    fn candidate(&self, capacity: u32) -> Candidate {
        let workers =
            capacity.saturating_add_signed(self.workers_beyond_places).clamp(1, MAX_WORKERS);
        let workers = if self.strategy.uses_workers() { workers } else { DEFAULT_WORKERS };
        let batch_size = match self.strategy {
            Strategy::Hybrid => workers * self.batch_per_worker,
            _ => DEFAULT_BATCH_SIZE,
        };
        Candidate::new(self.strategy, workers, batch_size)
    }
}

/// Whole places on the target that `observed` describes, and what limits them.
fn capacity(resources: u64, features: &TargetFeatures, using: CapacityMargin) -> (u32, LimitKind) {
    let free = (resources.min(u64::from(MAX_WORKERS)) as f64, LimitKind::Nothing);
    let (capacity, kind) = features.capacity(resources, using).unwrap_or(free);
    ((capacity.round() as u32).max(1), kind)
}
