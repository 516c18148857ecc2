//! The changed accounts of an organisation, found by id in a step.
//!
//! Ids are dense, so that a table of places is smaller than a tree and four times as fast to look
//! into: a read, a write and the audit each look up every account. Tables exist only for the
//! thousands of ids among which something was changed.

use super::change::AccountChange;
use crate::api::AccountId;

/// Ids that share a table of places.
const TABLE_IDS: usize = 1 << 10;

/// Positions in the list of changes, from 1; 0 for none.
type IdTable = Box<[u32; TABLE_IDS]>;

/// Changes by account.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    tables: Vec<Option<IdTable>>,
    /// In the order in which the accounts were first changed.
    changes: Vec<AccountChange>,
}

impl Changes {
    /// Number of changed accounts.
    pub(super) const fn len(&self) -> usize {
        self.changes.len()
    }

    /// Changes to `id`; `None` if there are none.
    pub(super) fn get(&self, id: AccountId) -> Option<&AccountChange> {
        let (table, place) = split(id);
        let place = self.tables.get(table)?.as_ref()?[place];
        self.changes.get((place as usize).checked_sub(1)?)
    }

    /// Changes to `id`, for adding to. `id` must be one of the organisation's: tables are
    /// made up to the largest.
    pub(super) fn entry(&mut self, id: AccountId) -> &mut AccountChange {
        let (table, place) = split(id);
        if table >= self.tables.len() {
            self.tables.resize(table + 1, None);
        }
        let place = &mut self.tables[table].get_or_insert_with(|| Box::new([0; TABLE_IDS]))[place];
        if *place == 0 {
            self.changes.push(AccountChange::default());
            *place = u32::try_from(self.changes.len()).expect("fewer accounts than 2^32");
        }
        &mut self.changes[*place as usize - 1]
    }
}

/// The table of an id, and the place in it.
const fn split(id: AccountId) -> (usize, usize) {
    (id.0 as usize / TABLE_IDS, id.0 as usize % TABLE_IDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn accounts_are_found_by_id_and_others_are_not() {
        let mut changes = Changes::default();
        let ids = [7, 1_024, 1_023, 5_000_000].map(AccountId);
        for (second, id) in (1..).zip(ids) {
            let now = Timestamp::from_nanos(second * 1_000_000_000);
            changes.entry(id).apply(now, &std::iter::once((0, None)).collect());
        }
        let first = changes.get(ids[0]).map(AccountChange::changed_s);
        let last = changes.get(ids[3]).map(AccountChange::changed_s);
        assert_eq!(last.zip(first).map(|(last, first)| last - first), Some(3));
        changes.entry(ids[1]).apply(Timestamp::ZERO, &std::iter::once((1, None)).collect());
        assert_eq!(changes.len(), 4);
        assert_eq!(changes.get(ids[1]).and_then(|change| change.value(1)), Some(None));
        for id in [0, 6, 8, 1_025, 4_999_999, u64::MAX].map(AccountId) {
            assert!(changes.get(id).is_none(), "{id}");
        }
    }
}
