//! One run that lives, dies and is resumed on one organisation, and the states that its accounts
//! may be in.

use super::super::strategies::case::Case;
use super::mortal::{Diary, Line, Mortal, until_death};
use super::{Count, below};
use neon_mock::Neon;
use neon_mock::api::{Account, AccountBody, AccountId, CustomFieldItem, FieldId, Request, Value};
use neon_mock::profile::Profile;
use neon_mock::rng::Generator;
use neonbench_engine::audit::ExpectedState;
use neonbench_engine::clock::Clock;
use neonbench_engine::decide::{AccountDecision, SlotValues, apply, state_of_values};
use neonbench_engine::engine::{
    self, Control, EngineError, Job, ReviewMode, Settings, Stop, WriteReview,
};
use neonbench_engine::event::{AccountOutcome, Event};
use neonbench_engine::journal::{AccountStatus, Journal, NoJournal, RetryScope};
use neonbench_engine::plan::ResolvedPlan;
use neonbench_engine::scenario::Resources;
use neonbench_engine::world::{InProcess, VirtualClock};
use std::collections::{BTreeMap, BTreeSet};

/// The states that an account may be in: mappings carried out, and the plan's fields then.
type Possible = Vec<(usize, SlotValues)>;

/// Accounts by how they ended in one life of a run.
type Ends = BTreeMap<AccountId, Vec<AccountOutcome>>;

/// A schedule on its way.
pub(super) struct World<'c> {
    case: &'c Case,
    ids: &'c [AccountId],
    task: ResolvedPlan,
    settings: Settings,
    neon: Option<Neon>,
    clock: VirtualClock,
    diary: Diary,
    possible: BTreeMap<AccountId, Possible>,
    /// The last value that staff wrote into a field.
    edits: BTreeMap<(AccountId, FieldId), Option<Value>>,
    repeated_by_staff: u64,
    pub(super) count: Count,
}

impl<'c> World<'c> {
    pub(super) fn new(case: &'c Case, settings: Settings) -> Self {
        let Resources::Ids(ids) = &case.scenario.resources else { unreachable!("cases name ids") };
        let neon = case.scenario.neon(settings.seed);
        let organisation = neon.organisation();
        let task = ResolvedPlan::resolve(&case.scenario.plan, organisation.definitions()).unwrap();
        let known = ids.iter().copied().filter(|&id| organisation.contains(id));
        let original = |id| state_of_values(&organisation.original_values(id), &task);
        let possible = known.map(|id| (id, vec![(0, original(id))])).collect();
        Self {
            case,
            ids,
            task,
            settings,
            neon: Some(neon),
            clock: VirtualClock::new(),
            diary: Diary::default(),
            possible,
            edits: BTreeMap::new(),
            repeated_by_staff: 0,
            count: Count::default(),
        }
    }

    fn neon(&self) -> &Neon {
        self.neon.as_ref().unwrap()
    }

    pub(super) fn set_profile(&mut self, profile: &Profile) {
        self.neon.as_mut().unwrap().set_profile(profile.clone());
    }

    fn state(&self, id: AccountId) -> SlotValues {
        state_of_values(&self.neon().organisation().values(id), &self.task)
    }

    fn held(&self, id: AccountId, field: FieldId) -> Option<Value> {
        let values = self.neon().organisation().values(id);
        values.into_iter().find(|(other, _)| *other == field).map(|(_, value)| value)
    }

    fn is_edited(&self, id: AccountId) -> bool {
        self.edits.keys().any(|(edited, _)| *edited == id)
    }

    /// The states that an account may be in if mappings are carried out from `possible` on.
    fn onward(&self, id: AccountId, possible: &Possible) -> Possible {
        let kind = self.neon().organisation().kind(id);
        let mut onward = Vec::new();
        for (done, state) in possible {
            let mut state = state.clone();
            onward.push((*done, state.clone()));
            for step in *done..self.task.steps.len() {
                let steps = &self.task.steps[step..=step];
                apply(&mut state, kind, &self.task, steps, &mut AccountDecision::default());
                onward.push((step + 1, state.clone()));
            }
        }
        onward
    }

