//! Audit when the server is remote and gives no access to its state: the accounts of the run are read
//! again through the API, pages of them by search where rows settle them.
//!
//! The run saw accounts and wrote them; whatever else has changed in between, somebody else wrote. An edit
//! of others is no fault of the run: a fault is what nobody else can have written.

mod recorder;
mod story;

pub use recorder::Recorder;

use crate::audit::{Audit, EditSince, ExpectedState};
use crate::clock::Clock;
use crate::engine::{
    AccountReader, AccountSource, AccountView, AuditDepth, ClearedSuspects, Columns, EngineError,
    Job, SuspectAccount, UnreadAccounts,
};
use crate::event::{Event, Observer};
use crate::journal::AccountStatus;
use crate::measure::Measure;
use crate::plan::ResolvedPlan;
use crate::transport::Transport;
use neon_mock::api::{AccountId, Body, Class, CustomField, FieldId, Response, Value};
use neon_mock::org::StateDigest;
use recorder::Notes;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use story::AccountStory;

/// The most accounts that a sample holds: a page of a search.
const SAMPLE: usize = neon_mock::api::MAX_PAGE_SIZE as usize;

/// The verdict on a run, and the calls that it took.
#[derive(Clone, Debug)]
pub struct ReadBack {
    /// The verdict.
    pub audit: Audit,
    /// Figures of the calls.
    pub calls: Measure,
    /// The organisation's custom fields, as the run saw them.
    pub fields: Arc<[CustomField]>,
}

/// Reads the accounts of the run again, as many as its settings say, and judges their state.
///
/// The rule is that of [`audit`](crate::audit): the whole plan, or any prefix of its mappings for
/// accounts that failed. The state before the run is that of the first read, whole or by search. Once
/// the run is stopped, accounts that were not read yet are left out: whoever resumes it reads them. An account that
/// cannot be read is neither right nor wrong. Of the events, `observer` gets those that tell how far the reading is.
///
/// Errors: [`EngineError`] if the field definitions do not fit the plan any more.
pub async fn read_back<T: Transport, C: Clock>(
    transport: &Recorder<T>,
    clock: &C,
    job: Job<'_>,
    measure: &Measure,
    observer: &mut dyn Observer,
) -> Result<ReadBack, EngineError> {
    let notes = transport.take_notes();
    let mut calls = Measure::counting();
    calls.observe(&Event::Started { at: clock.now() });
    let Some(Response { body: Body::CustomFields(fields), .. }) = &notes.definitions else {
        let fields = Arc::from([]);
        return Ok(ReadBack { audit: nothing_was_read(measure), calls, fields });
    };
    let task = ResolvedPlan::resolve(job.plan, fields)?;
    let ids = job.settings.audit.chosen(all_ids(&notes, job));
    let shown = ResolvedPlan::of_fields(shown_fields(fields, &task));
    let slots: Vec<usize> = (0..shown.slots.len()).collect();
    let columns = Columns::new(&shown, &slots);
    let judge = Judge {
        task: &task,
        fields: fields.iter().map(|field| field.id).collect(),
        notes: &notes,
        job,
        failed: measure.failed().iter().copied().collect(),
        broken_off: Cell::new(false),
        found: RefCell::default(),
    };
    let least = AccountReader::<T, C>::calls(ids.len(), columns.as_ref());
    let takes = duration_of(least, columns.is_some(), job, measure);
    let (accounts, least) = (ids.len() as u64, least as u64);
    if accounts > 0 && !job.stop.is_set() {
        observer.observe(&Event::ReadingAgain { accounts, calls: least, takes });
    }
    let mut fold = |event: &Event| {
        calls.observe(event);
        if matches!(event, Event::ReadAgain { .. }) || event.is_order() {
            observer.observe(event);
        }
    };
    let reader = AccountReader::new(transport.inner(), clock, &mut fold, job.settings, job.stop);
    let reader = reader.controlled_by(job.control);
    let unread = reader.under_control(judge.read(&reader, &ids, columns.as_ref())).await;
    drop(reader);
    let audit = judge.verdict(ids.len(), &unread);
    Ok(ReadBack { audit, calls, fields: Arc::clone(fields) })
}

/// The accounts that the run looked at, or an earlier process of it had ended.
fn all_ids(notes: &Notes, job: Job<'_>) -> Vec<AccountId> {
    let mut ids: BTreeSet<AccountId> = notes.accounts().collect();
    ids.extend(ended_before(job));
    ids.into_iter().collect()
}

