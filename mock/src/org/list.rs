//! Pages: of the account list, and of anything else that has ids.

use super::Organisation;
use crate::api::{
    AccountId, AccountKind, AccountPage, AccountRow, ListAccounts, MAX_PAGE_SIZE, Page, Pagination,
    UserType,
};
use crate::behaviour::{Behaviour, OverMax};

/// Error of a page size above the largest, where the profile refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("page size {size} is above {MAX_PAGE_SIZE}")]
pub struct PageTooLarge {
    /// Page size of the request, in rows.
    pub size: u32,
}

impl Organisation {
    /// A page of accounts.
    ///
    /// Without a filter only the page is visited; with one, every account.
    ///
    /// Errors: [`PageTooLarge`], where the profile refuses such pages.
    pub fn list(
        &self,
        list: &ListAccounts,
        behaviour: &Behaviour,
    ) -> Result<AccountPage, PageTooLarge> {
        let cut = PageRange::new(&list.page, behaviour)?;
        let ListAccounts { user_type, email, first_name, last_name, .. } = list;
        let is_wanted = |kind: AccountKind| match user_type {
            Some(UserType::Individual) if behaviour.individuals_include_companies => true,
            wanted => wanted.is_none_or(|wanted| wanted == UserType::from(kind)),
        };
        let by_name = email.is_some() || first_name.is_some() || last_name.is_some();
        let matches = |row: &AccountRow| {
            same(email.as_deref(), row.email.as_deref())
                && same(first_name.as_deref(), row.first_name.as_deref())
                && same(last_name.as_deref(), row.last_name.as_deref())
        };
        let all = 1..=self.last_id();
        let (ids, total) = if user_type.is_none() && !by_name {
            let ids: Vec<AccountId> = self.ids_in(all.clone(), cut.first).take(cut.size).collect();
            (ids, self.count_in(&all))
        } else {
            let wanted = self.ids().filter(|&id| is_wanted(self.kind(id)));
            cut.of(wanted.filter(|&id| !by_name || matches(&self.row(id))))
        };
        let accounts = ids.into_iter().map(|id| self.row(id)).collect();
        Ok(AccountPage { accounts, pagination: cut.pagination(&list.page, total) })
    }
}

fn same(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| found == Some(wanted))
}

/// The rows of a listing that are on a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageRange {
    /// Rows before the page.
    pub(super) first: u64,
    /// Rows on the page, if there are enough.
    pub(super) size: usize,
}

impl PageRange {
    pub(super) fn new(page: &Page, behaviour: &Behaviour) -> Result<Self, PageTooLarge> {
        let asked = page.page_size.max(1);
        let size = match behaviour.over_max {
            _ if asked <= MAX_PAGE_SIZE => asked,
            OverMax::Clamp => MAX_PAGE_SIZE,
            OverMax::Refuse => return Err(PageTooLarge { size: asked }),
            OverMax::Honour => asked,
        };
        let first = u64::from(page.current_page) * u64::from(size);
        Ok(Self { first, size: size as usize })
    }

    /// The page of `rows`, and the total number of rows.
    pub(super) fn of<T>(&self, rows: impl Iterator<Item = T>) -> (Vec<T>, u64) {
        let mut total = 0_u64;
        let mut kept = Vec::new();
        for row in rows {
            if total >= self.first && kept.len() < self.size {
                kept.push(row);
            }
            total += 1;
        }
        (kept, total)
    }

    /// Position of the page among `total` rows.
    pub(super) fn pagination(&self, page: &Page, total: u64) -> Pagination {
        Pagination {
            current_page: page.current_page,
            page_size: self.size as u32,
            sort_column: page.sort_column.clone(),
            sort_direction: page.sort_direction,
            total_pages: total.div_ceil(self.size as u64) as u32,
            total_results: total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;

    fn list(dataset: &str, list: &ListAccounts, behaviour: &Behaviour) -> AccountPage {
        let dataset = Dataset::built_in(dataset, 4).unwrap();
        Organisation::new(&dataset, 1_000, 1).list(list, behaviour).unwrap()
    }

    #[test]
    fn pages_are_zero_based_and_at_most_two_hundred_rows() {
        let page = Page { current_page: 4, page_size: 500, ..Page::default() };
        let asked = ListAccounts { page, ..ListAccounts::default() };
        let page = list("plain", &asked, &Behaviour::default());
        assert_eq!(page.accounts[0].account_id, AccountId(801));
        assert_eq!((page.pagination.page_size, page.pagination.total_pages), (200, 5));
        assert!(page.pagination.is_last());
    }

    #[test]
    fn pages_above_the_largest_are_clamped_refused_or_served() {
        let page = Page { page_size: 500, ..Page::default() };
        let size = |over_max| {
            let behaviour = Behaviour { over_max, ..Behaviour::default() };
            PageRange::new(&page, &behaviour).map(|cut| cut.size)
        };
        assert_eq!(size(OverMax::default()), Ok(200));
        assert_eq!(size(OverMax::Refuse), Err(PageTooLarge { size: 500 }));
        assert_eq!(size(OverMax::Honour), Ok(500));
    }

    #[test]
    fn filters_by_kind_and_name_are_anded() {
        let mut asked =
            ListAccounts { user_type: Some(UserType::Individual), ..ListAccounts::default() };
        asked.page.page_size = 200;
        let individuals = list("companies", &asked, &Behaviour::default());
        assert!(individuals.accounts.iter().all(|row| row.user_type == UserType::Individual));
        let total = individuals.pagination.total_results;
        assert!((150..250).contains(&total), "{total}");

        let nastier = Behaviour { individuals_include_companies: true, ..Behaviour::default() };
        assert_eq!(list("companies", &asked, &nastier).pagination.total_results, 1_000);

        asked.first_name = Some("Ada".to_owned());
        let adas = list("companies", &asked, &Behaviour::default());
        assert!(adas.pagination.total_results < total / 4);
        assert!(adas.accounts.iter().all(|row| row.first_name.as_deref() == Some("Ada")));
    }
}
