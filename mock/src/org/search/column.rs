//! Columns that can be searched by, returned and sorted by.

use super::SearchError;
use crate::api::{
    Account, AccountId, AccountKind, CustomField, CustomOutputField, CustomSearchField,
    DisplayType, FieldId, Operator, OutputField, OutputFields, SearchFields, StandardSearchField,
    Value,
};
use crate::org::Organisation;
use crate::org::lag::View;
use compact_str::{CompactString, ToCompactString};
use std::sync::Arc;

/// A built-in column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standard {
    AccountId,
    AccountType,
    FirstName,
    LastName,
    CompanyName,
    Email,
    Created,
    Modified,
}

/// A column: built-in, or the custom field at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Standard(Standard),
    Custom(usize),
}

const CHECKBOX_OPERATORS: [Operator; 6] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Blank,
    Operator::NotBlank,
    Operator::InRange,
    Operator::Contain,
];

const CHOICE_OPERATORS: [Operator; 7] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Blank,
    Operator::NotBlank,
    Operator::InRange,
    Operator::NotInRange,
    Operator::Contain,
];

fn operators(display_type: DisplayType) -> &'static [Operator] {
    match display_type {
        DisplayType::Checkbox => &CHECKBOX_OPERATORS,
        DisplayType::Dropdown | DisplayType::Radio => &CHOICE_OPERATORS,
        _ => &Operator::ALL,
    }
}

impl Standard {
    const ALL: [Self; 8] = [
        Self::AccountId,
        Self::AccountType,
        Self::FirstName,
        Self::LastName,
        Self::CompanyName,
        Self::Email,
        Self::Created,
        Self::Modified,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::AccountId => "Account ID",
            Self::AccountType => "Account Type",
            Self::FirstName => "First Name",
            Self::LastName => "Last Name",
            Self::CompanyName => "Company Name",
            Self::Email => "Email 1",
            Self::Created => "Account Created Date/Time",
            Self::Modified => "Account Last Modified Date/Time",
        }
    }

    /// All operators; for moments, all but those on parts of a text.
    fn operators(self) -> &'static [Operator] {
        match self {
            Self::Created | Self::Modified => &Operator::ALL[..10],
            _ => &Operator::ALL,
        }
    }

    fn of(self, account: &Account) -> Option<CompactString> {
        let contact = account.body.primary_contact.as_ref();
        let moment = |seconds: i64| crate::api::rfc3339_text(seconds).map(CompactString::from);
        match self {
            Self::AccountId => account.body.account_id.map(|id| id.to_compact_string()),
            Self::AccountType => Some(kind_name(account.kind)),
            Self::FirstName => contact?.first_name.clone(),
            Self::LastName => contact?.last_name.clone(),
            Self::CompanyName => account.body.name.clone(),
            Self::Email => contact?.email1.clone(),
            Self::Created => moment(account.body.timestamps?.created_date_time?),
            Self::Modified => moment(account.body.timestamps?.last_modified_date_time?),
        }
    }
}

/// A kind of account as columns spell it.
const fn kind_name(kind: AccountKind) -> CompactString {
    CompactString::const_new(match kind {
        AccountKind::Individual => "Individual",
        AccountKind::Company => "Company",
    })
}

/// The name of a field in columns.
fn display_name(definition: &CustomField) -> &Arc<str> {
    definition.display_name.as_ref().unwrap_or(&definition.name)
}

impl Organisation {
    /// Fields that a search accepts.
    pub fn search_fields(&self) -> SearchFields {
        let standard = |column: Standard| StandardSearchField {
            field_name: column.name().to_owned(),
            operators: column.operators().to_vec(),
        };
        let custom = |definition: &CustomField| CustomSearchField {
            display_name: Arc::clone(display_name(definition)),
            id: definition.id.0,
            operators: operators(definition.display_type).to_vec(),
        };
        SearchFields {
            standard_fields: Standard::ALL.map(standard).to_vec(),
            custom_fields: self.definitions().iter().map(custom).collect(),
        }
    }

    /// Fields that a search can return.
    pub fn output_fields(&self) -> OutputFields {
        let custom = |definition: &CustomField| CustomOutputField {
            display_name: Arc::clone(display_name(definition)),
            id: definition.id.0,
        };
        OutputFields {
            standard_fields: Standard::ALL.map(|column| column.name().to_owned()).to_vec(),
            custom_fields: self.definitions().iter().map(custom).collect(),
        }
    }

    /// The column `name`, or that of the custom field with this id.
    pub(super) fn column(&self, name: &str) -> Option<Column> {
        if let Some(standard) = Standard::ALL.into_iter().find(|column| column.name() == name) {
            return Some(Column::Standard(standard));
        }
        let by_id = name.parse::<FieldId>().ok().and_then(|id| self.position(id));
        let by_name = || {
            self.fields.iter().position(|field| {
                **display_name(&field.definition) == *name || *field.definition.name == *name
            })
        };
        by_id.or_else(by_name).map(Column::Custom)
    }

    /// The operators that `column` can be searched with.
    pub(super) fn operators(&self, column: Column) -> &'static [Operator] {
        match column {
            Column::Standard(standard) => standard.operators(),
            Column::Custom(position) => operators(self.fields[position].definition.display_type),
        }
    }

    /// The columns to return, each with its name.
    ///
    /// Two fields of one display name are both taken, and the later one hides the other: a row is
    /// a map.
    pub(super) fn columns(
        &self,
        outputs: &[OutputField],
    ) -> Result<Vec<(Arc<str>, Column)>, SearchError> {
        if outputs.is_empty() {
            return Err(SearchError::NoOutput);
        }
        let mut taken = Vec::with_capacity(outputs.len());
        let mut columns: Vec<(Arc<str>, Column)> = Vec::with_capacity(outputs.len());
        for output in outputs {
            let (name, column) = match output {
                OutputField::Name(name) => (name.clone(), self.column(name)),
                OutputField::Id(id) => (id.to_string(), self.position(*id).map(Column::Custom)),
            };
            let column = column.ok_or_else(|| SearchError::UnknownOutput(name.clone()))?;
            if taken.contains(&column) {
                return Err(SearchError::DuplicateOutput(name));
            }
            taken.push(column);
            let shown = match column {
                Column::Standard(standard) => Arc::from(standard.name()),
                Column::Custom(position) => {
                    Arc::clone(display_name(&self.fields[position].definition))
                }
            };
            columns.retain(|(name, _)| *name != shown);
            columns.push((shown, column));
        }
        Ok(columns)
    }
}

impl View<'_> {
    /// The text of one cell.
    pub(super) fn cell(&self, id: AccountId, column: Column) -> Option<CompactString> {
        let organisation = self.organisation;
        match column {
            Column::Standard(Standard::AccountId) => Some(id.to_compact_string()),
            Column::Standard(Standard::AccountType) => Some(kind_name(organisation.kind(id))),
            Column::Standard(standard) => {
                standard.of(&organisation.assemble(id, self.change(id), Vec::new()))
            }
            Column::Custom(position) => {
                match organisation.value_now(self.change(id), id, position)? {
                    Value::Text(text) => Some(text),
                    Value::Options(ids) => Some(organisation.fields[position].joined_names(&ids)),
                }
            }
        }
    }
}
