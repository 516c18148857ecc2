//! Reading accounts again: a page of them per search, and singly by GET those that no row settles.

use super::caller::{CallError, Caller};
use super::control::Control;
use super::error::EngineError;
use super::reading::{only_row, search_rows};
use super::rows::Columns;
use super::settings::Settings;
use super::stop::Stop;
use super::workers::side_by_side;
use super::{search, search_pages};
use crate::clock::Clock;
use crate::event::{Event, Observer, Outcome};
use crate::journal::Journal;
use crate::transport::Transport;
use neon_mock::api::{
    Account, AccountId, AccountKind, Body, Category, Criterion, CustomField, CustomFieldItem,
    FieldId, MAX_PAGE_SIZE, Request, Value,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// Accounts that are read singly at once: a search takes as long.
const FEW: usize = 2;

/// An account as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountView<'a> {
    /// Person or company.
    pub kind: AccountKind,
    /// The custom fields that are not empty, in id order.
    pub values: Vec<(FieldId, Value)>,
    /// The fields that were looked at; `None` if all were.
    pub fields: Option<&'a [FieldId]>,
    /// The last change of the account, in Unix seconds of the server, where the answer tells.
    pub changed_at_unix_s: Option<i64>,
}

impl AccountView<'_> {
    /// A whole account.
    pub fn of(account: &Account) -> Self {
        let items = account.body.account_custom_fields.iter().flatten();
        let value = |item: &CustomFieldItem| Some((item.id?, item.held()?));
        let mut values: Vec<(FieldId, Value)> = items.filter_map(value).collect();
        values.sort_by_key(|(id, _)| *id);
        let times = account.body.timestamps.as_ref();
        Self {
            kind: account.kind,
            values,
            fields: None,
            changed_at_unix_s: times.and_then(|times| times.last_modified_date_time),
        }
    }

    /// True if `field` was looked at.
    pub fn shows(&self, field: FieldId) -> bool {
        self.fields.is_none_or(|fields| fields.contains(&field))
    }

    /// The value of `field`; `None` if it is empty or was not looked at.
    pub fn held(&self, field: FieldId) -> Option<Value> {
        let held = self.values.iter().find(|(id, _)| *id == field);
        held.map(|(_, value)| value.clone())
    }
}

/// Accounts that were not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnreadAccounts {
    /// Accounts that do not exist any more, or were merged into others, with the reason.
    pub gone: Vec<(AccountId, String)>,
    /// Accounts that could not be read, with the reason.
    pub failed: Vec<(AccountId, String)>,
    /// Number of accounts that were left out, since the reading was stopped.
    pub left_out: u64,
}

impl UnreadAccounts {
    /// Adds account `id`, on which a call failed.
    ///
    /// Errors: every account to come would fail alike.
    pub(super) fn add(&mut self, id: AccountId, error: CallError) -> Result<(), EngineError> {
        match error.call.outcome {
            _ if error.ends_run() => return Err(EngineError::from_call(error)),
            Outcome::Unreachable => return Err(EngineError::from_call(error)),
            Outcome::Merged | Outcome::NotFound => self.gone.push((id, error.message)),
            Outcome::Abandoned => self.left_out += 1,
            _ => self.failed.push((id, error.message)),
        }
        Ok(())
    }
}

/// An account that does not hold what a run wrote, but what stood there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuspectAccount {
    /// The account.
    pub id: AccountId,
    /// Place of its last note in the journal.
    pub order: u64,
    /// Its last change, in Unix seconds of the server, where the server tells.
    pub changed_at_unix_s: Option<i64>,
}

/// The suspects that were told apart by the stamps of other accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClearedSuspects {
    /// Somebody changed these after the run had written them.
    pub changed: BTreeSet<AccountId>,
    /// Of these nothing is known, since the accounts to hold them against could not be read.
    pub unknown: BTreeSet<AccountId>,
}

/// Seconds by which the change of an account must come after a later write to be taken for another's: stamps
/// have whole seconds, and calls that overlap may be carried out in another order than they are noted.
const MARGIN_S: i64 = 2;

/// The most later writes that a suspect is held against: others may have changed these accounts, too.
const LATER_WRITES: usize = 20;

/// The last change of an account.
#[derive(Clone, Copy)]
enum Stamp {
    /// In Unix seconds of the server.
    At(i64),
    /// The server does not tell, or has no such account.
    None,
    /// The account could not be read.
    Unread,
}

/// Takes a view of an account; true if that settles it. A whole account always does.
pub type Settle<'a> = &'a dyn Fn(AccountId, AccountView<'_>) -> bool;

/// Reads accounts again, with the retries and workers of a run.
pub struct AccountReader<'a, T, C> {
    caller: Caller<'a, T, C>,
    workers: usize,
    stop: &'a Stop,
}

