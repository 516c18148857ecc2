//! Runs kept in the store.

use super::Voice;
use super::error::CliError;
use crate::run::Run;
use crate::store::{DEFAULT_PATH, Store, StoreError};
use clap::Args;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where runs are kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct StoreArgs {
    /// The file that runs are kept in
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH, env = "NEONBENCH_STORE")]
    store: PathBuf,
    /// Keep nothing
    #[arg(long, conflicts_with = "store")]
    no_store: bool,
}

impl StoreArgs {
    /// Opens the store to read from it.
    pub(super) fn open(&self) -> Result<Store, CliError> {
        if !self.store.exists() {
            let file = self.store.display();
            return Err(CliError::usage(format!("there is no store {file}; make a run first")));
        }
        Ok(Store::open(&self.store)?)
    }

    /// Keeps `run`; the number that it goes by. A run is not undone because it could not be kept.
    pub(super) fn keep(&self, run: &Run, voice: Voice) -> Option<i64> {
        if self.no_store {
            return None;
        }
        match self.try_keep(run) {
            Ok(id) => Some(id),
            Err(error) => {
                if !voice.quiet {
                    let cause = std::error::Error::source(&error)
                        .map_or_else(String::new, |cause| format!(": {cause}"));
                    eprintln!("warning: the run is not kept: {error}{cause}");
                }
                None
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "stored runs carry the calendar's time")]
    fn try_keep(&self, run: &Run) -> Result<i64, StoreError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Store::open(&self.store)?.add(run, now.as_secs().cast_signed())
    }
}
