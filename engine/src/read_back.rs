//! Audit when the server is remote and gives no access to its state: every account of the run is
//! read again through the API.

use crate::audit::{Audit, ExpectedState};
use crate::clock::Clock;
use crate::engine::{AccountSource, Columns, EngineError, Job, account_of, read_accounts};
use crate::journal::{AccountStatus, LedgerEntry};
use crate::measure::Measure;
use crate::plan::ResolvedPlan;
use crate::transport::{Transport, TransportError};
use neon_mock::api::{
    Account, AccountId, Body, Category, CustomFieldItem, FieldId, OutputField, Request, Response,
    SearchAccounts, SearchPage, SearchRow, Status, Value,
};
use neon_mock::org::StateDigest;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A transport that records the first read of each account, and which accounts were written.
#[derive(Debug)]
pub struct Recorder<T> {
    inner: T,
    notes: RefCell<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    before: BTreeMap<AccountId, Account>,
    shown: BTreeMap<AccountId, Vec<ShownRow>>,
    written: BTreeSet<AccountId>,
    definitions: Option<Response>,
}

/// An account's row in a search result.
#[derive(Debug)]
struct ShownRow {
    fields: Rc<[FieldId]>,
    row: SearchRow,
}

impl<T> Recorder<T> {
    /// Records the calls through `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner, notes: RefCell::default() }
    }

    /// The transport itself.
    pub const fn inner(&self) -> &T {
        &self.inner
    }
}

impl Notes {
    fn note(&mut self, request: &Request, response: &Response) {
        match (request, &response.body) {
            (Request::GetAccount(id), Body::Account(account)) => {
                self.before.entry(*id).or_insert_with(|| (**account).clone());
            }
            (Request::SearchAccounts(search), Body::Search(page)) => self.note_rows(search, page),
            (Request::PatchAccount(id, _) | Request::PutAccount(id, _), _) => {
                self.written.insert(*id);
            }
            (Request::ListCustomFields(Category::Account), _) => {
                self.definitions = Some(response.clone());
            }
            _ => {}
        }
    }

    fn note_rows(&mut self, search: &SearchAccounts, page: &SearchPage) {
        let custom = search.output_fields.iter().filter_map(|output| match output {
            OutputField::Id(id) => Some(*id),
            OutputField::Name(_) => None,
        });
        let fields: Rc<[FieldId]> = custom.collect();
        if fields.is_empty() {
            return;
        }
        for row in &page.search_results {
            if let Ok(id) = account_of(row) {
                let shown = ShownRow { fields: Rc::clone(&fields), row: row.clone() };
                self.shown.entry(id).or_default().push(shown);
            }
        }
    }

    /// The accounts of which anything was read, in id order.
    fn accounts(&self) -> Vec<AccountId> {
        let ids: BTreeSet<AccountId> =
            self.before.keys().chain(self.shown.keys()).copied().collect();
        ids.into_iter().collect()
    }

    /// The custom fields of account `id` before the run, as it first saw each of the plan's; what
    /// it did not look at is taken to be as it is `now`.
    fn before(
        &self,
        id: AccountId,
        task: &ResolvedPlan,
        now: &[(FieldId, Value)],
    ) -> Vec<(FieldId, Value)> {
        let read = self.before.get(&id).map_or_else(|| now.to_vec(), values);
        let mut before: BTreeMap<FieldId, Value> = read.into_iter().collect();
        let shown = self.shown.get(&id).map_or(&[][..], Vec::as_slice);
        let mut state = vec![None; task.slots.len()];
        for (position, slot) in task.slots.iter().enumerate() {
            let first = shown.iter().find(|shown| shown.fields.contains(&slot.id));
            let columns = Columns::new(task, std::slice::from_ref(&position));
            let Some((shown, columns)) = first.zip(columns) else { continue };
            if columns.read(&shown.row, &mut state).is_ok() {
                match state[position].take() {
                    Some(value) => before.insert(slot.id, value),
                    None => before.remove(&slot.id),
                };
            }
        }
        before.into_iter().collect()
    }
}

impl<T: Transport> Transport for Recorder<T> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let answer = self.inner.call(request).await;
        // Under 222 another account answers: it is not the one that was asked for.
        if let Ok(response) = &answer
            && response.status.is_success()
            && response.status != Status::MERGED
        {
            self.notes.borrow_mut().note(request, response);
        }
        answer
    }
}

