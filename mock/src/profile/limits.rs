//! `[limits]` of a profile.

use super::ProfileError;
use crate::api::Endpoint;
use crate::bounds::{LIMIT, QUEUE, TIME};
use crate::file::{DurationText, Member};
use crate::limit::{Limits, Scope};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Limits on calls in flight and on calls per second.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireLimits {
    /// Calls in flight that each limit admits; none admits all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<u32>,
    /// Other pools for single endpoints, by verb and path template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, u32>,
    /// Response time of a refusal.
    #[serde(default)]
    pub reject_after: DurationText,
    /// Calls per second that each limit admits; none admits all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// Other windows for single endpoints, by verb and path template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints_per_second: BTreeMap<String, u32>,
    /// Scope of a limit; by default each endpoint has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Calls that may queue at a limit before calls are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
    /// `Retry-After` of a refusal; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<DurationText>,
}

/// Checks the section.
pub(super) fn limits(wire: &WireLimits) -> Result<Limits, ProfileError> {
    let top = |name: &str| Member::top("limits").key(name);
    let scope = wire.scope.unwrap_or_default();
    let within = |name: &str, text: DurationText| super::within(&TIME, text.0, || top(name));
    let retry_after = wire.retry_after.map(|text| within("retry_after", text)).transpose()?;
    if retry_after.is_some_and(|time| time < Duration::from_secs(1) || time.subsec_nanos() > 0) {
        return Err(ProfileError::RetryAfter { member: top("retry_after") });
    }
    Ok(Limits {
        scope,
        pools: by_endpoint(scope, ("pool", wire.pool), ("endpoints", &wire.endpoints))?,
        per_second: by_endpoint(
            scope,
            ("per_second", wire.per_second),
            ("endpoints_per_second", &wire.endpoints_per_second),
        )?,
        queue: super::within(&QUEUE, wire.queue.unwrap_or(0), || top("queue"))?,
        reject_after: within("reject_after", wire.reject_after)?,
        retry_after,
    })
}

/// One figure for all, and others for some; those that share a limit get the same.
fn by_endpoint(
    scope: Scope,
    (name, for_all): (&str, Option<u32>),
    (table, others): (&str, &BTreeMap<String, u32>),
) -> Result<[Option<u32>; Endpoint::ALL.len()], ProfileError> {
    if for_all == Some(0) {
        return Err(ProfileError::EmptyLimit { member: Member::top("limits").key(name) });
    }
    if let Some(figure) = for_all {
        super::within(&LIMIT, figure, || Member::top("limits").key(name))?;
    }
    let mut by_leader: [Option<u32>; Endpoint::ALL.len()] = [None; Endpoint::ALL.len()];
    for (endpoint, &figure) in others {
        let member = Member::top("limits").key(table).key(endpoint);
        let known = super::endpoint(endpoint, &member)?;
        if figure == 0 {
            return Err(ProfileError::EmptyLimit { member });
        }
        super::within(&LIMIT, figure, || member.clone())?;
        if scope == Scope::Organisation {
            return Err(ProfileError::OneForAll { member, name: name.to_owned() });
        }
        let of_limit = &mut by_leader[scope.leader(known).index()];
        if of_limit.is_some_and(|other| other != figure) {
            return Err(ProfileError::TwoForOne { member });
        }
        *of_limit = Some(figure);
    }
    Ok(Endpoint::ALL.map(|endpoint| by_leader[scope.leader(endpoint).index()].or(for_all)))
}
