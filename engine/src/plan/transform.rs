//! Declarative transforms: what happens to a value between source and target.
//!
//! A value is one text, or several: the names of options, or what a split leaves. Transforms are
//! data, so that a plan can be reviewed, stored and run again.

use compact_str::CompactString;
use neon_mock::bounds::{OutOfBounds, STEP_BYTES, TEXT_BYTES};
use regex::{Regex, RegexBuilder};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// The texts of a value, in order.
pub type Texts = SmallVec<[CompactString; 2]>;

/// One step of a transform.
#[derive(Clone, Debug)]
pub enum Transform {
    /// Any value becomes this one.
    Constant(CompactString),
    /// Each text is looked up in a table.
    Map {
        /// Replacement per text.
        values: BTreeMap<CompactString, CompactString>,
        /// Replacement of texts without an entry; with it, `otherwise` is `None`.
        default: Option<CompactString>,
        /// The treatment of texts without an entry; `None` skips them, and `plan check` warns.
        otherwise: Option<Otherwise>,
    },
    /// White space around each text goes.
    Trim,
    /// Each text changes case.
    Case(LetterCase),
    /// Each text becomes its parts.
    Split(CompactString),
    /// Each match of the pattern is replaced; `$1` inserts a group.
    RegexReplace {
        /// Pattern to find.
        pattern: Regex,
        /// Replacement of each match.
        with: String,
    },
    /// The text is inserted for `{value}`.
    Template(String),
}

/// The treatment of a text that a map has no entry for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// The account fails, whatever `validation_required` says.
    Fail,
    /// The text goes on as it is.
    Keep,
    /// The text is left out, and its source is not cleared.
    Skip,
}

/// Which case.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LetterCase {
    /// SHOUTED.
    Upper,
    /// whispered.
    Lower,
    /// Every Word Capitalised.
    Title,
}

/// A step that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum TransformError {
    #[error("a template needs `{{value}}` in it")]
    NoPlaceholder,
    #[error("a split needs a separator")]
    EmptySeparator,
    #[error("the pattern is no regular expression: {0}")]
    Pattern(String),
    #[error("{member} {source}")]
    Bounds { member: &'static str, source: OutOfBounds },
    #[error(
        "`{with}` names the group `{group}`, which the pattern does not have; `${{1}}y` puts a y after group 1, `$$` is a dollar sign"
    )]
    UnknownGroup { with: String, group: String },
}

/// A transform made more of a value than a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the transform makes more than {} bytes", TEXT_BYTES.most())]
pub struct TooLong;

/// Bytes that a compiled pattern may take: matching takes as many steps for each letter at worst.
const PATTERN_BYTES: usize = 1 << 20;

