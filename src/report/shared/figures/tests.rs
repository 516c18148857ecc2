//! Every number on the pages, held against `report.json`.

use super::written;
use crate::report::decision::DecisionModel;
use crate::report::evidence::ReportEvidence;
use crate::report::fixture;
use crate::report::html::{decision_page, pages};
use crate::report::json::{DecisionRecord, ReportRecord, SCHEMA, to_json};
use crate::report::markdown::decision_summary;
use crate::report::model::Model;
use crate::report::shared::league::outcome_in_words;
use crate::report::shared::provenance::Provenance;
use crate::select::SelectorName;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Forms in which a number may stand on a page.
const FORMS: &str = "count digits duration minutes claimed_minutes percent share signed plain factor calls \
                     minutes time_saved calls_per_account refused_share buffered";

/// Numbers of the pages' own prose, which no run can change.
const CONSTANTS: &str = "429 0 1 2 3 5 10 50 90 95 99 99.9 100 1,000";

/// One text of a page, with the elements around it from the outermost on.
struct Text<'a> {
    text: &'a str,
    around: Vec<&'a str>,
}

/// The value of attribute `name` of the opening tag `tag`.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

/// The texts of `page` outside styles, scripts and charts.
fn texts(page: &str) -> Vec<Text<'_>> {
    const VOID: [&str; 4] = ["meta", "input", "br", "!doctype"];
    const SKIPPED: [&str; 4] = ["style", "script", "svg", "head"];
    let (mut found, mut around, mut skipped) = (Vec::new(), Vec::<&str>::new(), None);
    for piece in page.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        if let Some(until) = skipped {
            if tag.strip_prefix('/') != Some(until) {
                continue;
            }
            skipped = None;
        } else if SKIPPED.contains(&name) {
            skipped = Some(name);
            continue;
        } else if tag.starts_with('/') {
            let closed = around.pop().unwrap();
            assert!(closed.starts_with(name), "</{name}> closes <{closed}>");
        } else if !VOID.contains(&name) {
            around.push(tag);
        }
        if !text.trim().is_empty() {
            found.push(Text { text, around: around.clone() });
        }
    }
    assert!(around.is_empty(), "{around:?}");
    found
}

fn plain(text: &str) -> String {
    let text = text.replace('\u{a0}', " ").replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&quot;", "\"").replace("&#x27;", "'").replace("&#x2f;", "/").replace("&amp;", "&")
}

/// The words of `text` that hold a digit, without what stands around them.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || "–×()/".contains(c));
    let words = words.map(|word| word.trim_matches(|c: char| !c.is_ascii_digit() && c != '−'));
    words.filter(|word| word.contains(|c: char| c.is_ascii_digit()))
}

/// Everything that may stand on a page of what is in `json`: the words of its texts, and of its numbers
/// in all forms.
fn words_of(json: &Json, words: &mut BTreeSet<String>) {
    match json {
        Json::Number(number) => {
            let number = number.as_f64().unwrap();
            let forms = FORMS.split_whitespace().filter_map(|form| written(number, form));
            forms.for_each(|text| words.extend(numbers(&text).map(str::to_owned)));
        }
        Json::String(text) => words.extend(numbers(text).map(str::to_owned)),
        Json::Array(list) => {
            words.insert(list.len().to_string());
            for json in list {
                words_of(json, words);
            }
        }
        Json::Object(object) => {
            for json in object.values() {
                words_of(json, words);
            }
        }
        Json::Null | Json::Bool(_) => {}
    }
}

/// The place and the value of the innermost element with `data-at` around a text; of `data-in` without
/// one.
fn place<'a>(around: &[&str], report: &'a Json) -> Option<(String, Cow<'a, Json>)> {
    let inside = around.iter().rev().find_map(|tag| attribute(tag, "data-in"));
    let tag = around.iter().rev().find(|tag| attribute(tag, "data-at").is_some());
    let Some(tag) = tag else {
        return inside.map(|it| (it.to_owned(), Cow::Borrowed(report.pointer(it).unwrap())));
    };
    let find = |name: &str| {
        let pointer = attribute(tag, name)?;
        let whole = if pointer.starts_with('/') {
            pointer.to_owned()
        } else {
            format!("{}/{pointer}", inside.unwrap())
        };
        let value = report.pointer(&whole).unwrap_or_else(|| panic!("report.json has no {whole}"));
        Some((whole, value))
    };
    let (pointer, value) = find("data-at")?;
    let Some(shown) = attribute(tag, "data-value") else {
        return Some((pointer, Cow::Borrowed(value)));
    };
    let mut number = value.as_f64().unwrap();
    if let Some((_, divisor)) = find("data-per") {
        number /= divisor.as_f64().unwrap();
    }
    if let Some(times) = attribute(tag, "data-times") {
        number *= times.parse::<f64>().unwrap();
    }
    let shown: f64 = shown.parse().unwrap();
    assert!(
        shown.total_cmp(&number).is_eq(),
        "{pointer}: {shown} on the page, {number} in the file"
    );
    Some((pointer, Cow::Owned(Json::from(number))))
}

