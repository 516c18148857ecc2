//! Synthetic values: computed from (seed, id, field), never stored.

use super::field::Field;
use super::{Organisation, standard};
use crate::api::{
    AccountBody, AccountId, AccountKind, DisplayType, MemberMaker, OptionId, OtherMembers,
    PrimaryContact, Value,
};
use crate::dataset::FieldKind;
use crate::rng::{Generator, below, keyed, unit};
use compact_str::{CompactString, format_compact};
use rand::SeedableRng;
use rand_distr::Distribution;
use smallvec::SmallVec;
use std::sync::LazyLock;

pub(super) const WORDS: [&str; 16] = [
    "maple", "river", "amber", "quiet", "north", "cedar", "linen", "ember", "coast", "violet",
    "stone", "meadow", "harbour", "copper", "willow", "summit",
];

/// Each two words, the first by the low four bits, with a blank behind.
static PAIRS: LazyLock<Vec<CompactString>> = LazyLock::new(|| pairs(' '));

/// The same on two lines.
static PAIRS_OF_LINES: LazyLock<Vec<CompactString>> = LazyLock::new(|| pairs('\n'));

/// 100 to 999 in a row.
static NUMBERS: LazyLock<String> =
    LazyLock::new(|| (100..1000).map(|number| number.to_string()).collect());

fn pairs(separator: char) -> Vec<CompactString> {
    let seconds = WORDS.iter();
    let pair = |first, second| format_compact!("{first}{separator}{second} ");
    seconds.flat_map(|second| WORDS.iter().map(move |first| pair(first, second))).collect()
}

const UNICODE: [&str; 8] = [
    "Žluťoučký kůň",
    "Łódź",
    "Ægir Þór",
    "東京ボランティア",
    "مرحبا بالعالم",
    "Ελλάδα",
    "e\u{301}te\u{301} 🌻",
    "नमस्ते",
];

const DIRTY: [&str; 8] = [
    "  leading",
    "trailing  ",
    "tab\tinside",
    "a|b",
    "\"quoted\", twice",
    "<b>bold</b>",
    " | ",
    "N/A ",
];

pub(super) const FIRST_NAMES: [&str; 12] = [
    "Ada", "Bram", "Chidi", "Daria", "Elif", "Farid", "Grace", "Hiro", "Inés", "Jonas", "Kaya",
    "Lucía",
];

const LAST_NAMES: [&str; 12] = [
    "Byrne",
    "Castro",
    "Dahl",
    "Eze",
    "Fischer",
    "Grant",
    "Haddad",
    "Ito",
    "Jensen",
    "Kowalska",
    "Lindqvist",
    "Müller",
];

const COMPANIES: [&str; 6] = [
    "Harbour Bakery",
    "Northside Credit Union",
    "Ivy & Sons",
    "Studio Fjord",
    "Kiln Works",
    "Café Été",
];

/// Uses of one key's bits that must not depend on one another.
mod draw {
    pub(super) const FILLED: u64 = 0;
    pub(super) const MIRRORED: u64 = 1 << 56;
    pub(super) const CHOICE: u64 = 2 << 56;
    pub(super) const FLAVOUR: u64 = 3 << 56;
}

impl Organisation {
    /// The value of one field before anything was changed; `None` if it is empty.
    pub(super) fn original_value(&self, id: AccountId, position: usize) -> Option<Value> {
        let field = &self.fields[position];
        if id.0 > self.accounts || !field.belongs_to(self.kind(id)) {
            return None;
        }
        if let Some((source, share)) = field.spec.mirrors
            && unit(keyed(field.key, id.0 | draw::MIRRORED)) < share
        {
            let value = self.original_value(id, source)?;
            return self.fields[source].carry_over(&value, field);
        }
        let filled = field.spec.filled;
        if filled <= 0.0 {
            return None;
        }
        if filled < 1.0 && unit(keyed(field.key, id.0 | draw::FILLED)) >= filled {
            return None;
        }
        let bits = keyed(field.key, id.0 | draw::CHOICE);
        if DisplayType::from(field.spec.kind).has_options() {
            return Some(Value::Options(field.options(bits)));
        }
        let text = match self.flavour(field, id) {
            Some(flavour) => flavour,
            None if field.spec.values.is_empty() => free_text(bits, field.spec.kind),
            None => CompactString::from(field.spec.values[field.rank(bits)].as_str()),
        };
        Some(Value::Text(text))
    }

