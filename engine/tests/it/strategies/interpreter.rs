//! The plan, applied in memory: written from the design's words and from nothing of the library,
//! so that the library can be compared with it.

use neon_mock::api::{AccountKind, AccountType, CustomField, FieldId, OptionId, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A field, as far as a plan cares.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) id: FieldId,
    pub(crate) name: String,
    pub(crate) options: Vec<(OptionId, String)>,
    pub(crate) holds_options: bool,
    pub(crate) holds_several: bool,
    pub(crate) accounts: AccountType,
}

impl From<&CustomField> for Field {
    fn from(field: &CustomField) -> Self {
        let options = field.option_values.iter();
        Self {
            id: field.id,
            name: field.name.to_string(),
            options: options.map(|option| (option.id, option.name.to_string())).collect(),
            holds_options: field.display_type.has_options(),
            holds_several: field.display_type.is_multi_valued(),
            accounts: field.account_type(),
        }
    }
}

/// One step of a transform.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Constant(String),
    Map(BTreeMap<String, String>, Option<String>),
    Trim,
    Upper,
    Lower,
    Title,
    Split(String),
    /// Runs of this character become that text.
    Runs(char, String),
    Template(String),
}

/// The operation on a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Replace,
    Merge,
    AddOption,
    CopyIfEmpty,
    Transform,
}

/// One mapping; fields by position.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) source: usize,
    pub(crate) target: usize,
    pub(crate) verb: Verb,
    pub(crate) steps: Vec<Step>,
    pub(crate) validates: bool,
    pub(crate) clears: bool,
}

/// Result of migrating one account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fate {
    pub(crate) values: Vec<(FieldId, Value)>,
    /// True if the account has the fields of a mapping.
    pub(crate) is_concerned: bool,
    /// True if a value that had to fit did not.
    pub(crate) has_failed: bool,
    /// True if a mapping changed the account, even if a later one changed it back.
    pub(crate) was_written: bool,
}

/// Applies `rules` in order, each seeing the result of those before it.
pub(crate) fn apply(
    fields: &[Field],
    rules: &[Rule],
    cleanup_only: bool,
    kind: AccountKind,
    original: &[(FieldId, Value)],
) -> Fate {
    let mut held: BTreeMap<FieldId, Value> = original.iter().cloned().collect();
    let mut fate =
        Fate { values: Vec::new(), is_concerned: false, has_failed: false, was_written: false };
    for rule in rules {
        let before = held.clone();
        let (source, target) = (&fields[rule.source], &fields[rule.target]);
        if !exists(source, kind) || !exists(target, kind) {
            continue;
        }
        fate.is_concerned = true;
        let Some((texts, is_all)) = carry(source, held.get(&source.id), &rule.steps) else {
            continue;
        };
        let old = held.get(&target.id);
        let Ok((new, stands)) = result(rule.verb, target, old, &texts) else {
            // In a clean-up, a value that could not be carried is not in the target, and stays.
            fate.has_failed |= rule.validates && !cleanup_only;
            continue;
        };
        let stands = if cleanup_only {
            stands && old == Some(&new)
        } else {
            if stands {
                held.insert(target.id, new);
            }
            stands
        };
        if stands && is_all && rule.clears && rule.source != rule.target {
            held.remove(&source.id);
        }
        fate.was_written |= held != before;
    }
    fate.values = held.into_iter().collect();
    fate
}

fn exists(field: &Field, kind: AccountKind) -> bool {
    match field.accounts {
        AccountType::Any => true,
        AccountType::Individual => kind == AccountKind::Individual,
        AccountType::Company => kind == AccountKind::Company,
    }
}

