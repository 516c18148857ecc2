//! Values for which a map has no entry, as records have them.

use crate::measure::UnmappedCounts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Values that a record lists.
const LISTED: usize = 100;

/// Values for which a map of the plan has no entry: they were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnmappedValues {
    /// Accounts with such a value, migrated otherwise or not.
    pub accounts: u64,
    /// The values, the most frequent of each mapping first; at most 100.
    pub values: Vec<UnmappedRow>,
    /// Further values. Among them are the texts that a single account has: they may be personal, and are listed
    /// only for users who asked to see values.
    pub not_listed: u64,
}

/// One value for which a map has no entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnmappedRow {
    /// Name of the field that is read.
    pub source: String,
    /// Name of the field that is written.
    pub target: String,
    /// The text that was looked up.
    pub value: String,
    /// Accounts with it.
    pub accounts: u64,
}

impl UnmappedValues {
    /// The values of a run; with `all`, also texts that a single account has.
    pub fn of(counts: &UnmappedCounts, all: bool) -> Self {
        let rows = counts.by_value(all).into_iter().take(LISTED);
        let values: Vec<UnmappedRow> = rows
            .map(|(value, accounts)| UnmappedRow {
                source: value.source.to_string(),
                target: value.target.to_string(),
                value: value.text.to_string(),
                accounts,
            })
            .collect();
        let not_listed = counts.distinct() - values.len() as u64;
        Self { accounts: counts.accounts(), values, not_listed }
    }

    /// True if there are none.
    pub const fn is_none(&self) -> bool {
        self.accounts == 0
    }
}
