//! Background staff: other users who edit accounts while a client works, and whose updates it may
//! lose.
//!
//! Pure bookkeeping: when somebody opens or saves an account, what was saved, who had seen what.
//! [`Neon`](crate::Neon) carries the steps out. Kept only while staff are on: an organisation
//! without them remembers nothing of this.

use crate::api::{AccountId, Endpoint, FieldId, Value};
use crate::file::DurationText;
use crate::rng::{self, Generator};
use crate::time::Timestamp;
use rand::Rng;
use rand_distr::{Distribution, Exp, Zipf};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

/// Other users at work: each opens an account, thinks, and saves one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireStaff {
    /// Accounts that staff open, per second of the run; they come as a Poisson process.
    pub edits_per_s: f64,
    /// Exponent of Zipf's law over the accounts: 0 edits all accounts alike, 1 a few of them far more often.
    #[serde(default)]
    pub skew: f64,
    /// Time from opening an account to saving it.
    #[serde(default)]
    pub think: DurationText,
    /// The custom fields that staff edit, by name; none means any.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// Staff with an account open, or waiting to open or save one; more arrivals are dropped.
const MAX_AT_WORK: usize = 200;

impl WireStaff {
    /// True if staff edit the custom field `field`.
    pub(crate) fn edits(&self, field: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|name| name == field)
    }
}

/// Author of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writer {
    /// Any caller of the API.
    Client,
    /// Background staff.
    Staff,
}

/// A kind of lost update: one overwritten by an author who had not seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// Author of the overwriting call.
    pub by: Writer,
    /// Endpoint of the overwriting call.
    pub endpoint: Endpoint,
    /// Field that was overwritten.
    pub field: FieldId,
}

/// One field that staff saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Time of the save.
    pub at: Timestamp,
    /// Field that was edited.
    pub field: FieldId,
    /// New value; `None` if cleared.
    pub value: Option<Value>,
}

/// A step of a staff member's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StaffStep {
    /// Opens an account.
    Open(AccountId),
    /// Saves an account that was opened at a moment.
    Save(AccountId, Timestamp),
}

impl StaffStep {
    /// Which of the two calls of a staff member this is.
    const fn call(self) -> usize {
        match self {
            Self::Open(_) => 0,
            Self::Save(..) => 1,
        }
    }
}

/// Staff who wait for a place, for the same call.
#[derive(Clone, Debug, Default)]
struct StaffQueue {
    steps: VecDeque<StaffStep>,
    /// The first of them tries again then.
    retry_at: Timestamp,
}

/// Staff of one organisation: arrivals, open accounts, edits and losses.
#[derive(Clone, Debug)]
pub(crate) struct Staff {
    settings: WireStaff,
    accounts: u64,
    /// Distance of one account from the next less popular one: without a common divisor with the
    /// number of accounts, so that each has its own popularity.
    stride: u64,
    popularity: Option<Zipf<f64>>,
    pauses: Exp<f64>,
    arrivals: Generator,
    choices: Generator,
    /// Next arrival: time and account.
    next_arrival: Option<(Timestamp, AccountId)>,
    sequence: u64,
    due: BinaryHeap<Reverse<(Timestamp, u64, StaffStep)>>,
    /// Steps that found no place: openings, and saves.
    queues: [StaffQueue; 2],
    read_at: BTreeMap<AccountId, Timestamp>,
    written_at: BTreeMap<(AccountId, FieldId), Timestamp>,
    edits: BTreeMap<AccountId, Vec<Edit>>,
    saves: u64,
    lost: BTreeMap<Loss, u64>,
}

