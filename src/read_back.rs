//! The audit of a run against someone else's server, which cannot be asked for its state: every
//! account is read again through the API.

use crate::audit::Audit;
use crate::clock::Clock;
use crate::decide::decide;
use crate::engine::{EngineError, Settings, read_accounts};
use crate::measure::Measure;
use crate::plan::{Plan, Task};
use crate::transport::{Transport, TransportError};
use neon_mock::api::{
    Account, AccountId, Body, Category, CustomFieldItem, FieldId, Request, Response, Value,
};
use neon_mock::org::StateDigest;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A transport that remembers which accounts were read, and what was last written to them.
#[derive(Debug)]
pub struct Recorder<T> {
    inner: T,
    notes: RefCell<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    read: BTreeSet<AccountId>,
    written: BTreeMap<AccountId, BTreeMap<FieldId, Option<Value>>>,
    definitions: Option<Response>,
}

impl<T> Recorder<T> {
    /// Remembers what goes through `inner`.
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
        match request {
            Request::GetAccount(id) => {
                self.read.insert(*id);
            }
            Request::PatchAccount(id, account) | Request::PutAccount(id, account) => {
                let fields = self.written.entry(*id).or_default();
                for item in account.body.account_custom_fields.iter().flatten() {
                    fields.extend(item.id.map(|field| (field, item.held())));
                }
            }
            Request::ListCustomFields(Category::Account) => {
                self.definitions = Some(response.clone());
            }
            _ => {}
        }
    }
}

impl<T: Transport> Transport for Recorder<T> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let answer = self.inner.call(request).await;
        if let Ok(response) = &answer
            && response.status.is_success()
        {
            self.notes.borrow_mut().note(request, response);
        }
        answer
    }
}

/// Reads every account of the run again and judges what stands there.
///
/// An account that did not fail must hold what was last written to it, and need nothing more by
/// the plan. In a dry run nothing may have been written.
pub async fn read_back<T: Transport, C: Clock>(
    transport: &Recorder<T>,
    clock: &C,
    plan: &Plan,
    settings: &Settings,
    measure: &Measure,
) -> Result<Audit, EngineError> {
    let Notes { read, written, definitions } = transport.notes.take();
    let Some(Response { body: Body::CustomFields(fields), .. }) = definitions else {
        return Ok(nothing_was_read(measure));
    };
    let task = Task::resolve(plan, &fields)?;
    let failed: BTreeSet<AccountId> = measure.failed().iter().copied().collect();
    let ids: Vec<AccountId> = read.into_iter().collect();
    let accounts = read_accounts(transport.inner(), clock, settings, &ids).await?;
    let mut digest = StateDigest::new();
    let mut mismatched = 0;
    for (id, account) in &accounts {
        let values = values(account);
        digest.account(*id, &values);
        let stands = written.get(id).is_none_or(|fields| {
            fields.iter().all(|(field, value)| held(&values, *field) == value.as_ref())
        });
        let settled = settings.dry_run || decide(account, &task, &task.steps).items.is_empty();
        mismatched += u64::from(!(failed.contains(id) || stands && settled));
    }
    let lost = ids.iter().filter(|id| !failed.contains(id)).count();
    let lost = lost - accounts.iter().filter(|(id, _)| !failed.contains(id)).count();
    let mut faults = Vec::new();
    if lost > 0 {
        faults.push(format!("{lost} accounts cannot be read back"));
    }
    if mismatched > 0 {
        faults.push(format!("{mismatched} accounts do not read back as the plan demands"));
    }
    if settings.dry_run && !written.is_empty() {
        faults.push(format!("a dry run wrote {} accounts", written.len()));
    }
    let changing = written.len() as u64;
    Ok(Audit { faults, mismatched, lost_updates: 0, changing, state_digest: digest.finish() })
}

/// A run that had no account to look at is valid; one that did but read none is not.
fn nothing_was_read(measure: &Measure) -> Audit {
    let faults = match measure.resources() {
        0 => Vec::new(),
        _ => vec!["no field definitions were read, so nothing can be judged".to_owned()],
    };
    let state_digest = StateDigest::new().finish();
    Audit { faults, mismatched: 0, lost_updates: 0, changing: 0, state_digest }
}

/// The custom fields of an account that are not empty, in id order.
fn values(account: &Account) -> Vec<(FieldId, Value)> {
    let items = account.body.account_custom_fields.iter().flatten();
    let value = |item: &CustomFieldItem| Some((item.id?, item.held()?));
    let mut values: Vec<(FieldId, Value)> = items.filter_map(value).collect();
    values.sort_by_key(|(id, _)| *id);
    values
}

fn held(values: &[(FieldId, Value)], field: FieldId) -> Option<&Value> {
    values.iter().find(|(id, _)| *id == field).map(|(_, value)| value)
}
