//! The accounts of a plan before the migration, with the fields that it touches: one set of search pages serves the
//! snapshot, the size of the work and the hours of edits.

use super::server::TargetReader;
use super::subject::PreflightError;
use crate::probe::MODIFIED;
use crate::text::csv_cell;
use neon_mock::api::{
    AccountId, Criterion, CustomField, FieldId, MAX_PAGE_SIZE, OutputField, SearchRow, Value,
};
use neonbench_engine::engine::{Columns, account_of, criteria};
use neonbench_engine::plan::{Plan, ResolvedPlan, SampledTexts, Selection};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The most pages of a search: five million accounts.
const MAX_PAGES: u32 = 25_000;

/// An account as the search shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotAccount {
    /// The account.
    pub id: AccountId,
    /// The cells of the touched fields, in their order; `None` where they are empty.
    pub cells: Vec<Option<String>>,
    /// The fields that are not empty; `None` if a cell does not tell its value.
    pub values: Option<Vec<(FieldId, Value)>>,
    /// Its last change, in seconds since 1970, UTC, if the server says it.
    pub modified_unix_s: Option<i64>,
}

/// The accounts of a plan, in id order, with the fields that it reads or writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The fields: id and name.
    pub fields: Vec<(FieldId, String)>,
    /// The accounts.
    pub accounts: Vec<SnapshotAccount>,
    /// Accounts that the plan names and the search does not show, in id order.
    pub missing: Vec<AccountId>,
}

/// The accounts that one search asks for.
enum AccountSearch<'a> {
    Ids(&'a [AccountId]),
    Filter(Vec<Criterion>),
}

impl Snapshot {
    /// Reads the accounts of `plan` by pages.
    ///
    /// Errors: the plan does not fit the definitions; the server does not serve the search.
    pub(super) fn read(
        plan: &Plan,
        definitions: &[CustomField],
        reader: &mut TargetReader,
    ) -> Result<Self, PreflightError> {
        let task = ResolvedPlan::resolve(plan, definitions)
            .map_err(|_| PreflightError::Blocked("fields"))?;
        let slots: Vec<usize> = (0..task.slots.len()).collect();
        let columns = Columns::new(&task, &slots).ok_or_else(|| {
            let words = "two fields of the plan share a name in search results, which show only one of them";
            PreflightError::Inconclusive(words.to_owned())
        })?;
        let fields = task.slots.iter().map(|slot| (slot.id, slot.name.to_string())).collect();
        let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
        match plan.selection.at_server() {
            Selection::Ids(mut ids) => {
                ids.sort_unstable();
                for chunk in ids.chunks(MAX_PAGE_SIZE as usize) {
                    pages(&columns, &task, &AccountSearch::Ids(chunk), reader, &mut found)?;
                }
                ids.dedup();
                ids.retain(|id| !found.contains_key(id));
                missing = ids;
            }
            Selection::Filter(criteria) => {
                pages(&columns, &task, &AccountSearch::Filter(criteria), reader, &mut found)?;
            }
            Selection::All => {}
        }
        Ok(Self { fields, accounts: found.into_values().collect(), missing })
    }

    /// The table for people and `neonbench`: an account per line. It holds values of constituents' accounts.
    pub fn to_csv(&self) -> String {
        let mut table = "account_id".to_owned();
        for (_, name) in &self.fields {
            let _ = write!(table, ",{}", csv_cell(name));
        }
        table.push('\n');
        for account in &self.accounts {
            let _ = write!(table, "{}", account.id);
            for cell in &account.cells {
                let _ = write!(table, ",{}", csv_cell(cell.as_deref().unwrap_or_default()));
            }
            table.push('\n');
        }
        table
    }

    /// The texts of the fields that maps of `task` look up.
    pub fn texts(&self, task: &ResolvedPlan) -> SampledTexts {
        let place = |field| self.fields.iter().position(|(id, _)| *id == field);
        let texts = |place: usize| {
            self.accounts.iter().filter_map(move |account| account.cells[place].clone())
        };
        let looked_up = task.looked_up().filter_map(|field| Some((field, place(field)?)));
        looked_up.map(|(field, place)| (field, texts(place).collect())).collect()
    }
}

/// Adds the accounts of `part` to `found`.
fn pages(
    columns: &Columns<'_>,
    task: &ResolvedPlan,
    part: &AccountSearch<'_>,
    reader: &mut TargetReader,
    found: &mut BTreeMap<AccountId, SnapshotAccount>,
) -> Result<(), PreflightError> {
    for current_page in 0..MAX_PAGES {
        let wanted = match part {
            AccountSearch::Ids(ids) => criteria(ids),
            AccountSearch::Filter(criteria) => criteria.clone(),
        };
        let mut search = columns.matching(wanted, current_page);
        search.output_fields.push(OutputField::Name(MODIFIED.to_owned()));
        let page = reader.search(search)?;
        let before = found.len();
        for row in &page.search_results {
            let account = account(columns, task, row).ok_or_else(|| {
                PreflightError::Inconclusive("a row of the search names no account".to_owned())
            })?;
            found.insert(account.id, account);
        }
        if current_page == 0 && matches!(part, AccountSearch::Filter(_)) {
            let pages = page.pagination.total_pages.min(MAX_PAGES);
            reader.allow(u64::from(pages).saturating_sub(1));
        }
        if page.pagination.is_last() {
            return Ok(());
        }
        if found.len() == before {
            return Err(PreflightError::Inconclusive(format!(
                "page {} of the search brings no account that the pages before it had not, and the server says that \
                 more follow",
                current_page + 1
            )));
        }
    }
    Err(PreflightError::Inconclusive(format!("the search has more than {MAX_PAGES} pages")))
}

fn account(columns: &Columns<'_>, task: &ResolvedPlan, row: &SearchRow) -> Option<SnapshotAccount> {
    let id = account_of(row).ok()?;
    let cell = |slot: usize| row.get(&task.slots[slot].column);
    let cells = (0..task.slots.len()).map(|slot| cell(slot).map(str::to_owned)).collect();
    let modified = row.get(MODIFIED).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    Some(SnapshotAccount {
        id,
        cells,
        values: columns.values(row).ok().map(|(_, values)| values),
        modified_unix_s: modified.map(OffsetDateTime::unix_timestamp),
    })
}
