//! Accounts in, tables out: the plan is applied by the engine's own [`decide_on`].

use super::cell::{CellCounts, ColumnError, ImportColumns, NoCell, Separator};
use super::table::{CellChange, ChangedAccount, ImportFile, ImportTable, files, trial};
use crate::text::csv_cell;
use neon_mock::api::{AccountId, AccountKind, CustomField, CustomFieldItem, FieldId, Value};
use neonbench_engine::decide::{decide_on, state_of_values};
use neonbench_engine::measure::UnmappedCounts;
use neonbench_engine::plan::ResolvedPlan;
use serde::Serialize;
use std::fmt::Write as _;

/// Accounts by what the files do to them. One whose value fails is in `failed`, and in `changed` if another of its
/// fields changes, as after a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportFigures {
    /// Accounts that the plan selects.
    pub accounts: u64,
    /// Accounts in the files.
    pub changed: u64,
    /// Accounts that hold what the plan demands already.
    pub unchanged: u64,
    /// Accounts that stay as they are, since a map has no entry for their values.
    pub unmapped: u64,
    /// Accounts that have none of the plan's fields.
    pub skipped: u64,
    /// Accounts with a value that a mapping refuses.
    pub failed: u64,
    /// Accounts that are in no file, since a value of theirs cannot stand in a cell, or they could not be read.
    pub left_out: u64,
}

/// Reason for which an account is in no file, or not in all that the plan demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutAccount {
    /// The account.
    pub id: AccountId,
    /// The field, where it is one.
    pub field: String,
    /// The reason, without values.
    pub reason: String,
}

/// Gathers accounts and makes their files.
#[derive(Debug)]
pub struct ImportBuilder<'a> {
    task: &'a ResolvedPlan,
    columns: ImportColumns<'a>,
    accounts: Vec<ChangedAccount>,
    left_out: Vec<LeftOutAccount>,
    figures: ImportFigures,
    unmapped: UnmappedCounts,
}

/// The files of a migration, and what they leave out.
#[derive(Debug)]
pub struct ImportSet<'a> {
    /// The files to import, in their order: those that set values, then those that clear fields.
    pub files: Vec<ImportFile>,
    /// Two accounts to try first.
    pub trial: Option<ImportTable>,
    /// Reasons for what is left out, in the order of the accounts.
    pub left_out: Vec<LeftOutAccount>,
    /// Accounts by what the files do to them.
    pub figures: ImportFigures,
    /// Values for which a map has no entry.
    pub unmapped: UnmappedCounts,
    pub(super) columns: ImportColumns<'a>,
    pub(super) counts: CellCounts,
    /// Blank cells of the undo files.
    pub(super) clearing_undos: u64,
    /// True if the plan finds nothing to do where it was applied.
    pub(super) is_repeatable: bool,
}

impl<'a> ImportBuilder<'a> {
    /// A builder for `task` in an organisation with `fields`.
    ///
    /// Errors: [`ColumnError`] if the importer cannot tell two fields apart.
    pub fn new(
        task: &'a ResolvedPlan,
        fields: &'a [CustomField],
        separator: Separator,
    ) -> Result<Self, ColumnError> {
        let columns = ImportColumns::new(task, fields, separator)?;
        let (accounts, left_out, unmapped) = Default::default();
        let figures = ImportFigures::default();
        Ok(Self { task, columns, accounts, left_out, figures, unmapped })
    }

    /// Adds an account that holds `values`.
    pub fn add(&mut self, id: AccountId, kind: AccountKind, values: &[(FieldId, Value)]) {
        let before = state_of_values(values, self.task);
        let decision = decide_on(&before, kind, self.task, &self.task.steps);
        for value in &decision.unmapped {
            self.unmapped.add(value);
        }
        self.unmapped.end_account();
        self.figures.accounts += 1;
        let reasons = decision.problems.iter().map(|problem| LeftOutAccount {
            id,
            field: String::new(),
            reason: format!("{}; other fields of the account are not affected", problem.in_words()),
        });
        self.left_out.extend(reasons);
        self.figures.failed += u64::from(!decision.problems.is_empty());
        let figure = match (decision.items.is_empty(), decision.applicable) {
            (false, _) => match self.changes(id, &before, &decision.items) {
                Ok(changes) => {
                    self.accounts.push(ChangedAccount { id, changes });
                    &mut self.figures.changed
                }
                Err(reasons) => {
                    self.left_out.extend(reasons);
                    &mut self.figures.left_out
                }
            },
            (true, _) if !decision.problems.is_empty() => return,
            (true, false) => &mut self.figures.skipped,
            (true, true) if !decision.unmapped.is_empty() => &mut self.figures.unmapped,
            (true, true) => &mut self.figures.unchanged,
        };
        *figure += 1;
    }

