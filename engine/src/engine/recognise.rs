//! An organisation is recognised before a run goes on in it: the address and the id of two can be the same.
//!
//! A journal notes a digest of each account that was read whole. Where it has none, the values tell: in the
//! organisation that the run wrote, most fields still hold them.

use super::account::held;
use super::caller::Caller;
use super::error::EngineError;
use super::settings::Settings;
use super::stop::Stop;
use crate::clock::Clock;
use crate::event::{Observer, Outcome};
use crate::journal::{Ledger, LedgerEntry, Standing};
use crate::transport::Transport;
use neon_mock::api::{Account, AccountId, Body, Request};

/// Accounts that are read for it.
const LOOKED_AT: usize = 5;

/// Accounts of a run and how many of them are those that it wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recognition {
    /// Accounts that are as the run noted them.
    pub known: u64,
    /// Accounts that are others, or are not there.
    pub strange: u64,
}

impl Recognition {
    /// True if this is another organisation than the one that the run wrote.
    pub const fn is_another(&self) -> bool {
        self.strange > self.known
    }
}

/// Looks at up to five accounts of the run of `ledger`. Every event goes to `observer`. A call that fails tells
/// nothing.
///
/// Errors: the target cannot be reached or refuses the key.
pub async fn recognise<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    settings: &Settings,
    ledger: &Ledger,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Recognition, EngineError> {
    let caller = Caller::new(transport, clock, observer, settings, &settings.limiter, stop);
    let of = |wants: fn(&LedgerEntry) -> bool| -> Vec<AccountId> {
        ledger.iter().filter(|(_, entry)| wants(entry)).map(|(id, _)| id).collect()
    };
    let mut ids = of(|entry| entry.identity.is_some());
    if ids.is_empty() {
        ids = of(|entry| entry.identity.is_none() && !entry.changes.is_empty());
    }
    let mut found = Recognition::default();
    let distance = ids.len().div_ceil(LOOKED_AT).max(1);
    for &id in ids.iter().step_by(distance) {
        let Some(entry) = ledger.get(id) else { continue };
        let is_known = match caller.call(&Request::GetAccount(id)).await {
            Ok(Body::Account(account)) => is_known(entry, &account),
            Ok(_) => return Err(EngineError::WrongBody(Request::GetAccount(id).endpoint())),
            Err(error) => match error.call.outcome {
                Outcome::NotFound => Some(false),
                Outcome::Unauthorized | Outcome::Unreachable => {
                    return Err(EngineError::from_call(error));
                }
                _ => None,
            },
        };
        found.known += u64::from(is_known == Some(true));
        found.strange += u64::from(is_known == Some(false));
    }
    Ok(found)
}

/// True if `account` is the one that the run wrote; `None` if nothing tells.
fn is_known(entry: &LedgerEntry, account: &Account) -> Option<bool> {
    if let Some(identity) = &entry.identity {
        return Some(*identity == account.identity());
    }
    let mut is_theirs = false;
    for write in entry.recorded_writes() {
        let now = held(account, write.field);
        match write.standing(&now) {
            // An empty field is empty in many organisations.
            Standing::Ours if now.is_some() => return Some(true),
            Standing::Ours | Standing::Before => {}
            Standing::Theirs => is_theirs = true,
        }
    }
    is_theirs.then_some(false)
}
