//! Requests and responses in HTTP: verb, path, query and body.
//!
//! Pure on both sides. Servers [`decode`] and [`response_body`]; clients [`encode`] and
//! [`parse_response`].

mod answer;
mod decode;
mod members;
mod query;

pub use answer::{MalformedBody, parse_response, response_body};
pub use decode::{Strictness, decode, decode_by};

use super::{ApiError, Request, Response, Status};
use answer::to_json;

/// An encoded request. The path is relative to the base path and starts with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// The verb.
    pub verb: &'static str,
    /// Path and query.
    pub target: String,
    /// JSON, if the verb has a body.
    pub body: Option<Vec<u8>>,
}

/// Encodes `request`.
pub fn encode(request: &Request) -> HttpCall {
    let endpoint = request.endpoint();
    let template = || endpoint.template().to_owned();
    let (target, body) = match request {
        Request::GetAccount(id) => (format!("/accounts/{id}"), None),
        Request::PatchAccount(id, account) | Request::PutAccount(id, account) => {
            (format!("/accounts/{id}"), Some(to_json(account)))
        }
        Request::CreateAccount(account) => (template(), Some(to_json(account))),
        Request::ListAccounts(list) => (format!("/accounts?{}", query::of_list(list)), None),
        Request::SearchAccounts(search) => (template(), Some(to_json(search))),
        Request::SearchFields(key) | Request::OutputFields(key) => {
            (template() + &query::of_key(key.as_deref()), None)
        }
        Request::LookUp(_) => (template(), None),
        Request::CreateWebhook(webhook) => (template(), Some(to_json(webhook))),
        Request::GetWebhook(id) | Request::DeleteWebhook(id) => (format!("/webhooks/{id}"), None),
        Request::PutWebhook(id, webhook) | Request::PatchWebhook(id, webhook) => {
            (format!("/webhooks/{id}"), Some(to_json(webhook)))
        }
        Request::ListCustomFields(of) => (format!("/customFields?category={}", of.name()), None),
        Request::GetCustomField(id) => (format!("/customFields/{id}"), None),
        Request::ListGroups(of) => (format!("/customFields/groups?component={}", of.name()), None),
    };
    HttpCall { verb: endpoint.verb(), target, body }
}

/// A request that cannot be decoded, as the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequest {
    /// 400, 404 or 405.
    pub status: Status,
    /// The error in the body.
    pub error: ApiError,
}

impl From<InvalidRequest> for Response {
    fn from(refused: InvalidRequest) -> Self {
        Self::error(refused.status, refused.error)
    }
}

fn bad_request(message: impl Into<String>) -> InvalidRequest {
    InvalidRequest { status: Status::BAD_REQUEST, error: ApiError::new(1, message) }
}

#[cfg(test)]
mod tests;
