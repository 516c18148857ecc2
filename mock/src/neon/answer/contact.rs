//! Contacts and links.

use super::bad_request;
use crate::api::{AccountId, Body, ContactCreated, Request, Response, Status};
use crate::behaviour::Behaviour;
use crate::org::{ContactError, Organisation};
use crate::time::Timestamp;

/// What a request on contacts or links is answered: under 222 for the survivor of a merged account.
pub(super) fn answer(
    organisation: &mut Organisation,
    now: Timestamp,
    request: &Request,
    behaviour: &Behaviour,
) -> Response {
    let asked = asked(request);
    let survivor = asked.and_then(|id| organisation.survivor(id));
    let of = survivor.or(asked).unwrap_or_default();
    let answered = match request {
        Request::ListContacts(_, page) => {
            organisation.contacts(of, page, behaviour).map(Body::Contacts)
        }
        Request::CreateContact(_, contact) => organisation
            .create_contact(of, contact)
            .map(|id| Body::ContactCreated(ContactCreated { id, account_id: of })),
        Request::GetContact(_, id) => {
            organisation.contact(of, *id).map(|contact| Body::Contact(Box::new(contact)))
        }
        Request::PutContact(_, id, contact) => {
            organisation.put_contact(now, of, *id, contact, behaviour).map(|()| Body::AccountId(of))
        }
        Request::PatchContact(_, id, contact) => organisation
            .patch_contact(now, of, *id, contact, behaviour)
            .map(|()| Body::AccountId(of)),
        Request::DeleteContact(_, id) => {
            organisation.delete_contact(of, *id).map(|()| Body::AccountId(of))
        }
        Request::LinkAccounts(link) => organisation.link(now, link, behaviour).map(Body::AccountId),
        Request::UnlinkAccounts(unlink) => {
            organisation.unlink(now, unlink, behaviour).map(Body::AccountId)
        }
        _ => Err(ContactError::UnknownAccount(of)),
    };
    match answered {
        Ok(body) if survivor.is_some() => Response::new(Status::MERGED, body),
        Ok(body) => Response::ok(body),
        Err(error) if error.is_not_found() => Response::error(Status::NOT_FOUND, error.api_error()),
        Err(error) => bad_request(error.api_error()),
    }
}

/// The account whose contacts are asked for or linked.
const fn asked(request: &Request) -> Option<AccountId> {
    match request {
        Request::ListContacts(of, _)
        | Request::CreateContact(of, _)
        | Request::GetContact(of, _)
        | Request::PutContact(of, ..)
        | Request::PatchContact(of, ..)
        | Request::DeleteContact(of, _) => Some(*of),
        Request::LinkAccounts(link) => link.company_account_id,
        Request::UnlinkAccounts(unlink) => unlink.company_account_id,
        _ => None,
    }
}
