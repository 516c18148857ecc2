//! Posterior of the share of calls that fail, from a few dozen calls.
//!
//! The prior holds that some calls fail with probability 0.15, but few of them, and that all kinds of
//! failure are equally likely.

use neon_mock::fault::FaultKind;
use neon_mock::profile::WireFault;
use neon_mock::rng::{Generator, unit};
use neonbench_engine::event::{Attempt, Outcome};
use rand::Rng;
use rand_distr::{Beta, Distribution};

/// Prior probability that no call ever fails.
const PRIOR_FAULTLESS: f64 = 0.85;

/// If calls fail, the prior of their share is Beta(1, 60), whose mean is 1 in 61.
const PRIOR_BETA: f64 = 60.0;

/// Kinds of failure by the outcome that a client sees. A refused key is not among them: it ends a run.
const SEEN_AS: [(Outcome, &[FaultKind]); 5] = [
    (
        Outcome::ServerError,
        &[
            FaultKind::InternalError,
            FaultKind::BadGateway,
            FaultKind::Unavailable,
            FaultKind::GatewayTimeout,
        ],
    ),
    (Outcome::Timeout, &[FaultKind::Timeout]),
    (Outcome::Interrupted, &[FaultKind::ResetBefore, FaultKind::ResetAfter]),
    (Outcome::Malformed, &[FaultKind::Empty, FaultKind::Malformed, FaultKind::Truncated]),
    (Outcome::ErrorsUnderSuccess, &[FaultKind::ErrorsUnderSuccess]),
];

/// Failures that each kind of failure is worth before any is seen: to a probe, and to a run, whose many calls tell.
pub(super) const PRIOR_KIND: f64 = 1.0;
pub(super) const PRIOR_KIND_OF_RUN: f64 = 0.25;

/// Kinds that a client cannot distinguish from a slow call.
const UNSEEN: [FaultKind; 1] = [FaultKind::SlowBody];

/// Number of failed calls among those not refused, and the weights of the kinds.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultPosterior {
    pub(super) failed: u32,
    pub(super) calls: u32,
    /// Each kind with its probability, given a failure.
    kinds: Vec<(FaultKind, f64)>,
}

impl FaultPosterior {
    /// Posterior from `calls`, where each kind is worth `prior_kind` failures before any is seen.
    pub(super) fn of(calls: &[Attempt], prior_kind: f64) -> Self {
        let count = |outcome| calls.iter().filter(|call| call.outcome == outcome).count() as f64;
        let mut kinds: Vec<(FaultKind, f64)> = UNSEEN.map(|kind| (kind, prior_kind)).into();
        let mut failed = 0.0;
        for (outcome, alike) in SEEN_AS {
            let seen = count(outcome);
            failed += seen;
            let each = prior_kind + seen / alike.len() as f64;
            kinds.extend(alike.iter().map(|&kind| (kind, each)));
        }
        let all: f64 = kinds.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut kinds {
            *weight /= all;
        }
        let refused = count(Outcome::Rejected);
        Self { failed: failed as u32, calls: calls.len() as u32 - refused as u32, kinds }
    }

    /// Posterior from counts alone, without the kinds.
    pub(super) fn counted(failed: u64, calls: u64) -> Self {
        let (failed, calls) = (failed.min(calls) as u32, calls as u32);
        Self { failed, calls, ..Self::of(&[], PRIOR_KIND) }
    }

    /// The observed share (0 to 1).
    pub(super) fn share(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.calls.max(1))
    }

    /// A share drawn from the posterior.
    pub(super) fn draw(&self, generator: &mut Generator) -> f64 {
        let (failed, calls) = (f64::from(self.failed), f64::from(self.calls));
        // If some calls fail, all n succeed with probability B(1, 60 + n) ÷ B(1, 60).
        let faulty = (1.0 - PRIOR_FAULTLESS) * PRIOR_BETA / (PRIOR_BETA + calls);
        let is_faultless =
            self.failed == 0 && unit(generator.next_u64()) >= faulty / (faulty + PRIOR_FAULTLESS);
        if is_faultless {
            return 0.0;
        }
        let share = Beta::new(1.0 + failed, PRIOR_BETA + calls - failed);
        share.expect("both are at least one").sample(generator)
    }

    /// The wire form of a profile for a share of `share`, with six decimals.
    pub(super) fn wire(&self, share: f64) -> Vec<WireFault> {
        if share <= 0.0 {
            return Vec::new();
        }
        let of_kind = |(kind, weight): &(FaultKind, f64)| WireFault {
            kind: Some(*kind),
            share: Some(((share * weight).clamp(0.0, 1.0) * 1e6).round() / 1e6),
            ..WireFault::default()
        };
        self.kinds.iter().map(of_kind).collect()
    }
}
