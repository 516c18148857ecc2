//! `[[faults]]` of a profile.

use super::ProfileError;
use crate::api::{AccountId, Class, Endpoint, Status};
use crate::bounds::{LIMIT, SHARE, TIME};
use crate::fault::{Fault, FaultKind, NextFailure, Poison, Trigger};
use crate::file::{DurationText, Member};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One table of faults: the kind of failure, and the calls that it hits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireFault {
    /// Kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FaultKind>,
    /// Kinds of failure, equally likely.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<FaultKind>,
    /// Status that answers the call, with an error in the body; it is not carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The probability of each call, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Only the first `n` calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Only every `n`-th call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Only calls of these endpoints, by verb and path template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// Only calls of these classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Only calls that come from then on, in run time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DurationText>,
    /// Only calls that come before then, in run time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DurationText>,
    /// Only calls on these accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<u64>,
    /// Only calls on this share of the accounts, from 0 to 1; always the same ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poison: Option<f64>,
    /// Number of consecutive calls that fail once one is hit, that one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

impl WireFault {
    /// Checks the table; `member` names it in errors.
    pub(crate) fn checked(&self, member: &Member) -> Result<Fault, ProfileError> {
        fault(member, self)
    }
}

/// Checks the fault tables.
pub(super) fn faults(wire: &[WireFault]) -> Result<Vec<Fault>, ProfileError> {
    let checked = |(position, wire)| fault(&Member::top("faults").index(position), wire);
    wire.iter().enumerate().map(checked).collect()
}

fn fault(member: &Member, wire: &WireFault) -> Result<Fault, ProfileError> {
    let at = |name: &str| member.clone().key(name);
    let wrong = |member: Member, reason: &'static str| ProfileError::Fault { member, reason };
    let kinds: Vec<NextFailure> = match (wire.kind, &wire.kinds[..], wire.status) {
        (Some(kind), [], None) => vec![kind.into()],
        (None, kinds @ [_, ..], None) => kinds.iter().copied().map(NextFailure::from).collect(),
        (None, [], Some(status @ 200..=999)) => vec![Status(status).into()],
        (None, [], Some(_)) => return Err(wrong(at("status"), "is a status from 200 to 999")),
        _ => {
            return Err(wrong(
                member.clone(),
                "takes one of `kind`, a list of `kinds` and `status`",
            ));
        }
    };
    for (name, share) in [("share", wire.share), ("poison", wire.poison)] {
        share.map(|share| super::within(&SHARE, share, || at(name))).transpose()?;
    }
    for (name, count) in [("first", wire.first), ("every", wire.every)] {
        if count == Some(0) {
            return Err(wrong(at(name), "= 0: at least 1 is needed"));
        }
    }
    let burst = super::within(&LIMIT, wire.burst.unwrap_or(1), || at("burst"))?;
    let moment = |name: &str, text: Option<DurationText>| {
        let time = text.map(|text| super::within(&TIME, text.0, || at(name))).transpose()?;
        Ok::<_, ProfileError>(time.map(|time| Timestamp::ZERO + time))
    };
    let from = moment("from", wire.from)?.unwrap_or(Timestamp::ZERO);
    let until = moment("until", wire.until)?;
    if until.is_some_and(|until| until <= from) {
        return Err(wrong(at("until"), "does not lie after `from`"));
    }
    let accounts = (!wire.records.is_empty() || wire.poison.is_some()).then(|| {
        let mut records: Vec<AccountId> = wire.records.iter().copied().map(AccountId).collect();
        records.sort_unstable();
        Poison { records, share: wire.poison.unwrap_or(0.0) }
    });
    let is_narrowed = accounts.is_some() || wire.from.is_some() || until.is_some();
    let trigger = match (wire.share, wire.first, wire.every) {
        (Some(share), None, None) => Trigger::Share(share),
        (None, Some(first), None) => Trigger::First(first),
        (None, None, Some(every)) => Trigger::Every(every),
        (None, None, None) if is_narrowed => Trigger::Share(1.0),
        (None, None, None) => {
            return Err(wrong(
                member.clone(),
                "does not say which calls: by `share`, `first` or `every`, by `from` and `until`, \
                 or by `records` and `poison`",
            ));
        }
        _ => return Err(wrong(member.clone(), "takes one of `share`, `first` and `every`")),
    };
    Ok(Fault { kinds, trigger, endpoints: endpoints(member, wire)?, from, until, accounts, burst })
}

/// The endpoints that a table is for: those that it names and those of the classes that it names;
/// all, if it names none.
fn endpoints(
    member: &Member,
    wire: &WireFault,
) -> Result<[bool; Endpoint::ALL.len()], ProfileError> {
    if wire.endpoints.is_empty() && wire.classes.is_empty() {
        return Ok([true; Endpoint::ALL.len()]);
    }
    let mut named = [false; Endpoint::ALL.len()];
    for (index, endpoint) in wire.endpoints.iter().enumerate() {
        let member = member.clone().key("endpoints").index(index);
        named[super::endpoint(endpoint, &member)?.index()] = true;
    }
    for (index, name) in wire.classes.iter().enumerate() {
        let Some(class) = Class::from_name(name) else {
            let member = member.clone().key("classes").index(index);
            let known = Class::ALL.map(|class| format!("`{}`", class.name())).join(", ");
            return Err(ProfileError::UnknownClass { member, known });
        };
        for endpoint in Endpoint::ALL {
            named[endpoint.index()] |= endpoint.class() == class;
        }
    }
    Ok(named)
}
