//! Searching accounts.

use super::{Field, Organisation, paged};
use crate::api::{
    Account, AccountId, AccountKind, ApiError, Criterion, CustomOutputField, CustomSearchField,
    DisplayType, FieldId, Operator, OutputField, OutputFields, SearchAccounts, SearchFields,
    SearchPage, SearchRow, SortDirection, StandardSearchField, Value,
};
use compact_str::{CompactString, ToCompactString};
use std::cmp::Ordering;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Why a search was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum SearchError {
    #[error("search criteria are required")]
    NoCriteria,
    #[error("search field `{0}` is invalid")]
    UnknownField(String),
    #[error("search field `{field}` needs a value for {operator:?}")]
    NoValue { field: String, operator: Operator },
    #[error("output field `{0}` is invalid: neither an id nor a name of a field")]
    UnknownOutput(String),
    #[error("output field `{0}` is duplicated")]
    DuplicateOutput(String),
    #[error("output fields are required")]
    NoOutput,
    #[error("operator {operator:?} is not allowed for search field `{field}`")]
    Operator { field: String, operator: Operator },
    #[error("sort column `{0}` is not an output field")]
    Sort(String),
}

impl SearchError {
    /// The error that Neon answers. Codes 21 to 30: Neon's page on response codes.
    pub fn api_error(&self) -> ApiError {
        let code = match self {
            Self::Sort(_) => 21,
            Self::UnknownField(_) => 23,
            Self::NoValue { .. } => 24,
            Self::NoOutput => 26,
            Self::DuplicateOutput(_) => 27,
            Self::UnknownOutput(_) => 28,
            Self::Operator { .. } => 29,
            Self::NoCriteria => 30,
        };
        ApiError::new(code, self.to_string())
    }
}

/// A built-in column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standard {
    AccountId,
    AccountType,
    FirstName,
    LastName,
    CompanyName,
    Email,
    Modified,
}

impl Standard {
    const ALL: [Self; 7] = [
        Self::AccountId,
        Self::AccountType,
        Self::FirstName,
        Self::LastName,
        Self::CompanyName,
        Self::Email,
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
            Self::Modified => "Account Last Modified Date/Time",
        }
    }

    fn of(self, account: &Account) -> Option<CompactString> {
        let contact = account.body.primary_contact.as_ref();
        match self {
            Self::AccountId => account.body.account_id.map(|id| id.to_compact_string()),
            Self::AccountType => Some(CompactString::const_new(match account.kind {
                AccountKind::Individual => "Individual",
                AccountKind::Company => "Company",
            })),
            Self::FirstName => contact?.first_name.clone(),
            Self::LastName => contact?.last_name.clone(),
            Self::CompanyName => account.body.name.clone(),
            Self::Email => contact?.email1.clone(),
            Self::Modified => {
                let seconds = account.body.timestamps?.last_modified_date_time?;
                crate::api::rfc3339_text(seconds).map(CompactString::from)
            }
        }
    }
}

/// A column: built-in, or the custom field at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Standard(Standard),
    Custom(usize),
}

const TEXT_OPERATORS: [Operator; 12] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Blank,
    Operator::NotBlank,
    Operator::LessThan,
    Operator::GreaterThan,
    Operator::LessAndEqual,
    Operator::GreaterAndEqual,
    Operator::InRange,
    Operator::NotInRange,
    Operator::Contain,
    Operator::NotContain,
];

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
        _ => &TEXT_OPERATORS,
    }
}

/// A criterion whose field and operator were checked.
struct Test<'a> {
    column: Column,
    operator: Operator,
    values: Vec<&'a str>,
}

impl Organisation {
    /// The page of accounts that meet every criterion.
    pub fn search(&self, search: &SearchAccounts) -> Result<SearchPage, SearchError> {
        let columns = self.columns(&search.output_fields)?;
        let mut ids = self.matching(&search.search_fields)?;
        if let Some(name) = &search.pagination.sort_column {
            let Some((_, column)) = columns.iter().find(|(column, _)| **column == **name) else {
                return Err(SearchError::Sort(name.clone()));
            };
            self.sort(&mut ids, *column, search.pagination.sort_direction);
        }
        let (ids, pagination) = paged(ids.into_iter(), &search.pagination);
        let search_results = ids.into_iter().map(|id| self.search_row(id, &columns)).collect();
        Ok(SearchPage { search_results, pagination })
    }

