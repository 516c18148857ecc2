//! `report --plan P` and its like: the decision page for one's own migration.

use super::{ReportArgs, files, from_runs, provenance, tell};
use crate::cli::args::WorldArgs;
use crate::cli::command_line::CommandLine;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::progress::LiveLine;
use neonbench::report::decision::explore;
use neonbench::report::shared::exploration::Exploration;
use neonbench::report::shared::provenance::Provenance;
use std::process::ExitCode;

/// Explores the workload that the flags name, and writes its page.
pub(super) fn run(args: &ReportArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    if args.engine.strategy.is_some() {
        let text = "--strategy: the report compares all strategies; `run` makes one";
        return Err(CliError::usage(text));
    }
    let inputs = Inputs::read(&args.workload, &args.engine, &WorldArgs::default())?;
    files::prepare(&args.out)?;
    let status = LiveLine::new(line, 0);
    let settings = |strategy| inputs.settings(strategy).expect("the flags were checked");
    let exploration = Exploration {
        workload: &inputs.workload,
        settings: &settings,
        replicates: args.replicates,
        goal: inputs.engine.selector.goal.goal(),
    };
    let mut decision = explore(&exploration, &mut |what| tell(&status, what))?;
    drop(status);
    if let Some(id) = args.baseline {
        let (mut baseline, strategy) = args.store.read(|store| {
            let baseline = from_runs::against(store, id, &decision.league)?;
            Ok((baseline, store.entry(id)?.record.map(|record| record.strategy.to_string())))
        })?;
        baseline.deltas.retain(|(name, _)| Some(name) == strategy.as_ref());
        decision.baseline = Some(baseline);
    }
    let next = Some(super::next(line.to("run"), &decision));
    let provenance =
        Provenance { next, ..provenance::gather(line, inputs.seed(), args.replicates) };
    files::publish(args, &decision, &provenance)
}
