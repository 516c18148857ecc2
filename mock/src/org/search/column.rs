//! Columns that can be searched by, returned and sorted by.

use super::SearchError;
use super::standard_field::{CellSource, NUMBER, STANDARD, StandardField, TEXT, TypedSource};
use crate::api::{
    Account, AccountId, AccountKind, CustomField, CustomOutputField, CustomSearchField,
    DisplayType, FieldId, JsonMembers, Operator, OutputField, OutputFields, SearchFields, Value,
};
use crate::org::Organisation;
use crate::org::lag::View;
use compact_str::{CompactString, ToCompactString, format_compact};
use serde_json::Value as Json;
use smallvec::SmallVec;
use std::sync::{Arc, LazyLock};

/// A column: a standard field, or the custom field at a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Column {
    /// The account's id, which is a number, and sorts and narrows a search as one.
    AccountId,
    Standard(&'static StandardField),
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

/// Operators of a custom field. Recorded fields of numbers and dates have no `CONTAIN`.
fn operators(definition: &CustomField) -> &'static [Operator] {
    const TEXTS: [&str; 5] = ["Text", "Name", "Email", "Phone", "Area_Code"];
    match (definition.display_type, definition.data_type.as_deref()) {
        (DisplayType::Checkbox, _) => &CHECKBOX_OPERATORS,
        (DisplayType::Dropdown | DisplayType::Radio, _) => &CHOICE_OPERATORS,
        (_, Some(data_type)) if !TEXTS.contains(&data_type) => &NUMBER,
        _ => &TEXT,
    }
}

impl Column {
    fn standard(field: &'static StandardField) -> Self {
        match field.source {
            Some(CellSource::Typed(TypedSource::AccountId)) => Self::AccountId,
            _ => Self::Standard(field),
        }
    }

    /// True if it is the standard field with this source.
    pub(super) fn is(self, source: TypedSource) -> bool {
        let typed = CellSource::Typed(source);
        matches!(self, Self::Standard(field) if field.source == Some(typed))
    }
}

impl TypedSource {
    /// The value on `account`; the first of several.
    fn of(self, account: &Account) -> Option<CompactString> {
        let body = &account.body;
        let is_individual = account.kind == AccountKind::Individual;
        let contact = body.primary_contact.as_ref();
        // A company has the names of its contact in the account alone.
        let person = contact.filter(|_| is_individual);
        let times = body.timestamps.as_ref();
        let moment = |seconds: i64| crate::api::rfc3339_text(seconds).map(CompactString::from);
        let day = |seconds: i64| moment(seconds).map(|text| text[..text.len().min(10)].into());
        match self {
            Self::AccountId => body.account_id.map(|id| id.to_compact_string()),
            Self::AccountType => Some(kind_name(account.kind)),
            Self::FirstName => person?.first_name.clone(),
            Self::LastName => person?.last_name.clone(),
            Self::FullName => {
                let names = [person?.first_name.as_deref(), person?.last_name.as_deref()];
                let [first, last] = names.map(Option::unwrap_or_default);
                let full = format_compact!("{first} {last}");
                let full = full.trim();
                (!full.is_empty()).then(|| full.into())
            }
            Self::CompanyName if is_individual => kept(&body.others.get(), "/company/name"),
            Self::CompanyName => body.name.clone(),
            Self::AnyEmail => emails(account).into_iter().next(),
            Self::Email1 => contact?.email1.clone(),
            Self::CreatedTime => moment(times?.created_date_time?),
            Self::CreatedDate => day(times?.created_date_time?),
            Self::CreatedBy => times?.created_by.clone(),
            Self::ModifiedTime => moment(times?.last_modified_date_time?),
            Self::ModifiedDate => day(times?.last_modified_date_time?),
            Self::ModifiedBy => times?.last_modified_by.clone(),
        }
    }
}

/// E-mail addresses of an account's contact, without empty ones.
pub(super) fn emails(account: &Account) -> SmallVec<[CompactString; 1]> {
    let mut emails = SmallVec::new();
    if let Some(contact) = &account.body.primary_contact {
        emails.extend(contact.email1.clone().filter(|email| !email.is_empty()));
        let others = contact.others.get();
        emails.extend(["/email2", "/email3"].into_iter().filter_map(|at| kept(&others, at)));
    }
    emails
}

/// The text at `pointer` below `members`: options by name, joined with a bar, and truths in words.
fn kept(members: &JsonMembers, pointer: &str) -> Option<CompactString> {
    let (name, below) = pointer[1..].split_once('/').unwrap_or((&pointer[1..], ""));
    let value = members.get(name)?;
    let value = if below.is_empty() { value } else { value.pointer(&format!("/{below}"))? };
    match value {
        Json::String(text) => (!text.is_empty()).then(|| text.as_str().into()),
        Json::Bool(truth) => Some(CompactString::const_new(if *truth { "Yes" } else { "No" })),
        Json::Number(number) => Some(number.to_compact_string()),
        Json::Array(items) => {
            let names = items.iter().filter_map(|item| item.get("name")?.as_str());
            let joined = names.collect::<Vec<_>>().join("|");
            (!joined.is_empty()).then(|| joined.into())
        }
        Json::Null | Json::Object(_) => None,
    }
}

