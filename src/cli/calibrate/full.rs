//! The full set: large organisations, in parts, and resumed where it was left. The small one is its trial.

use super::super::command_line::CommandLine;
use super::super::error::CliError;
use super::super::files::{create_folder, read, write};
use super::super::output::{plural, print};
use super::super::progress::LiveLine;
use super::super::selector::print_judgement;
use super::CalibrateArgs;
use neonbench::experiment::Goal;
use neonbench::select::case::{self, SelectorCase};
use neonbench::select::{
    Calibration, CaseVerdict, Knowledge, judge, judgement, prepared_cases, simulated_calls,
};
use neonbench_engine::world::WallClock;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Seed of the sets.
const SEED: u64 = 5_150;

/// Sets that the built-in calibration is checked on: name, twenties of scenarios, accounts of the largest.
const SETS: [(&str, usize, u64); 2] = [("full", 3, 100_000), ("small", 1, 300)];

/// The set of that name; `full` for `--merge` alone.
fn set(args: &CalibrateArgs) -> Option<(&'static str, usize, u64)> {
    let named = SETS.into_iter().find(|(name, _, _)| *name == args.set);
    named.or_else(|| args.merge.then_some(SETS[0]))
}

/// True if the verb checks a set instead of fitting to one.
pub(super) fn is_asked_for(args: &CalibrateArgs) -> bool {
    set(args).is_some()
}

/// A verdict as it is cached.
#[derive(Debug, Serialize, Deserialize)]
struct CachedVerdict {
    /// The calibration that was judged.
    signature: String,
    inputs: String,
    goal: Goal,
    simulated_calls: u64,
    verdict: CaseVerdict,
}

pub(super) fn run(
    args: &CalibrateArgs,
    goal: &Goal,
    line: &CommandLine,
) -> Result<ExitCode, CliError> {
    let clock = WallClock::start();
    let calibration = Calibration::shipped();
    let (name, twenties, most) = set(args).expect("it is asked for");
    let wires = case::draw(SEED, name, twenties, most);
    let (mut verdicts, mut calls, mut missing) = (Vec::new(), 0, 0);
    if !args.merge {
        create_folder(&args.out)?;
    }
    let status = LiveLine::new(line, wires.len());
    for (place, wire) in wires.iter().enumerate() {
        status.step(&wire.name);
        let path = args.out.join(format!("{}.json", wire.name));
        let is_ours = place % args.shard.1 == args.shard.0 - 1;
        let cached = match cached(&path, &calibration, goal)? {
            Some(cached) => cached,
            None if args.merge || !is_ours => {
                missing += 1;
                continue;
            }
            None => {
                let cached = make(wire.case()?, &calibration, goal)?;
                let text = serde_json::to_string_pretty(&cached).expect("plain data");
                write(&path, &(text + "\n"))?;
                let calls = cached.simulated_calls;
                line.note(format_args!("{}: {} simulated", wire.name, plural(calls, "call")));
                cached
            }
        };
        if is_ours || args.merge {
            calls += cached.simulated_calls;
            verdicts.push(cached.verdict);
        }
    }
    let judgement = judgement(&verdicts, calls, clock.elapsed().as_secs_f64());
    drop(status);
    args.output.show(&judgement, || print_judgement(&judgement))?;
    if missing > 0 && !args.output.json {
        let out = args.out.display();
        print(&format!("{missing} of {} scenarios have no verdict in {out}", wires.len()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Judges one case by itself: a part that breaks off has lost no more.
fn make(
    case: SelectorCase,
    calibration: &Calibration,
    goal: &Goal,
) -> Result<CachedVerdict, CliError> {
    let cases = [case];
    let knowledge = [Knowledge::Known, Knowledge::Nothing];
    let prepared = prepared_cases(&cases, &knowledge, goal)?;
    let mut verdicts = judge(&prepared, calibration, |_| true)?;
    Ok(CachedVerdict {
        signature: calibration.signature.clone(),
        inputs: calibration.inputs.clone(),
        goal: goal.clone(),
        simulated_calls: simulated_calls(&prepared),
        verdict: verdicts.remove(0),
    })
}

/// The verdict in that file, if it is of this calibration and goal.
fn cached(
    path: &PathBuf,
    calibration: &Calibration,
    goal: &Goal,
) -> Result<Option<CachedVerdict>, CliError> {
    if !Path::new(path).exists() {
        return Ok(None);
    }
    let text = read(path)?;
    let cached: CachedVerdict = serde_json::from_str(&text)
        .map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    let same = cached.signature == calibration.signature
        && cached.inputs == calibration.inputs
        && cached.goal == *goal;
    Ok(same.then_some(cached))
}
