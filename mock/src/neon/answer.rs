//! What an admitted call is answered: the organisation's state, in the shape of the API.

use super::Neon;
use crate::api::{AccountId, ApiError, Body, Category, Request, Response, Status};
use crate::org::{SearchError, WriteError};
use crate::time::Timestamp;
use std::sync::Arc;

impl Neon {
    /// Carries out `request`, which was admitted at `now`.
    pub(super) fn answer(&mut self, now: Timestamp, request: &Request) -> Response {
        let organisation = &mut self.organisation;
        match request {
            Request::GetAccount(id) => match organisation.account(*id) {
                Some(account) => Response::ok(Body::Account(Box::new(account))),
                None => unknown_account(*id),
            },
            Request::PatchAccount(id, account) => {
                written(*id, organisation.patch(now, *id, account))
            }
            Request::PutAccount(id, account) => written(*id, organisation.put(now, *id, account)),
            Request::ListAccounts(list) => Response::ok(Body::Accounts(organisation.list(list))),
            Request::SearchAccounts(search) => {
                searched(organisation.search(search).map(Body::Search))
            }
            Request::SearchFields => Response::ok(Body::SearchFields(organisation.search_fields())),
            Request::OutputFields => Response::ok(Body::OutputFields(organisation.output_fields())),
            Request::ListCustomFields(category) => {
                Response::ok(Body::CustomFields(match category {
                    Category::Account => organisation.definitions().clone(),
                    _ => Arc::from([]),
                }))
            }
            Request::GetCustomField(id) => {
                let mut definitions = organisation.definitions().iter();
                definitions.find(|field| field.id == *id).map_or_else(
                    || {
                        let error = ApiError::new(51, format!("custom field {id} does not exist"));
                        Response::error(Status::NOT_FOUND, error)
                    },
                    |field| Response::ok(Body::CustomField(Box::new(field.clone()))),
                )
            }
        }
    }
}

fn unknown_account(id: AccountId) -> Response {
    Response::error(Status::NOT_FOUND, ApiError::new(1, format!("account {id} does not exist")))
}

fn written(id: AccountId, result: Result<(), WriteError>) -> Response {
    match result {
        Ok(()) => Response::ok(Body::AccountId(id)),
        Err(WriteError::UnknownAccount) => unknown_account(id),
        Err(error) => Response::error(Status::BAD_REQUEST, error.api_error()),
    }
}

fn searched(result: Result<Body, SearchError>) -> Response {
    match result {
        Ok(body) => Response::ok(body),
        Err(error) => Response::error(Status::BAD_REQUEST, error.api_error()),
    }
}
