//! One owner per run: a lease beside its journal, which every note and every end of the run asks for.
//!
//! The owner has a random name, so that neither a process number nor a machine can be taken for another. Whoever
//! takes a run replaces the lease in the transaction in which it reads the journal: a note of the former owner
//! is either part of what it read, or refused.

use super::journal::{RunState, StoredRun};
use super::{Store, StoreError};
use neon_mock::api::AccountId;
use neonbench_engine::journal::{Heartbeat, Ledger};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

/// The tables; `late_writes` has the accounts that a process may have written after it had lost the run.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS leases (
        run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        owner TEXT NOT NULL,
        beat INTEGER NOT NULL,
        verb TEXT NOT NULL,
        may_overlap INTEGER NOT NULL,
        process_json TEXT NOT NULL,
        since_unix_s INTEGER NOT NULL,
        seen_unix_s INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS late_writes (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        account_id INTEGER NOT NULL,
        PRIMARY KEY (run_id, account_id)
    ) WITHOUT ROWID;
";

/// The accounts with a write of an undo that was sent and of which it is not known that it ended: the notes of a run
/// tell that of its own writes.
pub(super) const UNDO_TABLES: &str = "
    CREATE TABLE IF NOT EXISTS undo_writes (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        account_id INTEGER NOT NULL,
        PRIMARY KEY (run_id, account_id)
    ) WITHOUT ROWID;
";

/// A process, as precisely as its system tells: a number alone is given again, and each container has a 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProcessIdentity {
    /// Number of the process.
    pub process: u32,
    /// Name of its machine or container.
    pub host: String,
    /// Boot of the machine and namespace of process numbers; empty if the system tells neither.
    pub scope: String,
    /// Its start, in ticks since the boot.
    pub started: Option<u64>,
}

/// A process that wants a run.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// The verb that it carries out.
    pub verb: &'a str,
    /// The process.
    pub process: &'a ProcessIdentity,
    /// The calendar's time, for people alone.
    pub at_unix_s: i64,
    /// True if a person allowed a plan to be applied again where a run has applied one.
    pub may_overlap: bool,
    /// True of a process that has certainly ended, as far as this one sees.
    pub is_gone: fn(&ProcessIdentity) -> bool,
}

/// The right to write to a run and its journal, until another process takes it over.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The run.
    pub run: i64,
    owner: String,
    pub(super) is_gone: fn(&ProcessIdentity) -> bool,
}

/// The owner of a run, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LeaseHolder {
    /// The verb that it carries out.
    pub verb: String,
    /// The process.
    #[serde(flatten)]
    pub process: ProcessIdentity,
    /// When it took the run, by its own calendar, in seconds since 1970, UTC.
    pub since_unix_s: i64,
    /// Its last heartbeat, by the same calendar.
    pub seen_unix_s: i64,
    /// The same as a counter, which decides.
    #[serde(skip)]
    #[schemars(skip)]
    pub heartbeat: Heartbeat,
}

/// An owner that a run may be taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerOwner {
    /// Its last heartbeat: another one since is a sign of life.
    pub heartbeat: Heartbeat,
    /// True if it has certainly ended; false if it is only silent, and may wake up.
    pub is_gone: bool,
}

/// A run that was taken, as it stood at that moment.
#[derive(Debug)]
pub struct TakenRun {
    /// The right to write to it.
    pub lease: Lease,
    /// The run before.
    pub run: StoredRun,
    /// Its journal.
    pub ledger: Ledger,
}

/// The answer to a process that wants a run.
#[derive(Debug)]
pub enum LeaseAnswer {
    /// The process owns it now.
    Taken(Box<TakenRun>),
    /// Another process owns it.
    Held(LeaseHolder),
    /// It is in another state than those asked for.
    NotIn(RunState),
}

