//! The part of a run under way that its pace is taken over, and the part of it that is simulated.

use super::{MOST_ACCOUNTS, WARM_UP};
use crate::stats::squared_deviations;

/// Accounts from which on the pace is that of the later half.
const HALVED: u64 = 32;

/// The same after a change of the server.
const HALVED_SINCE: u64 = 12;

/// Parts of a window whose times are compared, and accounts of one at least.
const PARTS: u64 = 8;
const LEAST_PART: u64 = 3;

/// Shares of a window at its end that are compared with the rest of it, and accounts of one at least.
const LASTS: [f64; 6] = [0.5, 0.35, 0.25, 0.18, 0.125, 0.09];
const LEAST_LAST: u64 = 8;

/// A run under way that is simulated: how far it is, and the window of accounts that its pace is taken over.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaceWindow {
    /// Accounts before a change of the server; 0 if there was none.
    pub(super) unchanged: u64,
    /// Accounts before the window.
    pub(super) before: u64,
    /// Accounts in it.
    pub(super) accounts: u64,
    /// Accounts that have not ended.
    pub(super) left: u64,
}

impl PaceWindow {
    pub(super) fn of(since: u64, landed: u64, left: u64) -> Self {
        // After a change of the server, too, the first accounts take another time than those that follow.
        let least = if since == 0 { HALVED } else { HALVED_SINCE };
        let new = landed - since;
        let before = if new >= least { since + new / 2 } else { since };
        Self { unchanged: since, before, accounts: landed - before, left }
    }

    /// Accounts at its end that a change of the server is looked for in.
    pub(super) fn lasts(self) -> impl Iterator<Item = u64> {
        let of = move |share: f64| (self.accounts as f64 * share) as u64;
        LASTS.into_iter().map(of).filter(|last| *last >= LEAST_LAST)
    }

    /// Share of its accounts and of those left that is simulated (0 to 1).
    pub(super) fn share(self) -> f64 {
        (MOST_ACCOUNTS as f64 / (self.accounts + self.left) as f64).min(1.0)
    }

    /// The same for the simulations, which are no longer than they have to be.
    pub(super) fn simulated(self) -> Self {
        let share = self.share();
        if share >= 1.0 {
            return self;
        }
        let part = |accounts: u64| ((accounts as f64 * share).round() as u64).max(1);
        let unchanged = self.unchanged.min(WARM_UP);
        let since = if unchanged == 0 {
            self.before.min(WARM_UP)
        } else {
            (self.before - self.unchanged).min(WARM_UP)
        };
        let (accounts, left) = (part(self.accounts), part(self.left));
        Self { unchanged, before: unchanged + since, accounts, left }
    }

    pub(super) const fn end(self) -> u64 {
        self.end_of_window() + self.left
    }

    pub(super) const fn end_of_window(self) -> u64 {
        self.before + self.accounts
    }

    /// Number of parts that are compared.
    pub(super) fn parts(self) -> u64 {
        PARTS.min(self.accounts / LEAST_PART)
    }

    /// Variance of the logarithms of the seconds that its parts took, by the time at which so many accounts had landed.
    pub(super) fn variance(self, at: impl Fn(u64) -> f64) -> f64 {
        let parts = self.parts();
        let end = |part: u64| at(self.before + part * self.accounts / parts);
        let took = |part: u64| (end(part + 1) - end(part)).max(1e-9).ln();
        let took: Vec<f64> = (0..parts).map(took).collect();
        if parts < 2 { 0.0 } else { squared_deviations(&took) / (parts - 1) as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_simulated_through_the_change_of_its_server_in_part() {
        let window = PaceWindow::of(40_000, 50_000, 50_000);
        assert_eq!((window.before, window.accounts), (45_000, 5_000));
        let part = window.simulated();
        assert_eq!((part.unchanged, part.before), (WARM_UP, 2 * WARM_UP));
        assert_eq!((part.accounts, part.left), (91, 909));
        let few = PaceWindow::of(40, 45, 50);
        assert_eq!((few.before, few.simulated().before), (40, 40));
    }
}
