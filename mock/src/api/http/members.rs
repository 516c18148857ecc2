//! Members of a written account that the API has and this mock ignores.

use crate::api::Account;
use serde_ignored::Path;

/// Members of an account.
const ACCOUNT: &[&str] = &[
    "noSolicitation",
    "login",
    "url",
    "consent",
    "source",
    "sendSystemEmail",
    "email1OptOut",
    "origin",
    "accountCurrentMembershipStatus",
    "generosityIndicator",
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

/// Members of the time stamps.
const TIMESTAMPS: &[&str] = &["createdBy", "lastModifiedBy"];

/// Members of a custom field's item: some clients send the option's status beside the value.
const ITEM: &[&str] = &["status"];

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
    account.body.unknown_member = unknown.map(String::into_boxed_str);
    Ok(account)
}

/// True if the API has the member at `path`.
fn is_known(path: &Path<'_>) -> bool {
    let Path::Map { parent, key } = path else { return false };
    let known = match named(parent) {
        Some("individualAccount" | "companyAccount") => ACCOUNT,
        Some("primaryContact") => CONTACT,
        Some("timestamps") => TIMESTAMPS,
        Some("accountCustomFields") => ITEM,
        _ => &[],
    };
    known.contains(&key.as_str())
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

    #[test]
    fn what_follows_the_body_is_refused() {
        assert!(account(br#"{"individualAccount":{}} {}"#).is_err());
    }
}
