//! The templates' environment: the report's filters, and escaping by the kind of file.

use super::text;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Output, State, Value};
use std::borrow::Cow;

/// What `report.md` escapes by.
const MARKDOWN: AutoEscape = AutoEscape::Custom(Cow::Borrowed("markdown"));

/// An environment with `source` as template `name`. Whatever the name ends in, a value is written
/// as text: markup in it is shown, never obeyed.
pub(super) fn environment(name: &'static str, source: &'static str) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    environment.set_syntax(syntax.expect("the default delimiters"));
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".html") { AutoEscape::Html } else { MARKDOWN }
    });
    environment.set_formatter(write);
    environment.add_filter("count", text::count);
    environment.add_filter("digits", text::digits);
    environment.add_filter("duration", text::duration);
    environment.add_filter("minutes", text::minutes);
    environment.add_filter("percent", text::percent);
    environment.add_filter("signed", text::signed);
    environment.add_filter("mark", mark);
    environment.add_template(name, source).expect("the embedded template is valid");
    environment
}

fn write(
    output: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if *state.auto_escape() != MARKDOWN {
        return minijinja::escape_formatter(output, state, value);
    }
    let text = value.to_string();
    let safe = value.is_safe() || value.kind() != ValueKind::String;
    Ok(output.write_str(&if safe { text } else { markdown(&text) })?)
}

/// A sign for a tone, so that it is not told by colour alone.
fn mark(tone: &str) -> &'static str {
    match tone {
        "good" => "✓",
        "mixed" => "≈",
        _ => "✗",
    }
}

/// `text` with what Markdown and the HTML in it would obey made harmless.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '`' | '*' | '[' | ']' | '\\' => escaped.extend(['\\', character]),
            '\n' | '\r' => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}
