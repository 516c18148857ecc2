//! Texts that clients also send as numbers or booleans, which Neon accepts.

use compact_str::{CompactString, ToCompactString};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A text, a number or a boolean, as text.
pub(super) struct Scalar(pub(super) CompactString);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;

        impl Visitor<'_> for AsText {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a boolean")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.into()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_compact_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_compact_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_compact_string()))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Scalar, E> {
                Ok(Scalar(truth.to_compact_string()))
            }
        }

        deserializer.deserialize_any(AsText)
    }
}

/// `null`, or a scalar as text.
pub(super) fn text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Scalar>::deserialize(d)?.map(|scalar| scalar.0.into()))
}

/// A scalar as text.
pub(super) fn string<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Ok(Scalar::deserialize(d)?.0.into())
}

/// `null`, or a list of scalars as texts.
pub(super) fn texts<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<String>>, D::Error> {
    let scalars = Option::<Vec<Scalar>>::deserialize(d)?;
    Ok(scalars.map(|scalars| scalars.into_iter().map(|scalar| scalar.0.into()).collect()))
}

/// Tells `null` (`Some(None)`) from an absent member (`None`).
#[expect(clippy::option_option, reason = "absent, null and a text are three things here")]
pub(super) fn present<'de, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<Option<CompactString>>, D::Error> {
    Ok(Some(Option::<Scalar>::deserialize(d)?.map(|scalar| scalar.0)))
}