impl AuditDepth {
    /// The accounts of `ids` to read again, evenly spread over all.
    fn chosen(self, ids: Vec<AccountId>) -> Vec<AccountId> {
        match self {
            Self::None => Vec::new(),
            Self::Sample if ids.len() > SAMPLE => {
                (0..SAMPLE).map(|place| ids[place * ids.len() / SAMPLE]).collect()
            }
            Self::Sample | Self::Full => ids,
        }
    }
}

/// The fields to ask a search for: those of the plan, and all others that have a column to themselves.
fn shown_fields<'f>(
    fields: &'f [CustomField],
    task: &ResolvedPlan,
) -> impl Iterator<Item = &'f CustomField> {
    let column = |field: &CustomField| field.display_name.clone().unwrap_or(field.name.clone());
    let mut columns: BTreeMap<_, u32> = BTreeMap::new();
    for field in fields {
        *columns.entry(column(field)).or_default() += 1;
    }
    let is_alone = move |field: &CustomField| columns[&column(field)] == 1;
    let planned: BTreeSet<FieldId> = task.slots.iter().map(|slot| slot.id).collect();
    fields.iter().filter(move |field| {
        let kind = field.display_type;
        planned.contains(&field.id) || (is_alone(field) && (kind.has_options() || kind.is_text()))
    })
}

/// About how long so many calls take, as the run's own did; `None` if it made none of their kind.
fn duration_of(calls: usize, by_search: bool, job: Job<'_>, measure: &Measure) -> Option<Duration> {
    let (class, side_by_side) =
        if by_search { (Class::Search, 1) } else { (Class::Get, job.settings.workers.get()) };
    let times = measure.services(class);
    let mean = (!times.is_empty()).then(|| Duration::from_nanos(times.mean() as u64))?;
    Some(mean * u32::try_from(calls).unwrap_or(u32::MAX) / side_by_side)
}

/// The accounts that an earlier part of a resumed run has migrated or left unchanged.
fn ended_before(job: Job<'_>) -> impl Iterator<Item = AccountId> {
    let ids = match job.resources {
        AccountSource::Ids(ids) => ids,
        AccountSource::Search { .. } => &[],
    };
    ids.iter().copied().filter(move |&id| {
        let landed = job.ledger.get(id).and_then(|entry| entry.landed.as_ref());
        matches!(
            landed,
            Some((AccountStatus::Migrated | AccountStatus::Unchanged | AccountStatus::Unmapped, _))
        )
    })
}

/// Without field definitions nothing can be judged.
fn nothing_was_read(measure: &Measure) -> Audit {
    let unread = if measure.total_attempts() == 0 { 0 } else { measure.resources() };
    let state_digest = StateDigest::new().finish();
    Audit { not_read_back: unread, unreadable: unread, state_digest, ..Audit::default() }
}

/// Judges accounts as they are read.
struct Judge<'a> {
    task: &'a ResolvedPlan,
    /// All fields of the organisation.
    fields: Vec<FieldId>,
    notes: &'a Notes,
    job: Job<'a>,
    failed: BTreeSet<AccountId>,
    /// True if the reading ended early, for another reason than a stop.
    broken_off: Cell<bool>,
    found: RefCell<Found>,
}

/// Findings so far.
#[derive(Default)]
struct Found {
    /// The fields of each account that was judged, for the digest.
    states: BTreeMap<AccountId, Vec<(FieldId, Value)>>,
    changing: u64,
    mismatched: u64,
    /// Accounts that differ, and of which it could not be found out who wrote them.
    undecided: usize,
    edits: Vec<(AccountId, FieldId)>,
    /// Accounts that still hold what the run wrote, with the place of their last note.
    standing: Vec<(u64, AccountId)>,
    /// Accounts that are not as demanded, unless somebody changed them since; with the fields in question.
    suspects: Vec<(SuspectAccount, Vec<FieldId>)>,
}

