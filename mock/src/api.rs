//! The wire contract: what a client asks of Neon, and what Neon answers.
//!
//! The types mirror the JSON of the Neon CRM API v2. Ids are numbers here and strings on the wire.
//! [`http`] turns them into verbs, paths and bodies and back, for servers and clients alike.

mod account;
mod contact;
mod custom_field;
mod draft;
mod endpoint;
mod error;
pub mod http;
mod id;
mod look_up;
mod scalar;
mod search;

pub(crate) use account::rfc3339_text;
pub use account::{
    Account, AccountBody, AccountKind, AccountPage, AccountRow, ListAccounts, PrimaryContact,
    Timestamps, UserType,
};
pub use contact::{Contact, ContactCreated, ContactPage, Link, Unlink};
pub use custom_field::{
    AccountSettings, AccountType, Category, CustomField, CustomFieldItem, DisplayType, OptionDef,
    OptionItem, OptionStatus, Value,
};
pub use draft::{AddToGroup, FieldDraft, Group, GroupDraft, OptionDraft};
pub use endpoint::{Class, Endpoint};
pub use error::{ApiError, Status};
pub use id::{AccountId, FieldId, GroupId, OptionId, ParseIdError};
pub use look_up::{LookUp, LookUpBody, LookUpItem, OrganizationProfile, SystemUser, Webhook};
pub use search::{
    Criterion, CustomOutputField, CustomSearchField, MAX_PAGE_SIZE, Operator, OutputField,
    OutputFields, Page, Pagination, SearchAccounts, SearchFields, SearchPage, SearchRow,
    SortDirection, StandardSearchField,
};

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
    /// Which fields can be searched by, and with which operators.
    SearchFields,
    /// Which fields a search can put out.
    OutputFields,
    /// All custom fields of a category, in one unpaged array.
    ListCustomFields(Category),
    /// One custom field.
    GetCustomField(FieldId),
    /// Makes an account.
    CreateAccount(Account),
    /// Makes a person a contact of a company.
    LinkAccounts(Link),
    /// Undoes that.
    UnlinkAccounts(Unlink),
    /// One page of an account's contacts.
    ListContacts(AccountId, Page),
    /// Makes a contact of an account.
    CreateContact(AccountId, Contact),
    /// One contact of an account.
    GetContact(AccountId, AccountId),
    /// Replaces a contact.
    PutContact(AccountId, AccountId, Contact),
    /// Changes the members of a contact that the body names.
    PatchContact(AccountId, AccountId, Contact),
    /// Takes a contact away.
    DeleteContact(AccountId, AccountId),
    /// Makes a custom field.
    CreateCustomField(FieldDraft),
    /// Replaces a custom field and its options: an option that the body leaves out is removed.
    PutCustomField(FieldId, FieldDraft),
    /// Takes a custom field away.
    DeleteCustomField(FieldId),
    /// Moves custom fields into a group.
    AddToGroup(AddToGroup),
    /// All groups of custom fields of a category, in one unpaged array.
    ListGroups(Category),
    /// Makes a group.
    CreateGroup(GroupDraft),
    /// Renames a group.
    PutGroup(GroupId, GroupDraft),
    /// Takes a group away; its fields stay.
    DeleteGroup(GroupId),
    /// A list or setting that clients look up when they start.
    LookUp(LookUp),
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
            Self::CreateAccount(_) => Endpoint::CreateAccount,
            Self::LinkAccounts(_) => Endpoint::LinkAccounts,
            Self::UnlinkAccounts(_) => Endpoint::UnlinkAccounts,
            Self::ListContacts(..) => Endpoint::ListContacts,
            Self::CreateContact(..) => Endpoint::CreateContact,
            Self::GetContact(..) => Endpoint::GetContact,
            Self::PutContact(..) => Endpoint::PutContact,
            Self::PatchContact(..) => Endpoint::PatchContact,
            Self::DeleteContact(..) => Endpoint::DeleteContact,
            Self::CreateCustomField(_) => Endpoint::CreateCustomField,
            Self::PutCustomField(..) => Endpoint::PutCustomField,
            Self::DeleteCustomField(_) => Endpoint::DeleteCustomField,
            Self::AddToGroup(_) => Endpoint::AddToGroup,
            Self::ListGroups(_) => Endpoint::ListGroups,
            Self::CreateGroup(_) => Endpoint::CreateGroup,
            Self::PutGroup(..) => Endpoint::PutGroup,
            Self::DeleteGroup(_) => Endpoint::DeleteGroup,
            Self::LookUp(look_up) => look_up.endpoint(),
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
    /// How long the client is told to wait before it calls again (Retry-After).
    pub retry_after: Option<Duration>,
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
    /// The id of what was made: an account, a field or a group.
    Id(u64),
    /// A page of an account's contacts.
    Contacts(ContactPage),
    /// One contact.
    Contact(Box<Contact>),
    /// The ids of a new contact and of its account.
    ContactCreated(ContactCreated),
    /// Groups of custom fields.
    Groups(Vec<Group>),
    /// What clients look up when they start.
    LookUp(LookUpBody),
    /// What went wrong.
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
