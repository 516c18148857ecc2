//! Names and comments: each type's name means one thing, and a comment opens with its noun.
//!
//! Both bars are those of well-kept crates (quinn: 2 % of type names with a second meaning, under
//! 0.5 % of comment blocks that open with a headless clause).

use super::tidy::{files, is_test, modules};
use std::collections::{BTreeMap, BTreeSet};

/// The share of type names that may be defined in more than one module.
const MAX_REUSED: f64 = 0.02;

/// The share of comment blocks that may open with a clause that has no noun before it.
const MAX_HEADLESS: f64 = 0.015;

/// Notes which types `items` define in `module`, inline modules included and tests not.
fn types<'a>(items: &'a [syn::Item], module: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    for item in items {
        let (attributes, name) = match item {
            syn::Item::Struct(it) => (&it.attrs, &it.ident),
            syn::Item::Enum(it) => (&it.attrs, &it.ident),
            syn::Item::Trait(it) => (&it.attrs, &it.ident),
            syn::Item::Type(it) => (&it.attrs, &it.ident),
            syn::Item::Mod(it) if !is_test(&it.attrs) => {
                let inner: &'a [syn::Item] = it.content.as_ref().map_or(&[], |(_, items)| items);
                types(inner, module, found);
                continue;
            }
            _ => continue,
        };
        if !is_test(attributes) {
            found.entry(name.to_string()).or_default().insert(module.to_owned());
        }
    }
}

/// The first lines of the comment blocks of `text` that open headless, and how many blocks it has.
fn headless(text: &str) -> (Vec<(usize, &str)>, usize) {
    let (mut found, mut blocks, mut is_inside) = (Vec::new(), 0, false);
    for (index, line) in text.lines().map(str::trim).enumerate() {
        let is_comment = line.starts_with("//");
        if is_comment && !is_inside {
            blocks += 1;
            let opening = line.trim_start_matches(['/', '!']).trim_start();
            if opens_headless(opening) {
                found.push((index + 1, line));
            }
        }
        is_inside = is_comment;
    }
    (found, blocks)
}

fn opens_headless(opening: &str) -> bool {
    let mut words = opening.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let mut next = words.next().unwrap_or_default();
    match first {
        "What" | "How" | "Whether" | "Whoever" | "Who" | "Those" => {}
        "Until" if next == "when" => next = words.next().unwrap_or_default(),
        _ => return false,
    }
    !matches!(next, "is" | "are" | "was" | "were" | "does" | "do" | "can")
}

#[test]
fn a_type_name_means_one_thing() {
    let mut found = BTreeMap::new();
    for src in ["mock/src/", "engine/src/", "src/"] {
        for (module, file) in modules(src) {
            types(&file.items, &format!("{src}{module}.rs"), &mut found);
        }
    }
    let reused: Vec<_> = found.iter().filter(|(_, modules)| modules.len() > 1).collect();
    let share = reused.len() as f64 / found.len() as f64;
    let mut list = String::new();
    list.extend(reused.iter().map(|(name, modules)| format!("{name} {modules:?}\n")));
    assert!(share <= MAX_REUSED, "{} of {}:\n{list}", reused.len(), found.len());
}

#[test]
fn a_comment_opens_with_its_noun() {
    let (mut list, mut bad, mut all) = (String::new(), 0_usize, 0_usize);
    for (file, text) in files("", &["rs"]) {
        let (found, blocks) = headless(&text);
        (bad, all) = (bad + found.len(), all + blocks);
        list.extend(found.into_iter().map(|(line, text)| format!("{file}:{line}: {text}\n")));
    }
    assert!(bad as f64 <= MAX_HEADLESS * all as f64, "{bad} of {all}:\n{list}");
}

#[test]
fn planted_clauses_are_caught() {
    for text in ["//! What a run costs.", "/// Whether it ends.\n/// More.", "  // How many."] {
        assert_eq!(headless(text).0.len(), 1, "{text}");
    }
    assert_eq!(headless("/// Until when it waits.\n\n// Those of others").0.len(), 2);
    for text in
        ["/// The cost.\n/// What a run costs.", "// What is cut is lost.", "/// Until then."]
    {
        assert_eq!(headless(text), (Vec::new(), 1), "{text}");
    }
}
