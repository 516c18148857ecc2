//! What was run so far, and the makespans of replicates, which records print as an interval only.

use super::journal::State;
use super::{Store, StoreError};
use neonbench_engine::record::RunRecord;
use serde::{Deserialize, Serialize};

/// A record with the makespans behind its interval, as one object.
#[derive(Serialize)]
struct WithMakespans<'a> {
    #[serde(flatten)]
    record: &'a RunRecord,
    #[serde(skip_serializing_if = "<[f64]>::is_empty")]
    makespans_s: &'a [f64],
}

/// The makespans of such an object.
#[derive(Deserialize)]
struct Makespans {
    #[serde(default)]
    makespans_s: Vec<f64>,
}

/// One run of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The number that it goes by.
    pub id: i64,
    /// When it began, in seconds since 1970, UTC.
    pub made_at_unix_s: i64,
    /// How it stands.
    pub state: State,
    /// What came of it, if it came to that.
    pub record: Option<RunRecord>,
    /// The makespans of its valid replicates, in seconds; empty without any.
    pub makespans_s: Vec<f64>,
}

/// The JSON that a run is kept as.
pub(super) fn with_makespans(record: &RunRecord, makespans_s: &[f64]) -> String {
    serde_json::to_string(&WithMakespans { record, makespans_s }).expect("records are JSON")
}

/// Number, time, state and record of a run.
type Row = (i64, i64, String, Option<String>);

impl Store {
    /// The latest `limit` runs, the latest first.
    pub fn history(&self, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let select = "SELECT id, made_at_unix_s, state, record_json FROM runs
             ORDER BY id DESC LIMIT ?1";
        self.entries(select, i64::from(limit))
    }

    /// The run of that number, as the history has it.
    pub fn entry(&self, id: i64) -> Result<Entry, StoreError> {
        let select = "SELECT id, made_at_unix_s, state, record_json FROM runs WHERE id = ?1";
        self.entries(select, id)?.pop().ok_or_else(|| self.no_run(id))
    }

    fn entries(&self, select: &str, parameter: i64) -> Result<Vec<Entry>, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let mut statement = self.connection.prepare(select).map_err(sqlite)?;
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let rows = statement.query_map([parameter], read).map_err(sqlite)?;
        let rows: Vec<Row> = rows.collect::<Result<_, _>>().map_err(sqlite)?;
        rows.into_iter().map(|row| self.parsed(row)).collect()
    }

    fn parsed(&self, (id, made_at_unix_s, state, json): Row) -> Result<Entry, StoreError> {
        let form = |source| StoreError::Form { path: self.path.clone(), id, source };
        let record = json.as_deref().map(serde_json::from_str).transpose().map_err(form)?;
        let makespans = json.as_deref().map(serde_json::from_str::<Makespans>).transpose();
        let makespans_s = makespans.map_err(form)?.map_or_else(Vec::new, |it| it.makespans_s);
        let state = State::named(&state).ok_or_else(|| StoreError::State {
            path: self.path.clone(),
            id,
            state,
        })?;
        Ok(Entry { id, made_at_unix_s, state, record, makespans_s })
    }
}
