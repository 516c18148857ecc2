//! Plain data as texts by the names of its members, and the difference of two such lists.

use crate::digest::sha256;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// Texts by the dotted names of members, such as `mappings.1.target`.
pub(super) type MemberTexts = BTreeMap<String, String>;

/// Letters of a text that is kept as it is; of a longer one its digest is kept.
const MOST_LETTERS: usize = 200;

/// The members of `data`; places in a list count from 1, and what is null is left out.
pub(super) fn members(data: &impl Serialize) -> MemberTexts {
    let mut found = MemberTexts::new();
    add("", &serde_json::to_value(data).expect("plain data"), &mut found);
    found
}

fn add(name: &str, value: &Value, found: &mut MemberTexts) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(members) if duration(members).is_some() => {
            let text = duration(members).map(|it| humantime::format_duration(it).to_string());
            found.extend(text.map(|text| (name.to_owned(), text)));
        }
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(key, value)| add(&below(key), value, found));
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                add(&below(&(index + 1).to_string()), item, found);
            }
        }
        Value::String(text) => {
            found.insert(name.to_owned(), kept(text));
        }
        other => {
            found.insert(name.to_owned(), kept(&other.to_string()));
        }
    }
}

/// A duration in the form that serde gives it.
fn duration(members: &Map<String, Value>) -> Option<Duration> {
    let number = |name: &str| members.get(name)?.as_u64();
    let (seconds, nanos) = (number("secs")?, number("nanos")?);
    (members.len() == 2).then(|| Duration::new(seconds, nanos as u32))
}

fn kept(text: &str) -> String {
    if text.len() <= MOST_LETTERS {
        return text.to_owned();
    }
    format!("sha256:{}", sha256(text.as_bytes()))
}

/// The difference of two lists in words, one member each, such as `workers 5 -> 8`.
pub(super) fn differences(then: &MemberTexts, now: &MemberTexts) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let changed = names.into_iter().filter_map(|name| match (then.get(name), now.get(name)) {
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => {
            Some(format!("{name} {} -> {}", shown(before), shown(after)))
        }
        (Some(before), None) => Some(format!("{name} {} -> none", shown(before))),
        (None, after) => Some(format!("{name} none -> {}", shown(after.map_or("", |it| it)))),
    });
    changed.collect()
}

/// A text in a sentence; spaces in it are not taken for the sentence's own.
pub(super) fn shown(text: &str) -> String {
    let is_word = !text.is_empty() && !text.contains(char::is_whitespace);
    if is_word { text.to_owned() } else { format!("`{text}`") }
}
