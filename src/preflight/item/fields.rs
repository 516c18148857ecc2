//! `fields`: the plan fits the field definitions of the target, by the rules of `plan check`.

use super::{Item, ItemStage};
use crate::preflight::ItemResult;
use crate::preflight::subject::{Preflight, PreflightError};
use crate::text::plural;
use neonbench_engine::plan::{Level, ResolvedPlan, SampledTexts, check};

pub(super) const ITEM: Item = Item {
    name: "fields",
    question: "Does the plan fit the fields and options of the target?",
    stage: ItemStage::Reads,
    is_sized: false,
    reads: 0,
    run,
};

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let definitions = subject.definitions()?;
    let texts = match ResolvedPlan::resolve(subject.plan, &definitions) {
        Ok(task) => subject.snapshot()?.texts(&task),
        Err(_) => SampledTexts::new(),
    };
    let issues = check(subject.plan, &definitions, &texts);
    let mappings = plural(subject.plan.mappings.len() as u64, "mapping");
    let fields = plural(definitions.len() as u64, "field");
    let mut result = ItemResult::pass(format!("{mappings} checked against {fields}"))
        .with("fields", definitions.len())
        .with("issues", issues.iter().map(|issue| issue.code).collect::<Vec<_>>());
    for issue in &issues {
        match issue.level {
            Level::Error => result.fail(format!("{issue} [{}]", issue.code)),
            Level::Warning => result.warn(format!("{issue} [{}]", issue.code)),
        }
    }
    for mapping in subject.plan.mappings.iter().filter(|mapping| mapping.is_open()) {
        result.fail(format!("the target of `{}` is still to be named", mapping.source));
    }
    Ok(result)
}
