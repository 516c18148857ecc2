//! Search rows: options by name, columns by display name.
//!
//! Pure. A row that is ambiguous is an error and never guessed at: the account is read by GET then.

use crate::decide::SlotValues;
use crate::plan::{Inconclusive, ResolvedPlan};
use neon_mock::api::{
    AccountId, AccountKind, Criterion, FieldId, MAX_PAGE_SIZE, Operator, OutputField, Page,
    SearchAccounts, SearchRow, SortDirection, Value,
};

/// Column with the account's id.
pub const ACCOUNT_ID: &str = "Account ID";

/// Column that tells individuals from companies.
const ACCOUNT_TYPE: &str = "Account Type";

/// Number of columns before those of the slots.
const STANDARD: usize = 2;

/// The columns of a search that show some slots of a plan.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    task: &'a ResolvedPlan,
    slots: &'a [usize],
}

impl<'a> Columns<'a> {
    /// The columns for `slots`; `None` if two of them share a name, since a row is a map by name.
    pub fn new(task: &'a ResolvedPlan, slots: &'a [usize]) -> Option<Self> {
        let name = |&slot: &usize| &*task.slots[slot].column;
        let hides = |(index, slot): (usize, &usize)| {
            [ACCOUNT_ID, ACCOUNT_TYPE].contains(&name(slot))
                || slots[..index].iter().any(|other| name(other) == name(slot))
        };
        (!slots.iter().enumerate().any(hides)).then_some(Self { task, slots })
    }

    /// The columns to ask for: id and kind of the account, and the field of each slot by id.
    fn output_fields(&self) -> Vec<OutputField> {
        let standard = [ACCOUNT_ID, ACCOUNT_TYPE].map(|name| OutputField::Name(name.to_owned()));
        let custom = self.slots.iter().map(|&slot| OutputField::Id(self.task.slots[slot].id));
        standard.into_iter().chain(custom).collect()
    }

    /// Page number `current_page` of the search for the accounts `ids`.
    pub fn search(&self, ids: &[AccountId], current_page: u32) -> SearchAccounts {
        self.matching(criteria(ids), current_page)
    }

    /// Page number `current_page` of the search for the accounts that meet `criteria`.
    pub fn matching(&self, criteria: Vec<Criterion>, current_page: u32) -> SearchAccounts {
        SearchAccounts {
            search_fields: criteria,
            output_fields: self.output_fields(),
            pagination: Page {
                current_page,
                page_size: MAX_PAGE_SIZE,
                sort_column: Some(ACCOUNT_ID.to_owned()),
                sort_direction: Some(SortDirection::Asc),
            },
        }
    }

    /// Reads the slots of `row` into `state` and returns the account's kind.
    ///
    /// Errors: [`Inconclusive`] if a column is missing, which need not mean an empty field, or if a
    /// cell is ambiguous. `state` is unspecified then.
    pub fn read(
        &self,
        row: &SearchRow,
        state: &mut SlotValues,
    ) -> Result<AccountKind, Inconclusive> {
        let kind = kind_of(cell(row, 1, ACCOUNT_TYPE)?.ok_or(Inconclusive)?)?;
        for (place, &slot) in (STANDARD..).zip(self.slots) {
            let shown = &self.task.slots[slot];
            state[slot] = match cell(row, place, &shown.column)? {
                Some(cell) => shown.shown(cell)?,
                None => None,
            };
        }
        Ok(kind)
    }

    /// The fields that the columns show.
    pub fn fields(&self) -> Vec<FieldId> {
        self.slots.iter().map(|&slot| self.task.slots[slot].id).collect()
    }

    /// The kind of the account of `row`, and its fields that are not empty, in id order.
    ///
    /// Errors: as [`read`](Self::read).
    pub fn values(
        &self,
        row: &SearchRow,
    ) -> Result<(AccountKind, Vec<(FieldId, Value)>), Inconclusive> {
        let mut state = vec![None; self.task.slots.len()];
        let kind = self.read(row, &mut state)?;
        let held = self.task.slots.iter().zip(state);
        let held = held.filter_map(|(slot, value)| Some((slot.id, value?)));
        let mut values: Vec<(FieldId, Value)> = held.collect();
        values.sort_by_key(|(id, _)| *id);
        Ok((kind, values))
    }
}

/// The account of `row`.
///
/// Errors: [`Inconclusive`] if the column is missing or holds no id.
pub fn account_of(row: &SearchRow) -> Result<AccountId, Inconclusive> {
    cell(row, 0, ACCOUNT_ID)?.and_then(|id| id.parse().ok()).ok_or(Inconclusive)
}

/// The cell of `column`, which is nearly always at index `place`; `None` if it is null.
fn cell<'r>(
    row: &'r SearchRow,
    place: usize,
    column: &str,
) -> Result<Option<&'r str>, Inconclusive> {
    let is_it = |name: &str| name == column;
    let guessed = row.0.get(place).filter(|(name, _)| is_it(name));
    let found = guessed.or_else(|| row.0.iter().find(|(name, _)| is_it(name)));
    found.map(|(_, cell)| cell.as_deref()).ok_or(Inconclusive)
}

/// Clients write it both ways: "Company" and "COMPANY".
fn kind_of(cell: &str) -> Result<AccountKind, Inconclusive> {
    match cell {
        kind if kind.eq_ignore_ascii_case("individual") => Ok(AccountKind::Individual),
        kind if kind.eq_ignore_ascii_case("company") => Ok(AccountKind::Company),
        _ => Err(Inconclusive),
    }
}

/// The first page of the accounts that meet `criteria`, their ids alone.
pub fn ids_of(criteria: Vec<Criterion>) -> SearchAccounts {
    SearchAccounts {
        search_fields: criteria,
        output_fields: vec![OutputField::Name(ACCOUNT_ID.to_owned())],
        pagination: Page {
            current_page: 0,
            page_size: MAX_PAGE_SIZE,
            sort_column: Some(ACCOUNT_ID.to_owned()),
            sort_direction: Some(SortDirection::Asc),
        },
    }
}

/// Criteria that the accounts `ids` meet and no others.
pub fn criteria(ids: &[AccountId]) -> Vec<Criterion> {
    let criterion = |operator, value: Option<AccountId>, list: Option<Vec<String>>| Criterion {
        field: ACCOUNT_ID.to_owned(),
        operator,
        value: value.map(|id| id.to_string()),
        value_list: list,
    };
    match ids {
        [id] => vec![criterion(Operator::Equal, Some(*id), None)],
        [first, .., last] if ids.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0) => vec![
            criterion(Operator::GreaterAndEqual, Some(*first), None),
            criterion(Operator::LessAndEqual, Some(*last), None),
        ],
        ids => {
            let list = ids.iter().map(ToString::to_string).collect();
            vec![criterion(Operator::InRange, None, Some(list))]
        }
    }
}

#[cfg(test)]
mod tests;
