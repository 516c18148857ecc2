//! The wire contract: what a client asks of Neon, and what Neon answers.
//!
//! The types mirror the JSON of the Neon CRM API v2. Ids are numbers here and strings on the wire.
//! [`http`] turns them into verbs, paths and bodies and back, for servers and clients alike.

mod account;
mod custom_field;
mod endpoint;
mod error;
pub mod http;
mod id;
mod look_up;
mod other_members;
mod scalar;
mod search;
mod webhook;

pub(crate) use account::rfc3339_text;
pub use account::{
    Account, AccountBody, AccountKind, AccountPage, AccountRow, ListAccounts, PrimaryContact,
    Timestamps, UserType,
};
pub use custom_field::{
    AccountSettings, AccountType, Category, CustomField, CustomFieldItem, DisplayType, OptionDef,
    OptionItem, OptionStatus, Value,
};
pub use endpoint::{Class, Endpoint};
pub use error::{ApiError, Status};
pub use id::{AccountId, FieldId, OptionId, ParseIdError, WebhookId};
pub use look_up::LookUp;
pub(crate) use other_members::MemberMaker;
pub use other_members::{JsonMembers, OtherMembers};
pub use search::{
    Criterion, CustomOutputField, CustomSearchField, MAX_PAGE_SIZE, Operator, OutputField,
    OutputFields, Page, Pagination, SearchAccounts, SearchFields, SearchPage, SearchRow,
    SortDirection, StandardSearchField,
};

pub use webhook::{HttpBasic, NameValuePair, Trigger, Webhook};

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

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
    /// Lists the fields that a search accepts, with their operators; those alone whose name has the
    /// text, if one is given.
    SearchFields(Option<String>),
    /// Lists the fields that a search can return, in the same way.
    OutputFields(Option<String>),
    /// All custom fields of a category, in one unpaged array.
    ListCustomFields(Category),
    /// One custom field.
    GetCustomField(FieldId),
    /// Creates an account.
    CreateAccount(Account),
    /// All groups of custom fields of a category, in one unpaged array.
    ListGroups(Category),
    /// A read-only list or setting, such as the countries; the list of webhooks too.
    LookUp(LookUp),
    /// Subscribes to an event.
    CreateWebhook(Box<Webhook>),
    /// One subscription.
    GetWebhook(WebhookId),
    /// Replaces a subscription.
    PutWebhook(WebhookId, Box<Webhook>),
    /// Changes the members of a subscription that the body names.
    PatchWebhook(WebhookId, Box<Webhook>),
    /// Ends a subscription.
    DeleteWebhook(WebhookId),
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
            Self::SearchFields(_) => Endpoint::SearchFields,
            Self::OutputFields(_) => Endpoint::OutputFields,
            Self::ListCustomFields(_) => Endpoint::ListCustomFields,
            Self::GetCustomField(_) => Endpoint::GetCustomField,
            Self::CreateAccount(_) => Endpoint::CreateAccount,
            Self::ListGroups(_) => Endpoint::ListGroups,
            Self::LookUp(look_up) => look_up.endpoint(),
            Self::CreateWebhook(_) => Endpoint::CreateWebhook,
            Self::GetWebhook(_) => Endpoint::GetWebhook,
            Self::PutWebhook(..) => Endpoint::PutWebhook,
            Self::PatchWebhook(..) => Endpoint::PatchWebhook,
            Self::DeleteWebhook(_) => Endpoint::DeleteWebhook,
        }
    }
}

/// One answer: status and body.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: Status,
    /// The body, typed.
    pub body: Body,
    /// Wait before the next call that the answer asks for (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// A typed body.
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
    /// The id of the account that was made.
    Id(AccountId),
    /// A look-up, groups of custom fields, or webhooks: JSON, which clients seldom look into.
    LookUp(Cow<'static, str>),
    /// Errors.
    Errors(Vec<ApiError>),
}

impl Response {
    /// A 200 with `body`.
    pub const fn ok(body: Body) -> Self {
        Self::new(Status::OK, body)
    }

    /// `status` with `body`.
    pub const fn new(status: Status, body: Body) -> Self {
        Self { status, body, retry_after: None }
    }

    /// `status` with one error in the body.
    pub fn error(status: Status, error: ApiError) -> Self {
        Self::new(status, Body::Errors(vec![error]))
    }
}
