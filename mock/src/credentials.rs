//! Basic authentication: user is the organisation's id, password the API key.

use crate::api::{ApiError, Response, Status};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An organisation's id and its API key.
pub(crate) struct OrgCredentials {
    org_id: String,
    api_key: String,
    /// The header a client with these credentials sends: comparing it saves parsing each call.
    expected: String,
}

/// Authentication errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unauthorized {
    KeyRequired,
    OrgRequired,
    KeyInvalid,
    OrgInvalid,
    /// A bearer token: the mock issues none, so any is invalid.
    TokenInvalid,
}

impl OrgCredentials {
    /// `None` if the organisation's id holds a colon: Basic authentication cannot carry it.
    pub(crate) fn new(org_id: String, api_key: String) -> Option<Self> {
        let expected = format!("Basic {}", STANDARD.encode(format!("{org_id}:{api_key}")));
        (!org_id.contains(':')).then_some(Self { org_id, api_key, expected })
    }

    pub(crate) fn org_id(&self) -> &str {
        &self.org_id
    }

    pub(crate) fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Checks the `Authorization` header of a call.
    ///
    /// Errors: [`Unauthorized`] with the reason.
    pub(crate) fn check(&self, authorization: Option<&[u8]>) -> Result<(), Unauthorized> {
        let Some(header) = authorization else { return Err(Unauthorized::KeyRequired) };
        if header == self.expected.as_bytes() {
            return Ok(());
        }
        if header.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer ")) {
            return Err(Unauthorized::TokenInvalid);
        }
        let (org_id, api_key) = basic(header).ok_or(Unauthorized::KeyRequired)?;
        match (org_id.as_str(), api_key.as_str()) {
            ("", _) => Err(Unauthorized::OrgRequired),
            (_, "") => Err(Unauthorized::KeyRequired),
            (org_id, _) if org_id != self.org_id => Err(Unauthorized::OrgInvalid),
            (_, api_key) if api_key != self.api_key => Err(Unauthorized::KeyInvalid),
            _ => Ok(()),
        }
    }
}

/// User and password of a Basic header (RFC 7617); its scheme is not case-sensitive.
fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

impl From<Unauthorized> for Response {
    /// Source of the codes and texts: Neon's page on response codes.
    fn from(unauthorized: Unauthorized) -> Self {
        let (code, message) = match unauthorized {
            Unauthorized::KeyRequired => (10, "Api key is required."),
            Unauthorized::OrgRequired => (12, "OrgId is required."),
            Unauthorized::KeyInvalid => (13, "Api key is invalid."),
            Unauthorized::OrgInvalid => (14, "OrgId is invalid."),
            Unauthorized::TokenInvalid => (15, "OAuth access token is invalid."),
        };
        Self::error(Status::UNAUTHORIZED, ApiError::new(code, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Unauthorized> {
        let credentials = OrgCredentials::new("demo".to_owned(), "key".to_owned()).unwrap();
        credentials.check(Some(format!("basic  {}", STANDARD.encode(text)).as_bytes()))
    }

    #[test]
    fn each_mistake_has_its_code() {
        assert_eq!(check("demo:key"), Ok(()));
        assert_eq!(check(":key"), Err(Unauthorized::OrgRequired));
        assert_eq!(check("demo:"), Err(Unauthorized::KeyRequired));
        assert_eq!(check("other:key"), Err(Unauthorized::OrgInvalid));
        assert_eq!(check("demo:key:"), Err(Unauthorized::KeyInvalid));
        assert_eq!(check("demo"), Err(Unauthorized::KeyRequired));
    }

    #[test]
    fn what_is_no_basic_header_lacks_the_key() {
        let credentials = OrgCredentials::new("demo".to_owned(), "demo".to_owned()).unwrap();
        assert_eq!(credentials.check(Some(b"Basic ZGVtbzpkZW1v")), Ok(()));
        assert_eq!(credentials.check(Some(b"Bearer x")), Err(Unauthorized::TokenInvalid));
        for header in [&b"Basic !"[..], b"Basic", b"\xff", b""] {
            assert_eq!(credentials.check(Some(header)), Err(Unauthorized::KeyRequired));
        }
        assert_eq!(credentials.check(None), Err(Unauthorized::KeyRequired));
        assert!(OrgCredentials::new("a:b".to_owned(), String::new()).is_none());
    }
}
