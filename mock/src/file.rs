//! Files that people write: durations with their unit, errors with their place.

use crate::bounds::{self, Bounds};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::string::FromUtf8Error;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A duration as people write it, with its unit: `"250ms"`. A bare number is an error, and so is more than a day.
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
                bounds::duration(text).map(DurationText).map_err(E::custom)
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

    /// The member that `other` is below this one.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The item at `index` of this one.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(PathSegment::Index(index));
        self
    }

    /// The innermost member of a TOML `text` whose key or value holds byte `offset`.
    fn at(text: &str, offset: usize) -> Self {
        let holds =
            |span: Range<usize>| span.start <= offset && offset < span.end.max(span.start + 1);
        let mut member = Self::default();
        let Ok(table) = DeTable::parse(text) else { return member };
        let mut inside: Option<&DeValue<'_>> = None;
        loop {
            let within = match inside {
                None => Some(table.get_ref()),
                Some(DeValue::Table(table)) => Some(table),
                _ => None,
            };
            let next = match (within, inside) {
                (Some(table), _) => {
                    // A table under its own heading spans the heading alone: look into it all the same.
                    let found = table.iter().find(|(key, value)| {
                        holds(key.span()) || holds(value.span()) || spans(value.get_ref(), offset)
                    });
                    found.map(|(key, value)| (PathSegment::Name(key.to_string()), value.get_ref()))
                }
                (None, Some(DeValue::Array(items))) => {
                    let found = items
                        .iter()
                        .enumerate()
                        .find(|(_, item)| holds(item.span()) || spans(item.get_ref(), offset));
                    found.map(|(index, item)| (PathSegment::Index(index), item.get_ref()))
                }
                _ => None,
            };
            let Some((segment, value)) = next else { return member };
            member.0.push(segment);
            inside = Some(value);
        }
    }
}

/// True if any key or value below `value` holds byte `offset`.
fn spans(value: &DeValue<'_>, offset: usize) -> bool {
    match value {
        DeValue::Table(table) => table.iter().any(|(key, value)| {
            key.span().contains(&offset)
                || value.span().contains(&offset)
                || spans(value.get_ref(), offset)
        }),
        DeValue::Array(items) => {
            items.iter().any(|item| item.span().contains(&offset) || spans(item.get_ref(), offset))
        }
        _ => false,
    }
}

/// A file's text, parsed once to name the places of its members.
pub struct MemberPlaces<'a> {
    text: &'a str,
    tree: Tree<'a>,
    /// Offsets at which lines begin.
    lines: Vec<usize>,
}

enum Tree<'a> {
    Toml(Box<Spanned<DeTable<'a>>>),
    Json(&'a RawValue),
    Neither,
}

impl<'a> MemberPlaces<'a> {
    /// The places of a TOML `text`.
    pub fn toml(text: &'a str) -> Self {
        Self::new(text, DeTable::parse(text).map_or(Tree::Neither, |it| Tree::Toml(Box::new(it))))
    }

    /// The places of a JSON `text`.
    pub fn json(text: &'a str) -> Self {
        Self::new(text, serde_json::from_str(text).map_or(Tree::Neither, Tree::Json))
    }

    fn new(text: &'a str, tree: Tree<'a>) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { text, tree, lines }
    }

    /// Byte offset of `member`, or of the nearest enclosing member that exists.
    pub fn offset(&self, member: &Member) -> Option<usize> {
        match &self.tree {
            Tree::Toml(table) => toml_offset(table, member),
            Tree::Json(top) => Some(json_offset(self.text, top, member)),
            Tree::Neither => None,
        }
    }

    /// The place of `member` in the file `origin`, such as `plan.toml, line 7`; of its top, if it is nowhere.
    pub fn of(&self, origin: &str, member: &Member) -> String {
        let offset = self.offset(member).unwrap_or_default();
        let line = self.lines.partition_point(|begin| *begin <= offset);
        format!("{origin}, line {line}")
    }
}

fn toml_offset(table: &Spanned<DeTable<'_>>, member: &Member) -> Option<usize> {
    let mut offset = None;
    let mut value: Option<&DeValue<'_>> = None;
    for key in &member.0 {
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

fn json_offset(text: &str, top: &RawValue, member: &Member) -> usize {
    let mut value = top;
    for key in &member.0 {
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
    // Raw values borrow from `text`, so their addresses give their offsets.
    value.get().as_ptr() as usize - text.as_ptr() as usize
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
        let Some(span) = error.span() else { return Self::invalid(origin, reason) };
        match Member::at(text, span.start) {
            Member(path) if path.is_empty() => Self::at(origin, text, span.start, reason),
            member => Self::at(origin, text, span.start, format!("{member}: {reason}")),
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

    /// A file that says something impossible at a `place` that names it, as [`MemberPlaces::of`] gives it.
    pub fn placed(place: String, reason: impl fmt::Display) -> Self {
        Self { origin: place, place: String::new(), reason: reason.to_string() }
    }

    /// A file that parses but says something impossible at `member` of its `text`.
    pub fn member(origin: &str, text: &str, member: &Member, reason: impl fmt::Display) -> Self {
        match MemberPlaces::toml(text).offset(member) {
            Some(offset) => Self::at(origin, text, offset, reason),
            None => Self::invalid(origin, reason),
        }
    }

    /// A file that parses but says something impossible as a whole.
    pub fn invalid(origin: &str, reason: impl fmt::Display) -> Self {
        Self { origin: origin.to_owned(), place: String::new(), reason: reason.to_string() }
    }
}

/// All bytes of `source`, if they are within `bounds`.
///
/// Errors: it cannot be read, or is larger: of a source without an end, no more is read than that takes.
pub fn read_within(source: impl Read, bounds: &Bounds<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(bounds.most() + 1).read_to_end(&mut bytes)?;
    match bounds.check(bytes.len() as u64) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(io::Error::other(format!("it is larger than {} MiB", bounds.most() >> 20))),
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
        let line = |member: &Member| MemberPlaces::json(json).of("x", member);
        assert_eq!(line(&Member::top("a")), "x, line 2");
        assert_eq!(line(&Member::top("e").index(1).key("f")), "x, line 6");
        assert_eq!(line(&Member::top("e").index(1).key("gone")), "x, line 5");
        assert_eq!(Member::top("b").key("c d").to_string(), "b.\"c d\"");
        assert_eq!(Member::top("e").index(1).key("f").to_string(), "e[1].f");
    }

    #[test]
    fn a_place_names_its_member() {
        let text =
            "a = 1\n[b]\n\"c d\" = 2\n[[e]]\nf = 3\n[[e]]\nf = [4, { g = 5 }]\n[h.i]\nj = 6\n";
        let member = |part: &str| Member::at(text, text.find(part).unwrap()).to_string();
        assert_eq!(member("1"), "a");
        assert_eq!(member("2"), "b.\"c d\"");
        assert_eq!(member("3"), "e[0].f");
        assert_eq!(member("4"), "e[1].f[0]");
        assert_eq!(member("5"), "e[1].f[1].g");
        assert_eq!(member("6"), "h.i.j");
        assert_eq!(member("j = 6"), "h.i.j");
    }

    #[test]
    fn a_source_without_an_end_is_left_at_the_bound() {
        let bounds = Bounds::new(0, 2 << 20, "");
        let error = read_within(io::repeat(0), &bounds).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 2 MiB");
        assert_eq!(read_within(io::repeat(0).take(2 << 20), &bounds).unwrap().len(), 2 << 20);
    }
}
