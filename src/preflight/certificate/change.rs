//! The reasons why a certificate does not hold, in words.

use super::{ToolIdentity, VALID_S};
use crate::preflight::ItemStatus;
use crate::store::Site;
use crate::text::first_of;
use std::fmt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Changes of one subject that a sentence names.
const MOST_NAMED: usize = 6;

/// A reason why a certificate does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateChange {
    /// It is of another form.
    Form {
        /// The type that it has.
        found: String,
    },
    /// A content is not the one that its digest was made of.
    Digest {
        /// Name of the subject.
        subject: &'static str,
    },
    /// It is too old.
    Expired {
        /// When it was issued, in seconds since 1970, UTC.
        issued_unix_s: i64,
    },
    /// It is from the future.
    Early {
        /// When it was issued, in seconds since 1970, UTC.
        issued_unix_s: i64,
    },
    /// It is for another world, address or organisation.
    Site {
        /// The certificate's.
        then: Site,
        /// The run's.
        now: Site,
    },
    /// Another program made it.
    Tool {
        /// The certificate's.
        then: ToolIdentity,
        /// The run's.
        now: ToolIdentity,
    },
    /// An item does not hold, and nobody has waived it.
    Item {
        /// Its name.
        item: String,
        /// Its result.
        status: ItemStatus,
        /// Its result in one sentence.
        summary: String,
    },
    /// An item has no result.
    Missing {
        /// Its name.
        item: String,
    },
    /// A subject has changed since.
    Subject {
        /// Its name.
        subject: &'static str,
        /// The changes in words, one each.
        words: Vec<String>,
    },
}

impl fmt::Display for CertificateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form { found } => {
                write!(f, "its type is `{found}`, which this version does not know")
            }
            Self::Digest { subject } => {
                write!(
                    f,
                    "somebody edited its {subject}: the content does not have the digest of the subject"
                )
            }
            Self::Expired { issued_unix_s } => {
                let hours = VALID_S / 3600;
                write!(
                    f,
                    "it has expired: it was issued {}, and holds for {hours} h",
                    in_words(*issued_unix_s)
                )
            }
            Self::Early { issued_unix_s } => {
                write!(
                    f,
                    "it was issued {}, which is in the future: look at the clock",
                    in_words(*issued_unix_s)
                )
            }
            Self::Site { then, now } => {
                write!(f, "it is for {}, and the run is for {}", place(then), place(now))
            }
            Self::Tool { then, now } if then.version == now.version => {
                write!(f, "another build of neonbench {} made it", then.version)
            }
            Self::Tool { then, now } => {
                write!(f, "neonbench {} made it, and this is {}", then.version, now.version)
            }
            Self::Item { item, status, summary } => write!(f, "item {item}: {status}: {summary}"),
            Self::Missing { item } => write!(f, "item {item} was not checked"),
            Self::Subject { words, .. } => f.write_str(&first_of(words, MOST_NAMED, "; ")),
        }
    }
}

fn place(site: &Site) -> String {
    match site {
        Site::Virtual => "the mock in virtual time".to_owned(),
        Site::EmbeddedHttp => "the mock over HTTP".to_owned(),
        Site::ForeignHttp { base_url, org_id } => format!("organisation {org_id} at {base_url}"),
    }
}

/// A moment in RFC 3339; its seconds since 1970 where the calendar has no such moment.
pub(super) fn in_words(at_unix_s: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at_unix_s).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| at_unix_s.to_string())
}
