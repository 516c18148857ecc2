//! The verdict: a summary for readers of nothing else.

use super::{ExampleModel, RowModel, Validity};
use crate::report::claims::WORKERS;
use crate::report::claims::ledger::TOLERANCE;
use crate::report::evidence::HttpSample;
use crate::text::{count, duration, join_and, percent, signed};
use neonbench_engine::engine::Strategy;
use serde::Serialize;

/// The verdict.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ReportVerdict {
    /// The strategy to use, its gain, and the losses.
    pub headline: String,
    /// The times, in words.
    pub times: String,
    /// The shares of the guide's tables that hold, in words.
    pub guide: String,
    /// The four figures behind it.
    pub facts: Vec<Fact>,
}

/// A figure to read at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Fact {
    /// The figure.
    pub value: String,
    /// Its name, for people.
    pub label: String,
    /// Its rating.
    pub tone: Tone,
}

/// The rating of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a second look.
    Mixed,
    /// Wrong.
    Bad,
}

impl ReportVerdict {
    pub(super) fn new(examples: &[ExampleModel], http: &HttpSample, validity: &Validity) -> Self {
        let facts =
            vec![calls_fact(examples), times_fact(examples), audit_fact(validity), http_fact(http)];
        Self {
            headline: headline(examples, validity),
            times: times(examples),
            guide: guide(examples),
            facts,
        }
    }

    /// All of it, as one paragraph.
    pub fn paragraph(&self) -> String {
        format!("{} {} {}", self.headline, self.times, self.guide)
    }
}

fn headline(examples: &[ExampleModel], validity: &Validity) -> String {
    let mut uses: Vec<(Strategy, Vec<String>)> = Vec::new();
    let mut factors = Vec::new();
    for example in examples {
        let Some(fastest) = example.fastest else { continue };
        let accounts = count(example.accounts);
        match uses.iter_mut().find(|(strategy, _)| *strategy == fastest) {
            Some((_, sizes)) => sizes.push(accounts),
            None => uses.push((fastest, vec![accounts])),
        }
        factors.extend(row_of(example, fastest).and_then(|row| row.speed_up));
    }
    let ended = match (validity.runs - validity.valid, validity.not_as_planned()) {
        (0, 0) => "every account as planned".to_owned(),
        (0, missing) => format!("{} accounts not migrated", count(missing)),
        (1, _) => "but 1 run is invalid, and its row not ranked".to_owned(),
        (invalid, _) => {
            format!("but {} runs are invalid, and their rows not ranked", count(invalid))
        }
    };
    if uses.is_empty() {
        return "No strategy can be recommended: every one has a run that failed its audit.".into();
    }
    let uses: Vec<String> = uses
        .iter()
        .map(|(strategy, sizes)| format!("{strategy} for {} accounts", join_and(sizes)))
        .collect();
    let uses = join_and(&uses);
    match factors_in_words(&factors) {
        Some(factors) => {
            format!(
                "Of the guide's strategies, use {uses}: {factors} times faster than standard, {ended}."
            )
        }
        None => format!("Of the guide's strategies, use {uses}: {ended}."),
    }
}

/// `2.8 to 23`; `None` if there is none.
fn factors_in_words(factors: &[f64]) -> Option<String> {
    let word = |factor: f64| {
        if factor < 9.95 { format!("{factor:.1}") } else { format!("{factor:.0}") }
    };
    let least = factors.iter().copied().min_by(f64::total_cmp).map(word)?;
    let most = factors.iter().copied().max_by(f64::total_cmp).map(word)?;
    Some(if least == most { least } else { format!("{least} to {most}") })
}

fn row_of(example: &ExampleModel, strategy: Strategy) -> Option<&RowModel> {
    example.rows.iter().find(|row| row.strategy == strategy)
}

fn times(examples: &[ExampleModel]) -> String {
    let time = |example: &ExampleModel| {
        let fastest_s = row_of(example, example.fastest?)?.median_s()?;
        let standard_s = row_of(example, Strategy::Standard).and_then(RowModel::median_s);
        let than = standard_s.map_or_else(String::new, |s| format!(" (standard {})", duration(s)));
        let accounts = count(example.accounts);
        let mappings = example.mappings;
        Some(format!("{accounts} accounts × {mappings} mappings in {}{than}", duration(fastest_s)))
    };
    let times: Vec<String> = examples.iter().filter_map(time).collect();
    if times.is_empty() {
        return "There is no time to report.".to_owned();
    }
    format!(
        "Simulated with {WORKERS} workers and service times fitted to the guide: {}.",
        join_and(&times)
    )
}

fn held(examples: &[ExampleModel], holds: impl Fn(&RowModel) -> bool) -> (usize, usize) {
    let rows = || examples.iter().flat_map(|example| &example.rows);
    (rows().filter(|row| holds(row)).count(), rows().count())
}

fn guide(examples: &[ExampleModel]) -> String {
    let (calls, rows) = held(examples, |row| row.calls_hold);
    let (times, _) = held(examples, |row| row.time_holds);
    let orders = examples.iter().filter(|example| example.order_holds).count();
    let at_odds: Vec<String> = examples
        .iter()
        .filter(|example| !example.agrees)
        .map(|example| example.number.to_string())
        .collect();
    let because = match at_odds.len() {
        0 => String::new(),
        1 => format!(": the times of example {} contradict one another", join_and(&at_odds)),
        _ => format!(": the times of examples {} contradict one another", join_and(&at_odds)),
    };
    format!(
        "The guide's call counts hold exactly in {calls} of {rows} rows, its order of strategies in \
         {orders} of {} examples, its times within {} in {times} of {rows} rows{because}.",
        examples.len(),
        percent(TOLERANCE),
    )
}

fn tone(held: usize, of: usize) -> Tone {
    if held == of { Tone::Good } else { Tone::Mixed }
}

fn calls_fact(examples: &[ExampleModel]) -> Fact {
    let (held, rows) = held(examples, |row| row.calls_hold);
    Fact {
        value: format!("{held} of {rows}"),
        label: "rows with exactly the guide's call count".to_owned(),
        tone: if held == rows { Tone::Good } else { Tone::Bad },
    }
}

fn times_fact(examples: &[ExampleModel]) -> Fact {
    let (held, rows) = held(examples, |row| row.time_holds);
    Fact {
        value: format!("{held} of {rows}"),
        label: format!("rows within {} of the guide's time", percent(TOLERANCE)),
        tone: tone(held, rows),
    }
}

fn audit_fact(validity: &Validity) -> Fact {
    let Validity { runs, valid, accounts, .. } = *validity;
    Fact {
        value: format!("{} of {}", count(valid), count(runs)),
        label: format!(
            "runs valid: {} accounts audited, {} not as planned",
            count(accounts),
            count(validity.not_as_planned())
        ),
        tone: if valid == runs && validity.not_as_planned() == 0 { Tone::Good } else { Tone::Bad },
    }
}

fn http_fact(http: &HttpSample) -> Fact {
    let Some(worst) = http.worst_deviation() else {
        let label = "no valid sample over real HTTP".to_owned();
        return Fact { value: "–".to_owned(), label, tone: Tone::Bad };
    };
    Fact {
        value: signed(worst),
        label: "largest difference of real HTTP from virtual time".to_owned(),
        tone: if worst.abs() <= 0.02 { Tone::Good } else { Tone::Mixed },
    }
}
