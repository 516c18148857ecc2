//! Results: JSON for programs, and a run's figures in words for people.

use super::args::OutputArgs;
use super::error::CliError;
pub(super) use super::table::table;
use super::terminal::{Emphasis, complain, emphasised, end_line, escape_controls};
pub(super) use super::terminal::{print, print_file};
use neon_mock::integration::Echo;
use neonbench::live::RunEnd;
pub(super) use neonbench::text::{
    AT_RISK, count, duration, edits_in_words, percent, plural, sig3, size, unmapped_in_words,
};
use neonbench_engine::engine::WriteMode;
use neonbench_engine::record::{
    AuditBy, AuditVerdict, ChosenBy, EditedField, ErrorDetail, Exposure, ProcessFigures,
    ResponseMs, RunRecord, UnmappedValues, WorldName,
};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use time::OffsetDateTime;

/// Failures that a summary lists.
const SHOWN: usize = 5;

/// The amount of output beside a command's result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verbosity {
    /// No progress, notes or warnings on standard error.
    pub(super) quiet: bool,
    /// Details of what is in order, too.
    pub(super) is_verbose: bool,
}

impl Verbosity {
    /// Says `text` on standard error, unless the user wants silence.
    pub(super) fn note(self, text: impl fmt::Display) {
        if !self.quiet {
            complain(text);
        }
    }
}

impl OutputArgs {
    /// Prints a result: `record` as JSON if asked to, else its text by `print`.
    ///
    /// Errors: standard output cannot be written.
    pub(super) fn show(
        self,
        record: &impl Serialize,
        print: impl FnOnce() -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        if self.json { print_json(record) } else { print() }
    }
}

/// Writes `value` as one JSON object to standard output.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    write_line(&serde_json::to_string_pretty(value).expect("records are JSON"))
}

/// Writes `value` as JSON on one line.
pub(super) fn print_json_line(value: &impl Serialize) -> Result<(), CliError> {
    write_line(&serde_json::to_string(value).expect("records are JSON"))
}

fn write_line(json: &str) -> Result<(), CliError> {
    end_line(writeln!(std::io::stdout(), "{json}"))
}

/// The audit's verdict in a few words.
pub(super) fn verdict(record: &RunRecord) -> String {
    let AuditVerdict { valid, faults, unreadable, .. } = &record.audit;
    if !faults.is_empty() {
        return emphasised(Emphasis::Bad, format_args!("INVALID: {}", faults.join("; ")));
    }
    if !valid {
        let unread = plural(*unreadable, "account");
        return emphasised(Emphasis::Warning, format_args!("inconclusive: {unread} unreadable"));
    }
    if record.audit.by == AuditBy::Nobody {
        return emphasised(Emphasis::Warning, "not made");
    }
    if record.edits.edits_overwritten > 0.0 {
        return emphasised(Emphasis::Warning, "valid, but edits overwritten");
    }
    emphasised(Emphasis::Good, "valid")
}

/// The end of a run for its live page; `id` is its number in the store.
pub(super) fn verdict_in_words(record: &RunRecord, exit_code: u8, id: Option<i64>) -> RunEnd {
    let AuditVerdict { faults, unreadable, .. } = &record.audit;
    let ended = record.records.total;
    let words = if record.stopped {
        format!("stopped after {} of {}", count(ended), plural(record.resources, "account"))
    } else if !faults.is_empty() {
        format!("INVALID: {}", faults.join("; "))
    } else if record.records.failed > 0 {
        format!("{} failed", plural(record.records.failed, "account"))
    } else if *unreadable > 0 {
        format!("inconclusive: {} could not be read again", plural(*unreadable, "account"))
    } else if record.audit.by == AuditBy::Nobody {
        format!("{} ended, no audit was made", plural(ended, "account"))
    } else if record.dry_run {
        format!("{} checked, nothing written", plural(ended, "account"))
    } else {
        format!("{} as the plan demands", plural(ended, "account"))
    };
    let report = id.filter(|_| !record.dry_run).map(|id| format!("neonbench report --runs {id}"));
    let exit_code = Some(exit_code);
    RunEnd { exit_code, words, next: record.next_command.clone(), report }
}

/// The audit's verdict, and what it rests on where the server is remote.
fn audit(record: &RunRecord) -> String {
    let AuditVerdict { by, calls, read_back, not_read_back, .. } = &record.audit;
    let verdict = verdict(record);
    let Some(calls) = calls.filter(|_| *by != AuditBy::Nobody) else { return verdict };
    let of = match by {
        AuditBy::Sample => " (a sample)",
        _ => "",
    };
    let left = match not_read_back {
        0 => String::new(),
        left => format!(", {} not", count(*left)),
    };
    format!(
        "{verdict}; {} read back{of}{left}: {} more ({}, {}) in {}",
        plural(*read_back, "account"),
        plural(calls.total, "call"),
        plural(calls.searches, "search"),
        plural(calls.record_reads, "read"),
        duration(record.audit_wall_s)
    )
}

