//! Standard members of an account that have no field of their own: kept as JSON and given back.

use super::id::AccountId;
use serde::de::{DeserializeSeed, Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// JSON values by the name of their member, in the order of the names.
pub type JsonMembers = BTreeMap<Box<str>, Json>;

/// Standard members without a field of their own, such as `noSolicitation` or `addresses`.
///
/// Those of a synthetic account are made when somebody looks at them: a simulated run carries
/// accounts around by the million and looks at none.
#[derive(Clone, Default)]
pub struct OtherMembers(MemberSource);

#[derive(Clone)]
enum MemberSource {
    Listed(Option<Arc<JsonMembers>>),
    Made { by: MemberMaker, of: AccountId, bits: u64 },
}

impl Default for MemberSource {
    fn default() -> Self {
        Self::Listed(None)
    }
}

/// Makes the members of an account from its id and 64 random bits of its own.
pub(crate) type MemberMaker = fn(AccountId, u64) -> JsonMembers;

impl OtherMembers {
    /// The members that `by` makes of account `of`, once somebody looks.
    pub(crate) const fn made(by: MemberMaker, of: AccountId, bits: u64) -> Self {
        Self(MemberSource::Made { by, of, bits })
    }

    /// The members by name.
    pub fn get(&self) -> Cow<'_, JsonMembers> {
        match &self.0 {
            MemberSource::Listed(None) => Cow::Owned(JsonMembers::new()),
            MemberSource::Listed(Some(members)) => Cow::Borrowed(members),
            MemberSource::Made { by, of, bits } => Cow::Owned(by(*of, *bits)),
        }
    }

    /// True if there are none.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, MemberSource::Listed(None))
    }

    /// These members with those of `written` in their place.
    #[must_use]
    pub(crate) fn overlaid(&self, written: &Self) -> Self {
        if written.is_empty() {
            return self.clone();
        }
        let mut members = self.get().into_owned();
        let written = written.get();
        members.extend(written.iter().map(|(name, value)| (name.clone(), value.clone())));
        members.into()
    }
}

impl From<JsonMembers> for OtherMembers {
    fn from(members: JsonMembers) -> Self {
        Self(MemberSource::Listed((!members.is_empty()).then(|| Arc::new(members))))
    }
}

impl PartialEq for OtherMembers {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for OtherMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Name of a member: one of those with a field, or another.
pub(super) enum MemberName {
    Known(&'static str),
    Other(Box<str>),
}

/// Tells names with a field, which are listed, from others without an allocation.
pub(super) struct MemberNames(pub(super) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for MemberNames {
    type Value = MemberName;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MemberName, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for MemberNames {
    type Value = MemberName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<MemberName, E> {
        Ok(match self.0.iter().find(|known| **known == name) {
            Some(known) => MemberName::Known(known),
            None => MemberName::Other(name.into()),
        })
    }
}

/// An id; `None` for an empty text, which some clients send for the account of the path.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct IdOrNone(#[serde(deserialize_with = "id_or_none")] Option<AccountId>);

impl From<IdOrNone> for Option<AccountId> {
    fn from(id: IdOrNone) -> Self {
        id.0
    }
}

fn id_or_none<'de, D: Deserializer<'de>>(d: D) -> Result<Option<AccountId>, D::Error> {
    match super::scalar::text(d)? {
        Some(text) if !text.is_empty() => text.parse().map(Some).map_err(Error::custom),
        _ => Ok(None),
    }
}

/// Implements serde for a struct whose field `others` takes every member that no other field has.
macro_rules! members_and_others {
    ($name:ident { $($field:ident: $key:literal as $read:ty,)* }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $(
                    if let Some(value) = &self.$field {
                        map.serialize_entry($key, value)?;
                    }
                )*
                for (name, value) in self.others.get().iter() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct MembersVisitor;

                impl<'de> serde::de::Visitor<'de> for MembersVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("struct ", stringify!($name)))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$name, A::Error> {
                        let (mut read, mut others) = ($name::default(), JsonMembers::new());
                        while let Some(name) = map.next_key_seed(MemberNames(&[$($key),*]))? {
                            match name {
                                $(MemberName::Known($key) => {
                                    read.$field = map.next_value::<$read>()?.into();
                                })*
                                MemberName::Known(_) => unreachable!("each name has its field"),
                                MemberName::Other(name) => {
                                    others.insert(name, map.next_value()?);
                                }
                            }
                        }
                        read.others = others.into();
                        Ok(read)
                    }
                }

                d.deserialize_map(MembersVisitor)
            }
        }
    };
}

pub(super) use members_and_others;
