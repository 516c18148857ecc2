//! The certificate of a preflight: an in-toto Statement whose subjects are the plan, the accounts, the field
//! definitions, the profile, the calibration and the settings that were checked.
//!
//! A subject's digest is that of its content in the predicate, and the content is enough to say what has changed.
//! Deliberately absent: a signature. Files are signed by `ssh-keygen`, and the store chains what it keeps.
//!
//! Source: in-toto Attestation Framework, Statement v1.

mod change;
mod members;
mod subjects;
#[cfg(test)]
mod tests;

pub use change::CertificateChange;
pub use subjects::{CertifiedAccounts, CertifiedField, CertifiedJob, CertifiedSubjects};

use super::{Item, ItemResult, ItemStatus};
use crate::digest::sha256;
use crate::store::Site;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type of a Statement. Source: in-toto Attestation Framework.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// The type of our predicate; its number is the version of the form.
const PREDICATE: &str = "https://github.com/neonbench/neonbench/preflight/v1";

/// Validity of a certificate: 72 h, in seconds.
pub const VALID_S: i64 = 72 * 60 * 60;

/// The namespace of signatures, so that one for another purpose is none for a certificate.
pub const NAMESPACE: &str = "neonbench-preflight";

/// An in-toto Statement about a preflight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The type of a Statement.
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The subjects, by their digests.
    pub subject: Vec<StatementSubject>,
    /// The type of the predicate.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// The preflight.
    pub predicate: Predicate,
}

/// A subject of a Statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementSubject {
    /// Its name: `plan`, `accounts`, `fields`, `profile`, `calibration` or `settings`.
    pub name: String,
    /// Its digest.
    pub digest: SubjectDigest,
}

/// The digest of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectDigest {
    /// SHA-256 of the subject's content as JSON, keys in order and without spaces, in hexadecimal digits.
    pub sha256: String,
}

/// The predicate: the preflight, and the contents of the subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// The program.
    pub tool: ToolIdentity,
    /// World, address and organisation.
    pub site: Site,
    /// When it was issued, in RFC 3339, UTC.
    #[serde(with = "stamp")]
    #[schemars(with = "String")]
    pub issued: i64,
    /// When it expires.
    #[serde(with = "stamp")]
    #[schemars(with = "String")]
    pub expires: i64,
    /// The result of each item.
    pub results: Vec<ItemResult>,
    /// The items that a person has waived.
    pub waivers: Vec<ItemWaiver>,
    /// The contents of the subjects, by their names.
    pub contents: CertifiedSubjects,
}

/// A program, by its version and its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolIdentity {
    /// Version of neonbench.
    pub version: String,
    /// SHA-256 of the binary, in hexadecimal digits.
    pub sha256: String,
}

/// An item that does not hold, and is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemWaiver {
    /// Name of the item.
    pub item: String,
    /// The reason that a person gave.
    pub reason: String,
}

/// All that a certificate is for.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateScope {
    /// The program.
    pub tool: ToolIdentity,
    /// World, address and organisation.
    pub site: Site,
    /// Plan, accounts, field definitions, profile, calibration and settings.
    pub subjects: CertifiedSubjects,
}

/// The certificate of `results` for `scope`, issued at `now_unix_s`.
pub fn issue(
    scope: CertificateScope,
    results: Vec<ItemResult>,
    waivers: Vec<ItemWaiver>,
    now_unix_s: i64,
) -> Statement {
    let CertificateScope { tool, site, subjects: contents } = scope;
    let subject = contents.digests().map(|(name, sha256)| StatementSubject {
        name: name.to_owned(),
        digest: SubjectDigest { sha256 },
    });
    Statement {
        statement_type: STATEMENT.to_owned(),
        subject: subject.to_vec(),
        predicate_type: PREDICATE.to_owned(),
        predicate: Predicate {
            tool,
            site,
            issued: now_unix_s,
            expires: now_unix_s + VALID_S,
            results,
            waivers,
            contents,
        },
    }
}

