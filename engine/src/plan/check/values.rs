//! Values that get lost on their way, and values that a target does not take.

use super::{
    MappedFields, PlanIssues, SampledTexts, UNMAPPED_VALUE, all_through, made, quoted, through,
};
use crate::plan::{Mapping, Transform};
use compact_str::CompactString;
use neon_mock::api::OptionStatus;
use neon_mock::bounds::TEXT_BYTES;

impl PlanIssues {
    /// Texts that a map says nothing of: options of the source, and texts of a sample.
    pub(super) fn unmapped(&mut self, found: &MappedFields<'_>, sample: &SampledTexts) {
        let MappedFields { mapping, source, .. } = *found;
        if !mapping.transform.iter().any(is_silent) {
            return;
        }
        let sampled = sample.get(&source.id);
        let options = source.option_values.iter().map(|option| &*option.name);
        let (known, origin): (Vec<&str>, &str) = match sampled {
            _ if source.display_type.has_options() => (options.collect(), "options of"),
            Some(texts) => (texts.iter().map(|text| &**text).collect(), "seen in"),
            None => (Vec::new(), ""),
        };
        let left_out = left_out(mapping, &known);
        let name = &mapping.source;
        let advice = "such values are left out, and counted as unmapped; add entries, `default`, or \
                      `otherwise = \"fail|keep|skip\"`";
        if !left_out.is_empty() {
            let named = quoted(left_out.iter().map(|text| &**text));
            let message = format!("the map has no entry for {named} ({origin} `{name}`): {advice}");
            self.warning(UNMAPPED_VALUE, mapping, message);
        } else if source.display_type.is_text() && sampled.is_none() {
            let message = format!(
                "`{name}` is text, and the map does not say what happens to texts without an entry: {advice}"
            );
            self.warning(UNMAPPED_VALUE, mapping, message);
        }
    }

    /// Texts that do not fit the format of the target, and targets that constituents cannot edit.
    pub(super) fn target_values(&mut self, found: &MappedFields<'_>) {
        let MappedFields { mapping, source, target } = *found;
        let name = &mapping.target;
        if target.constituent_read_only == Some(true) {
            let message = format!(
                "target field `{name}` is read-only for constituents: they cannot correct what the plan writes"
            );
            self.warning("read_only_target", mapping, message);
        }
        self.inactive_options(found);
        let Some(format) = target.data_type.as_deref().filter(|_| target.display_type.is_text())
        else {
            return;
        };
        let Some(takes) = format_of(format) else { return };
        let known: Option<Vec<CompactString>> = match made(found) {
            Some(made) => Some(made),
            None if source.display_type.has_options() => {
                let options = source.option_values.iter().map(|it| &*it.name);
                Some(all_through(&mapping.transform, options))
            }
            None => None,
        };
        let is_same = || source.data_type.as_deref() == Some(format);
        let message = match known {
            Some(known) => {
                let wrong = || known.iter().map(|text| &**text).filter(|text| !takes(text));
                if wrong().next().is_none() {
                    return;
                }
                let wrong = quoted(wrong());
                format!("`{name}` is of type {format}, and the mapping writes {wrong} into it")
            }
            None if is_same() => return,
            None => format!(
                "`{name}` is of type {format}, and `{}` is free text: Neon may refuse or change what does not fit",
                mapping.source
            ),
        };
        self.warning("data_type_mismatch", mapping, message);
    }
}

impl PlanIssues {
    /// Known values that a transform makes longer than a field holds.
    pub(super) fn lengths(&mut self, found: &MappedFields<'_>, sample: &SampledTexts) {
        let MappedFields { mapping, source, target } = *found;
        let is_too_long = |text: &str| through(&mapping.transform, text).is_err();
        let most = TEXT_BYTES.most();
        let (of, into) = (&source.name, &target.name);
        let options = source.option_values.iter().map(|option| &*option.name);
        let sampled = sample.get(&source.id).into_iter().flatten().map(|text| &**text);
        if options.chain(sampled).any(is_too_long) {
            let message = format!(
                "the transform makes more than {most} bytes of a value of `{of}`: accounts with such a value fail, and \
                 `{into}` keeps what it holds"
            );
            self.warning("value_too_long", mapping, message);
        }
    }
}

impl PlanIssues {
    /// Inactive options of the target that the mapping writes.
    fn inactive_options(&mut self, found: &MappedFields<'_>) {
        let MappedFields { mapping, source, target } = *found;
        let is_inactive = |name: &str| {
            let mut options = target.option_values.iter().filter(|option| &*option.name == name);
            options.any(|option| option.status == Some(OptionStatus::Inactive))
        };
        let written = made(found).unwrap_or_else(|| {
            all_through(&mapping.transform, source.option_values.iter().map(|it| &*it.name))
        });
        let mut inactive: Vec<CompactString> =
            written.into_iter().filter(|name| is_inactive(name)).collect();
        inactive.dedup();
        if !inactive.is_empty() {
            let message = format!(
                "{} of `{}` can no longer be chosen: it is inactive",
                quoted(inactive.iter().map(|name| &**name)),
                mapping.target
            );
            self.warning("inactive_option", mapping, message);
        }
    }
}

/// True if the step is a map that leaves out other texts although its author has not said so.
const fn is_silent(step: &Transform) -> bool {
    matches!(step, Transform::Map { default: None, otherwise: None, .. })
}

/// The texts that find no entry in a map that is silent about them, of the values `known`.
fn left_out(mapping: &Mapping, known: &[&str]) -> Vec<CompactString> {
    let mut left_out: Vec<CompactString> = Vec::new();
    for (index, map) in mapping.transform.iter().enumerate().filter(|(_, step)| is_silent(step)) {
        let before = &mapping.transform[..index];
        let reached = all_through(before, known.iter().copied()).into_iter();
        left_out.extend(reached.filter(|text| map.leaves_out(text)));
    }
    left_out.sort();
    left_out.dedup();
    left_out
}

/// True if a text may stand in a field of a format.
type Takes = fn(&str) -> bool;

/// The texts that a field of `data_type` takes; `None` if it takes any.
fn format_of(data_type: &str) -> Option<Takes> {
    let has_digit: Takes = |text| text.chars().any(|c| c.is_ascii_digit());
    let is_number: Takes = |text| {
        let bare: String = text.chars().filter(|c| !matches!(c, ',' | '$' | ' ')).collect();
        bare.parse::<f64>().is_ok_and(f64::is_finite)
    };
    match data_type {
        "Date" | "Time" | "Phone" | "Area_Code" => Some(has_digit),
        "Whole_Number" | "Integer" => Some(|text| text.trim().parse::<i64>().is_ok()),
        "Decimal" | "Currency" | "Float" | "Amount" => Some(is_number),
        "Boolean" => Some(|text| {
            let words = ["true", "false", "yes", "no", "0", "1"];
            words.iter().any(|word| text.trim().eq_ignore_ascii_case(word))
        }),
        "Email" => Some(|text| text.contains('@')),
        _ => None,
    }
}
