//! `sample`: some accounts are migrated, verified and taken back: on a mock of this process always, and at the
//! target where people gave leave.

use super::{Item, ItemStage, MOST_NAMED};
use crate::preflight::budget::CallAllowance;
use crate::preflight::server::{SIDE_BY_SIDE, TargetReader};
use crate::preflight::subject::{Migration, Preflight, PreflightError, SamplePlace, configuration};
use crate::preflight::{Host, ItemResult};
use crate::text::{first_of, plural};
use neon_mock::NeonMock;
use neon_mock::api::{Account, AccountId, CustomField};
use neon_mock::dataset::import;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{
    AuditDepth, Guard, Reads, ReviewMode, Settings, Strategy, WriteReview,
};
use neonbench_engine::plan::{Plan, ResolvedPlan};
use neonbench_engine::record::ChosenBy;
use neonbench_engine::run::target_of;
use neonbench_engine::scenario::{DatasetSource, Resources, Scenario, Workload};
use std::num::NonZeroU32;

pub(super) const ITEM: Item = Item {
    name: "sample",
    question: "Can a few accounts be written, verified and taken back?",
    stage: ItemStage::Writes,
    is_sized: false,
    reads: 0,
    run,
};

/// Writes beyond one per account that a sample run or its undo may need: refused and failed ones.
const fn spare(sample: u64) -> u64 {
    sample / 4 + SIDE_BY_SIDE as u64
}

/// Calls of one account of the sample, before retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleCost {
    /// Reads.
    reads: u64,
    /// Writes.
    writes: u64,
}

impl SampleCost {
    /// That of a run by the strategy that is `asked` for, or by one that writes an account once; with `settings`, on
    /// that many mappings.
    pub fn of(asked: Option<Strategy>, settings: &Settings, mappings: usize) -> Self {
        let strategy = asked.unwrap_or(Strategy::Hybrid);
        let writes = strategy.record_calls_per_account(mappings as u64) / 2;
        let by_value = settings.reads == Reads::Search && strategy != Strategy::Pipelined;
        let is_wordy = by_value || !settings.metadata_cache;
        let more = if is_wordy { 4 * mappings as u64 } else { 0 };
        let guarding = if settings.guard == Guard::Reread { writes } else { 0 };
        Self { reads: 1 + writes + guarding + more, writes }
    }

    /// True if a run by `strategy` keeps to it.
    fn covers(self, strategy: Strategy, mappings: usize) -> bool {
        strategy.record_calls_per_account(mappings as u64) / 2 <= self.writes
    }
}

/// Calls of the sample run.
fn run_allowance(sample: u64, cost: SampleCost) -> CallAllowance {
    CallAllowance {
        reads: cost.reads * sample + spare(sample) + 4,
        writes: cost.writes * sample + spare(sample),
    }
}

/// Calls of the verification.
const fn verify_allowance(sample: u64) -> CallAllowance {
    CallAllowance { reads: sample + spare(sample) + 2, writes: 0 }
}

/// Calls of the undo, which is repeated where writes had no answer.
const fn undo_allowance(sample: u64) -> CallAllowance {
    CallAllowance { reads: 3 * sample + spare(sample) + 2, writes: sample + spare(sample) }
}

/// Reads of the accounts before and after.
pub(in crate::preflight) const fn own_reads(sample: u64) -> u64 {
    2 * sample
}

/// All calls of the engine for a sample of that many accounts.
pub(in crate::preflight) fn allowance(sample: u64, cost: SampleCost) -> CallAllowance {
    run_allowance(sample, cost) + verify_allowance(sample) + undo_allowance(sample)
}

/// Results of a sample at one place.
#[derive(Debug, Default)]
pub struct SampleTrace {
    /// Number of the run in its store.
    pub run: Option<i64>,
    /// Accounts that it wrote.
    pub written: u64,
    /// Fields that it changed.
    pub changed: u64,
    /// Fields that were taken back.
    pub restored: u64,
    /// Faults, a sentence each.
    pub faults: Vec<String>,
    /// Remarks, a sentence each.
    pub remarks: Vec<String>,
    /// Digests of the accounts before the sample and after it was taken back.
    pub digests: [String; 2],
}

