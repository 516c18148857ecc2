//! The input of an engine run. Plain data: nothing here makes a call.

use super::control::Control;
use super::limiter::LimitFactory;
use super::settings::Settings;
use super::stop::Stop;
use crate::journal::{Journal, Ledger, NO_SETTLEMENTS, NoJournal, RetryScope, Settlements};
use crate::plan::Plan;
use neon_mock::api::{AccountId, Criterion};

/// Where the ids of a run's accounts come from.
#[derive(Clone, Copy, Debug)]
pub enum AccountSource<'a> {
    /// The run migrates these accounts, in this order.
    Ids(&'a [AccountId]),
    /// The run migrates the accounts that a search for these criteria finds before the first write.
    Search {
        /// The criteria.
        criteria: &'a [Criterion],
        /// The most accounts to take, the first by id; `None` takes all.
        most: Option<u64>,
    },
}

/// One migration: what to migrate, how to make the calls, and what surrounds the run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The mappings.
    pub plan: &'a Plan,
    /// Strategy, workers, batch size and the like.
    pub settings: &'a Settings,
    /// The accounts.
    pub resources: AccountSource<'a>,
    /// Records each write before it is sent.
    pub journal: &'a dyn Journal,
    /// Notes of the earlier run that this one resumes.
    pub ledger: &'a Ledger,
    /// Accounts of the earlier run to try again, although that run ended them.
    pub again: RetryScope,
    /// Decisions of people about accounts with a write of unknown result.
    pub settlements: &'a Settlements,
    /// Once set, the run sends nothing more, and gives up calls that are not answered within a second.
    pub stop: &'a Stop,
    /// Holds and slows the run.
    pub control: &'a Control,
    /// Overrides the limiter of `settings`.
    pub limits: Option<&'a dyn LimitFactory>,
}

impl<'a> Job<'a> {
    /// A run of all accounts without a journal, an earlier run or a way to stop it.
    pub const fn new(plan: &'a Plan, settings: &'a Settings, resources: AccountSource<'a>) -> Self {
        Self {
            plan,
            settings,
            resources,
            journal: &NoJournal,
            ledger: Ledger::EMPTY,
            again: RetryScope::Neither,
            settlements: NO_SETTLEMENTS,
            stop: Stop::NEVER,
            control: Control::NEVER,
            limits: None,
        }
    }
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("settings", self.settings).finish_non_exhaustive()
    }
}