impl<T, C> std::fmt::Debug for AccountReader<'_, T, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountReader").field("workers", &self.workers).finish_non_exhaustive()
    }
}

impl<'a, T: Transport, C: Clock> AccountReader<'a, T, C> {
    /// Reads by `transport`; once `stop` is set, no other account is begun.
    pub fn new(
        transport: &'a T,
        clock: &'a C,
        observer: &'a mut dyn Observer,
        settings: &Settings,
        stop: &'a Stop,
    ) -> Self {
        let caller = Caller::new(transport, clock, observer, settings, &settings.limiter, stop);
        Self { caller, workers: settings.workers.get() as usize, stop }
    }

    /// The same reader, whose caller writes only as long as `journal` belongs to this process.
    pub(super) fn owned_by(self, journal: &'a dyn Journal) -> Self {
        Self { caller: self.caller.owned_by(journal), ..self }
    }

    /// The same reader, whose caller `control` holds and slows.
    pub(crate) fn controlled_by(self, control: &'a Control) -> Self {
        Self { caller: self.caller.controlled_by(control), ..self }
    }

    /// Carries out `work` of this reader, and takes the orders of the control meanwhile.
    pub(crate) async fn under_control<F: Future>(&self, work: F) -> F::Output {
        self.caller.under_control(work).await
    }

