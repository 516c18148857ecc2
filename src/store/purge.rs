//! Deletes stored runs and documents, and leaves no trace of them in the file.

use super::header::Site;
use super::journal::RunState;
use super::lease::LeaseHolder;
use super::place::Place;
use super::{Store, StoreError};
use std::path::PathBuf;

/// Tables of records that are no runs.
const DOCUMENTS: [&str; 2] = ["documents", "certificates"];

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

/// A run that a purge would delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgedRun {
    /// Its number.
    pub id: i64,
    /// The process that owns it, if one does.
    pub holder: Option<LeaseHolder>,
    /// True if `undo` can still take back what it wrote, by its journal.
    pub is_undoable: bool,
}

impl Store {
    /// The runs and the number of documents that a purge of `what` would delete.
    ///
    /// Errors: there is no such run, or the store cannot be read.
    pub fn purged_by(&self, what: Purge) -> Result<(Vec<PurgedRun>, u64), StoreError> {
        let sqlite = |source| self.sqlite(source);
        let (condition, parameter) = what.condition();
        let select = format!("SELECT id FROM runs WHERE {condition} ORDER BY id");
        let mut statement = self.connection.prepare(&select).map_err(sqlite)?;
        let ids = statement.query_map([parameter], |row| row.get(0)).map_err(sqlite)?;
        let ids: Vec<i64> = ids.collect::<Result<_, _>>().map_err(sqlite)?;
        let runs: Vec<PurgedRun> =
            ids.into_iter().map(|id| self.purged_run(id)).collect::<Result<_, _>>()?;
        match what {
            Purge::Run(id) if runs.is_empty() => Err(self.no_run(id)),
            Purge::Run(_) => Ok((runs, 0)),
            _ => {
                let mut documents = 0;
                for table in DOCUMENTS {
                    let count = format!("SELECT count(*) FROM {table} WHERE {condition}");
                    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
                    let count = self.connection.query_row(&count, [parameter], read);
                    documents += count.map_err(sqlite)?.cast_unsigned();
                }
                Ok((runs, documents))
            }
        }
    }

    /// The copies of the store that migrations have left beside it, with the records of that time: a purge of all
    /// deletes them, and any other leaves them.
    pub fn copies(&self) -> Vec<PathBuf> {
        Place::copies(&self.path)
    }

    fn purged_run(&self, id: i64) -> Result<PurgedRun, StoreError> {
        let run = match self.run(id) {
            // Nobody knows what a journal of another form holds.
            Err(StoreError::Sqlite { path, source }) => {
                return Err(StoreError::Sqlite { path, source });
            }
            Err(_) => {
                return Ok(PurgedRun {
                    id,
                    holder: self.holder(id)?,
                    is_undoable: self.has_notes(id)?,
                });
            }
            Ok(run) => run,
        };
        // A simulated organisation has ended with its process.
        let stays = run.header.is_some_and(|it| matches!(it.site, Site::ForeignHttp { .. }));
        Ok(PurgedRun {
            id,
            holder: self.holder(id)?,
            is_undoable: stays
                && run.state != RunState::Undone
                && self.ledger(id).map_or_else(|_| true, |ledger| ledger.has_writes()),
        })
    }

    /// Deletes `what`, runs with their journals: rows are overwritten and the file shrinks. All of it includes the
    /// [`copies`](Self::copies). Returns how many runs and documents were deleted.
    ///
    /// Errors: there is no such run, the store cannot be written, or a copy cannot be deleted.
    pub fn purge(&mut self, what: Purge) -> Result<u64, StoreError> {
        if what == Purge::All {
            for copy in self.copies() {
                let removed = std::fs::remove_file(&copy);
                removed.map_err(|source| StoreError::Open { path: copy, source })?;
            }
        }
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
            for table in DOCUMENTS {
                gone += delete(table)?;
            }
        }
        transaction.commit()?;
        self.connection.execute_batch("VACUUM")?;
        // Until it is truncated, the log beside the file still holds the deleted rows.
        self.connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
        Ok(gone as u64)
    }
}
