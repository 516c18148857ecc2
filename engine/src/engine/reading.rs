//! Reading accounts: whole, value by value, or as rows of a search page.

use super::account::{
    AccountProgress, Halt, PendingAccount, PreparedWrite, Prior, ReadValues, SearchedValue, changes,
};
use super::caller::Caller;
use super::error::EngineError;
use super::migrator::Migrator;
use super::rows::{Columns, account_of};
use crate::clock::Clock;
use crate::decide::{AccountDecision, SlotValues, decide, decide_on};
use crate::event::Event;
use crate::plan::{Inconclusive, ResolvedPlan};
use crate::transport::Transport;
use neon_mock::api::{Account, AccountId, AccountKind, Body, CustomFieldItem, Request, SearchRow};
use neon_mock::time::Timestamp;
use std::ops::Range;

/// An account as it was read by searches for its values.
struct SearchedAccount {
    kind: AccountKind,
    state: SlotValues,
    /// When the first of them was sent.
    at: Timestamp,
}

/// Accounts of a page that have not ended yet.
#[derive(Default)]
pub(super) struct PageResult {
    /// Accounts that were decided and wait for their write.
    pub(super) pending: Vec<PendingAccount>,
    /// Accounts that no row settles; they are read by GET.
    pub(super) unsettled: Vec<AccountId>,
    /// Number of accounts that the search was still to read at its end.
    pub(super) read: usize,
}

impl PageResult {
    fn unsettled(ids: Vec<AccountId>) -> Self {
        Self { pending: Vec::new(), read: ids.len(), unsettled: ids }
    }
}

