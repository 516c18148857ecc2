//! Runs with a journal: added before their first call, noted as they go, ended with a record.

use super::header::Header;
use super::{Store, StoreError};
use neon_mock::api::AccountId;
use neonbench_engine::journal::{Journal, JournalError, Ledger, Note};
use neonbench_engine::plan::{list_ids, parse_ids};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::Run;
use rusqlite::{OptionalExtension, params};
use std::cell::Cell;

neon_mock::named! {
    /// State of a stored run.
    #[derive(schemars::JsonSchema)]
    pub enum RunState {
        /// In progress, or killed.
        Running = "running",
        /// Every account has ended.
        Finished = "finished",
        /// Stopped by its user before every account had ended.
        Stopped = "stopped",
        /// Ended by an error.
        Failed = "failed",
        /// Its writes are being undone; not all of them are, if that was stopped or failed.
        Undoing = "undoing",
        /// Its writes were undone.
        Undone = "undone",
    }
}

/// A stored run.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// Its number in the store.
    pub id: i64,
    /// Its state.
    pub state: RunState,
    /// Id of the process that carries it out, or did last.
    pub process: Option<u32>,
    /// Its specification; none for a run without a journal.
    pub header: Option<Header>,
    /// Its accounts; none until those of a filter are found.
    pub ids: Option<Vec<AccountId>>,
    /// Its record; none before it has ended.
    pub record: Option<RunRecord>,
}

/// State, process, header, ids and record of a run.
type RunRow = (String, Option<u32>, Option<String>, Option<String>, Option<String>);

impl Store {
    /// Adds a run that process `process` is about to make, for `ids` if they are known. Returns its
    /// number.
    ///
    /// Errors: the store cannot be written.
    pub fn begin(
        &mut self,
        header: &Header,
        ids: Option<&[AccountId]>,
        process: u32,
        at_unix_s: i64,
    ) -> Result<i64, StoreError> {
        let insert = "INSERT INTO runs (made_at_unix_s, state, process, header_json, ids)
             VALUES (?1, ?2, ?3, ?4, ?5)";
        let state = RunState::Running.name();
        let row = params![at_unix_s, state, process, header.to_json(), ids.map(list_ids)];
        self.connection.execute(insert, row).map_err(|source| self.sqlite(source))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Run `id`.
    ///
    /// Errors: there is no such run, or a part of it is of a form that this version does not read.
    pub fn run(&self, id: i64) -> Result<StoredRun, StoreError> {
        let select = "SELECT state, process, header_json, ids, record_json FROM runs WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        };
        let row: Option<RunRow> = self
            .connection
            .query_row(select, [id], read)
            .optional()
            .map_err(|source| self.sqlite(source))?;
        let (state, process, header, ids, record) = row.ok_or_else(|| self.no_run(id))?;
        let form = |source| StoreError::Form { path: self.path.clone(), id, source };
        let of_header =
            |source| StoreError::Header { path: self.path.clone(), id, source: Box::new(source) };
        // An empty list is stored as an empty text, which `parse_ids` refuses.
        let ids = ids.map(|ids| match ids.as_str() {
            "" => Ok(Vec::new()),
            ids => parse_ids(ids),
        });
        Ok(StoredRun {
            id,
            state: self.state(id, state)?,
            process,
            header: header.as_deref().map(Header::from_json).transpose().map_err(of_header)?,
            ids: ids.transpose().map_err(|source| StoreError::Ids {
                path: self.path.clone(),
                id,
                source,
            })?,
            record: record.map(|json| serde_json::from_str(&json)).transpose().map_err(form)?,
        })
    }

    /// The state that a row of run `id` names.
    pub(super) fn state(&self, id: i64, state: String) -> Result<RunState, StoreError> {
        let known = RunState::ALL.into_iter().find(|known| known.name() == state);
        known.ok_or_else(|| StoreError::State { path: self.path.clone(), id, state })
    }

    /// The journal of run `id`, folded.
    ///
    /// Errors: the store cannot be read, or a note is of a form that this version does not read.
    pub fn ledger(&self, id: i64) -> Result<Ledger, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT note_json FROM notes WHERE run_id = ?1 ORDER BY seq";
        let mut statement = self.connection.prepare(select).map_err(sqlite)?;
        let mut rows = statement.query([id]).map_err(sqlite)?;
        let mut ledger = Ledger::default();
        while let Some(row) = rows.next().map_err(sqlite)? {
            let json: String = row.get(0).map_err(sqlite)?;
            let form = |source| StoreError::Form { path: self.path.clone(), id, source };
            ledger.add(serde_json::from_str(&json).map_err(form)?);
        }
        Ok(ledger)
    }