/// Reads every account of the run again and judges its state.
///
/// The rule is that of [`audit`](crate::audit): the whole plan, or any prefix of its mappings for
/// accounts that failed. The state before the run is that of the first read, whole or by search. If
/// the run was stopped, `landed` are the accounts that had ended, in id order; the others count as
/// failed.
///
/// Errors: [`EngineError`] if the field definitions do not fit the plan any more.
pub async fn read_back<T: Transport, C: Clock>(
    transport: &Recorder<T>,
    clock: &C,
    job: Job<'_>,
    measure: &Measure,
    landed: Option<&[AccountId]>,
) -> Result<Audit, EngineError> {
    let notes = transport.notes.take();
    let Some(Response { body: Body::CustomFields(fields), .. }) = &notes.definitions else {
        return Ok(nothing_was_read(measure));
    };
    let task = ResolvedPlan::resolve(job.plan, fields)?;
    let failed: BTreeSet<AccountId> = measure.failed().iter().copied().collect();
    let mut ids = notes.accounts();
    ids.extend(ended_before(job));
    ids.sort_unstable();
    ids.dedup();
    let accounts = read_accounts(transport.inner(), clock, job.settings, &ids).await?;
    let mut digest = StateDigest::new();
    let (mut mismatched, mut changing) = (0, 0);
    for (id, account) in &accounts {
        let now = values(account);
        digest.account(*id, &now);
        let demand = ExpectedState {
            task: &task,
            kind: account.kind,
            failed: failed.contains(id)
                || landed.is_some_and(|landed| landed.binary_search(id).is_err()),
            dry_run: job.settings.dry_run,
        };
        let before = restored(notes.before(*id, &task, &now), job.ledger.get(*id));
        let verdict = demand.compare(&before, &[], &now);
        mismatched += u64::from(!verdict.matches);
        changing += u64::from(verdict.changes);
    }
    let mut faults = Vec::new();
    let lost = ids.len() - accounts.len();
    if lost > 0 {
        faults.push(format!("{lost} accounts cannot be read back"));
    }
    if mismatched > 0 {
        faults.push(format!("{mismatched} accounts do not read back as the plan demands"));
    }
    if job.settings.dry_run && !notes.written.is_empty() {
        faults.push(format!("a dry run wrote {} accounts", notes.written.len()));
    }
    Ok(Audit { faults, mismatched, changing, state_digest: digest.finish(), ..Audit::default() })
}

/// The account before the whole run, if a resumed run first read it as `read`: writes in the
/// journal are undone.
fn restored(read: Vec<(FieldId, Value)>, entry: Option<&LedgerEntry>) -> Vec<(FieldId, Value)> {
    let Some(entry) = entry else { return read };
    let mut before: BTreeMap<FieldId, Value> = read.into_iter().collect();
    // A write of unknown result may have been carried out: its values are there then.
    let unsure = entry.open.iter().flat_map(|intent| &intent.changes);
    for change in unsure.chain(&entry.changes) {
        if before.get(&change.field) != change.after.as_ref() {
            continue;
        }
        match &change.before {
            Some(value) => before.insert(change.field, value.clone()),
            None => before.remove(&change.field),
        };
    }
    before.into_iter().collect()
}

/// The accounts that an earlier part of a resumed run has migrated or left unchanged.
fn ended_before(job: Job<'_>) -> impl Iterator<Item = AccountId> {
    let ids = match job.resources {
        AccountSource::Ids(ids) => ids,
        AccountSource::Search { .. } => &[],
    };
    ids.iter().copied().filter(move |&id| {
        let landed = job.ledger.get(id).and_then(|entry| entry.landed.as_ref());
        matches!(
            landed,
            Some((AccountStatus::Migrated | AccountStatus::Unchanged | AccountStatus::Unmapped, _))
        )
    })
}

/// A run without any account to read is valid; a run with accounts that read none is not.
fn nothing_was_read(measure: &Measure) -> Audit {
    let faults = match measure.resources() {
        0 => Vec::new(),
        _ if measure.total_attempts() == 0 => Vec::new(),
        _ => vec!["no field definitions were read, so nothing can be judged".to_owned()],
    };
    let state_digest = StateDigest::new().finish();
    Audit { faults, state_digest, ..Audit::default() }
}

/// The custom fields of an account that are not empty, in id order.
fn values(account: &Account) -> Vec<(FieldId, Value)> {
    let items = account.body.account_custom_fields.iter().flatten();
    let value = |item: &CustomFieldItem| Some((item.id?, item.held()?));
    let mut values: Vec<(FieldId, Value)> = items.filter_map(value).collect();
    values.sort_by_key(|(id, _)| *id);
    values
}