impl Staff {
    /// Staff who come by `settings` from `now` on to an organisation with accounts `1 … accounts`.
    pub(crate) fn new(settings: WireStaff, accounts: u64, seed: u64, now: Timestamp) -> Self {
        let popularity = (accounts > 0)
            .then(|| Zipf::new(accounts as f64, settings.skew).expect("a checked exponent"));
        let mut staff = Self {
            pauses: Exp::new(settings.edits_per_s).expect("a checked rate"),
            popularity,
            settings,
            accounts,
            stride: stride(accounts, rng::key(seed, "staff/accounts")),
            arrivals: rng::stream(seed, "staff/arrivals"),
            choices: rng::stream(seed, "staff/choices"),
            next_arrival: None,
            sequence: 0,
            due: BinaryHeap::new(),
            queues: <[StaffQueue; 2]>::default(),
            read_at: BTreeMap::new(),
            written_at: BTreeMap::new(),
            edits: BTreeMap::new(),
            saves: 0,
            lost: BTreeMap::new(),
        };
        staff.begin_at_work(now, seed);
        staff.next_arrival = staff.arrival_after(now);
        staff
    }

    /// Gives the staff the accounts that they have open when a run begins, at `now`, in the steady
    /// state: as many as were opened in one time of thought before, with what is left of it.
    ///
    /// Nobody has written since these were opened, so that they count as opened at `now`. Of more
    /// than there is room for, each is at any point of its thought: the stationary state of a system
    /// that drops what finds no room (Erlang's).
    fn begin_at_work(&mut self, now: Timestamp, seed: u64) {
        let Some(popularity) = self.popularity else { return };
        let mut before = rng::stream(seed, "staff/before");
        let think_s = self.settings.think.0.as_secs_f64();
        let mut ago_s = self.pauses.sample(&mut before);
        while ago_s < think_s && self.due.len() < MAX_AT_WORK {
            ago_s += self.pauses.sample(&mut before);
            let left = self.settings.think.0.mul_f64(rng::unit(before.next_u64()));
            let id = self.account(popularity.sample(&mut before));
            self.schedule(now + left, StaffStep::Save(id, now));
        }
    }

    /// Settings of the staff.
    pub(crate) const fn settings(&self) -> &WireStaff {
        &self.settings
    }

