//! Search criteria and the ids that they leave to visit.

use super::SearchError;
use super::column::{Column, emails};
use super::standard_field::TypedSource;
use crate::api::{AccountId, Criterion, Operator, Value};
use crate::org::Organisation;
use crate::org::field::Field;
use crate::org::lag::View;
use compact_str::{CompactString, ToCompactString};
use std::cmp::Ordering;

/// A criterion whose field and operator were checked.
pub(super) struct Test<'a> {
    column: Column,
    operator: Operator,
    values: Vec<&'a str>,
}

/// The criteria of a search, those on the account id turned into ids.
pub(super) struct Criteria<'a> {
    /// Ids that meet the criteria on the account id.
    pub(super) ids: Ids,
    /// Criteria that remain to be checked per account.
    tests: Vec<Test<'a>>,
}

/// Ids that criteria on the account id leave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ids {
    /// From the first to the second.
    Range(u64, u64),
    /// These, in order.
    List(Vec<u64>),
}

impl Organisation {
    /// Checks `criteria` against the organisation's fields.
    pub(super) fn criteria<'a>(
        &self,
        criteria: &'a [Criterion],
    ) -> Result<Criteria<'a>, SearchError> {
        if criteria.is_empty() {
            return Err(SearchError::NoCriteria);
        }
        let mut made = Criteria { ids: Ids::Range(1, u64::MAX), tests: Vec::new() };
        for criterion in criteria {
            let test = self.test(criterion)?;
            if !made.ids.narrow(&test) {
                made.tests.push(test);
            }
        }
        Ok(made)
    }

    fn test<'a>(&self, criterion: &'a Criterion) -> Result<Test<'a>, SearchError> {
        let Criterion { field, operator, value, value_list } = criterion;
        if field.is_empty() {
            return Err(SearchError::NoField);
        }
        let column =
            self.search_column(field).ok_or_else(|| SearchError::UnknownField(field.clone()))?;
        if !self.operators(column).contains(operator) {
            return Err(SearchError::Operator { field: field.clone(), operator: *operator });
        }
        let listed = value_list.iter().flatten().map(String::as_str);
        let values: Vec<&str> = value.as_deref().into_iter().chain(listed).collect();
        if matches!(operator, Operator::Blank | Operator::NotBlank) {
            return Ok(Test { column, operator: *operator, values: Vec::new() });
        }
        if values.is_empty() {
            return Err(SearchError::NoValue { field: field.clone(), operator: *operator });
        }
        if column == Column::AccountId
            && *operator != Operator::Contain
            && let Some(value) = values.iter().find(|value| number(value).is_none())
        {
            return Err(SearchError::Value { field: field.clone(), value: (*value).to_owned() });
        }
        Ok(Test { column, operator: *operator, values })
    }
}

/// The order of two texts whatever their case.
fn in_any_case(a: &str, b: &str) -> Ordering {
    a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase())
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

impl Ids {
    /// Leaves only the ids that meet `test`; false, and unchanged, where that is no matter of
    /// ranges and lists.
    fn narrow(&mut self, test: &Test<'_>) -> bool {
        if test.column != Column::AccountId {
            return false;
        }
        let numbers = || test.values.iter().filter_map(|value| number(value));
        let least = || numbers().min().unwrap_or_default();
        let most = || numbers().max().unwrap_or_default();
        match test.operator {
            Operator::Blank => *self = Self::List(Vec::new()),
            Operator::NotBlank => {}
            Operator::Equal | Operator::InRange => {
                let mut wanted: Vec<u64> = numbers().filter(|&id| self.contains(id)).collect();
                wanted.sort_unstable();
                wanted.dedup();
                *self = Self::List(wanted);
            }
            // Several values are alternatives, so that the widest of them counts.
            Operator::GreaterThan => self.cut(least().saturating_add(1), u64::MAX),
            Operator::GreaterAndEqual => self.cut(least(), u64::MAX),
            Operator::LessThan => match most() {
                0 => *self = Self::List(Vec::new()),
                most => self.cut(1, most - 1),
            },
            Operator::LessAndEqual => self.cut(1, most()),
            _ => return false,
        }
        true
    }

    fn contains(&self, id: u64) -> bool {
        match self {
            Self::Range(low, high) => (*low..=*high).contains(&id),
            Self::List(ids) => ids.binary_search(&id).is_ok(),
        }
    }

