//! `neonbench evaluate`: judges selectors and calibration files on scenarios.

use super::args::{EngineArgs, GoalArgs, OutputArgs, WorkloadArgs, WorldArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::files::{create_folder, read, write};
use super::inputs::Inputs;
use super::output::{percent, plural, print, print_json, table};
use super::progress::LiveLine;
use super::selector::{calibration, overall, print_judgement};
use clap::Args;
use neonbench::experiment::Portfolio;
use neonbench::select::case::{self, HELD_OUT, SelectorCase};
use neonbench::select::{
    Calibration, Judgement, Knowledge, RegretRow, SelectorName, judge, judgement, prepared_cases,
    simulated_calls,
};
use neonbench_engine::scenario::WireScenario;
use neonbench_engine::world::WallClock;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags of `evaluate`.
#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    /// Folder of scenario files [default: the held-out set]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Calibration file; may be repeated [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    thresholds: Vec<PathBuf>,
    /// Write the held-out set as scenario files, and judge nothing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenarios", "thresholds"])]
    export_scenarios: Option<PathBuf>,
    #[command(flatten)]
    goal: GoalArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The JSON of `evaluate --json`: the judgement of the first file, and a row per file.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Evaluation {
    #[serde(flatten)]
    judgement: Judgement,
    files: Vec<FileRow>,
}

/// Regret of the selectors of one file, beside those of the shipped one.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct FileRow {
    file: String,
    #[serde(flatten)]
    row: RegretRow,
    /// Mean regret above that of the shipped file.
    above_shipped: f64,
}

pub(super) fn run(args: &EvaluateArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    if let Some(folder) = &args.export_scenarios {
        return export(folder, line);
    }
    let goal = args.goal.goal();
    let clock = WallClock::start();
    let cases = match &args.scenarios {
        Some(folder) => in_folder(folder, line)?,
        None => case::held_out(),
    };
    let mut named = Vec::new();
    for path in &args.thresholds {
        named.push((path.display().to_string(), calibration(path)?));
    }
    let status = LiveLine::new(line, 2 + named.len());
    status.step("");
    let prepared = status.each("finding the best of each scenario", &cases, |part| {
        prepared_cases(part, &Knowledge::ALL, &goal)
    })?;
    let judged_by = |calibration: &Calibration| -> Result<Judgement, CliError> {
        let verdicts = judge(&prepared, calibration, |_| true)?;
        Ok(judgement(&verdicts, simulated_calls(&prepared), 0.0))
    };
    status.step("judging the choices of the built-in calibration");
    let shipped = judged_by(&Calibration::shipped())?;
    let mut judged = Vec::new();
    for (file, calibration) in named {
        status.step(format!("judging the choices of {file}"));
        judged.push((file, judged_by(&calibration)?));
    }
    drop(status);
    let mut files = Vec::new();
    for (file, judgement) in &judged {
        files.extend(rows(file, judgement, &shipped));
    }
    if !judged.is_empty() {
        files.extend(rows("shipped", &shipped, &shipped));
    }
    let mut judgement = judged.into_iter().next().map_or(shipped, |(_, judgement)| judgement);
    judgement.wall_s = clock.elapsed().as_secs_f64();
    if args.output.json {
        print_json(&Evaluation { judgement, files })?;
        return Ok(ExitCode::SUCCESS);
    }
    print_judgement(&judgement)?;
    if !files.is_empty() {
        print("")?;
        let header = "file | portfolio | selector | mean regret | ?worst | above the built-in one";
        let cells = files.iter().map(|file| {
            vec![
                file.file.clone(),
                file.row.portfolio.name().to_owned(),
                file.row.name.name().to_owned(),
                format!("{:.2} %", file.row.mean_regret * 100.0),
                percent(file.row.worst_regret),
                format!("{:+.2} %", file.above_shipped * 100.0),
            ]
        });
        print(&table(header, cells))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The rows of what a file says: the other selectors do not depend on it.
fn rows(file: &str, judgement: &Judgement, shipped: &Judgement) -> Vec<FileRow> {
    let names = [SelectorName::Thresholds, SelectorName::CostModel];
    let all = Portfolio::ALL.into_iter().flat_map(|it| names.map(|name| (it, name)));
    let row = |(portfolio, name)| {
        let row = overall(judgement, portfolio, name)?.clone();
        let above_shipped = row.mean_regret - overall(shipped, portfolio, name)?.mean_regret;
        Some(FileRow { file: file.to_owned(), row, above_shipped })
    };
    all.filter_map(row).collect()
}

/// The scenarios of a folder, in the order of their names. Other files, such as the plans and
/// profiles that they name, are passed over.
fn in_folder(folder: &Path, line: &CommandLine) -> Result<Vec<SelectorCase>, CliError> {
    let wrong = |source| CliError::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let (mut cases, mut others, mut named) = (Vec::new(), Vec::new(), BTreeSet::new());
    for path in paths {
        let origin = path.display().to_string();
        match WireScenario::from_toml(&origin, &read(&path)?) {
            Ok(WireScenario { plan, profile, dataset, .. }) => {
                let files = [plan, profile, dataset].into_iter().flatten();
                named.extend(files.map(|name| folder.join(name)));
            }
            Err(error) => {
                others.push((path, error.to_string()));
                continue;
            }
        }
        let workload = WorkloadArgs { scenario: Some(origin), ..WorkloadArgs::default() };
        let inputs = Inputs::read(&workload, &EngineArgs::default(), &WorldArgs::default())?;
        cases.push(SelectorCase::new(inputs.scenario));
    }
    // Files that a scenario names need no word.
    for (path, error) in others.iter().filter(|(path, _)| !named.contains(path)) {
        let first = error.lines().next().map_or_else(|| path.display().to_string(), str::to_owned);
        line.note(format_args!("note: skipped, as it is no scenario: {first}"));
    }
    if cases.is_empty() {
        return Err(CliError::usage(format!(
            "{}: the folder has no scenario file",
            folder.display()
        )));
    }
    Ok(cases)
}

/// Writes the held-out set as files, two for each scenario.
fn export(folder: &Path, line: &CommandLine) -> Result<ExitCode, CliError> {
    create_folder(folder)?;
    let files = case::files("the held-out set", HELD_OUT)?;
    for (name, text) in &files {
        write(&folder.join(name), text)?;
    }
    let folder = folder.display();
    let next = line.clone().without(&["export_scenarios"]).with("scenarios", &folder);
    let files = plural(files.len() as u64, "file");
    print(&format!("written: {files} in {folder}\nnext: {next}"))?;
    Ok(ExitCode::SUCCESS)
}
