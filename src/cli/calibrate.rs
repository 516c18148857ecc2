//! `neonbench calibrate`: fits the selectors to a sweep, and says how wrong they are.

mod full;

use super::args::{GoalArgs, OutputArgs, figures, one_of};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::files::{check, read, write};
use super::output::print;
use super::progress::LiveLine;
use super::selector::{overall, print_judgement};
use clap::Args;
use neonbench::experiment::Portfolio;
use neonbench::select::case::{self, QUICK};
use neonbench::select::{
    Knowledge, SelectorName, StrategyRule, fit, judge, judgement, left_out, prepared_cases,
    simulated_calls, swept,
};
use neonbench_engine::engine::Reads;
use neonbench_engine::world::WallClock;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The file that `--write` means where it names none.
const SHIPPED: &str = "reports/thresholds.toml";

/// Flags of `calibrate`.
#[derive(Debug, Args)]
pub(super) struct CalibrateArgs {
    /// Scenarios to fit to: quick, or a file of scenarios; full fits nothing, and checks the built-in
    /// calibration on organisations of up to 100,000 accounts; small does so on up to 300, to try a cluster
    #[arg(long, value_name = "quick|small|full|FILE", default_value = "quick")]
    set: String,
    /// Scenarios to judge on, in a file like that of --set [default: a sample of the held-out set]
    #[arg(long, value_name = "FILE")]
    held_out: Option<PathBuf>,
    /// Part I of N of the full or the small set
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "1/1")]
    shard: (usize, usize),
    /// Folder for the verdicts on the full or the small set, one file per scenario; a verdict that is there is kept
    #[arg(long, value_name = "DIR", default_value = "reports/out/full")]
    out: PathBuf,
    /// Report on the full or the small set from the verdicts in --out, and simulate nothing
    #[arg(long)]
    merge: bool,
    /// Write the calibration to FILE [default: reports/thresholds.toml]
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = SHIPPED)]
    write: Option<PathBuf>,
    /// Smallest share of the gap that `auto` must close among the guide's strategies; below it nothing is written
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, allow_negative_numbers = true, value_parser = share_closed)]
    min_gap_closed: f64,
    /// Print a rule for another engine instead: one of the guide's strategies, by accounts and mappings
    #[arg(long, value_name = "python|json", value_parser = ["python", "json"], hide_possible_values = true, conflicts_with = "write")]
    export: Option<String>,
    /// The way that engine reads accounts: one per call (get), or one value per search, as the guide does
    #[arg(long, value_name = "get|search", value_parser = one_of::<Reads>("get|search"), hide_possible_values = true, requires = "export")]
    reads: Option<Reads>,
    #[command(flatten)]
    goal: GoalArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A share of the gap: one that makes the gap larger is negative, and nobody closes more than 1.
fn share_closed(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (-1_000.0..=1_000.0).contains(share));
    share.ok_or_else(|| "expected a number from -1000 to 1000".to_owned())
}

/// One of several parts, and their number.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let part = figures(text).filter(|(part, of)| (1..=*of).contains(part));
    part.ok_or_else(|| format!("`{text}` is not I/N, such as 2/8, with I from 1 to N"))
}

pub(super) fn run(args: &CalibrateArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let goal = args.goal.goal();
    check(args.write.as_deref())?;
    if full::is_asked_for(args) {
        return full::run(args, &goal, line);
    }
    let clock = WallClock::start();
    let text = match args.set.as_str() {
        "quick" => QUICK.to_owned(),
        file => read(Path::new(file))?,
    };
    let cases = case::read(&args.set, &text)?;
    if let Some(form) = &args.export {
        let rule = StrategyRule::fit(&cases, &goal, args.reads.unwrap_or_default())?;
        OutputArgs { json: form == "json" }.show(&rule, || print(rule.to_python().trim_end()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let status = LiveLine::new(line, 4);
    status.step("");
    let sweep =
        status.each("simulating the scenarios to fit to", &cases, |part| swept(part, &goal))?;
    let Some(calibration) = fit(&sweep, &text, &goal) else {
        return Err(CliError::usage("no configuration meets these constraints in any scenario"));
    };
    let held_out = match &args.held_out {
        Some(path) => case::read(&path.display().to_string(), &read(path)?)?,
        None => case::held_out_sample(),
    };
    status.step("");
    let prepared =
        status.each("finding the best of each held-out scenario", &held_out, |part| {
            prepared_cases(part, &Knowledge::ALL, &goal)
        })?;
    status.step("judging the choices");
    let verdicts = judge(&prepared, &calibration, |_| true)?;
    status.step("fitting with a part left out");
    let left_out = left_out(&cases, &sweep, &text, &prepared, &goal)?;
    let calls = simulated_calls(&prepared) + sweep.iter().map(|swept| swept.calls).sum::<u64>();
    let mut judgement = judgement(&verdicts, calls, 0.0);
    judgement.left_out = left_out;
    judgement.wall_s = clock.elapsed().as_secs_f64();
    drop(status);
    args.output.show(&judgement, || print_judgement(&judgement))?;
    let row = overall(&judgement, Portfolio::Guide, SelectorName::CostModel);
    // Without a gap there is none to close.
    let closed = row.and_then(|row| row.gap_closed).unwrap_or(1.0);
    if closed < args.min_gap_closed {
        line.note(format_args!(
            "`auto` closes {closed:.3} of the gap among the guide's strategies, and --min-gap-closed is {}: nothing \
             was written",
            args.min_gap_closed
        ));
        return Ok(ExitCode::from(code::CALIBRATION_GATE));
    }
    if let Some(path) = &args.write {
        write(path, &calibration.to_toml())?;
        if !args.output.json {
            let next = line.to("evaluate").with("thresholds", path.display());
            print(&format!("written: {}\nnext: {next}", path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
