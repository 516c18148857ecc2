//! Custom fields and their groups as clients write them.

use super::custom_field::{AccountSettings, Category, DisplayType, OptionStatus};
use super::id::{FieldId, GroupId, OptionId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Body of `POST /customFields` and `PUT /customFields/{id}`; what it must hold is checked where
/// it is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldDraft {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Its name in search columns; the name itself if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Arc<str>>,
    /// `ACTIVE` or `INACTIVE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<OptionStatus>,
    /// The record type it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<Category>,
    /// How it is shown; fixed once the field is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_type: Option<DisplayType>,
    /// What its text must look like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    /// The group it is shown in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// Whether constituents may only look at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constituent_read_only: Option<bool>,
    /// Its options; a PUT removes those that it leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option_values: Option<Vec<OptionDraft>>,
    /// Which accounts it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_settings: Option<AccountSettings>,
}

/// An option as clients write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OptionDraft {
    /// The option that it changes; a new one has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<OptionId>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Shown on public forms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible_on_public_forms: Option<bool>,
    /// Shown on constituents' forms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible_on_constituent_forms: Option<bool>,
}

/// A group of custom fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub display_name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The record type of its fields.
    pub component: Category,
}

/// Body of `POST /customFields/groups` and `PUT /customFields/groups/{groupId}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupDraft {
    /// Its name; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The record type of its fields; required of a new group, and fixed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<Category>,
}

/// Body of `POST /customFields/addToGroup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddToGroup {
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// The fields that move into it.
    pub custom_fields: Vec<FieldId>,
}
