//! `report --runs 3,5,7`: from stored records alone; nothing is run.

use super::{ReportArgs, files, provenance};
use crate::cli::command_line::CommandLine;
use crate::cli::error::CliError;
use crate::cli::stored::whole;
use neonbench::experiment::delta;
use neonbench::findings::findings;
use neonbench::report::decision::Decision;
use neonbench::report::decision::baseline::Baseline;
use neonbench::report::decision::unfinished::UnfinishedAccounts;
use neonbench::report::shared::league::StrategyRuns;
use neonbench::report::shared::provenance::Provenance;
use neonbench::store::{ListedRun, RunState, Site, Store};
use std::process::ExitCode;

/// Writes the page of the runs that `--runs` names.
pub(super) fn run(args: &ReportArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let (league, baseline, unfinished) = args.store.read(|store| {
        let league = args.runs.iter().map(|&id| contender(store.entry(id)?));
        let league: Vec<StrategyRuns> = league.collect::<Result<_, CliError>>()?;
        let baseline = args.baseline.map(|id| against(store, id, &league)).transpose()?;
        let mut unfinished = Vec::new();
        for (&run, contender) in args.runs.iter().zip(&league) {
            let ledger = store.ledger(run)?;
            let (of, record) = (store.run(run)?, &contender.runs[0]);
            let stays = of.header.is_some_and(|it| matches!(it.site, Site::ForeignHttp { .. }));
            let can_retry = stays && of.state == RunState::Finished;
            let retry = can_retry.then(|| line.to("retry").with("run", run).to_string());
            unfinished.extend(UnfinishedAccounts::of(run, &ledger, record, retry));
        }
        Ok((league, baseline, unfinished))
    })?;
    let first = league[0].runs[0].clone();
    let goal = args.engine.selector.goal.goal();
    let decision = Decision { baseline, unfinished, ..Decision::of(league, goal) };
    files::prepare(&args.out)?;
    let retry = decision.unfinished.iter().find_map(|one| one.retry.clone());
    let next = Some(retry.unwrap_or_else(|| line.to("history").to_string()));
    let provenance = Provenance { next, ..provenance::gather(line, first.seed, 1) };
    files::publish(args, &decision, &provenance)
}

fn contender(entry: ListedRun) -> Result<StrategyRuns, CliError> {
    let ListedRun { id, record, replicates, .. } = entry;
    let record = record.ok_or_else(|| {
        CliError::usage(format!("run {id} has no record: it did not come to its end"))
    })?;
    whole(id, &record, "be reported")?;
    let name = Some(format!("{}, run {id}", record.configuration()));
    let strategy = record.strategy;
    let findings = findings(&record);
    let (runs, spectra) = (vec![record], Vec::new());
    Ok(StrategyRuns { strategy, name, runs, replicates, spectra, findings })
}

/// Each contender against the stored run `id`.
pub(super) fn against(
    store: &Store,
    id: i64,
    league: &[StrategyRuns],
) -> Result<Baseline, CliError> {
    let base = contender(store.entry(id)?)?;
    let replicates = base.summary();
    let side = (&base.runs[0], replicates.runs());
    let deltas = league.iter().map(|contender| {
        let replicates = contender.summary();
        let run = (&contender.runs[0], replicates.runs());
        let name = contender.name.clone().unwrap_or_else(|| contender.strategy.to_string());
        (name, delta(side, run))
    });
    let record = &base.runs[0];
    Ok(Baseline {
        run: id,
        what: format!(
            "{}, {} × {}, profile {}",
            record.configuration(),
            record.resources,
            record.mappings,
            record.profile
        ),
        deltas: deltas.collect(),
    })
}
