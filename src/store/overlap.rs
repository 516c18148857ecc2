//! Runs that meet on the same accounts and fields of one organisation: a plan that is applied twice, and the order
//! in which runs can be undone.

use super::header::Header;
use super::journal::RunState;
use super::lease::{Lease, LeaseHolder, ProcessIdentity};
use super::{Store, StoreError};
use crate::text::{join_and, plural};
use neon_mock::api::{AccountId, FieldId};
use neonbench_engine::journal::{Ledger, LedgerEntry};
use neonbench_engine::plan::{Plan, ResolvedPlan, list_ids, parse_ids};
use rusqlite::{OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The fields that the plan of a run names, by each text that names them, as the run has found them.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS plan_fields (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        field_id INTEGER NOT NULL,
        PRIMARY KEY (run_id, text)
    ) WITHOUT ROWID;
";

/// An earlier run on accounts and fields of a run that is about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOverlap {
    /// Its number.
    pub run: i64,
    /// Its state.
    pub state: RunState,
    /// Accounts that both are for.
    pub accounts: u64,
    /// Fields that one writes and the other reads or writes, as the later plan names them.
    pub fields: Vec<String>,
    /// The process that owns it, unless that has ended.
    pub holder: Option<LeaseHolder>,
}

/// A run on the same server.
struct OtherRun {
    id: i64,
    state: RunState,
    dry_run: bool,
    named: NamedPlan,
    /// Its accounts; none until those of a filter are found.
    ids: Vec<AccountId>,
    holder: Option<LeaseHolder>,
}

impl fmt::Display for RunOverlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, state, accounts, fields, holder: _ } = self;
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

/// A plan, with the ids of the fields that its texts name, as far as a run has found them: fields are named by their
/// name, their display name or their id.
#[derive(Default)]
struct NamedPlan {
    plan: Plan,
    ids: BTreeMap<String, FieldId>,
}

impl NamedPlan {
    /// The texts that may mean the field of `text`.
    fn texts(&self, text: &str) -> BTreeSet<String> {
        let id = self.ids.get(text);
        let others = self.ids.iter().filter(|(_, other)| Some(*other) == id);
        let others = others.map(|(other, _)| other.clone());
        others.chain(id.map(FieldId::to_string)).chain([text.to_owned()]).collect()
    }

    /// True if `text` of this plan and `of_other` of that one mean one field, or may: where one of them is unknown,
    /// any text that they share is enough.
    fn is_one(&self, text: &str, other: &Self, of_other: &str) -> bool {
        match (self.ids.get(text), other.ids.get(of_other)) {
            (Some(id), Some(of_other)) => id == of_other,
            _ => !self.texts(text).is_disjoint(&other.texts(of_other)),
        }
    }

    fn is_repeatable(&self) -> bool {
        self.plan.is_repeatable_by(|one, other| self.is_one(one, self, other))
    }

    /// The fields that it writes, and those that it reads or writes.
    fn fields(&self) -> (BTreeSet<&str>, BTreeSet<&str>) {
        let ends = self.plan.mappings.iter().flat_map(|it| [&*it.source, &*it.target]);
        (self.plan.written(), ends.collect())
    }

    /// The fields on which this plan meets that of `earlier`, unless both can be applied in any case, by its own
    /// texts.
    fn met(&self, earlier: &OtherRun) -> Vec<String> {
        let has_ended = earlier.state == RunState::Finished;
        // Two that write at once leave what the order of their writes says, and each notes the other's values as
        // those from before, so that no undo restores them.
        let is_beside = earlier.holder.is_some();
        let is_harmless = has_ended || earlier.named.is_repeatable() && !is_beside;
        if is_harmless && self.is_repeatable() {
            return Vec::new();
        }
        let ((written, touched), (by_this, of_this)) = (earlier.named.fields(), self.fields());
        let is_among = |text: &str, others: &BTreeSet<&str>| {
            others.iter().any(|other| self.is_one(text, &earlier.named, other))
        };
        let meets = |text: &&str| {
            is_among(text, &written)
                || !has_ended && by_this.contains(*text) && is_among(text, &touched)
        };
        of_this.into_iter().filter(meets).map(str::to_owned).collect()
    }
}

impl Store {
    /// Refuses a run of `header` for `ids` that would meet another run, where that is not `own`. A process that
    /// `is_gone` is no owner.
    ///
    /// Errors: [`StoreError::Overlap`]; the store cannot be read.
    pub(super) fn refuse_overlap(
        &self,
        header: &Header,
        ids: &[AccountId],
        own: Option<i64>,
        is_gone: fn(&ProcessIdentity) -> bool,
    ) -> Result<(), StoreError> {
        let dry_run = header.settings.dry_run;
        let Some(site) = header.site.server().filter(|_| !dry_run) else { return Ok(()) };
        let wanted: BTreeSet<AccountId> = ids.iter().copied().collect();
        let known = own.map(|id| self.named_fields(id)).transpose()?.unwrap_or_default();
        let named = NamedPlan { plan: header.plan.clone(), ids: known };
        for mut other in self.runs_at(&site)?.into_iter().rev() {
            if Some(other.id) == own || other.dry_run {
                continue;
            }
            other.holder = other.holder.filter(|holder| !is_gone(&holder.process));
            let fields = named.met(&other);
            let accounts = match (fields.is_empty(), other.state) {
                (true, _) => 0,
                (false, RunState::Finished) => {
                    self.ledger(other.id)?.written().filter(|id| wanted.contains(id)).count()
                }
                (false, _) => other.ids.iter().filter(|id| wanted.contains(id)).count(),
            } as u64;
            if accounts > 0 {
                let OtherRun { id: run, state, holder, .. } = other;
                let overlap = Box::new(RunOverlap { run, state, accounts, fields, holder });
                return Err(StoreError::Overlap { path: self.path.clone(), overlap });
            }
        }
        Ok(())
    }

