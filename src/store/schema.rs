//! The tables of the store, and the migration of stores of earlier versions.

use super::place::{COPY, Place, with_ending};
use super::{Store, StoreError};
use rusqlite::Connection;
use std::path::PathBuf;

/// The mark of our files in the header of an `SQLite` database: "neob".
const APPLICATION_ID: i64 = 0x6e65_6f62;

/// Version of [`TABLES`]. Stores of version 0 (`SQLite`'s default) hold records alone.
const FIRST: i64 = 2;

/// Additions to the tables, of version 3, 4, …: each only adds tables, columns and indexes.
const ADDITIONS: [&[&str]; 2] = [
    &[super::lease::TABLES],
    &[super::certificates::TABLES, super::overlap::TABLES, super::lease::UNDO_TABLES],
];

/// Version of the tables.
pub(super) const VERSION: i64 = FIRST + ADDITIONS.len().cast_signed() as i64;

/// The tables of version 0, which never had a mark of their own; the earliest lack [`DOCUMENTS`].
const OLDEST: &str = "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        made_at_unix_s INTEGER NOT NULL,
        record_json TEXT NOT NULL
    );
";

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
";

const HISTOGRAMS: &str = "
    CREATE TABLE IF NOT EXISTS histograms (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        endpoint TEXT NOT NULL,
        outcome TEXT NOT NULL,
        response_ns_hdr_v2 BLOB NOT NULL,
        PRIMARY KEY (run_id, endpoint, outcome)
    );
";

const DOCUMENTS: &str = "
    CREATE TABLE IF NOT EXISTS documents (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        made_at_unix_s INTEGER NOT NULL,
        record_json TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS documents_by_kind ON documents (kind, id);
";

/// The form in which a file was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreForm {
    /// A database without tables.
    Empty,
    /// A store with the tables of this version.
    Current,
    /// A store of an earlier version.
    Earlier(i64),
}

/// Recognises a store: by its mark, or by the exact tables of a release that did not mark its files.
///
/// Errors: it is of a later version, or belongs to another program.
pub(super) fn recognise(store: &Store) -> Result<StoreForm, StoreError> {
    let wrong = |source| store.sqlite(source);
    let (mark, version) = described(&store.connection).map_err(wrong)?;
    // The mark is enough, and each opening would pay for more.
    let found = match mark {
        APPLICATION_ID => Vec::new(),
        _ => structure(&store.connection).map_err(wrong)?,
    };
    let form = |version| match version {
        VERSION => StoreForm::Current,
        earlier => StoreForm::Earlier(earlier),
    };
    let not = |why: String| Err(StoreError::NotAStore { path: store.path.clone(), why });
    match (mark, version) {
        (APPLICATION_ID, later) if later > VERSION => {
            Err(StoreError::Later { path: store.path.clone(), found: later })
        }
        (APPLICATION_ID, version) => Ok(form(version)),
        (0, 0) if found.is_empty() => Ok(StoreForm::Empty),
        (0, 0)
            if [vec![OLDEST, HISTOGRAMS], vec![OLDEST, HISTOGRAMS, DOCUMENTS]]
                .iter()
                .any(|tables| structure_of(tables) == found) =>
        {
            Ok(StoreForm::Earlier(0))
        }
        (0, FIRST) if structure_of(&[TABLES, HISTOGRAMS, DOCUMENTS]) == found => {
            Ok(StoreForm::Earlier(FIRST))
        }
        (0, _) => not("it has other tables".to_owned()),
        (other, _) => not(format!("another program has marked it as its own ({other:#010x})")),
    }
}

/// Mark and version of a database.
fn described(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// Tables with their columns, indexes, views and triggers, one in a line. The index of documents is no
/// matter: each version makes it where it lacks.
fn structure(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let select = r#"SELECT concat_ws(' ', of.type, of.name, of.tbl_name,
             it.name, it.type, it."notnull", it.dflt_value, it.pk)
         FROM sqlite_master AS of LEFT JOIN pragma_table_xinfo(of.name) AS it ON of.type = 'table'
         WHERE of.name NOT LIKE 'sqlite~_%' ESCAPE '~' AND of.name <> 'documents_by_kind' ORDER BY 1"#;
    connection.prepare(select)?.query_map([], |row| row.get(0))?.collect()
}

/// The structure that these `tables` have.
fn structure_of(tables: &[&str]) -> Vec<String> {
    let made = Connection::open_in_memory().and_then(|memory| {
        memory.execute_batch(&tables.concat())?;
        structure(&memory)
    });
    made.expect("our own tables")
}

