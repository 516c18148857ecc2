//! Webhooks: the writes that fire them, and the calls by which integrations answer.

use super::Neon;
use crate::api::{
    AccountId, ApiError, Body, Endpoint, Request, Response, Status, Trigger, Webhook, WebhookId,
};
use crate::behaviour::WebhookWrites;
use crate::integration::{Echo, Integration};
use crate::limit::{Admission, EndpointGates};
use crate::org;
use crate::profile::Profile;
use crate::rng;
use crate::service::CallsInFlight;
use crate::staff::Writer;
use crate::time::Timestamp;
use crate::webhooks::{Subscriptions, WebhookPost};

/// The integrations of `profile`; `None` if it has none.
pub(super) fn integration(profile: &Profile, seed: u64) -> Option<Box<Integration>> {
    let settings = profile.integration()?.clone();
    Some(Box::new(Integration::new(settings, rng::stream(seed, "integration/service"))))
}

/// Limits and load as the integrations' calls meet them.
struct ServerLoad<'a> {
    gates: &'a mut EndpointGates,
    in_flight: &'a mut CallsInFlight,
    profile: &'a Profile,
}

impl ServerLoad<'_> {
    /// Makes the next call of `integration`; false if none is due.
    fn call(&mut self, integration: &mut Integration) -> bool {
        let Some((at, call)) = integration.next() else { return false };
        let endpoint = Endpoint::GetAccount;
        let start = match self.gates.of(endpoint).admit(at) {
            Admission::Granted { start } => start,
            Admission::Denied { .. } => {
                integration.refused(at + self.profile.reject_after(), call);
                return true;
            }
        };
        let alone = self.profile.law(endpoint).sample(&mut integration.service);
        let service = self.in_flight.stretched(self.profile.congestion(), alone, at, start);
        self.gates.of(endpoint).hold(start, start + service);
        integration.answered(start + service, call);
        true
    }
}

impl Neon {
    /// Lets staff and integrations do what was due until `now`, in the order of time.
    pub(super) fn let_others_work(&mut self, now: Timestamp) {
        loop {
            let echoed_at = self.integration.as_ref().and_then(|it| it.next_at());
            if self.let_staff_work(echoed_at.map_or(now, |at| at.min(now))) {
                continue;
            }
            if echoed_at.is_none_or(|at| at > now) {
                return;
            }
            let Self { gates, in_flight, profile, integration, .. } = self;
            let Some(integration) = integration else { return };
            ServerLoad { gates, in_flight, profile }.call(integration);
        }
    }

    /// `writer` wrote account `id`, and is answered at `ready_at`.
    pub(super) fn fire(
        &mut self,
        writer: Writer,
        trigger: Trigger,
        id: AccountId,
        ready_at: Timestamp,
    ) {
        let knob = self.profile.behaviour().webhook_writes;
        let fires = knob == WebhookWrites::Every || writer == Writer::Staff;
        if fires || knob == WebhookWrites::SelfImport {
            let organisation = &self.organisation;
            let read = || (org::moment(ready_at), organisation.account(id));
            self.subscriptions.fire(ready_at, trigger, id, !fires, read);
        }
        if let Some(integration) = self.integration.as_mut().filter(|_| fires) {
            integration.deliver(ready_at, id);
        }
    }

    /// Takes the posts that webhooks owe, for a shell to send.
    pub fn take_posts(&mut self) -> Vec<WebhookPost> {
        self.subscriptions.take_owed()
    }

    /// Posts that were dropped, since too many waited.
    pub const fn dropped_posts(&self) -> u64 {
        self.subscriptions.dropped()
    }

    /// Webhooks so far, and the calls that integrations make because of them, those to come included.
    pub fn echo(&self) -> Echo {
        let Some(mut integration) = self.integration.clone() else { return Echo::default() };
        let (mut gates, mut in_flight) = (self.gates.clone(), self.in_flight.clone());
        let mut load =
            ServerLoad { gates: &mut gates, in_flight: &mut in_flight, profile: &self.profile };
        while load.call(&mut integration) {}
        integration.figures()
    }
}

/// The answer to a call of webhooks; `None` for any other.
pub(super) fn answer(subscriptions: &mut Subscriptions, request: &Request) -> Option<Response> {
    let found = |is_there: bool, id: WebhookId| {
        if is_there { json("{}".to_owned()) } else { unknown(id) }
    };
    Some(match request {
        Request::LookUp(of) if of.endpoint() == Endpoint::ListWebhooks => {
            json(text(&subscriptions.list().collect::<Vec<_>>()))
        }
        Request::GetWebhook(id) => match subscriptions.get(*id) {
            Some(webhook) => json(text(webhook)),
            None => unknown(*id),
        },
        Request::CreateWebhook(webhook) => match complete(webhook) {
            Err(refused) => refused,
            Ok(()) => match subscriptions.create(webhook) {
                Some(id) => json(format!("{{\"id\":\"{id}\"}}")),
                None => refuse("too many webhooks"),
            },
        },
        Request::PutWebhook(id, webhook) => match complete(webhook) {
            Err(refused) => refused,
            Ok(()) => found(subscriptions.change(*id, |old| old.clone_from(webhook)), *id),
        },
        Request::PatchWebhook(id, change) => {
            found(subscriptions.change(*id, |old| old.patch(change)), *id)
        }
        Request::DeleteWebhook(id) => found(subscriptions.delete(*id), *id),
        _ => return None,
    })
}