impl Transform {
    /// A regular-expression step.
    ///
    /// Errors: the pattern does not compile, or `with` names a group that it does not have. The
    /// regex library would put nothing there, and `$1y` names a group `1y`.
    pub fn regex_replace(pattern: &str, with: &str) -> Result<Self, TransformError> {
        for (member, text) in [("pattern", pattern), ("with", with)] {
            short(member, text)?;
        }
        let pattern = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES)
            .build();
        let pattern = pattern.map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default();
            TransformError::Pattern(reason.trim_start_matches("error: ").to_owned())
        })?;
        let is_known = |group: &str| match group.parse::<usize>() {
            Ok(number) => number < pattern.captures_len(),
            Err(_) => pattern.capture_names().flatten().any(|name| name == group),
        };
        if let Some(group) = groups(with).into_iter().find(|group| !is_known(group)) {
            let (with, group) = (with.to_owned(), group.to_owned());
            return Err(TransformError::UnknownGroup { with, group });
        }
        Ok(Self::RegexReplace { pattern, with: with.to_owned() })
    }

    /// A template step. Errors: no `{value}` in it, or longer than a step's text may be.
    pub fn template(text: &str) -> Result<Self, TransformError> {
        short("template", text)?;
        if text.contains(PLACE) {
            Ok(Self::Template(text.to_owned()))
        } else {
            Err(TransformError::NoPlaceholder)
        }
    }

    /// A split step. Errors: an empty separator.
    pub fn split(separator: &str) -> Result<Self, TransformError> {
        if separator.is_empty() {
            Err(TransformError::EmptySeparator)
        } else {
            Ok(Self::Split(separator.into()))
        }
    }

    /// Applies the step to `texts`. Blank results are dropped.
    ///
    /// Errors: [`TooLong`] if the results together are longer than a field holds; no more than that is made.
    pub fn apply(&self, texts: &Texts) -> Result<Texts, TooLong> {
        let mut made = Texts::new();
        match self {
            Self::Constant(value) => made.push(value.clone()),
            Self::Split(separator) => {
                for text in texts {
                    made.extend(text.split(separator.as_str()).map(CompactString::from));
                }
            }
            _ => {
                let mut left = TEXT_BYTES.most();
                for text in texts {
                    let Some(text) = self.one(text, left)? else { continue };
                    left = left.checked_sub(text.len()).ok_or(TooLong)?;
                    made.push(text);
                }
            }
        }
        made.retain(|text| !text.trim().is_empty());
        Ok(made)
    }

    /// True if the step is a map that has neither an entry for `text` nor a way to go on with it.
    pub fn leaves_out(&self, text: &str) -> bool {
        match self {
            Self::Map {
                values,
                default: None,
                otherwise: None | Some(Otherwise::Fail | Otherwise::Skip),
            } => !values.contains_key(text),
            _ => false,
        }
    }

    /// True if a text that the step leaves out fails its account.
    pub const fn fails_others(&self) -> bool {
        matches!(self, Self::Map { otherwise: Some(Otherwise::Fail), .. })
    }

    /// One text after the step, of at most `most` bytes where the step can multiply it.
    fn one(&self, text: &CompactString, most: usize) -> Result<Option<CompactString>, TooLong> {
        Ok(Some(match self {
            Self::Constant(_) | Self::Split(_) => unreachable!("they work on the whole value"),
            Self::Map { values, default, otherwise } => match values.get(text) {
                Some(value) => value.clone(),
                None if *otherwise == Some(Otherwise::Keep) => text.clone(),
                None => return Ok(default.clone()),
            },
            Self::Trim => text.trim().into(),
            Self::Case(LetterCase::Upper) => text.to_uppercase(),
            Self::Case(LetterCase::Lower) => text.to_lowercase(),
            Self::Case(LetterCase::Title) => title(text),
            Self::RegexReplace { pattern, with } => replaced(pattern, with, text, most)?,
            Self::Template(template) => {
                let places = template.matches(PLACE).count();
                let made = template.len() - places * PLACE.len() + places * text.len();
                if made > most {
                    return Err(TooLong);
                }
                template.replace(PLACE, text).into()
            }
        }))
    }
}

/// The place of the value in a template.
const PLACE: &str = "{value}";

/// `text` of a step's `member`, if it is short enough for one.
fn short(member: &'static str, text: &str) -> Result<(), TransformError> {
    let checked = STEP_BYTES.check(text.len()).map(|_| ());
    checked.map_err(|source| TransformError::Bounds { member, source })
}

/// `text` with each match of `pattern` replaced: at most `most` bytes.
fn replaced(
    pattern: &Regex,
    with: &str,
    text: &str,
    most: usize,
) -> Result<CompactString, TooLong> {
    let (mut made, mut end) = (String::new(), 0);
    for groups in pattern.captures_iter(text) {
        let Some(all) = groups.get(0) else { break };
        made.push_str(&text[end..all.start()]);
        groups.expand(with, &mut made);
        end = all.end();
        if made.len() > most {
            return Err(TooLong);
        }
    }
    made.push_str(&text[end..]);
    if made.len() > most { Err(TooLong) } else { Ok(made.into()) }
}

/// The groups that a replacement names: `$1`, `$name`, `${1}`; `$$` names none.
fn groups(with: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = with;
    while let Some(dollar) = rest.find('$') {
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some((group, after)) =
            rest.strip_prefix('{').and_then(|inside| inside.split_once('}'))
        {
            found.push(group);
            rest = after;
        } else {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let (group, after) = rest.split_at(end);
            found.extend((!group.is_empty()).then_some(group));
            rest = after;
        }
    }
    found
}

