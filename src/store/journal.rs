//! Runs with a journal: added before their first call, noted as they go, ended with a record.

use super::header::Header;
use super::lease::{Claimant, Lease};
use super::{Store, StoreError};
use neon_mock::api::AccountId;
use neonbench_engine::journal::{Journal, JournalError, Ledger, Note};
use neonbench_engine::plan::{Plan, ResolvedPlan, list_ids, parse_ids};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::Run;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

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
    /// Adds a run that `claimant` is about to make, for `ids` if they are known, and gives it to that process.
    /// The run must not apply its plan where another run has, unless a person allowed it.
    ///
    /// Errors: the store cannot be written; [`StoreError::Overlap`].
    pub fn begin(
        &mut self,
        header: &Header,
        ids: Option<&[AccountId]>,
        claimant: Claimant<'_>,
    ) -> Result<Lease, StoreError> {
        let transaction = self.immediate()?;
        if !claimant.may_overlap
            && let Some(ids) = ids
        {
            self.refuse_overlap(header, ids, None, claimant.is_gone)?;
        }
        let insert = "INSERT INTO runs (made_at_unix_s, state, process, header_json, ids)
             VALUES (?1, ?2, ?3, ?4, ?5)";
        let (state, process) = (RunState::Running.name(), claimant.process.process);
        let ids = ids.map(list_ids);
        let row = params![claimant.at_unix_s, state, process, header.to_json(), ids];
        self.connection.execute(insert, row).map_err(|source| self.sqlite(source))?;
        let lease = self.grant(self.connection.last_insert_rowid(), claimant)?;
        transaction.commit().map_err(|source| self.sqlite(source))?;
        Ok(lease)
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
        let mut ledger = Ledger::default();
        self.each_note_after(id, 0, |_, note| ledger.add(note))?;
        Ok(ledger)
    }

    /// Calls `take` with each note of run `id` after the one numbered `after`, and its number.
    ///
    /// Errors: as those of [`ledger`](Self::ledger).
    pub fn each_note_after(
        &self,
        id: i64,
        after: i64,
        mut take: impl FnMut(i64, Note),
    ) -> Result<(), StoreError> {
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT seq, note_json FROM notes WHERE run_id = ?1 AND seq > ?2 ORDER BY seq";
        let mut statement = self.connection.prepare(select).map_err(sqlite)?;
        let mut rows = statement.query([id, after]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let (number, json): (i64, String) =
                (row.get(0).map_err(sqlite)?, row.get(1).map_err(sqlite)?);
            let form = |source| StoreError::Form { path: self.path.clone(), id, source };
            take(number, serde_json::from_str(&json).map_err(form)?);
        }
        Ok(())
    }

    /// The journal of the run of `lease`, to be continued after its last note.
    ///
    /// Errors: the store cannot be read.
    pub fn journal<'a>(&'a self, lease: &'a Lease) -> Result<SqliteJournal<'a>, StoreError> {
        let select =
            "SELECT (SELECT coalesce(max(seq), 0) FROM notes WHERE run_id = ?1), state = ?2
             FROM runs WHERE id = ?1";
        let (last, is_undo): (i64, bool) = self
            .connection
            .query_row(select, params![lease.run, RunState::Undoing.name()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(|source| self.sqlite(source))?;
        let (next, under_way) = (Cell::new(last + 1), RefCell::default());
        Ok(SqliteJournal {
            store: self,
            lease,
            next,
            is_undo,
            under_way,
            is_resolved: Cell::default(),
        })
    }

    /// Ends the run of `lease` in `state`, with its record if there is one, and gives it up.
    ///
    /// Errors: the store cannot be written, or the run belongs to another process by now and is left alone.
    pub fn end(
        &mut self,
        lease: &Lease,
        state: RunState,
        run: Option<&Run>,
    ) -> Result<(), StoreError> {
        let is_ended = self.try_end(lease, state, run).map_err(|source| self.sqlite(source))?;
        if is_ended { Ok(()) } else { Err(self.lost(lease)) }
    }

    pub(super) fn lost(&self, lease: &Lease) -> StoreError {
        StoreError::LeaseLost { path: self.path.clone(), id: lease.run }
    }

    fn try_end(&self, lease: &Lease, state: RunState, run: Option<&Run>) -> rusqlite::Result<bool> {
        let (id, owner) = (lease.run, lease.owner());
        let behavior = TransactionBehavior::Immediate;
        let transaction = Transaction::new_unchecked(&self.connection, behavior)?;
        let delete = "DELETE FROM leases WHERE run_id = ?1 AND owner = ?2";
        if transaction.execute(delete, params![id, owner])? == 0 {
            return Ok(false);
        }
        let set = "UPDATE runs SET state = ?1 WHERE id = ?2";
        transaction.execute(set, params![state.name(), id])?;
        if let Some(run) = run {
            let json = serde_json::to_string(&run.record).expect("records are JSON");
            let set = "UPDATE runs SET record_json = ?1 WHERE id = ?2";
            transaction.execute(set, params![json, id])?;
            transaction.execute("DELETE FROM histograms WHERE run_id = ?1", [id])?;
            super::insert_histograms(&transaction, id, &run.measure)?;
        }
        transaction.commit()?;
        Ok(true)
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

    /// Deletes the run of `lease`, of which no write was noted, so that none was sent.
    ///
    /// Errors: the store cannot be written, or the run belongs to another process by now.
    pub fn forget(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let delete = "DELETE FROM runs WHERE id = ?1
             AND EXISTS (SELECT 1 FROM leases WHERE run_id = ?1 AND owner = ?2)";
        let deleted = self.connection.execute(delete, params![lease.run, lease.owner()]);
        match deleted.map_err(|source| self.sqlite(source))? {
            0 => Err(self.lost(lease)),
            _ => Ok(()),
        }
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
/// Each note is committed before the call returns: it survives the process, however that ends. It is refused once
/// the run belongs to another process.
#[derive(Debug)]
pub struct SqliteJournal<'a> {
    store: &'a Store,
    lease: &'a Lease,
    next: Cell<i64>,
    /// True if its writes are those of an undo, which makes no notes.
    is_undo: bool,
    /// True once the fields of the plan are stored.
    is_resolved: Cell<bool>,
    /// Accounts with a write that was sent and of which it is not known that it ended while the run was owned.
    under_way: RefCell<BTreeSet<AccountId>>,
}

impl SqliteJournal<'_> {
    /// The accounts that this process may have written after it had lost the run, if it has lost it.
    pub fn late_writes(&self) -> Vec<AccountId> {
        self.under_way.borrow().iter().copied().collect()
    }

    fn insert(&self, note: &Note) -> rusqlite::Result<bool> {
        let json = serde_json::to_string(note).expect("notes are JSON");
        let insert = "INSERT INTO notes (run_id, seq, account_id, note_json)
             SELECT ?1, ?3, ?4, ?5
             WHERE EXISTS (SELECT 1 FROM leases WHERE run_id = ?1 AND owner = ?2)";
        let seq = self.next.get();
        let (run, owner) = (self.lease.run, self.lease.owner());
        let row = params![run, owner, seq, note.account().0.cast_signed(), json];
        let inserted = self.store.connection.prepare_cached(insert)?.execute(row)?;
        self.next.set(seq + 1);
        Ok(inserted == 1)
    }

    /// `result` of a statement that asks for the lease, as the engine reads it.
    fn owned(&self, result: rusqlite::Result<bool>) -> Result<(), JournalError> {
        match result {
            Ok(true) => Ok(()),
            Ok(false) => Err(JournalError(Box::new(self.store.lost(self.lease)))),
            Err(source) => Err(JournalError(Box::new(source))),
        }
    }
}

impl Journal for SqliteJournal<'_> {
    fn keep(&self, note: &Note) -> Result<(), JournalError> {
        self.owned(self.insert(note))?;
        // The note asked for the lease: whoever takes the run over later sees the write that it ends.
        if !matches!(note, Note::Intended(_)) {
            self.under_way.borrow_mut().remove(&note.account());
        }
        // A note in a file that nobody finds is none.
        self.store.check_in_place().map_err(|source| JournalError(Box::new(source)))
    }

    // The migration changes the fields that a filter searches, so a resumed run cannot repeat the search.
    fn enumerated(&self, ids: &[AccountId]) -> Result<(), JournalError> {
        self.store.set_ids(self.lease, ids).map_err(|source| JournalError(Box::new(source)))
    }

    fn resolved(&self, plan: &Plan, fields: &ResolvedPlan) -> Result<(), JournalError> {
        if !self.is_resolved.get() {
            let stored = self.store.set_fields(self.lease, plan, fields);
            stored.map_err(|source| JournalError(Box::new(source)))?;
            self.is_resolved.set(true);
        }
        Ok(())
    }

    fn sending(&self, id: AccountId) -> Result<(), JournalError> {
        self.owned(if self.is_undo {
            self.lease.keep_undo_write(&self.store.connection, id)
        } else {
            self.lease.is_held(&self.store.connection)
        })?;
        self.under_way.borrow_mut().insert(id);
        Ok(())
    }

    // Each write of a run ends with a note. Those of an undo have none.
    fn answered(&self, id: AccountId) {
        let connection = &self.store.connection;
        if self.is_undo && self.lease.end_undo_write(connection, id).unwrap_or(false) {
            self.under_way.borrow_mut().remove(&id);
        }
    }
}

#[cfg(test)]
mod tests;
