//! `[evidence]` of a profile: the observations that a fitted profile rests on.
//!
//! The mock keeps them and acts on none of them: whoever forecasts by the profile draws from them.

use super::ProfileError;
use crate::file::{DurationText, Member};
use serde::{Deserialize, Serialize};

/// An observed call: its endpoint by verb and path template, when it was sent and how long it took,
/// both in ns, and its outcome by the name that the client has for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WireCall(pub String, pub u64, pub u64, pub String);

/// Quantiles of one class of calls, where single calls are not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireQuantiles {
    /// Class of the calls: `get`, `patch` and so on.
    pub class: String,
    /// Median service time in ms.
    pub p50_ms: f64,
    /// 0.9 quantile in ms.
    pub p90_ms: f64,
    /// Number of calls.
    pub calls: u64,
}

/// Accounts that others changed in some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireEdits {
    /// Number of the accounts.
    pub accounts: u32,
    /// The time.
    pub during: DurationText,
}

/// The observations behind a fitted profile; a profile written by hand has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireEvidence {
    /// Digest of the profile that was fitted. Another digest means that the file was changed since.
    pub digest: String,
    /// True if calls were sent at once to find limits.
    #[serde(default)]
    pub looked_for_limits: bool,
    /// The longest `Retry-After` of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<DurationText>,
    /// The calls in the order of sending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<WireCall>,
    /// Accounts that others changed while the calls lasted; none where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits: Option<WireEdits>,
    /// Quantiles of a stored run, which keeps no single calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<WireQuantiles>,
    /// Calls of that run that were not refused.
    #[serde(default)]
    pub admitted: u64,
    /// Calls of that run that failed.
    #[serde(default)]
    pub failed: u64,
}

/// Checks that each call is of an endpoint.
pub(super) fn check(wire: &WireEvidence) -> Result<(), ProfileError> {
    for (index, WireCall(endpoint, ..)) in wire.calls.iter().enumerate() {
        super::endpoint(endpoint, &Member::top("evidence").key("calls").index(index))?;
    }
    Ok(())
}
