//! The tables of the store, and the migration of stores of earlier versions.

use rusqlite::{Connection, TransactionBehavior};

/// Version of the tables. Stores of version 0 (SQLite's default) hold runs and histograms alone.
pub(super) const VERSION: i64 = 3;

/// AUTOINCREMENT, so that the number of a purged run is never reused: `undo 7` must not mean another run.
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

/// Sets up the connection and migrates the tables to [`VERSION`]. Returns the version found as the inner
/// error if it is a later one, whose tables are left alone.
///
/// Under WAL with synchronous = NORMAL a committed note survives the process, even if killed, since the
/// operating system has it. It may not survive a crash of the machine.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<Result<(), i64>> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Purged rows are overwritten in the file.
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    if version(connection)? < VERSION {
        // Dropping a referenced table would cascade.
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
    let found = version(&transaction)?;
    if found >= VERSION {
        return Ok(());
    }
    if found < 2 {
        add_journals(&transaction)?;
    }
    transaction.execute_batch(super::lease::TABLES)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// The tables of version 2, from nothing or from those of version 0.
fn add_journals(transaction: &Connection) -> rusqlite::Result<()> {
    let is_there = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'runs'";
    let is_old = transaction.query_row(is_there, [], |row| row.get::<_, i64>(0))? > 0;
    if is_old {
        // A temporary copy, not a rename: SQLite would rename the references to the table as well.
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
    Ok(())
}
