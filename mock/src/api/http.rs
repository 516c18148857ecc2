//! Requests and responses as HTTP carries them: verb, path, query and body.
//!
//! Pure on both sides. Servers [`decode`] and [`response_body`]; clients [`encode`] and
//! [`parse_response`].

mod members;

use super::{
    Account, AccountId, AccountPage, ApiError, Body, Category, CustomField, Endpoint, FieldId,
    ListAccounts, OutputFields, Page, Request, Response, SearchFields, SearchPage, SortDirection,
    Status, UserType,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A call as HTTP carries it. The path is relative to the base path, and begins with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The verb.
    pub verb: &'static str,
    /// Path and query.
    pub target: String,
    /// JSON, if the verb has a body.
    pub body: Option<Vec<u8>>,
}

/// `request` as HTTP carries it.
pub fn encode(request: &Request) -> Call {
    let (target, body) = match request {
        Request::GetAccount(id) => (format!("/accounts/{id}"), None),
        Request::PatchAccount(id, account) | Request::PutAccount(id, account) => {
            (format!("/accounts/{id}"), Some(to_json(account)))
        }
        Request::ListAccounts(list) => (format!("/accounts?{}", list_query(list)), None),
        Request::SearchAccounts(search) => ("/accounts/search".to_owned(), Some(to_json(search))),
        Request::SearchFields => ("/accounts/search/searchFields".to_owned(), None),
        Request::OutputFields => ("/accounts/search/outputFields".to_owned(), None),
        Request::ListCustomFields(category) => {
            (format!("/customFields?category={category:?}"), None)
        }
        Request::GetCustomField(id) => (format!("/customFields/{id}"), None),
    };
    Call { verb: request.endpoint().verb(), target, body }
}

fn list_query(list: &ListAccounts) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("currentPage", &list.page.current_page.to_string());
    query.append_pair("pageSize", &list.page.page_size.to_string());
    if let Some(user_type) = list.user_type {
        query.append_pair(
            "userType",
            match user_type {
                UserType::Individual => "INDIVIDUAL",
                UserType::Company => "COMPANY",
            },
        );
    }
    let texts =
        [("email", &list.email), ("firstName", &list.first_name), ("lastName", &list.last_name)];
    for (name, value) in texts {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// A request that this mock cannot take, as the answer it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// 400, 404 or 405.
    pub status: Status,
    /// What is wrong with it.
    pub error: ApiError,
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        Self::error(refused.status, refused.error)
    }
}

fn bad_request(message: impl Into<String>) -> Refused {
    Refused { status: Status::BAD_REQUEST, error: ApiError::new(1, message) }
}

/// The request that `verb`, `path` (below the base path), `query` and `body` stand for.
///
/// Errors: 404 for a path that is not served, 405 for a verb that the path does not take, 400 for
/// a query or body that does not parse.
pub fn decode(
    verb: &str,
    path: &str,
    query: Option<&str>,
    body: &[u8],
) -> Result<Request, Refused> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let query = Query(query.unwrap_or_default());
    match (segments.as_slice(), verb) {
        (["accounts"], "GET") => list_accounts(&query).map(Request::ListAccounts),
        (["accounts", "search"], "POST") => from_json(body).map(Request::SearchAccounts),
        (["accounts", "search", "searchFields"], "GET") => Ok(Request::SearchFields),
        (["accounts", "search", "outputFields"], "GET") => Ok(Request::OutputFields),
        (["accounts", id], "GET") => Ok(Request::GetAccount(account_id(id)?)),
        (["accounts", id], "PATCH") => Ok(Request::PatchAccount(account_id(id)?, account(body)?)),
        (["accounts", id], "PUT") => Ok(Request::PutAccount(account_id(id)?, account(body)?)),
        (["customFields"], "GET") => {
            query.require("category", category).map(Request::ListCustomFields)
        }
        (["customFields", id], "GET") => {
            id.parse::<FieldId>().map(Request::GetCustomField).map_err(|_| not_found(path))
        }
        (
            ["accounts" | "customFields"]
            | ["accounts" | "customFields", _]
            | ["accounts", "search", "searchFields" | "outputFields"],
            _,
        ) => Err(Refused {
            status: Status(405),
            error: ApiError::new(1, format!("this mock does not take {verb} on {path}")),
        }),
        _ => Err(not_found(path)),
    }
}

