//! Subscriptions of an organisation, and the posts that they are owed.
//!
//! Pure: a shell sends the posts. Bounded: what is fired while a thousand posts wait is only counted.

use crate::api::{Account, AccountId, NameValuePair, Trigger, Webhook, WebhookId};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Posts that may wait for a shell.
const MOST_OWED: usize = 1_000;

/// Subscriptions of an organisation, as many as it may have.
const MOST_WEBHOOKS: usize = 1_000;

/// A post that a webhook owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookPost {
    /// When the write that fired it is answered.
    pub at: Timestamp,
    /// Where it goes, with the credentials of the address.
    pub webhook: Webhook,
    /// Its body, JSON.
    pub body: String,
}

/// The subscriptions of one organisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscriptions {
    all: BTreeMap<WebhookId, Webhook>,
    last: u32,
    owed: Vec<WebhookPost>,
    dropped: u64,
}

impl Subscriptions {
    pub(crate) fn list(&self) -> impl Iterator<Item = &Webhook> {
        self.all.values()
    }

    pub(crate) fn get(&self, id: WebhookId) -> Option<&Webhook> {
        self.all.get(&id)
    }

    /// Adds `webhook` under a new id; `None` if there are too many.
    pub(crate) fn create(&mut self, webhook: &Webhook) -> Option<WebhookId> {
        if self.all.len() >= MOST_WEBHOOKS {
            return None;
        }
        self.last += 1;
        let id = WebhookId(self.last);
        self.all.insert(id, Webhook { id: Some(id), ..webhook.clone() });
        Some(id)
    }

    /// Changes the subscription of that id; false if there is none.
    pub(crate) fn change(&mut self, id: WebhookId, change: impl FnOnce(&mut Webhook)) -> bool {
        let Some(webhook) = self.all.get_mut(&id) else { return false };
        change(webhook);
        webhook.id = Some(id);
        true
    }

    pub(crate) fn delete(&mut self, id: WebhookId) -> bool {
        self.all.remove(&id).is_some()
    }

    /// Fires `trigger` for an account by a write that is answered at `at`; `only_self_import` asks for subscriptions with
    /// `triggerSelfImport`. `read` gives the moment in words, and the account as it is now.
    pub(crate) fn fire(
        &mut self,
        at: Timestamp,
        trigger: Trigger,
        id: AccountId,
        only_self_import: bool,
        read: impl FnOnce() -> (Option<String>, Option<Account>),
    ) {
        let fires = |webhook: &&Webhook| {
            webhook.trigger == Some(trigger)
                && (!only_self_import || webhook.trigger_self_import == Some(true))
        };
        let set_off: Vec<Webhook> = self.all.values().filter(fires).cloned().collect();
        if set_off.is_empty() {
            return;
        }
        let (moment, account) = read();
        for webhook in set_off {
            if self.owed.len() >= MOST_OWED {
                self.dropped += 1;
                continue;
            }
            let body = body(moment.as_deref(), trigger, id, account.as_ref(), &webhook);
            self.owed.push(WebhookPost { at, webhook, body });
        }
    }

    /// Takes the posts that are owed.
    pub(crate) fn take_owed(&mut self) -> Vec<WebhookPost> {
        std::mem::take(&mut self.owed)
    }

    /// Posts that found no place.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// The body of a post: string ids and flat members, as captured in 2026.
fn body(
    moment: Option<&str>,
    trigger: Trigger,
    id: AccountId,
    account: Option<&Account>,
    webhook: &Webhook,
) -> String {
    let parameters = webhook.custom_parameters.as_ref().map(|all| {
        let member =
            |pair: &NameValuePair| (pair.name.clone(), serde_json::Value::from(pair.value.clone()));
        all.iter().map(member).collect::<serde_json::Map<_, _>>()
    });
    let data = match account {
        Some(account) => serde_json::to_value(account).unwrap_or_default(),
        None => serde_json::json!({ "accountId": id }),
    };
    serde_json::json!({
        "eventTrigger": trigger.event(),
        "eventTimestamp": moment,
        "customParameters": parameters,
        "data": data,
    })
    .to_string()
}