impl SampleTrace {
    /// Share of the changed fields that were taken back (0 to 1).
    pub fn restorable(&self) -> f64 {
        if self.changed == 0 { 1.0 } else { self.restored as f64 / self.changed as f64 }
    }
}

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let migration = subject.migration()?;
    let mut result = ItemResult::pass("");
    if !subject.is_own_mock() {
        let definitions = subject.definitions()?;
        let trace = on_own_fields(subject, &definitions, &migration.settings)?;
        note(&mut result, "on a mock with the target's fields", &trace);
    }
    let ids = subject.sample_ids()?;
    let accounts = plural(ids.len() as u64, "account");
    if ids.is_empty() {
        result.warn("the plan selects no account: nothing was written at the target");
        return Ok(result);
    }
    if !subject.may_write || subject.store.is_none() && !subject.is_own_mock() {
        let why = if subject.may_write {
            "without a store no sample is written at the target: it could not be taken back"
        } else {
            "nothing was written at the target: add --allow-writes-to with the organisation's id"
        };
        result.warn(why);
        result.summary = format!("{accounts} written and taken back on a mock alone");
        return Ok(result);
    }
    let mut order = migration.clone();
    order.scenario.resources = Resources::Ids(ids.clone());
    order.settings = gentle(subject, &migration.settings);
    let trace = at_place(subject, &subject.reader, &subject.place, &order, &ids)?;
    let place = if subject.is_own_mock() { "on a mock of the plan" } else { "at the target" };
    result.summary =
        format!("{accounts}, {} of them written, verified and taken back {place}", trace.written);
    note(&mut result, place, &trace);
    result.remark(format!("{place}: {}", configuration(&order.settings)));
    let [planned, used] = [&migration.settings, &order.settings].map(|it| it.strategy);
    if planned != used {
        result.warn(format!(
            "{place}: the sample was written by {used}, the migration is by {planned}, whose calls were not known \
             before the first: add --strategy {planned}"
        ));
    }
    if trace.written == 0 && trace.faults.is_empty() {
        result.warn(format!("{place} no account of the sample needed a write"));
    }
    if subject.place.stays {
        result.runs.extend(trace.run);
    }
    subject.found.sample = Some(trace);
    Ok(result)
}

/// Adds what a sample found.
fn note(result: &mut ItemResult, place: &str, trace: &SampleTrace) {
    for fault in &trace.faults {
        result.fail(format!("{place}: {fault}"));
    }
    for remark in &trace.remarks {
        result.remark(format!("{place}: {remark}"));
    }
    let [before, after] = &trace.digests;
    let seen = serde_json::json!({
        "written": trace.written, "fields_changed": trace.changed, "fields_restored": trace.restored,
        "digest_before": before, "digest_after_undo": after,
    });
    result.evidence.insert(place.replace(' ', "_").replace('\'', ""), seen);
}

/// The settings of a migration, for a few accounts of a server that others use, and within the budget.
fn gentle(subject: &Preflight<'_>, settings: &Settings) -> Settings {
    let few = NonZeroU32::new(SIDE_BY_SIDE as u32).expect("not zero");
    let is_covered = subject.sample_cost.covers(settings.strategy, subject.plan.mappings.len());
    Settings {
        strategy: if is_covered { settings.strategy } else { Strategy::Hybrid },
        workers: settings.workers.min(few),
        limiter: Limiter::Fixed(few),
        // The verification reads the accounts again, within its own calls.
        audit: AuditDepth::None,
        dry_run: false,
        ..settings.clone()
    }
}

