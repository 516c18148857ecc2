//! Accounts: one at a time, and pages of them.

use super::custom_field::CustomFieldItem;
use super::id::AccountId;
use super::other_members::{
    IdOrNone, JsonMembers, MemberName, MemberNames, OtherMembers, members_and_others,
};
use super::search::{Page, Pagination};
use crate::named;
use compact_str::CompactString;
use serde::ser::{SerializeMap as _, SerializeStruct as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Kind of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A person: the wrapper is `individualAccount`.
    Individual,
    /// A company: the wrapper is `companyAccount`.
    Company,
}

impl AccountKind {
    /// The member that wraps an account of this kind.
    pub const fn wrapper(self) -> &'static str {
        match self {
            Self::Individual => "individualAccount",
            Self::Company => "companyAccount",
        }
    }
}

/// One account in the wrapper of its kind.
///
/// On the wire: `{"individualAccount": {…}, "companyAccount": null}` or the other way round; in a
/// write the other wrapper may be left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Kind, which names the wrapper of the body.
    pub kind: AccountKind,
    /// The account itself.
    pub body: AccountBody,
}

impl Account {
    /// A write of `items` alone to an account of `kind`.
    pub fn of_items(kind: AccountKind, items: Vec<CustomFieldItem>) -> Self {
        let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
        Self { kind, body }
    }

    /// Digest of what makes the account this one: its kind, id, creation and names. Values of custom fields are not
    /// in it.
    pub fn identity(&self) -> String {
        let AccountBody { account_id, name, primary_contact, timestamps, .. } = &self.body;
        let contact = primary_contact.as_ref();
        let parts = (
            (self.kind, account_id, name),
            contact.map(|it| (it.contact_id, &it.first_name, &it.last_name)),
            timestamps.as_ref().and_then(|it| it.created_date_time),
        );
        blake3::hash(format!("{parts:?}").as_bytes()).to_hex()[..16].to_owned()
    }
}

/// An account of either kind. Every member is optional, in answers too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountBody {
    /// Its id.
    pub account_id: Option<AccountId>,
    /// A company's name.
    pub name: Option<CompactString>,
    /// The account of a company's primary contact.
    pub primary_contact_account_id: Option<AccountId>,
    /// Name and addresses: an individual's own, or those of a company's contact.
    pub primary_contact: Option<PrimaryContact>,
    /// Custom fields that are not empty.
    pub account_custom_fields: Option<Vec<CustomFieldItem>>,
    /// Times and authors of creation and last change.
    pub timestamps: Option<Timestamps>,
    /// All other members; a write that [`decode`](super::http::decode) made holds those alone
    /// that the API has.
    pub others: OtherMembers,
    /// First member of a write that the API does not have, such as `customFieldResponses`;
    /// set by [`decode`](super::http::decode).
    pub unknown_member: Option<Box<str>>,
}

members_and_others!(AccountBody {
    account_id: "accountId" as IdOrNone,
    name: "name" as Option<CompactString>,
    primary_contact_account_id: "primaryContactAccountId" as IdOrNone,
    primary_contact: "primaryContact" as Option<PrimaryContact>,
    account_custom_fields: "accountCustomFields" as Option<Vec<CustomFieldItem>>,
    timestamps: "timestamps" as Option<Timestamps>,
});

impl AccountBody {
    /// The custom field of that name; `None` if it is empty or there is none.
    pub fn custom_field(&self, name: &str) -> Option<&CustomFieldItem> {
        let mut items = self.account_custom_fields.iter().flatten();
        items.find(|item| item.name.as_deref() == Some(name))
    }
}

/// A person's name and addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrimaryContact {
    /// The contact's own id.
    pub contact_id: Option<AccountId>,
    /// First name.
    pub first_name: Option<CompactString>,
    /// Last name.
    pub last_name: Option<CompactString>,
    /// First e-mail address.
    pub email1: Option<CompactString>,
    /// All other members, as those of [`AccountBody`].
    pub others: OtherMembers,
}

members_and_others!(PrimaryContact {
    contact_id: "contactId" as IdOrNone,
    first_name: "firstName" as Option<CompactString>,
    last_name: "lastName" as Option<CompactString>,
    email1: "email1" as Option<CompactString>,
});