    /// The run that `header` would meet on the accounts `ids`, if there is one. A process that `is_gone` is no owner.
    ///
    /// Errors: the store cannot be read.
    pub fn met_by(
        &self,
        header: &Header,
        ids: &[AccountId],
        is_gone: fn(&ProcessIdentity) -> bool,
    ) -> Result<Option<RunOverlap>, StoreError> {
        match self.refuse_overlap(header, ids, None, is_gone) {
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
        let open = others.filter(|other| other.state != RunState::Finished && !other.dry_run);
        Ok(open.map(|other| (other.id, other.state)).collect())
    }

    /// The ids of the fields that the plan of run `id` names; none before the run has found them.
    fn named_fields(&self, id: i64) -> Result<BTreeMap<String, FieldId>, StoreError> {
        let sqlite = |source| self.sqlite(source);
        let select = "SELECT text, field_id FROM plan_fields WHERE run_id = ?1";
        let mut statement = self.connection.prepare_cached(select).map_err(sqlite)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, FieldId(row.get(1)?)));
        statement.query_map([id], read).and_then(Iterator::collect).map_err(sqlite)
    }

    /// Stores the `fields` that the `plan` of a run was found to name, unless they meet another run. Those that are
    /// stored already stay.
    pub(super) fn set_fields(
        &self,
        lease: &Lease,
        plan: &Plan,
        fields: &ResolvedPlan,
    ) -> Result<(), StoreError> {
        let sqlite = |source| self.sqlite(source);
        let transaction = self.immediate()?;
        if !self.named_fields(lease.run)?.is_empty() {
            return Ok(());
        }
        let ends = plan.mappings.iter().zip(&fields.steps).flat_map(|(mapping, step)| {
            [(&mapping.source, step.source), (&mapping.target, step.target)]
        });
        let ends = ends.map(|(text, slot)| (&**text, fields.slots[slot].id));
        let names = fields.slots.iter().flat_map(|it| [(&*it.name, it.id), (&*it.column, it.id)]);
        // The plan's own texts come first: a name may be the id of another field.
        let insert =
            "INSERT OR IGNORE INTO plan_fields (run_id, text, field_id) VALUES (?1, ?2, ?3)";
        let mut statement = self.connection.prepare_cached(insert).map_err(sqlite)?;
        for (text, id) in ends.chain(names) {
            let row = params![lease.run, text, id.0];
            statement.execute(row).map_err(sqlite)?;
        }
        // A run that has begun to write is what others meet.
        if !self.has_notes(lease.run)?
            && let Some(ids) = self.run(lease.run)?.ids
        {
            self.refuse_overlap_of(lease, &ids)?;
        }
        transaction.commit().map_err(sqlite)
    }

    /// Refuses the run of `lease`, if it would meet another run on the accounts `ids` and nobody allowed that.
    fn refuse_overlap_of(&self, lease: &Lease, ids: &[AccountId]) -> Result<(), StoreError> {
        let select = "SELECT may_overlap FROM leases WHERE run_id = ?1 AND owner = ?2";
        let row = params![lease.run, lease.owner()];
        let may_overlap: Option<bool> = self
            .connection
            .query_row(select, row, |row| row.get(0))
            .optional()
            .map_err(|source| self.sqlite(source))?;
        match (may_overlap, self.run(lease.run)?.header) {
            (None, _) => Err(self.lost(lease)),
            (Some(false), Some(header)) => {
                self.refuse_overlap(&header, ids, Some(lease.run), lease.is_gone)
            }
            _ => Ok(()),
        }
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
        let mut runs = Vec::new();
        for (id, state, header, ids) in rows.map_err(sqlite)? {
            let (Ok(header), Ok(state)) = (Header::from_json(&header), self.state(id, state))
            else {
                continue;
            };
            if header.site.server().as_ref() != Some(site) {
                continue;
            }
            let dry_run = header.settings.dry_run;
            let named = NamedPlan { plan: header.plan, ids: self.named_fields(id)? };
            let ids = ids.and_then(|ids| parse_ids(&ids).ok()).unwrap_or_default();
            runs.push(OtherRun { id, state, dry_run, named, ids, holder: self.holder(id)? });
        }
        Ok(runs)
    }

    /// Stores the accounts that the search of a run found, unless they meet another run.
    pub(super) fn set_ids(&self, lease: &Lease, ids: &[AccountId]) -> Result<(), StoreError> {
        let sqlite = |source| self.sqlite(source);
        let transaction = self.immediate()?;
        self.refuse_overlap_of(lease, ids)?;
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

#[cfg(test)]
mod tests;