/// A kind of account as columns spell it.
const fn kind_name(kind: AccountKind) -> CompactString {
    CompactString::const_new(match kind {
        AccountKind::Individual => "Individual",
        AccountKind::Company => "Company",
    })
}

impl Organisation {
    /// Fields that a search accepts; with a `key`, those whose name has it in any case.
    pub fn search_fields(&self, key: Option<&str>) -> SearchFields {
        let custom = |definition: &CustomField| CustomSearchField {
            display_name: Arc::clone(definition.column_name()),
            id: definition.id.0,
            operators: operators(definition).to_vec(),
        };
        let custom_fields = self.listed_definitions().iter().map(custom).collect();
        let mut fields = SearchFields { standard_fields: STANDARD.search_fields(), custom_fields };
        if let Some(key) = key {
            let has = has(key);
            let all = fields.standard_fields.iter();
            fields.standard_fields = all.filter(|it| has(&it.field_name)).cloned().collect();
            fields.custom_fields.retain(|it| has(&it.display_name));
        }
        fields
    }

    /// Fields that a search can return, in the same way.
    pub fn output_fields(&self, key: Option<&str>) -> OutputFields {
        let custom = |definition: &CustomField| CustomOutputField {
            display_name: Arc::clone(definition.column_name()),
            id: definition.id.0,
        };
        let custom_fields = self.listed_definitions().iter().map(custom).collect();
        let mut fields = OutputFields { standard_fields: STANDARD.output_fields(), custom_fields };
        if let Some(key) = key {
            let has = has(key);
            let all = fields.standard_fields.iter();
            fields.standard_fields = all.filter(|it| has(it)).cloned().collect();
            fields.custom_fields.retain(|it| has(&it.display_name));
        }
        fields
    }

    /// The column `name`, or that of the custom field with this id, among the standard fields that
    /// `fits` allows.
    ///
    /// A custom field hides a standard one of its name that no account has a value for.
    fn column(&self, name: &str, fits: impl Fn(&StandardField) -> bool) -> Option<Column> {
        let exact = STANDARD.named(name).filter(|field| fits(field));
        let filled = exact.filter(|field| field.source.is_some()).map(Column::standard);
        let by_id = || name.parse::<FieldId>().ok().and_then(|id| self.position(id));
        let by_name = || {
            self.fields.iter().position(|field| {
                **field.definition.column_name() == *name || *field.definition.name == *name
            })
        };
        let similar = || STANDARD.named_in_any_case(name).filter(|field| fits(field));
        filled
            .or_else(|| by_id().or_else(by_name).map(Column::Custom))
            .or_else(|| exact.or_else(similar).map(Column::standard))
    }

    /// The column that a criterion on `name` looks at.
    pub(super) fn search_column(&self, name: &str) -> Option<Column> {
        self.column(name, |field| !field.operators.is_empty())
    }

    /// The operators that `column` can be searched with.
    pub(super) fn operators(&self, column: Column) -> &'static [Operator] {
        match column {
            Column::AccountId => &TEXT,
            Column::Standard(field) => field.operators,
            Column::Custom(position) => operators(&self.fields[position].definition),
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
                OutputField::Name(name) => {
                    (name.clone(), self.column(name, |field| field.is_output))
                }
                OutputField::Id(id) => (id.to_string(), self.position(*id).map(Column::Custom)),
            };
            let column = column.ok_or_else(|| SearchError::UnknownOutput(name.clone()))?;
            if taken.contains(&column) {
                return Err(SearchError::DuplicateOutput(name));
            }
            taken.push(column);
            let shown = match column {
                Column::AccountId => Arc::clone(&ACCOUNT_ID),
                Column::Standard(field) => Arc::clone(&field.name),
                Column::Custom(position) => {
                    Arc::clone(self.fields[position].definition.column_name())
                }
            };
            columns.retain(|(name, _)| *name != shown);
            columns.push((shown, column));
        }
        Ok(columns)
    }
}

/// A test of names for `key`, in any case.
fn has(key: &str) -> impl Fn(&str) -> bool {
    let key = key.to_lowercase();
    move |name| name.to_lowercase().contains(&key)
}

/// Name of the column of ids.
static ACCOUNT_ID: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("Account ID"));

impl View<'_> {
    /// Account `id` without its custom fields.
    pub(super) fn without_fields(&self, id: AccountId) -> Account {
        self.organisation.assemble(id, self.change(id), Vec::new())
    }

    /// The text of one cell.
    pub(super) fn cell(&self, id: AccountId, column: Column) -> Option<CompactString> {
        let organisation = self.organisation;
        match column {
            Column::AccountId => Some(id.to_compact_string()),
            Column::Standard(field) => match field.source? {
                CellSource::Typed(TypedSource::AccountType) => {
                    Some(kind_name(organisation.kind(id)))
                }
                CellSource::Typed(source) => source.of(&self.without_fields(id)),
                CellSource::Account(pointer) => {
                    kept(&self.without_fields(id).body.others.get(), pointer)
                }
                CellSource::Contact(pointer) => {
                    let contact = self.without_fields(id).body.primary_contact?;
                    kept(&contact.others.get(), pointer)
                }
            },
            Column::Custom(position) => {
                match organisation.value_now(self.change(id), id, position)? {
                    Value::Text(text) => Some(text),
                    Value::Options(ids) => Some(organisation.fields[position].joined_names(&ids)),
                }
            }
        }
    }
}