impl Judge<'_> {
    /// Reads the accounts `ids` and judges them.
    async fn read<T: Transport, C: Clock>(
        &self,
        reader: &AccountReader<'_, T, C>,
        ids: &[AccountId],
        columns: Option<&Columns<'_>>,
    ) -> UnreadAccounts {
        let read = reader.each(ids, columns, &|id, view| self.settles(id, &view)).await;
        let unread = read.unwrap_or_else(|error| {
            // The run itself is over: an audit that cannot go on takes nothing from it.
            self.broken_off.set(!matches!(error, EngineError::Stopped));
            UnreadAccounts::default()
        });
        let (suspects, standing) = {
            let mut found = self.found.borrow_mut();
            found.standing.sort_unstable();
            (found.suspects.clone(), found.standing.clone())
        };
        let accounts: Vec<SuspectAccount> = suspects.iter().map(|(it, _)| *it).collect();
        let cleared = reader.changed_since(&accounts, &standing).await.unwrap_or_else(|_| {
            let unknown = accounts.iter().map(|it| it.id).collect();
            ClearedSuspects { unknown, ..ClearedSuspects::default() }
        });
        let found = &mut self.found.borrow_mut();
        for (suspect, fields) in suspects {
            if cleared.changed.contains(&suspect.id) {
                found.edits.extend(fields.into_iter().map(|field| (suspect.id, field)));
            } else if cleared.unknown.contains(&suspect.id) {
                // It was read, and who wrote its fields was not found out: that is no judgement.
                found.states.remove(&suspect.id);
                found.undecided += 1;
            } else {
                found.mismatched += 1;
            }
        }
        unread
    }

    /// Judges one account; false if only the whole account can tell.
    fn settles(&self, id: AccountId, view: &AccountView<'_>) -> bool {
        let dry_run = self.job.settings.dry_run;
        let demand = ExpectedState {
            task: self.task,
            kind: view.kind,
            failed: self.failed.contains(&id),
            dry_run,
        };
        let sights = self.notes.of(id);
        let earlier = self.job.ledger.get(id);
        let story = AccountStory::new(id, self.task, &self.fields, earlier, sights);
        let told = story.told(view, &demand);
        let is_plain = told.matches && told.theirs.is_empty();
        if view.fields.is_some() && !is_plain {
            return false;
        }
        let found = &mut *self.found.borrow_mut();
        found.changing += u64::from(told.changes);
        found.states.insert(id, story.whole(view));
        let order = story.order();
        if !told.matches {
            let suspect = SuspectAccount { id, order, changed_at_unix_s: view.changed_at_unix_s };
            // An account that this process wrote and saw holds no riddles but fields as before.
            if told.as_before.is_empty() && !sights.is_empty() {
                found.mismatched += 1;
            } else {
                found.suspects.push((suspect, told.as_before));
            }
        } else if told.theirs.is_empty() && told.as_before.is_empty() && story.is_written() {
            found.standing.push((order, id));
        }
        found.edits.extend(told.theirs.into_iter().map(|field| (id, field)));
        true
    }

    /// The verdict on `accounts`, of which some were left `unread`.
    fn verdict(self, accounts: usize, unread: &UnreadAccounts) -> Audit {
        let broken_off = self.broken_off.get();
        let mut found = self.found.into_inner();
        let mut digest = StateDigest::new();
        for (id, values) in &found.states {
            digest.account(*id, values);
        }
        // A part of the accounts has no digest that others could compare.
        let is_whole = self.job.settings.audit == AuditDepth::Full;
        let state_digest = if is_whole { digest.finish() } else { String::new() };
        let mut faults = Vec::new();
        let judged = found.states.len();
        let mismatched = found.mismatched;
        let dry_run = self.job.settings.dry_run;
        if mismatched > 0 {
            faults.push(format!("{mismatched} accounts do not read back as the plan demands"));
        }
        if dry_run && self.notes.writes() > 0 {
            faults.push(format!("a dry run wrote {} accounts", self.notes.writes()));
        }
        let gone = unread.gone.len();
        let missing = accounts - judged - gone;
        let unreadable = if broken_off { missing } else { unread.failed.len() + found.undecided };
        found.edits.sort_unstable();
        let name = |field: FieldId| {
            let slot = self.task.slots.iter().find(|slot| slot.id == field);
            slot.map_or_else(|| field.to_string(), |slot| slot.name.to_string())
        };
        let edits = found.edits.iter().map(|&(id, field)| EditSince { id, field: name(field) });
        Audit {
            faults,
            mismatched,
            changing: found.changing,
            state_digest,
            edits_since: edits.collect(),
            read_back: judged as u64,
            gone: gone as u64,
            not_read_back: missing as u64,
            unreadable: unreadable as u64,
            ..Audit::default()
        }
    }
}
