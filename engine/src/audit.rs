//! Judges a run by the server's truth: the organisation's final state and the server's calls.

mod explain;

pub use explain::{Amiss, FieldDifference, MismatchSite};

use crate::decide::{AccountDecision, SlotValues, apply, state_of_values};
use crate::event::Outcome;
use crate::measure::Measure;
use crate::plan::ResolvedPlan;
use crate::scenario::Scenario;
use neon_mock::api::{AccountId, AccountKind, Class, Endpoint, FieldId, Value};
use neon_mock::org::{Organisation, StateDigest};
use neon_mock::staff::{Edit, Writer};
use neon_mock::{Calls, Neon};
use std::collections::BTreeMap;
use std::ops::Range;

/// The verdict on a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Why the run is invalid; a run without reasons is valid.
    pub faults: Vec<String>,
    /// Accounts whose state is not what the plan demands.
    pub mismatched: u64,
    /// Writes of others that the run undid.
    pub lost_updates: u64,
    /// Writes of the run that others undid.
    pub undone_by_staff: u64,
    /// Fields that others saved while the run went on.
    pub staff_edits: u64,
    /// Accounts of which the plan changes something.
    pub changing: u64,
    /// Digest of the organisation's final state.
    pub state_digest: String,
    /// Fields that the run wrote and others wrote since, in id order, as far as the server tells.
    pub edits_since: Vec<EditSince>,
    /// Accounts that were read again, where the server is remote.
    pub read_back: u64,
    /// Accounts that were to be read again and could not be, or were left out.
    pub not_read_back: u64,
    /// The accounts among them that could not be read: nothing is known of them, neither good nor bad.
    pub unreadable: u64,
    /// Accounts that were deleted or merged since.
    pub gone: u64,
}

/// A field that the run wrote, and somebody else since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditSince {
    /// The account.
    pub id: AccountId,
    /// Name of the field.
    pub field: String,
}

impl Audit {
    /// True if the run has no faults, and something was judged where there was anything to judge.
    pub const fn is_valid(&self) -> bool {
        self.faults.is_empty() && (self.unreadable == 0 || self.read_back > 0)
    }
}

/// Judges what a run of `scenario` left in `neon`, given the engine's own figures in `measure`.
///
/// The state is compared with the result of [`apply`] on the organisation before the run: the whole
/// plan for accounts that succeeded, any prefix of its mappings for accounts that failed.
pub fn audit(scenario: &Scenario, neon: &Neon, measure: &Measure, dry_run: bool) -> Audit {
    audit_part(scenario, neon, measure, AuditScope { dry_run, landed: None })
}

/// True if [`audit_part`] finds no faults: the same without the digest of the whole state, of which a sweep has
/// no need.
pub fn is_valid(
    scenario: &Scenario,
    neon: &Neon,
    measure: &Measure,
    scope: AuditScope<'_>,
) -> bool {
    audited(scenario, neon, measure, scope, None).is_valid()
}

/// Scope of an audit: which accounts must have ended, and whether writes are allowed.
#[derive(Clone, Copy, Debug)]
pub struct AuditScope<'a> {
    /// True if the run must not write.
    pub dry_run: bool,
    /// The accounts that have ended, in id order, where the run was stopped; `None` where all had
    /// to.
    pub landed: Option<&'a [AccountId]>,
}

/// As [`audit`], of a run that may have been stopped: what had not ended is judged as if it had
/// failed.
pub fn audit_part(
    scenario: &Scenario,
    neon: &Neon,
    measure: &Measure,
    scope: AuditScope<'_>,
) -> Audit {
    audited(scenario, neon, measure, scope, Some(StateDigest::new()))
}

