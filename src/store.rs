//! The store of runs: an SQLite file with records, their histograms, and journals.
//!
//! Journals hold values of constituents' accounts, so only the owner may read the file.

mod certificates;
mod header;
mod history;
mod journal;
mod lease;
mod overlap;
mod place;
mod purge;
mod schema;

pub use certificates::{CertificateChain, KeptCertificate};
pub use header::{Header, HeaderError, ProfileText, Site};
pub use history::ListedRun;
pub use journal::{RunState, SqliteJournal, StoredRun};
pub use lease::{
    Claimant, FormerOwner, Lease, LeaseAnswer, LeaseHolder, ProcessIdentity, TakenRun,
};
pub use overlap::RunOverlap;
pub use purge::{Purge, PurgedRun};

use crate::experiment::RunFigures;
use crate::judge::JudgeRecord;
use crate::selftest::SelftestRecord;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use neon_mock::api::Endpoint;
use neonbench_engine::event::Outcome;
use neonbench_engine::measure::Measure;
use neonbench_engine::plan::IdsError;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::Run;
use place::{Place, Witness};
use rusqlite::{Connection, params};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Default path of the store.
pub const DEFAULT_PATH: &str = ".neonbench/store.sqlite";

/// A record other than a run of ours; each kind has a form of its own.
pub trait Document: serde::Serialize + serde::de::DeserializeOwned {
    /// Name of the kind in the store.
    const KIND: &'static str;
}

/// A document with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDocument<D> {
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