    /// All accounts that meet every criterion, in id order.
    pub fn matching(&self, criteria: &[Criterion]) -> Result<Vec<AccountId>, SearchError> {
        let tests = self.tests(criteria)?;
        let ids = id_range(&tests, self.accounts()).map(AccountId);
        Ok(ids.filter(|&id| tests.iter().all(|test| self.meets(id, test))).collect())
    }

    /// Whether a search could be made by `criteria`.
    pub fn check_criteria(&self, criteria: &[Criterion]) -> Result<(), SearchError> {
        self.tests(criteria).map(drop)
    }

    fn tests<'a>(&self, criteria: &'a [Criterion]) -> Result<Vec<Test<'a>>, SearchError> {
        if criteria.is_empty() {
            return Err(SearchError::NoCriteria);
        }
        criteria.iter().map(|criterion| self.test(criterion)).collect()
    }

    /// What can be searched by.
    pub fn search_fields(&self) -> SearchFields {
        SearchFields {
            standard_fields: Standard::ALL
                .iter()
                .map(|column| StandardSearchField {
                    field_name: column.name().to_owned(),
                    operators: TEXT_OPERATORS.to_vec(),
                })
                .collect(),
            custom_fields: self
                .fields
                .iter()
                .map(|field| CustomSearchField {
                    display_name: Arc::clone(&field.definition.name),
                    id: field.definition.id.0,
                    operators: operators(field.definition.display_type).to_vec(),
                })
                .collect(),
        }
    }

    /// What can be put out.
    pub fn output_fields(&self) -> OutputFields {
        OutputFields {
            standard_fields: Standard::ALL.iter().map(|column| column.name().to_owned()).collect(),
            custom_fields: self
                .fields
                .iter()
                .map(|field| CustomOutputField {
                    display_name: Arc::clone(&field.definition.name),
                    id: field.definition.id.0,
                })
                .collect(),
        }
    }

    fn column(&self, name: &str) -> Option<Column> {
        if let Some(standard) = Standard::ALL.into_iter().find(|column| column.name() == name) {
            return Some(Column::Standard(standard));
        }
        let by_id = name.parse::<FieldId>().ok().and_then(|id| self.position(id));
        let by_name = || self.fields.iter().position(|field| &*field.definition.name == name);
        by_id.or_else(by_name).map(Column::Custom)
    }

    fn test<'a>(&self, criterion: &'a Criterion) -> Result<Test<'a>, SearchError> {
        let field = &criterion.field;
        let operator = criterion.operator;
        let column = self.column(field).ok_or_else(|| SearchError::UnknownField(field.clone()))?;
        let allowed = match column {
            Column::Standard(_) => &TEXT_OPERATORS[..],
            Column::Custom(position) => operators(self.fields[position].definition.display_type),
        };
        if !allowed.contains(&operator) {
            return Err(SearchError::Operator { field: field.clone(), operator });
        }
        let listed = criterion.value_list.iter().flatten().map(String::as_str);
        let values: Vec<&str> = criterion.value.as_deref().into_iter().chain(listed).collect();
        if values.is_empty() && !matches!(operator, Operator::Blank | Operator::NotBlank) {
            return Err(SearchError::NoValue { field: field.clone(), operator });
        }
        Ok(Test { column, operator, values })
    }

    fn columns(&self, outputs: &[OutputField]) -> Result<Vec<(Arc<str>, Column)>, SearchError> {
        if outputs.is_empty() {
            return Err(SearchError::NoOutput);
        }
        let mut columns: Vec<(Arc<str>, Column)> = Vec::with_capacity(outputs.len());
        for output in outputs {
            let (name, column) = match output {
                OutputField::Name(name) => (name.clone(), self.column(name)),
                OutputField::Id(id) => (id.to_string(), self.position(*id).map(Column::Custom)),
            };
            let column = column.ok_or_else(|| SearchError::UnknownOutput(name.clone()))?;
            if columns.iter().any(|(_, known)| *known == column) {
                return Err(SearchError::DuplicateOutput(name));
            }
            let shown = match column {
                Column::Standard(standard) => Arc::from(standard.name()),
                Column::Custom(position) => Arc::clone(&self.fields[position].definition.name),
            };
            columns.push((shown, column));
        }
        Ok(columns)
    }

    fn meets(&self, id: AccountId, test: &Test<'_>) -> bool {
        if let Column::Custom(position) = test.column {
            let value = self.value_now(self.changes.get(&id), id, position);
            return self.fields[position].meets(value.as_ref(), test);
        }
        let cell = self.cell(id, test.column);
        let cell = cell.as_deref();
        if test.column == Column::Standard(Standard::AccountId) {
            let number = |text: &str| text.parse::<u64>().ok();
            return meets(test, cell, |a, b| Some(number(a)?.cmp(&number(b)?)));
        }
        meets(test, cell, |a, b| Some(a.cmp(b)))
    }

    /// The text of one cell.
    fn cell(&self, id: AccountId, column: Column) -> Option<CompactString> {
        match column {
            Column::Standard(Standard::AccountId) => Some(id.to_compact_string()),
            Column::Standard(standard) => standard.of(&self.account(id)?),
            Column::Custom(position) => {
                match self.value_now(self.changes.get(&id), id, position)? {
                    Value::Text(text) => Some(text),
                    Value::Options(ids) => Some(self.fields[position].joined_names(&ids)),
                }
            }
        }
    }

    fn search_row(&self, id: AccountId, columns: &[(Arc<str>, Column)]) -> SearchRow {
        let cell = |(name, column): &(Arc<str>, Column)| (Arc::clone(name), self.cell(id, *column));
        SearchRow(columns.iter().map(cell).collect())
    }

    fn sort(&self, ids: &mut [AccountId], column: Column, direction: Option<SortDirection>) {
        if column != Column::Standard(Standard::AccountId) {
            ids.sort_by_cached_key(|&id| self.cell(id, column));
        }
        if direction == Some(SortDirection::Desc) {
            ids.reverse();
        }
    }
}

