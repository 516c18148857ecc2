//! The store of runs: an SQLite file with records and the histograms behind them.

use crate::event::Outcome;
use crate::judge::JudgeRecord;
use crate::measure::Measure;
use crate::record::RunRecord;
use crate::run::Run;
use crate::selftest::SelftestRecord;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use neon_mock::api::Endpoint;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::{Path, PathBuf};

/// Where runs are stored unless told otherwise.
pub const DEFAULT_PATH: &str = ".neonbench/store.sqlite";

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS runs (
        id INTEGER PRIMARY KEY,
        made_at_unix_s INTEGER NOT NULL,
        record_json TEXT NOT NULL
    );
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

/// Records that are no runs of ours; each kind has a form of its own.
pub trait Document: serde::Serialize + serde::de::DeserializeOwned {
    /// The name of the kind in the store.
    const KIND: &'static str;
}

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<D> {
    /// When it was made, in seconds since 1970, UTC.
    pub made_at_unix_s: i64,
    /// The document.
    pub document: D,
}

impl Document for JudgeRecord {
    const KIND: &'static str = "judge";
}

impl Document for SelftestRecord {
    const KIND: &'static str = "selftest";
}

/// A store that cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error("cannot create {}", .path.display())]
    Create { path: PathBuf, source: std::io::Error },
    #[error("store {}", .path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("store {} has no run {id}", .path.display())]
    NoRun { path: PathBuf, id: i64 },
    #[error("store {}: run {id} is not of a form that this version reads", .path.display())]
    Form { path: PathBuf, id: i64, source: serde_json::Error },
    #[error("store {}: {kind} {id} is not of a form that this version reads", .path.display())]
    Document { path: PathBuf, kind: &'static str, id: i64, source: serde_json::Error },
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
}

impl Store {
    /// Opens the store at `path`, and makes it if there is none: for its owner's eyes only.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let create = |source| StoreError::Create { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(create)?;
        }
        private_file(path).map_err(create)?;
        let sqlite = |source| StoreError::Sqlite { path: path.to_owned(), source };
        let connection = Connection::open(path).map_err(sqlite)?;
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(sqlite)?;
        connection.execute_batch(SCHEMA).map_err(sqlite)?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Adds a run made at `made_at_unix_s`; the number that it goes by.
    pub fn add(&mut self, run: &Run, made_at_unix_s: i64) -> Result<i64, StoreError> {
        let json = serde_json::to_string(&run.record).expect("records are JSON");
        self.insert(&json, made_at_unix_s, &run.measure)
            .map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })
    }

    fn insert(&mut self, json: &str, at: i64, measure: &Measure) -> rusqlite::Result<i64> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO runs (made_at_unix_s, record_json) VALUES (?1, ?2)",
            params![at, json],
        )?;
        let id = transaction.last_insert_rowid();
        for (endpoint, outcome) in Endpoint::ALL.into_iter().flat_map(pairs) {
            let Some(series) = measure.series(endpoint, outcome) else { continue };
            transaction.execute(
                "INSERT INTO histograms (run_id, endpoint, outcome, response_ns_hdr_v2)
                 VALUES (?1, ?2, ?3, ?4)",
                params![id, endpoint.name(), outcome.name(), encoded(&series.response)],
            )?;
        }
        transaction.commit()?;
        Ok(id)
    }

    /// Adds a document made at `made_at_unix_s`; the number that it goes by among all documents.
    pub fn add_document<D: Document>(
        &mut self,
        document: &D,
        made_at_unix_s: i64,
    ) -> Result<i64, StoreError> {
        let json = serde_json::to_string(document).expect("records are JSON");
        let insert =
            "INSERT INTO documents (kind, made_at_unix_s, record_json) VALUES (?1, ?2, ?3)";
        self.connection
            .execute(insert, params![D::KIND, made_at_unix_s, json])
            .map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The documents of a kind, the latest first, at most `limit`.
    pub fn documents<D: Document>(&self, limit: u32) -> Result<Vec<Kept<D>>, StoreError> {
        let sqlite = |source| StoreError::Sqlite { path: self.path.clone(), source };
        let select = "SELECT id, made_at_unix_s, record_json FROM documents WHERE kind = ?1
             ORDER BY id DESC LIMIT ?2";
        let mut statement = self.connection.prepare(select).map_err(sqlite)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows = statement.query_map(params![D::KIND, limit], read).map_err(sqlite)?;
        let rows: Vec<(i64, i64, String)> = rows.collect::<Result<_, _>>().map_err(sqlite)?;
        let parse = |(id, made_at_unix_s, json): (i64, i64, String)| {
            let form = |source| StoreError::Document {
                path: self.path.clone(),
                kind: D::KIND,
                id,
                source,
            };
            let document = serde_json::from_str(&json).map_err(form)?;
            Ok(Kept { made_at_unix_s, document })
        };
        rows.into_iter().map(parse).collect()
    }

    /// The record of run `id`.
    pub fn record(&self, id: i64) -> Result<RunRecord, StoreError> {
        let path = || self.path.clone();
        let json: Option<String> = self
            .connection
            .query_row("SELECT record_json FROM runs WHERE id = ?1", [id], |row| row.get(0))
            .optional()
            .map_err(|source| StoreError::Sqlite { path: path(), source })?;
        let json = json.ok_or_else(|| StoreError::NoRun { path: path(), id })?;
        serde_json::from_str(&json).map_err(|source| StoreError::Form { path: path(), id, source })
    }
}

fn pairs(endpoint: Endpoint) -> impl Iterator<Item = (Endpoint, Outcome)> {
    Outcome::ALL.into_iter().map(move |outcome| (endpoint, outcome))
}

/// A histogram without loss, in the V2 form that other HDR tools read.
fn encoded(histogram: &Histogram<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).expect("writing to memory");
    bytes
}

/// Makes the file, readable for its owner alone, if there is none.
fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Settings, Strategy};
    use crate::event::Event;
    use crate::run::{Order, World};
    use crate::scenario::{Scenario, Workload};

    #[test]
    fn what_is_stored_comes_back_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/store.sqlite");
        let scenario =
            Scenario::new(Workload { resources: Some(3), ..Workload::default() }).unwrap();
        let order = Order::new(&scenario, Settings::new(Strategy::Hybrid));
        let run = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap();
        let id = Store::open(&path).unwrap().add(&run, 1_700_000_000).unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!(store.record(id).unwrap(), run.record);
        assert!(matches!(store.record(id + 1), Err(StoreError::NoRun { .. })));
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
