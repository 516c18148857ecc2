//! Changes to one account, stored compactly: a million of them may be in memory at once.

use super::LAST_CHANGED_S;
use crate::api::{AccountBody, OptionId, Value};
use crate::time::Timestamp;
use compact_str::CompactString;
use smallvec::SmallVec;

/// Changes to one account.
#[derive(Clone, Debug, Default)]
pub(super) struct AccountChange {
    /// The new values one after another, each as `Values` reads it.
    values: Box<[u8]>,
    /// Identity that replaces the synthetic one.
    pub(super) identity: Option<Box<AccountBody>>,
    /// Seconds of the run: a run is shorter than a century.
    changed_s: u32,
    /// True if fields without a new value are empty rather than as they were.
    wiped: bool,
    author: Author,
}

/// Author of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Author {
    /// A client of the API.
    #[default]
    Client,
    /// A user of the organisation.
    Staff,
}

impl Author {
    /// The name in an account's time stamps. Source: recorded accounts say `API User`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Client => "API User",
            Self::Staff => super::STAFF_NAME,
        }
    }
}

/// New values by position of the field, in order; `None` clears.
pub(super) type Writes = SmallVec<[(usize, Option<Value>); 4]>;

/// Type tag of a stored value, in the low bits of its length.
mod tag {
    pub(super) const BITS: u32 = 2;
    pub(super) const EMPTY: u64 = 0;
    pub(super) const TEXT: u64 = 1;
    pub(super) const OPTIONS: u64 = 2;
}

impl AccountChange {
    /// A change that wipes the account before anything is written to it.
    pub(super) fn wiping(identity: AccountBody) -> Self {
        Self { identity: Some(Box::new(identity)), wiped: true, ..Self::default() }
    }

    /// New value of the field at `position`; `None` if the change has none.
    #[expect(clippy::option_option, reason = "unchanged, cleared and a value are three things")]
    pub(super) fn value(&self, position: usize) -> Option<Option<Value>> {
        let mut values = Values(&self.values);
        match values.find(|(changed, _)| *changed == position) {
            Some((_, stored)) => Some(stored.value()),
            None => self.wiped.then_some(None),
        }
    }

    /// True if all of `writes` have been written before and are still in place.
    pub(super) fn holds(&self, writes: &Writes) -> bool {
        writes.iter().all(|(position, value)| self.value(*position).as_ref() == Some(value))
    }

    /// True if `other` leaves the account in the same state, whatever the time.
    pub(super) fn says_what(&self, other: &Self) -> bool {
        let Self { values, identity, wiped, changed_s: _, author: _ } = self;
        *values == other.values && *identity == other.identity && *wiped == other.wiped
    }

    /// Applies the client's `writes` over earlier changes, at `now`.
    pub(super) fn apply(&mut self, now: Timestamp, writes: &Writes) {
        self.apply_by(Author::Client, now, writes);
    }

    /// Applies the `writes` of `author` over earlier changes, at `now`.
    pub(super) fn apply_by(&mut self, author: Author, now: Timestamp, writes: &Writes) {
        self.author = author;
        self.changed_s = (now.as_nanos() / 1_000_000_000) as u32;
        let is_written = |position| writes.iter().any(|(written, _)| *written == position);
        let kept = Values(&self.values).filter(|(position, _)| !is_written(*position));
        let bytes: usize =
            writes.iter().map(|(position, value)| bytes_of(*position, value.as_ref())).sum();
        let mut values = Vec::with_capacity(self.values.len() + bytes);
        for (position, stored) in kept {
            push(&mut values, position, stored);
        }
        for (position, value) in writes {
            let mut ids = SmallVec::<[u8; 32]>::new();
            push(&mut values, *position, Stored::of(value.as_ref(), &mut ids));
        }
        debug_assert!(values.len() == values.capacity() || !self.values.is_empty());
        self.values = values.into_boxed_slice();
    }

    /// Author of the latest change.
    pub(super) const fn author(&self) -> Author {
        self.author
    }

    /// When the account was last changed, in Unix seconds.
    pub(super) fn changed_s(&self) -> i64 {
        LAST_CHANGED_S + i64::from(self.changed_s)
    }
}

