//! The store's tables, and how a store of an earlier version gets them.

use rusqlite::{Connection, TransactionBehavior};

/// Version of the tables. 1, or 0 as SQLite calls it: runs with their records alone.
pub(super) const VERSION: i64 = 2;

/// A run's number is never given again, even when the run was purged: `undo 7` must not come to
/// mean another run. That is what AUTOINCREMENT is for.
const TABLES: &str = "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        made_at_unix_s INTEGER NOT NULL,
        state TEXT NOT NULL,
        process INTEGER,
        header_json TEXT,
        ids TEXT,
        record_json TEXT
    );
    CREATE TABLE notes (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        account_id INTEGER NOT NULL,
        note_json TEXT NOT NULL,
        PRIMARY KEY (run_id, seq)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS histograms (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        endpoint TEXT NOT NULL,
        outcome TEXT NOT NULL,
        response_ns_hdr_v2 BLOB NOT NULL,
        PRIMARY KEY (run_id, endpoint, outcome)
    );
    CREATE TABLE IF NOT EXISTS documents (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        made_at_unix_s INTEGER NOT NULL,
        record_json TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS documents_by_kind ON documents (kind, id);
";

/// Sets the connection up and brings the tables to [`VERSION`]; the version that was found, if it
/// is a later one, whose tables are left alone.
///
/// Under WAL with synchronous = NORMAL a committed note survives the death of the process, killed
/// or not: it is with the operating system. It may not survive the death of the machine.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<Result<(), i64>> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // What is purged leaves no trace in the file.
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    if version(connection)? < VERSION {
        // Dropping a table that others refer to would empty them.
        connection.pragma_update(None, "foreign_keys", "OFF")?;
        migrate(connection)?;
    }
    connection.pragma_update(None, "foreign_keys", "ON")?;
    let found = version(connection)?;
    Ok(if found > VERSION { Err(found) } else { Ok(()) })
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if version(&transaction)? >= VERSION {
        return Ok(());
    }
    let is_there = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'runs'";
    let is_old = transaction.query_row(is_there, [], |row| row.get::<_, i64>(0))? > 0;
    if is_old {
        // Under another name first: renaming back would rename what refers to it, too.
        transaction.execute_batch(
            "CREATE TEMP TABLE old_runs AS SELECT id, made_at_unix_s, record_json FROM runs;
             DROP TABLE runs;",
        )?;
    }
    transaction.execute_batch(TABLES)?;
    if is_old {
        transaction.execute_batch(
            "INSERT INTO runs (id, made_at_unix_s, state, record_json)
             SELECT id, made_at_unix_s, 'finished', record_json FROM old_runs;
             DROP TABLE old_runs;",
        )?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