fn not_found(path: &str) -> Refused {
    Refused {
        status: Status::NOT_FOUND,
        error: ApiError::new(1, format!("this mock serves accounts and custom fields, not {path}")),
    }
}

/// An id that is no number belongs to no account.
fn account_id(text: &str) -> Result<AccountId, Refused> {
    text.parse().map_err(|_| Refused {
        status: Status::NOT_FOUND,
        error: ApiError::new(1, format!("account {text} does not exist")),
    })
}

fn list_accounts(query: &Query<'_>) -> Result<ListAccounts, Refused> {
    let default = Page::default();
    let number = |text: &str| text.parse::<u32>().ok();
    let page = Page {
        current_page: query.parse("currentPage", number)?.unwrap_or(default.current_page),
        page_size: query.parse("pageSize", number)?.unwrap_or(default.page_size),
        sort_column: query.get("sortColumn"),
        sort_direction: query.parse("sortDirection", |text| match text {
            "ASC" => Some(SortDirection::Asc),
            "DESC" => Some(SortDirection::Desc),
            _ => None,
        })?,
    };
    let user_type = query.parse("userType", |text| match text {
        "INDIVIDUAL" => Some(UserType::Individual),
        "COMPANY" => Some(UserType::Company),
        _ => None,
    })?;
    Ok(ListAccounts {
        page,
        user_type,
        email: query.get("email"),
        first_name: query.get("firstName"),
        last_name: query.get("lastName"),
    })
}

fn category(text: &str) -> Option<Category> {
    Category::ALL.into_iter().find(|category| format!("{category:?}") == text)
}

/// A query string.
struct Query<'a>(&'a str);

impl Query<'_> {
    fn get(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.0.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    fn parse<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(bad_request(format!("parameter {name} cannot be `{text}`"))),
        }
    }

    fn require<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Refused> {
        self.parse(name, parse)?.ok_or_else(|| bad_request(format!("parameter {name} is required")))
    }
}

fn account(body: &[u8]) -> Result<Account, Refused> {
    members::account(body).map_err(|error| bad_request(format!("body: {error}")))
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| bad_request(format!("body: {error}")))
}

fn to_json(value: &impl serde::Serialize) -> Vec<u8> {
    // An account with ten fields: growing the buffer step by step costs a tenth of a call.
    let mut json = Vec::with_capacity(1024);
    // Our own types have string keys and no failing serialiser but the calendar's.
    serde_json::to_writer(&mut json, value).expect("a body of the contract is JSON");
    json
}

/// The body of `response` as JSON; empty for [`Body::Empty`].
pub fn response_body(response: &Response) -> Vec<u8> {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Written {
        account_id: AccountId,
    }
    match &response.body {
        Body::Empty => Vec::new(),
        Body::Account(account) => to_json(account),
        Body::AccountId(account_id) => to_json(&Written { account_id: *account_id }),
        Body::Accounts(page) => to_json(page),
        Body::Search(page) => to_json(page),
        Body::SearchFields(fields) => to_json(fields),
        Body::OutputFields(fields) => to_json(fields),
        Body::CustomFields(fields) => to_json(fields),
        Body::CustomField(field) => to_json(field),
        Body::Errors(errors) => to_json(errors),
    }
}

/// A body that is not what the endpoint answers.
#[derive(Debug, thiserror::Error)]
#[error("{} answered {status} with a body that is not its own", .endpoint.name())]
pub struct MalformedBody {
    /// The endpoint called.
    pub endpoint: Endpoint,
    /// The status that came with it.
    pub status: Status,
    /// What does not parse.
    #[source]
    pub source: serde_json::Error,
}

