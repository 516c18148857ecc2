//! The story of one account during a run: what it held before, what the run wrote, and what others wrote.

use super::recorder::{SentWrite, ShownRow, Sight};
use crate::audit::ExpectedState;
use crate::engine::{AccountView, Columns};
use crate::journal::{FieldChange, Intent, LedgerEntry, Note, Standing};
use crate::plan::ResolvedPlan;
use neon_mock::api::{AccountId, FieldId, Value};
use neon_mock::staff::Edit;
use neon_mock::time::Timestamp;
use std::collections::BTreeMap;

/// Writes of this process come after those of all others.
const THIS_PROCESS: u64 = 1 << 40;

/// Values by field; `None` is empty, and a field that is not in it is unknown.
type Known = BTreeMap<FieldId, Option<Value>>;

/// The state of an account up to the end of the run.
pub(super) struct AccountStory {
    /// The fields before the run.
    before: Known,
    /// The fields as the run left them, by all that it knows.
    now: Known,
    /// Edits of others that the run saw.
    edits: Vec<Edit>,
    /// The writes of all processes of the run.
    writes: LedgerEntry,
}

/// The account as it is found, held against its story.
pub(super) struct AccountVerdict {
    /// True if it is as the plan demands, or others wrote what differs.
    pub(super) matches: bool,
    /// True if the plan changes the account.
    pub(super) changes: bool,
    /// Fields of the run that others wrote since.
    pub(super) theirs: Vec<FieldId>,
    /// Fields that the run wrote for certain, and which are as before the run.
    pub(super) as_before: Vec<FieldId>,
}

impl AccountStory {
    /// The story of account `id` by the notes of `earlier` processes and what this one saw. `fields` are all
    /// fields of the organisation.
    pub(super) fn new(
        id: AccountId,
        task: &ResolvedPlan,
        fields: &[FieldId],
        earlier: Option<&LedgerEntry>,
        sights: &[Sight],
    ) -> Self {
        let mut story = Self {
            before: Known::new(),
            now: Known::new(),
            edits: Vec::new(),
            writes: earlier.cloned().unwrap_or_default(),
        };
        for change in earlier.iter().flat_map(|entry| &entry.changes) {
            story.before.insert(change.field, change.before.clone());
            story.now.insert(change.field, change.after.clone());
        }
        for sight in sights {
            match sight {
                Sight::Whole(values) => {
                    for &field in fields {
                        story.see(field, held(values, field));
                    }
                }
                Sight::Row(row) => story.see_row(task, row),
                Sight::Written(write) => story.write(id, write),
            }
        }
        story
    }

    /// Place of the account's last note among those of the whole run.
    pub(super) const fn order(&self) -> u64 {
        self.writes.order
    }

    /// True if the run wrote the account for certain.
    pub(super) fn is_written(&self) -> bool {
        !self.writes.changes.is_empty()
    }

    fn see(&mut self, field: FieldId, value: Option<Value>) {
        let write = self.writes.recorded_write(field);
        let standing = write.as_ref().map(|write| write.standing(&value));
        match (self.now.get(&field), standing) {
            // An earlier process left this write open, and it was carried out.
            (None, Some(Standing::Ours)) => {
                let before = write.and_then(|write| write.before);
                self.before.entry(field).or_insert(before);
            }
            (None, _) => {
                self.before.insert(field, value.clone());
            }
            // A value that somebody restored is told apart in the end.
            (Some(_), Some(Standing::Before)) if write.is_some_and(|write| write.is_certain) => {
                return;
            }
            (Some(known), None | Some(Standing::Theirs)) if *known != value => {
                self.edits.push(Edit { at: Timestamp::ZERO, field, value: value.clone() });
            }
            (Some(_), _) => {}
        }
        self.now.insert(field, value);
    }

