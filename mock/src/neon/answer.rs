//! Answers to admitted calls: the organisation's state in the API's shapes.

use super::Neon;
use crate::api::{
    Account, AccountId, ApiError, Body, Category, CustomField, FieldId, Request, Response, Status,
};
use crate::behaviour::{Behaviour, MergedWrite};
use crate::org::look_up::{groups, look_up};
use crate::org::{Organisation, WriteError};
use crate::time::Timestamp;
use std::borrow::Cow;
use std::sync::Arc;

impl Neon {
    /// Carries out `request`, which was admitted at `now`.
    pub(super) fn answer(&mut self, now: Timestamp, request: &Request) -> Response {
        let behaviour = *self.profile.behaviour();
        let of_webhooks = super::echo::answer(&mut self.subscriptions, request);
        let mut response =
            of_webhooks.unwrap_or_else(|| answer(&mut self.organisation, now, request, &behaviour));
        if behaviour.errors_as_200 && response.status == Status::BAD_REQUEST {
            response.status = Status::OK;
        }
        response
    }
}

fn answer(
    organisation: &mut Organisation,
    now: Timestamp,
    request: &Request,
    behaviour: &Behaviour,
) -> Response {
    match request {
        Request::GetAccount(id) => read(organisation, *id),
        Request::PatchAccount(id, account) => {
            write(organisation, *id, account, behaviour, |organisation, id, account| {
                organisation.patch(now, id, account, behaviour)
            })
        }
        Request::PutAccount(id, account) => {
            write(organisation, *id, account, behaviour, |organisation, id, account| {
                organisation.put(now, id, account, behaviour)
            })
        }
        Request::ListAccounts(list) => match organisation.list(list, behaviour) {
            Ok(page) => Response::ok(Body::Accounts(page)),
            Err(error) => bad_request(ApiError::new(1, error.to_string())),
        },
        Request::SearchAccounts(search) => match organisation.search(now, search, behaviour) {
            Ok(page) => Response::ok(Body::Search(page)),
            Err(error) => bad_request(error.api_error()),
        },
        Request::SearchFields(key) => {
            Response::ok(Body::SearchFields(organisation.search_fields(key.as_deref())))
        }
        Request::OutputFields(key) => {
            Response::ok(Body::OutputFields(organisation.output_fields(key.as_deref())))
        }
        Request::CreateAccount(account) => match organisation.create(now, account, behaviour) {
            Ok(id) => Response::ok(Body::Id(id)),
            Err(error) => bad_request(error.api_error()),
        },
        Request::ListCustomFields(category) => {
            Response::ok(Body::CustomFields(custom_fields(organisation, *category)))
        }
        Request::GetCustomField(id) => match organisation.custom_field(*id) {
            Some(field) => Response::ok(Body::CustomField(Box::new(field.clone()))),
            None => unknown_field(*id),
        },
        Request::ListGroups(component) => json(groups(*component)),
        Request::LookUp(of) => json(look_up(of.endpoint())),
        Request::CreateWebhook(_)
        | Request::GetWebhook(_)
        | Request::PutWebhook(..)
        | Request::PatchWebhook(..)
        | Request::DeleteWebhook(_) => unreachable!("webhooks are answered before"),
    }
}

/// The custom fields of accounts; other record types have none.
fn custom_fields(organisation: &Organisation, category: Category) -> Arc<[CustomField]> {
    match category {
        Category::Account => Arc::clone(organisation.listed_definitions()),
        _ => Arc::from([]),
    }
}

fn json(text: &'static str) -> Response {
    Response::ok(Body::LookUp(Cow::Borrowed(text)))
}

fn bad_request(error: ApiError) -> Response {
    Response::error(Status::BAD_REQUEST, error)
}

fn unknown_account(id: AccountId) -> Response {
    Response::error(Status::NOT_FOUND, ApiError::new(1, format!("account {id} does not exist")))
}

/// Code 51: Neon's page on response codes.
fn unknown_field(id: FieldId) -> Response {
    let error = ApiError::new(51, format!("custom field {id} does not exist"));
    Response::error(Status::NOT_FOUND, error)
}

/// Account `id`; where it was merged, the account that it was merged into, under 222.
fn read(organisation: &Organisation, id: AccountId) -> Response {
    if let Some(account) = organisation.account(id) {
        return Response::ok(Body::Account(Box::new(account)));
    }
    match organisation.survivor(id).and_then(|survivor| organisation.account(survivor)) {
        Some(survivor) => Response::new(Status::MERGED, Body::Account(Box::new(survivor))),
        None => unknown_account(id),
    }
}

