//! Runs that meet on the same accounts and fields of one organisation: a plan that is applied twice, and the order
//! in which runs can be undone.

use super::header::Header;
use super::journal::RunState;
use super::lease::Lease;
use super::{Store, StoreError};
use crate::text::{join_and, plural};
use neon_mock::api::{AccountId, FieldId};
use neonbench_engine::journal::{Ledger, LedgerEntry};
use neonbench_engine::plan::{Plan, list_ids, parse_ids};
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeSet;
use std::fmt;

/// An earlier run on accounts and fields of a run that is about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOverlap {
    /// Its number.
    pub run: i64,
    /// Its state.
    pub state: RunState,
    /// Accounts that both are for.
    pub accounts: u64,
    /// Fields that one writes and the other reads or writes, by name.
    pub fields: Vec<String>,
}

/// A run on the same server.
struct OtherRun {
    id: i64,
    state: RunState,
    header: Header,
    /// Its accounts; none until those of a filter are found.
    ids: Vec<AccountId>,
}

impl fmt::Display for RunOverlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, state, accounts, fields } = self;
        let accounts = plural(*accounts, "account");
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        write!(
            f,
            "run {run} ({state}) has changed {} on {accounts} of this run or is about to, and this plan would change \
             them again",
            join_and(&fields)
        )
    }
}

/// Names of the fields that a plan writes, and of all that it reads or writes.
fn fields(plan: &Plan) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let mut written: BTreeSet<&str> =
        plan.mappings.iter().map(|mapping| &*mapping.target).collect();
    let cleared = plan.mappings.iter().filter(|it| !it.preserve_source || plan.cleanup_only);
    written.extend(cleared.map(|mapping| &*mapping.source));
    let sources = plan.mappings.iter().map(|mapping| &*mapping.source);
    let touched = written.iter().copied().chain(sources).collect();
    (written, touched)
}

/// The fields on which `later` meets `earlier`, unless both can be applied in any case.
fn met(earlier: (&Plan, RunState), later: &Plan) -> Vec<String> {
    let (earlier, state) = earlier;
    let has_ended = state == RunState::Finished;
    if later.is_repeatable() && (has_ended || earlier.is_repeatable()) {
        return Vec::new();
    }
    let ((written, touched), (by_later, of_later)) = (fields(earlier), fields(later));
    let mut met: BTreeSet<&str> = written.intersection(&of_later).copied().collect();
    if !has_ended {
        met.extend(by_later.intersection(&touched));
    }
    met.into_iter().map(str::to_owned).collect()
}

impl Store {
    /// Refuses a run of `header` for `ids` that would meet another run, where that is not `own`.
    ///
    /// Errors: [`StoreError::Overlap`]; the store cannot be read.
    pub(super) fn refuse_overlap(
        &self,
        header: &Header,
        ids: &[AccountId],
        own: Option<i64>,
    ) -> Result<(), StoreError> {
        let dry_run = header.settings.dry_run;
        let Some(site) = header.site.server().filter(|_| !dry_run) else { return Ok(()) };
        let wanted: BTreeSet<AccountId> = ids.iter().copied().collect();
        let repeatable = header.plan.is_repeatable();
        for other in self.runs_at(&site)?.into_iter().rev() {
            let OtherRun { id, state, header: of_other, ids } = other;
            let has_ended = state == RunState::Finished;
            if Some(id) == own || of_other.settings.dry_run || repeatable && has_ended {
                continue;
            }
            let fields = met((&of_other.plan, state), &header.plan);
            let accounts = match (fields.is_empty(), has_ended) {
                (true, _) => 0,
                (false, true) => {
                    self.ledger(id)?.written().filter(|id| wanted.contains(id)).count()
                }
                (false, false) => ids.iter().filter(|id| wanted.contains(id)).count(),
            } as u64;
            if accounts > 0 {
                let overlap = Box::new(RunOverlap { run: id, state, accounts, fields });
                return Err(StoreError::Overlap { path: self.path.clone(), overlap });
            }
        }
        Ok(())
    }

