//! The first screen of a decision: four figures beside the recommendation, and what it rests on.

use super::{RankedStrategy, Validity};
use crate::report::decision::Decision;
use crate::report::model::{Fact, Tone};
use crate::text::{count, duration, plural, share, sig3};
use neonbench_engine::engine::{Guard, WriteMode};
use neonbench_engine::record::WorldName;

/// The bars' axis ends at the longest time, or else at so many times the shortest: beyond that the
/// short bars could not be told apart.
const LONGEST_BAR: f64 = 12.0;

/// Edits at risk per 1,000 accounts from which on they are worth a second look.
const MANY_AT_RISK: f64 = 0.5;

/// Accounts as planned, refused calls, edits of colleagues, and the way back: of `row`, the strategy to
/// use, or the first of those of which none is good enough.
pub(super) fn facts(decision: &Decision, row: &RankedStrategy, dry_run: bool) -> Vec<Fact> {
    vec![correct(decision, row), refused(row), edits(row, dry_run), undone(dry_run)]
}

fn correct(decision: &Decision, row: &RankedStrategy) -> Fact {
    let of = plural(decision.resources, "account");
    let runs = plural(row.runs, "run");
    let each = if row.runs == 1 { "the run".to_owned() } else { format!("each of {runs}") };
    if !row.is_valid {
        let label = format!("do not end as planned: {}", row.fault);
        return Fact { value: "Accounts".to_owned(), label, tone: Tone::Bad };
    }
    if row.failed > 0.0 {
        let value = format!("{} of {}", sig3(row.failed), count(decision.resources));
        let label = format!("accounts fail per run of {}, averaged over {runs}", row.name);
        return Fact { value, label, tone: Tone::Bad };
    }
    let (value, verb) = match decision.resources {
        1 => (of, "ends"),
        _ => (format!("All {of}"), "end"),
    };
    let label = format!("{verb} up as planned in {each}, checked against the server's records");
    Fact { value, label, tone: Tone::Good }
}

fn refused(row: &RankedStrategy) -> Fact {
    Fact {
        value: share(row.refused),
        label: if row.refused > 0.0 {
            "of the calls are refused (429) and retried".to_owned()
        } else {
            "of the calls are refused (429)".to_owned()
        },
        tone: if row.refused > super::CLIFF { Tone::Mixed } else { Tone::Good },
    }
}

/// Edits of colleagues: overwritten, or at risk where nobody edited.
fn edits(row: &RankedStrategy, dry_run: bool) -> Fact {
    let edits = row.edits;
    if dry_run {
        let label = "by colleagues is at risk: a dry run writes nothing".to_owned();
        return Fact { value: "No edit".to_owned(), label, tone: Tone::Good };
    }
    let guard = match row.guard {
        Guard::None => "; `--guard reread` lowers the risk",
        Guard::Reread => ", though each account is read again before it is written",
    };
    if edits.edits_during_run == 0.0 {
        let is_much = edits.edits_at_risk >= MANY_AT_RISK;
        let label = "per 1,000 accounts, if each account is edited once per hour (no colleague edited in these runs)";
        return Fact {
            value: format!("{} edits at risk", sig3(edits.edits_at_risk)),
            label: format!("{label}{}", if is_much { guard } else { "" }),
            tone: if is_much { Tone::Mixed } else { Tone::Good },
        };
    }
    let runs = plural(edits.edits_runs, "run");
    let [fewest, most] = edits.edits_overwritten_range;
    let of = sig3(edits.edits_during_run);
    if edits.edits_overwritten > 0.0 {
        let label =
            format!("by colleagues are overwritten per run ({fewest} to {most} in {runs}){guard}");
        let value = format!("{} of {of} edits", sig3(edits.edits_overwritten));
        return Fact { value, label, tone: Tone::Bad };
    }
    let label = format!("by colleagues were overwritten per run, in {runs}");
    Fact { value: format!("0 of {of} edits"), label, tone: Tone::Good }
}