fn audited(
    scenario: &Scenario,
    neon: &Neon,
    measure: &Measure,
    scope: AuditScope<'_>,
    digest: Option<StateDigest>,
) -> Audit {
    let dry_run = scope.dry_run;
    let mut failed = measure.failed().to_vec();
    if let Some(landed) = scope.landed {
        let organisation = neon.organisation();
        let before = organisation_before(scenario, organisation);
        let mut left = scenario.selected(before.as_ref().unwrap_or(organisation));
        left.retain(|id| landed.binary_search(id).is_err());
        failed.extend(left);
    }
    failed.sort_unstable();
    let claims = Claims::Failed { failed: &failed, dry_run };
    let found = compared(scenario, neon, claims, digest, &mut |_| {});
    let Comparison { mismatched, lost_updates, changing, state_digest, .. } = found;
    let mut faults = Vec::new();
    if mismatched > 0 {
        faults.push(format!("{mismatched} accounts are not in the state that the plan demands"));
    }
    if scope.landed.is_none() && measure.records().total != measure.resources() {
        let (landed, resources) = (measure.records().total, measure.resources());
        faults.push(format!("{landed} of {resources} accounts have landed"));
    }
    faults.extend(accounting_faults(measure, neon.calls(), dry_run));
    Audit {
        faults,
        mismatched,
        lost_updates,
        undone_by_staff: neon.lost_updates_by(Writer::Staff),
        staff_edits: neon.staff_saves(),
        changing,
        state_digest,
        ..Audit::default()
    }
}

/// Claims of a run about its accounts, which the audit checks.
#[derive(Clone, Copy, Debug)]
pub enum Claims<'a> {
    /// These failed, in id order, and all others succeeded; in a dry run nothing was written.
    Failed {
        /// The accounts that failed.
        failed: &'a [AccountId],
        /// True if the run must not write.
        dry_run: bool,
    },
    /// Nothing: an account to which the plan cannot be applied whole may be left at any mapping.
    None,
}

/// Result of comparing an organisation's final state with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Accounts that the plan is for.
    pub selected: u64,
    /// Accounts whose state is not what the plan demands.
    pub mismatched: u64,
    /// Writes of others that were undone.
    pub lost_updates: u64,
    /// Accounts of which the plan changes something.
    pub changing: u64,
    /// Digest of the final state.
    pub state_digest: String,
}

/// An account that is not as demanded.
#[derive(Clone, Copy, Debug)]
pub struct Mismatch<'a> {
    /// The account.
    pub id: AccountId,
    /// The state that the plan demands; `None` if the plan does not select this account.
    pub demand: Option<ExpectedState<'a>>,
    /// Custom fields before the run.
    pub before: &'a [(FieldId, Value)],
    /// Custom fields now.
    pub now: &'a [(FieldId, Value)],
    /// True if name and contact are unchanged.
    pub same_identity: bool,
}

