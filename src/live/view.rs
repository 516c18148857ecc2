//! The live page: snapshot, marks and line as HTML.
//!
//! The server writes each part of the page, for browsers with and without scripts alike; the script only puts
//! parts in place, and turns times of day into those of the viewer's zone. The content-security policy lets
//! nothing run or load but what stands in the page: there is no `style` attribute and no inline handler.

mod bars;
mod fan;
#[cfg(test)]
mod tests;
mod words;

use super::{LiveCurve, LiveSnapshot, LiveState, Mark, RunFacts};
use crate::report::shared::template::environment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, context};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use words::RunCalendar;

/// Each part by the id of its element, with its template and that template's name, in the page's order.
macro_rules! parts {
    ($($id:literal)*) => {
        [$(($id, concat!($id, ".html"), include_str!(concat!("page/", $id, ".html")))),*]
    };
}

const PARTS: [(&str, &str, &str); 16] = parts![
    "title" "end" "sentence" "spoken" "regime" "verdicts" "fan" "state" "endpoints" "rates" "echo" "failures" "edits"
    "settings" "marks" "commands"
];

/// Name of the frame around the parts.
const PAGE: &str = "page.html";

/// Marks that the page shows.
const SHOWN_MARKS: usize = 30;

static STYLE: &str =
    concat!(include_str!("../report/shared/page/base.css"), include_str!("page/live.css"));

static SCRIPT: &str = include_str!("page/live.js");

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = environment(PAGE, include_str!("page/page.html"));
    for (_, name, source) in PARTS {
        templates.add_template(name, source).expect("the embedded template is valid");
    }
    templates
});

/// The parts of the page, in its order: the id of an element, and the HTML in it.
///
/// `marks` are in the order of their numbers. The data of the events `tick`, `mark` and `end` that the script
/// listens to have an object `parts` of ids and HTML: all of them in the first event of a connection, since the
/// page may be older, and later those that changed.
pub fn parts(
    facts: &RunFacts,
    snapshot: &LiveSnapshot,
    marks: &[Mark],
    line: &LiveCurve,
) -> Vec<(&'static str, String)> {
    let context = context_of(facts, snapshot, marks, line);
    let part = |(id, name, _)| (id, render(name, &context).trim().to_owned());
    PARTS.map(part).into()
}

/// The whole page: one response, in which every part stands already.
pub fn page(facts: &RunFacts, snapshot: &LiveSnapshot, marks: &[Mark], line: &LiveCurve) -> String {
    let parts = parts(facts, snapshot, marks, line);
    let safe = |(id, html)| (id, Value::from_safe_string(html));
    let parts: BTreeMap<_, _> = parts.into_iter().map(safe).collect();
    let context = context! {
        parts,
        style => STYLE,
        script => SCRIPT,
        is_over => snapshot.state == LiveState::Ended,
        resume => words::resume(facts, snapshot),
        facts => Value::from(Serde(facts)),
        began => RunCalendar::of(snapshot).began(facts.began_unix_s),
    };
    render(PAGE, &context)
}

/// The value of the header `Content-Security-Policy`, with the digests of the page's script and style.
///
/// Source: Content Security Policy Level 3, W3C.
pub fn content_security_policy() -> String {
    let digest =
        |text: &str| STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digest(SCRIPT),
        digest(STYLE)
    )
}

fn render(name: &str, context: &Value) -> String {
    let template = TEMPLATES.get_template(name).expect("added at the start");
    template
        .render(context)
        .unwrap_or_else(|error| panic!("the template names what the page has: {error:#}"))
}

fn context_of(
    facts: &RunFacts,
    snapshot: &LiveSnapshot,
    marks: &[Mark],
    line: &LiveCurve,
) -> Value {
    let calendar = RunCalendar::of(snapshot);
    let newest = &marks[marks.len().saturating_sub(SHOWN_MARKS)..];
    context! {
        at => Value::from_function(move |at_s: f64| calendar.at(at_s)),
        began => calendar.began(facts.began_unix_s),
        sentence => Value::from(Serde(words::sentence(snapshot, calendar))),
        title => words::title(snapshot),
        spoken => words::spoken(snapshot),
        state => Value::from(Serde(words::state(snapshot.state))),
        age => words::age(snapshot),
        edits => words::edits(snapshot.edits),
        resume => words::resume(facts, snapshot),
        bar => Value::from(Serde(bars::verdicts(&snapshot.accounts))),
        endpoints => Value::from(Serde(bars::endpoints(&snapshot.endpoints))),
        is_forecast => !line.forecast.is_empty(),
        fan => fan::fan(snapshot, line),
        facts => Value::from(Serde(facts)),
        snapshot => Value::from(Serde(snapshot)),
        marks => Value::from(Serde(newest.iter().rev().collect::<Vec<_>>())),
        older_marks => marks.len() - newest.len(),
    }
}
