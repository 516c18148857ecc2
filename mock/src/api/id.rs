//! Ids: numbers here, strings on the wire.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Error of a text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: expected a whole number")]
pub struct ParseIdError {
    /// Kind of id that was expected.
    pub what: &'static str,
    /// The text found.
    pub text: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $number:ty, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $number);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.parse()
                    .map(Self)
                    .map_err(|_| ParseIdError { what: $what, text: text.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(itoa::Buffer::new().format(self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct IdVisitor;

                impl de::Visitor<'_> for IdVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a ", $what, ", as a string or a number"))
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    // Some clients send numbers, which Neon accepts.
                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$name, E> {
                        <$number>::try_from(number).map($name).map_err(E::custom)
                    }
                }

                deserializer.deserialize_any(IdVisitor)
            }
        }
    };
}

id!(
    /// An account's id.
    AccountId, u64, "account id"
);
id!(
    /// A custom field's id.
    FieldId, u32, "custom-field id"
);
id!(
    /// The id of a webhook's subscription.
    WebhookId, u32, "webhook id"
);
id!(
    /// The id of one option of a custom field.
    OptionId, u32, "option id"
);