impl Field {
    /// Option fields are compared by option id or name, text fields by their text.
    fn meets(&self, value: Option<&Value>, test: &Test<'_>) -> bool {
        match value {
            Some(Value::Options(ids)) => {
                let has = |wanted: &str| {
                    ids.iter().filter_map(|&id| self.option(id)).any(|option| {
                        &*option.name == wanted || option.id.to_compact_string() == wanted
                    })
                };
                match test.operator {
                    Operator::Blank => false,
                    Operator::NotBlank => true,
                    Operator::NotEqual | Operator::NotInRange | Operator::NotContain => {
                        !test.values.iter().any(|wanted| has(wanted))
                    }
                    _ => test.values.iter().any(|wanted| has(wanted)),
                }
            }
            Some(Value::Text(held)) => meets(test, Some(held), |a, b| Some(a.cmp(b))),
            None => meets(test, None, |a, b| Some(a.cmp(b))),
        }
    }
}

/// Whether `cell` meets `test`; `order` compares two texts, and knows where they have no order.
fn meets(
    test: &Test<'_>,
    cell: Option<&str>,
    order: impl Fn(&str, &str) -> Option<Ordering>,
) -> bool {
    let blank = cell.is_none_or(str::is_empty);
    let cell = cell.unwrap_or_default();
    let any = |wanted: &[Ordering]| {
        !blank
            && test
                .values
                .iter()
                .any(|value| order(cell, value).is_some_and(|ordering| wanted.contains(&ordering)))
    };
    match test.operator {
        Operator::Blank => blank,
        Operator::NotBlank => !blank,
        Operator::Equal | Operator::InRange => any(&[Ordering::Equal]),
        Operator::NotEqual | Operator::NotInRange => !any(&[Ordering::Equal]),
        Operator::LessThan => any(&[Ordering::Less]),
        Operator::GreaterThan => any(&[Ordering::Greater]),
        Operator::LessAndEqual => any(&[Ordering::Less, Ordering::Equal]),
        Operator::GreaterAndEqual => any(&[Ordering::Greater, Ordering::Equal]),
        Operator::Contain => !blank && test.values.iter().any(|value| cell.contains(value)),
        Operator::NotContain => !test.values.iter().any(|value| cell.contains(value)),
    }
}