    /// The run that `header` would meet on the accounts `ids`, if there is one.
    ///
    /// Errors: the store cannot be read.
    pub fn met_by(
        &self,
        header: &Header,
        ids: &[AccountId],
    ) -> Result<Option<RunOverlap>, StoreError> {
        match self.refuse_overlap(header, ids, None) {
            Ok(()) => Ok(None),
            Err(StoreError::Overlap { overlap, .. }) => Ok(Some(*overlap)),
            Err(error) => Err(error),
        }
    }

    /// The runs on that server that another process owns or that are not ended, by their numbers.
    ///
    /// Errors: the store cannot be read.
    pub fn unfinished_at(&self, header: &Header) -> Result<Vec<(i64, RunState)>, StoreError> {
        let Some(site) = header.site.server() else { return Ok(Vec::new()) };
        let others = self.runs_at(&site)?.into_iter();
        let open = others
            .filter(|other| other.state != RunState::Finished && !other.header.settings.dry_run);
        Ok(open.map(|other| (other.id, other.state)).collect())
    }

    /// The runs on that server that are not undone, in the order of their numbers. One of another form is no run that
    /// this version could have made.
    fn runs_at(&self, site: &(String, String)) -> Result<Vec<OtherRun>, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT id, state, header_json, ids FROM runs
             WHERE header_json IS NOT NULL AND state <> ?1
                 AND json_extract(header_json, '$.site.foreign_http.org_id') = ?2
             ORDER BY id";
        let mut statement = self.connection.prepare(select).map_err(sqlite)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Option<String>>(3)?))
        };
        let rows = statement.query_map(params![RunState::Undone.name(), site.1], read);
        let rows = rows.map_err(sqlite)?.collect::<Result<Vec<(i64, String, String, _)>, _>>();
        let run = |(id, state, header, ids): (i64, String, String, Option<String>)| {
            let header = Header::from_json(&header).ok()?;
            let state = self.state(id, state).ok()?;
            let ids = ids.and_then(|ids| parse_ids(&ids).ok()).unwrap_or_default();
            let is_here = header.site.server().as_ref() == Some(site);
            is_here.then_some(OtherRun { id, state, header, ids })
        };
        Ok(rows.map_err(sqlite)?.into_iter().filter_map(run).collect())
    }

    /// Stores the accounts that the search of a run found, unless they meet another run.
    pub(super) fn set_ids(&self, lease: &Lease, ids: &[AccountId]) -> Result<(), StoreError> {
        let transaction = self.immediate()?;
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT may_overlap FROM leases WHERE run_id = ?1 AND owner = ?2";
        let row = params![lease.run, lease.owner()];
        let may_overlap: Option<bool> =
            self.connection.query_row(select, row, |row| row.get(0)).optional().map_err(sqlite)?;
        match (may_overlap, self.run(lease.run)?.header) {
            (None, _) => return Err(self.lost(lease)),
            (Some(false), Some(header)) => self.refuse_overlap(&header, ids, Some(lease.run))?,
            _ => {}
        }
        let update = "UPDATE runs SET ids = ?1 WHERE id = ?2";
        self.connection.execute(update, params![list_ids(ids), lease.run]).map_err(sqlite)?;
        transaction.commit().map_err(sqlite)
    }

    /// The runs that must be undone before run `id` can be, the latest first: they wrote the same fields of the same
    /// accounts since, directly or through one another.
    ///
    /// Errors: the store cannot be read.
    pub fn undone_before(&self, id: i64) -> Result<Vec<i64>, StoreError> {
        let Some(site) = self.run(id)?.header.and_then(|header| header.site.server()) else {
            return Ok(Vec::new());
        };
        let mut written = places(&self.ledger(id)?);
        let mut later = Vec::new();
        for other in self.runs_at(&site)?.into_iter().filter(|other| other.id > id) {
            let Ok(ledger) = self.ledger(other.id) else { continue };
            let theirs = places(&ledger);
            if !theirs.is_disjoint(&written) {
                written.extend(theirs);
                later.insert(0, other.id);
            }
        }
        Ok(later)
    }
}

/// The fields that a run wrote or may have written, each on its account.
fn places(ledger: &Ledger) -> BTreeSet<(AccountId, FieldId)> {
    let of = |id| ledger.get(id).into_iter().flat_map(LedgerEntry::recorded_writes);
    ledger.written().flat_map(|id| of(id).map(move |write| (id, write.field))).collect()
}