    /// The result of `client` on the server; `None` if it was killed.
    fn live<R>(
        &mut self,
        mortal: &Mortal,
        client: impl AsyncFnOnce(&Self, &Line<'_>) -> R,
    ) -> Option<R> {
        let inner = InProcess::new(self.neon.take().unwrap(), self.clock.clone());
        let line = Line::new(&inner, mortal);
        let work = until_death(mortal, client(self, &line));
        let ended = self.clock.run(work).expect("virtual time goes on");
        self.neon = Some(inner.into_neon());
        ended
    }

    /// One life of the run; how its accounts ended, `None` if it was killed or locked out.
    pub(super) fn run(&mut self, mortal: &Mortal, again: RetryScope) -> Option<Ends> {
        let ledger = self.diary.ledger();
        let mut ends = Ends::new();
        let mut observer = |event: &Event| {
            if let Event::Landed { id, end, .. } | Event::LandedBefore { id, end } = event {
                ends.entry(*id).or_default().push(end.clone());
            }
        };
        let result = self.live(mortal, async |world, line| {
            let journal = world.diary.open(mortal);
            let ids = engine::AccountSource::Ids(world.ids);
            let job = Job::new(&world.case.scenario.plan, &world.settings, ids);
            let job = Job { journal: &journal, ledger: &ledger, again, ..job };
            engine::run(line, &world.clock, job, &mut observer).await
        });
        match result {
            Some(Ok(())) => Some(ends),
            Some(Err(EngineError::Unauthorized(_) | EngineError::LookUp(_))) => None,
            Some(Err(error)) => panic!("the run cannot go on: {error}"),
            None => {
                let ledger = self.diary.ledger();
                let open = ledger.iter().filter(|(_, entry)| entry.open.is_some()).count();
                self.count.kills += 1;
                self.count.open += open as u64;
                None
            }
        }
    }

    /// Staff write a field of an account, while nobody else is at work.
    pub(super) fn edit(&mut self, draws: &mut Generator) {
        let id = self.ids[below(draws, self.ids.len())];
        let organisation = self.neon().organisation();
        if !organisation.contains(id) {
            return;
        }
        let kind = organisation.kind(id);
        let position = below(draws, self.task.slots.len());
        let slot = &self.task.slots[position];
        if !slot.belongs_to(kind) {
            return;
        }
        let (field, has_options) = (slot.id, slot.has_options);
        let mut definitions = organisation.definitions().iter();
        let options = &definitions.find(|it| it.id == field).unwrap().option_values;
        let value = match (below(draws, 4), has_options) {
            (0, _) => None,
            (_, true) => {
                let option = options.get(below(draws, options.len().max(1)));
                Value::options(option.map(|option| option.id))
            }
            (number, false) => Some(Value::Text(format!("staff {number}").as_str().into())),
        };
        let mut possible = self.possible_at_edit(id);
        let item = CustomFieldItem::to_write(field, has_options, value.as_ref());
        let body =
            AccountBody { account_custom_fields: Some(vec![item]), ..AccountBody::default() };
        let write = Request::PatchAccount(id, Account { kind, body });
        let (now, neon) = (self.clock.now(), self.neon.as_mut().unwrap());
        let repeated = neon.organisation().repeated_writes();
        let response = neon.handle(now, &write).response;
        assert!(response.status.is_success(), "staff are refused: {response:?}");
        self.repeated_by_staff += neon.organisation().repeated_writes() - repeated;
        let edited = self.state(id);
        for (_, state) in &mut possible {
            state[position].clone_from(&edited[position]);
        }
        // A write without an answer that staff took back to the letter is not told from one that
        // was never carried out: nothing on the account says which it was.
        let ledger = self.diary.ledger();
        if let Some((entry, open)) = ledger.get(id).and_then(|e| Some((e, e.open.as_ref()?)))
            && open.changes.iter().all(|it| self.held(id, it.field) == it.before)
        {
            possible.push((entry.mappings_done as usize, edited));
            self.count.taken_back += 1;
        }
        self.possible.insert(id, possible);
        self.edits.insert((id, field), value);
        self.count.edits += 1;
    }

    /// The states in which the next life may find an account that is about to be edited.
    fn possible_at_edit(&self, id: AccountId) -> Possible {
        let now = self.state(id);
        let mut possible = self.onward(id, &self.possible[&id]);
        possible.retain(|(_, state)| *state == now);
        assert!(!possible.is_empty(), "account {id} is between two mappings");
        let ledger = self.diary.ledger();
        match ledger.get(id).and_then(|entry| entry.landed.as_ref()).map(|(how, _)| *how) {
            // An account that has ended is not touched again.
            Some(AccountStatus::Migrated | AccountStatus::Unchanged | AccountStatus::Skipped) => {
                possible.retain(|(done, _)| *done == self.task.steps.len());
            }
            // An account that failed by its values is decided again as a whole, where that does no harm.
            Some(AccountStatus::Failed) if self.task.is_repeatable() => possible.push((0, now)),
            _ => {}
        }
        possible
    }

    /// Checks what the last life left.
    pub(super) fn check(&self, ends: &Ends) {
        let ids: BTreeSet<AccountId> = self.ids.iter().copied().collect();
        assert!(ends.keys().eq(&ids), "not all accounts ended");
        self.check_repeats();
        let ledger = self.diary.ledger();
        for (&id, ends) in ends {
            assert_eq!(ends.len(), 1, "account {id} ended {ends:?}");
            let Some(possible) = self.possible.get(&id) else { continue };
            let landed = ledger.get(id).and_then(|entry| entry.landed.as_ref());
            let (status, reason) = landed.expect("each account has landed");
            let is_ambiguous = *status == AccountStatus::Ambiguous;
            let (all, now) = (self.task.steps.len(), self.state(id));
            let may = self.onward(id, possible);
            let fits = |(done, state): &(usize, SlotValues)| {
                *state == now && (is_ambiguous || *done == all)
            };
            assert!(may.iter().any(fits), "account {id}: {landed:?}, {now:?} is none of {may:?}");
            assert!(self.neon().organisation().has_original_identity(id), "account {id}");
            if !self.is_edited(id) {
                assert!(!is_ambiguous, "account {id} is ambiguous for no reason: {reason}");
                self.check_unedited(id, *status == AccountStatus::Failed);
            }
        }
    }

    /// An account that nobody else wrote is as the plan demands, in other fields too, and fails
    /// by a value alone.
    fn check_unedited(&self, id: AccountId, failed: bool) {
        let organisation = self.neon().organisation();
        let (before, now) = (organisation.original_values(id), organisation.values(id));
        let kind = organisation.kind(id);
        let mut notes = AccountDecision::default();
        let mut state = state_of_values(&before, &self.task);
        apply(&mut state, kind, &self.task, &self.task.steps, &mut notes);
        assert!(!failed || !notes.problems.is_empty(), "account {id} failed for no reason");
        let demand = ExpectedState { task: &self.task, kind, failed, dry_run: false };
        let matches = demand.compare(&before, &[], &now).matches;
        assert!(matches, "account {id}: {before:?} became {now:?}");
    }

    fn check_repeats(&self) {
        let repeated = self.neon().organisation().repeated_writes() - self.repeated_by_staff;
        assert_eq!(repeated, 0, "writes were made twice");
    }

    /// Checks that the ledger tells what stands on every account that nobody else wrote.
    pub(super) fn check_verified(&mut self) {
        let ledger = self.diary.ledger();
        let verified = self.live(&Mortal::new(None), async |world, line| {
            let (clock, settings) = (&world.clock, &world.settings);
            let how = (Stop::NEVER, Control::NEVER, &NoJournal as &dyn Journal, ReviewMode::Verify);
            engine::review(line, clock, settings, &ledger, how, &mut |_: &Event| {}).await
        });
        let verified = verified.unwrap().expect("nothing goes wrong now");
        assert_eq!(verified.failed, [], "verified");
        for difference in verified.differences.iter().chain(&verified.not_kept) {
            assert!(self.is_edited(difference.id), "{difference:?} is nobody's");
        }
    }

    /// Fields in which a value of staff stands over one that the run wrote: no undo may touch it.
    pub(super) fn standing_edits(&self) -> Vec<(AccountId, FieldId)> {
        let ledger = self.diary.ledger();
        let stands = |(id, field): (AccountId, FieldId), value: &Option<Value>| {
            let entry = ledger.get(id)?;
            let open = entry.open.iter().flat_map(|open| &open.changes);
            let ours: Vec<_> =
                entry.changes.iter().chain(open).filter(|it| it.field == field).collect();
            let is_foreign = ours.iter().all(|it| it.after != *value && it.before != *value);
            (!ours.is_empty() && is_foreign && self.held(id, field) == *value)
                .then_some((id, field))
        };
        self.edits.iter().filter_map(|(&at, value)| stands(at, value)).collect()
    }

    /// One life of an undo; `None` if it was killed or cut off.
    pub(super) fn undo(&mut self, mortal: &Mortal) -> Option<WriteReview> {
        let ledger = self.diary.ledger();
        let undone = self.live(mortal, async |world, line| {
            let (clock, settings) = (&world.clock, &world.settings);
            let how = (Stop::NEVER, Control::NEVER, &NoJournal as &dyn Journal, ReviewMode::Undo);
            engine::review(line, clock, settings, &ledger, how, &mut |_: &Event| {}).await
        });
        self.count.undo_kills += u64::from(undone.is_none());
        undone?.ok()
    }

    /// Checks that all is as it was, but for values that others wrote.
    pub(super) fn check_undone(&self, undone: &WriteReview, standing: &[(AccountId, FieldId)]) {
        assert_eq!(undone.failed, [], "not undone");
        self.check_repeats();
        let organisation = self.neon().organisation();
        if self.edits.is_empty() {
            assert_eq!(organisation.digest(), organisation.original().digest(), "undone");
            assert!(undone.differences.is_empty());
            return;
        }
        let listed: BTreeSet<_> = undone.differences.iter().map(|it| (it.id, it.field)).collect();
        let foreign = listed.iter().find(|it| !self.edits.contains_key(it));
        assert_eq!(foreign, None, "a difference is nobody's: {:?}", undone.differences);
        for &(id, field) in standing {
            let stands = self.held(id, field) == self.edits[&(id, field)];
            assert!(stands, "account {id}, field {field}: undone what others wrote");
            assert!(listed.contains(&(id, field)), "account {id}, field {field} is not listed");
        }
        for &id in self.possible.keys() {
            let by_field = |values: Vec<_>| values.into_iter().collect::<BTreeMap<_, _>>();
            let mut was = by_field(organisation.original_values(id));
            let mut is = by_field(organisation.values(id));
            for (_, field) in self.edits.keys().filter(|(edited, _)| *edited == id) {
                was.remove(field);
                is.remove(field);
            }
            assert_eq!(was, is, "account {id} is not undone");
        }
    }
}