/// What `endpoint` answered.
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
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Written {
        account_id: AccountId,
    }
    fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
        serde_json::from_slice(body)
    }
    let empty = body.iter().all(u8::is_ascii_whitespace);
    if !status.is_success() {
        let body = match json::<Vec<ApiError>>(body) {
            Ok(errors) => Body::Errors(errors),
            Err(_) => Body::Empty,
        };
        return Ok(Response { status, body });
    }
    if empty && matches!(endpoint, Endpoint::PatchAccount | Endpoint::PutAccount) {
        return Ok(Response { status, body: Body::Empty });
    }
    // Only the list of fields is an array of its own; its items have no `code`.
    if body.first() == Some(&b'[')
        && let Ok(errors) = json::<Vec<ApiError>>(body)
        && (endpoint != Endpoint::ListCustomFields || !errors.is_empty())
    {
        return Ok(Response { status, body: Body::Errors(errors) });
    }
    let parsed = match endpoint {
        Endpoint::GetAccount => json::<Account>(body).map(|a| Body::Account(Box::new(a))),
        Endpoint::PatchAccount | Endpoint::PutAccount => {
            json::<Written>(body).map(|written| Body::AccountId(written.account_id))
        }
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
    };
    match parsed {
        Ok(body) => Ok(Response { status, body }),
        Err(source) => Err(MalformedBody { endpoint, status, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AccountKind, Criterion, Operator, SearchAccounts};
    use super::*;

    fn round_trip(request: &Request) {
        let call = encode(request);
        let (path, query) = match call.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (call.target.as_str(), None),
        };
        let decoded = decode(call.verb, path, query, call.body.as_deref().unwrap_or_default());
        assert_eq!(decoded.as_ref(), Ok(request));
    }

    #[test]
    fn requests_survive_the_wire() {
        let account =
            Account { kind: AccountKind::Company, body: super::super::AccountBody::default() };
        round_trip(&Request::GetAccount(AccountId(7)));
        round_trip(&Request::PatchAccount(AccountId(7), account.clone()));
        round_trip(&Request::PutAccount(AccountId(7), account));
        round_trip(&Request::ListAccounts(ListAccounts {
            user_type: Some(UserType::Company),
            first_name: Some("Ann & Söhne".to_owned()),
            ..ListAccounts::default()
        }));
        round_trip(&Request::SearchAccounts(SearchAccounts {
            search_fields: vec![Criterion {
                field: "Account ID".to_owned(),
                operator: Operator::NotBlank,
                value: None,
                value_list: None,
            }],
            output_fields: vec![super::super::OutputField::Id(FieldId(85))],
            pagination: Page::default(),
        }));
        round_trip(&Request::SearchFields);
        round_trip(&Request::OutputFields);
        round_trip(&Request::ListCustomFields(Category::Account));
        round_trip(&Request::GetCustomField(FieldId(85)));
    }

    #[test]
    fn what_is_not_served_is_refused_by_its_reason() {
        let status =
            |verb, path, body: &str| decode(verb, path, None, body.as_bytes()).unwrap_err().status;
        assert_eq!(status("GET", "/donations/1", ""), Status::NOT_FOUND);
        assert_eq!(status("DELETE", "/accounts/1", ""), Status(405));
        assert_eq!(status("GET", "/accounts/abc", ""), Status::NOT_FOUND);
        assert_eq!(status("PATCH", "/accounts/1", "{"), Status::BAD_REQUEST);
        assert_eq!(status("GET", "/customFields", ""), Status::BAD_REQUEST);
    }

    #[test]
    fn an_error_array_under_200_is_an_error() {
        let body = br#"[{"code":"30","message":"no criteria"}]"#;
        let response = parse_response(Endpoint::GetAccount, Status::OK, body).unwrap();
        assert!(matches!(response.body, Body::Errors(errors) if errors[0].code == "30"));
        let empty = parse_response(Endpoint::ListCustomFields, Status::OK, b"[]").unwrap();
        assert!(matches!(empty.body, Body::CustomFields(fields) if fields.is_empty()));
    }

    #[test]
    fn items_spell_out_nulls_when_read_and_only_what_they_set_when_written() {
        let read = CustomField::item_for_test(Some("V-Notes"));
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#"{"id":"85","name":"V-Notes","value":"x","optionValues":null}"#
        );
        let written = CustomField::item_for_test(None);
        assert_eq!(serde_json::to_string(&written).unwrap(), r#"{"id":"85","value":"x"}"#);
    }

    impl CustomField {
        fn item_for_test(name: Option<&str>) -> super::super::CustomFieldItem {
            super::super::CustomFieldItem {
                id: Some(FieldId(85)),
                name: name.map(Arc::from),
                value: Some("x".into()),
                option_values: None,
                is_null: false,
            }
        }
    }
}
