//! Background staff at work: their calls take slots, and their edits meet the client's.

use super::Neon;
use crate::api::{
    Account, AccountId, Body, CustomField, CustomFieldItem, Endpoint, FieldId, Request, Response,
    Trigger, Value,
};
use crate::limit::Admission;
use crate::org::{Author, Organisation};
use crate::profile::Profile;
use crate::rng::{self, Generator};
use crate::staff::{Edit, Loss, Staff, StaffStep, Writer};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Staff, and the service times of their own calls: the client's are not shifted by them.
#[derive(Clone, Debug)]
pub(super) struct StaffSimulation {
    staff: Staff,
    service: Generator,
}

impl StaffSimulation {
    /// The staff of `profile` at work on `organisation` from `now` on; `None` if it has none.
    pub(super) fn new(
        profile: &Profile,
        organisation: &Organisation,
        seed: u64,
        now: Timestamp,
    ) -> Option<Box<Self>> {
        let settings = profile.staff()?.clone();
        let staff = Staff::new(settings, organisation.accounts(), seed, now);
        Some(Box::new(Self { staff, service: rng::stream(seed, "staff/service") }))
    }
}

impl Neon {
    /// Lets staff do the first thing that was due until `now`; false if nothing was.
    pub(super) fn let_staff_work(&mut self, now: Timestamp) -> bool {
        // Taken out for the time being: a step needs the whole of the mock.
        let Some(mut simulation) = self.staff.take() else { return false };
        let due = simulation.staff.due(now);
        if let Some((at, step)) = due {
            self.take_step(&mut simulation, at, step);
        }
        self.staff = Some(simulation);
        due.is_some()
    }

    fn take_step(&mut self, simulation: &mut StaffSimulation, at: Timestamp, step: StaffStep) {
        let endpoint = match step {
            StaffStep::Open(_) => Endpoint::GetAccount,
            StaffStep::Save(..) => Endpoint::PatchAccount,
        };
        let start = match self.gates.of(endpoint).admit(at) {
            Admission::Granted { start } => start,
            // People do not hurry: they try again when a place falls free.
            Admission::Denied { until, .. } => return simulation.staff.refused(until, step),
        };
        let alone = self.profile.law(endpoint).sample(&mut simulation.service);
        let ready_at =
            start + self.in_flight.stretched(self.profile.congestion(), alone, at, start);
        self.gates.of(endpoint).hold(start, ready_at);
        match step {
            StaffStep::Open(id) => simulation.staff.opened(self.living(id), at, ready_at),
            StaffStep::Save(id, opened_at) => {
                if self.save(&mut simulation.staff, at, id, opened_at) {
                    self.fire(Writer::Staff, Trigger::UpdateAccount, id, ready_at);
                }
            }
        }
    }

    /// The account that answers for `id`: the survivor if it was merged.
    fn living(&self, id: AccountId) -> AccountId {
        self.organisation.survivor(id).unwrap_or(id)
    }

    /// Somebody changes one field of `id`, which they opened at `opened_at`; false if there is none.
    fn save(
        &mut self,
        staff: &mut Staff,
        at: Timestamp,
        id: AccountId,
        opened_at: Timestamp,
    ) -> bool {
        let kind = self.organisation.kind(id);
        let fields: Vec<&CustomField> = self
            .organisation
            .definitions()
            .iter()
            .filter(|field| field.account_type().includes(kind))
            .filter(|field| field.display_type.has_options() || field.display_type.is_text())
            .filter(|field| staff.settings().edits(&field.name))
            .collect();
        if fields.is_empty() {
            return false;
        }
        let field = fields[staff.choose(fields.len())];
        let value = new_value(staff, field);
        let has_options = field.display_type.has_options();
        let field = field.id;
        let item = CustomFieldItem::to_write(field, has_options, value.as_ref());
        let account = Account::of_items(kind, vec![item]);
        let saved =
            self.organisation.amend(Author::Staff, at, id, &account, self.profile.behaviour());
        if saved.is_ok() {
            let edit = Edit { at, field, value };
            staff.saved(id, opened_at, edit, Endpoint::PatchAccount);
        }
        saved.is_ok()
    }

    /// Carries out a client's call, which is answered at `ready_at`, and notes what it saw and overwrote.
    pub(super) fn carry_out(
        &mut self,
        now: Timestamp,
        request: &Request,
        ready_at: Timestamp,
    ) -> Response {
        let response = self.seen_by_staff(now, request);
        if let Some(id) = written(request, &response) {
            let is_new = matches!(request, Request::CreateAccount(_));
            let trigger = if is_new { Trigger::CreateAccount } else { Trigger::UpdateAccount };
            self.fire(Writer::Client, trigger, id, ready_at);
        }
        response
    }

    fn seen_by_staff(&mut self, now: Timestamp, request: &Request) -> Response {
        if self.staff.is_none() {
            return self.answer(now, request);
        }
        let written = match request {
            Request::PatchAccount(id, _) | Request::PutAccount(id, _) => Some(self.living(*id)),
            _ => None,
        };
        let before = written.map(|id| self.organisation.values(id));
        let response = self.answer(now, request);
        let Some(simulation) = &mut self.staff else { return response };
        if let (Some(id), Some(before)) = (written, before) {
            let after = self.organisation.values(id);
            for field in changed_fields(&before, &after) {
                simulation.staff.client_wrote(id, field, now, request.endpoint());
            }
        }
        for id in seen(&response) {
            simulation.staff.client_read(id, now);
        }
        response
    }

    /// Edits that staff saved on `id` so far, in order of time.
    pub fn staff_edits(&self, id: AccountId) -> &[Edit] {
        self.staff.as_ref().map_or(&[], |simulation| simulation.staff.edits(id))
    }