/// Fields that others wrote since, a line each.
fn edits_since(record: &RunRecord) -> Vec<String> {
    let AuditVerdict { edited_since, edits_since, .. } = &record.audit;
    let line = |edit: &EditedField| {
        let field = escape_controls(&edit.field);
        labelled("theirs", format_args!("account {}, {field}: edited since", edit.resource_id))
    };
    let mut lines: Vec<String> = edits_since.iter().take(SHOWN).map(line).collect();
    let more = edited_since.saturating_sub(lines.len() as u64);
    if more > 0 {
        let more = count(more);
        lines.push(labelled("theirs", format_args!("{more} more fields; --json lists 100")));
    }
    lines
}

/// Lower bound ÷ mean time; a dash where nothing limits.
pub(super) fn efficiency(record: &RunRecord) -> String {
    record.mean_efficiency().map_or_else(|| "–".to_owned(), percent)
}

/// The lower bound of a run's time, in words.
fn lower_bound(record: &RunRecord) -> String {
    if record.stopped {
        return format!(
            "stopped; lower bound of the whole plan {}",
            duration(record.lower_bound_s)
        );
    }
    let Some(share) = record.mean_efficiency() else {
        return "no lower bound: the profile has no limits".to_owned();
    };
    let RunRecord { lower_bound_s, lower_bound_any_client_s: any_s, .. } = record;
    if record.limits.assumed && share > 1.0 {
        return format!(
            "faster than the lower bound {} of profile {}, which was assumed of the server",
            duration(*lower_bound_s),
            escape_controls(&record.profile)
        );
    }
    let mut text =
        format!("lower bound {}, efficiency {}", duration(*lower_bound_s), percent(share));
    if *lower_bound_s > 1.01 * any_s && *any_s > 0.0 {
        let _ = write!(text, "; with PATCH and PUT side by side {}", duration(*any_s));
    }
    text
}

/// The processes that a resumed run is the sum of; `None` for a run of one.
fn processes(record: &RunRecord) -> Option<String> {
    let RunRecord { processes, processes_lost, .. } = record;
    let one = |of: &ProcessFigures| {
        let (accounts, calls) = (plural(of.landed, "account"), plural(of.calls.total, "call"));
        format!("{} with {accounts} and {calls}", duration(of.makespan_s))
    };
    let parts: Vec<String> = processes.iter().map(one).collect();
    match (parts.is_empty(), processes_lost) {
        (true, 0) => None,
        (_, 0) => Some(format!("the sum of {}", parts.join(", "))),
        (_, lost) => Some(format!(
            "{} killed or failed: time and calls are more than these, and the run is compared with no other",
            plural(*lost, "process")
        )),
    }
}

/// Time between reading and writing an account, when others may edit it; `None` without writes.
fn exposure(record: &RunRecord) -> Option<String> {
    let Exposure { writes, mean_s, p99_s, rereads, changed_meanwhile, .. } = record.exposure;
    if writes + rereads == 0 {
        return None;
    }
    let mut text = format!(
        "{} on average between the read and the write of an account (p99 {})",
        duration(mean_s),
        duration(p99_s)
    );
    if rereads > 0 {
        let (rereads, changed) = (plural(rereads, "account"), count(changed_meanwhile));
        let _ = write!(text, "; of {rereads} read again, {changed} had changed");
    }
    Some(text)
}

/// The calls by which a run reads and writes, where they are not its strategy's own.
fn ways(record: &RunRecord) -> String {
    let reads = if record.reads == record.strategy.default_reads() {
        String::new()
    } else {
        format!(" · reads by {}", record.reads.name())
    };
    let writes = match record.write {
        WriteMode::Patch => "",
        WriteMode::Put => " · writes by PUT",
        WriteMode::Both => " · writes by PATCH and PUT",
    };
    reads + writes
}

/// The settings of a run: `virtual time · 5 workers · batch size 50 · seed 1`.
pub(super) fn settings(record: &RunRecord) -> String {
    let world = match record.world {
        WorldName::Virtual => "virtual time",
        WorldName::Http => "HTTP",
    };
    format!(
        "profile {} · {world} · {} · batch size {} · seed {}",
        escape_controls(&record.profile),
        plural(record.workers.into(), "worker"),
        count(record.batch_size.into()),
        record.seed,
    )
}

/// A line of a summary: a label, and its text.
pub(super) fn labelled(label: &str, text: impl fmt::Display) -> String {
    format!("  {label:<10}{text}")
}

/// The echo of a run in words.
fn echo(echo: &Echo) -> String {
    format!(
        "{}, {} of integrations; {} refused ({}), {}",
        plural(echo.deliveries, "delivery"),
        plural(echo.calls, "call"),
        count(echo.refused),
        percent(echo.refused_share()),
        format_args!("{} lost", plural(echo.lost, "side effect")),
    )
}

