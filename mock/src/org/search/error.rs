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
    /// The error as Neon answers it. Source of codes 21 to 30: Neon's page on response codes.
    pub fn api_error(&self) -> ApiError {
        let code = match self {
            Self::Page(_) => 1,
            Self::Sort(_) => 21,
            Self::NoField => 22,
            Self::UnknownField(_) => 23,
            Self::NoValue { .. } => 24,
            Self::Value { .. } => 25,
            Self::NoOutput => 26,
            Self::DuplicateOutput(_) => 27,
            Self::UnknownOutput(_) => 28,
            Self::Operator { .. } => 29,
            Self::NoCriteria => 30,
        };
        ApiError::new(code, self.to_string())
    }
}
