//! Similar names for "did you mean". Pure.

/// From this likeness on, one name may have been meant by the other.
const NEAR: f64 = 0.75;

/// Names that are so much less like it than the nearest were hardly meant.
const CLOSE: f64 = 0.1;

/// More would be a list, not a hint.
const SHOWN: usize = 3;

/// The names of `known` that may have been meant by `name`, the nearest first, three at most.
///
/// Upper and lower case are one. Source: the Jaro-Winkler similarity, which favours a common start.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&lower, &known.to_lowercase());
    let mut near: Vec<(f64, &str)> =
        known.into_iter().map(|known| (likeness(known), known)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let least = near.first().map_or(NEAR, |(best, _)| NEAR.max(best - CLOSE));
    near.into_iter()
        .filter(|(likeness, _)| *likeness >= least)
        .take(SHOWN)
        .map(|(_, name)| name)
        .collect()
}

/// Message for a built-in `what` that does not exist: the nearest names, and all there are.
pub fn no_such(what: &str, name: &str, built_in: &[(&str, &str)]) -> String {
    let names = || built_in.iter().map(|(name, _)| *name);
    let quoted = |name: &str| format!("`{name}`");
    let near: Vec<String> = nearest(name, names()).into_iter().map(quoted).collect();
    let meant = match near.as_slice() {
        [] => String::new(),
        near => format!(" did you mean {}?", near.join(" or ")),
    };
    let known: Vec<String> = names().map(quoted).collect();
    format!(
        "there is no {what} `{name}`;{meant} built in are {}, or name a TOML file",
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [(&str, &str); 5] = [
        ("documented", ""),
        ("guide-1", ""),
        ("guide-2", ""),
        ("unlimited", ""),
        ("congested", ""),
    ];

    fn near(name: &str) -> Vec<&'static str> {
        nearest(name, KNOWN.map(|(name, _)| name))
    }

    #[test]
    fn a_slip_finds_the_name_and_nothing_else() {
        assert_eq!(near("docmented"), ["documented"]);
        assert_eq!(near("UNLIMITTED"), ["unlimited"]);
        assert_eq!(near("guide-9"), ["guide-1", "guide-2"]);
        assert!(near("fast").is_empty());
        assert!(near("").is_empty());
    }

    #[test]
    fn the_error_is_one_sentence() {
        assert_eq!(
            no_such("profile", "docmented", &KNOWN[..2]),
            "there is no profile `docmented`; did you mean `documented`? built in are \
             `documented`, `guide-1`, or name a TOML file"
        );
        assert_eq!(
            no_such("profile", "fast", &KNOWN[..2]),
            "there is no profile `fast`; built in are `documented`, `guide-1`, or name a TOML file"
        );
    }
}