/// Creation and last change of an account: authors, and times in Unix seconds; RFC 3339 in UTC on
/// the wire.
///
/// A text that does not parse reads as `None`, so that it never costs the whole account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timestamps {
    /// Name of the user who created it.
    #[serde(default)]
    pub created_by: Option<CompactString>,
    /// Creation.
    #[serde(default, with = "rfc3339")]
    pub created_date_time: Option<i64>,
    /// Name of the user who changed it last.
    #[serde(default)]
    pub last_modified_by: Option<CompactString>,
    /// Last change.
    #[serde(default, with = "rfc3339")]
    pub last_modified_date_time: Option<i64>,
}

/// Unix seconds as RFC 3339 text.
mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer};
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};

    #[allow(clippy::ref_option, reason = "serde calls it with a reference")]
    pub(super) fn serialize<S: Serializer>(seconds: &Option<i64>, s: S) -> Result<S::Ok, S::Error> {
        let moment = seconds.and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
        // Room for `-262143-01-01T00:00:00Z` and more: no allocation for each of an account's two.
        let mut text = [0; 40];
        let length =
            moment.and_then(|moment| moment.format_into(&mut text.as_mut_slice(), &Rfc3339).ok());
        match length.map(|length| std::str::from_utf8(&text[..length])) {
            Some(Ok(text)) => s.serialize_str(text),
            _ => s.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i64>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        let moment = text.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok());
        Ok(moment.map(OffsetDateTime::unix_timestamp))
    }
}

/// `seconds` since 1970 as RFC 3339 text in UTC; `None` outside the calendar.
pub(crate) fn rfc3339_text(seconds: i64) -> Option<String> {
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    moment.format(&time::format_description::well_known::Rfc3339).ok()
}

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (individual, company) = match self.kind {
            AccountKind::Individual => (Some(&self.body), None),
            AccountKind::Company => (None, Some(&self.body)),
        };
        let mut wrapper = serializer.serialize_struct("Account", 2)?;
        wrapper.serialize_field("individualAccount", &individual)?;
        wrapper.serialize_field("companyAccount", &company)?;
        wrapper.end()
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wrapper {
            individual_account: Option<AccountBody>,
            company_account: Option<AccountBody>,
        }
        let wrapper = Wrapper::deserialize(deserializer)?;
        match (wrapper.individual_account, wrapper.company_account) {
            (Some(body), None) => Ok(Self { kind: AccountKind::Individual, body }),
            (None, Some(body)) => Ok(Self { kind: AccountKind::Company, body }),
            _ => Err(de::Error::custom(
                "expected exactly one of `individualAccount` and `companyAccount`",
            )),
        }
    }
}

named! {
    /// The kind of an account as list rows and filters spell it.
    pub enum UserType {
        /// A person.
        Individual = "INDIVIDUAL",
        /// A company.
        Company = "COMPANY",
    }
}

impl From<AccountKind> for UserType {
    fn from(kind: AccountKind) -> Self {
        match kind {
            AccountKind::Individual => Self::Individual,
            AccountKind::Company => Self::Company,
        }
    }
}

/// Parameters of `GET /accounts`; every filter must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListAccounts {
    /// The page.
    pub page: Page,
    /// Only accounts of this kind.
    pub user_type: Option<UserType>,
    /// Only this address.
    pub email: Option<String>,
    /// Only this first name.
    pub first_name: Option<String>,
    /// Only this last name.
    pub last_name: Option<String>,
}

/// A page of `GET /accounts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountPage {
    /// The rows, in id order.
    pub accounts: Vec<AccountRow>,
    /// Position of the page.
    pub pagination: Pagination,
}

/// One row of the list: no custom fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountRow {
    /// Its id.
    pub account_id: AccountId,
    /// First name; null for companies.
    pub first_name: Option<CompactString>,
    /// Last name; null for companies.
    pub last_name: Option<CompactString>,
    /// Company name; null for individuals.
    pub company_name: Option<CompactString>,
    /// First address.
    pub email: Option<CompactString>,
    /// Kind.
    pub user_type: UserType,
}