    /// Claims `run` for process `process`, which resumes it; `false` if another process was faster.
    ///
    /// Errors: the store cannot be written.
    pub fn claim(&mut self, run: &StoredRun, process: u32) -> Result<bool, StoreError> {
        let update = "UPDATE runs SET state = ?1, process = ?2
             WHERE id = ?3 AND state = ?4 AND process IS ?5";
        let row = params![RunState::Running.name(), process, run.id, run.state.name(), run.process];
        let changed = self.connection.execute(update, row).map_err(|source| self.sqlite(source))?;
        Ok(changed == 1)
    }

    /// The journal of run `id`, to be continued after its last note.
    ///
    /// Errors: the store cannot be read.
    pub fn journal(&self, id: i64) -> Result<SqliteJournal<'_>, StoreError> {
        let select = "SELECT coalesce(max(seq), 0) FROM notes WHERE run_id = ?1";
        let last: i64 = self
            .connection
            .query_row(select, [id], |row| row.get(0))
            .map_err(|source| self.sqlite(source))?;
        Ok(SqliteJournal { store: self, run: id, next: Cell::new(last + 1) })
    }

    /// Ends run `id` in `state`, with its record if there is one.
    ///
    /// Errors: the store cannot be written.
    pub fn end(&mut self, id: i64, state: RunState, run: Option<&Run>) -> Result<(), StoreError> {
        self.try_end(id, state, run).map_err(|source| self.sqlite(source))
    }

    fn try_end(&mut self, id: i64, state: RunState, run: Option<&Run>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let set = "UPDATE runs SET state = ?1 WHERE id = ?2";
        transaction.execute(set, params![state.name(), id])?;
        if let Some(run) = run {
            let json = serde_json::to_string(&run.record).expect("records are JSON");
            let set = "UPDATE runs SET record_json = ?1 WHERE id = ?2";
            transaction.execute(set, params![json, id])?;
            transaction.execute("DELETE FROM histograms WHERE run_id = ?1", [id])?;
            super::insert_histograms(&transaction, id, &run.measure)?;
        }
        transaction.commit()
    }

    /// Checks that other processes find the journal of run `id` as it is here.
    ///
    /// Errors: the store vanished, or what others find in it is damaged or less.
    pub fn check_journal(&self, id: i64) -> Result<(), StoreError> {
        self.check_in_place()?;
        let notes = |store: &Self| {
            let select = "SELECT count(*), (SELECT count(*) FROM runs WHERE id = ?1) FROM notes WHERE run_id = ?1";
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            store.connection.query_row(select, [id], read).map_err(|source| store.sqlite(source))
        };
        let here = notes(self)?;
        match Self::read(&self.path, notes) {
            Ok(found) if found == here => Ok(()),
            _ => Err(StoreError::Vanished { path: self.path.clone() }),
        }
    }

    /// Deletes run `id`, of which no write was noted, so that none was sent.
    ///
    /// Errors: the store cannot be written.
    pub fn forget(&mut self, id: i64) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM runs WHERE id = ?1", [id])
            .map(drop)
            .map_err(|source| self.sqlite(source))
    }

    /// True if the journal of run `id` has a note.
    ///
    /// Errors: the store cannot be read.
    pub fn has_notes(&self, id: i64) -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM notes WHERE run_id = ?1)";
        self.connection
            .query_row(select, [id], |row| row.get(0))
            .map_err(|source| self.sqlite(source))
    }
}

/// The journal of one run, in its store.
///
/// Each note is committed before the call returns: it survives the process, however that ends.
#[derive(Debug)]
pub struct SqliteJournal<'a> {
    store: &'a Store,
    run: i64,
    next: Cell<i64>,
}

impl SqliteJournal<'_> {
    fn insert(&self, note: &Note) -> rusqlite::Result<()> {
        let id = match note {
            Note::Intended(intent) => intent.id,
            Note::Written { id } | Note::NotWritten { id } | Note::Landed { id, .. } => *id,
        };
        let json = serde_json::to_string(note).expect("notes are JSON");
        let insert =
            "INSERT INTO notes (run_id, seq, account_id, note_json) VALUES (?1, ?2, ?3, ?4)";
        let seq = self.next.get();
        self.store.connection.prepare_cached(insert)?.execute(params![
            self.run,
            seq,
            id.0.cast_signed(),
            json
        ])?;
        self.next.set(seq + 1);
        Ok(())
    }
}

impl Journal for SqliteJournal<'_> {
    fn keep(&self, note: &Note) -> Result<(), JournalError> {
        self.insert(note).map_err(|source| JournalError(Box::new(source)))?;
        // A note in a file that nobody finds is none.
        self.store.check_in_place().map_err(|source| JournalError(Box::new(source)))
    }

    // The migration changes the fields that a filter searches, so a resumed run cannot repeat the search.
    fn enumerated(&self, ids: &[AccountId]) -> Result<(), JournalError> {
        let update = "UPDATE runs SET ids = ?1 WHERE id = ?2";
        let updated = self.store.connection.execute(update, params![list_ids(ids), self.run]);
        updated.map(drop).map_err(|source| JournalError(Box::new(source)))
    }
}

#[cfg(test)]
mod tests;
