//! The wire contract: what a client asks of Neon, and what Neon answers.
//!
//! The types mirror the JSON of the Neon CRM API v2. Ids are numbers here and strings on the wire.
//! [`http`] turns them into verbs, paths and bodies and back, for servers and clients alike.

mod account;
mod custom_field;
mod error;
pub mod http;
mod id;
mod scalar;
mod search;

pub(crate) use account::rfc3339_text;
pub use account::{
    Account, AccountBody, AccountKind, AccountPage, AccountRow, ListAccounts, PrimaryContact,
    Timestamps, UserType,
};
pub use custom_field::{
    AccountSettings, AccountType, Category, CustomField, CustomFieldItem, DisplayType, OptionDef,
    OptionItem, OptionStatus, Value,
};
pub use error::{ApiError, Status};
pub use id::{AccountId, FieldId, OptionId, ParseIdError};
pub use search::{
    Criterion, CustomOutputField, CustomSearchField, MAX_PAGE_SIZE, Operator, OutputField,
    OutputFields, Page, Pagination, SearchAccounts, SearchFields, SearchPage, SearchRow,
    SortDirection, StandardSearchField,
};

use std::sync::Arc;

/// A verb and a path template: what Neon counts its limits by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `GET /accounts/{id}`
    GetAccount,
    /// `PATCH /accounts/{id}`
    PatchAccount,
    /// `PUT /accounts/{id}`
    PutAccount,
    /// `GET /accounts`
    ListAccounts,
    /// `POST /accounts/search`
    SearchAccounts,
    /// `GET /accounts/search/searchFields`
    SearchFields,
    /// `GET /accounts/search/outputFields`
    OutputFields,
    /// `GET /customFields`
    ListCustomFields,
    /// `GET /customFields/{id}`
    GetCustomField,
}

/// What kind of work an endpoint does: service times and call counts go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Reads accounts: one, or a page of the list.
    Get,
    /// Changes fields of one account.
    Patch,
    /// Replaces one account.
    Put,
    /// Searches accounts.
    Search,
    /// Looks up what fields there are.
    Metadata,
}

impl Class {
    /// Every class, in the order of its index.
    pub const ALL: [Self; 5] = [Self::Get, Self::Patch, Self::Put, Self::Search, Self::Metadata];

    /// The name in profiles and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Patch => "patch",
            Self::Put => "put",
            Self::Search => "search",
            Self::Metadata => "metadata",
        }
    }
}

impl Endpoint {
    /// Every endpoint, in the order of its index.
    pub const ALL: [Self; 9] = [
        Self::GetAccount,
        Self::PatchAccount,
        Self::PutAccount,
        Self::ListAccounts,
        Self::SearchAccounts,
        Self::SearchFields,
        Self::OutputFields,
        Self::ListCustomFields,
        Self::GetCustomField,
    ];

    /// Position in [`Endpoint::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The HTTP verb.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::PatchAccount => "PATCH",
            Self::PutAccount => "PUT",
            Self::SearchAccounts => "POST",
            _ => "GET",
        }
    }

    /// Verb and path template, as Neon's documentation writes them.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetAccount => "GET /accounts/{id}",
            Self::PatchAccount => "PATCH /accounts/{id}",
            Self::PutAccount => "PUT /accounts/{id}",
            Self::ListAccounts => "GET /accounts",
            Self::SearchAccounts => "POST /accounts/search",
            Self::SearchFields => "GET /accounts/search/searchFields",
            Self::OutputFields => "GET /accounts/search/outputFields",
            Self::ListCustomFields => "GET /customFields",
            Self::GetCustomField => "GET /customFields/{id}",
        }
    }

    /// The endpoint of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == name)
    }

    /// The kind of work it does.
    pub const fn class(self) -> Class {
        match self {
            Self::GetAccount | Self::ListAccounts => Class::Get,
            Self::PatchAccount => Class::Patch,
            Self::PutAccount => Class::Put,
            Self::SearchAccounts => Class::Search,
            Self::SearchFields
            | Self::OutputFields
            | Self::ListCustomFields
            | Self::GetCustomField => Class::Metadata,
        }
    }
}

/// One call, as a client makes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Reads one account.
    GetAccount(AccountId),
    /// Changes the members that the body names, leaves the others.
    PatchAccount(AccountId, Account),
    /// Replaces the whole account: what the body leaves out is wiped.
    PutAccount(AccountId, Account),
    /// One page of accounts, without custom fields.
    ListAccounts(ListAccounts),
    /// One page of the accounts that meet every criterion.
    SearchAccounts(SearchAccounts),
    /// Which fields can be searched by, and with which operators.
    SearchFields,
    /// Which fields a search can put out.
    OutputFields,
    /// All custom fields of a category, in one unpaged array.
    ListCustomFields(Category),
    /// One custom field.
    GetCustomField(FieldId),
}

impl Request {
    /// The endpoint that the call goes to.
    pub const fn endpoint(&self) -> Endpoint {
        match self {
            Self::GetAccount(_) => Endpoint::GetAccount,
            Self::PatchAccount(..) => Endpoint::PatchAccount,
            Self::PutAccount(..) => Endpoint::PutAccount,
            Self::ListAccounts(_) => Endpoint::ListAccounts,
            Self::SearchAccounts(_) => Endpoint::SearchAccounts,
            Self::SearchFields => Endpoint::SearchFields,
            Self::OutputFields => Endpoint::OutputFields,
            Self::ListCustomFields(_) => Endpoint::ListCustomFields,
            Self::GetCustomField(_) => Endpoint::GetCustomField,
        }
    }
}

/// One answer: a status and what the body holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: Status,
    /// The body, typed.
    pub body: Body,
}

/// What a body holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Nothing: a 204, or an error without a body.
    Empty,
    /// A whole account.
    Account(Box<Account>),
    /// The id of the account that was written.
    AccountId(AccountId),
    /// A page of the account list.
    Accounts(AccountPage),
    /// A page of search results.
    Search(SearchPage),
    /// Fields to search by.
    SearchFields(SearchFields),
    /// Fields to put out.
    OutputFields(OutputFields),
    /// Custom fields of a category.
    CustomFields(Arc<[CustomField]>),
    /// One custom field.
    CustomField(Box<CustomField>),
    /// What went wrong.
    Errors(Vec<ApiError>),
}

impl Response {
    /// A 200 with `body`.
    pub const fn ok(body: Body) -> Self {
        Self { status: Status::OK, body }
    }

    /// `status` with one error in the body.
    pub fn error(status: Status, error: ApiError) -> Self {
        Self { status, body: Body::Errors(vec![error]) }
    }
}
