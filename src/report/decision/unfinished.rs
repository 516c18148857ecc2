//! The accounts of a stored run that did not end as planned, each with its cause.

use neonbench_engine::journal::{AccountStatus, Ledger, LedgerEntry};
use neonbench_engine::record::RunRecord;
use serde::{Deserialize, Serialize};

/// Accounts that are listed; the others are only counted.
const LISTED: usize = 1_000;

/// Accounts of a run that failed, or whose write has an unknown result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UnfinishedAccounts {
    /// Number of the run.
    pub run: i64,
    /// Accounts that failed.
    pub failed: u64,
    /// Accounts with a write of unknown result.
    pub ambiguous: u64,
    /// The first thousand of them, by id.
    pub listed: Vec<UnfinishedAccount>,
    /// The number of the others.
    pub not_listed: u64,
    /// The command that tries them again, where one can.
    pub retry: Option<String>,
}

/// One of them. It holds no value of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UnfinishedAccount {
    /// Id of the account.
    pub resource_id: String,
    /// True if a write was sent, and its result is unknown.
    pub is_ambiguous: bool,
    /// The reason.
    pub cause: String,
}

impl UnfinishedAccounts {
    /// The accounts of run `run` that it did not finish, by its journal, or by the first errors of its record where it kept none; `None` if
    /// every account ended as planned.
    pub fn of(
        run: i64,
        ledger: &Ledger,
        record: &RunRecord,
        retry: Option<String>,
    ) -> Option<Self> {
        let mut all: Vec<UnfinishedAccount> = ledger
            .iter()
            .filter_map(|(id, entry)| {
                let (is_ambiguous, cause) = cause(entry)?;
                Some(UnfinishedAccount { resource_id: id.to_string(), is_ambiguous, cause })
            })
            .collect();
        let mut others = 0;
        if ledger.iter().next().is_none() {
            let of_record = record.errors.iter().map(|error| UnfinishedAccount {
                resource_id: error.resource_id.clone(),
                is_ambiguous: false,
                cause: error.message.clone(),
            });
            all = of_record.collect();
            others = record.errors_total.saturating_sub(all.len() as u64);
        }
        let ambiguous = all.iter().filter(|account| account.is_ambiguous).count() as u64;
        let failed = all.len() as u64 - ambiguous + others;
        let not_listed = all.len().saturating_sub(LISTED) as u64 + others;
        all.truncate(LISTED);
        let found = Self { run, failed, ambiguous, listed: all, not_listed, retry };
        (failed + ambiguous > 0).then_some(found)
    }
}

/// True if the outcome of an account is unknown, and the reason for it; `None` if it ended as planned.
fn cause(entry: &LedgerEntry) -> Option<(bool, String)> {
    match &entry.landed {
        Some((AccountStatus::Failed, reason)) => Some((false, reason.clone())),
        Some((AccountStatus::Ambiguous, reason)) => Some((true, reason.clone())),
        Some(_) => None,
        None => {
            entry.open.as_ref()?;
            Some((true, "its write was sent, and its result is unknown".to_owned()))
        }
    }
}
