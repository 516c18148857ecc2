//! `neonbench selftest`: measures the fidelity of the mock's delays and limits on this machine.

use super::args::{OutputArgs, StoreArgs};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::output::{count, duration, plural, print, table};
use super::progress::LiveLine;
use super::terminal::{Emphasis, emphasised};
use clap::Args;
use neonbench::selftest::{self, FidelityRow, PoolRow, SelftestRecord, SelftestSize, WindowRow};
use neonbench::text::distance;
use neonbench_engine::world::runtime;
use std::process::ExitCode;

/// Flags of `selftest`.
#[derive(Debug, Args)]
#[command(
    long_about = "Compares the delays and limits that the mock serves on this machine with those of its profiles.\n\n\
    The test takes about three minutes, and about twenty seconds with --quick.\n\n\
    Exit codes: 0 if all bars are met, 10 if one is missed."
)]
pub(super) struct SelftestArgs {
    /// Make fewer calls
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &SelftestArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let size = if args.quick { SelftestSize::QUICK } else { SelftestSize::FULL };
    let status = LiveLine::new(line, 0);
    let mut progress = |what: &str| status.step(what);
    let record =
        runtime().map_err(CliError::Runtime)?.block_on(selftest::run(&size, &mut progress))?;
    drop(status);
    args.store.keep_document(&record, line);
    args.output.show(&record, || print(&summary(&record)))?;
    Ok(ExitCode::from(if record.passed { 0 } else { code::GATE }))
}

fn summary(record: &SelftestRecord) -> String {
    let machine = &record.machine;
    let build = if machine.optimised { "release build" } else { "debug build: figures say little" };
    let mut lines = vec![format!(
        "{}, {} · {} · {build} · {}",
        machine.os,
        machine.architecture,
        plural(machine.processors, "processor"),
        duration(record.wall_s)
    )];
    let header = "law; errors in ms | in flight | ?calls | ?KS | p50 error | \
        p99 error | ?call p50 | ?p99 | ?max | ?server p50 | ?p99 | bars";
    lines.push(table(header, record.fidelity.iter().map(fidelity)));
    lines.push(pool(&record.pool));
    lines.extend(record.window.as_ref().map(window));
    lines.push(match (record.passed, record.quick) {
        (true, false) => format!("passed: {}", emphasised(Emphasis::Good, "yes")),
        (false, false) => format!("passed: {}", emphasised(Emphasis::Bad, "NO")),
        // The exit code is that of the bars all the same, as scripts know it.
        (passed, true) => format!(
            "passed: {}, but the bars are for the full size: run it without --quick",
            if passed { "yes" } else { "no" }
        ),
    });
    lines.join("\n")
}

fn fidelity(row: &FidelityRow) -> Vec<String> {
    let ms = |ms: f64| format!("{ms:+.2}");
    let bars: Vec<String> = row
        .bars
        .iter()
        .map(|bar| {
            let met = if bar.met { "met" } else { "MISSED" };
            format!("{} ≤ {} {met}", bar.figure, bar.at_most)
        })
        .collect();
    let (per_call, server) = (row.per_call_ms, row.server_per_call_ms);
    vec![
        row.law.clone(),
        row.in_flight.to_string(),
        count(row.calls),
        row.ks.map_or_else(|| "–".to_owned(), distance),
        ms(row.p50_error_ms),
        ms(row.p99_error_ms),
        ms(per_call.p50),
        ms(per_call.p99),
        ms(per_call.max),
        ms(server.p50),
        ms(server.p99),
        if bars.is_empty() { "–".to_owned() } else { bars.join(", ") },
    ]
}

fn pool(row: &PoolRow) -> String {
    let limit = format!("pool of {}, {} connections", row.pool, row.connections);
    let refused = count(row.refused_while_free);
    let kept =
        format!("at most {} at once, {refused} refused while a slot was free", row.most_at_once);
    of_limit(&limit, row.admitted, row.refused, &kept, row.is_exact())
}

fn window(row: &WindowRow) -> String {
    let limit = format!("window of {} per second, {} connections", row.per_second, row.connections);
    let (beyond, refused) = (count(row.admitted_beyond), count(row.refused_while_open));
    let kept = format!("{beyond} beyond burst + rate × time, {refused} refused while it was open");
    of_limit(&limit, row.admitted, row.refused, &kept, row.is_exact())
}

fn of_limit(limit: &str, admitted: u64, refused: u64, kept: &str, is_exact: bool) -> String {
    let (admitted, refused) = (count(admitted), count(refused));
    let exact = if is_exact {
        emphasised(Emphasis::Good, "exact")
    } else {
        emphasised(Emphasis::Bad, "NOT EXACT")
    };
    format!("{limit}: {admitted} calls admitted, {refused} refused; {kept}: {exact}")
}
