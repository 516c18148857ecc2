//! Knobs for the undocumented behaviour of Neon, one per open question.
//!
//! Each default is the reading with the better evidence; where there is none, the nastier one.

use crate::api::http::Strictness;
use crate::file::DurationText;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Undocumented behaviour of Neon, in a profile's `[behaviour]` section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// Handling of a page size above the largest, 200.
    pub over_max: OverMax,
    /// Effect of `"optionValues": []` in a write.
    pub empty_options: EmptyOptions,
    /// Effect of `"value": null` on a text field in a write.
    pub null_text: NullText,
    /// Effect of members in a write that the API does not have.
    pub unknown_members: UnknownMembers,
    /// Effect of one invalid item on the valid ones in the same write.
    pub bad_item: BadItem,
    /// Answer refused requests with 200 and an array of errors instead of 400.
    pub errors_as_200: bool,
    /// Time for which searches still see the state before a write.
    pub search_lag: DurationText,
    /// Include companies in lists of individuals.
    pub individuals_include_companies: bool,
    /// Effect of a write to the old id of a merged account.
    pub merged_write: MergedWrite,
    /// Answer to a list of custom fields without a category; `account` if absent.
    #[serde(skip_serializing_if = "is_default")]
    pub missing_category: MissingCategory,
    /// Answer to a search whose criterion names its field by a number; `taken` if absent.
    #[serde(skip_serializing_if = "is_default")]
    pub integer_field: IntegerField,
    /// Writes that fire webhooks; `every` if absent.
    #[serde(skip_serializing_if = "is_default")]
    pub webhook_writes: WebhookWrites,
    /// Time for which a `timeout` fault holds the connection before it closes; `"120s"` if absent.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout_hold: Option<DurationText>,
}

impl Behaviour {
    /// The requests that are refused before they are read any further.
    pub fn strictness(&self) -> Strictness {
        Strictness {
            needs_category: self.missing_category == MissingCategory::Refused,
            refuses_numbers: self.integer_field == IntegerField::Refused,
        }
    }

    /// Time for which a `timeout` fault holds the connection before it closes.
    pub fn timeout_hold(&self) -> Duration {
        self.timeout_hold.map_or(TIMEOUT_HOLD, |hold| hold.0)
    }
}

/// Default of [`Behaviour::timeout_hold`]: longer than any client of the field waits.
const TIMEOUT_HOLD: Duration = Duration::from_secs(120);

/// True for the default, which a digest leaves out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Handling of a page size above [`MAX_PAGE_SIZE`](crate::api::MAX_PAGE_SIZE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// Effect of an empty option set in a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EmptyOptions {
    /// It clears the field. Source: a client in production relies on it.
    #[default]
    Clears,
    /// Nothing.
    Ignored,
}

/// Effect of a null text in a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// Effect of unknown members in a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnknownMembers {
    /// Nothing, under 200: the nastier reading.
    #[default]
    Ignored,
    /// The write is refused.
    Refused,
}

/// Effect of one invalid item on the valid ones in the same write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BadItem {
    /// The whole write is refused and nothing is applied.
    #[default]
    RefusesAll,
    /// The write is refused, but the items before the bad one were applied.
    AppliesTheFirst,
}

/// Effect of a write to the old id of a merged account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MergedWrite {
    /// It changes the survivor.
    #[default]
    Applied,
    /// Nothing, though it answers 222 all the same.
    Dropped,
}

/// Answer to `GET /customFields` without a category, which Neon's description requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MissingCategory {
    /// It lists the fields of accounts. Source: published clients ask so and read a list.
    #[default]
    Account,
    /// The request is refused.
    #[serde(rename = "400")]
    Refused,
}

/// Answer to a search with `"field": 79` in place of `"field": "79"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IntegerField {
    /// As if it were the text. Source: the API takes numbers for the texts of other members.
    #[default]
    Taken,
    /// The search is refused.
    #[serde(rename = "400")]
    Refused,
}

/// Writes to accounts that fire webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WebhookWrites {
    /// All of them, those through the API too: the nastier reading.
    #[default]
    Every,
    /// Writes of people, and all others where a subscription has `triggerSelfImport`.
    SelfImport,
    /// Writes of people alone.
    People,
}