/// The ids that criteria on the account id leave, so that a keyset page need not visit them all.
fn id_range(tests: &[Test<'_>], accounts: u64) -> RangeInclusive<u64> {
    let (mut low, mut high) = (1, accounts);
    for test in tests.iter().filter(|test| test.column == Column::Standard(Standard::AccountId)) {
        let numbers = || test.values.iter().filter_map(|value| value.parse::<u64>().ok());
        let (Some(least), Some(most)) = (numbers().min(), numbers().max()) else { continue };
        match test.operator {
            Operator::Equal | Operator::InRange => {
                low = low.max(least);
                high = high.min(most);
            }
            Operator::GreaterThan | Operator::GreaterAndEqual => low = low.max(least),
            Operator::LessThan | Operator::LessAndEqual => high = high.min(most),
            _ => {}
        }
    }
    low..=high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Page;
    use crate::dataset::Dataset;

    fn search(
        criteria: &[(&str, Operator, &[&str])],
        outputs: &[&str],
    ) -> Result<SearchPage, SearchError> {
        let organisation = Organisation::new(&Dataset::built_in("v-fields", 2).unwrap(), 1_000, 1);
        let criterion = |(field, operator, values): &(&str, Operator, &[&str])| Criterion {
            field: (*field).to_owned(),
            operator: *operator,
            value: None,
            value_list: Some(values.iter().map(|&value| value.to_owned()).collect()),
        };
        organisation.search(&SearchAccounts {
            search_fields: criteria.iter().map(criterion).collect(),
            output_fields: outputs.iter().map(|&name| OutputField::Name(name.to_owned())).collect(),
            pagination: Page { page_size: 200, ..Page::default() },
        })
    }

    #[test]
    fn criteria_are_anded_and_ids_compared_as_numbers() {
        let page = search(
            &[
                ("Account ID", Operator::GreaterThan, &["9"]),
                ("Account ID", Operator::LessThan, &["100"]),
                ("V-1", Operator::NotBlank, &[]),
            ],
            &["Account ID", "V-1"],
        )
        .unwrap();
        assert!(page.search_results.len() > 50 && page.search_results.len() < 90);
        assert!(page.search_results.iter().all(|row| {
            let id: u64 = row.get("Account ID").unwrap().parse().unwrap();
            (10..100).contains(&id) && row.get("V-1").is_some()
        }));
    }

    #[test]
    fn options_are_found_by_name_and_by_id_and_joined_with_a_bar() {
        let by_name = search(&[("T-1", Operator::Contain, &["Cooking"])], &["T-1"]).unwrap();
        let by_id = search(&[("87", Operator::Contain, &["301"])], &["T-1"]).unwrap();
        assert_eq!(by_name, by_id);
        let cells: Vec<&str> =
            by_name.search_results.iter().map(|row| row.get("T-1").unwrap()).collect();
        assert!(cells.iter().all(|cell| cell.split('|').any(|name| name == "Cooking")));
        assert!(cells.iter().any(|cell| cell.contains('|')));
    }

    #[test]
    fn what_neon_refuses_is_refused() {
        let code = |criteria, outputs| search(criteria, outputs).unwrap_err().api_error().code;
        let all: &[(&str, Operator, &[&str])] = &[("Account ID", Operator::NotBlank, &[])];
        assert_eq!(code(&[], &["Account ID"]), "30");
        assert_eq!(code(all, &["T-1", "T-1"]), "27");
        assert_eq!(code(all, &["T-9"]), "28");
        assert_eq!(code(&[("X", Operator::Blank, &[])], &["T-1"]), "23");
        assert_eq!(code(&[("T-1", Operator::LessThan, &["x"])], &["T-1"]), "29");
        assert_eq!(code(&[("V-1", Operator::Equal, &[])], &["T-1"]), "24");
    }
}