/// Checks that `statement` holds for `scope` at `now_unix_s`.
///
/// Errors: it does not; everything that is in the way, and not only the first.
pub fn check(
    statement: &Statement,
    scope: &CertificateScope,
    now_unix_s: i64,
) -> Result<(), Vec<CertificateChange>> {
    let Statement { predicate, .. } = statement;
    let mut changes = statement.contradictions();
    if now_unix_s >= predicate.expires || predicate.expires - predicate.issued > VALID_S {
        changes.push(CertificateChange::Expired { issued_unix_s: predicate.issued });
    } else if now_unix_s < predicate.issued {
        changes.push(CertificateChange::Early { issued_unix_s: predicate.issued });
    }
    if predicate.site != scope.site {
        let (then, now) = (predicate.site.clone(), scope.site.clone());
        changes.push(CertificateChange::Site { then, now });
    }
    if predicate.tool != scope.tool {
        let (then, now) = (predicate.tool.clone(), scope.tool.clone());
        changes.push(CertificateChange::Tool { then, now });
    }
    changes.extend(predicate.unmet());
    changes.extend(predicate.contents.changes(&scope.subjects));
    if changes.is_empty() { Ok(()) } else { Err(changes) }
}

impl Statement {
    /// Reads a certificate.
    ///
    /// Errors: it is no JSON of that form.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// The text of its file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data") + "\n"
    }

    /// The members in which `other` differs from it, in words.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        members::differences(&members::members(self), &members::members(other))
    }

    /// Where it contradicts itself, as no certificate that was issued does.
    fn contradictions(&self) -> Vec<CertificateChange> {
        let types = [(&self.statement_type, STATEMENT), (&self.predicate_type, PREDICATE)];
        let other = types.into_iter().filter(|(found, known)| found != known);
        let forms = other.map(|(found, _)| CertificateChange::Form { found: found.clone() });
        let mut found: Vec<CertificateChange> = forms.collect();
        let digests = self.predicate.contents.digests();
        let is_named = self.subject.len() == digests.len();
        for (name, sha256) in digests {
            let is_right = |it: &StatementSubject| it.name == name && it.digest.sha256 == sha256;
            if !is_named || !self.subject.iter().any(is_right) {
                found.push(CertificateChange::Digest { subject: name });
            }
        }
        found
    }
}

impl Predicate {
    /// The items that do not hold and were not waived.
    fn unmet(&self) -> Vec<CertificateChange> {
        let is_waived = |name: &str| {
            let reason = |it: &ItemWaiver| it.item == name && !it.reason.trim().is_empty();
            self.waivers.iter().any(reason)
        };
        let known = self.results.iter().map(|result| result.name.as_str());
        let names: std::collections::BTreeSet<&str> =
            known.chain(Item::ALL.iter().map(|item| item.name)).collect();
        let unmet = names.into_iter().filter(|name| !is_waived(name)).filter_map(|name| {
            let mut results = self.results.iter().filter(|result| result.name == name);
            let worst = results
                .find(|result| !matches!(result.status, ItemStatus::Pass | ItemStatus::Warn));
            let item = name.to_owned();
            match worst {
                Some(result) => {
                    let summary = result.summary.clone();
                    Some(CertificateChange::Item { item, status: result.status, summary })
                }
                None if self.results.iter().any(|result| result.name == name) => None,
                None => Some(CertificateChange::Missing { item }),
            }
        });
        unmet.collect()
    }
}

/// The name of a certificate's `text` for people: the first digits of its digest.
pub fn short_name(text: &str) -> String {
    sha256(text.as_bytes())[..8].to_owned()
}

/// Moments in RFC 3339, held as seconds since 1970, UTC.
mod stamp {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands members over by reference")]
    pub(super) fn serialize<S: Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::change::in_words(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
        let text = String::deserialize(d)?;
        let at = OffsetDateTime::parse(&text, &Rfc3339).map_err(D::Error::custom)?;
        Ok(at.unix_timestamp())
    }
}