    /// Takes the next step due at or before `now`, with its time.
    ///
    /// A colleague who found no place goes first, in the order of coming; who comes after them for the same call
    /// joins their queue. Only its first tries again, since a try of all 200 at each place that falls
    /// free was half of the time of a crowded run.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<(Timestamp, StaffStep)> {
        loop {
            let queue = self.queues.iter_mut().filter(|queue| !queue.steps.is_empty());
            let queue = queue.min_by_key(|queue| queue.retry_at);
            let retry_at = queue.as_ref().map(|queue| queue.retry_at);
            let scheduled_at = self.due.peek().map(|Reverse((at, ..))| *at);
            let arrival_at = self.next_arrival.map(|(at, _)| at);
            let at = [retry_at, arrival_at, scheduled_at].into_iter().flatten().min()?;
            if at > now {
                return None;
            }
            if let Some(queue) = queue.filter(|queue| queue.retry_at == at) {
                return queue.steps.pop_front().map(|step| (at, step));
            }
            let step = match self.next_arrival.filter(|(arrival_at, _)| *arrival_at == at) {
                Some((_, id)) => {
                    self.next_arrival = self.arrival_after(at);
                    if self.at_work() >= MAX_AT_WORK {
                        continue;
                    }
                    StaffStep::Open(id)
                }
                None => self.due.pop().map(|Reverse((.., step))| step)?,
            };
            let queue = &mut self.queues[step.call()];
            if queue.steps.is_empty() {
                return Some((at, step));
            }
            queue.steps.push_back(step);
        }
    }

    /// Staff who think, or wait for a place.
    fn at_work(&self) -> usize {
        self.due.len() + self.queues.iter().map(|queue| queue.steps.len()).sum::<usize>()
    }

    /// `step` found no place, and there is none before `until`.
    pub(crate) fn refused(&mut self, until: Timestamp, step: StaffStep) {
        let queue = &mut self.queues[step.call()];
        queue.steps.push_front(step);
        queue.retry_at = until;
    }

    /// Schedules `step` for `at`.
    fn schedule(&mut self, at: Timestamp, step: StaffStep) {
        self.sequence += 1;
        self.due.push(Reverse((at, self.sequence, step)));
    }

    /// Somebody opened `id` at `at` and saw it at `seen_at`; it is saved after some thought.
    pub(crate) fn opened(&mut self, id: AccountId, at: Timestamp, seen_at: Timestamp) {
        self.schedule(seen_at + self.settings.think.0, StaffStep::Save(id, at));
    }

    /// A uniform choice among `bound`, which is not zero.
    pub(crate) fn choose(&mut self, bound: usize) -> usize {
        rng::below(self.choices.next_u64(), bound)
    }

    /// Somebody saved `edit` on `id`, which they had opened at `opened_at`, by `endpoint`.
    pub(crate) fn saved(
        &mut self,
        id: AccountId,
        opened_at: Timestamp,
        edit: Edit,
        endpoint: Endpoint,
    ) {
        let written_at = self.written_at.get(&(id, edit.field));
        if written_at.is_some_and(|&written_at| written_at > opened_at) {
            self.lose(Loss { by: Writer::Staff, endpoint, field: edit.field });
        }
        self.saves += 1;
        self.edits.entry(id).or_default().push(edit);
    }

    /// The client saw `id` at `now`.
    pub(crate) fn client_read(&mut self, id: AccountId, now: Timestamp) {
        self.read_at.insert(id, now);
    }

    /// The client changed `field` of `id` at `now` by `endpoint`.
    pub(crate) fn client_wrote(
        &mut self,
        id: AccountId,
        field: FieldId,
        now: Timestamp,
        endpoint: Endpoint,
    ) {
        let edits = self.edits.get(&id).into_iter().flatten();
        let edited_at = edits.rev().find(|edit| edit.field == field).map(|edit| edit.at);
        let seen_at = self.read_at.get(&id).copied();
        let written_at = self.written_at.insert((id, field), now);
        // A client has seen its own writes: only later edits by staff can be lost.
        let known_at = seen_at.max(written_at);
        if edited_at.is_some_and(|edited_at| known_at.is_none_or(|known_at| edited_at > known_at)) {
            self.lose(Loss { by: Writer::Client, endpoint, field });
        }
    }

    /// Edits that staff saved on `id`, in order of time.
    pub(crate) fn edits(&self, id: AccountId) -> &[Edit] {
        self.edits.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Number of edits that staff saved.
    pub(crate) const fn saves(&self) -> u64 {
        self.saves
    }

    /// Updates that were overwritten unseen, by kind.
    pub(crate) const fn lost(&self) -> &BTreeMap<Loss, u64> {
        &self.lost
    }

    fn lose(&mut self, loss: Loss) {
        *self.lost.entry(loss).or_default() += 1;
    }

    fn arrival_after(&mut self, now: Timestamp) -> Option<(Timestamp, AccountId)> {
        let popularity = self.popularity?;
        let pause = Duration::from_secs_f64(self.pauses.sample(&mut self.arrivals));
        let rank = popularity.sample(&mut self.choices);
        Some((now + pause, self.account(rank)))
    }

    /// The account of this rank of popularity. Popular ones lie anywhere among the ids, not at their
    /// beginning.
    fn account(&self, rank: f64) -> AccountId {
        let place = u128::from(rank as u64) * u128::from(self.stride) % u128::from(self.accounts);
        AccountId(place as u64 + 1)
    }
}

