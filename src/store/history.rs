//! Stored runs as lists show them, with the figures of replicates, of which records print the interval
//! of the makespan only.

use super::journal::RunState;
use super::lease::LeaseHolder;
use super::{Store, StoreError};
use crate::experiment::RunFigures;
use neonbench_engine::record::RunRecord;
use rusqlite::Row;
use serde::{Deserialize, Serialize};

/// A record with the figures of its replicates, as one object.
#[derive(Serialize)]
struct WithReplicates<'a> {
    #[serde(flatten)]
    record: &'a RunRecord,
    /// The makespans of those that are valid, which earlier versions read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    makespans_s: Vec<f64>,
    #[serde(skip_serializing_if = "<[RunFigures]>::is_empty")]
    replicate_figures: &'a [RunFigures],
}

/// The replicates of such an object. Earlier versions kept the makespans alone.
#[derive(Deserialize)]
struct Replicates {
    #[serde(default)]
    makespans_s: Vec<f64>,
    #[serde(default)]
    replicate_figures: Vec<RunFigures>,
}

impl Replicates {
    /// All of them; those of earlier versions with the other figures of `record`.
    fn figures(self, record: &RunRecord) -> Vec<RunFigures> {
        if !self.replicate_figures.is_empty() {
            return self.replicate_figures;
        }
        let first = RunFigures::from(record);
        let of = |makespan_s| RunFigures { makespan_s, ..first };
        self.makespans_s.into_iter().map(of).collect()
    }
}

/// A stored run without the rows of its journal.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
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
    /// The process that owns it, if one does.
    pub holder: Option<LeaseHolder>,
    /// Rows of its journal.
    pub notes: u64,
    /// Its record; none before it has ended.
    #[serde(skip)]
    pub record: Option<RunRecord>,
    /// Figures of its replicates, of its seed and those that follow, its own first; empty without any.
    #[serde(skip)]
    pub replicates: Vec<RunFigures>,
    /// False if it has a record of a form that this version does not read.
    #[serde(skip)]
    pub is_readable: bool,
}

/// The JSON that a run is stored as.
pub(super) fn with_replicates(record: &RunRecord, replicates: &[RunFigures]) -> String {
    let valid = replicates.iter().filter(|run| run.is_valid);
    let makespans_s = valid.map(|run| run.makespan_s).collect();
    let stored = WithReplicates { record, makespans_s, replicate_figures: replicates };
    serde_json::to_string(&stored).expect("records are JSON")
}

impl Store {
    /// The latest `limit` runs, or all of them, the latest first. A record of a form that this version
    /// does not read is left out, and its run says so.
    ///
    /// Errors: the store cannot be read.
    pub fn list(&self, limit: Option<u32>) -> Result<Vec<ListedRun>, StoreError> {
        // To SQLite a negative limit is none.
        let rows = self.listed("ORDER BY id DESC LIMIT ?1", limit.map_or(-1, i64::from))?;
        let read = |(run, json): (ListedRun, Option<String>)| {
            let unreadable = ListedRun { is_readable: false, ..run.clone() };
            run.with_record(json.as_deref()).unwrap_or(unreadable)
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Runs in progress, or killed, that are older than run `before`, the latest first.
    ///
    /// Errors: the store cannot be read.
    pub fn running_before(&self, before: i64) -> Result<Vec<ListedRun>, StoreError> {
        let which = "WHERE state = 'running' AND id < ?1 ORDER BY id DESC";
        Ok(self.listed(which, before)?.into_iter().map(|(run, _)| run).collect())
    }

    /// Accounts of run `id` that its journal knows to have ended.
    ///
    /// Errors: the store cannot be read.
    pub fn ended(&self, id: i64) -> Result<u64, StoreError> {
        let select = "SELECT count(DISTINCT account_id) FROM notes
             WHERE run_id = ?1 AND note_json LIKE '{\"landed\":%'";
        let ended = self.connection.query_row(select, [id], |row| row.get::<_, i64>(0));
        ended.map(i64::cast_unsigned).map_err(|source| self.sqlite(source))
    }

    /// Run `id` as lists show it.
    ///
    /// Errors: there is no such run, or its record is of a form that this version does not read.
    pub fn entry(&self, id: i64) -> Result<ListedRun, StoreError> {
        let row = self.listed("WHERE id = ?1", id)?.pop();
        let (run, json) = row.ok_or_else(|| self.no_run(id))?;
        let form = |source| StoreError::Form { path: self.path.clone(), id, source };
        run.with_record(json.as_deref()).map_err(form)
    }

    /// Runs without their records, each with the JSON of its record.
    fn listed(
        &self,
        which: &str,
        parameter: i64,
    ) -> Result<Vec<(ListedRun, Option<String>)>, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT id, made_at_unix_s, state, process, header_json IS NOT NULL,
                 (SELECT count(*) FROM notes WHERE run_id = id), record_json
             FROM runs";
        let mut statement =
            self.connection.prepare(&format!("{select} {which}")).map_err(sqlite)?;
        let rows = statement.query_map([parameter], columns).map_err(sqlite)?;
        let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(sqlite)?;
        let with_state = |(run, state, json): (ListedRun, String, Option<String>)| {
            let (state, holder) = (self.state(run.id, state)?, self.holder(run.id)?);
            Ok((ListedRun { state, holder, ..run }, json))
        };
        rows.into_iter().map(with_state).collect()
    }
}

/// One row: the run but for its state and its record, which are still text.
fn columns(row: &Row<'_>) -> rusqlite::Result<(ListedRun, String, Option<String>)> {
    let run = ListedRun {
        id: row.get(0)?,
        made_at_unix_s: row.get(1)?,
        state: RunState::Running,
        process: row.get(3)?,
        has_journal: row.get(4)?,
        holder: None,
        notes: row.get::<_, i64>(5)?.cast_unsigned(),
        record: None,
        replicates: Vec::new(),
        is_readable: true,
    };
    Ok((run, row.get(2)?, row.get(6)?))
}

impl ListedRun {
    fn with_record(self, json: Option<&str>) -> serde_json::Result<Self> {
        let record: Option<RunRecord> = json.map(serde_json::from_str).transpose()?;
        let replicates = json.map(serde_json::from_str::<Replicates>).transpose()?;
        let replicates = replicates.zip(record.as_ref());
        let replicates = replicates.map_or_else(Vec::new, |(all, record)| all.figures(record));
        Ok(Self { record, replicates, ..self })
    }
}
