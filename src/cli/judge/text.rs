//! Formats the record of a judged client for people.

use crate::cli::output::{count, duration, table};
use neonbench::judge::{ClientVerdict, CommandExit, JudgeLeagueRow, JudgeRecord};
use neonbench::text::plural;

/// The most differences that are printed; `--json` has twenty.
const SHOWN: usize = 5;

/// A judged client in words.
pub(super) fn summary(record: &JudgeRecord) -> String {
    let JudgeRecord { calls, records, writes, audit, .. } = record;
    let mut lines = vec![format!(
        "{} · {} × {} · profile {} · http · seed {}",
        record.name,
        plural(record.resources, "account"),
        plural(record.mappings, "mapping"),
        record.profile,
        record.seed,
    )];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<10}{text}"));
    line("verdict", record.verdict.to_string());
    line(
        "command",
        format!("{} after {}", ending(&record.command), duration(record.command.wall_s)),
    );
    line(
        "makespan",
        format!(
            "{} from the first call to the last answer ({})",
            duration(record.makespan_s),
            if record.limits.exist() {
                let limit = duration(record.lower_bound_s);
                format!("physical limit {limit}, efficiency {:.2}", record.efficiency)
            } else {
                "no limit: the profile has no pool and no window".to_owned()
            }
        ),
    );
    line(
        "accounts",
        format!(
            "{} correct, {} wrong, {} lost, {} untouched; {} changed that were not selected",
            count(records.correct),
            count(records.wrong),
            count(records.lost),
            count(records.untouched),
            count(records.stray)
        ),
    );
    line(
        "calls",
        format!(
            "{}: {} refused (429), {} failed; beside them {} not understood, {} unauthorised",
            count(calls.total),
            count(calls.rejected),
            count(calls.failed),
            count(calls.undecodable),
            count(calls.unauthorized)
        ),
    );
    for of in &calls.by_endpoint {
        line("", format!("{:>7} {}", count(of.admitted + of.rejected), of.endpoint));
    }
    line(
        "writes",
        format!(
            "{}: {} repeated an earlier one, {} beyond one for each account; {} edits of colleagues overwritten",
            count(writes.total),
            count(writes.repeated),
            count(writes.beyond_one),
            count(audit.lost_updates)
        ),
    );
    line("state", audit.state_digest.clone());
    lines.extend(record.warnings.iter().map(|warning| format!("  warning   {warning}")));
    lines.extend(differences(record));
    if !record.league.is_empty() {
        lines.push(league(&record.league));
    }
    lines.push(format!("next: {}", record.next_command));
    lines.join("\n")
}

/// The exit of a command in words.
pub(super) fn ending(command: &CommandExit) -> String {
    match (command.exit_status, command.signal) {
        _ if command.timed_out => "was ended for taking too long".to_owned(),
        (Some(status), _) => format!("ended with status {status}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn differences(record: &JudgeRecord) -> Vec<String> {
    if record.verdict == ClientVerdict::NoCalls {
        return Vec::new();
    }
    let shown = record.differences.iter().take(SHOWN);
    let mut lines: Vec<String> = shown
        .map(|of| {
            let id = of.field_id.as_ref().map_or_else(String::new, |id| format!(" ({id})"));
            format!(
                "  {:<10}account {}, {}{id}: expected {}, found {}",
                of.amiss, of.resource_id, of.field, of.expected, of.found
            )
        })
        .collect();
    let more = record.differences_total.saturating_sub(lines.len() as u64);
    if more > 0 {
        lines.push(format!("  and {} more differences; --json lists 20", count(more)));
    }
    lines
}

/// The league as a table, with the client marked.
fn league(rows: &[JudgeLeagueRow]) -> String {
    let row = |row: &JudgeLeagueRow| {
        vec![
            row.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string()),
            if row.judged { format!("{} (yours)", row.name) } else { row.name.clone() },
            duration(row.makespan_s),
            count(row.calls),
            count(row.rejected),
            if row.valid { "valid".to_owned() } else { "INVALID: not ranked".to_owned() },
        ]
    };
    table(" | who | makespan | calls | refused | audit", rows.iter().map(row))
}