/// Bytes that a value takes, so that buffers are allocated exactly.
fn bytes_of(position: usize, value: Option<&Value>) -> usize {
    let len = match value {
        None => 0,
        Some(Value::Text(text)) => text.len(),
        Some(Value::Options(ids)) => 4 * ids.len(),
    };
    let of_number = |number: u64| (number | 1).ilog2() as usize / 7 + 1;
    of_number(position as u64) + of_number((len as u64) << tag::BITS) + len
}

/// A stored value.
#[derive(Clone, Copy)]
struct Stored<'a> {
    tag: u64,
    bytes: &'a [u8],
}

impl<'a> Stored<'a> {
    fn of(value: Option<&'a Value>, ids: &'a mut SmallVec<[u8; 32]>) -> Self {
        match value {
            None => Self { tag: tag::EMPTY, bytes: &[] },
            Some(Value::Text(text)) => Self { tag: tag::TEXT, bytes: text.as_bytes() },
            Some(Value::Options(options)) => {
                ids.extend(options.iter().flat_map(|id| id.0.to_le_bytes()));
                Self { tag: tag::OPTIONS, bytes: ids }
            }
        }
    }

    fn value(self) -> Option<Value> {
        match self.tag {
            tag::EMPTY => None,
            tag::TEXT => {
                let text = CompactString::from_utf8(self.bytes).expect("it was stored as text");
                Some(Value::Text(text))
            }
            _ => {
                let ids = self.bytes.as_chunks().0.iter();
                Some(Value::Options(ids.map(|&id| OptionId(u32::from_le_bytes(id))).collect()))
            }
        }
    }
}

fn push(values: &mut Vec<u8>, position: usize, stored: Stored<'_>) {
    push_number(values, position as u64);
    push_number(values, (stored.bytes.len() as u64) << tag::BITS | stored.tag);
    values.extend_from_slice(stored.bytes);
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
fn push_number(values: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        values.push(number as u8 | 0x80);
        number >>= 7;
    }
    values.push(number as u8);
}

/// Reads stored values: position, length and tag, bytes.
struct Values<'a>(&'a [u8]);

impl Values<'_> {
    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.0[0];
            self.0 = &self.0[1..];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = (usize, Stored<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let position = self.number() as usize;
        let header = self.number();
        let (bytes, rest) = self.0.split_at((header >> tag::BITS) as usize);
        self.0 = rest;
        Some((position, Stored { tag: header & ((1 << tag::BITS) - 1), bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn value() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            Just(None),
            ".{1,200}".prop_map(|text| Some(Value::Text(text.into()))),
            proptest::collection::vec(1_u32.., 1..20)
                .prop_map(|ids| Value::options(ids.into_iter().map(OptionId))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_and_the_last_write_wins(
            rounds in proptest::collection::vec(
                proptest::collection::btree_map(0_usize..300, value(), 0..8),
                1..5,
            ),
            wiped: bool,
        ) {
            let mut change = AccountChange { wiped, ..AccountChange::default() };
            let mut expected: BTreeMap<usize, Option<Value>> = BTreeMap::new();
            for (second, round) in (0_u64..).zip(rounds) {
                expected.extend(round.clone());
                change.apply(
                    Timestamp::from_nanos(second * 1_000_000_000),
                    &round.into_iter().collect(),
                );
            }
            for position in 0..300 {
                let untouched = wiped.then_some(None);
                let expected = expected.get(&position).cloned().or(untouched);
                prop_assert_eq!(change.value(position), expected);
            }
        }
    }

    #[test]
    fn three_short_texts_take_six_bytes_beyond_their_letters() {
        let mut change = AccountChange::default();
        let text = |position| (position, Some(Value::Text("maple river 123".into())));
        change.apply(Timestamp::ZERO, &(0..3).map(text).collect());
        assert_eq!(change.values.len(), 3 * (2 + "maple river 123".len()));
        assert!(size_of::<AccountChange>() <= 32, "{}", size_of::<AccountChange>());
    }
}