/// A number below `accounts` that has no divisor in common with it, made of `bits`.
fn stride(accounts: u64, bits: u64) -> u64 {
    let divisor = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let first = bits % accounts.max(1);
    (first..first + accounts).find(|&stride| divisor(accounts, stride) == 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: FieldId = FieldId(85);
    const ID: AccountId = AccountId(7);

    const fn at(s: u64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    fn staff(edits_per_s: f64, skew: f64) -> Staff {
        let think = DurationText(Duration::from_secs(20));
        let wire = WireStaff { edits_per_s, skew, think, fields: Vec::new() };
        Staff::new(wire, 1_000, 1, Timestamp::ZERO)
    }

    fn save(staff: &mut Staff, opened_at: u64, saved_at: u64) {
        let edit = Edit { at: at(saved_at), field: FIELD, value: None };
        staff.saved(ID, at(opened_at), edit, Endpoint::PatchAccount);
    }

    fn lost_by(staff: &Staff, by: Writer) -> u64 {
        staff.lost().iter().filter(|(loss, _)| loss.by == by).map(|(_, count)| count).sum()
    }

    #[test]
    fn they_come_at_their_rate_and_prefer_popular_accounts() {
        let mut staff = staff(2.0, 1.0);
        let mut opened: BTreeMap<AccountId, u64> = BTreeMap::new();
        while let Some((_, step)) = staff.due(at(5_000)) {
            if let StaffStep::Open(id) = step {
                *opened.entry(id).or_default() += 1;
            }
        }
        let total: u64 = opened.values().sum();
        assert!((9_600..10_400).contains(&total), "{total}");
        let most = *opened.values().max().unwrap();
        // The first of 1,000 has 1 / H(1,000) = 13 % under an exponent of 1.
        assert!((1_100..1_600).contains(&most), "{most}");
    }

    #[test]
    fn they_are_at_work_when_a_run_begins_as_they_are_later() {
        let mut saved = [0; 3];
        for seed in 0..50 {
            let wire = |edits_per_s, think| WireStaff {
                edits_per_s,
                skew: 1.0,
                think: DurationText(Duration::from_secs(think)),
                fields: Vec::new(),
            };
            let mut staff = Staff::new(wire(2.0, 20), 1_000, seed, at(100));
            while let Some((when, step)) = staff.due(at(160)) {
                match step {
                    StaffStep::Open(id) => staff.opened(id, when, when),
                    StaffStep::Save(_, opened_at) => {
                        assert!(
                            opened_at >= at(100),
                            "what was opened before reads as at the start"
                        );
                        saved[((when.nanos_since(at(100)) / 20_000_000_000) as usize).min(2)] += 1;
                    }
                }
            }
            // Nobody has an account open who saves it at once; and there is room for so many only.
            assert_eq!(Staff::new(wire(2.0, 0), 1_000, seed, at(0)).due.len(), 0);
            assert_eq!(Staff::new(wire(9_000.0, 20), 1_000, seed, at(0)).due.len(), MAX_AT_WORK);
        }
        // 2 a second × 20 s × 50 seeds in each 20 s, the first ones too; 45 is one deviation.
        assert!(saved.iter().all(|saved| (1_820..2_180).contains(saved)), "{saved:?}");
    }

    #[test]
    fn an_edit_that_the_client_has_not_seen_is_lost_when_it_writes() {
        let mut staff = staff(1.0, 0.0);
        staff.client_read(ID, at(1));
        save(&mut staff, 0, 2);
        staff.client_wrote(ID, FieldId(86), at(3), Endpoint::PatchAccount);
        assert_eq!(lost_by(&staff, Writer::Client), 0, "another field");
        staff.client_wrote(ID, FIELD, at(3), Endpoint::PutAccount);
        let loss = Loss { by: Writer::Client, endpoint: Endpoint::PutAccount, field: FIELD };
        assert_eq!(staff.lost().get(&loss), Some(&1));
        staff.client_wrote(ID, FIELD, at(4), Endpoint::PutAccount);
        assert_eq!(lost_by(&staff, Writer::Client), 1, "its own write is no news to it");
    }

    #[test]
    fn an_edit_that_the_client_read_is_overwritten_knowingly() {
        let mut staff = staff(1.0, 0.0);
        save(&mut staff, 0, 2);
        staff.client_read(ID, at(2));
        staff.client_wrote(ID, FIELD, at(3), Endpoint::PatchAccount);
        assert_eq!(lost_by(&staff, Writer::Client), 0);
    }

    #[test]
    fn staff_lose_what_the_client_wrote_while_they_thought() {
        let mut staff = staff(1.0, 0.0);
        staff.client_wrote(ID, FIELD, at(5), Endpoint::PatchAccount);
        save(&mut staff, 6, 8);
        assert_eq!(lost_by(&staff, Writer::Staff), 0);
        staff.client_wrote(ID, FIELD, at(9), Endpoint::PatchAccount);
        save(&mut staff, 8, 10);
        assert_eq!(lost_by(&staff, Writer::Staff), 1);
    }
}
