//! `report --plan P` and its like: the decision page for one's own migration.

use super::{ReportArgs, Spinner, files, provenance, stored};
use crate::cli::Voice;
use crate::cli::args::WorldArgs;
use crate::cli::command_line::CommandLine;
use crate::cli::error::{CliError, code};
use crate::cli::inputs::Inputs;
use crate::cli::output::{say, say_json};
use neonbench::report::decision::Decision;
use neonbench::report::evidence::Provenance;
use neonbench::report::hlog::interval_log;
use neonbench::report::html::decision_page;
use neonbench::report::json::DecisionRecord;
use neonbench::report::markdown::decision_summary;
use neonbench::report::model::DecisionModel;
use neonbench::report::suite::explore::{Exploration, explore};
use std::process::ExitCode;

/// Explores the workload that the flags name, and writes its page.
pub(super) fn run(
    args: &ReportArgs,
    line: &CommandLine,
    voice: Voice,
) -> Result<ExitCode, CliError> {
    if args.engine.strategy.is_some() {
        let text = "--strategy: the report compares all strategies; `run` makes one";
        return Err(CliError::usage(text));
    }
    let inputs = Inputs::read(&args.workload, &args.engine, &WorldArgs::default())?;
    files::prepare(&args.out)?;
    let spinner = Spinner::new(voice);
    let settings = |strategy| inputs.settings(strategy).expect("the flags were checked");
    let exploration = Exploration {
        workload: &inputs.workload,
        settings: &settings,
        replicates: args.replicates,
    };
    let mut decision = explore(&exploration, &mut |what| spinner.tell(what))?;
    drop(spinner);
    if let Some(id) = args.baseline {
        let store = args.store.open()?;
        let mut baseline = stored::against(&store, id, &decision.league)?;
        let strategy = store.entry(id)?.record.map(|record| record.strategy.to_string());
        baseline.deltas.retain(|(name, _)| Some(name) == strategy.as_ref());
        decision.baseline = Some(baseline);
    }
    let provenance = provenance::gather(line, inputs.seed(), args.replicates);
    publish(args, &decision, &provenance, |model| {
        let strategy = model.best.map_or("auto", |best| best.name());
        line.to("run").with("strategy", strategy).with_switch("dry_run").to_string()
    })
}

/// Writes the page of `decision` with what belongs to it, and says so; `next` is the next command.
pub(super) fn publish(
    args: &ReportArgs,
    decision: &Decision,
    provenance: &Provenance,
    next: impl FnOnce(&DecisionModel) -> String,
) -> Result<ExitCode, CliError> {
    let model = DecisionModel::new(decision);
    let record = DecisionRecord::new(&model, provenance, decision);
    let written = files::write(
        &args.out,
        &[
            ("index.html", decision_page(&model, provenance)),
            ("report.json", record.to_json()),
            ("report.md", decision_summary(&model, provenance)),
            ("latency.hlog", interval_log(decision)),
        ],
    )?;
    if args.output.json {
        say_json(&record)?;
    } else {
        say(&format!("{}. {}", model.headline, model.lede.join(" ")))?;
        super::say_files(&written)?;
        say(&format!("next: {}", next(&model)))?;
    }
    let gate = decision.baseline.as_ref().map_or(0, stored::gate);
    Ok(ExitCode::from(if model.is_valid { gate } else { code::AUDIT_MISMATCH }))
}