/// Holds each figure of `page` against `report`; their number.
fn check(page: &str, report: &str) -> usize {
    let report: Json = serde_json::from_str(report).unwrap();
    let mut checked = 0;
    for Text { text, around } in texts(page) {
        let text = plain(text);
        if around
            .iter()
            .any(|tag| tag.starts_with("option") || tag.ends_with("labelledby=\"selftest\""))
        {
            continue;
        }
        let Some((pointer, value)) = place(&around, &report) else {
            for number in numbers(&text).filter(|_| !around.last().unwrap().starts_with("code")) {
                let is_constant = CONSTANTS.split(' ').any(|constant| constant == number);
                assert!(
                    is_constant,
                    "{number} in {text:?} is of no figure of report.json: {around:?}"
                );
            }
            continue;
        };
        checked += 1;
        match value.as_ref() {
            Json::String(whole) => {
                let whole = whole.replace('`', "");
                let selector = SelectorName::from_name(&whole).map(SelectorName::in_words);
                let is_name = selector == Some(text.trim()) || outcome_in_words(&whole) == text;
                let is_said = is_name || whole.contains(text.trim());
                assert!(is_said, "{pointer}: {text:?} is not in {whole:?}");
            }
            Json::Number(number) => {
                let number = number.as_f64().unwrap();
                let mut forms = FORMS.split_whitespace().filter_map(|form| written(number, form));
                assert!(forms.any(|form| form == text.trim()), "{pointer}: {text:?} of {number}");
            }
            other => {
                if numbers(&text).next().is_none() {
                    continue;
                }
                let mut words = BTreeSet::new();
                words_of(other, &mut words);
                for number in numbers(&text) {
                    assert!(words.contains(number), "{pointer}: {number} in {text:?}");
                }
            }
        }
    }
    checked
}

#[test]
fn every_number_of_every_page_is_in_report_json() {
    let (decision, provenance) = fixture::decision();
    let model = DecisionModel::new(&decision);
    let record = DecisionRecord {
        schema: SCHEMA,
        decision: &model,
        provenance: &provenance,
        evidence: &decision,
    };
    assert!(check(&decision_page(&model, &provenance), &to_json(&record)) > 500);
    let evidence = ReportEvidence { decision: Some(decision.clone()), ..fixture::evidence() };
    let model = Model::new(&evidence);
    let report = to_json(&ReportRecord { schema: SCHEMA, report: &model, evidence: &evidence });
    for ((name, page), least) in pages(&model).into_iter().zip([500, 200, 50]) {
        let checked = check(&page, &report);
        assert!(checked > least, "{name}: {checked}");
    }
}

#[test]
fn the_summary_says_what_the_first_screen_says() {
    let (decision, provenance) = fixture::decision();
    let provenance = Provenance { next: Some("neonbench run --dry-run".to_owned()), ..provenance };
    let model = DecisionModel::new(&decision);
    let summary = decision_summary(&model, &provenance).replace(['\\', '`', '*'], "");
    let page = decision_page(&model, &provenance);
    let mut compared = 0;
    for Text { text, around } in texts(&page) {
        let is_answer = around.iter().any(|tag| tag.starts_with("section class=\"answer\""));
        let at = around.iter().rev().find_map(|tag| attribute(tag, "data-at"));
        // The axis belongs to the picture.
        if is_answer && at.is_some_and(|at| !at.ends_with("/axis_s")) {
            let text = plain(text);
            assert!(summary.contains(text.trim()), "{at:?}: {text:?} is not in {summary}");
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
#[should_panic(expected = "Migrating one account at a time (standard) takes ")]
fn a_page_of_other_runs_is_found_out() {
    let (decision, provenance) = fixture::decision();
    let mut other = decision.clone();
    other.league[0].runs[0].makespan_s += 1.0;
    let (model, others) = (DecisionModel::new(&decision), DecisionModel::new(&other));
    let record = DecisionRecord {
        schema: SCHEMA,
        decision: &others,
        provenance: &provenance,
        evidence: &other,
    };
    check(&decision_page(&model, &provenance), &to_json(&record));
}

#[test]
#[should_panic(expected = "is of no figure")]
fn a_number_without_a_place_is_found_out() {
    check("<p>It takes 43 minutes.</p>", "{}");
}
