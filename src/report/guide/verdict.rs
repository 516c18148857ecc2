//! The verdict: a summary for readers of nothing else.

use crate::report::shared::claimed::TOLERANCE;
use crate::report::shared::fact::{Fact, Tone};
use crate::report::shared::rows::{ExampleModel, RowModel, WORKERS, rows};
use crate::report::shared::validity::Validity;
use crate::text::{count, duration, join_and, percent, plural};
use neonbench_engine::engine::Strategy;
use serde::Serialize;
use std::fmt::Write as _;

/// The verdict.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ReportVerdict {
    /// The strategy to use for the page's own decision; without one the fastest of the guide's rows.
    pub headline: String,
    /// The fastest of the guide's rows, the times and the end of the accounts, in words.
    pub times: String,
    /// The shares of the guide's tables that hold, in words.
    pub guide: String,
    /// The four figures behind it.
    pub facts: Vec<Fact>,
}

impl ReportVerdict {
    /// The verdict on `examples`; `http` is the figure of the sample over HTTP, `decided` the headline of the
    /// page's own decision.
    pub(crate) fn new(
        examples: &[ExampleModel],
        validity: &Validity,
        http: Fact,
        decided: Option<String>,
    ) -> Self {
        let facts = vec![calls_fact(examples), times_fact(examples), audit_fact(validity), http];
        let measured = fastest(examples);
        let rest = format!("{} {}", times(examples), ended(validity));
        let (headline, times) = match decided {
            Some(headline) => (headline, format!("{measured}. {rest}")),
            None => (measured, rest),
        };
        Self { headline, times, guide: guide(examples), facts }
    }
}

/// The fastest of the rows that the guide lists: what was measured, and no advice, since it lists neither
/// every strategy for every example nor any of ours.
fn fastest(examples: &[ExampleModel]) -> String {
    let mut groups: Vec<(Strategy, Vec<String>)> = Vec::new();
    let mut factors = Vec::new();
    for example in examples {
        let Some(fastest) = example.fastest else { continue };
        let number = example.number.to_string();
        match groups.iter_mut().find(|(strategy, _)| *strategy == fastest) {
            Some((_, numbers)) => numbers.push(number),
            None => groups.push((fastest, vec![number])),
        }
        factors.extend(row_of(example, fastest).and_then(|row| row.speed_up));
    }
    if groups.is_empty() {
        return "No strategy can be compared: every one has a run that failed its audit".into();
    }
    let group = |(strategy, numbers): &(Strategy, Vec<String>)| {
        let noun = if numbers.len() == 1 { "example" } else { "examples" };
        format!("{strategy} in {noun} {}", join_and(numbers))
    };
    let groups: Vec<String> = groups.iter().map(group).collect();
    let factors = factors_in_words(&factors)
        .map_or_else(String::new, |factors| format!(", {factors} times as fast as standard"));
    format!(
        "Among the strategies that the guide lists, the fastest is {}{factors}",
        join_and(&groups)
    )
}

/// A sentence that says how many accounts did not end as planned, or how many runs are invalid.
fn ended(validity: &Validity) -> String {
    match (validity.runs - validity.valid, validity.not_as_planned()) {
        (0, 0) => "Every account ended as planned.".to_owned(),
        (0, missing) => format!("{} did not end as planned.", plural(missing, "account")),
        (1, _) => "1 run is invalid, and its row not ranked.".to_owned(),
        (invalid, _) => format!("{} runs are invalid, and their rows not ranked.", count(invalid)),
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
        let fastest = duration(fastest_s);
        Some(format!("{fastest} for {accounts} accounts × {mappings} mappings{than}"))
    };
    let times: Vec<String> = examples.iter().filter_map(time).collect();
    if times.is_empty() {
        return "There is no time to report.".to_owned();
    }
    format!(
        "With the guide's {WORKERS} workers, and service times fitted to its own times, the fastest takes {}.",
        join_and(&times)
    )
}

fn held(examples: &[ExampleModel], holds: impl Fn(&RowModel) -> bool) -> (usize, usize) {
    (rows(examples).filter(|row| holds(row)).count(), rows(examples).count())
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
        label: "of its call counts are reproduced exactly".to_owned(),
        tone: if held == rows { Tone::Good } else { Tone::Bad },
    }
}

fn times_fact(examples: &[ExampleModel]) -> Fact {
    let (held, rows) = held(examples, |row| row.time_holds);
    Fact {
        value: format!("{held} of {rows}"),
        label: format!("of its times are within {}", percent(TOLERANCE)),
        tone: tone(held, rows),
    }
}

fn audit_fact(validity: &Validity) -> Fact {
    let Validity { runs, valid, accounts, edits, lost_updates, .. } = *validity;
    let missing = validity.not_as_planned();
    let mut label = format!("runs valid: {} accounts as planned", count(accounts - missing));
    if missing > 0 {
        let _ = write!(label, ", {} not", count(missing));
    }
    if edits > 0 {
        let [overwritten, edits] = [lost_updates, edits].map(count);
        let _ = write!(label, "; {overwritten} of {edits} edits of colleagues overwritten");
    }
    let tone = match (valid == runs && missing == 0, lost_updates) {
        (true, 0) => Tone::Good,
        (true, _) => Tone::Mixed,
        (false, _) => Tone::Bad,
    };
    Fact { value: format!("{} of {}", count(valid), count(runs)), label, tone }
}
