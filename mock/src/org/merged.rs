//! Merged accounts and the remaining ids, computed from (seed, id), not stored.
//!
//! Only the number of merged ids before each block of ids is stored, so that a page of accounts
//! is found without visiting the pages before it.

use super::Organisation;
use crate::api::AccountId;
use crate::rng;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Ids in a block.
const BLOCK: u64 = 1024;

/// Ids tried in search of a survivor. An account that finds none among them is not merged.
const MAX_TRIES: u64 = 1000;

/// Which accounts were merged into others.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    share: f64,
    key: u64,
    /// Merged ids in the blocks before each one; block 0 begins with id 1.
    before: Arc<[u64]>,
}

impl Merged {
    pub(super) fn new(share: f64, seed: u64) -> Self {
        Self { share, key: rng::key(seed, "merged"), before: Arc::default() }
    }

    /// The same share drawn by another seed; nothing is counted yet.
    pub(super) fn reseeded(&self, seed: u64) -> Self {
        Self::new(self.share, seed)
    }

    fn is_drawn(&self, id: u64) -> bool {
        rng::unit(rng::keyed(self.key, id)) < self.share
    }
}

impl Organisation {
    /// The account that `id` was merged into; `None` if it was not merged.
    ///
    /// The survivor is of the same kind, and not merged itself.
    pub fn survivor(&self, id: AccountId) -> Option<AccountId> {
        let merged = self.merged.as_ref()?;
        if id.0 == 0 || id.0 > self.accounts || !merged.is_drawn(id.0) {
            return None;
        }
        let start = rng::keyed(merged.key, id.0 | 1 << 56) % self.accounts;
        let kind = self.kind(id);
        (0..self.accounts.min(MAX_TRIES))
            .map(|step| AccountId((start + step) % self.accounts + 1))
            .find(|&other| !merged.is_drawn(other.0) && self.kind(other) == kind)
    }

    /// Counts the merged ids of each block, where there are any.
    pub(super) fn count_merged(&mut self) {
        let mut count = 0;
        let mut before = Vec::with_capacity((self.accounts / BLOCK) as usize + 2);
        for block in 0..=self.accounts / BLOCK {
            before.push(count);
            let ids = block * BLOCK + 1..=((block + 1) * BLOCK).min(self.accounts);
            count += self.merged_among(ids);
        }
        if let Some(merged) = &mut self.merged {
            merged.before = before.into();
        }
    }

    /// Every account's id, in order.
    pub fn ids(&self) -> impl Iterator<Item = AccountId> + '_ {
        (1..=self.last_id()).map(AccountId).filter(|&id| self.survivor(id).is_none())
    }

    /// Number of accounts with ids in `range`, which must end at or before the last id.
    pub(super) fn count_in(&self, range: &RangeInclusive<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        self.count_to(*range.end()) - self.count_to(range.start() - 1)
    }

    /// The ids within `range` from its `first` one on, 0 being the lowest.
    pub(super) fn ids_in(
        &self,
        range: RangeInclusive<u64>,
        first: u64,
    ) -> impl Iterator<Item = AccountId> + '_ {
        let start = self.nth(self.count_to(range.start() - 1) + first);
        (start..=*range.end()).map(AccountId).filter(|&id| self.survivor(id).is_none())
    }

    /// Number of accounts with ids up to `id`.
    fn count_to(&self, id: u64) -> u64 {
        let Some(merged) = &self.merged else { return id };
        // Created ids are past the last block and never merged.
        let block = (id / BLOCK).min(merged.before.len() as u64 - 1);
        id - merged.before[block as usize]
            - self.merged_among(block * BLOCK + 1..=id.min(self.accounts))
    }

    /// The id of the account that `count` others precede.
    fn nth(&self, count: u64) -> u64 {
        let Some(merged) = &self.merged else { return count + 1 };
        let blocks = merged.before.iter().zip(0_u64..);
        let ahead = |&(before, block): &(&u64, u64)| block * BLOCK - before <= count;
        let block = blocks.take_while(ahead).last().map_or(0, |(_, block)| block);
        let mut left = count - (block * BLOCK - merged.before[block as usize]);
        let mut id = block * BLOCK + 1;
        loop {
            let exists = self.survivor(AccountId(id)).is_none();
            if exists && left == 0 {
                return id;
            }
            left -= u64::from(exists);
            id += 1;
        }
    }

    fn merged_among(&self, ids: RangeInclusive<u64>) -> u64 {
        ids.filter(|&id| self.survivor(AccountId(id)).is_some()).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;

    fn organisation(accounts: u64) -> Organisation {
        let mut dataset = Dataset::built_in("companies", 2).unwrap();
        dataset.merged = 0.1;
        Organisation::new(&dataset, accounts, 1)
    }

    #[test]
    fn survivors_are_of_the_same_kind_and_not_merged() {
        let organisation = organisation(3_000);
        let merged: Vec<AccountId> =
            (1..=3_000).map(AccountId).filter(|&id| organisation.survivor(id).is_some()).collect();
        assert!((200..400).contains(&merged.len()), "{}", merged.len());
        for id in merged {
            let survivor = organisation.survivor(id).unwrap();
            assert_eq!(organisation.survivor(survivor), None);
            assert_eq!(organisation.kind(survivor), organisation.kind(id));
            assert!(!organisation.contains(id) && organisation.account(id).is_none());
        }
    }

    #[test]
    fn counting_and_paging_agree_with_visiting_all() {
        for accounts in [0, 1, 5, 1_023, 1_024, 1_025, 3_000] {
            let organisation = organisation(accounts);
            let all: Vec<AccountId> = organisation.ids().collect();
            for range in [1..=accounts, 7..=accounts, 2..=accounts.min(1_024), 900..=1_100] {
                if *range.end() > accounts {
                    continue;
                }
                let within: Vec<AccountId> =
                    all.iter().copied().filter(|id| range.contains(&id.0)).collect();
                assert_eq!(organisation.count_in(&range), within.len() as u64, "{range:?}");
                for first in [0, 1, within.len() / 2] {
                    if range.is_empty() || first >= within.len() {
                        continue;
                    }
                    let page: Vec<AccountId> =
                        organisation.ids_in(range.clone(), first as u64).take(3).collect();
                    assert_eq!(page, within[first..within.len().min(first + 3)], "{range:?}");
                }
            }
        }
    }

    #[test]
    fn an_organisation_of_one_has_nobody_to_merge_with() {
        let mut dataset = Dataset::built_in("plain", 1).unwrap();
        dataset.merged = 0.9;
        let organisation = Organisation::new(&dataset, 1, 1);
        assert_eq!(organisation.ids().count(), 1);
    }
}
