//! The guide's claims in words: claimed value, measured value, verdict.

use crate::report::claims::ledger::{
    ClaimVerdict, Claimed, Figure, Tested, TestedCase, Untestable,
};
use crate::report::evidence::LedgerSample;
use crate::text::{count, sig3};
use serde::Serialize;

/// The ledger.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LedgerModel {
    /// The numbers of claims that hold, in words.
    pub title: String,
    /// Claims that hold in every case.
    pub everywhere: u64,
    /// Claims that hold in some.
    pub somewhere: u64,
    /// Claims that hold in none.
    pub nowhere: u64,
    /// Runs of each trial.
    pub seeds: u64,
    /// In the guide's order.
    pub rows: Vec<ClaimRow>,
    /// Claims that no run can test.
    pub untestable: Vec<Untestable>,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ClaimRow {
    pub id: String,
    pub section: String,
    pub says: String,
    /// `10 to 20 times as fast`.
    pub claimed: String,
    pub cases: Vec<ClaimCase>,
    pub standing: ClaimVerdict,
    /// A name of a colour and a mark.
    pub tone: &'static str,
    /// `holds where`.
    pub word: &'static str,
    /// The verdict with the cases that hold.
    pub verdict: String,
}

/// A case of a claim.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ClaimCase {
    /// Its name, for people.
    pub name: String,
    /// The measured figure, in words.
    pub measured: String,
    /// True if the claim holds there.
    pub holds: bool,
}

impl LedgerModel {
    pub(super) fn new(sample: &LedgerSample) -> Self {
        let rows: Vec<ClaimRow> = sample.claims.iter().map(ClaimRow::new).collect();
        let of = |standing| rows.iter().filter(|row| row.standing == standing).count() as u64;
        let everywhere = of(ClaimVerdict::Holds);
        let somewhere = of(ClaimVerdict::HoldsInSome);
        let nowhere = of(ClaimVerdict::Fails);
        let title = format!(
            "The guide's claims, one by one: {everywhere} of {} hold everywhere, {somewhere} in some \
             cases, {nowhere} in none",
            rows.len()
        );
        let (seeds, untestable) = (sample.seeds, sample.untestable.clone());
        Self { title, everywhere, somewhere, nowhere, seeds, rows, untestable }
    }
}

impl ClaimRow {
    fn new(tested: &Tested) -> Self {
        let standing = tested.standing();
        let (tone, word) = match standing {
            ClaimVerdict::Holds => ("good", "holds"),
            ClaimVerdict::HoldsInSome => ("mixed", "holds where"),
            ClaimVerdict::Fails => ("bad", "does not hold"),
        };
        let figure = tested.figure;
        let case = |case: &TestedCase| ClaimCase {
            name: case.name.clone(),
            measured: case.measured.map_or_else(|| "invalid".to_owned(), |it| value(figure, it)),
            holds: case.holds,
        };
        Self {
            id: tested.id.clone(),
            section: tested.section.clone(),
            says: tested.says.clone(),
            claimed: format!("{} {}", claimed(figure, tested.claimed), figure.words()),
            cases: tested.cases.iter().map(case).collect(),
            standing,
            tone,
            word,
            verdict: tested.verdict(),
        }
    }
}

/// `10 to 20`, `at most 10 %`.
fn claimed(figure: Figure, claimed: Claimed) -> String {
    let value = |it| value(figure, it);
    match claimed {
        Claimed { is: Some(is), .. } => value(is),
        Claimed { from: Some(from), to: Some(to), .. } => {
            format!("{} to {}", value(from).trim_end_matches(" %"), value(to))
        }
        Claimed { from: Some(from), .. } => format!("at least {}", value(from)),
        Claimed { to: Some(to), .. } => format!("at most {}", value(to)),
        Claimed { .. } => "nothing".to_owned(),
    }
}

/// A figure as people read it: `87.5 %`, `10,000`, `2.31`.
fn value(figure: Figure, it: f64) -> String {
    let scaled = if figure.is_share() { it * 100.0 } else { it };
    let plain = if scaled >= 1_000.0 { count(scaled.round() as u64) } else { trimmed(scaled) };
    if figure.is_share() { format!("{plain} %") } else { plain }
}

/// Three digits at most, without zeros at the end.
pub(crate) fn trimmed(number: f64) -> String {
    let text = sig3(number);
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn rows_say_what_is_claimed_what_was_found_and_where_it_holds() {
        let model = LedgerModel::new(&evidence().ledger.unwrap());
        assert_eq!(
            model.title,
            "The guide's claims, one by one: 1 of 3 hold everywhere, 1 in some cases, 1 in none"
        );
        let [calls, bulk, parallel] = model.rows.as_slice() else { panic!("three rows") };
        assert_eq!(calls.claimed, "50 to 90 % of the calls saved");
        assert_eq!((calls.word, calls.tone), ("holds where", "mixed"));
        let found: Vec<_> = calls.cases.iter().map(|case| case.measured.as_str()).collect();
        assert_eq!(found, ["0 %", "50 %", "60 %", "80 %", "90 %", "91 %", "95 %"]);
        assert_eq!(calls.cases.iter().filter(|case| case.holds).count(), 4);
        assert_eq!(calls.verdict, "holds where: 2 mappings; 3 mappings; 5 mappings; 8 mappings");
        assert_eq!((bulk.word, bulk.cases[0].measured.as_str()), ("does not hold", "2"));
        assert_eq!((parallel.word, parallel.tone), ("holds", "good"));
        assert!(!model.untestable.is_empty());
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(value(Figure::Calls, 10_000.0), "10,000");
        assert_eq!(value(Figure::RefusedShare, 0.005), "0.5 %");
        assert_eq!(value(Figure::TimeSaved, -0.021), "−2.1 %");
        assert_eq!(value(Figure::Minutes, 2.057), "2.06");
        assert_eq!(value(Figure::CallsSaved, -0.0), "0 %");
    }
}
