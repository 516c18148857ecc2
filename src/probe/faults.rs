//! How often calls fail, from a few dozen: what was seen, and what it leaves open.
//!
//! Beforehand it is thought likelier than not that some fail, but few; and each kind is as likely as
//! another, but for what was seen.

use neon_mock::fault::FaultKind;
use neon_mock::profile::WireFault;
use neon_mock::rng::{Generator, unit};
use neonbench_engine::event::{Attempt, Outcome};
use rand::Rng;
use rand_distr::{Beta, Distribution};

/// How likely it is beforehand that no call ever fails.
const FAULTLESS: f64 = 0.4;

/// If calls fail, the share of those that do is drawn from Beta(1, 60) beforehand: one in 61.
const RARELY: f64 = 60.0;

/// The kinds, by how a client sees them. A refused key is none: it ends a run.
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

/// Kinds that cannot be told from a call that merely takes long.
const UNSEEN: [FaultKind; 1] = [FaultKind::SlowBody];

/// Calls that failed, of those that were not refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub(super) failed: u32,
    pub(super) calls: u32,
    /// Each kind, and how likely it is among the others.
    kinds: Vec<(FaultKind, f64)>,
}

impl Faults {
    /// Those among `calls`.
    pub(super) fn of(calls: &[Attempt]) -> Self {
        let count = |outcome| calls.iter().filter(|call| call.outcome == outcome).count() as f64;
        let mut kinds: Vec<(FaultKind, f64)> = UNSEEN.map(|kind| (kind, 1.0)).into();
        let mut failed = 0.0;
        for (outcome, alike) in SEEN_AS {
            let seen = count(outcome);
            failed += seen;
            let each = 1.0 + seen / alike.len() as f64;
            kinds.extend(alike.iter().map(|&kind| (kind, each)));
        }
        let all: f64 = kinds.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut kinds {
            *weight /= all;
        }
        let refused = count(Outcome::Rejected);
        Self { failed: failed as u32, calls: calls.len() as u32 - refused as u32, kinds }
    }

    /// So many of so many, of which nobody knows how they failed.
    pub(super) fn counted(failed: u64, calls: u64) -> Self {
        let (failed, calls) = (failed.min(calls) as u32, calls as u32);
        Self { failed, calls, ..Self::of(&[]) }
    }

    /// The share that was seen.
    pub(super) fn share(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.calls.max(1))
    }

    /// One of the shares that would have shown as much.
    pub(super) fn draw(&self, generator: &mut Generator) -> f64 {
        let (failed, calls) = (f64::from(self.failed), f64::from(self.calls));
        // Without a failure: B(1, 60 + n) ÷ B(1, 60) is how likely so many go well if some fail.
        let faulty = (1.0 - FAULTLESS) * RARELY / (RARELY + calls);
        let is_faultless =
            self.failed == 0 && unit(generator.next_u64()) >= faulty / (faulty + FAULTLESS);
        if is_faultless {
            return 0.0;
        }
        let share = Beta::new(1.0 + failed, RARELY + calls - failed);
        share.expect("both are at least one").sample(generator)
    }

    /// What a profile says where the share is `share`.
    pub(super) fn wire(&self, share: f64) -> Vec<WireFault> {
        if share <= 0.0 {
            return Vec::new();
        }
        let of_kind = |(kind, weight): &(FaultKind, f64)| WireFault {
            kind: Some(*kind),
            share: Some((share * weight).clamp(0.0, 1.0)),
            ..WireFault::default()
        };
        self.kinds.iter().map(of_kind).collect()
    }
}
