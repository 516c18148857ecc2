//! The migration that a preflight is about, its target, and results that later items rest on.

use super::budget::CallAllowance;
use super::item::{SampleCost, SampleTrace};
use super::server::TargetReader;
use super::snapshot::Snapshot;
use crate::experiment::{Candidate, Forecast, Goal, forecast};
use crate::store::StoreError;
use neon_mock::api::{AccountId, CustomField};
use neonbench_engine::engine::{ReviewMode, Settings, Stop, WriteReview};
use neonbench_engine::plan::{Plan, Selection};
use neonbench_engine::record::ChosenBy;
use neonbench_engine::run::{Run, RunError};
use neonbench_engine::scenario::{Scenario, ScenarioError};
use neonbench_engine::world::Target;
use std::path::{Path, PathBuf};

/// The reasons why an item is not judged.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Something failed, in words.
    #[error("{0}")]
    Inconclusive(String),
    /// The key's user has no right to a call, in words: `access` says so.
    #[error("{0}")]
    Denied(String),
    /// It rests on what another item has found wrong.
    #[error("not run: see `{0}`")]
    Blocked(&'static str),
}

impl PreflightError {
    /// An error in words, with its causes.
    pub fn of(error: &dyn std::error::Error) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            let text = source.to_string();
            if !words.contains(&text) {
                words = format!("{words}: {text}");
            }
            cause = source.source();
        }
        Self::Inconclusive(words)
    }
}

macro_rules! from_error {
    ($($error:ty),*) => {$(
        impl From<$error> for PreflightError {
            fn from(error: $error) -> Self {
                Self::of(&error)
            }
        }
    )*};
}
from_error!(RunError, StoreError, ScenarioError, std::io::Error);

/// The migration on an organisation of a known size.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Organisation, limits and plan.
    pub scenario: Scenario,
    /// The settings that it is going to be run with.
    pub settings: Settings,
    /// Origin of the strategy.
    pub chosen_by: ChosenBy,
    /// Reason for it.
    pub reason: String,
}

/// Where a sample is written.
#[derive(Clone, Debug)]
pub struct SamplePlace {
    /// The server.
    pub target: Target,
    /// The store that notes its writes.
    pub store: PathBuf,
    /// True if it is the target of the migration, and not a mock beside it.
    pub is_target: bool,
    /// True if the run outlives this process, so that people may have to take it back.
    pub stays: bool,
}

/// The command line's part: the settings that flags ask for, and runs in a store.
pub trait Host {
    /// The migration on `accounts` accounts, or as many as the plan names.
    fn migration(&self, accounts: Option<u64>) -> Result<Migration, PreflightError>;

    /// The settings that are recommended for `scenario`, whatever flags ask for, and the reason.
    fn advice(&self, scenario: &Scenario) -> Result<(Settings, String), PreflightError>;

    /// Carries out a run of `scenario` at `place`, noted in its store, with at most `allowed` calls.
    fn migrate(
        &self,
        place: &SamplePlace,
        migration: &Migration,
        allowed: CallAllowance,
    ) -> Result<Run, PreflightError>;

    /// Verifies run `id` of `place`, or takes it back, with at most `allowed` calls.
    fn review(
        &self,
        place: &SamplePlace,
        id: i64,
        mode: ReviewMode,
        allowed: CallAllowance,
    ) -> Result<WriteReview, PreflightError>;

    /// The run of the sample that stands at the target, if one is begun and not taken back.
    fn standing(&self) -> Option<i64>;

    /// Runs of the store that are in the way of `migration` on the accounts `ids`, a sentence each.
    fn in_the_way(
        &self,
        migration: &Migration,
        ids: &[AccountId],
    ) -> Result<Vec<String>, PreflightError>;

    /// Writes `text` to `path`, for its owner alone; makes the folder.
    fn write_private(&self, path: &Path, text: &str) -> Result<(), PreflightError>;

    /// Writes `text` to `path`, and makes the folder. A file that begins with another line is left alone.
    fn write(&self, path: &Path, text: &str) -> Result<(), PreflightError>;

    /// The calendar's time, in seconds since 1970, UTC.
    fn now_unix_s(&self) -> i64;

    /// The command that takes back run `id`.
    fn undo_command(&self, id: i64) -> String;
}

