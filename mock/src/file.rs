//! Files that people write: durations with their unit, errors with their place.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::string::FromUtf8Error;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// A duration as people write it, with its unit: `"250ms"`. A bare number is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationText(pub Duration);

impl Serialize for DurationText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl serde::de::Visitor<'_> for Text {
            type Value = DurationText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with its unit, such as \"250ms\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DurationText, E> {
                humantime::parse_duration(text).map(DurationText).map_err(|error| {
                    E::custom(format!(
                        "`{text}` is no duration ({error}); expected one such as \"250ms\""
                    ))
                })
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for DurationText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DurationText".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["250ms"] })
    }
}

/// Path of a member in a file: keys from the top, and positions in arrays.
///
/// Shown as TOML writes it: `limits.endpoints."GET /accounts"`, `fields[2].skew`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member(Vec<PathSegment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathSegment {
    Name(String),
    Index(usize),
}

impl Member {
    /// The member `name` at the top of a file.
    pub fn top(name: &str) -> Self {
        Self::default().key(name)
    }

    /// The member `name` of this one.
    #[must_use]
    pub fn key(mut self, name: &str) -> Self {
        self.0.push(PathSegment::Name(name.to_owned()));
        self
    }

    /// The item at `index` of this one.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(PathSegment::Index(index));
        self
    }

    /// Byte offset of the member in a TOML `text`, or of the nearest enclosing member that exists.
    pub fn offset(&self, text: &str) -> Option<usize> {
        let table = DeTable::parse(text).ok()?;
        let mut offset = None;
        let mut value: Option<&DeValue<'_>> = None;
        for key in &self.0 {
            let found = match (key, value) {
                (PathSegment::Name(name), None) => table.get_ref().get_key_value(name.as_str()),
                (PathSegment::Name(name), Some(DeValue::Table(table))) => {
                    table.get_key_value(name.as_str())
                }
                (PathSegment::Index(index), Some(DeValue::Array(array))) => {
                    let Some(item) = array.get(*index) else { break };
                    (offset, value) = (Some(item.span().start), Some(item.get_ref()));
                    continue;
                }
                _ => break,
            };
            let Some((name, inner)) = found else { break };
            (offset, value) = (Some(name.span().start), Some(inner.get_ref()));
        }
        offset
    }
}

impl Member {
    /// Byte offset of its value in a JSON `text`, or of the nearest enclosing value that exists.
    pub fn json_offset(&self, text: &str) -> Option<usize> {
        // Raw values borrow from `text`, so their addresses give their offsets.
        let at = |raw: &RawValue| raw.get().as_ptr() as usize - text.as_ptr() as usize;
        let mut value: &RawValue = serde_json::from_str(text).ok()?;
        for key in &self.0 {
            let inner = match key {
                PathSegment::Name(name) => serde_json::from_str(value.get()).ok().and_then(
                    |object: BTreeMap<Cow<'_, str>, &RawValue>| object.get(name.as_str()).copied(),
                ),
                PathSegment::Index(index) => serde_json::from_str(value.get())
                    .ok()
                    .and_then(|array: Vec<&RawValue>| array.get(*index).copied()),
            };
            let Some(inner) = inner else { break };
            value = inner;
        }
        Some(at(value))
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, key) in self.0.iter().enumerate() {
            match key {
                PathSegment::Index(index) => write!(f, "[{index}]")?,
                PathSegment::Name(name) => {
                    let dot = if position > 0 { "." } else { "" };
                    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                    if name.chars().all(bare) {
                        write!(f, "{dot}{name}")?;
                    } else {
                        write!(f, "{dot}\"{name}\"")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A file that cannot be used, with the place and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}{place}: {reason}")]
pub struct FileError {
    /// The file, or the built-in name.
    pub origin: String,
    place: String,
    reason: String,
}

impl FileError {
    /// A file that is not TOML of the right form.
    pub fn toml(origin: &str, text: &str, error: &toml::de::Error) -> Self {
        let reason = error.message().replace('\n', ": ");
        match error.span() {
            Some(span) => Self::at(origin, text, span.start, reason),
            None => Self::invalid(origin, reason),
        }
    }

    /// A file that is not JSON of the right form; `reason` names the member.
    pub fn json(origin: &str, error: &serde_json::Error, reason: impl fmt::Display) -> Self {
        let place = format!(", line {}", error.line());
        Self { origin: origin.to_owned(), place, reason: reason.to_string() }
    }

    /// A file that says something impossible at byte `offset` of its `text`.
    pub fn at(origin: &str, text: &str, offset: usize, reason: impl fmt::Display) -> Self {
        let line = text[..offset.min(text.len())].matches('\n').count() + 1;
        Self {
            origin: origin.to_owned(),
            place: format!(", line {line}"),
            reason: reason.to_string(),
        }
    }

    /// File and line of byte `offset`, for errors that are found later.
    pub fn place_of(origin: &str, text: &str, offset: usize) -> String {
        let Self { origin, place, .. } = Self::at(origin, text, offset, "");
        origin + &place
    }

    /// A file that parses but says something impossible at `member` of its `text`.
    pub fn member(origin: &str, text: &str, member: &Member, reason: impl fmt::Display) -> Self {
        match member.offset(text) {
            Some(offset) => Self::at(origin, text, offset, reason),
            None => Self::invalid(origin, reason),
        }
    }

    /// A file that parses but says something impossible as a whole.
    pub fn invalid(origin: &str, reason: impl fmt::Display) -> Self {
        Self { origin: origin.to_owned(), place: String::new(), reason: reason.to_string() }
    }
}

/// The text of a file in UTF-8 or UTF-16, by its byte order mark, which is left out.
///
/// Errors: it is neither.
/// Source: the Unicode Standard, 23.8.
pub fn decoded(bytes: Vec<u8>) -> Result<String, FromUtf8Error> {
    let of_utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => Ok(of_utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Ok(of_utf16(rest, u16::from_be_bytes)),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()),
        _ => String::from_utf8(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_by_its_path_or_else_what_is_around_it() {
        let text = "a = 1\n[b]\n\"c d\" = 2\n[[e]]\nf = 3\n[[e]]\nf = 4\n";
        let line = |member: &Member| FileError::member("x", text, member, "").place;
        assert_eq!(line(&Member::top("a")), ", line 1");
        assert_eq!(line(&Member::top("b").key("c d")), ", line 3");
        assert_eq!(line(&Member::top("b").key("gone")), ", line 2");
        assert_eq!(line(&Member::top("e").index(1).key("f")), ", line 7");
        assert_eq!(line(&Member::top("gone")), "");
        let json = "{\n\"a\": 1,\n\"e\": [\n{\"f\": 3},\n{\n\"f\": 4}]}";
        let line =
            |member: &Member| FileError::at("x", json, member.json_offset(json).unwrap(), "").place;
        assert_eq!(line(&Member::top("a")), ", line 2");
        assert_eq!(line(&Member::top("e").index(1).key("f")), ", line 6");
        assert_eq!(line(&Member::top("e").index(1).key("gone")), ", line 5");
        assert_eq!(Member::top("b").key("c d").to_string(), "b.\"c d\"");
        assert_eq!(Member::top("e").index(1).key("f").to_string(), "e[1].f");
    }
}
