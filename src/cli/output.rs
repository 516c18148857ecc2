//! Results for people: figures with their units, tables that line up, JSON.

use super::args::OutputArgs;
use super::error::CliError;
pub(super) use neonbench::text::{AT_RISK, count, duration, edits_in_words, percent, sig3};
use neonbench_engine::engine::WriteMode;
use neonbench_engine::record::{Exposure, ResponseMs, RunRecord};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::{IsTerminal as _, Write as _};

/// The amount of output beside a command's result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verbosity {
    /// No progress, notes or warnings on standard error.
    pub(super) quiet: bool,
}

impl Verbosity {
    /// Says `text` on standard error, unless the user wants silence.
    pub(super) fn note(self, text: impl fmt::Display) {
        if !self.quiet {
            eprintln!("{text}");
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

/// `text` as one line, control characters escaped.
pub(crate) fn escape_controls(text: &str) -> String {
    neonbench::text::escape_controls(text).into_owned()
}

/// The same for a text of several lines.
fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape_controls).collect::<Vec<_>>().join("\n")
}

/// Writes `text` and a line end to standard output, control characters escaped.
///
/// Errors: standard output cannot be written; a closed pipe (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    write_line(&escape_lines(text))
}

fn write_line(text: &str) -> Result<(), CliError> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::Stdout(error))
        }
        _ => Ok(()),
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

/// The narrowest that a column of a table is made to fit it in.
const MIN_COLUMN: usize = 8;

/// A table of `rows` below `header`, whose cells are parted by ` | `. The first column is
/// left-aligned, the others right-aligned. On a terminal it is no wider than that.
pub(super) fn table(header: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let terminal = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    fitted(header, rows, terminal.map(|(width, _)| usize::from(width.0)))
}

