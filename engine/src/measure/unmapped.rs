//! Values for which a map has no entry, counted by value.

use crate::event::UnmappedValue;
use std::collections::BTreeMap;

/// Distinct values that are kept by name; further ones are only counted.
const MAX_VALUES: usize = 10_000;

/// Accounts from which on a text is a code rather than one person's own.
const SHARED: u64 = 2;

/// Accounts by value for which a map has no entry.
#[derive(Clone, Debug, Default)]
pub struct UnmappedCounts {
    values: BTreeMap<UnmappedValue, u64>,
    /// Values beyond those kept, on accounts.
    others: u64,
    accounts: u64,
    /// True if the account that is about to end has such a value.
    is_in_account: bool,
}

impl UnmappedCounts {
    /// Adds a value of the account that is about to end, once per account and mapping.
    pub fn add(&mut self, value: &UnmappedValue) {
        self.is_in_account = true;
        if let Some(accounts) = self.values.get_mut(value) {
            *accounts += 1;
        } else if self.values.len() < MAX_VALUES {
            self.values.insert(value.clone(), 1);
        } else {
            self.others += 1;
        }
    }

    /// Ends the account whose values were added.
    pub fn end_account(&mut self) {
        self.accounts += u64::from(std::mem::take(&mut self.is_in_account));
    }

    /// Accounts with such a value, whatever became of them.
    pub const fn accounts(&self) -> u64 {
        self.accounts
    }

    /// The values with the accounts that have them, the most frequent of each mapping first. A text that a single
    /// account has may be personal: it is left out unless `all` are asked for.
    pub fn by_value(&self, all: bool) -> Vec<(&UnmappedValue, u64)> {
        let shown = |(value, accounts): &(&UnmappedValue, u64)| {
            all || value.is_option || *accounts >= SHARED
        };
        let counts = self.values.iter().map(|(value, accounts)| (value, *accounts));
        let mut values: Vec<_> = counts.filter(shown).collect();
        values.sort_by(|(a, of_a), (b, of_b)| {
            let mapping = |it: &UnmappedValue| (it.source.clone(), it.target.clone());
            mapping(a).cmp(&mapping(b)).then(of_b.cmp(of_a))
        });
        values
    }

    /// Distinct values; those beyond the ones kept by name count once per account.
    pub fn distinct(&self) -> u64 {
        self.values.len() as u64 + self.others
    }
}
