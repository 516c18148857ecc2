//! Edits of colleagues while a probe lasts: the accounts that others changed between two searches for the newest
//! changes, and the edits per second that these tell.
//!
//! The two pages are compared with one another, so that no clock but the probe's own is read.

use neon_mock::api::{
    AccountId, Body, MAX_PAGE_SIZE, OutputField, Request, SearchAccounts, SortDirection,
};
use neon_mock::bounds::EDITS_PER_S;
use neon_mock::file::DurationText;
use neon_mock::profile::WireEdits;
use neon_mock::rng::{Generator, unit};
use neon_mock::time::Timestamp;
use neonbench_engine::engine::{account_of, ids_of};
use neonbench_engine::plan::Selection;
use rand::Rng;
use rand_distr::{Distribution, Gamma};
use std::collections::BTreeSet;
use std::time::Duration;

/// Column with the time of an account's last change.
pub(crate) const MODIFIED: &str = "Account Last Modified Date/Time";

/// Shape of the posterior of a rate of which nothing was known, beside the events (Jeffreys' prior).
const JEFFREYS: f64 = 0.5;

/// Accounts that others changed while a probe lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenEdits {
    /// The accounts, as far as one page of the newest changes shows them.
    pub accounts: u32,
    /// Time between the two searches.
    pub during: Duration,
}

/// A page of the newest changes.
#[derive(Clone, Debug)]
pub(super) struct NewestChanges {
    sent_at: Timestamp,
    /// Accounts, each with its time of change as the server writes it.
    rows: BTreeSet<(AccountId, String)>,
}

/// The search for the accounts of the organisation that were changed last.
pub(super) fn newest() -> Request {
    let Selection::Filter(all) = Selection::All.at_server() else {
        unreachable!("all accounts are a filter at a server")
    };
    let mut search: SearchAccounts = ids_of(all);
    search.output_fields.push(OutputField::Name(MODIFIED.to_owned()));
    search.pagination.page_size = MAX_PAGE_SIZE;
    search.pagination.sort_column = Some(MODIFIED.to_owned());
    search.pagination.sort_direction = Some(SortDirection::Desc);
    Request::SearchAccounts(search)
}

impl NewestChanges {
    /// The page of `body`, asked for at `sent_at`; `None` where a row does not tell its change.
    pub(super) fn of(body: &Body, sent_at: Timestamp) -> Option<Self> {
        let Body::Search(page) = body else { return None };
        let row = |row: &neon_mock::api::SearchRow| {
            Some((account_of(row).ok()?, row.get(MODIFIED)?.to_owned()))
        };
        let rows: Option<BTreeSet<_>> = page.search_results.iter().map(row).collect();
        rows.filter(|rows| !rows.is_empty()).map(|rows| Self { sent_at, rows })
    }

    /// The accounts that others changed between `self` and `later`: not those that the probe wrote itself, `ours`.
    pub(super) fn until(&self, later: &Self, ours: &[AccountId]) -> SeenEdits {
        let is_news = |(id, at): &&(AccountId, String)| {
            !ours.contains(id) && !self.rows.contains(&(*id, at.clone()))
        };
        let accounts = later.rows.iter().filter(is_news).count() as u32;
        SeenEdits { accounts, during: later.sent_at.since(self.sent_at) }
    }
}

impl SeenEdits {
    /// Edits per second, in the mean; `None` if none was seen.
    pub(super) fn per_s(self) -> Option<f64> {
        let per_s = f64::from(self.accounts) / self.during.as_secs_f64();
        EDITS_PER_S.check(per_s).ok()
    }

    /// Edits per second drawn from what was seen, where `prior_per_s` were drawn before anybody looked.
    pub(super) fn draw(self, prior_per_s: f64, from: &mut Generator) -> f64 {
        let during_s = self.during.as_secs_f64();
        if self.accounts == 0 {
            // So many per second would mostly have been seen.
            let unseen = (-prior_per_s * during_s).exp();
            return if unit(from.next_u64()) < unseen { prior_per_s } else { 0.0 };
        }
        let shape = f64::from(self.accounts) + JEFFREYS;
        Gamma::new(shape, 1.0 / during_s).map_or(prior_per_s, |rate| rate.sample(from))
    }

    pub(super) fn to_wire(self) -> WireEdits {
        WireEdits { accounts: self.accounts, during: DurationText(self.during) }
    }

    /// `None` where no time passed.
    pub(super) fn of_wire(wire: &WireEdits) -> Option<Self> {
        let seen = Self { accounts: wire.accounts, during: wire.during.0 };
        (!seen.during.is_zero()).then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neon_mock::rng::stream;

    fn page(at_s: u64, rows: &[(u64, &str)]) -> NewestChanges {
        let rows = rows.iter().map(|(id, at)| (AccountId(*id), (*at).to_owned())).collect();
        NewestChanges { sent_at: Timestamp::ZERO + Duration::from_secs(at_s), rows }
    }

    #[test]
    fn accounts_that_others_changed_meanwhile_are_counted() {
        let before = page(10, &[(1, "10:00:03"), (2, "09:00:00"), (3, "09:00:00")]);
        let after = page(14, &[(4, "10:00:12"), (1, "10:00:11"), (5, "10:00:13"), (2, "09:00:00")]);
        let seen = before.until(&after, &[AccountId(5)]);
        assert_eq!(seen, SeenEdits { accounts: 2, during: Duration::from_secs(4) });
        assert_eq!(seen.per_s(), Some(0.5));
    }

    #[test]
    fn what_was_seen_outweighs_what_was_expected() {
        let mean = |accounts, prior_per_s| {
            let seen = SeenEdits { accounts, during: Duration::from_secs(5) };
            let all = (0..2_000).map(|seed| seen.draw(prior_per_s, &mut stream(seed, "a test")));
            all.sum::<f64>() / 2_000.0
        };
        // Jeffreys: half an edit more than was seen, whatever was expected.
        assert!((mean(7, 0.0) - 1.5).abs() < 0.05, "{}", mean(7, 0.0));
        // None in 5 s: 0.02 per second are likely, 2 are not.
        assert!((mean(0, 0.02) - 0.02 * (-0.1_f64).exp()).abs() < 0.001);
        assert!(mean(0, 2.0) < 0.005, "{}", mean(0, 2.0));
    }
}
