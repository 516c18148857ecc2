//! Search errors.

use crate::api::{ApiError, Operator};
use crate::org::list::PageTooLarge;

/// Search errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum SearchError {
    #[error("search criteria are required")]
    NoCriteria,
    #[error("a search field is required")]
    NoField,
    #[error("search field `{0}` is invalid")]
    UnknownField(String),
    #[error("search field `{field}` needs a value for {operator:?}")]
    NoValue { field: String, operator: Operator },
    #[error("search field `{field}` cannot be compared with `{value}`")]
    Value { field: String, value: String },
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
    #[error(transparent)]
    Page(#[from] PageTooLarge),
}

impl SearchError {
    /// The error as Neon answers it, followed by what is wrong here. Source of codes 21 to 30 and
    /// their texts: Neon's page on response codes.
    pub fn api_error(&self) -> ApiError {
        let (code, text) = match self {
            Self::Page(_) => return ApiError::new(1, self.to_string()),
            Self::Sort(_) => (21, "Search sort column is invalid."),
            Self::NoField => return ApiError::new(22, "Search key is required."),
            Self::UnknownField(_) => (23, "Search key is invalid."),
            Self::NoValue { .. } => (24, "Search value is required."),
            Self::Value { .. } => (25, "Search value is invalid."),
            Self::NoOutput => (26, "Search output field id or name is invalid."),
            Self::DuplicateOutput(_) => (27, "Search output field id is invalid."),
            Self::UnknownOutput(_) => (28, "Search output field name is invalid."),
            Self::Operator { .. } => (29, "Search operator is required."),
            Self::NoCriteria => return ApiError::new(30, "Search criteria cannot be empty."),
        };
        ApiError::new(code, format!("{text} Here: {self}"))
    }
}