/// The texts that leave the source, and whether that is all that it holds.
fn carry(source: &Field, value: Option<&Value>, steps: &[Step]) -> Option<(Vec<String>, bool)> {
    let name = |id| source.options.iter().find(|(known, _)| *known == id).map(|(_, name)| name);
    let mut texts: Vec<String> = match value? {
        Value::Text(text) => vec![text.to_string()],
        Value::Options(ids) => ids.iter().filter_map(|&id| name(id)).cloned().collect(),
    };
    texts.retain(|text| !is_blank(text));
    let mut is_all = true;
    for step in steps {
        if texts.is_empty() {
            return None;
        }
        let went_in = texts.len();
        texts = step.on(&texts);
        texts.retain(|text| !is_blank(text));
        let one_each = !matches!(step, Step::Constant(_) | Step::Split(_));
        is_all &= !one_each || texts.len() == went_in;
        if matches!(step, Step::Split(_)) {
            is_all &= texts.len() >= went_in;
        }
    }
    (!texts.is_empty()).then_some((texts, is_all))
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

impl Step {
    fn on(&self, texts: &[String]) -> Vec<String> {
        let each = |f: &dyn Fn(&str) -> String| texts.iter().map(|text| f(text)).collect();
        match self {
            Self::Constant(value) => vec![value.clone()],
            Self::Map(values, default) => texts
                .iter()
                .filter_map(|text| values.get(text).or(default.as_ref()).cloned())
                .collect(),
            Self::Trim => each(&|text| text.trim().to_owned()),
            Self::Upper => each(&str::to_uppercase),
            Self::Lower => each(&str::to_lowercase),
            Self::Title => each(&title),
            Self::Split(separator) => {
                texts.iter().flat_map(|text| text.split(separator)).map(str::to_owned).collect()
            }
            Self::Runs(character, with) => each(&|text| runs(text, *character, with)),
            Self::Template(template) => each(&|text| template.replace("{value}", text)),
        }
    }
}

fn title(text: &str) -> String {
    let mut last = ' ';
    let mut made = String::new();
    for character in text.chars() {
        if last.is_alphanumeric() || last == '\'' {
            made.extend(character.to_lowercase());
        } else {
            made.extend(character.to_uppercase());
        }
        last = character;
    }
    made
}

fn runs(text: &str, character: char, with: &str) -> String {
    let mut made = String::new();
    let mut last = None;
    for next in text.chars() {
        match next == character {
            false => made.push(next),
            true if last != Some(character) => made.push_str(with),
            true => {}
        }
        last = Some(next);
    }
    made
}

/// The new value of the target, and whether it contains the carried value.
///
/// Errors: the target cannot hold the value.
fn result(
    verb: Verb,
    target: &Field,
    old: Option<&Value>,
    texts: &[String],
) -> Result<(Value, bool), ()> {
    if !target.holds_options {
        return Ok(text_result(verb, old, &texts.join("|")));
    }
    let id = |text: &String| target.options.iter().find(|(_, name)| name == text);
    let wanted: BTreeSet<OptionId> =
        texts.iter().map(|text| id(text).map(|(id, _)| *id).ok_or(())).collect::<Result<_, _>>()?;
    let old: BTreeSet<OptionId> = match old {
        Some(Value::Options(ids)) => ids.iter().copied().collect(),
        _ => BTreeSet::new(),
    };
    if !target.holds_several && wanted.len() > 1 {
        return Err(());
    }
    let new = match verb {
        Verb::Replace | Verb::Transform => wanted,
        Verb::CopyIfEmpty if old.is_empty() => wanted,
        Verb::CopyIfEmpty => {
            let stands = old == wanted;
            return Ok((options(old), stands));
        }
        Verb::Merge | Verb::AddOption => old.union(&wanted).copied().collect(),
    };
    if !target.holds_several && new.len() > 1 {
        return Err(());
    }
    Ok((options(new), true))
}

fn options(ids: BTreeSet<OptionId>) -> Value {
    Value::Options(ids.into_iter().collect())
}

fn text_result(verb: Verb, old: Option<&Value>, text: &str) -> (Value, bool) {
    let old = match old {
        Some(Value::Text(old)) if !is_blank(old) => Some(old.as_str()),
        _ => None,
    };
    let (new, stands) = match (verb, old) {
        (Verb::CopyIfEmpty, Some(old)) => (old.to_owned(), old == text),
        (Verb::Merge, Some(old)) if stands_in(old, text) => (old.to_owned(), true),
        (Verb::Merge, Some(old)) => (format!("{old} {text}"), true),
        _ => (text.to_owned(), true),
    };
    (Value::Text(new.into()), stands)
}

/// True if `text` contains `part` as whole words.
fn stands_in(text: &str, part: &str) -> bool {
    let spaces: BTreeSet<char> = text.chars().filter(|c| c.is_whitespace()).collect();
    text == part
        || spaces.iter().any(|space| {
            text.starts_with(&format!("{part}{space}"))
                || text.ends_with(&format!("{space}{part}"))
                || spaces.iter().any(|other| text.contains(&format!("{space}{part}{other}")))
        })
}
