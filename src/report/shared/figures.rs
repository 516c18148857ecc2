//! Figures of a page, each read from `report.json` at the place that its element names.
//!
//! Invariant: a figure that stands on a page has `data-at`, a JSON pointer into `report.json`, or the rest
//! of one that begins in `data-in` of an element around it, and `data-value`, the value there. Where it is a
//! rate, `data-per` points to the divisor and `data-times` is a factor. So no figure is on the page and
//! not in the file.

use super::claimed;
use crate::text;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::Value as Json;
use std::fmt::Write as _;
use std::sync::Arc;

/// `report.json` of a page, and the names of its parts in the templates.
#[derive(Clone)]
pub(crate) struct Figures {
    report: Arc<Json>,
    /// A name in the templates, and the place that it stands for.
    names: &'static [(&'static str, &'static str)],
}

/// Parts of the report's `report.json`.
const REPORT: &[(&str, &str)] = &[
    ("decision", "/report/decision"),
    ("record", "/evidence/decision"),
    ("provenance", "/evidence/provenance"),
    ("model", "/report"),
    ("evidence", "/evidence"),
];

/// Parts of the `report.json` of one decision.
const DECISION: &[(&str, &str)] =
    &[("decision", "/decision"), ("record", "/evidence"), ("provenance", "/provenance")];

impl Figures {
    /// Those of the report.
    pub(crate) fn of_report(record: &impl Serialize) -> Self {
        Self::new(record, REPORT)
    }

    /// Those of one decision.
    pub(crate) fn of_decision(record: &impl Serialize) -> Self {
        Self::new(record, DECISION)
    }

    fn new(record: &impl Serialize, names: &'static [(&str, &str)]) -> Self {
        // By way of the text, so that each number is the one that a reader of the file sees.
        let text = serde_json::to_string(record).expect("records are JSON");
        let report = serde_json::from_str(&text).expect("it was just written");
        Self { report: Arc::new(report), names }
    }

    /// Adds `fig(place, form, from=…, per=…, times=…)`, `said(place)`, `typed(place)`, `about(place, text)` and `inside(place)`
    /// to `environment`: places are such as `decision/league/0/refused`, or begin at `from`.
    pub(crate) fn add_to(self, environment: &mut Environment<'_>) {
        let of = self.clone();
        environment.add_function("fig", move |place: String, form: String, more: Kwargs| {
            let from: Option<String> = more.get("from")?;
            let per: Option<String> = more.get("per")?;
            let times: Option<f64> = more.get("times")?;
            more.assert_all_used()?;
            of.figure(&place, &form, from.as_deref(), per.as_deref(), times)
        });
        let of = self.clone();
        environment.add_function("said", move |place: String| of.said(&place));
        let of = self.clone();
        environment.add_function("typed", move |place: String| of.typed(&place));
        let of = self.clone();
        environment.add_function("about", move |place: String, text: String| {
            let (pointer, _) = of.find(&place)?;
            let text = escaped(&text);
            Ok(Value::from_safe_string(format!("<span data-at=\"{pointer}\">{text}</span>")))
        });
        environment.add_function("inside", move |place: String| {
            let (pointer, _) = self.find(&place)?;
            Ok(Value::from_safe_string(format!("data-in=\"{pointer}\"")))
        });
    }

    /// The value at `place`, with its JSON pointer.
    fn find(&self, place: &str) -> Result<(String, &Json), Error> {
        let (name, rest) = place.split_once('/').unwrap_or((place, ""));
        let root = self.names.iter().find(|(known, _)| *known == name);
        let pointer = root.map(|(_, root)| format!("{root}/{rest}"));
        let pointer = pointer.as_deref().map(|pointer| pointer.trim_end_matches('/'));
        let found = pointer.and_then(|it| Some((it.to_owned(), self.report.pointer(it)?)));
        found.ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("report.json has no {place}"))
        })
    }

    /// The number at `place` as `form` writes it, divided by that at `per` and multiplied by `times`.
    fn figure(
        &self,
        place: &str,
        form: &str,
        from: Option<&str>,
        per: Option<&str>,
        times: Option<f64>,
    ) -> Result<Value, Error> {
        let find = |place: &str| match from {
            Some(from) => {
                self.find(&format!("{from}/{place}")).map(|(_, json)| (place.to_owned(), json))
            }
            None => self.find(place),
        };
        let (pointer, json) = find(place)?;
        let Some(mut number) = json.as_f64() else { return Ok("–".into()) };
        let mut attributes = format!("data-at=\"{pointer}\"");
        if let Some(per) = per {
            let (divisor, json) = find(per)?;
            number /= json.as_f64().unwrap_or(1.0);
            let _ = write!(attributes, " data-per=\"{divisor}\"");
        }
        if let Some(times) = times {
            number *= times;
            let _ = write!(attributes, " data-times=\"{times:e}\"");
        }
        let text = written(number, form).ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("no form is called {form}"))
        })?;
        let text = text.replace(' ', "\u{a0}");
        let span = format!("<span {attributes} data-value=\"{number}\">{text}</span>");
        Ok(Value::from_safe_string(span))
    }

    /// The sentence at `place`, with commands between backticks as code.
    fn said(&self, place: &str) -> Result<Value, Error> {
        let (pointer, json) = self.find(place)?;
        let text = json.as_str().unwrap_or_default();
        let text = text.split('\n').map(text::escape_controls).collect::<Vec<_>>().join("\n");
        let tied = super::template::tied(&text);
        let parts = tied.split('`').map(escaped).enumerate();
        let parts = parts.map(|(place, part)| match place % 2 {
            1 => format!("<code>{}</code>", with_whole_flags(&part)),
            _ => part,
        });
        let html: String = parts.collect();
        Ok(Value::from_safe_string(format!("<span data-at=\"{pointer}\">{html}</span>")))
    }

    /// The command at `place`.
    fn typed(&self, place: &str) -> Result<Value, Error> {
        let (pointer, json) = self.find(place)?;
        let text = text::escape_controls(json.as_str().unwrap_or_default());
        let html = with_whole_flags(&escaped(&text));
        Ok(Value::from_safe_string(format!("<span data-at=\"{pointer}\">{html}</span>")))
    }
}

/// `html`, a command, in which no line ends within a flag.
fn with_whole_flags(html: &str) -> String {
    let is_flag = |word: &&str| word.starts_with("--");
    let words = html.split(' ').map(|word| match Some(word).filter(is_flag) {
        Some(flag) => format!("<span class=\"flag\">{flag}</span>"),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `text` as the content of an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `number` as `form` writes it; `None` if there is no such form.
fn written(number: f64, form: &str) -> Option<String> {
    Some(match form {
        "count" => text::count(number as u64),
        "digits" => text::sig3(number).replace('-', "−"),
        "duration" => text::duration(number),
        "minutes" => text::minutes(number),
        "claimed_minutes" => text::claimed_minutes(number),
        "percent" => text::percent(number),
        "share" => text::share(number),
        "signed" => text::signed(number),
        "plain" => number.to_string(),
        "factor" => format!("× {number}"),
        // The figure of a claim.
        _ => claimed::measured(serde_json::from_value(form.into()).ok()?, number),
    })
}

#[cfg(test)]
mod tests;
