//! The evidence of a profile file: from a fit to the file, and from the file back to the fit.
//!
//! A profile that was probed or fitted carries the calls that it was fitted to, so that whoever
//! forecasts by it draws from what they leave open, as if the target had just been probed. A profile
//! without evidence, or changed since it was fitted, is taken as exact.

use super::edits::SeenEdits;
use super::fit::TargetFit;
use super::{ProbeError, ProbeTrace};
use neon_mock::api::Endpoint;
use neon_mock::bounds::TIME;
use neon_mock::file::DurationText;
use neon_mock::profile::{Profile, WireCall, WireEvidence};
use neon_mock::time::Timestamp;
use neonbench_engine::event::{Attempt, Outcome};
use std::time::Duration;

/// The reasons why the evidence of a profile cannot be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum EvidenceError {
    #[error("evidence.calls[{call}]: there is no outcome {name:?}; the outcomes are {known}", known = outcomes())]
    Outcome { call: usize, name: String },
    #[error("evidence: {0}")]
    Fit(#[from] ProbeError),
}

fn outcomes() -> String {
    Outcome::ALL.map(Outcome::name).join(", ")
}

/// The evidence of a trace; its digest is filled in once a profile is fitted.
pub(super) fn of_trace(trace: &ProbeTrace) -> WireEvidence {
    let call = |call: &Attempt| {
        let took_ns = call.done_at.nanos_since(call.sent_at);
        let endpoint = call.endpoint.name().to_owned();
        WireCall(endpoint, call.sent_at.as_nanos(), took_ns, call.outcome.name().to_owned())
    };
    WireEvidence {
        looked_for_limits: trace.looked_for_limits,
        retry_after: trace.retry_after.map(|after| DurationText(TIME.clamp(after))),
        calls: trace.calls.iter().map(call).collect(),
        edits: trace.edits.map(SeenEdits::to_wire),
        ..WireEvidence::default()
    }
}

/// The trace of an evidence.
fn trace(evidence: &WireEvidence) -> Result<ProbeTrace, EvidenceError> {
    let call = |(place, WireCall(endpoint, sent_ns, took_ns, outcome)): (usize, &WireCall)| {
        let unknown = || EvidenceError::Outcome { call: place, name: outcome.clone() };
        let sent_at = Timestamp::from_nanos(*sent_ns);
        Ok::<_, EvidenceError>(Attempt {
            endpoint: Endpoint::from_name(endpoint).expect("a checked profile"),
            attempt: 1,
            due_at: sent_at,
            sent_at,
            done_at: sent_at + Duration::from_nanos(*took_ns),
            outcome: Outcome::from_name(outcome).ok_or_else(unknown)?,
        })
    };
    Ok(ProbeTrace {
        calls: evidence.calls.iter().enumerate().map(call).collect::<Result<_, _>>()?,
        retry_after: evidence.retry_after.map(|after| after.0),
        looked_for_limits: evidence.looked_for_limits,
        edits: evidence.edits.as_ref().and_then(SeenEdits::of_wire),
        ..ProbeTrace::default()
    })
}

/// The calls that `profile` was fitted to; none of a profile that is taken as exact, or known by quantiles alone.
pub fn calls_behind(profile: &Profile) -> Option<ProbeTrace> {
    let evidence = profile.evidence().filter(|evidence| !evidence.calls.is_empty())?;
    trace(evidence).ok()
}

impl TargetFit {
    /// The fit that `profile` was made from; `None` for a profile without evidence, or changed since.
    ///
    /// Errors: its evidence cannot be read.
    pub fn of_profile(profile: &Profile) -> Result<Option<Self>, EvidenceError> {
        let Some(evidence) = profile.evidence() else { return Ok(None) };
        let fit = if evidence.quantiles.is_empty() {
            Self::of(&trace(evidence)?)?
        } else {
            Self::of_quantiles(evidence)?
        };
        Ok(Some(fit))
    }
}

/// Profiles that agree with what `profile` rests on, one per seed: always `profile` itself if it is taken
/// as exact.
pub fn draws(
    profile: &Profile,
    seeds: impl IntoIterator<Item = u64>,
) -> impl Iterator<Item = Profile> {
    let fit = TargetFit::of_profile(profile).ok().flatten();
    let exact = profile.clone();
    seeds.into_iter().map(move |seed| {
        fit.as_ref().map_or_else(|| exact.clone(), |fit| fit.drawn_as(exact.name(), seed))
    })
}
