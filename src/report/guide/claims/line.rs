//! The guide's claims in words: claimed value, measured value, verdict.

use super::{ClaimVerdict, Tested};
use crate::report::shared::claimed::{Claimed, measured, trimmed, written};
use crate::report::shared::fact::Tone;
use serde::Serialize;

/// One claim on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ClaimLine {
    pub id: String,
    pub says: String,
    /// Section of the guide.
    pub section: String,
    pub claimed: String,
    /// The measured figure, or the least and the most of its cases.
    pub measured: String,
    /// Cases in which it holds, of all: empty where there is one.
    pub cases: String,
    pub tone: Tone,
    pub verdict: &'static str,
}

impl ClaimLine {
    /// `claim` on one line.
    pub(crate) fn new(claim: &Tested) -> Self {
        let (tone, verdict) = tone_and_word(claim);
        let found: Vec<f64> = claim.cases.iter().filter_map(|case| case.measured).collect();
        let least = found.iter().copied().min_by(f64::total_cmp);
        let most = found.iter().copied().max_by(f64::total_cmp);
        let word = |it: f64| measured(claim.figure, it);
        let figures = match (least.map(word), most.map(word)) {
            (Some(least), Some(most)) if least == most => most,
            (Some(least), Some(most)) => format!("{} to {most}", least.trim_end_matches(" %")),
            _ => "no valid run".to_owned(),
        };
        let held = claim.cases.iter().filter(|case| case.holds).count();
        let cases = claim.cases.len();
        Self {
            id: claim.id.clone(),
            says: claim.says.clone(),
            section: claim.section.clone(),
            claimed: claimed(claim),
            measured: figures,
            cases: if cases > 1 { format!("{held} of {cases}") } else { String::new() },
            tone,
            verdict,
        }
    }
}

/// The numbers of `claims` that hold, as the ledger's title.
pub(crate) fn title(claims: &[Tested]) -> String {
    let of = |verdict| claims.iter().filter(|claim| claim.standing() == verdict).count();
    format!(
        "{} of its {} claims hold in every case, {} in some, {} in none",
        of(ClaimVerdict::Holds),
        claims.len(),
        of(ClaimVerdict::HoldsInSome),
        of(ClaimVerdict::Fails)
    )
}

/// The verdict on `claim`: its tone and its word.
fn tone_and_word(claim: &Tested) -> (Tone, &'static str) {
    match claim.standing() {
        ClaimVerdict::Holds => (Tone::Good, "holds"),
        ClaimVerdict::HoldsInSome => (Tone::Mixed, "in part"),
        ClaimVerdict::Fails => (Tone::Bad, "does not hold"),
    }
}

/// A claim's value with its unit: `10 to 20 times as fast`, `at most 10 % of the calls refused`.
pub(crate) fn claimed(claim: &Tested) -> String {
    let value = |it| written(claim.figure, it, trimmed);
    let words = claim.figure.words();
    if matches!(claim.claimed, Claimed { is: Some(is), .. } if (is - 1.0).abs() < 1e-9) {
        match (words, words.strip_prefix("times the ")) {
            (_, Some(noun)) => return format!("the same {noun}"),
            ("minutes", _) => return "1 minute".to_owned(),
            ("times as fast", _) => return "equally fast".to_owned(),
            _ => {}
        }
    }
    let range = match claim.claimed {
        Claimed { is: Some(is), .. } => value(is),
        Claimed { from: Some(from), to: Some(to), .. } => {
            format!("{} to {}", value(from).trim_end_matches(" %"), value(to))
        }
        Claimed { from: Some(from), .. } => format!("at least {}", value(from)),
        Claimed { to: Some(to), .. } => format!("at most {}", value(to)),
        Claimed { .. } => "nothing".to_owned(),
    };
    format!("{range} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn claims_say_what_is_claimed_what_was_found_and_where_it_holds() {
        let ledger = evidence().ledger.unwrap();
        assert_eq!(
            title(&ledger.claims),
            "1 of its 3 claims hold in every case, 1 in some, 1 in none"
        );
        let [calls, bulk, parallel] = ledger.claims.as_slice() else { panic!("three rows") };
        assert_eq!(claimed(calls), "50 to 90 % of the calls saved");
        assert_eq!(tone_and_word(calls), (Tone::Mixed, "in part"));
        let line = ClaimLine::new(calls);
        assert_eq!(
            (&*line.measured, &*line.cases, line.tone),
            ("0 to 95.0 %", "4 of 7", Tone::Mixed)
        );
        let found = calls.cases.iter().map(|case| measured(calls.figure, case.measured.unwrap()));
        let found: Vec<_> = found.collect();
        assert_eq!(found, ["0 %", "50.0 %", "60.0 %", "80.0 %", "90.0 %", "91.0 %", "95.0 %"]);
        assert_eq!(calls.cases.iter().filter(|case| case.holds).count(), 4);
        assert_eq!(calls.verdict(), "holds where: 2 mappings; 3 mappings; 5 mappings; 8 mappings");
        assert_eq!(tone_and_word(bulk), (Tone::Bad, "does not hold"));
        assert_eq!(tone_and_word(parallel), (Tone::Good, "holds"));
    }
}