    /// Name and address of an account.
    pub(super) fn identity(&self, id: AccountId, kind: AccountKind) -> AccountBody {
        let bits = keyed(self.name_key, id.0);
        let pick = |names: &[&'static str], shift: u32| {
            CompactString::const_new(names[below(bits << shift, names.len())])
        };
        let made = |by: MemberMaker| OtherMembers::made(by, id, bits);
        AccountBody {
            name: (kind == AccountKind::Company).then(|| pick(&COMPANIES, 0)),
            primary_contact: Some(PrimaryContact {
                contact_id: Some(primary_contact_id(id)),
                first_name: Some(pick(&FIRST_NAMES, 0)),
                last_name: Some(pick(&LAST_NAMES, 16)),
                email1: Some(email(id)),
                others: made(standard::contact),
            }),
            others: made(match kind {
                AccountKind::Individual => standard::individual,
                AccountKind::Company => standard::company,
            }),
            ..AccountBody::default()
        }
    }

    /// A dirty or unicode text in place of a clean one, on the dataset's share of accounts.
    fn flavour(&self, field: &Field, id: AccountId) -> Option<CompactString> {
        if self.dirty + self.unicode == 0.0 {
            return None;
        }
        let bits = keyed(field.key, id.0 | draw::FLAVOUR);
        let share = unit(bits);
        let pick = |texts: &[&'static str]| {
            CompactString::const_new(texts[below(bits << 11, texts.len())])
        };
        if share < self.dirty {
            Some(pick(&DIRTY))
        } else if share < self.dirty + self.unicode {
            Some(pick(&UNICODE))
        } else {
            None
        }
    }
}

impl Field {
    /// A position in the list of values, by Zipf's law.
    fn rank(&self, bits: u64) -> usize {
        match &self.zipf {
            Some(zipf) => zipf.sample(&mut Generator::seed_from_u64(bits)) as usize - 1,
            None => 0,
        }
    }

    fn options(&self, bits: u64) -> SmallVec<[OptionId; 4]> {
        let option = |bits| self.definition.option_values[self.rank(bits)].id;
        let count = if self.spec.kind == FieldKind::Checkbox { 1 + bits % 3 } else { 1 };
        let mut ids: SmallVec<[OptionId; 4]> =
            (0..count).map(|draw| option(keyed(bits, draw))).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The value of this field as `target` would hold it; `None` where it cannot.
    fn carry_over(&self, value: &Value, target: &Self) -> Option<Value> {
        if DisplayType::from(target.spec.kind).has_options() {
            let id_of = |name: &str| {
                let known = target.definition.option_values.iter();
                known.clone().find(|option| &*option.name == name).map(|option| option.id)
            };
            let mut ids: SmallVec<[OptionId; 4]> = match value {
                Value::Text(text) => id_of(text).into_iter().collect(),
                Value::Options(ids) => {
                    ids.iter().filter_map(|&id| id_of(&self.option(id)?.name)).collect()
                }
            };
            ids.sort_unstable();
            if !target.definition.display_type.is_multi_valued() {
                ids.truncate(1);
            }
            return (!ids.is_empty()).then_some(Value::Options(ids));
        }
        match value {
            Value::Text(text) => Some(Value::Text(text.clone())),
            Value::Options(ids) => Some(Value::Text(self.joined_names(ids))),
        }
    }

    /// Names of options joined with `|`, as search columns show them.
    pub(super) fn joined_names(&self, ids: &[OptionId]) -> CompactString {
        let mut joined = CompactString::default();
        for (index, option) in ids.iter().filter_map(|&id| self.option(id)).enumerate() {
            if index > 0 {
                joined.push('|');
            }
            joined.push_str(&option.name);
        }
        joined
    }
}

/// The id of an account's own contact.
pub(super) const fn primary_contact_id(id: AccountId) -> AccountId {
    AccountId(id.0 + 1_000_000_000)
}

/// Two words and a number. This is the hot path of reading an account, so the words stand there in
/// pairs and the digits in a row.
fn free_text(bits: u64, kind: FieldKind) -> CompactString {
    let number = 3 * ((bits >> 8) % 900) as usize;
    let pairs = if kind == FieldKind::Multiline { &*PAIRS_OF_LINES } else { &*PAIRS };
    let mut text = pairs[(bits & 255) as usize].clone();
    text.push_str(&NUMBERS[number..number + 3]);
    text
}

fn email(id: AccountId) -> CompactString {
    let mut email = CompactString::const_new("a");
    email.push_str(itoa::Buffer::new().format(id.0));
    email.push_str("@example.org");
    email
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_any_id() {
        for id in [0, 7, 10, 1_234_567, u64::MAX] {
            assert_eq!(email(AccountId(id)), format!("a{id}@example.org"));
        }
    }
}
