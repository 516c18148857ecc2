//! Contacts of accounts, and links of people to companies.

use super::id::AccountId;
use super::search::Pagination;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The members of a contact that this mock keeps; Neon has more, none of them required.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Contact {
    /// The account of the person, where it is not the account asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The contact's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<AccountId>,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<CompactString>,
    /// Middle name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<CompactString>,
    /// Last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<CompactString>,
    /// First address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email1: Option<CompactString>,
    /// Second address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email2: Option<CompactString>,
    /// Department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<CompactString>,
    /// Title of the position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<CompactString>,
    /// Whether it is the account's first contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_contact: Option<bool>,
    /// Whether the person works there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_employer: Option<bool>,
}

/// A page of an account's contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactPage {
    /// The account.
    pub account_id: AccountId,
    /// The contacts, the primary one first.
    pub contacts: Vec<Contact>,
    /// Where the page lies.
    pub pagination: Pagination,
}

/// Answer of `POST /accounts/{id}/contacts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactCreated {
    /// The contact's own id.
    pub id: AccountId,
    /// The account.
    pub account_id: AccountId,
}

/// Body of `POST /accounts/link`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Link {
    /// The contact of a person's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub individual_contact_id: Option<AccountId>,
    /// The company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_account_id: Option<AccountId>,
    /// Whether it becomes the company's first contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_primary_contact: Option<bool>,
    /// Whether the person works there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_current_employee: Option<bool>,
    /// Department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<CompactString>,
    /// Title of the position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<CompactString>,
    /// Address at the company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_email: Option<CompactString>,
}

/// Body of `POST /accounts/unlink`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Unlink {
    /// The contact of a person's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub individual_contact_id: Option<AccountId>,
    /// The company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_account_id: Option<AccountId>,
}
