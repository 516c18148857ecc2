//! Members of a written account: those that the API has are kept, others are noted and dropped.

use crate::api::{Account, JsonMembers, OtherMembers};
use serde_ignored::Path;
use serde_json::Value as Json;

/// Members of an account that it keeps. Read-only ones are ignored, as is the time of a change.
const ACCOUNT: &[&str] = &[
    "noSolicitation",
    "login",
    "url",
    "consent",
    "source",
    "sendSystemEmail",
    "email1OptOut",
    "origin",
    "sendTextOptIn",
    "smsNumber",
    "company",
    "facebookPage",
    "twitterPage",
    "individualTypes",
    "roleVoList",
    "companyTypes",
    "shippingAddresses",
];

/// Members of an account that the API has and a write cannot change.
const READ_ONLY: &[&str] = &["accountCurrentMembershipStatus", "generosityIndicator"];

/// Members of a contact.
const CONTACT: &[&str] = &[
    "accountId",
    "middleName",
    "prefix",
    "suffix",
    "salutation",
    "preferredName",
    "dob",
    "gender",
    "email2",
    "email3",
    "deceased",
    "department",
    "title",
    "primaryContact",
    "currentEmployer",
    "startDate",
    "endDate",
    "addresses",
];

/// Members of a custom field's item: some clients send the option's status beside the value.
const ITEM: &[&str] = &["status"];

const ID_AND_NAME: &[&str] = &["id", "name", "status"];
const CODE_AND_NAME: &[&str] = &["code", "name", "status"];

/// Members of the objects below an account and its contact, by the name of the object or of the
/// list that holds it. A login has no password here: nobody is to read it again.
const OBJECTS: &[(&str, &[&str])] = &[
    ("login", &["username"]),
    ("consent", &["email", "phone", "mail", "sms", "dataSharing"]),
    ("source", ID_AND_NAME),
    ("origin", &["originDetail", "originCategory"]),
    ("company", ID_AND_NAME),
    ("individualTypes", ID_AND_NAME),
    ("companyTypes", ID_AND_NAME),
    ("roleVoList", &["id", "name", "description", "color"]),
    ("color", ID_AND_NAME),
    ("dob", &["day", "month", "year"]),
    ("gender", CODE_AND_NAME),
    ("addresses", ADDRESS),
    ("shippingAddresses", ADDRESS),
    ("type", ID_AND_NAME),
    ("stateProvince", CODE_AND_NAME),
    ("country", ID_AND_NAME),
];

/// Members of an address, and of one for shipping.
const ADDRESS: &[&str] = &[
    "addressId",
    "isPrimaryAddress",
    "validAddress",
    "shippingCompanyName",
    "shippingDeliverTo",
    "type",
    "startDate",
    "endDate",
    "addressLine1",
    "addressLine2",
    "addressLine3",
    "addressLine4",
    "city",
    "stateProvince",
    "country",
    "territory",
    "county",
    "zipCode",
    "zipCodeSuffix",
    "phone1",
    "phone1Type",
    "phone2",
    "phone2Type",
    "phone3",
    "phone3Type",
    "fax",
    "faxType",
];

/// Parses an account, noting the first member that the API does not have.
pub(super) fn account(body: &[u8]) -> Result<Account, serde_json::Error> {
    let mut unknown = None;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut account: Account = serde_ignored::deserialize(&mut deserializer, |path| {
        if unknown.is_none() && !is_known(&path) {
            unknown = Some(name(&path));
        }
    })?;
    deserializer.end()?;
    let wrapper = account.kind.wrapper();
    let body = &mut account.body;
    let mut strange = keep(&mut body.others, ACCOUNT, wrapper);
    if let Some(contact) = &mut body.primary_contact {
        strange =
            strange.or(keep(&mut contact.others, CONTACT, &format!("{wrapper}.primaryContact")));
    }
    body.unknown_member = unknown.or(strange).map(String::into_boxed_str);
    Ok(account)
}

/// Drops what is not among `known` from the members `others` at `place`, and nulls, which say
/// nothing. Returns the first that the API does not have.
fn keep(others: &mut OtherMembers, known: &[&str], place: &str) -> Option<String> {
    if others.is_empty() {
        return None;
    }
    let mut unknown = None;
    let mut kept = JsonMembers::new();
    for (name, value) in others.get().iter() {
        if known.contains(&&**name) {
            if let Some(value) = pruned(name, value) {
                kept.insert(name.clone(), value);
            }
        } else if unknown.is_none() && !READ_ONLY.contains(&&**name) {
            unknown = Some(format!("{place}.{name}"));
        }
    }
    *others = kept.into();
    unknown
}