impl Store {
    /// Takes run `id`, if it is in one of the states `from`, and puts it into state `to`. A lease that is in the way
    /// is replaced if it is that of `former`. An owner that is only silent may wake up between a note and its
    /// write: the accounts of such notes are [`late_writes`](Self::late_writes) from now on.
    ///
    /// Errors: there is no such run, or the store cannot be written.
    pub fn take(
        &mut self,
        id: i64,
        claimant: Claimant<'_>,
        (from, to): (&[RunState], RunState),
        former: Option<&FormerOwner>,
    ) -> Result<LeaseAnswer, StoreError> {
        let transaction = self.immediate()?;
        let run = self.run(id)?;
        let holder = self.holder(id)?;
        let is_free =
            |holder: &LeaseHolder| former.is_some_and(|it| it.heartbeat == holder.heartbeat);
        if let Some(holder) = holder.as_ref().filter(|holder| !is_free(holder)) {
            return Ok(LeaseAnswer::Held(holder.clone()));
        }
        if !from.contains(&run.state) {
            return Ok(LeaseAnswer::NotIn(run.state));
        }
        let ledger = self.ledger(id)?;
        if holder.is_some() && former.is_some_and(|it| !it.is_gone) {
            let open = ledger.iter().filter(|(_, entry)| entry.open.is_some());
            self.add_late_writes(id, &open.map(|(account, _)| account).collect::<Vec<_>>())?;
            let sent =
                "INSERT OR IGNORE INTO late_writes SELECT * FROM undo_writes WHERE run_id = ?1";
            self.connection.execute(sent, [id]).map_err(|source| self.sqlite(source))?;
        }
        let forget = "DELETE FROM undo_writes WHERE run_id = ?1";
        self.connection.execute(forget, [id]).map_err(|source| self.sqlite(source))?;
        let lease = self.grant(id, claimant)?;
        let update = "UPDATE runs SET state = ?1, process = ?2 WHERE id = ?3";
        let row = params![to.name(), claimant.process.process, id];
        self.connection.execute(update, row).map_err(|source| self.sqlite(source))?;
        transaction.commit().map_err(|source| self.sqlite(source))?;
        Ok(LeaseAnswer::Taken(Box::new(TakenRun { lease, run, ledger })))
    }