/// The sample on a mock that has the fields of the target and answers at once.
fn on_own_fields(
    subject: &Preflight<'_>,
    definitions: &[CustomField],
    settings: &Settings,
) -> Result<SampleTrace, PreflightError> {
    let scenario = own_scenario(subject.plan, definitions, subject.sample)?;
    let starting = NeonMock::builder().neon(scenario.neon(settings.seed)).try_start();
    let mock = subject.reader.block_on(starting).map_err(|error| PreflightError::of(&error))?;
    let folder = tempfile::tempdir()?;
    let store = folder.path().join("store.sqlite");
    let place = SamplePlace { target: target_of(&mock), store, is_target: false, stays: false };
    let ids: Vec<AccountId> = (1..=subject.sample).map(AccountId).collect();
    let reader = TargetReader::new(&place.target, u64::MAX)?;
    let (chosen_by, reason) = (ChosenBy::User, "the sample of a preflight".to_owned());
    let order = Migration { scenario, settings: gentle(subject, settings), chosen_by, reason };
    let mut trace = at_place(subject, &reader, &place, &order, &ids)?;
    trace.run = None;
    Ok(trace)
}

/// An organisation of `accounts` accounts with the fields of the target, behind no limits.
fn own_scenario(
    plan: &Plan,
    definitions: &[CustomField],
    accounts: u64,
) -> Result<Scenario, PreflightError> {
    ResolvedPlan::resolve(plan, definitions).map_err(|_| PreflightError::Blocked("fields"))?;
    let origin = "the target's fields".to_owned();
    let text = import(definitions).text;
    Ok(Scenario::new(Workload {
        plan: Some(plan.clone()),
        dataset: Some(DatasetSource::File { origin, text }),
        profile: Some(Scenario::profile("unlimited")?),
        resources: Some(accounts),
        ids: Some((1..=accounts).map(AccountId).collect()),
        ..Workload::default()
    })?)
}

/// Migrates the accounts `ids` at `place`, verifies them, takes them back, and compares them with before.
fn at_place(
    subject: &Preflight<'_>,
    reader: &TargetReader,
    place: &SamplePlace,
    order: &Migration,
    ids: &[AccountId],
) -> Result<SampleTrace, PreflightError> {
    let (host, sample) = (subject.host, ids.len() as u64);
    let before = reader.accounts(ids)?;
    let run = host.migrate(place, order, run_allowance(sample, subject.sample_cost));
    let run = run.map_err(|error| broken_off(host, place, sample, error))?;
    let mut trace = SampleTrace { run: run.record.run, ..SampleTrace::default() };
    let record = &run.record;
    trace.written = record.records.migrated;
    trace.faults.extend(record.audit.faults.iter().cloned());
    if record.stopped {
        trace.faults.push(
            "it was stopped before its end: by a signal, or since refused and failed calls used up the budget"
                .to_owned(),
        );
    }
    if record.records.failed > 0 {
        let failed = plural(record.records.failed, "account");
        let first =
            record.errors.first().map_or_else(String::new, |it| format!(" ({})", it.message));
        trace.remarks.push(format!("{failed} of the sample cannot be migrated{first}"));
    }
    let Some(id) = trace.run else { return Ok(trace) };
    let verified = host.review(place, id, ReviewMode::Verify, verify_allowance(sample));
    let undone = host.review(place, id, ReviewMode::Undo, undo_allowance(sample));
    match &verified {
        Ok(found) => trace.faults.extend(differing(found)),
        Err(error) => trace.faults.push(format!("it could not be verified: {error}")),
    }
    match &undone {
        Ok(found) => {
            trace.changed = found.restored + found.as_before + found.differences.len() as u64;
            trace.restored = found.restored + found.as_before;
            trace.faults.extend(not_taken_back(found, host, place, id));
            trace.remarks.extend(unsettled(found, host, id).filter(|_| place.stays));
        }
        Err(error) => trace.faults.push(format!(
            "it could not be taken back: {error}; `{}` takes it back",
            host.undo_command(id)
        )),
    }
    let after = match reader.accounts(ids) {
        Ok(after) => after,
        Err(error) => {
            trace.faults.push(format!("the accounts could not be read again: {error}"));
            return Ok(trace);
        }
    };
    trace.digests = [&before, &after].map(|accounts| digest(accounts));
    let changed = ids.iter().zip(before.iter().zip(&after)).filter(|(_, (a, b))| !is_same(a, b));
    let changed: Vec<String> = changed.map(|(id, _)| id.to_string()).collect();
    if !changed.is_empty() {
        let named = first_of(&changed, MOST_NAMED, ", ");
        trace.faults.push(format!("after the undo these accounts are not as before: {named}"));
    }
    Ok(trace)
}

