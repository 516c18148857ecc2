//! The store of runs, as the flags name it.

use super::args::StoreArgs;
use super::command_line::CommandLine;
use super::error::CliError;
use super::output::plural;
use neonbench::experiment::RunFigures;
use neonbench::store::{Document, Store, StoreError};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::Run;
use std::time::{SystemTime, UNIX_EPOCH};

impl StoreArgs {
    /// Opens the store to take up or to delete what it holds.
    ///
    /// Errors: there is no store, or it cannot be opened.
    pub(super) fn open(&self) -> Result<Store, CliError> {
        self.is_there()?;
        Ok(Store::open(&self.store)?)
    }

    /// Reads from the store by `read`, and changes nothing.
    ///
    /// Errors: there is no store, it cannot be read, or `read` fails.
    pub(super) fn read<T>(
        &self,
        read: impl FnMut(&Store) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        self.is_there()?;
        Store::read(&self.store, read)
    }

    /// The same, if there is a store and it is to be used.
    ///
    /// Errors: it cannot be read, or `read` fails.
    pub(super) fn read_if_any<T>(
        &self,
        read: impl FnMut(&Store) -> Result<T, CliError>,
    ) -> Result<Option<T>, CliError> {
        let is_there = !self.no_store && self.is_there().is_ok();
        is_there.then(|| Store::read(&self.store, read)).transpose()
    }

    fn is_there(&self) -> Result<(), CliError> {
        if self.store.symlink_metadata().is_ok() {
            return Ok(());
        }
        let file = self.store.display();
        Err(CliError::usage(format!(
            "there is no store {file} here; make a run first, or name another store with --store"
        )))
    }

    /// Stores `run` with its `replicates`, and returns its number; a store that cannot be written is a
    /// warning, not an error.
    pub(super) fn keep(
        &self,
        run: &Run,
        replicates: &[RunFigures],
        line: &CommandLine,
    ) -> Option<i64> {
        self.kept(line, |store| store.add(run, replicates, now_unix_s()))
    }

    /// Stores a document and returns its number.
    pub(super) fn keep_document(
        &self,
        document: &impl Document,
        line: &CommandLine,
    ) -> Option<i64> {
        self.kept(line, |store| store.add_document(document, now_unix_s()))
    }

    fn kept(
        &self,
        line: &CommandLine,
        add: impl FnOnce(&mut Store) -> Result<i64, StoreError>,
    ) -> Option<i64> {
        if self.no_store {
            return None;
        }
        let kept = Store::open(&self.store).and_then(|mut store| add(&mut store));
        let warn = |error: &StoreError| {
            let cause = std::error::Error::source(error);
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            line.note(format_args!("warning: the run is not saved: {error}{cause}"));
        };
        kept.inspect_err(warn).ok()
    }
}

/// Refuses the record of run `id` for a use that needs the figures of all its processes.
pub(super) fn whole(id: i64, record: &RunRecord, can: &str) -> Result<(), CliError> {
    match record.processes_lost {
        0 => Ok(()),
        lost => {
            let processes = plural(lost, "process");
            Err(CliError::usage(format!(
                "run {id} cannot {can}: {processes} of it left no figures, killed or failed, so that its time and \
                 calls are not known"
            )))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "stored runs carry the calendar's time")]
pub(super) fn now_unix_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().cast_signed()
}
