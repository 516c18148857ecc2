//! `rollback`: the fields are kept as they stand, and it is known what could not be put back.

use super::{Item, ItemStage, MOST_NAMED};
use crate::digest::sha256;
use crate::preflight::subject::{Preflight, PreflightError};
use crate::preflight::{ItemResult, ItemStatus};
use crate::text::{first_of, percent, plural};
use neon_mock::api::{AccountId, CustomField, FieldId, OptionId, OptionStatus, Value};
use neonbench_engine::plan::ResolvedPlan;
use std::collections::BTreeMap;

pub(super) const ITEM: Item = Item {
    name: "rollback",
    question: "Can everything be put back, and is it kept as it stands?",
    stage: ItemStage::After,
    is_sized: false,
    reads: 0,
    run,
};

/// Share of the values that can be put back, below which the migration must not begin.
const LEAST_RESTORABLE: f64 = 0.99;

/// Name of the snapshot `table`: by its digest, so that none replaces another of other content.
fn file_of(table: &str) -> String {
    format!("before-{}.csv", &sha256(table.as_bytes())[..8])
}

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    if !subject.keeps_journal || subject.store.is_none() {
        return Err(PreflightError::Blocked("journal"));
    }
    let definitions = subject.definitions()?;
    let snapshot = match subject.snapshot() {
        Ok(snapshot) => snapshot,
        Err(PreflightError::Inconclusive(error)) => {
            let mut result = ItemResult::pass("there is no snapshot");
            result.fail(error);
            return Ok(result);
        }
        Err(blocked) => return Err(blocked),
    };
    let table = snapshot.to_csv();
    let path = subject.folder.join(file_of(&table));
    if let Err(error) = subject.host.write_private(&path, &table) {
        let mut result = ItemResult::pass("there is no snapshot");
        result.fail(error.to_string());
        return Ok(result);
    }
    let task = ResolvedPlan::resolve(subject.plan, &definitions)
        .map_err(|_| PreflightError::Blocked("fields"))?;
    let written: Vec<_> = task.written().into_iter().map(|slot| task.slots[slot].id).collect();
    let (mut values, mut lost) = (0_u64, BTreeMap::new());
    for account in &snapshot.accounts {
        for (field, value) in account.values.iter().flatten().filter(|it| written.contains(&it.0)) {
            values += 1;
            if let Some(why) = unrestorable(&definitions, *field, value) {
                *lost.entry(why).or_insert(0_u64) += 1;
            }
        }
    }
    let all_lost: u64 = lost.values().sum();
    let share = if values == 0 { 1.0 } else { 1.0 - all_lost as f64 / values as f64 };
    let accounts = plural(snapshot.accounts.len() as u64, "account");
    let mut result = ItemResult::pass(format!(
        "{} of {} can be put back; {accounts} kept in {}",
        percent(share),
        plural(values, "value"),
        path.display()
    ))
    .with("snapshot", path.display().to_string())
    .with("sha256", sha256(table.as_bytes()))
    .with("accounts", snapshot.accounts.len())
    .with("values", values)
    .with("restorable_share", share);
    for (why, count) in &lost {
        let words = format!("{} cannot be put back by the API: {why}", plural(*count, "value"));
        if share < LEAST_RESTORABLE { result.fail(words) } else { result.warn(words) }
    }
    let unclear = snapshot.accounts.iter().filter(|account| account.values.is_none()).count();
    if unclear > 0 {
        let accounts = plural(unclear as u64, "account");
        let words = format!(
            "the search does not tell all options of {accounts}, whose values are not judged: the journal will have them"
        );
        if values == 0 {
            result.find(ItemStatus::Unknown, format!("no value could be judged: {words}"));
        } else {
            result.warn(words);
        }
    }
    if !snapshot.missing.is_empty() {
        let missing: Vec<String> = snapshot.missing.iter().map(AccountId::to_string).collect();
        result.warn(format!(
            "the search does not show {} of the plan: {}",
            plural(missing.len() as u64, "account"),
            first_of(&missing, MOST_NAMED, ", ")
        ));
    }
    if let Some(sample) = &subject.found.sample {
        result.evidence.insert("sample_restored_share".to_owned(), sample.restorable().into());
        if sample.restorable() < 1.0 {
            result.fail(format!(
                "{} of the sample's fields were put back",
                percent(sample.restorable())
            ));
        }
    }
    Ok(result)
}

/// The reason why the API does not put `value` back, if it does not.
fn unrestorable(definitions: &[CustomField], field: FieldId, value: &Value) -> Option<String> {
    let definition = definitions.iter().find(|definition| definition.id == field)?;
    let name = &definition.name;
    if definition.status == Some(OptionStatus::Inactive) {
        return Some(format!("field `{name}` is inactive"));
    }
    if !definition.display_type.has_options() && !definition.display_type.is_text() {
        return Some(format!("field `{name}` is of a type that cannot be written"));
    }
    // `constituentReadOnly` concerns constituents alone: the API writes such fields.
    let Value::Options(options) = value else { return None };
    let is_inactive = |id: &OptionId| {
        let option = definition.option_values.iter().find(|option| option.id == *id);
        option.is_some_and(|option| option.status == Some(OptionStatus::Inactive))
    };
    let inactive = options.iter().find(|id| is_inactive(id))?;
    let option = definition.option_values.iter().find(|option| option.id == *inactive)?;
    Some(format!("option `{}` of `{name}` is inactive", option.name))
}
