//! Figures of a page, each read from `report.json` at the place that its element names.
//!
//! Invariant: a figure that stands on a page has `data-at`, a JSON pointer into `report.json`, and
//! `data-value`, the value there; so no figure can be on the page and not in the file.

use super::model::ledger;
use crate::text;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::Value as Json;
use std::sync::Arc;

/// `report.json` of a page, and the names of its parts in the templates.
pub(super) struct Figures {
    report: Json,
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
    pub(super) fn of_report(record: &impl Serialize) -> Self {
        Self::new(record, REPORT)
    }

    /// Those of one decision.
    pub(super) fn of_decision(record: &impl Serialize) -> Self {
        Self::new(record, DECISION)
    }

    fn new(record: &impl Serialize, names: &'static [(&str, &str)]) -> Self {
        Self { report: serde_json::to_value(record).expect("records are JSON"), names }
    }

    /// Adds `fig(place, form, per=…, times=…)` and `said(place)` to `environment`.
    pub(super) fn add_to(self, environment: &mut Environment<'_>) {
        let figures = Arc::new(self);
        let of = Arc::clone(&figures);
        environment.add_function("fig", move |place: String, form: String, more: Kwargs| {
            let per = more.get::<Option<String>>("per")?;
            let times = more.get::<Option<f64>>("times")?;
            more.assert_all_used()?;
            of.figure(&place, &form, per.as_deref(), times)
        });
        environment.add_function("said", move |place: String| figures.said(&place));
    }

    /// The value at `place`, such as `decision/league/0/refused`, with its JSON pointer.
    fn find(&self, place: &str) -> Result<(String, &Json), Error> {
        let (name, rest) = place.split_once('/').unwrap_or((place, ""));
        let root = self.names.iter().find(|(known, _)| *known == name);
        let pointer = root.map(|(_, root)| format!("{root}/{rest}"));
        let found =
            pointer.and_then(|pointer| Some((pointer.clone(), self.report.pointer(&pointer)?)));
        found.ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("report.json has no {place}"))
        })
    }

    /// The number at `place` as `form` writes it, divided by that at `per` and multiplied by `times`.
    fn figure(
        &self,
        place: &str,
        form: &str,
        per: Option<&str>,
        times: Option<f64>,
    ) -> Result<Value, Error> {
        let (pointer, json) = self.find(place)?;
        let Some(mut number) = json.as_f64() else {
            return Ok(Value::from_safe_string("–".to_owned()));
        };
        let mut attributes = format!("data-at=\"{pointer}\"");
        if let Some(per) = per {
            let (divisor, json) = self.find(per)?;
            number /= json.as_f64().unwrap_or(1.0);
            attributes += &format!(" data-per=\"{divisor}\"");
        }
        if let Some(times) = times {
            number *= times;
            attributes += &format!(" data-times=\"{times}\"");
        }
        let text = written(number, form).ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("no form is called {form}"))
        })?;
        let text = text.replace(' ', "\u{a0}");
        Ok(Value::from_safe_string(format!(
            "<span {attributes} data-value=\"{number}\" data-form=\"{form}\">{text}</span>"
        )))
    }

    /// The sentence at `place`, with commands between backticks as code.
    fn said(&self, place: &str) -> Result<Value, Error> {
        let (pointer, json) = self.find(place)?;
        let text = json.as_str().unwrap_or_default();
        let text = text.split('\n').map(text::escape_controls).collect::<Vec<_>>().join("\n");
        let mut html = String::new();
        for (index, part) in super::template::tied(&text).split('`').enumerate() {
            let part = part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            html += &if index % 2 == 1 { format!("<code>{part}</code>") } else { part };
        }
        Ok(Value::from_safe_string(format!("<span data-at=\"{pointer}\">{html}</span>")))
    }
}

/// `number` as `form` writes it; `None` if there is no such form.
fn written(number: f64, form: &str) -> Option<String> {
    Some(match form {
        "count" => text::count(number as u64),
        "digits" => text::sig3(number),
        "duration" => text::duration(number),
        "minutes" => text::minutes(number),
        "claimed_minutes" => text::claimed_minutes(number),
        "percent" => text::percent(number),
        "share" => text::share(number),
        "signed" => text::signed(number),
        "plain" => number.to_string(),
        "factor" => format!("× {number}"),
        // The figure of a claim.
        _ => ledger::measured(serde_json::from_value(form.into()).ok()?, number),
    })
}