    /// Notes an account that could not be read.
    pub fn leave_out(&mut self, id: AccountId, reason: String) {
        self.figures.accounts += 1;
        self.figures.left_out += 1;
        self.left_out.push(LeftOutAccount { id, field: String::new(), reason });
    }

    /// The cells of `items` and of what stood there.
    ///
    /// Errors: the reasons why they cannot be written, or not be taken back.
    fn changes(
        &self,
        id: AccountId,
        before: &[Option<Value>],
        items: &[CustomFieldItem],
    ) -> Result<Vec<CellChange>, Vec<LeftOutAccount>> {
        let (mut changes, mut reasons) = (Vec::new(), Vec::new());
        for item in items {
            let Some(slot) = self.task.slots.iter().position(|slot| Some(slot.id) == item.id)
            else {
                continue;
            };
            let (value, stood) = (item.held(), before[slot].as_ref());
            // A blank cell would clear the field instead of setting it.
            let cell = |value: Option<&Value>| match self.columns.cell(slot, value) {
                Ok(cell) if value.is_some() && cell.trim().is_empty() => Err(NoCell::Blank),
                made => made,
            };
            let (after, undo) = (cell(value.as_ref()), cell(stood));
            let is_several =
                |value: Option<&Value>| matches!(value, Some(Value::Options(ids)) if ids.len() > 1);
            let are_several = [is_several(stood), is_several(value.as_ref())];
            let mut refuse = |when: &str, why: NoCell| {
                let field = self.columns.column(slot).0.name.to_string();
                reasons.push(LeftOutAccount { id, field, reason: format!("{when}: {why}") });
            };
            match (after, undo) {
                (Ok(after), Ok(before)) => {
                    changes.push(CellChange { slot, before, after, are_several });
                }
                (Err(why), _) => refuse("the new value cannot be imported", why),
                (_, Err(why)) => refuse("the old value could not be restored", why),
            }
        }
        changes.sort_by_key(|change| change.slot);
        if reasons.is_empty() { Ok(changes) } else { Err(reasons) }
    }

    /// The files, of at most `most_rows` accounts each.
    pub fn finish(self, most_rows: usize) -> ImportSet<'a> {
        let Self { task, mut accounts, mut left_out, figures, unmapped, columns } = self;
        let is_repeatable = task.is_repeatable();
        accounts.sort_by_key(|account| account.id);
        left_out.sort_by_key(|it| it.id);
        let mut counts = CellCounts::default();
        let mut clearing_undos = 0;
        for change in accounts.iter().flat_map(|account| &account.changes) {
            let [before, after] = change.are_several;
            counts.add(&change.after, after);
            counts.add(&change.before, before);
            clearing_undos += u64::from(change.before.is_empty());
        }
        let name = |slot: usize| columns.name(slot);
        let (files, trial) = (files(&accounts, most_rows, name), trial(&accounts, name));
        ImportSet {
            files,
            trial,
            left_out,
            figures,
            unmapped,
            columns,
            counts,
            clearing_undos,
            is_repeatable,
        }
    }
}

impl ImportSet<'_> {
    /// Every table with the names of the file to import and of the one that undoes it, that of the trial first.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str, &ImportTable)> {
        let trial = self.trial.iter().map(|table| ("trial.csv", "trial-undo.csv", table));
        trial.chain(self.files.iter().map(|it| (&*it.import, &*it.undo, &it.table)))
    }

    /// The table of what is left out, as CSV.
    pub fn left_out_csv(&self) -> String {
        let mut text = "Account ID,Field,Reason\r\n".to_owned();
        for LeftOutAccount { id, field, reason } in &self.left_out {
            let (field, reason) = (csv_cell(field), csv_cell(reason));
            writeln!(text, "{id},{field},{reason}\r").expect("a text takes what is written");
        }
        text
    }
}