fn title(text: &str) -> CompactString {
    let mut made = CompactString::default();
    let mut in_word = false;
    for c in text.chars() {
        if in_word {
            c.to_lowercase().for_each(|c| made.push(c));
        } else {
            c.to_uppercase().for_each(|c| made.push(c));
        }
        in_word = c.is_alphanumeric() || c == '\'';
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(step: &Transform, texts: &[&str]) -> Vec<String> {
        let texts = texts.iter().map(|&text| CompactString::from(text)).collect();
        step.apply(&texts).unwrap().iter().map(CompactString::to_string).collect()
    }

    #[test]
    fn each_step_does_what_it_says() {
        let map = |otherwise| Transform::Map {
            values: [("Y".into(), "Yes".into())].into(),
            default: None,
            otherwise,
        };
        assert_eq!(apply(&Transform::Constant("on".into()), &["a", "b"]), ["on"]);
        for otherwise in [None, Some(Otherwise::Skip), Some(Otherwise::Fail)] {
            assert_eq!(apply(&map(otherwise), &["Y", "N"]), ["Yes"]);
            assert!(map(otherwise).leaves_out("N") && !map(otherwise).leaves_out("Y"));
        }
        assert_eq!(apply(&map(Some(Otherwise::Keep)), &["Y", "N"]), ["Yes", "N"]);
        assert!(!map(Some(Otherwise::Keep)).leaves_out("N"));
        assert_eq!(apply(&Transform::Trim, &["  a b "]), ["a b"]);
        assert_eq!(apply(&Transform::Case(LetterCase::Title), &["o'neill ÉTÉ"]), ["O'neill Été"]);
        assert_eq!(apply(&Transform::split(";").unwrap(), &["a;;b", " ;c"]), ["a", "b", "c"]);
        let regex = Transform::regex_replace(r"(\d+) years", "${1}y").unwrap();
        assert_eq!(apply(&regex, &["3 years"]), ["3y"]);
        let template = Transform::template("Skill: {value}").unwrap();
        assert_eq!(apply(&template, &["Cooking"]), ["Skill: Cooking"]);
    }

    #[test]
    fn no_step_makes_more_than_a_field_holds() {
        let templates = Transform::template(&PLACE.repeat(8)).unwrap();
        let inserts = Transform::regex_replace("", "xxxxxxxx").unwrap();
        let doubles = Transform::regex_replace("(?s)^.*$", "$0$0$0$0$0$0$0$0").unwrap();
        for step in [templates, inserts, doubles] {
            let mut texts: Texts = [CompactString::from("a")].into_iter().collect();
            let steps = (1..100).find(|_| match step.apply(&texts) {
                Ok(made) => {
                    assert!(made.iter().map(CompactString::len).sum::<usize>() <= 65_536);
                    texts = made;
                    false
                }
                Err(TooLong) => true,
            });
            // 8^6 is more than 64 KiB, and so is 17^5, as one insertion more is made than there are letters.
            assert!(matches!(steps, Some(5 | 6)), "{step:?}: {steps:?}");
        }
        let long = "x".repeat(4_097);
        for wrong in [
            Transform::template(&(PLACE.to_owned() + &long)),
            Transform::regex_replace("a", &long),
            Transform::regex_replace(&long, "a"),
        ] {
            let error = wrong.unwrap_err().to_string();
            assert!(error.contains(": expected at most 4096 bytes"), "{error}");
        }
        let pattern = Transform::regex_replace("(\\w{100}){100}", "a").unwrap_err();
        assert!(matches!(pattern, TransformError::Pattern(_)), "{pattern}");
    }

    #[test]
    fn impossible_steps_are_refused() {
        assert_eq!(Transform::template("x").unwrap_err(), TransformError::NoPlaceholder);
        assert_eq!(Transform::split("").unwrap_err(), TransformError::EmptySeparator);
        assert!(matches!(Transform::regex_replace("(", ""), Err(TransformError::Pattern(_))));
        let unknown = |with| Transform::regex_replace(r"(?<n>\d+) (y)", with).unwrap_err();
        for (with, group) in [("$1y", "1y"), ("${3}", "3"), ("$$ $m$1", "m"), ("$_", "_")] {
            let with_of = with.to_owned();
            let expected = TransformError::UnknownGroup { with: with_of, group: group.to_owned() };
            assert_eq!(unknown(with), expected);
        }
        for with in ["$1", "${1}y", "$n-$2", "$0", "$$1y", "costs $ 5", "5$"] {
            assert!(Transform::regex_replace(r"(?<n>\d+) (y)", with).is_ok(), "{with}");
        }
    }
}