fn undone(dry_run: bool) -> Fact {
    let (value, label) = if dry_run {
        ("Dry run", "nothing is written, so there is nothing to undo")
    } else {
        (
            "Can be undone",
            "with `neonbench undo`: a run over HTTP records the old values in a journal",
        )
    };
    Fact { value: value.to_owned(), label: label.to_owned(), tone: Tone::Good }
}

fn runs_over_http(decision: &Decision) -> bool {
    decision.league.iter().flat_map(|one| &one.runs).any(|run| run.world == WorldName::Http)
}

/// Sentences: one per thing measured or assumed.
pub(super) fn sure(decision: &Decision) -> Vec<String> {
    let mut sentences = Vec::new();
    if runs_over_http(decision) {
        sentences.push(
            "These are stored runs, as they were made: nothing was simulated for this page."
                .to_owned(),
        );
        return sentences;
    }
    let of = &decision.profile;
    let Some(basis) = decision.service_times else {
        return vec![format!("Simulated in virtual time under profile {of}.")];
    };
    if basis.read_mean_s <= 0.0 && basis.write_mean_s <= 0.0 {
        return vec![format!("Simulated under profile {of}, whose calls take no time.")];
    }
    let means = format!(
        "{} per read and {} per write on average",
        duration(basis.read_mean_s),
        duration(basis.write_mean_s)
    );
    if let Some(calls) = basis.measured_calls {
        sentences.push(format!(
            "These times are simulated with measured service times: those of profile {of} ({means}) come from {}.",
            plural(calls, "call")
        ));
    } else {
        sentences.push(format!(
            "These times are simulated with assumed service times: {means} (profile {of}). Neon publishes none."
        ));
        sentences.push(
            "Measure yours with `neonbench probe --base-url URL --org-id ORG --write \
             mine.toml` (at most 60 calls), then make this page again with `--profile mine.toml`."
                .to_owned(),
        );
    }
    sentences
}

/// The physical limit, in a sentence.
pub(super) fn limit(row: &RankedStrategy, dry_run: bool) -> String {
    let Some([same_s, any_s]) = row.lower_bounds_s else {
        return "There is no lower bound: the profile has no limits.".to_owned();
    };
    let by = match row.write {
        _ if dry_run => "",
        WriteMode::Patch => " that writes by PATCH",
        WriteMode::Put => " that writes by PUT",
        WriteMode::Both => " that writes by PATCH and PUT",
    };
    let side_by_side = if same_s > 1.01 * any_s {
        format!(" ({} by PATCH and PUT side by side)", duration(any_s))
    } else {
        String::new()
    };
    format!(
        "The lower bound is {}: under Neon's limits, no client{by} can be faster on average{side_by_side}.",
        duration(same_s)
    )
}

/// The end of the bars' axis, in seconds.
pub(super) fn axis_s(league: &[RankedStrategy]) -> f64 {
    let times = || league.iter().filter(|row| row.is_valid).map(|row| row.makespan_s[2]);
    let longest = times().fold(0.0, f64::max);
    let medians = league.iter().filter(|row| row.is_valid).map(|row| row.makespan_s[1]);
    let shortest = medians.fold(f64::MAX, f64::min);
    longest.min(LONGEST_BAR * shortest)
}

/// Audits and losses of all runs, in a sentence with its tone.
pub(super) fn audits(all: &Validity, seeds: &str) -> Fact {
    let runs = plural(all.runs, "run");
    let (tone, text) = if all.valid < all.runs {
        let failed = all.runs - all.valid;
        (Tone::Bad, format!("{} of {runs} failed their audit: inconclusive", count(failed)))
    } else if all.failed > 0 {
        let of = plural(all.accounts, "account");
        (
            Tone::Mixed,
            format!("{runs} passed their audit, but {} of {of} failed", count(all.failed)),
        )
    } else if all.lost_updates > 0 {
        let edits = plural(all.edits, "edit");
        let lost = count(all.lost_updates);
        (
            Tone::Mixed,
            format!(
                "{runs} passed their audit, but {lost} of {edits} by colleagues were overwritten"
            ),
        )
    } else {
        let accounts = plural(all.accounts, "account");
        (Tone::Good, format!("{runs} passed their audit: {accounts} checked"))
    };
    Fact { value: text, label: seeds.to_owned(), tone }
}
