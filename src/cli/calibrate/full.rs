//! The full set: large organisations, in parts, and resumed where it was left.

use super::super::error::CliError;
use super::super::files::read;
use super::super::output::{Verbosity, print, print_json};
use super::super::selector::print_judgement;
use super::{CalibrateArgs, write};
use neonbench::select::case::{self, Case};
use neonbench::select::{Calibration, Goal, Verdict, benches, judge, judgement, simulated_calls};
use neonbench_engine::world::WallClock;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Seed of the set, twenties of scenarios in it, and accounts of the largest.
const SEED: u64 = 5_150;
const TWENTIES: usize = 3;
const MOST: u64 = 100_000;

/// A verdict as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The calibration that was judged.
    signature: String,
    inputs: String,
    goal: Goal,
    simulated_calls: u64,
    verdict: Verdict,
}

pub(super) fn run(
    args: &CalibrateArgs,
    goal: &Goal,
    verbosity: Verbosity,
) -> Result<ExitCode, CliError> {
    let clock = WallClock::start();
    let calibration = Calibration::shipped();
    let wires = case::draw(SEED, "full", TWENTIES, MOST);
    let (mut verdicts, mut calls, mut missing) = (Vec::new(), 0, 0);
    if !args.merge {
        std::fs::create_dir_all(&args.out)
            .map_err(|source| CliError::Write { path: args.out.clone(), source })?;
    }
    for (place, wire) in wires.iter().enumerate() {
        let path = args.out.join(format!("{}.json", wire.name));
        let is_ours = place % args.shard.of == args.shard.part - 1;
        let kept = match kept(&path, &calibration, goal)? {
            Some(kept) => kept,
            None if args.merge || !is_ours => {
                missing += 1;
                continue;
            }
            None => {
                let kept = make(wire.case()?, &calibration, goal)?;
                let text = serde_json::to_string_pretty(&kept).expect("plain data");
                write(&path, &(text + "\n"))?;
                if !verbosity.quiet {
                    eprintln!("{}: {} simulated calls", wire.name, kept.simulated_calls);
                }
                kept
            }
        };
        if is_ours || args.merge {
            calls += kept.simulated_calls;
            verdicts.push(kept.verdict);
        }
    }
    let judgement = judgement(&verdicts, calls, clock.elapsed().as_secs_f64());
    if args.output.json {
        print_json(&judgement)?;
    } else {
        print_judgement(&judgement)?;
        if missing > 0 {
            let out = args.out.display();
            print(&format!("{missing} of {} scenarios have no verdict in {out} yet", wires.len()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Judges one case by itself: a part that breaks off has lost no more.
fn make(case: Case, calibration: &Calibration, goal: &Goal) -> Result<Kept, CliError> {
    let cases = [case];
    let benches = benches(&cases, goal)?;
    let mut verdicts = judge(&benches, calibration, |_| true)?;
    Ok(Kept {
        signature: calibration.signature.clone(),
        inputs: calibration.inputs.clone(),
        goal: goal.clone(),
        simulated_calls: simulated_calls(&benches),
        verdict: verdicts.remove(0),
    })
}

/// The verdict in that file, if it is of this calibration and goal.
fn kept(path: &PathBuf, calibration: &Calibration, goal: &Goal) -> Result<Option<Kept>, CliError> {
    if !Path::new(path).exists() {
        return Ok(None);
    }
    let text = read(path)?;
    let kept: Kept = serde_json::from_str(&text)
        .map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    let same = kept.signature == calibration.signature
        && kept.inputs == calibration.inputs
        && kept.goal == *goal;
    Ok(same.then_some(kept))
}