/// Writes account `id`; where it was merged, perhaps the account that it was merged into.
fn write(
    organisation: &mut Organisation,
    id: AccountId,
    account: &Account,
    behaviour: &Behaviour,
    write: impl FnOnce(&mut Organisation, AccountId, &Account) -> Result<(), WriteError>,
) -> Response {
    let survivor = organisation.survivor(id);
    if survivor.is_some() && behaviour.merged_write == MergedWrite::Dropped {
        return merged(survivor.unwrap_or(id));
    }
    match write(organisation, survivor.unwrap_or(id), account) {
        Ok(()) => survivor.map_or_else(|| Response::ok(Body::AccountId(id)), merged),
        Err(WriteError::UnknownAccount) => unknown_account(id),
        Err(error) => bad_request(error.api_error()),
    }
}

fn merged(survivor: AccountId) -> Response {
    Response::new(Status::MERGED, Body::AccountId(survivor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{AccountBody, CustomFieldItem, SearchAccounts};
    use crate::dataset::Dataset;
    use crate::profile::{BUILT_IN, Profile};

    /// A tenth of the accounts merged, and the profile `unlimited` with `behaviour`.
    fn neon(behaviour: &str) -> Neon {
        let (_, unlimited) = BUILT_IN.iter().find(|(name, _)| *name == "unlimited").unwrap();
        let text = format!("{unlimited}\n[behaviour]\n{behaviour}\n");
        let mut dataset = Dataset::built_in("plain", 1).unwrap();
        dataset.merged = 0.1;
        let organisation = Organisation::new(&dataset, 100, 1);
        Neon::new(Profile::from_toml("test.toml", &text).unwrap(), organisation, 1)
    }

    fn write() -> Account {
        let item = CustomFieldItem {
            id: Some(FieldId(85)),
            value: Some("written".into()),
            ..CustomFieldItem::default()
        };
        let body =
            AccountBody { account_custom_fields: Some(vec![item]), ..AccountBody::default() };
        Account { kind: crate::api::AccountKind::Individual, body }
    }

    fn merged_id(neon: &Neon) -> (AccountId, AccountId) {
        let ids = (1..=100).map(AccountId);
        let mut merged = ids.filter_map(|id| Some((id, neon.organisation().survivor(id)?)));
        merged.next().expect("a tenth of the accounts is merged")
    }

    #[test]
    fn a_merged_id_answers_with_its_survivor_under_222() {
        let mut neon = neon("");
        let (id, survivor) = merged_id(&neon);
        let mut answer = |request| neon.handle(Timestamp::ZERO, &request).response;
        let read = answer(Request::GetAccount(id));
        assert_eq!(read.status, Status::MERGED);
        let Body::Account(account) = read.body else { panic!("no account") };
        assert_eq!(account.body.account_id, Some(survivor));
        for request in [Request::PatchAccount(id, write()), Request::PutAccount(id, write())] {
            let written = answer(request);
            assert_eq!(written.status, Status::MERGED);
            assert_eq!(written.body, Body::AccountId(survivor));
        }
    }

    #[test]
    fn a_write_to_a_merged_id_changes_the_survivor_or_nothing() {
        for (behaviour, is_applied) in [("", true), ("merged_write = \"dropped\"", false)] {
            let mut neon = neon(behaviour);
            let (id, survivor) = merged_id(&neon);
            let reply = neon.handle(Timestamp::ZERO, &Request::PatchAccount(id, write()));
            assert_eq!(reply.response.body, Body::AccountId(survivor));
            assert_eq!(neon.organisation().is_changed(survivor), is_applied);
            assert!(!neon.organisation().is_changed(id));
        }
    }

    #[test]
    fn refusals_come_under_400_or_under_200() {
        for (behaviour, status) in [("", Status::BAD_REQUEST), ("errors_as_200 = true", Status::OK)]
        {
            let mut neon = neon(behaviour);
            let search = SearchAccounts {
                search_fields: Vec::new(),
                output_fields: vec![crate::api::OutputField::Id(FieldId(85))],
                pagination: crate::api::Page::default(),
            };
            let reply = neon.handle(Timestamp::ZERO, &Request::SearchAccounts(search));
            assert_eq!(reply.response.status, status);
            assert!(matches!(reply.response.body, Body::Errors(errors) if errors[0].code == "30"));
            // A missing account is still a 404.
            let reply = neon.handle(Timestamp::ZERO, &Request::GetAccount(AccountId(101)));
            assert_eq!(reply.response.status, Status::NOT_FOUND);
        }
    }
}
