//! Standard members of synthetic accounts, made when somebody looks at them.
//!
//! Which members there are, and which may be empty, follows recorded accounts; see
//! `tests/it/shapes.json`.

use super::synthetic::{FIRST_NAMES, WORDS};
use crate::api::{AccountBody, AccountId, AccountKind, JsonMembers, PrimaryContact};
use crate::rng::below;
use serde_json::{Value as Json, json};

/// Cities with the code and the name of their state or province, and the start of their zip codes.
const CITIES: [(&str, &str, &str, &str); 4] = [
    ("Fresno", "CA", "California", "937"),
    ("Peoria", "IL", "Illinois", "616"),
    ("Ithaca", "NY", "New York", "148"),
    ("Guelph", "ON", "Ontario", "N1H"),
];

/// Ways by which an account came into the organisation.
const ORIGINS: [&str; 3] = ["Membership form", "Street fair", "Import of 2019"];

/// Members of an account of `kind` and of its contact that nobody filled in.
pub(super) fn blank_members(kind: AccountKind) -> AccountBody {
    let contact = members(json!({
        "suffix": "", "salutation": "", "preferredName": "", "email2": "", "email3": "",
        "deceased": false, "addresses": [],
    }));
    let contact = PrimaryContact { others: contact.into(), ..PrimaryContact::default() };
    AccountBody {
        primary_contact: Some(contact),
        others: of_kind(kind, "").into(),
        ..AccountBody::default()
    }
}

/// Members of an individual.
pub(super) fn individual(_id: AccountId, bits: u64) -> JsonMembers {
    of_kind(AccountKind::Individual, ORIGINS[below(bits << 24, ORIGINS.len())])
}

/// Members of a company.
pub(super) fn company(_id: AccountId, bits: u64) -> JsonMembers {
    of_kind(AccountKind::Company, ORIGINS[below(bits << 24, ORIGINS.len())])
}

fn of_kind(kind: AccountKind, origin: &str) -> JsonMembers {
    let types = match kind {
        AccountKind::Individual => "individualTypes",
        AccountKind::Company => "companyTypes",
    };
    members(json!({
        "noSolicitation": false, "sendSystemEmail": false, "origin": {"originDetail": origin},
        types: [],
    }))
}

/// Members of a contact, whose first name has the same `bits`.
pub(super) fn contact(id: AccountId, bits: u64) -> JsonMembers {
    let (city, code, state, zip) = CITIES[below(bits << 28, CITIES.len())];
    let street = WORDS[below(bits << 32, WORDS.len())];
    let number = 1 + (bits >> 8) % 200;
    let mut address = json!({
        "addressId": (id.0 + 2_000_000_000).to_string(),
        "addressLine1": format!("{number} {}{} Street", street[..1].to_uppercase(), &street[1..]),
        "addressLine2": "",
        "city": city,
        "stateProvince": {"code": code, "name": state},
        "isPrimaryAddress": true,
        "type": {"id": "1", "name": "Home"},
        "zipCode": format!("{zip}{:02}", number % 100),
        "validAddress": false,
    });
    if bits & (1 << 20) != 0 {
        address["phone1"] = format!("555 01{:02}", number % 100).into();
        address["phone1Type"] = "Home".into();
    }
    members(json!({
        "suffix": "", "salutation": "", "preferredName": FIRST_NAMES[below(bits, FIRST_NAMES.len())],
        "email2": "", "email3": "", "deceased": false, "addresses": [address],
    }))
}

/// The members of an object.
fn members(object: Json) -> JsonMembers {
    let Json::Object(object) = object else { unreachable!("each caller passes an object") };
    object.into_iter().map(|(name, value)| (name.into_boxed_str(), value)).collect()
}
