//! One of the guide's examples: its rows, and what they say of one another.

use super::row::{self, OwnRow, RowModel};
use super::{Example, RowEvidence};
use crate::report::shared::claimed::TOLERANCE;
use crate::text::{count, duration, join_and};
use neonbench_engine::engine::Strategy;
use serde::Serialize;

/// One of the guide's examples.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ExampleModel {
    pub number: u32,
    pub accounts: u64,
    pub mappings: u32,
    pub profile: String,
    pub profile_digest: String,
    pub rows: Vec<RowModel>,
    /// The strategies that the guide does not list here.
    pub ours: Vec<OwnRow>,
    /// The fastest strategy whose runs are all valid.
    pub fastest: Option<Strategy>,
    /// Largest ÷ smallest time per call that the guide's rows imply.
    pub implied_spread: f64,
    /// True if the guide's rows imply one time per call.
    pub agrees: bool,
    /// The times per call that the guide's rows imply, in words.
    pub implied: String,
    /// True if the guide's order of the strategies is the measured one.
    pub order_holds: bool,
    /// The physical limit, in seconds.
    pub lower_bound_s: f64,
}

impl ExampleModel {
    /// `Example 1: 500 accounts × 8 mappings`.
    pub fn title(&self) -> String {
        let Self { number, accounts, mappings, .. } = self;
        format!("Example {number}: {} accounts × {mappings} mappings", count(*accounts))
    }

    /// Puts the rows of `example` beside its claims.
    pub(crate) fn new(example: &Example, evidence: &[RowEvidence]) -> Self {
        let claims = example.claims.iter();
        let mut rows: Vec<RowModel> = claims
            .clone()
            .filter_map(|claim| {
                let of_row = |row: &&RowEvidence| {
                    row.example == example.number && row.strategy == claim.strategy
                };
                Some(RowModel::new(claim, evidence.iter().find(of_row)?))
            })
            .collect();
        let own = |row: &&RowEvidence| {
            row.example == example.number
                && claims.clone().all(|claim| claim.strategy != row.strategy)
        };
        let mut ours: Vec<OwnRow> = evidence.iter().filter(own).map(OwnRow::new).collect();
        row::compare(&mut rows, &mut ours);
        let record = evidence.iter().find(|row| row.example == example.number);
        let record = record.and_then(|row| row.runs.first());
        let implied = || rows.iter().map(|row| row.implied_call_s);
        let implied_spread = implied().fold(0.0, f64::max) / implied().fold(f64::MAX, f64::min);
        Self {
            number: example.number,
            accounts: example.accounts,
            mappings: example.mappings,
            profile: record.map_or_else(String::new, |record| record.profile.clone()),
            profile_digest: record.map_or_else(String::new, |record| record.profile_digest.clone()),
            fastest: row::fastest(&rows),
            implied_spread,
            agrees: implied_spread < 1.0 + TOLERANCE,
            implied: implied_in_words(&rows),
            order_holds: row::order_holds(&rows),
            lower_bound_s: record.map_or(0.0, |record| record.lower_bound_s),
            ours,
            rows,
        }
    }
}

/// `standard and parallel: 338 ms; put_batch: 480 ms; hybrid: 1.08 s`.
fn implied_in_words(rows: &[RowModel]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows {
        let (time, name) = (duration(row.implied_call_s), row.strategy.to_string());
        match groups.iter_mut().find(|(known, _)| *known == time) {
            Some((_, names)) => names.push(name),
            None => groups.push((time, vec![name])),
        }
    }
    let group = |(time, names): &(String, Vec<String>)| format!("{}: {time}", join_and(names));
    groups.iter().map(group).collect::<Vec<_>>().join("; ")
}

/// All rows of `examples`.
pub(crate) fn rows(examples: &[ExampleModel]) -> impl Iterator<Item = &RowModel> + Clone {
    examples.iter().flat_map(|example| &example.rows)
}
