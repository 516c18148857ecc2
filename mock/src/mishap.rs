//! Mishaps between a client and the mock, by cause: errors that were answered, members that were
//! ignored, calls that went past the API. For people who look for a fault of their client.
//!
//! Bounded: causes beyond the first [`MAX_CAUSES`] are only counted. Deliberately absent: values.

use crate::api::{AccountId, Body, Request, Response, Status};
use std::collections::BTreeMap;

/// Causes of each kind that are kept apart.
const MAX_CAUSES: usize = 50;

/// Letters of a message or a path that are kept.
const MAX_LETTERS: usize = 200;

/// Calls that went wrong for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mishap {
    /// Verb and path; `{id}` stands for the id of an account.
    pub call: String,
    /// Status of the answer.
    pub status: Status,
    /// The answer's first error, or the member that was ignored.
    pub message: String,
    /// Number of calls.
    pub calls: u64,
}

/// Everything that went wrong, most frequent first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mishaps {
    /// Errors that were answered, but for refusals (429).
    pub errors: Vec<Mishap>,
    /// Members of bodies that were ignored under a success, as Neon ignores them.
    pub ignored_members: Vec<Mishap>,
    /// Number of calls outside the base path.
    pub outside: u64,
    /// The first of them.
    pub first_outside: Option<String>,
}

/// Counts by call, status and message.
type Causes = BTreeMap<(String, Status, String), u64>;

/// The counts so far.
#[derive(Debug, Default)]
pub(crate) struct MishapLog {
    errors: Causes,
    ignored: Causes,
    outside: u64,
    first_outside: Option<String>,
}

impl MishapLog {
    /// Notes a call that went past the API.
    pub(crate) fn outside(&mut self, verb: &str, path: &str) {
        self.outside += 1;
        self.first_outside.get_or_insert_with(|| short(&format!("{verb} {path}")));
    }

    /// Notes a call that could not be decoded, or had no valid credentials.
    pub(crate) fn refused(&mut self, verb: &str, path: &str, response: &Response) {
        let call = format!("{verb} {}", template(path));
        count(&mut self.errors, &call, response.status, first_error(response));
    }

    /// Notes how a call that was understood was answered.
    pub(crate) fn answered(&mut self, request: &Request, response: &Response) {
        let call = request.endpoint().name();
        let is_error = !response.status.is_success() || matches!(response.body, Body::Errors(_));
        if response.status == Status::TOO_MANY_REQUESTS {
            return;
        }
        if is_error {
            let message = without_id(first_error(response), account_of(request));
            count(&mut self.errors, call, response.status, &message);
        } else if let Some(member) = unknown_member(request) {
            count(&mut self.ignored, call, response.status, member);
        }
    }

    pub(crate) fn found(&self) -> Mishaps {
        Mishaps {
            errors: sorted(&self.errors),
            ignored_members: sorted(&self.ignored),
            outside: self.outside,
            first_outside: self.first_outside.clone(),
        }
    }
}

fn count(causes: &mut Causes, call: &str, status: Status, message: &str) {
    let cause = (short(call), status, short(message));
    if causes.len() < MAX_CAUSES || causes.contains_key(&cause) {
        *causes.entry(cause).or_default() += 1;
    } else {
        *causes.entry(("others".to_owned(), status, "of other causes".to_owned())).or_default() +=
            1;
    }
}

fn sorted(causes: &Causes) -> Vec<Mishap> {
    let mishap = |((call, status, message), &calls): (&(String, Status, String), &u64)| Mishap {
        call: call.clone(),
        status: *status,
        message: message.clone(),
        calls,
    };
    let mut all: Vec<Mishap> = causes.iter().map(mishap).collect();
    all.sort_by_key(|mishap| std::cmp::Reverse(mishap.calls));
    all
}

fn first_error(response: &Response) -> &str {
    match &response.body {
        Body::Errors(errors) => errors.first().map_or("", |error| &error.message),
        _ => "",
    }
}

/// A path in which numbers stand as `{id}`: calls for other accounts are of the same cause.
fn template(path: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    let parts = path.split('/').map(|part| if is_number(part) { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn without_id(message: &str, id: Option<AccountId>) -> String {
    let Some(id) = id.map(|id| id.to_string()) else { return message.to_owned() };
    let words = message.split(' ').map(|word| if word == id { "{id}" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

const fn account_of(request: &Request) -> Option<AccountId> {
    match request {
        Request::GetAccount(id) | Request::PatchAccount(id, _) | Request::PutAccount(id, _) => {
            Some(*id)
        }
        _ => None,
    }
}

fn unknown_member(request: &Request) -> Option<&str> {
    match request {
        Request::PatchAccount(_, account)
        | Request::PutAccount(_, account)
        | Request::CreateAccount(account) => account.body.unknown_member.as_deref(),
        _ => None,
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Account, AccountKind, ApiError};

    #[test]
    fn calls_are_counted_by_cause_and_causes_are_bounded() {
        let mut log = MishapLog::default();
        for id in 1..=3 {
            let id = AccountId(id);
            let error = ApiError::new(1, format!("account {id} does not exist"));
            let missing = Response::error(Status::NOT_FOUND, error);
            log.answered(&Request::GetAccount(id), &missing);
            let mut account = Account::of_items(AccountKind::Individual, Vec::new());
            account.body.unknown_member = Some("individualAccount.responses".into());
            log.answered(&Request::PatchAccount(id, account), &Response::ok(Body::AccountId(id)));
        }
        log.outside("GET", "/accounts/1");
        log.outside("GET", "/accounts/2");
        let Mishaps { errors, ignored_members, outside, first_outside } = log.found();
        assert_eq!((errors.len(), errors[0].calls), (1, 3));
        assert_eq!(errors[0].call, "GET /accounts/{id}");
        assert_eq!(errors[0].message, "account {id} does not exist");
        assert_eq!(
            (ignored_members[0].calls, &*ignored_members[0].message),
            (3, "individualAccount.responses")
        );
        assert_eq!((outside, first_outside.as_deref()), (2, Some("GET /accounts/1")));
        let refusal = Response::error(Status::BAD_REQUEST, ApiError::new(1, "no"));
        (0..100).for_each(|n| log.refused("PATCH", &format!("/v2/a{n}/7"), &refusal));
        let errors = log.found().errors;
        assert!(errors.len() <= MAX_CAUSES + 1, "{}", errors.len());
        assert_eq!(errors.iter().map(|mishap| mishap.calls).sum::<u64>(), 103);
        assert!(errors.iter().any(|mishap| mishap.call == "PATCH /v2/a0/{id}"));
    }
}
