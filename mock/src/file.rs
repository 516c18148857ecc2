//! Files that people write: durations with their unit, errors with their place.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

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

    /// A file that parses but says something impossible as a whole.
    pub fn invalid(origin: &str, reason: impl fmt::Display) -> Self {
        Self { origin: origin.to_owned(), place: String::new(), reason: reason.to_string() }
    }
}