/// The reasons why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error("cannot create {}", .path.display())]
    Create { path: PathBuf, source: std::io::Error },
    #[error("cannot open store {}", .path.display())]
    Open { path: PathBuf, source: std::io::Error },
    #[error("{} is no store of neonbench, and is left as it was: {why}", .path.display())]
    NotAStore { path: PathBuf, why: String },
    #[error("store {} was removed, replaced or emptied while it was in use", .path.display())]
    Vanished { path: PathBuf },
    #[error("store {}", .path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("store {} has no run {id}", .path.display())]
    NoRun { path: PathBuf, id: i64 },
    #[error("store {}: run {id} is not of a form that this version reads", .path.display())]
    Form { path: PathBuf, id: i64, source: serde_json::Error },
    #[error("store {}: run {id} is {state} and has no record yet", .path.display())]
    NoRecord { path: PathBuf, id: i64, state: &'static str },
    #[error("store {} was made by a later version of neonbench (tables {found})", .path.display())]
    Later { path: PathBuf, found: i64 },
    #[error("store {}: run {id} is `{state}`, which this version does not know", .path.display())]
    State { path: PathBuf, id: i64, state: String },
    #[error("store {}: what run {id} was ordered as is not of a form that this version reads", .path.display())]
    Header { path: PathBuf, id: i64, source: Box<HeaderError> },
    #[error("store {}: the accounts of run {id} cannot be read", .path.display())]
    Ids { path: PathBuf, id: i64, source: IdsError },
    #[error("run {id} of store {} belongs to another process by now", .path.display())]
    LeaseLost { path: PathBuf, id: i64 },
    #[error("store {}: {overlap}", .path.display())]
    Overlap { path: PathBuf, overlap: Box<RunOverlap> },
    #[error("store {}: {kind} {id} is not of a form that this version reads", .path.display())]
    Document { path: PathBuf, kind: &'static str, id: i64, source: serde_json::Error },
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    /// The file as it was opened; none for a store that is only read.
    witness: Option<Witness>,
    /// The folder of a private copy, which ends with it.
    #[expect(dead_code, reason = "its end removes the folder")]
    copy: Option<TempDir>,
}

/// Steps of waiting for a lock, and the length of one.
const STEPS_PER_S: i32 = 50;

/// Steps that a lock is waited for even then when nobody shall wait: other processes hold it for moments.
const STEPS_OF_A_MOMENT: i32 = 75;

/// Set when nobody shall wait for a lock any longer than a moment.
static GIVES_UP: AtomicBool = AtomicBool::new(false);

/// Bounds each wait for a store that another process has locked to a moment: the call fails then.
pub fn give_up_waiting() {
    GIVES_UP.store(true, Ordering::Relaxed);
}

thread_local! {
    /// The same of one thread alone.
    static IS_BRIEF: Cell<bool> = const { Cell::new(false) };
}

/// Bounds each wait of this thread to a moment: another thread of this process may hold the lock and wait for this one.
pub fn wait_moments_only() {
    IS_BRIEF.set(true);
}

#[expect(clippy::disallowed_methods, reason = "SQLite asks for a lock again when this returns")]
fn pause(moment: Duration) {
    std::thread::sleep(moment);
}

/// Waits a moment for a lock that another process holds, after `waited` such moments, and says so from the
/// fifth second on; `false` if nobody shall wait any longer.
fn wait(waited: i32) -> bool {
    if waited == 5 * STEPS_PER_S || (waited > 0 && waited % (60 * STEPS_PER_S) == 0) {
        let seconds = waited / STEPS_PER_S;
        tracing::warn!(
            target: "neonbench::store",
            "another process has locked the store for {seconds} s; waiting for it"
        );
    }
    pause(Duration::from_secs(1) / STEPS_PER_S as u32);
    waited < STEPS_OF_A_MOMENT || !(IS_BRIEF.get() || GIVES_UP.load(Ordering::Relaxed))
}

impl Store {
    /// Opens the store at `path`, and creates it if there is none, readable by its owner alone. A store of
    /// an earlier version is copied, and then brought to this one.
    ///
    /// Errors: the file cannot be created or is not a store, or a later version made it; it is left as it
    /// was then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let create = |source| StoreError::Create { path: path.to_owned(), source };
        if let Some(place) = Place::find(path)? {
            return place.open();
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(create)?;
        }
        Place::create(path)?;
        let place = Place::find(path)?;
        place.ok_or_else(|| create(std::io::ErrorKind::NotFound.into()))?.open()
    }

    /// The same, if there is a store: none is created.
    ///
    /// Errors: as those of [`open`](Self::open).
    pub fn open_if_any(path: &Path) -> Result<Option<Self>, StoreError> {
        Place::find(path)?.map(Place::open).transpose()
    }

    /// Reads from the store at `path` by `read`, and changes nothing: neither the file nor its folder need
    /// be writable. `read` is called again if another process changed the file meanwhile.
    ///
    /// Errors: there is no store, it cannot be read, or `read` fails.
    pub fn read<T, E: From<StoreError>>(
        path: &Path,
        read: impl FnMut(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let none = std::io::ErrorKind::NotFound;
        let none = || StoreError::Open { path: path.to_owned(), source: none.into() };
        Place::find(path)?.ok_or_else(none)?.read(read)
    }

    /// Checks that other processes find the store that this one has written to.
    ///
    /// Errors: somebody has removed, replaced or emptied it.
    pub fn check_in_place(&self) -> Result<(), StoreError> {
        match &self.witness {
            Some(witness) if !witness.is_in_place() => {
                Err(StoreError::Vanished { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    fn sqlite(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { path: self.path.clone(), source }
    }

    fn no_run(&self, id: i64) -> StoreError {
        StoreError::NoRun { path: self.path.clone(), id }
    }

    /// Adds a run made at `made_at_unix_s` with the figures of its `replicates`, its own first, if there are
    /// any, and returns its number.
    ///
    /// Errors: the store cannot be written.
    pub fn add(
        &mut self,
        run: &Run,
        replicates: &[RunFigures],
        made_at_unix_s: i64,
    ) -> Result<i64, StoreError> {
        let json = history::with_replicates(&run.record, replicates);
        self.insert(&json, made_at_unix_s, &run.measure).map_err(|source| self.sqlite(source))
    }

    fn insert(&mut self, json: &str, at: i64, measure: &Measure) -> rusqlite::Result<i64> {
        let transaction = self.connection.transaction()?;
        let insert = "INSERT INTO runs (made_at_unix_s, state, record_json) VALUES (?1, ?2, ?3)";
        transaction.execute(insert, params![at, RunState::Finished.name(), json])?;
        let id = transaction.last_insert_rowid();
        insert_histograms(&transaction, id, measure)?;
        transaction.commit()?;
        Ok(id)
    }

    /// Adds a document made at `made_at_unix_s`, and returns its number among all documents.
    ///
    /// Errors: the store cannot be written.
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
            .map_err(|source| self.sqlite(source))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The latest `limit` documents of a kind, the latest first.
    ///
    /// Errors: the store cannot be read, or a document is of a form that this version does not read.
    pub fn documents<D: Document>(&self, limit: u32) -> Result<Vec<StoredDocument<D>>, StoreError> {
        let sqlite = |source| self.sqlite(source);
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
            Ok(StoredDocument { made_at_unix_s, document })
        };
        rows.into_iter().map(parse).collect()
    }

    /// The record of run `id`.
    ///
    /// Errors: there is no such run, it has no record yet, or one of a form that this version does not
    /// read.
    pub fn record(&self, id: i64) -> Result<RunRecord, StoreError> {
        let run = self.run(id)?;
        run.record.ok_or_else(|| StoreError::NoRecord {
            path: self.path.clone(),
            id,
            state: run.state.name(),
        })
    }
}

fn insert_histograms(connection: &Connection, id: i64, measure: &Measure) -> rusqlite::Result<()> {
    let insert = "INSERT INTO histograms (run_id, endpoint, outcome, response_ns_hdr_v2)
         VALUES (?1, ?2, ?3, ?4)";
    for (endpoint, outcome) in Endpoint::ALL.into_iter().flat_map(pairs) {
        let Some(series) = measure.series(endpoint, outcome) else { continue };
        let row = params![id, endpoint.name(), outcome.name(), encoded(&series.response)];
        connection.execute(insert, row)?;
    }
    Ok(())
}

fn pairs(endpoint: Endpoint) -> impl Iterator<Item = (Endpoint, Outcome)> {
    Outcome::ALL.into_iter().map(move |outcome| (endpoint, outcome))
}

/// Serialises a histogram without loss, in the V2 form that other HDR tools read.
fn encoded(histogram: &Histogram<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).expect("writing to memory");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::engine::{Settings, Strategy};
    use neonbench_engine::event::Event;
    use neonbench_engine::run::{RunSpec, World};
    use neonbench_engine::scenario::{Scenario, Workload};

    #[test]
    fn what_is_stored_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/store.sqlite");
        let scenario =
            Scenario::new(Workload { resources: Some(3), ..Workload::default() }).unwrap();
        let order = RunSpec::new(&scenario, Settings::new(Strategy::Hybrid));
        let run = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap();
        let first = RunFigures::from(&run.record);
        let second = RunFigures { makespan_s: 7.5, calls: 9, ..first };
        let id = Store::open(&path).unwrap().add(&run, &[first, second], 1_700_000_000).unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!(store.record(id).unwrap(), run.record);
        assert_eq!(store.entry(id).unwrap().replicates, [first, second]);
        // Earlier versions kept the makespans of replicates alone.
        let earlier =
            "UPDATE runs SET record_json = json_remove(record_json, '$.replicate_figures')";
        store.connection.execute(earlier, []).unwrap();
        let kept = RunFigures { makespan_s: 7.5, ..first };
        assert_eq!(store.entry(id).unwrap().replicates, [first, kept]);
        assert!(matches!(store.record(id + 1), Err(StoreError::NoRun { .. })));
    }
}
