//! Deletes stored runs and documents, and leaves no trace of them in the file.

use super::journal::RunState;
use super::{Store, StoreError};

/// A selection of stored records to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// All runs with their journals, and all documents.
    All,
    /// Runs and documents from before this time, in seconds since 1970, UTC.
    Before(i64),
    /// One run, by its number.
    Run(i64),
}

impl Purge {
    /// Its condition on a table, with one parameter.
    const fn condition(self) -> (&'static str, i64) {
        match self {
            Self::All => ("?1 = 0", 0),
            Self::Before(at) => ("made_at_unix_s < ?1", at),
            Self::Run(id) => ("id = ?1", id),
        }
    }
}

impl Store {
    /// The runs that a purge of `what` would delete and that are marked as running, each with the
    /// process that carries it out.
    ///
    /// Errors: the store cannot be read.
    pub fn running(&self, what: Purge) -> Result<Vec<(i64, Option<u32>)>, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let (condition, parameter) = what.condition();
        let select = format!(
            "SELECT id, process FROM runs WHERE {condition} AND state = '{}'",
            RunState::Running.name()
        );
        let mut statement = self.connection.prepare(&select).map_err(sqlite)?;
        let rows = statement.query_map([parameter], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.map_err(sqlite)?.collect::<Result<_, _>>().map_err(sqlite)
    }

    /// Deletes `what`, runs with their journals: rows are overwritten and the file shrinks. Returns
    /// how many runs and documents were deleted.
    ///
    /// Errors: there is no such run, or the store cannot be written.
    pub fn purge(&mut self, what: Purge) -> Result<u64, StoreError> {
        match (what, self.try_purge(what).map_err(|source| self.sqlite(source))?) {
            (Purge::Run(id), 0) => Err(self.no_run(id)),
            (_, gone) => Ok(gone),
        }
    }

    fn try_purge(&mut self, what: Purge) -> rusqlite::Result<u64> {
        // The foreign keys cascade to notes and histograms.
        let transaction = self.connection.transaction()?;
        let (condition, parameter) = what.condition();
        let delete = |table: &str| {
            transaction.execute(&format!("DELETE FROM {table} WHERE {condition}"), [parameter])
        };
        let mut gone = delete("runs")?;
        if !matches!(what, Purge::Run(_)) {
            gone += delete("documents")?;
        }
        transaction.commit()?;
        self.connection.execute_batch("VACUUM")?;
        // Until it is truncated, the log beside the file still holds the deleted rows.
        self.connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
        Ok(gone as u64)
    }
}