impl<T: Transport, C: Clock> Migrator<'_, T, C> {
    /// Reads an account whole and decides `steps` on it; the write it needs, if any.
    pub(super) async fn get(
        &self,
        id: AccountId,
        steps: Range<usize>,
        progress: &mut AccountProgress,
    ) -> Result<Option<PreparedWrite>, Halt> {
        let task = self.task().await?;
        let (account, read_at) = self.read(id).await?;
        Ok(self.decide_read(account, read_at, &task, steps, progress))
    }

    /// As [`get`](Self::get), but gives way where the read is refused.
    pub(super) async fn get_unless_refused(
        &self,
        id: AccountId,
        steps: Range<usize>,
        progress: &mut AccountProgress,
    ) -> Result<Option<PreparedWrite>, Halt> {
        let task = self.task().await?;
        let request = Request::GetAccount(id);
        let read = self.caller().read_unless_refused(&request).await?;
        let (body, read_at) = read.ok_or(Halt::GaveWay)?;
        let Body::Account(account) = body else {
            return Err(EngineError::WrongBody(request.endpoint()).into());
        };
        Ok(self.decide_read(account, read_at, &task, steps, progress))
    }

    /// The write that `steps` need on an account that was read whole at `read_at`, if any.
    pub(super) fn decide_read(
        &self,
        account: Box<Account>,
        read_at: Timestamp,
        task: &ResolvedPlan,
        steps: Range<usize>,
        progress: &mut AccountProgress,
    ) -> Option<PreparedWrite> {
        let mut decision = decide(&account, task, &task.steps[steps.clone()]);
        let items = self.to_write(&mut decision, progress)?;
        let (kind, prior) = (account.kind, Prior::Account(account));
        Some(PreparedWrite { kind, items, steps, prior, read_at })
    }

    /// The same, by a search for each value that `steps` need, as the guide's engine reads. What no
    /// search settles is read whole.
    pub(super) async fn values(
        &self,
        id: AccountId,
        steps: Range<usize>,
        known: &mut ReadValues,
        progress: &mut AccountProgress,
    ) -> Result<Option<PreparedWrite>, Halt> {
        let task = self.task().await?;
        let write = match self.shown(id, &task, steps.clone(), known).await? {
            Ok(SearchedAccount { kind, state, at }) => {
                let mut write = self.decide_shown(kind, &state, at, &task, steps, progress);
                if let Some(write) = &mut write
                    && !self.journal_is_on()
                {
                    // Targets that are overwritten were not read: their old values are unknown.
                    write.prior = Prior::Changes(Vec::new());
                }
                write
            }
            Err(Inconclusive) => self.get(id, steps, progress).await?,
        };
        known
            .written
            .extend(write.iter().flat_map(|write| write.items.iter().filter_map(|item| item.id)));
        Ok(write)
    }

    /// The account's kind and what `steps` need of its state.
    async fn shown(
        &self,
        id: AccountId,
        task: &ResolvedPlan,
        steps: Range<usize>,
        known: &mut ReadValues,
    ) -> Result<Result<SearchedAccount, Inconclusive>, Halt> {
        // A dry run writes nothing that a later search could show.
        if !self.settings().dry_run {
            known.values.clear();
        }
        known.values.resize(task.slots.len(), None);
        let slots = task.needed(steps, self.journal_is_on());
        for &slot in &slots {
            if known.values[slot].is_some() {
                continue;
            }
            // A search may lag behind what was written, by this run or an earlier one.
            let shown = if known.written.contains(&task.slots[slot].id) || !self.is_new(id) {
                Err(Inconclusive)
            } else {
                self.search_value(id, task, slot).await?
            };
            match shown {
                Ok(shown) => known.values[slot] = Some(shown),
                Err(Inconclusive) => return Ok(Err(Inconclusive)),
            }
        }
        let kind = known.values[slots[0]].as_ref().map_or(AccountKind::Individual, |it| it.kind);
        let at = known.values.iter().flatten().map(|shown| shown.read_at).min();
        let at = at.unwrap_or_else(|| self.caller().clock().now());
        let held =
            |shown: &Option<SearchedValue>| shown.as_ref().and_then(|shown| shown.value.clone());
        Ok(Ok(SearchedAccount { kind, state: known.values.iter().map(held).collect(), at }))
    }

    /// Reads one slot of an account by a search for it alone.
    async fn search_value(
        &self,
        id: AccountId,
        task: &ResolvedPlan,
        slot: usize,
    ) -> Result<Result<SearchedValue, Inconclusive>, Halt> {
        let slots = [slot];
        let Some(columns) = Columns::new(task, &slots) else { return Ok(Err(Inconclusive)) };
        let request = Request::SearchAccounts(columns.search(&[id], 0));
        let (body, read_at) = self.caller().read(&request).await.map_err(Halt::from)?;
        let Body::Search(page) = body else {
            return Err(Halt::Run(EngineError::WrongBody(request.endpoint())));
        };
        // A missing account may have been merged: a GET shows it.
        let [row] = page.search_results.as_slice() else { return Ok(Err(Inconclusive)) };
        let shown = || {
            let mut state = vec![None; task.slots.len()];
            let kind = columns.read(row, &mut state)?;
            if account_of(row)? == id {
                Ok(SearchedValue { kind, value: state.swap_remove(slot), read_at })
            } else {
                Err(Inconclusive)
            }
        };
        Ok(shown())
    }

    /// Reads accounts by one search and decides all mappings on what its rows settle. Those that
    /// need no write have landed. Once the rows are there, only those accounts are decided that `left` returns:
    /// the others were read otherwise meanwhile.
    pub(super) async fn page(
        &self,
        ids: &[AccountId],
        left: impl FnOnce() -> Vec<AccountId>,
    ) -> Result<PageResult, EngineError> {
        let task = self.task().await?;
        let slots: Vec<usize> = (0..task.slots.len()).collect();
        let Some(columns) = Columns::new(&task, &slots) else {
            return Ok(PageResult::unsettled(left()));
        };
        let rows = search_rows(self.caller(), &columns, ids).await?;
        let ids = left();
        let Some((rows, read_at)) = rows else {
            return Ok(PageResult::unsettled(ids));
        };
        let mut page = PageResult { read: ids.len(), ..PageResult::default() };
        let mut state = vec![None; task.slots.len()];
        for id in ids {
            let settled = match only_row(&rows, id) {
                Ok(row) if self.is_new(id) => columns.read(row, &mut state),
                _ => Err(Inconclusive),
            };
            let Ok(kind) = settled else {
                page.unsettled.push(id);
                continue;
            };
            let mut progress = AccountProgress::default();
            match self.decide_shown(
                kind,
                &state,
                read_at,
                &task,
                0..task.steps.len(),
                &mut progress,
            ) {
                Some(write) => {
                    self.caller().emit(&Event::Buffered { records: 1 });
                    let before = AccountProgress::default();
                    page.pending.push(PendingAccount { id, write, before, progress });
                }
                None => self.land_progress(id, progress)?,
            }
        }
        Ok(page)
    }

    /// The write that `steps` need on an account that held `before` at `read_at`, if any.
    fn decide_shown(
        &self,
        kind: AccountKind,
        before: &SlotValues,
        read_at: Timestamp,
        task: &ResolvedPlan,
        steps: Range<usize>,
        progress: &mut AccountProgress,
    ) -> Option<PreparedWrite> {
        let mut decision = decide_on(before, kind, task, &task.steps[steps.clone()]);
        let items = self.to_write(&mut decision, progress)?;
        let held = |field| {
            let slot = task.slots.iter().position(|slot| slot.id == field)?;
            before[slot].clone()
        };
        let changes = changes(&items, held);
        Some(PreparedWrite { kind, items, steps, prior: Prior::Changes(changes), read_at })
    }

    /// Adds a decision to the progress; returns the items to write, if any.
    fn to_write(
        &self,
        decision: &mut AccountDecision,
        progress: &mut AccountProgress,
    ) -> Option<Vec<CustomFieldItem>> {
        let items = std::mem::take(&mut decision.items);
        progress.add(decision, !items.is_empty());
        (!items.is_empty() && !self.settings().dry_run).then_some(items)
    }
}

