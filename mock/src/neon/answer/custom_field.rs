//! Custom fields and their groups.

use super::bad_request;
use crate::api::{Body, Category, Request, Response, Status};
use crate::org::{FieldError, Organisation};
use std::sync::Arc;

/// What a request on custom fields or groups is answered.
pub(super) fn answer(organisation: &mut Organisation, request: &Request) -> Response {
    let done = |()| Body::Empty;
    let answered = match request {
        Request::ListCustomFields(Category::Account) => {
            Ok(Body::CustomFields(Arc::clone(organisation.definitions())))
        }
        Request::GetCustomField(id) => {
            organisation.custom_field(*id).map(|field| Body::CustomField(Box::new(field.clone())))
        }
        Request::CreateCustomField(draft) => {
            organisation.create_field(draft).map(|id| Body::Id(u64::from(id.0)))
        }
        Request::PutCustomField(id, draft) => organisation.put_field(*id, draft).map(done),
        Request::DeleteCustomField(id) => organisation.delete_field(*id).map(done),
        Request::AddToGroup(order) => organisation.add_to_group(order).map(done),
        Request::ListGroups(component) => Ok(Body::Groups(organisation.groups(*component))),
        Request::CreateGroup(draft) => {
            organisation.create_group(draft).map(|id| Body::Id(u64::from(id.0)))
        }
        Request::PutGroup(id, draft) => organisation.put_group(*id, draft).map(done),
        Request::DeleteGroup(id) => organisation.delete_group(*id).map(done),
        // Fields of other record types: there are none.
        _ => Ok(Body::CustomFields(Arc::from([]))),
    };
    answered.map_or_else(|error| refused(&error), Response::ok)
}

fn refused(error: &FieldError) -> Response {
    if error.is_not_found() {
        return Response::error(Status::NOT_FOUND, error.api_error());
    }
    bad_request(error.api_error())
}