    fn cut(&mut self, least: u64, most: u64) {
        match self {
            Self::Range(low, high) => (*low, *high) = ((*low).max(least), (*high).min(most)),
            Self::List(ids) => ids.retain(|id| (least..=most).contains(id)),
        }
    }
}

impl Criteria<'_> {
    /// True if the ids alone decide.
    pub(super) const fn are_ids(&self) -> bool {
        self.tests.is_empty()
    }

    /// True if account `id`, one of the ids, meets the remaining criteria.
    pub(super) fn meets(&self, view: &View<'_>, id: AccountId) -> bool {
        self.tests.iter().all(|test| test.meets(view, id))
    }
}

impl Test<'_> {
    fn meets(&self, view: &View<'_>, id: AccountId) -> bool {
        if let Column::Custom(position) = self.column {
            let value = view.organisation.value_now(view.change(id), id, position);
            return self.meets_value(&view.organisation.fields[position], value.as_ref());
        }
        if self.column.is(TypedSource::AnyEmail) {
            return self.meets_any(&emails(&view.without_fields(id)));
        }
        let cell = view.cell(id, self.column);
        let cell = cell.as_deref();
        if self.column == Column::AccountId {
            return self.meets_text(cell, |a, b| Some(number(a)?.cmp(&number(b)?)));
        }
        let is = |source| self.column.is(source);
        if is(TypedSource::AccountType) {
            // Clients write it both ways: "Company" and "COMPANY".
            return self.meets_text(cell, |a, b| Some(in_any_case(a, b)));
        }
        if is(TypedSource::CreatedDate) || is(TypedSource::ModifiedDate) {
            // Some clients compare the day with a moment.
            return self.meets_text(cell, |a, b| Some(a.cmp(b.get(..a.len()).unwrap_or(b))));
        }
        self.meets_text(cell, |a, b| Some(a.cmp(b)))
    }

    /// True if one of `texts` meets a criterion, and all of them one that excludes.
    fn meets_any(&self, texts: &[CompactString]) -> bool {
        let order = |a: &str, b: &str| Some(in_any_case(a, b));
        let meets = |text: &CompactString| self.meets_text(Some(text), order);
        match self.operator {
            _ if texts.is_empty() => self.meets_text(None, order),
            Operator::NotEqual | Operator::NotInRange => texts.iter().all(meets),
            _ => texts.iter().any(meets),
        }
    }

    /// Option fields are compared by option id or name, text fields by their text.
    fn meets_value(&self, field: &Field, value: Option<&Value>) -> bool {
        let ids = match value {
            Some(Value::Options(ids)) => ids,
            Some(Value::Text(held)) => return self.meets_text(Some(held), |a, b| Some(a.cmp(b))),
            None => return self.meets_text(None, |a, b| Some(a.cmp(b))),
        };
        let has = |wanted: &&str| {
            ids.iter()
                .filter_map(|&id| field.option(id))
                .any(|option| &*option.name == *wanted || option.id.to_compact_string() == *wanted)
        };
        match self.operator {
            Operator::Blank => false,
            Operator::NotBlank => true,
            Operator::NotEqual | Operator::NotInRange => !self.values.iter().any(has),
            _ => self.values.iter().any(has),
        }
    }

    /// `order` compares two texts, and knows where they have no order.
    fn meets_text(
        &self,
        cell: Option<&str>,
        order: impl Fn(&str, &str) -> Option<Ordering>,
    ) -> bool {
        let blank = cell.is_none_or(str::is_empty);
        let cell = cell.unwrap_or_default();
        let any = |wanted: &[Ordering]| {
            let meets = |value: &&str| order(cell, value).is_some_and(|is| wanted.contains(&is));
            !blank && self.values.iter().any(meets)
        };
        match self.operator {
            Operator::Blank => blank,
            Operator::NotBlank => !blank,
            Operator::Equal | Operator::InRange => any(&[Ordering::Equal]),
            Operator::NotEqual | Operator::NotInRange => !any(&[Ordering::Equal]),
            Operator::LessThan => any(&[Ordering::Less]),
            Operator::GreaterThan => any(&[Ordering::Greater]),
            Operator::LessAndEqual => any(&[Ordering::Less, Ordering::Equal]),
            Operator::GreaterAndEqual => any(&[Ordering::Greater, Ordering::Equal]),
            Operator::Contain => !blank && self.values.iter().any(|value| cell.contains(value)),
            Operator::NotContain => unreachable!("no field takes it"),
        }
    }
}
