//! Records the accounts that a run reads and the writes that it sends, as its calls go by.

use crate::engine::{AccountView, account_of, is_certain_refusal, outcome_of};
use crate::transport::{Transport, TransportError};
use neon_mock::api::{
    Account, AccountId, Body, Category, CustomFieldItem, FieldId, OutputField, Request, Response,
    SearchAccounts, SearchPage, SearchRow, Status, Value,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A transport that records what each account held and what was written there, in order.
#[derive(Debug)]
pub struct Recorder<T> {
    inner: T,
    notes: RefCell<Notes>,
}

/// Everything that was recorded.
#[derive(Debug, Default)]
pub(super) struct Notes {
    seen: BTreeMap<AccountId, Vec<Sight>>,
    /// Number of writes.
    writes: u64,
    pub(super) definitions: Option<Response>,
}

/// One look at an account, or one write to it.
#[derive(Debug)]
pub(super) enum Sight {
    /// All its fields that are not empty, in id order.
    Whole(Vec<(FieldId, Value)>),
    /// Its row in a search result.
    Row(ShownRow),
    /// A write.
    Written(Box<SentWrite>),
}

/// An account's row in a search result.
#[derive(Debug)]
pub(super) struct ShownRow {
    pub(super) fields: Rc<[FieldId]>,
    pub(super) row: SearchRow,
}

/// A write that was sent.
#[derive(Debug)]
pub(super) struct SentWrite {
    /// The account as it was sent.
    pub(super) account: Account,
    /// Its place among all writes, from 1.
    pub(super) order: u64,
    /// True if the answer said that it was carried out.
    pub(super) is_certain: bool,
}

impl SentWrite {
    /// The fields that it writes: with options or text, and the new value.
    pub(super) fn items(&self) -> impl Iterator<Item = (FieldId, bool, Option<Value>)> {
        let items = self.account.body.account_custom_fields.iter().flatten();
        let item =
            |item: &CustomFieldItem| Some((item.id?, item.option_values.is_some(), item.held()));
        items.filter_map(item)
    }
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

    pub(super) fn take_notes(&self) -> Notes {
        self.notes.take()
    }
}

impl Notes {
    fn note(&mut self, request: &Request, response: &Response) {
        match (request, &response.body) {
            (Request::GetAccount(id), Body::Account(account)) => {
                let values = AccountView::of(account).values;
                let seen = self.seen.entry(*id).or_default();
                // Most accounts that are read again hold what they held.
                if !matches!(seen.last(), Some(Sight::Whole(known)) if *known == values) {
                    seen.push(Sight::Whole(values));
                }
            }
            (Request::SearchAccounts(search), Body::Search(page)) => self.note_rows(search, page),
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
                self.seen.entry(id).or_default().push(Sight::Row(shown));
            }
        }
    }

    fn note_write(&mut self, id: AccountId, account: &Account, is_certain: bool) {
        self.writes += 1;
        let write = SentWrite { account: account.clone(), order: self.writes, is_certain };
        self.seen.entry(id).or_default().push(Sight::Written(Box::new(write)));
    }

    /// The accounts of which anything was read or written.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.seen.keys().copied()
    }

    /// The looks at account `id` and the writes to it, in order.
    pub(super) fn of(&self, id: AccountId) -> &[Sight] {
        self.seen.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Number of writes that were carried out, or may have been.
    pub(super) const fn writes(&self) -> u64 {
        self.writes
    }
}

impl<T: Transport> Transport for Recorder<T> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let answer = self.inner.call(request).await;
        let is_done = answer.as_ref().is_ok_and(|response| {
            // Under 222 another account answers: it is not the one that was asked for.
            response.status.is_success() && response.status != Status::MERGED
        });
        let mut notes = self.notes.borrow_mut();
        match (request, &answer) {
            (Request::PatchAccount(id, account) | Request::PutAccount(id, account), _)
                if !is_certain_refusal(outcome_of(&answer)) =>
            {
                let is_certain = is_done
                    && matches!(&answer, Ok(Response { body: Body::AccountId(it), .. }) if it == id);
                notes.note_write(*id, account, is_certain);
            }
            (request, Ok(response)) if is_done => notes.note(request, response),
            _ => {}
        }
        drop(notes);
        answer
    }
}
