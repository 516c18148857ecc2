//! The store of runs, as the flags name it.

use super::args::StoreArgs;
use super::command_line::CommandLine;
use super::error::CliError;
use neonbench::store::{Document, Store, StoreError};
use neonbench_engine::run::Run;
use std::time::{SystemTime, UNIX_EPOCH};

impl StoreArgs {
    /// True if runs are stored.
    pub(super) const fn is_used(&self) -> bool {
        !self.no_store
    }

    /// The store's file; `None` if runs are not stored.
    pub(super) fn path(&self) -> Option<String> {
        (!self.no_store).then(|| self.store.display().to_string())
    }

    /// Opens the store, and creates it if there is none.
    ///
    /// Errors: the file cannot be opened, or is no store of this version.
    pub(super) fn open_or_make(&self) -> Result<Store, CliError> {
        Ok(Store::open(&self.store)?)
    }

    /// Opens the store to read from it.
    ///
    /// Errors: there is no store, or it cannot be opened.
    pub(super) fn open(&self) -> Result<Store, CliError> {
        if !self.store.exists() {
            let file = self.store.display();
            return Err(CliError::usage(format!("there is no store {file}; make a run first")));
        }
        Ok(Store::open(&self.store)?)
    }

    /// Opens the store to read from it, if there is one and it is to be used.
    ///
    /// Errors: it cannot be opened.
    pub(super) fn open_if_any(&self) -> Result<Option<Store>, CliError> {
        let is_there = !self.no_store && self.store.exists();
        Ok(is_there.then(|| Store::open(&self.store)).transpose()?)
    }

    /// Stores `run` and returns its number; a store that cannot be written is a warning, not an error.
    pub(super) fn keep(&self, run: &Run, line: &CommandLine) -> Option<i64> {
        if self.no_store {
            return None;
        }
        told(Store::open(&self.store).and_then(|mut store| store.add(run, now_unix_s())), line)
    }

    /// Stores a document and returns its number.
    pub(super) fn keep_document(
        &self,
        document: &impl Document,
        line: &CommandLine,
    ) -> Option<i64> {
        if self.no_store {
            return None;
        }
        let store = Store::open(&self.store);
        told(store.and_then(|mut store| store.add_document(document, now_unix_s())), line)
    }
}

/// The number of what was stored, or a warning with the reason why it was not.
fn told(kept: Result<i64, StoreError>, line: &CommandLine) -> Option<i64> {
    let error = match kept {
        Ok(id) => return Some(id),
        Err(error) => error,
    };
    let cause = std::error::Error::source(&error);
    let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
    line.note(format_args!("warning: the run is not kept: {error}{cause}"));
    None
}

#[expect(clippy::disallowed_methods, reason = "stored runs carry the calendar's time")]
pub(super) fn now_unix_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().cast_signed()
}
