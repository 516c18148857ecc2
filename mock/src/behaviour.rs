//! What Neon does where nobody knows: one knob for each open question of its wire behaviour.
//!
//! Each default is the reading with the better evidence; where there is none, the nastier one.

use crate::file::DurationText;
use serde::{Deserialize, Serialize};

/// The knobs of a profile's `[behaviour]` section. Everything left out has its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// What happens to a page size above the largest.
    pub over_max: OverMax,
    /// What `"optionValues": []` in a write does.
    pub empty_options: EmptyOptions,
    /// What `"value": null` in a write does to a text field.
    pub null_text: NullText,
    /// What members that the API does not have do in a write.
    pub unknown_members: UnknownMembers,
    /// What one bad item does to the good ones in the same write.
    pub bad_item: BadItem,
    /// Whether refused requests are answered 200 with an array of errors, not 400.
    pub errors_as_200: bool,
    /// How long a search goes on finding what was there before a write.
    pub search_lag: DurationText,
    /// Whether a list of individuals holds companies too.
    pub individuals_include_companies: bool,
    /// What a write to a merged account's old id does.
    pub merged_write: MergedWrite,
}

/// What happens to a page size above the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverMax {
    /// The page has the largest size.
    #[default]
    Clamp,
    /// The request is refused.
    #[serde(rename = "400")]
    Refuse,
    /// The page is as large as asked for.
    Honour,
}

/// What an empty option set in a write does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyOptions {
    /// It clears the field. Source: a client in production relies on it.
    #[default]
    Clears,
    /// Nothing.
    Ignored,
}

/// What a null text in a write does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NullText {
    /// Nothing: as if the member were not there.
    #[default]
    Ignored,
    /// It clears the field.
    Clears,
    /// It stores the word "null". Source: one client ended up with it.
    StoresTheWord,
}

/// What unknown members of a write do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownMembers {
    /// Nothing, under 200: the nastier reading.
    #[default]
    Ignored,
    /// The write is refused.
    Refused,
}

/// What one bad item does to the good ones in the same write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BadItem {
    /// The whole write is refused and nothing is applied.
    #[default]
    RefusesAll,
    /// The write is refused, but the items before the bad one were applied.
    AppliesTheFirst,
}

/// What a write to a merged account's old id does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergedWrite {
    /// It changes the survivor.
    #[default]
    Applied,
    /// Nothing, though it answers 222 all the same.
    Dropped,
}
