//! Searching accounts: criteria, columns, pages.

use super::id::FieldId;
use super::scalar;
use crate::named;
use compact_str::CompactString;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// The largest page that Neon serves.
pub const MAX_PAGE_SIZE: u32 = 200;

/// The page size that Neon uses where a call names none.
const DEFAULT_PAGE_SIZE: u32 = 20;

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Page {
    /// Page number, from 0.
    pub current_page: u32,
    /// Rows per page.
    pub page_size: u32,
    /// Column to sort by; must be one of the output fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_column: Option<String>,
    /// Direction of the sort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_direction: Option<SortDirection>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            current_page: 0,
            page_size: DEFAULT_PAGE_SIZE,
            sort_column: None,
            sort_direction: None,
        }
    }
}

named! {
    /// Direction of a sort.
    pub enum SortDirection {
        /// Smallest first.
        Asc = "ASC",
        /// Largest first.
        Desc = "DESC",
    }
}

/// Position of a page in its listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Page number, from 0.
    pub current_page: u32,
    /// Rows per page as served, which may differ from the request.
    pub page_size: u32,
    /// Column sorted by.
    pub sort_column: Option<String>,
    /// Direction of the sort.
    pub sort_direction: Option<SortDirection>,
    /// Pages in all.
    pub total_pages: u32,
    /// Rows in all.
    pub total_results: u64,
}

impl Pagination {
    /// True if no page follows.
    pub const fn is_last(&self) -> bool {
        // A server may say any number.
        self.current_page.saturating_add(1) >= self.total_pages
    }
}

named! {
    /// Comparison operator.
    #[allow(missing_docs, reason = "the names are Neon's own operators")]
    pub enum Operator {
        Equal = "EQUAL",
        NotEqual = "NOT_EQUAL",
        Blank = "BLANK",
        NotBlank = "NOT_BLANK",
        LessThan = "LESS_THAN",
        GreaterThan = "GREATER_THAN",
        LessAndEqual = "LESS_AND_EQUAL",
        GreaterAndEqual = "GREATER_AND_EQUAL",
        InRange = "IN_RANGE",
        NotInRange = "NOT_IN_RANGE",
        Contain = "CONTAIN",
        NotContain = "NOT_CONTAIN",
    }
}

/// One criterion of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Criterion {
    /// A standard field's name, a custom field's id or display name; a number is read as its text.
    #[serde(default, deserialize_with = "scalar::string")]
    pub field: String,
    /// Operator.
    pub operator: Operator,
    /// Operand; none for `BLANK` and `NOT_BLANK`.
    #[serde(default, deserialize_with = "scalar::text", skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Operands of `IN_RANGE` and `NOT_IN_RANGE`.
    #[serde(default, deserialize_with = "scalar::texts", skip_serializing_if = "Option::is_none")]
    pub value_list: Option<Vec<String>>,
}

/// A column to return: a standard or custom field by name, or a custom field by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputField {
    /// By display name.
    Name(String),
    /// A custom field by id: an integer on the wire.
    Id(FieldId),
}

impl Serialize for OutputField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Id(id) => serializer.serialize_u32(id.0),
        }
    }
}

impl<'de> Deserialize<'de> for OutputField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = OutputField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name or a custom field's integer id")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<OutputField, E> {
                Ok(OutputField::Name(name.to_owned()))
            }

            fn visit_u64<E: serde::de::Error>(self, id: u64) -> Result<OutputField, E> {
                u32::try_from(id).map(|id| OutputField::Id(FieldId(id))).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Body of `POST /accounts/search`; every criterion must match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchAccounts {
    /// The criteria; at least one.
    #[serde(default)]
    pub search_fields: Vec<Criterion>,
    /// Columns to return, without duplicates.
    #[serde(default)]
    pub output_fields: Vec<OutputField>,
    /// The page.
    #[serde(default)]
    pub pagination: Page,
}

/// A page of search results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The rows.
    pub search_results: Vec<SearchRow>,
    /// Position of the page.
    pub pagination: Pagination,
}

/// One row: a flat map from display name to text or null, options joined with `|`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchRow(pub Vec<(Arc<str>, Option<CompactString>)>);

impl SearchRow {
    /// The text of column `name`; `None` where it is null or missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, cell) = self.0.iter().find(|(column, _)| &**column == name)?;
        cell.as_deref()
    }
}

impl Serialize for SearchRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (column, cell) in &self.0 {
            map.serialize_entry(column, cell)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SearchRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;

        impl<'de> Visitor<'de> for Cells {
            type Value = SearchRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a flat map of columns")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SearchRow, A::Error> {
                let mut cells = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some(cell) = map.next_entry()? {
                    cells.push(cell);
                }
                Ok(SearchRow(cells))
            }
        }

        deserializer.deserialize_map(Cells)
    }
}

/// Answer of `GET /accounts/search/searchFields`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchFields {
    /// Standard fields.
    pub standard_fields: Arc<[StandardSearchField]>,
    /// Custom fields.
    pub custom_fields: Vec<CustomSearchField>,
}

/// A standard field that a search accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandardSearchField {
    /// Its name.
    pub field_name: Arc<str>,
    /// The operators it takes.
    pub operators: Vec<Operator>,
}

/// A custom field that a search accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomSearchField {
    /// Its name in columns.
    pub display_name: Arc<str>,
    /// Its id: an integer here, unlike elsewhere.
    pub id: u32,
    /// The operators it takes.
    pub operators: Vec<Operator>,
}

/// Answer of `GET /accounts/search/outputFields`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputFields {
    /// Standard fields, by name.
    pub standard_fields: Arc<[Arc<str>]>,
    /// Custom fields.
    pub custom_fields: Vec<CustomOutputField>,
}

/// A custom field that a search can return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomOutputField {
    /// Its name in columns.
    pub display_name: Arc<str>,
    /// Its id: an integer here, unlike elsewhere.
    pub id: u32,
}