    /// A transaction that nobody else can write beside.
    pub(super) fn immediate(&self) -> Result<Transaction<'_>, StoreError> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
            .map_err(|source| self.sqlite(source))
    }

    /// Gives run `id` to `claimant`, whoever had it.
    pub(super) fn grant(&self, id: i64, claimant: Claimant<'_>) -> Result<Lease, StoreError> {
        let Claimant { verb, process, at_unix_s, may_overlap, is_gone } = claimant;
        let insert = "INSERT OR REPLACE INTO leases
                 (run_id, owner, beat, verb, may_overlap, process_json, since_unix_s, seen_unix_s)
             VALUES (?1, lower(hex(randomblob(16))), 0, ?2, ?3, ?4, ?5, ?5) RETURNING owner";
        let process = serde_json::to_string(process).expect("identities are JSON");
        let row = params![id, verb, may_overlap, process, at_unix_s];
        let owner = self.connection.query_row(insert, row, |row| row.get(0));
        Ok(Lease { run: id, owner: owner.map_err(|source| self.sqlite(source))?, is_gone })
    }

    /// The process that owns run `id`, if one does.
    ///
    /// Errors: the store cannot be read.
    pub fn holder(&self, id: i64) -> Result<Option<LeaseHolder>, StoreError> {
        let select = "SELECT owner, beat, verb, process_json, since_unix_s, seen_unix_s
             FROM leases WHERE run_id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            let process: String = row.get(3)?;
            Ok(LeaseHolder {
                heartbeat: Heartbeat {
                    owner: row.get(0)?,
                    beat: row.get::<_, i64>(1)?.cast_unsigned(),
                },
                verb: row.get(2)?,
                // An identity of another version is that of an unknown process.
                process: serde_json::from_str(&process).unwrap_or_default(),
                since_unix_s: row.get(4)?,
                seen_unix_s: row.get(5)?,
            })
        };
        let found = self.connection.query_row(select, [id], read).optional();
        found.map_err(|source| self.sqlite(source))
    }

    /// Adds a heartbeat; `false` if the run belongs to another process by now.
    ///
    /// Errors: the store cannot be written.
    pub fn beat(&self, lease: &Lease, at_unix_s: i64) -> Result<bool, StoreError> {
        let update = "UPDATE leases SET beat = beat + 1, seen_unix_s = ?3
             WHERE run_id = ?1 AND owner = ?2";
        let row = params![lease.run, lease.owner, at_unix_s];
        let changed = self.connection.execute(update, row).map_err(|source| self.sqlite(source))?;
        Ok(changed == 1)
    }

    /// True while the run belongs to the process of `lease`.
    ///
    /// Errors: the store cannot be read.
    pub fn is_held(&self, lease: &Lease) -> Result<bool, StoreError> {
        lease.is_held(&self.connection).map_err(|source| self.sqlite(source))
    }

    /// Notes accounts that a process may write, or may have written, after it has lost run `id`.
    ///
    /// Errors: the store cannot be written, or the run was purged.
    pub fn add_late_writes(&self, id: i64, accounts: &[AccountId]) -> Result<(), StoreError> {
        let insert = "INSERT OR IGNORE INTO late_writes (run_id, account_id) VALUES (?1, ?2)";
        for account in accounts {
            let row = params![id, account.0.cast_signed()];
            self.connection.execute(insert, row).map_err(|source| self.sqlite(source))?;
        }
        Ok(())
    }

    /// The accounts of run `id` that a process may have written after it had lost the run, or may still write, in
    /// order.
    ///
    /// Errors: the store cannot be read.
    pub fn late_writes(&self, id: i64) -> Result<Vec<AccountId>, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT account_id FROM late_writes WHERE run_id = ?1 ORDER BY account_id";
        let mut statement = self.connection.prepare(select).map_err(sqlite)?;
        let rows = statement.query_map([id], |row| row.get::<_, i64>(0)).map_err(sqlite)?;
        rows.map(|id| id.map(|id| AccountId(id.cast_unsigned())).map_err(sqlite)).collect()
    }
}

impl Lease {
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) fn is_held(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let select = "SELECT EXISTS (SELECT 1 FROM leases WHERE run_id = ?1 AND owner = ?2)";
        let mut statement = connection.prepare_cached(select)?;
        statement.query_row(params![self.run, self.owner], |row| row.get(0))
    }

    /// Notes a write of an undo that is about to be sent to `account`; `false` if the run belongs to another process.
    pub(super) fn keep_undo_write(
        &self,
        connection: &Connection,
        account: AccountId,
    ) -> rusqlite::Result<bool> {
        let insert = "INSERT INTO undo_writes (run_id, account_id) SELECT ?1, ?3
             WHERE EXISTS (SELECT 1 FROM leases WHERE run_id = ?1 AND owner = ?2)
             ON CONFLICT DO UPDATE SET account_id = ?3";
        self.changed_one(connection, insert, account)
    }

    /// Forgets that write, which has ended; `false` if the run belongs to another process.
    pub(super) fn end_undo_write(
        &self,
        connection: &Connection,
        account: AccountId,
    ) -> rusqlite::Result<bool> {
        let delete = "DELETE FROM undo_writes WHERE run_id = ?1 AND account_id = ?3
             AND EXISTS (SELECT 1 FROM leases WHERE run_id = ?1 AND owner = ?2)";
        self.changed_one(connection, delete, account)
    }

    fn changed_one(
        &self,
        connection: &Connection,
        statement: &str,
        account: AccountId,
    ) -> rusqlite::Result<bool> {
        let row = params![self.run, self.owner, account.0.cast_signed()];
        Ok(connection.prepare_cached(statement)?.execute(row)? == 1)
    }
}