/// Sets up a connection that writes, and brings the tables to [`VERSION`]: a store of an earlier version is
/// copied first.
///
/// Under WAL with synchronous = NORMAL a committed note survives the process, even if killed, since the
/// operating system has it. It may not survive a crash of the machine.
///
/// Errors: it is no store, or it cannot be written.
pub(super) fn prepare(store: &mut Store) -> Result<(), StoreError> {
    let form = recognise(store)?;
    set_up(&store.connection).map_err(|source| store.sqlite(source))?;
    let copy = match form {
        StoreForm::Earlier(version) => Some((version, back_up(store, version)?)),
        _ => None,
    };
    let is_changed = form != StoreForm::Current && migrate(store)?;
    match copy {
        Some((version, copy)) if is_changed => tracing::warn!(
            target: "neonbench::store",
            "store {} was brought from version {version} of its tables to {VERSION}; {} is a copy of it as it was",
            store.path.display(),
            copy.display()
        ),
        // Another process was faster, and has a copy.
        Some((_, copy)) => {
            let _ = std::fs::remove_file(copy);
        }
        None => {}
    }
    let keys = store.connection.pragma_update(None, "foreign_keys", "ON");
    keys.map_err(|source| store.sqlite(source))
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Purged rows are overwritten in the file.
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))
}

/// Copies a store of `version` beside it, for its owner alone.
fn back_up(store: &Store, version: i64) -> Result<PathBuf, StoreError> {
    let names = (1..).map(|copy| match copy {
        1 => format!("{COPY}{version}"),
        more => format!("{COPY}{version}-{more}"),
    });
    let mut free = names.map(|ending| with_ending(&store.path, &ending));
    let copy = free.find(|copy| copy.symlink_metadata().is_err()).expect("endless");
    Place::create(&copy)?;
    let made = store.connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]);
    made.map_err(|source| {
        // Half a copy is none.
        let _ = std::fs::remove_file(&copy);
        store.sqlite(source)
    })?;
    Ok(copy)
}

/// Makes the tables of this version, and adds to those of earlier ones what they lack; `false` if another
/// process was faster.
///
/// Errors: it is no store any more, or it cannot be written.
pub(super) fn migrate(store: &mut Store) -> Result<bool, StoreError> {
    // Dropping a referenced table would cascade.
    let off = store.connection.pragma_update(None, "foreign_keys", "OFF");
    let begun = off.and_then(|()| store.connection.execute_batch("BEGIN IMMEDIATE"));
    begun.map_err(|source| store.sqlite(source))?;
    let done = recognise(store).and_then(|form| {
        add(&store.connection, form).map_err(|source| store.sqlite(source))?;
        Ok(form != StoreForm::Current)
    });
    let done = done.and_then(|is_changed| {
        let ended = store.connection.execute_batch("COMMIT").map(|()| is_changed);
        ended.map_err(|source| store.sqlite(source))
    });
    if done.is_err() {
        // A full disk has ended the transaction already.
        let _ = store.connection.execute_batch("ROLLBACK");
    }
    done
}

fn add(connection: &Connection, form: StoreForm) -> rusqlite::Result<()> {
    let from = match form {
        StoreForm::Current => return Ok(()),
        StoreForm::Empty => {
            connection.execute_batch(&[TABLES, HISTOGRAMS, DOCUMENTS].concat())?;
            FIRST
        }
        StoreForm::Earlier(0) => {
            // SQLite cannot lift NOT NULL, nor add AUTOINCREMENT: the rows move into a table that has all columns
            // of the old one. By a temporary copy, not by a rename, which would rename references to it as well.
            connection.execute_batch(&format!(
                "CREATE TEMP TABLE old_runs AS SELECT id, made_at_unix_s, record_json FROM runs;
                 DROP TABLE runs;
                 {TABLES} {HISTOGRAMS} {DOCUMENTS}
                 INSERT INTO runs (id, made_at_unix_s, state, record_json)
                 SELECT id, made_at_unix_s, 'finished', record_json FROM old_runs;
                 DROP TABLE old_runs;"
            ))?;
            FIRST
        }
        StoreForm::Earlier(version) => version,
    };
    for addition in ADDITIONS.iter().skip((from - FIRST) as usize) {
        connection.execute_batch(&addition.concat())?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)
}
