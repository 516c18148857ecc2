//! Figures to read at a glance, with their ratings.

use serde::{Deserialize, Serialize};

/// A figure to read at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Fact {
    /// The figure.
    pub value: String,
    /// Its name, for people.
    pub label: String,
    /// Its rating.
    pub tone: Tone,
}

/// The rating of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a second look.
    Mixed,
    /// Wrong.
    Bad,
}

impl Tone {
    /// A sign for it, so that colour is not its only mark.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Mixed => "≈",
            Self::Bad => "✗",
        }
    }
}