/// The error of a sample run that could not go on: what it has written is taken back first.
fn broken_off(
    host: &dyn Host,
    place: &SamplePlace,
    sample: u64,
    error: PreflightError,
) -> PreflightError {
    let Some(id) = host.standing() else { return error };
    let undone = host.review(place, id, ReviewMode::Undo, undo_allowance(sample));
    let end = match undone {
        Ok(found) if host.standing().is_none() => {
            let late = unsettled(&found, host, id).map(|words| format!("; {words}"));
            format!("what it had written was taken back{}", late.unwrap_or_default())
        }
        _ => format!("`{}` takes back what it had written", host.undo_command(id)),
    };
    PreflightError::Inconclusive(format!("the sample broke off: {error}; {end}"))
}

/// Faults that a verification shows.
fn differing(found: &WriteReview) -> Vec<String> {
    let mut faults = Vec::new();
    if !found.not_kept.is_empty() {
        let fields = plural(found.not_kept.len() as u64, "field");
        faults.push(format!(
            "the server answered as if it had written {fields}, which hold what stood there before"
        ));
    }
    if !found.differences.is_empty() {
        let fields = plural(found.differences.len() as u64, "field");
        faults.push(format!("{fields} hold neither what was written nor what stood there before"));
    }
    if !found.failed.is_empty() {
        let accounts = plural(found.failed.len() as u64, "account");
        faults.push(format!("{accounts} could not be read again"));
    }
    faults
}

/// Remark on writes without an answer, which may be carried out yet.
fn unsettled(found: &WriteReview, host: &dyn Host, id: i64) -> Option<String> {
    (found.unsettled > 0).then(|| {
        let fields = plural(found.unsettled, "field");
        let undo = host.undo_command(id);
        format!(
            "no answer came to writes of {fields}, which were not carried out until now; `{undo}` takes them back if \
             they are"
        )
    })
}

/// Faults that an undo shows.
fn not_taken_back(
    found: &WriteReview,
    host: &dyn Host,
    place: &SamplePlace,
    id: i64,
) -> Vec<String> {
    let mut faults = Vec::new();
    let left = found.failed.len() as u64 + found.left_out;
    if left > 0 {
        let again = if place.stays {
            format!("; `{}` takes them back", host.undo_command(id))
        } else {
            String::new()
        };
        faults.push(format!("{} could not be taken back{again}", plural(left, "account")));
    }
    faults
}

/// True if both are the same but for their stamps.
fn is_same(one: &Account, other: &Account) -> bool {
    content(one) == content(other)
}

/// An account as JSON without its stamps, which any write moves; its custom fields in the order of their ids.
fn content(account: &Account) -> serde_json::Value {
    let mut account = account.clone();
    account.body.timestamps = None;
    if let Some(items) = &mut account.body.account_custom_fields {
        items.sort_by_key(|item| item.id);
    }
    serde_json::to_value(&account).expect("accounts are JSON")
}

/// SHA-256 of accounts without their stamps.
fn digest(accounts: &[Account]) -> String {
    let all: Vec<_> = accounts.iter().map(content).collect();
    crate::digest::sha256(serde_json::to_string(&all).expect("accounts are JSON").as_bytes())
}