    /// Number of edits that staff saved so far.
    pub fn staff_saves(&self) -> u64 {
        self.staff.as_ref().map_or(0, |simulation| simulation.staff.saves())
    }

    /// Updates that somebody overwrote without having seen them, by kind; empty without staff.
    pub fn lost_updates(&self) -> BTreeMap<Loss, u64> {
        self.staff.as_ref().map_or_else(BTreeMap::new, |simulation| simulation.staff.lost().clone())
    }

    /// Number of updates by others that `by` overwrote without having seen them.
    pub fn lost_updates_by(&self, by: Writer) -> u64 {
        self.lost_updates().iter().filter(|(loss, _)| loss.by == by).map(|(_, count)| count).sum()
    }
}

/// A staff member's value for `field`: a random text or one of its options.
fn new_value(staff: &mut Staff, field: &CustomField) -> Option<Value> {
    let options = &field.option_values;
    if options.is_empty() {
        let number = staff.saves() + 1;
        return Some(Value::Text(compact_str::format_compact!("edited by staff, {number}")));
    }
    Value::options([options[staff.choose(options.len())].id])
}

/// The fields that differ, in id order.
fn changed_fields(before: &[(FieldId, Value)], after: &[(FieldId, Value)]) -> Vec<FieldId> {
    let value = |values: &[(FieldId, Value)], id: FieldId| {
        values.iter().find(|(field, _)| *field == id).map(|(_, value)| value.clone())
    };
    let mut fields: Vec<FieldId> = before.iter().chain(after).map(|(field, _)| *field).collect();
    fields.sort_unstable();
    fields.dedup();
    fields.retain(|&field| value(before, field) != value(after, field));
    fields
}

/// The account that `request` wrote, if it did.
fn written(request: &Request, response: &Response) -> Option<AccountId> {
    let is_write = request.endpoint().class().is_write();
    match response.body {
        Body::AccountId(id) | Body::Id(id) if is_write => Some(id),
        _ => None,
    }
}

/// The accounts whose fields a client sees in an answer.
fn seen(response: &Response) -> Vec<AccountId> {
    match &response.body {
        Body::Account(account) => account.body.account_id.into_iter().collect(),
        Body::Search(page) => {
            let ids = page.search_results.iter().filter_map(|row| row.get("Account ID"));
            ids.filter_map(|id| id.parse().ok()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;
    use crate::profile::BUILT_IN;

    fn neon(staff: &str) -> Neon {
        neon_of("plain", staff)
    }

    fn neon_of(dataset: &str, staff: &str) -> Neon {
        let (_, constant) = BUILT_IN.into_iter().find(|(name, _)| *name == "constant").unwrap();
        let profile = Profile::from_toml("staffed", &format!("{constant}\n{staff}")).unwrap();
        let organisation = Organisation::new(&Dataset::built_in(dataset, 2).unwrap(), 3, 1);
        Neon::new(profile, organisation, 1)
    }

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    fn write(id: AccountId, value: &str) -> Request {
        let value = Value::Text(value.into());
        let item = CustomFieldItem::to_write(FieldId(85), false, Some(&value));
        let kind = crate::api::AccountKind::Individual;
        Request::PatchAccount(id, Account::of_items(kind, vec![item]))
    }

    const BUSY: &str = "[staff]\nedits_per_s = 5.0\nthink = \"1s\"\nfields = [\"V-1\"]";

    #[test]
    fn a_client_that_does_not_read_again_loses_what_staff_saved_meanwhile() {
        let mut neon = neon(BUSY);
        let ids = [1, 2, 3].map(AccountId);
        for id in ids {
            neon.handle(at(0), &Request::GetAccount(id));
        }
        for id in ids {
            neon.handle(at(60_000), &write(id, "mine"));
        }
        assert!(neon.staff_saves() > 100, "{}", neon.staff_saves());
        assert_eq!(neon.lost_updates_by(Writer::Client), 3);
        // Read, then written at once: nothing is lost.
        neon.handle(at(61_000), &Request::GetAccount(ids[0]));
        neon.handle(at(61_000), &write(ids[0], "mine again"));
        assert_eq!(neon.lost_updates_by(Writer::Client), 3);
        assert!(neon.staff_edits(ids[0]).iter().all(|edit| edit.field == FieldId(85)));
    }

    #[test]
    fn what_staff_set_twice_is_no_repeated_write_of_the_client() {
        // Staff sometimes choose the option that is already set.
        let mut neon = neon_of("v-fields", "[staff]\nedits_per_s = 5.0\nthink = \"1s\"");
        let mine = write(AccountId(1), "mine");
        let mut repeated = |ms| {
            assert!(neon.handle(at(ms), &mine).response.status.is_success());
            neon.organisation().repeated_writes()
        };
        assert_eq!((repeated(120_000), repeated(120_000)), (0, 1));
        assert!(neon.staff_saves() > 300, "{}", neon.staff_saves());
    }

    #[test]
    fn staff_take_slots_and_wait_for_one() {
        let mut neon = neon("[staff]\nedits_per_s = 1000.0\nthink = \"0s\"");
        let get = Request::GetAccount(AccountId(1));
        let refused = (1..200).filter(|&step| {
            let reply = neon.handle(at(step * 50), &get);
            reply.response.status == crate::api::Status::TOO_MANY_REQUESTS
        });
        assert!(refused.count() > 100, "a thousand colleagues leave hardly a slot");
        assert_eq!(neon.calls().total(), 199, "the calls of staff are not the client's");
    }
}
