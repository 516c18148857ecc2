//! The templates' environment: the report's filters, and escaping by their kind.

use super::fact::Tone;
use super::league::{Spectrum, outcome_in_words};
use crate::experiment::{Candidate, DeltaVerdict};
use crate::select::SelectorName;
use crate::selftest::{PoolRow, WindowRow};
use crate::{stats, text};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Output, State, Value};
use std::borrow::Cow;

/// Name of the page's template.
pub(crate) const HTML: &str = "report.html";

/// The escaping rule of `report.md`.
const MARKDOWN: AutoEscape = AutoEscape::Custom(Cow::Borrowed("markdown"));

/// An environment with `source` as template `name`. Values are written as text: markup in them is
/// shown, never obeyed.
pub(crate) fn environment(name: &'static str, source: &'static str) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    environment.set_syntax(syntax.expect("the default delimiters"));
    environment.set_auto_escape_callback(|name| {
        if name.rsplit('.').next() == Some("html") { AutoEscape::Html } else { MARKDOWN }
    });
    environment.set_formatter(write);
    environment.add_filter("claimed_minutes", text::claimed_minutes);
    environment.add_global("at_risk", text::AT_RISK);
    environment.add_filter("count", text::count);
    environment.add_filter("digits", text::sig3);
    environment.add_filter("distance", text::distance);
    environment.add_filter("duration", text::duration);
    environment.add_filter("minutes", text::minutes);
    environment.add_filter("percent", text::percent);
    environment.add_filter("plural", text::plural);
    environment.add_filter("share", text::share);
    environment.add_filter("signed", text::signed);
    environment.add_filter("signed_ms", text::signed_ms);
    environment.add_filter("mark", |tone: Serde<Tone>| tone.mark());
    environment.add_filter("tied", tied);
    environment.add_filter("code", code);
    environment.add_filter("sentence", sentence);
    add_filters_of_records(&mut environment);
    environment.add_template(name, source).expect("the embedded template is valid");
    environment
}

/// Filters that say in words, or as a figure, what a member of a record means.
fn add_filters_of_records(environment: &mut Environment<'_>) {
    environment.add_filter("mean", |figures: Vec<Option<f64>>| {
        stats::mean(figures.into_iter().map(Option::unwrap_or_default))
    });
    environment.add_filter("outcome", |name: &str| outcome_in_words(name));
    environment.add_filter("selector", |name: Serde<SelectorName>| name.in_words());
    environment.add_filter("candidate", |candidate: Serde<Candidate>| candidate.to_string());
    environment.add_filter("pool_is_exact", |pool: Serde<PoolRow>| pool.is_exact());
    environment.add_filter("window_is_exact", |window: Serde<WindowRow>| window.is_exact());
    environment.add_filter("delta_verdict", |verdict: Serde<DeltaVerdict>| verdict.words());
    environment
        .add_filter("point_at", |spectrum: Serde<Spectrum>, share: f64| spectrum.point_at(share));
}

fn write(
    output: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    let is_text = value.kind() == ValueKind::String && !value.is_safe();
    match (*state.auto_escape() == MARKDOWN, is_text) {
        (true, true) => Ok(output.write_str(&text::markdown(&value.to_string()))?),
        (true, false) => Ok(output.write_str(&value.to_string())?),
        (false, true) => {
            let text = value.to_string();
            // A line end is white space in HTML and turns nothing round.
            let lines: Vec<_> = text.split('\n').map(text::escape_controls).collect();
            minijinja::escape_formatter(output, state, &Value::from(lines.join("\n")))
        }
        (false, false) => minijinja::escape_formatter(output, state, value),
    }
}

/// `text` with each figure tied to its unit, so that no line ends between them.
pub(crate) fn tied(text: &str) -> String {
    const UNITS: [&str; 6] = ["min", "ms", "s", "h", "%", "×"];
    let unit_of = |word: &str| {
        let word = word.trim_end_matches(|c: char| ",.:;)".contains(c));
        UNITS.iter().find(|unit| **unit == word).copied()
    };
    let words: Vec<&str> = text.split(' ').collect();
    let mut tied = String::with_capacity(text.len());
    for (place, word) in words.iter().enumerate() {
        if place > 0 {
            let after_figure = tied.ends_with(|c: char| c.is_ascii_digit());
            // `47 min 45 s` is one figure.
            let goes_on = matches!(words[place - 1], "h" | "min")
                && words.get(place + 1).is_some_and(|next| unit_of(next).is_some());
            let is_one = goes_on || after_figure && unit_of(word).is_some();
            tied.push(if is_one { '\u{a0}' } else { ' ' });
        }
        tied.push_str(word);
    }
    tied
}

/// `text` as Markdown, in which what stands between backticks stays code.
fn sentence(text: &str) -> Value {
    let parts = text.split('`').enumerate();
    let parts =
        parts.map(
            |(place, part)| {
                if place % 2 == 1 { text::markdown_code(part) } else { text::markdown(part) }
            },
        );
    Value::from_safe_string(parts.collect())
}

fn code(text: &str) -> Value {
    Value::from_safe_string(text::markdown_code(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_code_that_can_be_copied() {
        const PAGE: &str = "{{ command|code }}";
        let written = |command: &str| {
            let page = environment("report.md", PAGE);
            let page = page.get_template("report.md").unwrap();
            page.render(minijinja::context! { command }).unwrap()
        };
        assert_eq!(written("run --constraint 'rejected<1%'"), "`run --constraint 'rejected<1%'`");
        assert_eq!(written("echo ``a`` | <b>\nc"), "``` echo ``a`` | <b> c ```");
    }

    #[test]
    fn figures_keep_their_units() {
        assert_eq!(
            tied("59 h 45 min or 2 h, 3 ships"),
            "59\u{a0}h\u{a0}45\u{a0}min or 2\u{a0}h, 3 ships"
        );
        assert_eq!(
            tied("in 2 min 48 s (so 1 h), 3 ships"),
            "in 2\u{a0}min\u{a0}48\u{a0}s (so 1\u{a0}h), 3 ships"
        );
        assert_eq!(tied(" on 5 % "), " on 5\u{a0}% ");
    }

    #[test]
    fn html_is_not_obeyed_and_marks_of_direction_are_shown() {
        const PAGE: &str = "<b title=\"{{ name }}\">{{ name }}</b>{{ trusted|safe }}{{ n }}";
        let page = environment(HTML, PAGE);
        let context = minijinja::context! {
            name => "a\u{202e}<i>\u{2066}\n\u{1b}", trusted => "<i>\u{200f}</i>", n => 7,
        };
        let made = page.get_template(HTML).unwrap().render(context).unwrap();
        let shown = "a\\u{202e}&lt;i&gt;\\u{2066}\n\\u{1b}";
        assert_eq!(made, format!("<b title=\"{shown}\">{shown}</b><i>\u{200f}</i>7"));
    }
}
