//! Stored runs as lists show them, with the makespans of replicates, which records print as an
//! interval only.

use super::journal::RunState;
use super::{Store, StoreError};
use neonbench_engine::record::RunRecord;
use rusqlite::{Params, Row};
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

/// A stored run without the rows of its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedRun {
    /// Its number in the store.
    pub id: i64,
    /// When it began, in seconds since 1970, UTC.
    pub made_at_unix_s: i64,
    /// Its state.
    pub state: RunState,
    /// Id of the process that carries it out, or did last.
    pub process: Option<u32>,
    /// True if another process can resume it.
    pub has_journal: bool,
    /// Rows of its journal.
    pub notes: u64,
    /// Its record; none before it has ended.
    pub record: Option<RunRecord>,
    /// The makespans of its valid replicates, in seconds; empty without any.
    pub makespans_s: Vec<f64>,
}

/// The JSON that a run is stored as.
pub(super) fn with_makespans(record: &RunRecord, makespans_s: &[f64]) -> String {
    serde_json::to_string(&WithMakespans { record, makespans_s }).expect("records are JSON")
}

impl Store {
    /// The latest `limit` runs, or all of them, the latest first.
    ///
    /// Errors: the store cannot be read, or holds a record of a form that this version does not
    /// read.
    pub fn list(&self, limit: Option<u32>) -> Result<Vec<ListedRun>, StoreError> {
        // To SQLite a negative limit is none.
        let limit = limit.map_or(-1, i64::from);
        self.listed("ORDER BY id DESC LIMIT ?1", [limit])
    }

    /// Run `id` as lists show it.
    ///
    /// Errors: there is no such run; else those of [`list`](Self::list).
    pub fn entry(&self, id: i64) -> Result<ListedRun, StoreError> {
        self.listed("WHERE id = ?1", [id])?.pop().ok_or_else(|| self.no_run(id))
    }

    fn listed(&self, which: &str, parameters: impl Params) -> Result<Vec<ListedRun>, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT id, made_at_unix_s, state, process, header_json IS NOT NULL,
                 (SELECT count(*) FROM notes WHERE run_id = id), record_json
             FROM runs";
        let mut statement =
            self.connection.prepare(&format!("{select} {which}")).map_err(sqlite)?;
        let mut rows = statement.query(parameters).map_err(sqlite)?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next().map_err(sqlite)? {
            let (run, state, json) = self.columns(row).map_err(sqlite)?;
            listed.push(self.parsed(run, state, json.as_deref())?);
        }
        Ok(listed)
    }

    /// One row: the run but for its state and its record, which are still text.
    fn columns(&self, row: &Row<'_>) -> rusqlite::Result<(ListedRun, String, Option<String>)> {
        let run = ListedRun {
            id: row.get(0)?,
            made_at_unix_s: row.get(1)?,
            state: RunState::Running,
            process: row.get(3)?,
            has_journal: row.get(4)?,
            notes: row.get::<_, i64>(5)?.cast_unsigned(),
            record: None,
            makespans_s: Vec::new(),
        };
        Ok((run, row.get(2)?, row.get(6)?))
    }

    fn parsed(
        &self,
        run: ListedRun,
        state: String,
        json: Option<&str>,
    ) -> Result<ListedRun, StoreError> {
        let id = run.id;
        let form = |source| StoreError::Form { path: self.path.clone(), id, source };
        let record = json.map(serde_json::from_str).transpose().map_err(form)?;
        let makespans = json.map(serde_json::from_str::<Makespans>).transpose().map_err(form)?;
        let makespans_s = makespans.map_or_else(Vec::new, |it| it.makespans_s);
        Ok(ListedRun { state: self.state(id, state)?, record, makespans_s, ..run })
    }
}