/// Compares all accounts of `neon` with what `scenario` demands, and passes each that differs to
/// `mismatch`, in id order.
pub fn compare(
    scenario: &Scenario,
    neon: &Neon,
    claims: Claims<'_>,
    mismatch: &mut dyn FnMut(&Mismatch<'_>),
) -> Comparison {
    compared(scenario, neon, claims, Some(StateDigest::new()), mismatch)
}

/// The same; without a `digest` to begin with, that of the state stays empty.
fn compared(
    scenario: &Scenario,
    neon: &Neon,
    claims: Claims<'_>,
    mut digest: Option<StateDigest>,
    mismatch: &mut dyn FnMut(&Mismatch<'_>),
) -> Comparison {
    let organisation = neon.organisation();
    let task = ResolvedPlan::resolve(&scenario.plan, organisation.definitions())
        .expect("a scenario's plan was resolved against its organisation");
    let selected = scenario
        .selected(organisation_before(scenario, organisation).as_ref().unwrap_or(organisation));
    let (mut mismatched, mut changing) = (0, 0);
    let mut next_selected = selected.iter().peekable();
    // A merged id is no account: writes to it show on its survivor.
    for id in organisation.ids() {
        let is_selected = next_selected.next_if_eq(&&id).is_some();
        let is_judged = is_selected || organisation.is_changed(id);
        if !is_judged && digest.is_none() {
            continue;
        }
        let now = organisation.values(id);
        if let Some(digest) = &mut digest {
            digest.account(id, &now);
        }
        if !is_judged {
            continue;
        }
        let before = organisation.original_values(id);
        let edits = neon.staff_edits(id);
        let demand = is_selected
            .then(|| ExpectedState::claimed(&task, organisation.kind(id), claims, id, &before));
        let verdict = match &demand {
            Some(demand) => demand.compare(&before, edits, &now),
            None => Verdict { matches: edited(&before, edits) == now, changes: false },
        };
        changing += u64::from(verdict.changes);
        let same_identity = organisation.has_original_identity(id);
        if !verdict.matches || !same_identity {
            mismatched += 1;
            mismatch(&Mismatch { id, demand, before: &before, now: &now, same_identity });
        }
    }
    Comparison {
        selected: selected.len() as u64,
        mismatched,
        lost_updates: neon.lost_updates_by(Writer::Client),
        changing,
        state_digest: digest.map(StateDigest::finish).unwrap_or_default(),
    }
}

/// The organisation before the run, where a search has to be repeated on it.
fn organisation_before(scenario: &Scenario, organisation: &Organisation) -> Option<Organisation> {
    matches!(scenario.resources, crate::scenario::Resources::Search { .. })
        .then(|| organisation.original())
}

/// The differences between the engine's figures and the server's.
fn accounting_faults(measure: &Measure, calls: &Calls, dry_run: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if !measure.obeys_littles_law() {
        faults.push("the in-flight integral is not the sum of the service times".to_owned());
    }
    let writes = calls.admitted(Class::Patch) + calls.admitted(Class::Put);
    if dry_run && writes > 0 {
        faults.push(format!("a dry run sent {writes} writes"));
    }
    for endpoint in Endpoint::ALL {
        let of = calls.of(endpoint);
        let (server, client) = (of.admitted + of.rejected, measure.attempts(endpoint));
        // An attempt that was never answered may not have arrived.
        let unanswered =
            [Outcome::Unreachable, Outcome::Timeout, Outcome::Interrupted, Outcome::Abandoned];
        let lost: u64 =
            unanswered.into_iter().map(|outcome| measure.count(endpoint, outcome)).sum();
        if server > client || server + lost < client {
            let name = endpoint.name();
            faults.push(format!(
                "{name}: the server counted {server} calls, the engine {client}, {lost} of them \
                 unanswered"
            ));
        }
    }
    faults
}

/// The state that a plan demands of one account.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedState<'a> {
    /// The plan.
    pub task: &'a ResolvedPlan,
    /// Person or company.
    pub kind: AccountKind,
    /// True if the run reported the account as failed: any prefix of the mappings is accepted then.
    pub failed: bool,
    /// True if the run must not write.
    pub dry_run: bool,
}

/// Result of comparing one account with its expected state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// True if the account is as demanded.
    pub matches: bool,
    /// True if the plan changes the account.
    pub changes: bool,
}

impl<'a> ExpectedState<'a> {
    /// The expected state of account `id`, given the run's `claims` and its fields `before`.
    fn claimed(
        task: &'a ResolvedPlan,
        kind: AccountKind,
        claims: Claims<'_>,
        id: AccountId,
        before: &[(FieldId, Value)],
    ) -> Self {
        let mut demand = Self { task, kind, failed: false, dry_run: false };
        match claims {
            Claims::Failed { failed, dry_run } => {
                demand.failed = failed.binary_search(&id).is_ok();
                demand.dry_run = dry_run;
            }
            Claims::None => {
                let mut state = state_of_values(before, task);
                let mut notes = AccountDecision::default();
                apply(&mut state, kind, task, &task.steps, &mut notes);
                demand.failed = !notes.problems.is_empty();
            }
        }
        demand
    }

    /// Compares an account's custom fields `now` with the result of the plan on `before`, given the
    /// `edits` of others in between.
    pub fn compare(
        &self,
        before: &[(FieldId, Value)],
        edits: &[Edit],
        now: &[(FieldId, Value)],
    ) -> Verdict {
        let start = state_of_values(before, self.task);
        let end = self.after(&start, 0..self.task.steps.len());
        let changes = start != end;
        let found = state_of_values(now, self.task);
        if !edits.is_empty() {
            return Verdict { matches: self.explains(before, edits, now), changes };
        }
        let as_planned = if self.dry_run {
            found == start
        } else if self.failed {
            (0..=self.task.steps.len()).any(|steps| self.after(&start, 0..steps) == found)
        } else {
            found == end
        };
        Verdict { matches: as_planned && self.others_are_untouched(before, now), changes }
    }