    pub(super) const fn caller(&self) -> &Caller<'a, T, C> {
        &self.caller
    }

    /// The definitions of the organisation's fields.
    ///
    /// Errors: [`EngineError`] if they cannot be read.
    pub async fn definitions(&self) -> Result<Vec<CustomField>, EngineError> {
        let request = Request::ListCustomFields(Category::Account);
        match self.caller.call(&request).await.map_err(EngineError::from_call)? {
            Body::CustomFields(fields) => Ok(fields.to_vec()),
            _ => Err(EngineError::WrongBody(request.endpoint())),
        }
    }

    /// True if so many accounts are worth a search.
    pub const fn is_searched(accounts: usize) -> bool {
        accounts > FEW
    }

    /// Number of calls that reading `accounts` takes at least.
    pub const fn calls(accounts: usize, columns: Option<&Columns<'_>>) -> usize {
        match columns {
            Some(_) if Self::is_searched(accounts) => accounts.div_ceil(MAX_PAGE_SIZE as usize),
            _ => accounts,
        }
    }

    /// Reads the accounts `ids`, which are in id order, and hands each to `settle`: as a row of `columns`
    /// shows it where there are columns, and whole where that does not settle it.
    ///
    /// Errors: [`EngineError`] if the target cannot be reached or refuses the key.
    pub async fn each(
        &self,
        ids: &[AccountId],
        columns: Option<&Columns<'_>>,
        settle: Settle<'_>,
    ) -> Result<UnreadAccounts, EngineError> {
        let mut singly = Vec::new();
        let mut left_out = 0;
        match columns {
            Some(columns) if Self::is_searched(ids.len()) => {
                let fields = columns.fields();
                for page in ids.chunks(MAX_PAGE_SIZE as usize) {
                    if self.stop.is_set() {
                        left_out += page.len();
                        continue;
                    }
                    self.page(page, columns, &fields, settle, &mut singly).await?;
                }
            }
            _ => singly.extend_from_slice(ids),
        }
        let unread = RefCell::new(UnreadAccounts::default());
        let begun = Cell::new(0);
        side_by_side(self.workers.min(singly.len()), self.stop, singly.iter(), |&id| {
            begun.set(begun.get() + 1);
            self.whole(id, settle, &unread)
        })
        .await?;
        let mut unread = unread.into_inner();
        unread.left_out += (left_out + singly.len() - begun.get()) as u64;
        unread.gone.sort();
        unread.failed.sort();
        Ok(unread)
    }

    /// Reads the accounts that meet `criteria`, by the pages of one search, and hands each to `settle`, as
    /// [`each`](Self::each) does; the ids of the accounts beside those that were not read.
    ///
    /// Errors: [`EngineError`] if the search is not served to its end.
    pub async fn matching(
        &self,
        criteria: &[Criterion],
        columns: Option<&Columns<'_>>,
        settle: Settle<'_>,
    ) -> Result<(Vec<AccountId>, UnreadAccounts), EngineError> {
        let Some(columns) = columns else {
            let ids = search(&self.caller, criteria, usize::MAX).await?;
            let unread = self.each(&ids, None, settle).await?;
            return Ok((ids, unread));
        };
        let fields = columns.fields();
        // An account with two rows, or with one that leaves a doubt, is read whole.
        let mut views: BTreeMap<AccountId, Option<AccountView<'_>>> = BTreeMap::new();
        let first = columns.matching(criteria.to_vec(), 0);
        let ids = search_pages(&self.caller, first, usize::MAX, &mut |id, row| {
            let is_only = !views.contains_key(&id);
            let row = columns.values(row).ok().filter(|_| is_only);
            let view = row.map(|(kind, values)| {
                let fields = Some(&*fields);
                AccountView { kind, values, fields, changed_at_unix_s: None }
            });
            views.insert(id, view);
        })
        .await?;
        let unsettled = views.into_iter().filter_map(|(id, view)| {
            let is_settled = view.is_some_and(|view| settle(id, view));
            (!is_settled).then_some(id)
        });
        let singly: Vec<AccountId> = unsettled.collect();
        self.read((ids.len() - singly.len()) as u64);
        let unread = self.each(&singly, None, settle).await?;
        Ok((ids, unread))
    }

    /// Settles the accounts of a page by one search; those that are left come into `singly`.
    async fn page(
        &self,
        page: &[AccountId],
        columns: &Columns<'_>,
        fields: &[FieldId],
        settle: Settle<'_>,
        singly: &mut Vec<AccountId>,
    ) -> Result<(), EngineError> {
        let found = search_rows(&self.caller, columns, page).await?;
        let rows = found.as_ref().map_or(&[][..], |(rows, _)| rows);
        let before = singly.len();
        for &id in page {
            let view = only_row(rows, id).and_then(|row| columns.values(row));
            let is_settled = view.is_ok_and(|(kind, values)| {
                let fields = Some(fields);
                settle(id, AccountView { kind, values, fields, changed_at_unix_s: None })
            });
            if !is_settled {
                singly.push(id);
            }
        }
        self.read((page.len() + before - singly.len()) as u64);
        Ok(())
    }

    async fn whole(
        &self,
        id: AccountId,
        settle: Settle<'_>,
        unread: &RefCell<UnreadAccounts>,
    ) -> Result<(), EngineError> {
        let request = Request::GetAccount(id);
        match self.caller.call(&request).await {
            Ok(Body::Account(account)) => {
                settle(id, AccountView::of(&account));
            }
            Ok(_) => return Err(EngineError::WrongBody(request.endpoint())),
            Err(error) => unread.borrow_mut().add(id, error)?,
        }
        self.read(1);
        Ok(())
    }

    /// The accounts among `suspects` that somebody changed after the run had written them: their last change
    /// is later than that of an account which the run wrote afterwards, and which still holds its values. Those
    /// are `standing`, with the places of their last notes, in their order. Clocks of this side play no part.
    ///
    /// Errors: [`EngineError`] if the target cannot be reached or refuses the key.
    pub async fn changed_since(
        &self,
        suspects: &[SuspectAccount],
        standing: &[(u64, AccountId)],
    ) -> Result<ClearedSuspects, EngineError> {
        let mut stamps: BTreeMap<AccountId, Stamp> = BTreeMap::new();
        let mut cleared = ClearedSuspects::default();
        for suspect in suspects {
            let Some(changed_at) = suspect.changed_at_unix_s else { continue };
            let later = standing.partition_point(|(order, _)| *order <= suspect.order);
            for &(_, id) in standing[later..].iter().take(LATER_WRITES) {
                let known = stamps.get(&id).copied();
                let stamp = match known {
                    Some(stamp) => stamp,
                    None => self.stamp(id).await?,
                };
                stamps.insert(id, stamp);
                match stamp {
                    Stamp::At(written_at) if changed_at >= written_at + MARGIN_S => {
                        cleared.unknown.remove(&suspect.id);
                        cleared.changed.insert(suspect.id);
                        break;
                    }
                    Stamp::At(_) | Stamp::None => {}
                    Stamp::Unread => drop(cleared.unknown.insert(suspect.id)),
                }
            }
        }
        Ok(cleared)
    }

    /// The last change of an account.
    async fn stamp(&self, id: AccountId) -> Result<Stamp, EngineError> {
        match self.caller.call(&Request::GetAccount(id)).await {
            Ok(Body::Account(account)) => {
                Ok(AccountView::of(&account).changed_at_unix_s.map_or(Stamp::None, Stamp::At))
            }
            Ok(_) => Ok(Stamp::None),
            Err(error) => {
                let mut unread = UnreadAccounts::default();
                unread.add(id, error)?;
                Ok(if unread.gone.is_empty() { Stamp::Unread } else { Stamp::None })
            }
        }
    }

    /// Tells that so many accounts more were looked at.
    pub(super) fn read(&self, accounts: u64) {
        if accounts > 0 {
            self.caller.emit(&Event::ReadAgain { accounts });
        }
    }
}