    /// A row tells of fields that were not seen before: it may have been asked for before a write whose
    /// answer came first.
    fn see_row(&mut self, task: &ResolvedPlan, shown: &ShownRow) {
        let mut state = vec![None; task.slots.len()];
        for (position, slot) in task.slots.iter().enumerate() {
            let is_new = !self.now.contains_key(&slot.id) && shown.fields.contains(&slot.id);
            let Some(columns) = Columns::new(task, std::slice::from_ref(&position)) else {
                continue;
            };
            if is_new && columns.read(&shown.row, &mut state).is_ok() {
                self.see(slot.id, state[position].take());
            }
        }
    }

    fn write(&mut self, id: AccountId, write: &SentWrite) {
        let change = |(field, has_options, after): (FieldId, bool, Option<Value>)| FieldChange {
            field,
            has_options,
            before: self.now.get(&field).cloned().flatten(),
            after,
        };
        let changes: Vec<FieldChange> = write.items().map(change).collect();
        // A PUT sends all fields, most of them as they are.
        let changes = changes.into_iter().filter(|change| change.before != change.after);
        let changes: Vec<FieldChange> = changes.collect();
        let left: Vec<(FieldId, Option<Value>)> =
            changes.iter().map(|change| (change.field, change.after.clone())).collect();
        let kind = write.account.kind;
        let intent = Intent { id, kind, mappings_done: 0, changes, identity: None, problem: None };
        self.writes.add(Note::Intended(intent));
        self.writes.order = THIS_PROCESS + write.order;
        if write.is_certain {
            self.writes.add(Note::Written { id });
            self.now.extend(left);
        }
    }

    /// Holds the account as `view` shows it against its story and the `demand` of the plan.
    pub(super) fn told(
        &self,
        view: &AccountView<'_>,
        demand: &ExpectedState<'_>,
    ) -> AccountVerdict {
        let mut edits = self.edits.clone();
        let edit = |field, value| Edit { at: Timestamp::ZERO, field, value };
        let (mut theirs, mut as_before) = (Vec::new(), Vec::new());
        let writes = self.writes.recorded_writes();
        for write in writes.iter().filter(|write| view.shows(write.field)) {
            let now = view.held(write.field);
            match write.standing(&now) {
                Standing::Before if write.is_certain => as_before.push(write.field),
                Standing::Ours | Standing::Before => {}
                Standing::Theirs => {
                    theirs.push(write.field);
                    edits.push(edit(write.field, now));
                }
            }
        }
        for (&field, known) in self.now.iter().filter(|(field, _)| view.shows(**field)) {
            let now = view.held(field);
            if now != *known && writes.iter().all(|write| write.field != field) {
                edits.push(edit(field, now));
            }
        }
        let before = self.before(view);
        let verdict = demand.compare(&before, &edits, &view.values);
        AccountVerdict { matches: verdict.matches, changes: verdict.changes, theirs, as_before }
    }

    /// The fields that `view` shows, as they were before the run; those that it never looked at are taken to
    /// be as they are.
    fn before(&self, view: &AccountView<'_>) -> Vec<(FieldId, Value)> {
        let mut before: BTreeMap<FieldId, Value> = view.values.iter().cloned().collect();
        for (&field, value) in self.before.iter().filter(|(field, _)| view.shows(**field)) {
            match value {
                Some(value) => before.insert(field, value.clone()),
                None => before.remove(&field),
            };
        }
        before.into_iter().collect()
    }

    /// The whole account as it is now, in id order: the fields that `view` does not show are as the run knew
    /// them.
    pub(super) fn whole(&self, view: &AccountView<'_>) -> Vec<(FieldId, Value)> {
        let mut whole: BTreeMap<FieldId, Value> = view.values.iter().cloned().collect();
        for (&field, value) in self.now.iter().filter(|(field, _)| !view.shows(**field)) {
            whole.extend(value.clone().map(|value| (field, value)));
        }
        whole.into_iter().collect()
    }
}

fn held(values: &[(FieldId, Value)], field: FieldId) -> Option<Value> {
    values.iter().find(|(id, _)| *id == field).map(|(_, value)| value.clone())
}