/// A preflight: what is asked for, and what its items found so far.
pub struct Preflight<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The goal that choices are judged by.
    pub goal: &'a Goal,
    /// The command line's part.
    pub host: &'a dyn Host,
    /// The target of the migration: a server, or a mock of this process.
    pub place: SamplePlace,
    /// True if the sample may be written there.
    pub may_write: bool,
    /// True if limits and service times of the target are known: named by the user, or those of the mock.
    pub profile_is_named: bool,
    /// Accounts of the sample.
    pub sample: u64,
    /// Calls of one of them.
    pub sample_cost: SampleCost,
    /// The store that the migration is going to use; `None` with `--no-store`.
    pub store: Option<&'a Path>,
    /// True if the migration is going to keep a journal.
    pub keeps_journal: bool,
    /// Folder for the snapshot and the notice.
    pub folder: &'a Path,
    /// People who were told, in the user's words.
    pub told: Option<&'a str>,
    /// End of the window for the migration, in seconds since 1970, UTC.
    pub until_unix_s: Option<i64>,
    /// The calendar's time, in seconds since 1970, UTC.
    pub now_unix_s: i64,
    /// Set when nothing more may begin.
    pub stop: &'a Stop,
    /// Reads the target, and counts the calls.
    pub reader: TargetReader,
    /// Numbers and results that items leave for later ones.
    pub found: PreflightFindings,
}

/// Results that later items rest on.
#[derive(Debug, Default)]
pub struct PreflightFindings {
    /// The field definitions of the target.
    pub definitions: Option<Vec<CustomField>>,
    /// The accounts of the plan, with the fields that it touches.
    pub snapshot: Option<Snapshot>,
    /// The migration at its size.
    pub migration: Option<Migration>,
    /// The forecast of it.
    pub forecast: Option<Forecast>,
    /// The sample, where it was written.
    pub sample: Option<SampleTrace>,
}

impl std::fmt::Debug for Preflight<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preflight").field("found", &self.found).finish_non_exhaustive()
    }
}

impl Preflight<'_> {
    /// The migration at its size: that of the plan's ids, else of its accounts at the target.
    pub fn migration(&mut self) -> Result<Migration, PreflightError> {
        if let Some(migration) = &self.found.migration {
            return Ok(migration.clone());
        }
        let accounts = if self.is_own_mock() || matches!(self.plan.selection, Selection::Ids(_)) {
            None
        } else {
            Some(self.snapshot()?.accounts.len() as u64)
        };
        let migration = self.host.migration(accounts)?;
        self.found.migration = Some(migration.clone());
        Ok(migration)
    }

    /// True if the target is a mock of this process.
    pub const fn is_own_mock(&self) -> bool {
        !self.place.stays
    }

    /// The forecast of the migration.
    pub fn forecast(&mut self) -> Result<Forecast, PreflightError> {
        if let Some(forecast) = self.found.forecast {
            return Ok(forecast);
        }
        let migration = self.migration()?;
        let settings = Settings { dry_run: false, ..migration.settings };
        let expected = forecast(&migration.scenario, &settings)?;
        self.found.forecast = Some(expected);
        Ok(expected)
    }

    /// The field definitions of the target; read once.
    pub fn definitions(&mut self) -> Result<Vec<CustomField>, PreflightError> {
        if let Some(definitions) = &self.found.definitions {
            return Ok(definitions.clone());
        }
        let definitions = self.reader.definitions()?;
        self.found.definitions = Some(definitions.clone());
        Ok(definitions)
    }

    /// The accounts of the plan at the target, with the fields that it touches; read once.
    pub fn snapshot(&mut self) -> Result<Snapshot, PreflightError> {
        if let Some(snapshot) = &self.found.snapshot {
            return Ok(snapshot.clone());
        }
        let definitions = self.definitions()?;
        let snapshot = Snapshot::read(self.plan, &definitions, &mut self.reader)?;
        self.found.snapshot = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The accounts of the sample: the first of the plan, as far as they exist.
    pub fn sample_ids(&mut self) -> Result<Vec<AccountId>, PreflightError> {
        let sample = self.sample as usize;
        Ok(self.snapshot()?.accounts.iter().take(sample).map(|account| account.id).collect())
    }
}

/// Configuration in one phrase.
pub(super) fn configuration(settings: &Settings) -> String {
    Candidate::of(settings).to_string()
}
