//! Searches that lag behind writes.

use super::Organisation;
use super::change::AccountChange;
use crate::api::AccountId;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// An account as it was before a write.
#[derive(Clone, Debug)]
pub(super) struct Past {
    written_at: Timestamp,
    id: AccountId,
    change: Option<AccountChange>,
    last_id: u64,
}

/// The accounts as a search sees them.
pub(super) struct View<'a> {
    pub(super) organisation: &'a Organisation,
    /// The largest id that is found.
    pub(super) last_id: u64,
    /// Accounts that are found as they were; empty where searches do not lag.
    before: BTreeMap<AccountId, Option<&'a AccountChange>>,
}

impl Organisation {
    /// Saves account `id` as it is for the searches of the next `lag`. Call before a write
    /// at `now`; costs nothing without a lag.
    pub(super) fn remember(&mut self, now: Timestamp, id: AccountId, lag: Duration) {
        if lag.is_zero() {
            return;
        }
        while self.past.front().is_some_and(|past| past.written_at + lag <= now) {
            self.past.pop_front();
        }
        let (change, last_id) = (self.changes.get(id).cloned(), self.last_id());
        self.past.push_back(Past { written_at: now, id, change, last_id });
    }

    /// The organisation as a search sees it at `now`, `lag` behind the writes.
    pub(super) fn view(&self, now: Timestamp, lag: Duration) -> View<'_> {
        let mut view =
            View { organisation: self, last_id: self.last_id(), before: BTreeMap::new() };
        if lag.is_zero() {
            return view;
        }
        // The latest first, so that the earliest state of an account stays.
        for past in self.past.iter().rev().take_while(|past| past.written_at + lag > now) {
            view.before.insert(past.id, past.change.as_ref());
            view.last_id = past.last_id;
        }
        view
    }
}

impl<'a> View<'a> {
    /// Changes to account `id` that a search sees.
    pub(super) fn change(&self, id: AccountId) -> Option<&'a AccountChange> {
        match self.before.get(&id) {
            Some(before) => *before,
            None => self.organisation.changes.get(id),
        }
    }
}
