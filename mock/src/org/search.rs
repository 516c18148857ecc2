//! Searching accounts.
//!
//! Criteria on the account id, together with an order by it, cost the page: what lies before it and
//! behind it is counted, not visited. Any other criterion or order visits every account that is left.

mod column;
mod criteria;
mod error;
mod standard_field;

pub use error::SearchError;

use super::Organisation;
use super::lag::View;
use super::list::PageRange;
use crate::api::{AccountId, Criterion, SearchAccounts, SearchPage, SearchRow, SortDirection};
use crate::behaviour::Behaviour;
use crate::time::Timestamp;
use column::Column;
use criteria::{Criteria, Ids};
use std::sync::Arc;
use std::time::Duration;

/// The accounts of one page.
struct FoundIds {
    ids: Vec<AccountId>,
    /// Number of accounts that meet the criteria.
    total: u64,
    /// Number of ids visited.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests bound it"))]
    visited: u64,
}

/// An order of the results.
#[derive(Clone, Copy)]
struct SortOrder {
    column: Column,
    descends: bool,
}

impl SortOrder {
    const BY_ID: Self = Self { column: Column::AccountId, descends: false };

    fn is_by_id(self) -> bool {
        self.column == Self::BY_ID.column
    }
}

impl Organisation {
    /// The page of accounts that meet every criterion, as a search sees them at `now`.
    ///
    /// Errors: [`SearchError`] for criteria, columns or a page that Neon refuses.
    pub fn search(
        &self,
        now: Timestamp,
        search: &SearchAccounts,
        behaviour: &Behaviour,
    ) -> Result<SearchPage, SearchError> {
        let view = self.view(now, behaviour.search_lag.0);
        let columns = self.columns(&search.output_fields)?;
        let found = view.find(search, &columns, behaviour)?;
        let (cut, page) = (PageRange::new(&search.pagination, behaviour)?, &search.pagination);
        let row = |id| {
            let cell =
                |(name, column): &(Arc<str>, Column)| (Arc::clone(name), view.cell(id, *column));
            SearchRow(columns.iter().map(cell).collect())
        };
        let search_results = found.ids.into_iter().map(row).collect();
        Ok(SearchPage { search_results, pagination: cut.pagination(page, found.total) })
    }

    /// All accounts that meet every criterion, in id order.
    ///
    /// Errors: [`SearchError`], as for a search.
    pub fn matching(&self, criteria: &[Criterion]) -> Result<Vec<AccountId>, SearchError> {
        let criteria = self.criteria(criteria)?;
        let view = self.view(Timestamp::ZERO, Duration::ZERO);
        Ok(view.matching(&criteria).collect())
    }

    /// Checks `criteria` without searching.
    ///
    /// Errors: [`SearchError`] for an unknown field, or an operator or value that it does not take.
    pub fn check_criteria(&self, criteria: &[Criterion]) -> Result<(), SearchError> {
        self.criteria(criteria).map(drop)
    }
}

impl View<'_> {
    fn find(
        &self,
        search: &SearchAccounts,
        columns: &[(Arc<str>, Column)],
        behaviour: &Behaviour,
    ) -> Result<FoundIds, SearchError> {
        let criteria = self.organisation.criteria(&search.search_fields)?;
        let cut = PageRange::new(&search.pagination, behaviour)?;
        let descends = search.pagination.sort_direction == Some(SortDirection::Desc);
        let order = match &search.pagination.sort_column {
            None => SortOrder::BY_ID,
            Some(name) => match columns.iter().find(|(column, _)| **column == **name) {
                Some((_, column)) => SortOrder { column: *column, descends },
                None => return Err(SearchError::Sort(name.clone())),
            },
        };
        Ok(match &criteria.ids {
            Ids::Range(low, high) if criteria.are_ids() && order.is_by_id() => {
                self.find_range(*low, (*high).min(self.last_id), cut, order)
            }
            _ => self.find_all(&criteria, cut, order),
        })
    }

    /// The page of the ids from `low` to `high`: what is not on it is counted, not visited.
    fn find_range(&self, low: u64, high: u64, cut: PageRange, order: SortOrder) -> FoundIds {
        if low > high {
            return FoundIds { ids: Vec::new(), total: 0, visited: 0 };
        }
        let total = self.organisation.count_in(&(low..=high));
        let behind = total.saturating_sub(cut.first);
        let size = behind.min(cut.size as u64);
        let first = if order.descends { behind - size } else { cut.first };
        let mut ids: Vec<AccountId> = if size == 0 {
            Vec::new()
        } else {
            self.organisation.ids_in(low..=high, first).take(size as usize).collect()
        };
        if order.descends {
            ids.reverse();
        }
        FoundIds { total, visited: ids.len() as u64, ids }
    }

    /// The page of all that meet `criteria`, each of which is visited.
    fn find_all(&self, criteria: &Criteria<'_>, cut: PageRange, order: SortOrder) -> FoundIds {
        let mut ids: Vec<AccountId> = self.matching(criteria).collect();
        if !order.is_by_id() {
            // Stable: accounts of one text stay in id order, whichever way the order runs.
            let key = |id: &AccountId| self.cell(*id, order.column);
            if order.descends {
                ids.sort_by_cached_key(|id| std::cmp::Reverse(key(id)));
            } else {
                ids.sort_by_cached_key(key);
            }
        } else if order.descends {
            ids.reverse();
        }
        let visited = match &criteria.ids {
            Ids::List(ids) => ids.len() as u64,
            Ids::Range(low, high) => (*high).min(self.last_id).saturating_sub(low - 1),
        };
        let (ids, total) = cut.of(ids.into_iter());
        FoundIds { ids, total, visited }
    }

    /// All accounts that meet `criteria`, in id order.
    fn matching(&self, criteria: &Criteria<'_>) -> impl Iterator<Item = AccountId> {
        let (listed, range) = match &criteria.ids {
            Ids::List(ids) => (ids.as_slice(), None),
            Ids::Range(low, high) => (&[][..], Some(*low..=(*high).min(self.last_id))),
        };
        let exists = |id: &AccountId| {
            id.0 >= 1 && id.0 <= self.last_id && self.organisation.survivor(*id).is_none()
        };
        let ids = listed.iter().copied().chain(range.into_iter().flatten()).map(AccountId);
        ids.filter(move |id| exists(id) && criteria.meets(self, *id))
    }
}

#[cfg(test)]
mod tests;