/// Refuses a subscription without the members that it needs.
fn complete(webhook: &Webhook) -> Result<(), Response> {
    let missing = match webhook {
        Webhook { name: None, .. } => "name",
        Webhook { url: None, .. } => "url",
        Webhook { trigger: None, .. } => "trigger",
        _ => return Ok(()),
    };
    Err(refuse(&format!("a webhook needs a {missing}")))
}

fn refuse(message: &str) -> Response {
    Response::error(Status::BAD_REQUEST, ApiError::new(1, message))
}

fn unknown(id: WebhookId) -> Response {
    let error = ApiError::new(1, format!("webhook {id} does not exist"));
    Response::error(Status::NOT_FOUND, error)
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a body of the contract is JSON")
}

fn json(text: String) -> Response {
    Response::ok(Body::LookUp(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Account, AccountBody, AccountKind};
    use crate::dataset::Dataset;
    use crate::org::Organisation;
    use crate::profile::BUILT_IN;
    use std::time::Duration;

    /// Pools of 5; `GET` 200 ms, `PATCH` 300 ms, refusals after 30 ms.
    fn neon(integration: &str) -> Neon {
        let (_, constant) = BUILT_IN.iter().find(|(name, _)| *name == "constant").unwrap();
        let text = format!("{constant}\n{integration}\n");
        let profile = Profile::from_toml("test.toml", &text).unwrap();
        let organisation = Organisation::new(&Dataset::built_in("plain", 1).unwrap(), 100, 1);
        Neon::new(profile, organisation, 1)
    }

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    /// Patches account 1 at `ms`; when the answer comes.
    fn patch(neon: &mut Neon, ms: u64) -> Timestamp {
        let account = Account { kind: AccountKind::Individual, body: AccountBody::default() };
        let reply = neon.handle(at(ms), &Request::PatchAccount(AccountId(1), account));
        assert_eq!(reply.response.status, Status::OK);
        reply.ready_at
    }

    fn get(neon: &mut Neon, at: Timestamp) -> Status {
        neon.handle(at, &Request::GetAccount(AccountId(1))).response.status
    }

    #[test]
    fn each_delivery_takes_a_place_a_delay_after_its_write() {
        let mut neon = neon("[integration]\ndelay = \"100ms\"");
        let ready_at: Vec<Timestamp> = (0..5).map(|_| patch(&mut neon, 0)).collect();
        let begin = ready_at[0] + Duration::from_millis(100);
        assert_eq!(get(&mut neon, Timestamp::from_nanos(begin.as_nanos() - 1)), Status::OK);
        // Four of the five found a place beside that call, and hold it.
        assert_eq!(get(&mut neon, begin + Duration::from_millis(1)), Status::TOO_MANY_REQUESTS);
        assert_eq!(neon.echo(), Echo { deliveries: 5, calls: 5, refused: 1, lost: 1 });
        assert_eq!(get(&mut neon, begin + Duration::from_millis(200)), Status::OK);
        assert_eq!(
            neon.calls().of(Endpoint::GetAccount).admitted,
            2,
            "theirs are not the client's"
        );
    }

    #[test]
    fn patience_and_further_calls_come_after_the_answer() {
        let cases = [
            ("calls = 0", Echo { deliveries: 6, calls: 0, refused: 0, lost: 0 }),
            ("calls = 1", Echo { deliveries: 6, calls: 6, refused: 1, lost: 1 }),
            ("calls = 1\npatience = 1", Echo { deliveries: 6, calls: 7, refused: 1, lost: 0 }),
            // The call that is refused ends its delivery; the others go on.
            ("calls = 3", Echo { deliveries: 6, calls: 16, refused: 1, lost: 1 }),
        ];
        for (settings, expected) in cases {
            let mut neon = neon(&format!("[integration]\n{settings}"));
            for _ in 0..5 {
                patch(&mut neon, 0);
            }
            // PUTs have a pool of their own, and their webhooks the same integration.
            let body = AccountBody::default();
            let account = Account { kind: AccountKind::Individual, body };
            let put = neon.handle(at(0), &Request::PutAccount(AccountId(2), account));
            assert_eq!(put.response.status, Status::OK);
            assert_eq!(neon.echo(), expected, "{settings}");
        }
    }

    #[test]
    fn writes_of_clients_fire_nothing_where_only_people_do() {
        for knob in ["people", "self-import"] {
            let knob = format!("[behaviour]\nwebhook_writes = \"{knob}\"\n[integration]");
            let mut neon = neon(&knob);
            patch(&mut neon, 0);
            assert!(neon.echo().is_none());
        }
    }
}
