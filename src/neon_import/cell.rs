//! Column names and cells, as the importer reads them.

use crate::text::{is_formula, join_and};
use neon_mock::api::{AccountType, CustomField, OptionDef, OptionStatus, Value};
use neonbench_engine::engine::ACCOUNT_ID;
use neonbench_engine::plan::ResolvedPlan;
use std::fmt;
use std::sync::Arc;

neon_mock::named! {
    /// The character between several options in one cell.
    pub enum Separator {
        /// `|`, as Neon's own exports have it.
        Bar = "|",
        /// `,`.
        Comma = ",",
    }
}

/// Two fields that the importer cannot tell apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the importer finds a column by its name, and `{name}` is the name of fields {ids}: rename one of them in Neon, or \
     migrate by `neonbench run`, which goes by ids"
)]
pub struct ColumnError {
    name: String,
    ids: String,
}

/// A value that no cell of an import file can hold, in words without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoCell {
    UnknownOption,
    InactiveOption,
    SharedName,
    SeparatorInName,
    LooseName,
    Blank,
    Null,
    InactiveField,
}

impl fmt::Display for NoCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownOption => "it holds an option that the field does not list",
            Self::InactiveOption => "it holds an inactive option",
            Self::SharedName => "it holds an option whose name another option shares",
            Self::SeparatorInName => "it holds an option whose name contains the separator",
            Self::LooseName => "it holds an option whose name begins or ends with white space",
            Self::Blank => "it holds white space alone, which may count as blank",
            Self::Null => "it holds a null character",
            Self::InactiveField => "the field is inactive",
        })
    }
}

/// The columns that a plan can write, and the form of their cells.
#[derive(Debug)]
pub(super) struct ImportColumns<'a> {
    /// By position in the plan's slots: the definition, and the column's name; `None` where the plan only reads.
    columns: Vec<Option<(&'a CustomField, Arc<str>)>>,
    pub(super) separator: Separator,
}

impl<'a> ImportColumns<'a> {
    /// The columns of what `task` writes among all `fields` of the organisation.
    ///
    /// Errors: [`ColumnError`] if such a field has no name to itself.
    pub(super) fn new(
        task: &ResolvedPlan,
        fields: &'a [CustomField],
        separator: Separator,
    ) -> Result<Self, ColumnError> {
        let written = task.written();
        let column = |(slot, field): (usize, &neonbench_engine::plan::ResolvedField)| {
            let definition = fields.iter().find(|it| it.id == field.id);
            let Some(definition) = definition.filter(|_| written.contains(&slot)) else {
                return Ok(None);
            };
            Ok(Some((definition, name_of(definition, fields)?)))
        };
        let columns = task.slots.iter().enumerate().map(column).collect::<Result<_, _>>()?;
        Ok(Self { columns, separator })
    }

    pub(super) fn name(&self, slot: usize) -> Arc<str> {
        Arc::clone(&self.column(slot).1)
    }

    pub(super) fn column(&self, slot: usize) -> &(&'a CustomField, Arc<str>) {
        self.columns[slot].as_ref().expect("only fields that the plan writes change")
    }

    /// The definitions of the columns.
    pub(super) fn definitions(&self) -> impl Iterator<Item = &'a CustomField> {
        self.columns.iter().flatten().map(|(field, _)| *field)
    }

    /// The cell of `value` in the column of `slot`; blank if there is none.
    ///
    /// Errors: [`NoCell`].
    pub(super) fn cell(&self, slot: usize, value: Option<&Value>) -> Result<String, NoCell> {
        let (field, _) = self.column(slot);
        if field.status == Some(OptionStatus::Inactive) {
            return Err(NoCell::InactiveField);
        }
        match value {
            None => Ok(String::new()),
            Some(Value::Text(text)) if text.contains('\0') => Err(NoCell::Null),
            Some(Value::Text(text)) => Ok(text.to_string()),
            Some(Value::Options(ids)) => {
                let mut names: Vec<&str> = Vec::new();
                for id in ids {
                    let option = field.option_values.iter().find(|option| option.id == *id);
                    names.push(self.option(option.ok_or(NoCell::UnknownOption)?, field)?);
                }
                Ok(names.join(self.separator.name()))
            }
        }
    }

    fn option<'o>(&self, option: &'o OptionDef, field: &CustomField) -> Result<&'o str, NoCell> {
        let name = &*option.name;
        let is_it = |other: &&OptionDef| other.name.trim().eq_ignore_ascii_case(name.trim());
        if option.status == Some(OptionStatus::Inactive) {
            Err(NoCell::InactiveOption)
        } else if name.contains(self.separator.name()) {
            Err(NoCell::SeparatorInName)
        } else if name.trim() != name || name.is_empty() {
            Err(NoCell::LooseName)
        } else if field.option_values.iter().filter(is_it).count() > 1 {
            Err(NoCell::SharedName)
        } else {
            Ok(name)
        }
    }
}

/// A name by which the importer finds `field` and no other: its own, else its display name.
fn name_of(field: &CustomField, fields: &[CustomField]) -> Result<Arc<str>, ColumnError> {
    let same = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    let has = |other: &&CustomField, name: &str| {
        same(&other.name, name) || same(other.column_name(), name)
    };
    let others = |name: &str| -> Vec<&CustomField> {
        fields.iter().filter(|other| other.id != field.id && has(other, name)).collect()
    };
    let names = [&field.name, field.column_name()];
    let is_alone = |name: &&Arc<str>| !same(name, ACCOUNT_ID) && others(name).is_empty();
    names.into_iter().find(is_alone).map(Arc::clone).ok_or_else(|| {
        let others = others(&field.name);
        let ids = [field].into_iter().chain(others).map(|it| it.id.to_string());
        ColumnError { name: field.name.to_string(), ids: join_and(&ids.collect::<Vec<_>>()) }
    })
}

/// Peculiarities of cells that the importer or a spreadsheet may treat otherwise than as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CellCounts {
    /// Cells that a spreadsheet would take for formulas.
    pub(super) formulas: u64,
    /// Cells that begin or end with white space.
    pub(super) loose: u64,
    /// Cells with line breaks.
    pub(super) broken: u64,
    /// Cells with several options.
    pub(super) several: u64,
}

impl CellCounts {
    pub(super) fn add(&mut self, cell: &str, is_several: bool) {
        self.formulas += u64::from(is_formula(cell));
        self.loose += u64::from(cell.trim() != cell);
        self.broken += u64::from(cell.contains(['\n', '\r']));
        self.several += u64::from(is_several);
    }
}

/// The kinds of account that have a field, in words; `None` if all do.
pub(super) const fn only_of(accounts: AccountType) -> Option<&'static str> {
    match accounts {
        AccountType::Any => None,
        AccountType::Individual => Some("individuals"),
        AccountType::Company => Some("companies"),
    }
}
