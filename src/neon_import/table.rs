//! Tables of accounts: grouped so that no cell is blank by accident, and written as CSV.

use crate::text::csv_cell;
use neon_mock::api::AccountId;
use neonbench_engine::engine::ACCOUNT_ID;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A field of an account that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CellChange {
    pub(super) slot: usize,
    /// The cell of the value before; blank if there was none.
    pub(super) before: String,
    /// The cell of the value after; blank if the field is cleared.
    pub(super) after: String,
    /// True where the cell holds several options, before and after.
    pub(super) are_several: [bool; 2],
}

impl CellChange {
    pub(super) const fn clears(&self) -> bool {
        self.after.is_empty()
    }
}

/// An account with the fields that change, in the order of their slots.
#[derive(Clone, Debug)]
pub(super) struct ChangedAccount {
    pub(super) id: AccountId,
    pub(super) changes: Vec<CellChange>,
}

impl ChangedAccount {
    /// The part of it that sets values, or the one that clears fields; `None` if it is empty.
    fn part(&self, clears: bool) -> Option<Self> {
        let changes = self.changes.iter().filter(|it| it.clears() == clears);
        let changes: Vec<CellChange> = changes.cloned().collect();
        (!changes.is_empty()).then_some(Self { id: self.id, changes })
    }

    fn slots(&self) -> Vec<usize> {
        self.changes.iter().map(|change| change.slot).collect()
    }

    /// The worth of it for a trial: cells of several options first, then those that need quotes, then other letters.
    fn worth(&self) -> usize {
        let worth = |it: &CellChange| {
            8 * usize::from(it.are_several.contains(&true))
                + 4 * usize::from(csv_cell(&it.after) != it.after)
                + 2 * usize::from(!it.after.is_ascii())
                + 1
        };
        self.changes.iter().map(worth).sum()
    }
}

/// A file to import and the one that undoes it: the same accounts and columns.
#[derive(Clone, Debug)]
pub struct ImportTable {
    /// Names of the columns.
    pub columns: Vec<Arc<str>>,
    /// True if every cell is blank on purpose; false if none is blank.
    pub clears: bool,
    rows: Vec<ChangedAccount>,
}

/// A table with the names of its two files.
#[derive(Clone, Debug)]
pub struct ImportFile {
    /// Name of the file to import.
    pub import: String,
    /// Name of the file that undoes it.
    pub undo: String,
    /// The accounts.
    pub table: ImportTable,
}

impl ImportTable {
    /// The accounts, in id order.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.rows.iter().map(|row| row.id).collect()
    }

    /// The text of the file to import.
    pub fn import_csv(&self) -> String {
        self.csv(|change| {
            // A blank cell clears.
            assert!(change.after.trim().is_empty() == self.clears, "no cell is blank by accident");
            &change.after
        })
    }

    /// The text of the file that undoes it: a blank cell stands where the field was empty.
    pub fn undo_csv(&self) -> String {
        self.csv(|change| &change.before)
    }

    /// Source: RFC 4180.
    fn csv(&self, cell: impl Fn(&CellChange) -> &str) -> String {
        let mut text = csv_cell(ACCOUNT_ID).into_owned();
        for column in &self.columns {
            text.push(',');
            text.push_str(&csv_cell(column));
        }
        text.push_str("\r\n");
        for row in &self.rows {
            text.push_str(&row.id.to_string());
            for change in &row.changes {
                text.push(',');
                text.push_str(&csv_cell(cell(change)));
            }
            text.push_str("\r\n");
        }
        text
    }
}

/// The rows that change the same columns, by these; where these are fewer, the rows of each column.
fn groups(rows: Vec<ChangedAccount>) -> BTreeMap<Vec<usize>, Vec<ChangedAccount>> {
    let sets: BTreeSet<Vec<usize>> = rows.iter().map(ChangedAccount::slots).collect();
    let slots: BTreeSet<usize> = sets.iter().flatten().copied().collect();
    let mut groups: BTreeMap<Vec<usize>, Vec<ChangedAccount>> = BTreeMap::new();
    for row in rows {
        if sets.len() <= slots.len() {
            groups.entry(row.slots()).or_default().push(row);
            continue;
        }
        for change in row.changes {
            let one = ChangedAccount { id: row.id, changes: vec![change] };
            groups.entry(one.slots()).or_default().push(one);
        }
    }
    groups
}

/// The tables of `accounts`, those that set values before those that clear fields, with at most `most` rows each.
pub(super) fn files(
    accounts: &[ChangedAccount],
    most: usize,
    name: impl Fn(usize) -> Arc<str>,
) -> Vec<ImportFile> {
    let mut tables = Vec::new();
    for clears in [false, true] {
        let parts = accounts.iter().filter_map(|account| account.part(clears)).collect();
        for (slots, rows) in groups(parts) {
            let columns: Vec<Arc<str>> = slots.into_iter().map(&name).collect();
            tables.extend(rows.chunks(most).map(|rows| {
                let (columns, rows) = (columns.clone(), rows.to_vec());
                ImportTable { columns, clears, rows }
            }));
        }
    }
    let digits = tables.len().to_string().len().max(2);
    let file = |(number, table): (usize, ImportTable)| {
        let kind = if table.clears { "-clears" } else { "" };
        ImportFile {
            import: format!("import-{number:0digits$}{kind}.csv"),
            undo: format!("undo-{number:0digits$}.csv"),
            table,
        }
    };
    (1..).zip(tables).map(file).collect()
}

/// Two accounts to try first, which change the same columns, and as much of what is unsure as two can show.
pub(super) fn trial(
    accounts: &[ChangedAccount],
    name: impl Fn(usize) -> Arc<str>,
) -> Option<ImportTable> {
    let of = |clears: bool| -> Option<ImportTable> {
        let mut by_slots: BTreeMap<Vec<usize>, Vec<ChangedAccount>> = BTreeMap::new();
        for part in accounts.iter().filter_map(|account| account.part(clears)) {
            by_slots.entry(part.slots()).or_default().push(part);
        }
        let pairs = by_slots.into_iter().map(|(slots, mut rows)| {
            rows.sort_by_key(|row| std::cmp::Reverse(row.worth()));
            rows.truncate(2);
            (slots, rows)
        });
        let worth = |rows: &[ChangedAccount]| {
            (rows.len(), rows.iter().map(ChangedAccount::worth).sum::<usize>())
        };
        let (slots, mut rows) = pairs.max_by_key(|(_, rows)| worth(rows))?;
        rows.sort_by_key(|row| row.id);
        let columns = slots.into_iter().map(&name).collect();
        Some(ImportTable { columns, clears, rows })
    };
    of(false).or_else(|| of(true))
}
