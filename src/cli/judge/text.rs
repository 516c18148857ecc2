//! Formats the record of a judged client for people.

use crate::cli::output::{count, duration, labelled, percent, plural, size, table};
use crate::cli::terminal::{Emphasis, emphasised, escape_controls};
use neon_mock::BASE_PATH;
use neonbench::judge::{
    CauseRecord, ClientVerdict, CommandExit, JudgeLeagueRow, JudgeRecord, JudgedCalls,
};

/// The most differences that are printed; `--json` has twenty.
const SHOWN: usize = 5;

/// A judged client in words.
pub(super) fn summary(record: &JudgeRecord) -> String {
    let JudgeRecord { calls, records, writes, audit, .. } = record;
    let mut lines = vec![format!(
        "{} · {} · profile {} · HTTP · seed {}",
        emphasised(Emphasis::Strong, &record.name),
        size(record.resources, record.mappings),
        record.profile,
        record.seed,
    )];
    let mut line = |label: &str, text: String| lines.push(labelled(label, text));
    let is_correct = record.verdict == ClientVerdict::Correct;
    line(
        "verdict",
        emphasised(if is_correct { Emphasis::Good } else { Emphasis::Bad }, record.verdict),
    );
    line(
        "command",
        format!("{} after {}", ending(&record.command), duration(record.command.wall_s)),
    );
    line(
        "time",
        format!(
            "{} from the first call to the last answer ({})",
            duration(record.makespan_s),
            if record.limits.exist() {
                let limit = duration(record.lower_bound_s);
                format!("lower bound {limit}, efficiency {}", percent(record.efficiency))
            } else {
                "no lower bound: the profile has no limits".to_owned()
            }
        ),
    );
    line(
        "accounts",
        format!(
            "{} correct, {} wrong, {} lost, {} untouched; {} changed outside the plan",
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
            "{}: {} refused (429), {} failed; also {} malformed, {} unauthorised, {} outside {BASE_PATH}",
            count(calls.total),
            count(calls.rejected),
            count(calls.failed),
            count(calls.undecodable),
            count(calls.unauthorized),
            count(calls.outside)
        ),
    );
    for of in &calls.by_endpoint {
        line("", format!("{:>7} {}", count(of.admitted + of.rejected), of.endpoint));
    }
    line(
        "writes",
        format!(
            "{}: {}, {} beyond one per account; {} of colleagues overwritten",
            count(writes.total),
            plural(writes.repeated, "duplicate"),
            count(writes.beyond_one),
            plural(audit.lost_updates, "edit")
        ),
    );
    line("state", audit.state_digest.clone());
    lines.extend(causes(record));
    lines.extend(record.warnings.iter().map(|warning| labelled("warning", warning)));
    lines.extend(differences(record));
    if !record.league.is_empty() {
        lines.push(league(&record.league));
    }
    lines.push(format!("next: {}", record.next_command));
    lines.join("\n")
}

/// The mishaps of calls, one line per cause.
fn causes(record: &JudgeRecord) -> Vec<String> {
    let JudgedCalls { errors, ignored_members, outside, first_outside, .. } = &record.calls;
    let error = |cause: &CauseRecord| {
        let CauseRecord { call, status, message, calls } = cause;
        let message = escape_controls(message);
        labelled(
            "error",
            format!("{} × {}: {status} {message}", count(*calls), escape_controls(call)),
        )
    };
    let ignored = |cause: &CauseRecord| {
        let (call, member) = (escape_controls(&cause.call), escape_controls(&cause.message));
        let calls = count(cause.calls);
        labelled("ignored", format!("{calls} × {call}: the API has no member `{member}`"))
    };
    let mut lines: Vec<String> = errors.iter().take(SHOWN).map(error).collect();
    lines.extend(ignored_members.iter().take(SHOWN).map(ignored));
    let more = errors.len().saturating_sub(SHOWN) + ignored_members.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("  {} more; --json lists them", plural(more as u64, "cause")));
    }
    if let Some(first) = first_outside {
        let (calls, first) = (plural(*outside, "call"), escape_controls(first));
        lines.push(labelled(
            "outside",
            format!("{calls}, such as {first}: the API begins at {BASE_PATH}"),
        ));
    }
    lines
}

/// The exit of a command in words.
pub(super) fn ending(command: &CommandExit) -> String {
    match (command.exit_status, command.signal) {
        _ if command.timed_out => "took too long and was ended".to_owned(),
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
            let text = format!(
                "account {}, {}{id}: expected {}, found {}",
                of.resource_id, of.field, of.expected, of.found
            );
            labelled(&of.amiss, text)
        })
        .collect();
    let more = record.differences_total.saturating_sub(lines.len() as u64);
    if more > 0 {
        lines.push(format!("  {} more; --json lists 20", plural(more, "difference")));
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
            if row.valid {
                emphasised(Emphasis::Good, "valid")
            } else {
                emphasised(Emphasis::Bad, "INVALID: not ranked")
            },
        ]
    };
    table(" | who | time | calls | refused | audit", rows.iter().map(row))
}
