//! The first screen of a decision: the recommendation, four figures beside it, and what it rests on.

mod words;

use crate::experiment::Goal;
use crate::report::shared::fact::{Fact, Tone};
use crate::report::shared::league::{CLIFF, ErrorGroup, RankedStrategy, StrategyRuns};
use crate::text::{count, duration, plural, share, sig3};
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Guard, WriteMode};
use neonbench_engine::record::WorldName;
use serde::{Deserialize, Serialize};

/// The mean service times of a profile, and their origin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ServiceTimeBasis {
    pub read_mean_s: f64,
    pub write_mean_s: f64,
    /// Calls that they were fitted to; `None` where they are assumed, or were changed since.
    pub measured_calls: Option<u64>,
}

impl ServiceTimeBasis {
    /// The service times of `profile`.
    pub fn of(profile: &Profile) -> Self {
        let mean_s = |endpoint| profile.law(endpoint).mean().as_secs_f64();
        Self {
            read_mean_s: mean_s(Endpoint::GetAccount),
            write_mean_s: mean_s(Endpoint::PatchAccount),
            measured_calls: profile.evidence().map(|it| it.calls.len() as u64 + it.admitted),
        }
    }
}

/// A decision with what was found of it, to be told in sentences.
pub(crate) struct Told<'a> {
    pub(crate) resources: u64,
    pub(crate) mappings: u64,
    pub(crate) profile: &'a str,
    pub(crate) service_times: Option<ServiceTimeBasis>,
    pub(crate) goal: &'a Goal,
    pub(crate) runs: &'a [StrategyRuns],
    /// Their failures, the most frequent first.
    pub(crate) failures: &'a [ErrorGroup],
    /// Ranked, the best first.
    pub(crate) league: &'a [RankedStrategy],
    /// Number of those that tie for the first place; 0 if none is good enough.
    pub(crate) tied: usize,
    /// True if nothing was to be written.
    pub(crate) dry_run: bool,
}

/// The bars' axis ends at the longest time, or else at so many times the shortest: beyond that the
/// short bars could not be told apart.
const LONGEST_BAR: f64 = 12.0;

/// Edits at risk per 1,000 accounts from which on they are worth a second look.
const MANY_AT_RISK: f64 = 0.5;

impl Told<'_> {
    /// Accounts as planned, refused calls, edits of colleagues, and the way back: of the strategy to use, or
    /// of the first of those of which none is good enough.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let Some(row) = self.league.first() else { return Vec::new() };
        vec![self.correct(row), refused(row), self.edits(row), self.undone(row)]
    }

    fn correct(&self, row: &RankedStrategy) -> Fact {
        let Self { resources, dry_run, .. } = *self;
        let of = plural(resources, "account");
        let runs = plural(row.runs, "run");
        let each = if row.runs == 1 { "the run".to_owned() } else { format!("each of {runs}") };
        if !row.is_valid {
            let label = format!("do not end as planned: {}", row.fault);
            return Fact { value: "Accounts".to_owned(), label, tone: Tone::Bad };
        }
        if row.failed > 0.0 {
            let value = format!("{} of {}", mean(row.failed), count(resources));
            let label = format!("accounts fail per run of {}, averaged over {runs}", row.name);
            return Fact { value, label, tone: Tone::Bad };
        }
        let (value, verb) = match (resources, dry_run) {
            (1, false) => (of, "ends up as planned"),
            (1, true) => (of, "stays as it is"),
            (_, false) => (format!("All {of}"), "end up as planned"),
            (_, true) => (format!("All {of}"), "stay as they are"),
        };
        let label = format!("{verb} in {each}, checked against the server's records");
        Fact { value, label, tone: Tone::Good }
    }

    /// Edits of colleagues: overwritten, or at risk where nobody edited.
    fn edits(&self, row: &RankedStrategy) -> Fact {
        let edits = row.edits;
        if let Some(why) = self.migrates_nothing(row) {
            let label = format!("by colleagues is at risk: {why}");
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
            let label = format!(
                "by colleagues are overwritten per run ({fewest} to {most} in {runs}){guard}"
            );
            let value = format!("{} of {of} edits", sig3(edits.edits_overwritten));
            return Fact { value, label, tone: Tone::Bad };
        }
        let label = format!("by colleagues were overwritten per run, in {runs}");
        Fact { value: format!("0 of {of} edits"), label, tone: Tone::Good }
    }

    /// The way back.
    fn undone(&self, row: &RankedStrategy) -> Fact {
        let (value, label, tone) = match self.migrates_nothing(row) {
            Some(why) if self.dry_run => ("Nothing to undo", why, Tone::Good),
            Some(why) => ("Nothing finished", why, Tone::Mixed),
            None => (
                "Can be undone",
                "with `neonbench undo`: a run over HTTP records the old values in a journal",
                Tone::Good,
            ),
        };
        Fact { value: value.to_owned(), label: label.to_owned(), tone }
    }

    /// Why no account is migrated, where none is.
    fn migrates_nothing(&self, row: &RankedStrategy) -> Option<&'static str> {
        if self.dry_run {
            return Some("a dry run writes nothing");
        }
        let own = self.runs.iter().filter(|one| one.name() == row.name);
        let all_fail = own
            .flat_map(|one| &one.runs)
            .all(|run| run.resources > 0 && run.records.failed == run.resources);
        all_fail.then_some("no account was migrated")
    }

    /// Sentences: one per thing measured or assumed.
    pub(crate) fn sure(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.runs.iter().flat_map(|one| &one.runs).any(|run| run.world == WorldName::Http) {
            sentences.push(
                "These are stored runs, as they were made: nothing was simulated for this page."
                    .to_owned(),
            );
            return sentences;
        }
        let of = self.profile;
        let Some(basis) = self.service_times else {
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
}

/// A mean number of accounts, without digits where it is whole.
fn mean(of: f64) -> String {
    if of.fract() == 0.0 { format!("{of}") } else { sig3(of) }
}

fn refused(row: &RankedStrategy) -> Fact {
    Fact {
        value: share(row.refused),
        label: if row.refused > 0.0 {
            "of the calls are refused (429) and retried".to_owned()
        } else {
            "of the calls are refused (429)".to_owned()
        },
        tone: if row.refused > CLIFF { Tone::Mixed } else { Tone::Good },
    }
}

/// The physical limit, in a sentence.
pub(crate) fn limit(row: &RankedStrategy, dry_run: bool) -> String {
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
pub(crate) fn axis_s(league: &[RankedStrategy]) -> f64 {
    let times = || league.iter().filter(|row| row.is_valid).map(|row| row.makespan_s[2]);
    let longest = times().fold(0.0, f64::max);
    let medians = league.iter().filter(|row| row.is_valid).map(|row| row.makespan_s[1]);
    let shortest = medians.fold(f64::MAX, f64::min);
    longest.min(LONGEST_BAR * shortest)
}
