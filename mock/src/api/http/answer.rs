//! Responses into bodies, and bodies into responses.

use crate::api::{
    Account, AccountId, AccountPage, ApiError, Body, CustomField, Endpoint, LookUp, OutputFields,
    Response, SearchFields, SearchPage, Status,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// `{"accountId": "7"}`
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenAccount {
    account_id: AccountId,
}

/// `{"id": "7"}`
#[derive(Serialize, Deserialize)]
struct CreatedId {
    id: AccountId,
}

pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    // An account with ten fields: growing the buffer step by step costs a tenth of a call.
    let mut json = Vec::with_capacity(1024);
    // Our own types have string keys and no failing serialiser but the calendar's.
    serde_json::to_writer(&mut json, value).expect("a body of the contract is JSON");
    json
}

/// The body of `response` as JSON; empty for [`Body::Empty`].
pub fn response_body(response: &Response) -> Vec<u8> {
    match &response.body {
        Body::Empty => Vec::new(),
        Body::Account(account) => to_json(account),
        Body::AccountId(account_id) => to_json(&WrittenAccount { account_id: *account_id }),
        Body::Accounts(page) => to_json(page),
        Body::Search(page) => to_json(page),
        Body::SearchFields(fields) => to_json(fields),
        Body::OutputFields(fields) => to_json(fields),
        Body::CustomFields(fields) => to_json(fields),
        Body::CustomField(field) => to_json(field),
        Body::Id(id) => to_json(&CreatedId { id: *id }),
        Body::LookUp(json) => json.as_bytes().to_vec(),
        Body::Errors(errors) => to_json(errors),
    }
}

/// A success whose body does not parse.
#[derive(Debug, thiserror::Error)]
#[error("{} answered {status} with a body that is not its own", .endpoint.name())]
pub struct MalformedBody {
    /// The endpoint called.
    pub endpoint: Endpoint,
    /// The status that came with it.
    pub status: Status,
    /// The parse error.
    #[source]
    pub source: serde_json::Error,
}

/// Parses an answer of `endpoint`.
///
/// An array of errors is [`Body::Errors`] under any status: Neon is known to send one under 200.
/// A success without a body (204) is [`Body::Empty`]. Bodies of failures that are no error array
/// are left unread.
/// Errors: [`MalformedBody`] for a success whose body does not parse.
pub fn parse_response(
    endpoint: Endpoint,
    status: Status,
    body: &[u8],
) -> Result<Response, MalformedBody> {
    if !status.is_success() {
        let body = match json::<Vec<ApiError>>(body) {
            Ok(errors) => Body::Errors(errors),
            Err(_) => Body::Empty,
        };
        return Ok(Response::new(status, body));
    }
    if body.iter().all(u8::is_ascii_whitespace) && may_be_empty(endpoint) {
        return Ok(Response::new(status, Body::Empty));
    }
    // Items of the lists that are arrays of their own have no `message`; an empty one is a list.
    if body.first() == Some(&b'[')
        && let Ok(errors) = json::<Vec<ApiError>>(body)
        && !(errors.is_empty() && is_array(endpoint))
    {
        return Ok(Response::new(status, Body::Errors(errors)));
    }
    match parse_body(endpoint, body) {
        Ok(body) => Ok(Response::new(status, body)),
        Err(source) => Err(MalformedBody { endpoint, status, source }),
    }
}

fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

/// True if a success may have no body, as writes do.
const fn may_be_empty(endpoint: Endpoint) -> bool {
    matches!(endpoint.verb().as_bytes(), b"PUT" | b"PATCH" | b"DELETE")
}

/// True if a success is an array.
fn is_array(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::ListCustomFields | Endpoint::ListGroups)
        || LookUp::new(endpoint).is_some()
}

/// The body of a success.
fn parse_body(endpoint: Endpoint, body: &[u8]) -> Result<Body, serde_json::Error> {
    match endpoint {
        Endpoint::GetAccount => json::<Account>(body).map(|a| Body::Account(Box::new(a))),
        Endpoint::CreateAccount => json::<CreatedId>(body).map(|created| Body::Id(created.id)),
        Endpoint::ListAccounts => json::<AccountPage>(body).map(Body::Accounts),
        Endpoint::SearchAccounts => json::<SearchPage>(body).map(Body::Search),
        Endpoint::SearchFields => json::<SearchFields>(body).map(Body::SearchFields),
        Endpoint::OutputFields => json::<OutputFields>(body).map(Body::OutputFields),
        Endpoint::ListCustomFields => {
            json::<Vec<CustomField>>(body).map(|fields| Body::CustomFields(Arc::from(fields)))
        }
        Endpoint::GetCustomField => {
            json::<CustomField>(body).map(|field| Body::CustomField(Box::new(field)))
        }
        Endpoint::PatchAccount | Endpoint::PutAccount => {
            json::<WrittenAccount>(body).map(|written| Body::AccountId(written.account_id))
        }
        // The calls that are left are look-ups, and those of webhooks.
        _ => json::<&RawValue>(body).map(|found| Body::LookUp(found.get().to_owned().into())),
    }
}