/// The rows of the accounts `ids`, in id order, and when the first of them were asked for; `None`
/// where the search was given up, since the accounts can still be read singly.
///
/// Errors: [`EngineError`] if every call to come would fail alike.
pub(super) async fn search_rows<T: Transport, C: Clock>(
    caller: &Caller<'_, T, C>,
    columns: &Columns<'_>,
    ids: &[AccountId],
) -> Result<Option<(Vec<(AccountId, SearchRow)>, Timestamp)>, EngineError> {
    let mut rows = Vec::with_capacity(ids.len());
    let mut first_at = None;
    // Each page but the last has at least one row of these accounts, whatever the server says of pages to come.
    for current_page in 0..=ids.len() as u32 {
        let request = Request::SearchAccounts(columns.search(ids, current_page));
        let page = match caller.read(&request).await {
            Ok((Body::Search(page), read_at)) => {
                first_at.get_or_insert(read_at);
                page
            }
            Ok(_) => return Err(EngineError::WrongBody(request.endpoint())),
            Err(error) if error.ends_run() => return Err(EngineError::from_call(error)),
            Err(_) => return Ok(None),
        };
        // A server may serve smaller pages than it was asked for.
        let is_last = page.pagination.is_last() || page.search_results.is_empty();
        let of_account = |row| Some((account_of(&row).ok().filter(|id| ids.contains(id))?, row));
        rows.extend(page.search_results.into_iter().filter_map(of_account));
        if is_last {
            break;
        }
    }
    rows.sort_by_key(|(id, _)| *id);
    Ok(first_at.map(|first_at| (rows, first_at)))
}

/// The row of account `id`, if there is no other.
pub(super) fn only_row(
    rows: &[(AccountId, SearchRow)],
    id: AccountId,
) -> Result<&SearchRow, Inconclusive> {
    let first = rows.partition_point(|(other, _)| *other < id);
    match &rows[first..] {
        [(found, row), rest @ ..] if *found == id => {
            let is_only = rest.first().is_none_or(|(other, _)| *other != id);
            is_only.then_some(row).ok_or(Inconclusive)
        }
        _ => Err(Inconclusive),
    }
}