/// The same within `available` columns: the widest cells are cut, and say so by `…`.
fn fitted(
    header: &str,
    rows: impl IntoIterator<Item = Vec<String>>,
    available: Option<usize>,
) -> String {
    let header: Vec<String> = header.split(" | ").map(|cell| cell.trim().to_owned()).collect();
    let escaped = |row: Vec<String>| -> Vec<String> {
        row.iter().map(|cell| escape_controls(cell)).collect()
    };
    let lines: Vec<Vec<String>> = [header].into_iter().chain(rows).map(escaped).collect();
    let width =
        |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let gaps = 2 * widths.len().saturating_sub(1);
    while let Some(available) = available
        && widths.iter().sum::<usize>() + gaps > available
        && let Some(widest) = widths.iter_mut().max()
        && *widest > MIN_COLUMN
    {
        *widest -= 1;
    }
    let cut = |(cell, width): (&String, &usize)| {
        if cell.chars().count() <= *width {
            return cell.clone();
        }
        cell.chars().take(width - 1).chain(['…']).collect()
    };
    let line = |cells: &Vec<String>| {
        let aligned = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let cell = cut((cell, width));
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        aligned.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<String> = lines.iter().map(line).collect();
    lines.insert(1, widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  "));
    lines.join("\n")
}

/// The audit's verdict in a few words.
pub(super) fn verdict(record: &RunRecord) -> String {
    if record.audit.valid {
        let overwrites = record.edits.edits_overwritten > 0.0;
        if overwrites { "valid, but edits overwritten" } else { "valid" }.to_owned()
    } else {
        format!("INVALID: {}", record.audit.faults.join("; "))
    }
}

/// Limit ÷ mean makespan; a dash where nothing limits.
pub(super) fn efficiency(record: &RunRecord) -> String {
    record.mean_efficiency().map_or_else(|| "–".to_owned(), |share| format!("{share:.2}"))
}

/// The physical limit of a run, in words.
fn limit(record: &RunRecord) -> String {
    let Some(share) = record.mean_efficiency() else {
        return "no limit: the profile has no pool and no window".to_owned();
    };
    let RunRecord { lower_bound_s, lower_bound_any_client_s: any_s, .. } = record;
    let mut text = format!("physical limit {}, efficiency {share:.2}", duration(*lower_bound_s));
    if *lower_bound_s > 1.01 * any_s && *any_s > 0.0 {
        let _ = write!(text, "; by PATCH and PUT side by side {}", duration(*any_s));
    }
    text
}

/// Time between reading and writing an account, when others may edit it; `None` without writes.
fn exposed(record: &RunRecord) -> Option<String> {
    let Exposure { writes, mean_s, p99_s, rereads, changed_meanwhile, .. } = record.exposure;
    if writes + rereads == 0 {
        return None;
    }
    let mut text = format!(
        "{} from reading an account to writing it, p99 {}",
        duration(mean_s),
        duration(p99_s)
    );
    if rereads > 0 {
        let (rereads, changed) = (count(rereads), count(changed_meanwhile));
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

/// A run in words.
pub(super) fn summary(record: &RunRecord) -> String {
    let RunRecord { calls, records, performance, .. } = record;
    let world = match record.world {
        neonbench_engine::record::WorldName::Virtual => "virtual time",
        neonbench_engine::record::WorldName::Http => "http",
    };
    let dry = if record.dry_run { " · dry run: nothing was written" } else { "" };
    let dry = if record.stopped { " · stopped before its end" } else { dry };
    let mut lines = vec![format!(
        "{} · {} accounts × {} mappings · profile {} · {world} · {} workers · batch size {} · seed {}{}{dry}",
        record.strategy,
        count(record.resources),
        record.mappings,
        escape_controls(&record.profile),
        record.workers,
        record.batch_size,
        record.seed,
        ways(record),
    )];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<10}{text}"));
    line("chosen", escape_controls(&record.reason));
    line(
        "makespan",
        format!(
            "{} ({}); {:.1} accounts/s",
            duration(record.makespan_s),
            limit(record),
            performance.resources_per_s
        ),
    );
    if let (Some(runs), Some(median_s)) = (record.replicates, record.makespan_s_median) {
        let range = record.makespan_s_interval.map_or_else(
            || "too few for a range".to_owned(),
            |[low, _, high]| format!("nine of ten take {} to {}", duration(low), duration(high)),
        );
        line("runs", format!("n = {runs}: median {}; {range}", duration(median_s)));
    }
    line(
        "accounts",
        format!(
            "{} {}, {} unchanged, {} skipped, {} failed",
            count(records.migrated),
            if record.dry_run { "would be migrated" } else { "migrated" },
            count(records.unchanged),
            count(records.skipped),
            count(records.failed)
        ),
    );
    line(
        "calls",
        format!(
            "{}: {} reads, {} writes, {} searches, {} look-ups, {} refused (429), {} failed; {} fewer than one by one",
            count(calls.total),
            count(calls.record_reads),
            count(calls.record_writes),
            count(calls.searches),
            count(calls.metadata),
            count(calls.rejected),
            count(calls.failed),
            percent(performance.api_call_reduction)
        ),
    );
    let ResponseMs { get, search, patch, .. } = record.response_ms;
    let times = [("read", get), ("search", search), ("write", patch)];
    let times = times.into_iter().filter(|(_, quantiles)| quantiles.count > 0);
    let times: Vec<String> = times
        .map(|(name, q)| format!("{name} p50 {:.0} ms, p99 {:.0} ms; ", q.p50, q.p99))
        .collect();
    line(
        "response",
        format!("{}{:.2} calls in flight on average", times.concat(), record.in_flight_mean),
    );
    if let Some(text) = exposed(record) {
        line("exposed", text);
    }
    let gloss = if record.edits.are_at_risk() { AT_RISK } else { "" };
    if record.edits.edits_during_run > 0.0 || record.edits.are_at_risk() {
        line("edits", format!("{}{gloss}", edits_in_words(&record.edits)));
    }
    line("audit", format!("{}; state {}", verdict(record), record.audit.state_digest));
    lines.extend(
        record.warnings.iter().map(|warning| format!("  warning   {}", escape_controls(warning))),
    );
    for error in record.errors.iter().take(5) {
        let value = error.value.as_ref().map_or_else(String::new, |value| format!(" `{value}`"));
        lines.push(format!(
            "  failed    account {}: {}{} ({})",
            error.resource_id,
            escape_controls(&error.message),
            escape_controls(&value),
            error.hint
        ));
    }
    if record.errors_total > 5 {
        lines.push(format!("  failed    and {} more; --json lists 100", record.errors_total - 5));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_the_width_and_say_what_they_cut() {
        let long = "a scenario of a very long name, which a narrow terminal has no place for";
        let rows = [vec!["1".to_owned(), long.to_owned(), "12.5 s".to_owned()]];
        let header = "run | scenario | makespan";
        let whole = fitted(header, rows.clone(), None);
        assert!(whole.contains(long));
        let narrow = fitted(header, rows.clone(), Some(40));
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
        assert!(narrow.contains('…') && narrow.contains("12.5 s"), "{narrow}");
        // A terminal that is too narrow gets the minimum widths, and every column.
        assert!(fitted(header, rows, Some(5)).contains("makespan"));
    }

    #[test]
    fn cells_cannot_move_the_cursor() {
        let rows = [vec!["a\u{1b}[2J\nb\u{202e}".to_owned()]];
        let shown = fitted("name", rows, None);
        assert!(shown.contains("a\\u{1b}[2J\\u{a}b\\u{202e}"), "{shown}");
    }
}
