//! Verb, path, query and body into a request.

use super::query::Query;
use super::{InvalidRequest, bad_request, members};
use crate::api::{Account, ApiError, Category, Endpoint, LookUp, Request, Status};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// First segments of the paths of record types that Neon has and this mock does not serve.
const NOT_SERVED: &[&str] = &[
    "activities",
    "addresses",
    "campaigns",
    "customObjects",
    "donations",
    "eventRegistrations",
    "events",
    "grants",
    "groups",
    "households",
    "memberships",
    "opportunities",
    "orders",
    "payments",
    "pledges",
    "recurring",
    "roles",
    "shippingAddresses",
    "softCredits",
    "store",
    "timeSheets",
    "volunteers",
];

/// Records below an account that Neon has and this mock does not serve.
const NOT_SERVED_BELOW_ACCOUNTS: &[&str] = &[
    "contacts",
    "donations",
    "eventRegistrations",
    "memberships",
    "orders",
    "pledges",
    "windfall",
];

/// Requests that are refused although some clients send them: open questions of Neon's own reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strictness {
    /// Refuses a list of custom fields without a category; otherwise it lists those of accounts.
    pub needs_category: bool,
    /// Refuses a criterion whose field is a number; otherwise it is read as its text.
    pub refuses_numbers: bool,
}

/// Decodes a request as [`decode_by`] does by default.
///
/// Errors: [`InvalidRequest`], as there.
pub fn decode(
    verb: &str,
    path: &str,
    query: Option<&str>,
    body: &[u8],
) -> Result<Request, InvalidRequest> {
    decode_by(Strictness::default(), verb, path, query, body)
}

/// Decodes a request; `path` is relative to the base path, and slashes too many in it do not count.
///
/// Errors: [`InvalidRequest`]: 404 for an unknown path, 405 for a verb it does not take, 400 for
/// a query or body that does not parse.
pub fn decode_by(
    strictness: Strictness,
    verb: &str,
    path: &str,
    query: Option<&str>,
    body: &[u8],
) -> Result<Request, InvalidRequest> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let query = Query(query.unwrap_or_default());
    let decoded = match segments.as_slice() {
        ["accounts", below @ ..] => accounts(strictness, verb, below, &query, body)?,
        ["webhooks", below @ ..] if verb != "GET" || !below.is_empty() => {
            webhooks(verb, below, body)?
        }
        ["customFields", below @ ..] => custom_fields(strictness, verb, below, &query)?,
        _ if verb == "GET" => {
            let name = format!("GET /{}", segments.join("/"));
            Endpoint::from_name(&name).and_then(LookUp::new).map(Request::LookUp)
        }
        _ => None,
    };
    decoded.ok_or_else(|| refuse(verb, path, &segments))
}

/// Requests below `/accounts`; `None` if there is none of that verb and path.
fn accounts(
    strictness: Strictness,
    verb: &str,
    below: &[&str],
    query: &Query<'_>,
    body: &[u8],
) -> Result<Option<Request>, InvalidRequest> {
    Ok(Some(match (verb, below) {
        ("GET", []) => Request::ListAccounts(query.list_accounts()?),
        ("POST", []) => Request::CreateAccount(account(body)?),
        ("POST", ["search"]) => {
            if strictness.refuses_numbers {
                from_json::<NamedFields>(body)?;
            }
            Request::SearchAccounts(from_json(body)?)
        }
        ("GET", ["search", "searchFields"]) => Request::SearchFields(query.get("searchKey")),
        ("GET", ["search", "outputFields"]) => Request::OutputFields(query.get("searchKey")),
        // Reserved by Neon: not ids.
        (_, ["search" | "link" | "unlink", ..]) => return Ok(None),
        ("GET", [of]) => Request::GetAccount(id("account", of)?),
        ("PATCH", [of]) => Request::PatchAccount(id("account", of)?, account(body)?),
        ("PUT", [of]) => Request::PutAccount(id("account", of)?, account(body)?),
        _ => return Ok(None),
    }))
}

/// Requests below `/customFields`; `None` if there is none of that verb and path.
fn custom_fields(
    strictness: Strictness,
    verb: &str,
    below: &[&str],
    query: &Query<'_>,
) -> Result<Option<Request>, InvalidRequest> {
    Ok(Some(match (verb, below) {
        ("GET", []) if !strictness.needs_category && query.get("category").is_none() => {
            Request::ListCustomFields(Category::Account)
        }
        ("GET", []) => Request::ListCustomFields(query.category("category")?),
        ("GET", ["groups"]) => Request::ListGroups(query.category("component")?),
        (_, ["addToGroup" | "groups"]) => return Ok(None),
        ("GET", [of]) => Request::GetCustomField(id("custom field", of)?),
        _ => return Ok(None),
    }))
}

/// Requests below `/webhooks` but for the list, which is a look-up; `None` if there is none of that verb and path.
fn webhooks(verb: &str, below: &[&str], body: &[u8]) -> Result<Option<Request>, InvalidRequest> {
    Ok(Some(match (verb, below) {
        ("POST", []) => Request::CreateWebhook(from_json(body)?),
        ("GET", [of]) => Request::GetWebhook(id("webhook", of)?),
        ("PUT", [of]) => Request::PutWebhook(id("webhook", of)?, from_json(body)?),
        ("PATCH", [of]) => Request::PatchWebhook(id("webhook", of)?, from_json(body)?),
        ("DELETE", [of]) => Request::DeleteWebhook(id("webhook", of)?),
        _ => return Ok(None),
    }))
}

/// The error for a verb and path without a request.
fn refuse(verb: &str, path: &str, segments: &[&str]) -> InvalidRequest {
    let is_served = Endpoint::ALL.into_iter().any(|endpoint| fits(endpoint.template(), segments));
    if is_served {
        let message = format!("this mock does not take {verb} on {path}");
        return InvalidRequest { status: Status(405), error: ApiError::new(1, message) };
    }
    let message = match segments {
        ["accounts", _, below, ..] if NOT_SERVED_BELOW_ACCOUNTS.contains(below) => {
            format!("this mock does not serve {below} yet, of accounts or otherwise")
        }
        [first, ..] if NOT_SERVED.contains(first) => {
            format!("this mock does not serve {first} yet")
        }
        _ => format!("this mock serves accounts, custom fields and properties, not {path}"),
    };
    InvalidRequest { status: Status::NOT_FOUND, error: ApiError::new(1, message) }
}

/// True if `segments` match `template`.
fn fits(template: &str, segments: &[&str]) -> bool {
    let parts = template.split('/').skip(1);
    parts.clone().count() == segments.len()
        && parts.zip(segments).all(|(part, segment)| part.starts_with('{') || part == *segment)
}

/// Parses the id of a `what`; 404 if it is no number.
fn id<T: FromStr>(what: &str, text: &str) -> Result<T, InvalidRequest> {
    text.parse().map_err(|_| InvalidRequest {
        status: Status::NOT_FOUND,
        error: ApiError::new(1, format!("{what} {text} does not exist")),
    })
}

fn account(body: &[u8]) -> Result<Account, InvalidRequest> {
    members::account(body).map_err(|error| malformed(&error))
}

/// A search whose criteria name their fields by texts.
#[derive(Deserialize)]
struct NamedFields {
    #[serde(default, rename = "searchFields")]
    _search_fields: Vec<NamedField>,
}

#[derive(Deserialize)]
struct NamedField {
    #[serde(default, rename = "field")]
    _field: String,
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, InvalidRequest> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> InvalidRequest {
    bad_request(format!("body: {error}"))
}
