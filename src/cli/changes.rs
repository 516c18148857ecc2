//! `--changes FILE`: the fields that a run changed, as a table for people and their spreadsheets.
//!
//! It holds values of constituents' accounts, so only the owner may read it.

use super::command_line::CommandLine;
use super::error::CliError;
use super::files::{self, Output, Readers};
use super::output::plural;
use clap::Args;
use neon_mock::api::{AccountId, CustomField, Value};
use neonbench::store::Store;
use neonbench::text::{csv_cell, is_formula};
use neonbench_engine::journal::FieldChange;
use std::borrow::Cow;
use std::path::PathBuf;

/// The choice to list what a run changes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct ChangesArgs {
    /// Write the fields that the run changed, with their old and new values, to this CSV file
    #[arg(long, value_name = "FILE")]
    pub(super) changes: Option<PathBuf>,
}

/// The columns of the table.
const HEADER: &str = "account_id,field_id,field,before,after,outcome\n";

impl ChangesArgs {
    /// Finds out whether the table can be written, before the run.
    ///
    /// Errors: it cannot.
    pub(super) fn check(&self) -> Result<(), CliError> {
        files::check(self.changes.as_deref())
    }

    /// Writes the table of run `id` of `store`, if it is asked for. `fields` are the organisation's.
    ///
    /// Errors: the file cannot be written.
    pub(super) fn write(
        &self,
        store: &Store,
        id: i64,
        fields: &[CustomField],
        line: &CommandLine,
    ) -> Result<(), CliError> {
        let Some(path) = &self.changes else { return Ok(()) };
        let ledger = store.ledger(id)?;
        let mut table = HEADER.to_owned();
        let mut changes = 0;
        for (id, entry) in ledger.iter() {
            let unsure = entry.open.iter().flat_map(|intent| &intent.changes);
            let rows = entry.changes.iter().map(|change| (change, "written"));
            for (change, outcome) in rows.chain(unsure.map(|change| (change, "unknown"))) {
                table.push_str(&row(id, change, outcome, fields));
                changes += 1;
            }
        }
        Output::prepare(path, Readers::Owner)?.write(&table)?;
        let changes = plural(changes, "change");
        line.note(format_args!("written: {}, with {changes}", path.display()));
        Ok(())
    }
}

fn row(id: AccountId, change: &FieldChange, outcome: &str, fields: &[CustomField]) -> String {
    let field = fields.iter().find(|field| field.id == change.field);
    let value = |value: &Option<Value>| quoted(&shown(value.as_ref(), field));
    let name = field.map_or_else(String::new, |field| quoted(&field.name));
    let (before, after) = (value(&change.before), value(&change.after));
    format!("{id},{},{name},{before},{after},{outcome}\n", change.field)
}

/// A value as Neon's own exports show it: options by name, with a bar between them.
fn shown(value: Option<&Value>, field: Option<&CustomField>) -> String {
    match value {
        None => String::new(),
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Options(ids)) => {
            let options = || field.into_iter().flat_map(|field| &field.option_values);
            let name = |id| options().find(|option| option.id == id).map(|it| it.name.to_string());
            let names = ids.iter().map(|&id| name(id).unwrap_or_else(|| id.to_string()));
            names.collect::<Vec<_>>().join("|")
        }
    }
}

/// A cell that no spreadsheet carries out: an apostrophe before what it would take for a formula. Numbers stay.
fn guarded(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { format!("'{cell}").into() } else { cell.into() }
}

/// A cell for people and their spreadsheets.
fn quoted(cell: &str) -> String {
    csv_cell(&guarded(cell)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn cells_are_quoted_where_they_need_it() {
        let cells = ["plain", "", "a, b", "say \"so\"", "two\nlines", " blank "].map(quoted);
        let expected =
            ["plain", "", "\"a, b\"", "\"say \"\"so\"\"\"", "\"two\nlines\"", "\" blank \""];
        assert_eq!(cells, expected);
        // Formulas are text, numbers are numbers.
        let cells = ["=1+1", "+44 55", "-5", "-5.25", "+1e3", "-", "@a", "\tx", "a=b"].map(quoted);
        let expected = ["'=1+1", "'+44 55", "-5", "-5.25", "+1e3", "'-", "'@a", "'\tx", "a=b"];
        assert_eq!(cells, expected);
    }
}
