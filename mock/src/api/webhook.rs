//! Subscriptions of webhooks.

use super::id::WebhookId;
use crate::named;
use serde::{Deserialize, Serialize};

named! {
    /// The event that fires a webhook. Only accounts change here: the others are kept, and never fire.
    #[allow(missing_docs, reason = "the names say it")]
    pub enum Trigger {
        CreateAccount = "CREATE_ACCOUNT",
        UpdateAccount = "UPDATE_ACCOUNT",
        DeleteAccount = "DELETE_ACCOUNT",
        CreateDonation = "CREATE_DONATION",
        UpdateDonation = "UPDATE_DONATION",
        DeleteDonation = "DELETE_DONATION",
        CreateMembership = "CREATE_MEMBERSHIP",
        UpdateMembership = "UPDATE_MEMBERSHIP",
        DeleteMembership = "DELETE_MEMBERSHIP",
        CreateActivity = "CREATE_ACTIVITY",
        UpdateActivity = "UPDATE_ACTIVITY",
        DeleteActivity = "DELETE_ACTIVITY",
        CreateEventRegistration = "CREATE_EVENT_REGISTRATION",
        UpdateEventRegistration = "UPDATE_EVENT_REGISTRATION",
        DeleteEventRegistration = "DELETE_EVENT_REGISTRATION",
        CreateOrder = "CREATE_ORDER",
        UpdateOrder = "UPDATE_ORDER",
        DeleteOrder = "DELETE_ORDER",
        CreateMergedAccount = "CREATE_MERGED_ACCOUNT",
    }
}

impl Trigger {
    /// The name of an account's event in the body of a delivery.
    pub const fn event(self) -> &'static str {
        match self {
            Self::CreateAccount => "createAccount",
            Self::UpdateAccount => "editAccount",
            Self::DeleteAccount => "deleteAccount",
            _ => self.name(),
        }
    }
}

/// A subscription, or the members of it that a PATCH changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Id; given by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<WebhookId>,
    /// Name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address to which events are posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Content type of the posts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Fire on imports, and perhaps on writes through the API, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_self_import: Option<bool>,
    /// Credentials for the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_basic: Option<HttpBasic>,
    /// Members that each post repeats; null if there are none.
    #[serde(default)]
    pub custom_parameters: Option<Vec<NameValuePair>>,
}

impl Webhook {
    /// Takes over the members that `change` has.
    pub(crate) fn patch(&mut self, change: &Self) {
        fn keep<T: Clone>(member: &mut Option<T>, change: Option<&T>) {
            if change.is_some() {
                *member = change.cloned();
            }
        }
        let Self {
            id: _,
            name,
            url,
            trigger,
            content_type,
            trigger_self_import,
            http_basic,
            custom_parameters,
        } = change;
        keep(&mut self.name, name.as_ref());
        keep(&mut self.url, url.as_ref());
        keep(&mut self.trigger, trigger.as_ref());
        keep(&mut self.content_type, content_type.as_ref());
        keep(&mut self.trigger_self_import, trigger_self_import.as_ref());
        keep(&mut self.http_basic, http_basic.as_ref());
        keep(&mut self.custom_parameters, custom_parameters.as_ref());
    }
}

/// Credentials of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpBasic {
    /// User.
    pub user_name: String,
    /// Password.
    pub password: String,
}

/// A member that each post repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NameValuePair {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}