    /// True if each field holds the last value saved by others, or the result of the plan on the
    /// account as it was between two of the `edits`.
    ///
    /// The order of the last two writers is not checked here: an update that was overwritten unseen
    /// is counted as lost elsewhere.
    fn explains(
        &self,
        before: &[(FieldId, Value)],
        edits: &[Edit],
        now: &[(FieldId, Value)],
    ) -> bool {
        let found = state_of_values(now, self.task);
        let slot_of = |field: FieldId| self.task.slots.iter().position(|slot| slot.id == field);
        let saved = |field: FieldId, value: &Option<Value>| {
            edits.iter().any(|edit| edit.field == field && edit.value == *value)
        };
        // Slots that hold what somebody saved, or what some state between two edits leads to: one
        // pass over the edits, since popular accounts have thousands of them.
        let slots = self.task.slots.iter().zip(&found);
        let mut is_explained: Vec<bool> =
            slots.map(|(slot, value)| saved(slot.id, value)).collect();
        let mut start = state_of_values(before, self.task);
        self.mark_possible(&start, &found, &mut is_explained);
        for edit in edits {
            if is_explained.iter().all(|is_explained| *is_explained) {
                break;
            }
            let Some(slot) = slot_of(edit.field) else { continue };
            start[slot].clone_from(&edit.value);
            self.mark_possible(&start, &found, &mut is_explained);
        }
        let held = |values: &[(FieldId, Value)], field: FieldId| {
            values.iter().find(|(id, _)| *id == field).map(|(_, value)| value.clone())
        };
        let mut fields: Vec<FieldId> = before.iter().chain(now).map(|(id, _)| *id).collect();
        fields.extend(edits.iter().map(|edit| edit.field));
        fields.extend(self.task.slots.iter().map(|slot| slot.id));
        fields.sort_unstable();
        fields.dedup();
        fields.into_iter().all(|field| {
            let value = held(now, field);
            match slot_of(field) {
                Some(slot) => is_explained[slot],
                None => value == held(before, field) || saved(field, &value),
            }
        })
    }

    /// Marks the slots of `found` that hold what the plan may make of an account that holds `start`.
    fn mark_possible(&self, start: &SlotValues, found: &SlotValues, is_explained: &mut [bool]) {
        let steps = self.task.steps.len();
        let mut mark = |state: &SlotValues| {
            for ((marked, found), value) in is_explained.iter_mut().zip(found).zip(state) {
                *marked |= found == value;
            }
        };
        if self.failed {
            (0..steps).for_each(|last| mark(&self.after(start, 0..last)));
        }
        if self.task.is_chained() {
            // A strategy that reads between its mappings sees edits of what it wrote.
            (1..steps).for_each(|first| mark(&self.after(start, first..steps)));
        }
        if self.dry_run { mark(start) } else { mark(&self.after(start, 0..steps)) }
    }

    /// The state after some of the mappings.
    fn after(&self, start: &SlotValues, steps: Range<usize>) -> SlotValues {
        let mut state = start.clone();
        let mut notes = AccountDecision::default();
        apply(&mut state, self.kind, self.task, &self.task.steps[steps], &mut notes);
        state
    }

    /// True if the fields outside the plan are unchanged.
    fn others_are_untouched(&self, before: &[(FieldId, Value)], now: &[(FieldId, Value)]) -> bool {
        let is_other =
            |(id, _): &&(FieldId, Value)| self.task.slots.iter().all(|slot| slot.id != *id);
        before.iter().filter(is_other).eq(now.iter().filter(is_other))
    }
}

/// An account's fields after `edits`, in id order.
fn edited(before: &[(FieldId, Value)], edits: &[Edit]) -> Vec<(FieldId, Value)> {
    let mut values: BTreeMap<FieldId, Value> = before.iter().cloned().collect();
    for edit in edits {
        match &edit.value {
            Some(value) => values.insert(edit.field, value.clone()),
            None => values.remove(&edit.field),
        };
    }
    values.into_iter().collect()
}
