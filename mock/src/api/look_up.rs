//! Read-only lists and settings, which clients look up when they start.

use super::custom_field::Category;
use super::endpoint::Endpoint;
use super::id::GroupId;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A look-up endpoint: no parameters, a list or a setting as its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookUp(Endpoint);

impl LookUp {
    /// `None` if `endpoint` is no look-up.
    pub fn new(endpoint: Endpoint) -> Option<Self> {
        let is_one =
            endpoint == Endpoint::ListWebhooks || endpoint.template().starts_with("/properties/");
        is_one.then_some(Self(endpoint))
    }

    /// Its endpoint.
    pub const fn endpoint(self) -> Endpoint {
        self.0
    }
}

/// Answer to a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUpBody {
    /// Entries.
    Items(Vec<LookUpItem>),
    /// Texts.
    Texts(Vec<Cow<'static, str>>),
    /// One user.
    User(SystemUser),
    /// All users.
    Users(Vec<SystemUser>),
    /// The organisation.
    Profile(OrganizationProfile),
}

/// An entry of a list; its members depend on the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LookUpItem {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'static, str>>,
    /// Its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'static, str>>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'static, str>>,
    /// Name, in lists that call it so (genders).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'static, str>>,
    /// `ACTIVE` or `INACTIVE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Cow<'static, str>>,
    /// True for the default entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    /// Position in the list, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
}

/// A user of the organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SystemUser {
    /// The user's id.
    pub id: Cow<'static, str>,
    /// First name.
    pub first_name: Cow<'static, str>,
    /// Last name.
    pub last_name: Cow<'static, str>,
}

/// The organisation itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrganizationProfile {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its id.
    pub org_id: Cow<'static, str>,
    /// Address of its web application.
    pub app_url: Cow<'static, str>,
}

/// A group of custom fields, as `GET /customFields/groups` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldGroup {
    /// Group id; a field's `groupId` names it.
    pub id: GroupId,
    /// Display name.
    pub display_name: Cow<'static, str>,
    /// Record type of its fields.
    pub component: Category,
}