/// A run in words.
pub(super) fn summary(record: &RunRecord) -> String {
    let RunRecord { calls, records, performance, .. } = record;
    let dry = if record.dry_run { " · dry run: nothing was written" } else { "" };
    let dry = if record.stopped { " · stopped before the end" } else { dry };
    let mut lines = vec![format!(
        "{} · {} · {}{}{dry}",
        emphasised(Emphasis::Strong, record.strategy),
        size(record.resources, record.mappings),
        settings(record),
        ways(record),
    )];
    let mut line = |label: &str, text: String| lines.push(labelled(label, text));
    let chosen = match record.chosen_by {
        ChosenBy::User => "by you (--strategy)",
        ChosenBy::Selector => &*record.reason,
    };
    line("chosen", escape_controls(chosen));
    let per_second = performance.resources_per_s;
    let time = emphasised(Emphasis::Strong, duration(record.makespan_s));
    line("time", format!("{time} ({}); {} accounts/s", lower_bound(record), sig3(per_second)));
    if let Some(text) = processes(record) {
        line("processes", text);
    }
    if let (Some(runs), Some(median_s)) = (record.replicates, record.makespan_s_median) {
        let range = record.makespan_s_interval.map_or_else(
            || "too few for a range".to_owned(),
            |[low, _, high]| format!("90 % of runs take {} to {}", duration(low), duration(high)),
        );
        line("runs", format!("n = {}: median {}; {range}", count(runs), duration(median_s)));
    }
    line(
        "accounts",
        format!(
            "{} {}, {} unchanged, {}{} skipped, {} failed",
            count(records.migrated),
            if record.dry_run { "would be migrated" } else { "migrated" },
            count(records.unchanged),
            match records.unmapped {
                0 => String::new(),
                unmapped => format!("{} unmapped, ", count(unmapped)),
            },
            count(records.skipped),
            count(records.failed)
        ),
    );
    for text in unmapped_in_words(&record.unmapped) {
        line("unmapped", escape_controls(&text));
    }
    line(
        "calls",
        format!(
            "{}: {}, {}, {}, {}; {} refused (429), {} failed; {} fewer than one read and one write per mapping",
            count(calls.total),
            plural(calls.record_reads, "read"),
            plural(calls.record_writes, "write"),
            plural(calls.searches, "search"),
            plural(calls.metadata, "look-up"),
            count(calls.rejected),
            count(calls.failed),
            percent(performance.api_call_reduction)
        ),
    );
    if !record.echo.is_none() {
        line("echo", echo(&record.echo));
    }
    line("response", response(record));
    lines.extend(exposure(record).map(|text| labelled("exposure", text)));
    let gloss = if record.edits.are_at_risk() { AT_RISK } else { "" };
    if record.edits.edits_during_run > 0.0 || record.edits.are_at_risk() {
        lines.push(labelled("edits", format!("{}{gloss}", edits_in_words(&record.edits))));
    }
    lines.push(labelled("audit", audit(record)));
    lines.extend(edits_since(record));
    if !record.audit.state_digest.is_empty() {
        lines.push(labelled("state", &record.audit.state_digest));
    }
    let warnings = record.warnings.iter();
    lines.extend(warnings.map(|warning| labelled("warning", escape_controls(warning))));
    lines.extend(failures(record));
    lines.join("\n")
}

/// Prints the values for which a map has no entry, a line each.
pub(super) fn print_unmapped(found: &UnmappedValues) -> Result<(), CliError> {
    let mut lines = unmapped_in_words(found).into_iter();
    lines.try_for_each(|text| print(&format!("unmapped: {}", escape_controls(&text))))
}

/// Response times by kind of call, and the calls in flight.
fn response(record: &RunRecord) -> String {
    let ResponseMs { get, search, patch, .. } = record.response_ms;
    let times = [("read", get), ("search", search), ("write", patch)];
    let times = times.into_iter().filter(|(_, quantiles)| quantiles.count > 0);
    let times: Vec<String> = times
        .map(|(name, q)| {
            format!("{name} p50 {}, p99 {}; ", duration(q.p50 / 1e3), duration(q.p99 / 1e3))
        })
        .collect();
    let in_flight = sig3(record.in_flight_mean);
    format!("{}{in_flight} calls in flight on average", times.concat())
}

/// The first failures, a line each.
fn failures(record: &RunRecord) -> Vec<String> {
    let failure = |error: &ErrorDetail| {
        let value = error.value.as_ref().map_or_else(String::new, |value| format!(" `{value}`"));
        let (message, value) = (escape_controls(&error.message), escape_controls(&value));
        let text = format!("account {}: {message}{value} ({})", error.resource_id, error.hint);
        labelled("failed", text)
    };
    let mut lines: Vec<String> = record.errors.iter().take(SHOWN).map(failure).collect();
    let more = record.errors_total.saturating_sub(SHOWN as u64);
    if more > 0 {
        lines.push(labelled("failed", format_args!("{} more; --json lists 100", count(more))));
    }
    lines
}

/// A time as people read it, to the minute, UTC.
pub(super) fn minute(at_unix_s: i64) -> String {
    let second = second(at_unix_s);
    second.rsplit_once(':').map_or(second.clone(), |(minute, _)| minute.to_owned())
}

/// The same to the second.
pub(super) fn second(at_unix_s: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at_unix_s).map_or_else(
        |_| at_unix_s.to_string(),
        |at| {
            let (date, time) = (at.date(), at.time());
            format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
        },
    )
}
