//! What the store holds, and how it gets rid of it.

use super::journal::State;
use super::{Store, StoreError};
use rusqlite::params;
use serde::Serialize;

/// One run of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The number that it goes by.
    pub id: i64,
    /// When it began, in seconds since 1970, UTC.
    pub made_at_unix_s: i64,
    /// How it stands.
    pub state: State,
    /// The process that carries it out, or did.
    pub process: Option<u32>,
    /// Whether another process can go on with it.
    pub has_journal: bool,
    /// Lines of its journal.
    pub notes: u64,
}

/// What to get rid of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// Everything: runs with their journals, and all other records.
    All,
    /// Everything from before this time, in seconds since 1970, UTC.
    Before(i64),
    /// One run.
    Run(i64),
}

impl Store {
    /// The runs, the latest first.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT id, made_at_unix_s, state, process, header_json IS NOT NULL,
                 (SELECT count(*) FROM notes WHERE run_id = id)
             FROM runs ORDER BY id DESC";
        let mut statement = self.connection.prepare(select).map_err(sqlite)?;
        let mut rows = statement.query([]).map_err(sqlite)?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next().map_err(sqlite)? {
            let id: i64 = row.get(0).map_err(sqlite)?;
            let state: String = row.get(2).map_err(sqlite)?;
            listed.push(Listed {
                id,
                made_at_unix_s: row.get(1).map_err(sqlite)?,
                state: State::named(&state).ok_or_else(|| StoreError::State {
                    path: self.path.clone(),
                    id,
                    state,
                })?,
                process: row.get(3).map_err(sqlite)?,
                has_journal: row.get(4).map_err(sqlite)?,
                notes: row.get::<_, i64>(5).map_err(sqlite)?.cast_unsigned(),
            });
        }
        Ok(listed)
    }

    /// Gets rid of `what`: rows are overwritten and the file shrinks. How many runs and other
    /// records went.
    pub fn purge(&mut self, what: Purge) -> Result<u64, StoreError> {
        if let Purge::Run(id) = what {
            self.run_is_there(id)?;
        }
        self.try_purge(what)
            .map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })
    }

    fn run_is_there(&self, id: i64) -> Result<(), StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?1)";
        let is_there = self.connection.query_row(select, [id], |row| row.get(0));
        if is_there.map_err(|source| self.sqlite(source))? { Ok(()) } else { Err(self.no_run(id)) }
    }

    fn try_purge(&mut self, what: Purge) -> rusqlite::Result<u64> {
        // What hangs on a run goes with it.
        let transaction = self.connection.transaction()?;
        let gone = match what {
            Purge::All => {
                transaction.execute("DELETE FROM runs", [])?
                    + transaction.execute("DELETE FROM documents", [])?
            }
            Purge::Before(at) => {
                transaction.execute("DELETE FROM runs WHERE made_at_unix_s < ?1", params![at])?
                    + transaction
                        .execute("DELETE FROM documents WHERE made_at_unix_s < ?1", params![at])?
            }
            Purge::Run(id) => transaction.execute("DELETE FROM runs WHERE id = ?1", [id])?,
        };
        transaction.commit()?;
        self.connection.execute_batch("VACUUM")?;
        // The log beside the file still holds what was there.
        self.connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
        Ok(gone as u64)
    }
}
