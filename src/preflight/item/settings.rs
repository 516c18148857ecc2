//! `settings`: workers, batch size and chunks do not hold the run back.

use super::advice::SIMULATED_ACCOUNTS;
use super::{Item, ItemStage};
use crate::findings::{FindingCause, findings};
use crate::preflight::ItemResult;
use crate::preflight::subject::{Preflight, PreflightError, configuration};
use crate::text::{percent, plural};
use neonbench_engine::engine::Settings;
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunSpec, World};

pub(super) const ITEM: Item = Item {
    name: "settings",
    question: "Do workers, batch size and chunks hold the run back?",
    stage: ItemStage::Free,
    is_sized: true,
    reads: 0,
    run,
};

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let migration = subject.migration()?;
    let scenario = migration.scenario.part(SIMULATED_ACCOUNTS);
    let settings = Settings { dry_run: false, ..migration.settings.clone() };
    let order = RunSpec::new(&scenario, settings);
    let record = order.run(&World::Virtual, &mut |_: &Event| {})?.record;
    let found = findings(&record);
    let causes: Vec<_> = found.iter().map(|finding| serde_json::json!(finding.cause)).collect();
    let refused = percent(record.calls.refused_share());
    let mut result = ItemResult::pass(match found.len() {
        0 => format!("nothing holds the run back; {refused} of the calls are refused"),
        found => format!("{} in a simulated run", plural(found as u64, "finding")),
    })
    .with("settings", configuration(&migration.settings))
    .with("findings", causes)
    .with("refused_share", record.calls.refused_share())
    .with("makespan_s", record.makespan_s);
    for finding in &found {
        let words = format!("{}: {}", finding.message, finding.advice);
        match finding.cause {
            FindingCause::WorkersExceedPool | FindingCause::RetryStorm => result.fail(words),
            _ => result.warn(words),
        }
    }
    Ok(result)
}