/// The value of member `name` without the members that the API does not have there; `None` for
/// null, and for an object where the API has a text.
fn pruned(name: &str, value: &Json) -> Option<Json> {
    match value {
        Json::Null => None,
        Json::Array(items) => {
            Some(Json::Array(items.iter().filter_map(|item| pruned(name, item)).collect()))
        }
        Json::Object(members) => {
            let (_, known) = OBJECTS.iter().find(|(object, _)| *object == name)?;
            let kept = members.iter().filter(|(name, _)| known.contains(&name.as_str()));
            let kept = kept.filter_map(|(name, value)| Some((name.clone(), pruned(name, value)?)));
            Some(Json::Object(kept.collect()))
        }
        scalar => Some(scalar.clone()),
    }
}

/// True if the API has the member at `path`, which is not one of an account or its contact.
fn is_known(path: &Path<'_>) -> bool {
    let Path::Map { parent, key } = path else { return false };
    matches!(named(parent), Some("accountCustomFields")) && ITEM.contains(&key.as_str())
}

/// The member that `path` leads to, past positions in lists.
fn named<'a>(path: &'a Path<'_>) -> Option<&'a str> {
    match path {
        Path::Root => None,
        Path::Map { key, .. } => Some(key),
        Path::Seq { parent, .. }
        | Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => named(parent),
    }
}

/// The path as a person writes it: `individualAccount.customFieldResponses`.
fn name(path: &Path<'_>) -> String {
    path.to_string().replace(".?", "").replace("?.", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(body: &str) -> Option<String> {
        account(body.as_bytes()).unwrap().body.unknown_member.map(String::from)
    }

    #[test]
    fn members_that_no_schema_has_are_named() {
        assert_eq!(
            unknown(r#"{"individualAccount":{"customFieldResponses":[{"id":"85"}]}}"#).as_deref(),
            Some("individualAccount.customFieldResponses")
        );
        assert_eq!(
            unknown(r#"{"companyAccount":{"accountCustomFields":[{"id":"85","text":"x"}]}}"#)
                .as_deref(),
            Some("companyAccount.accountCustomFields.0.text")
        );
        assert_eq!(unknown(r#"{"individualAccount":{},"note":1}"#).as_deref(), Some("note"));
    }

    #[test]
    fn members_that_are_not_kept_are_no_mistakes() {
        let echoed = r#"{"individualAccount":{"login":{"username":"ada","password":"x"},
            "primaryContact":{"middleName":"K","addresses":[{"city":"Oslo"}]},
            "timestamps":{"createdBy":"A","createdDateTime":"2024-01-01T00:00:00Z"},
            "accountCustomFields":[{"id":"85","name":"V","value":"x","status":"ACTIVE"}]}}"#;
        assert_eq!(unknown(echoed), None);
    }

    /// Members that the API does not have are dropped at any depth, and so are nulls and passwords.
    #[test]
    fn members_that_the_api_has_are_kept() {
        let body = r#"{"individualAccount":{"noSolicitation":true,"customFieldResponses":[],"url":null,
            "login":{"username":"ada","password":"x"},"accountCurrentMembershipStatus":"Active",
            "company":{"name":"Kiln Works","size":7},"primaryContact":{"preferredName":"Zed",
            "title":{"a":1},"addresses":[{"city":"Oslo","country":{"id":"47","x":1}},null]}}}"#;
        let body = account(body.as_bytes()).unwrap().body;
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::json!({
                "noSolicitation": true, "login": {"username": "ada"},
                "company": {"name": "Kiln Works"}, "primaryContact": {"preferredName": "Zed",
                "addresses": [{"city": "Oslo", "country": {"id": "47"}}]}
            })
        );
        let unknown = body.unknown_member.as_deref();
        assert_eq!(unknown, Some("individualAccount.customFieldResponses"));
    }

    #[test]
    fn what_follows_the_body_is_refused() {
        assert!(account(br#"{"individualAccount":{}} {}"#).is_err());
    }
}
