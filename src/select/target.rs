//! The target as far as it is known: the profile of each simulated run.

use crate::probe::TargetFit;
use neon_mock::profile::Profile;
use std::borrow::Cow;

neon_mock::named! {
    /// The knowledge that a choice rests on.
    #[derive(schemars::JsonSchema)]
    pub enum Knowledge {
        /// The profile is the target's.
        Known = "known",
        /// A probe of at most 60 calls, which migrated a sample of accounts.
        ProbeSample = "probe_sample",
        /// A probe of at most 60 calls, which read only.
        Probe = "probe",
        /// Nothing.
        Nothing = "nothing",
    }
}

/// A target that runs can be simulated on.
#[derive(Clone, Debug)]
pub enum KnownTarget {
    /// Its profile is known.
    Profile(Box<Profile>),
    /// It was probed: every run goes by another profile that agrees with the probe.
    Fit {
        /// The probe's fit.
        fit: Box<TargetFit>,
        /// True if the probe migrated a sample of accounts.
        has_sample: bool,
    },
}

impl KnownTarget {
    /// The target of `profile`: as a probe left it, where the profile carries its evidence.
    pub fn of(profile: &Profile) -> Self {
        match TargetFit::of_profile(profile).ok().flatten() {
            Some(fit) => Self::probed(fit),
            None => Self::Profile(Box::new(profile.clone())),
        }
    }

    /// The target that `fit` was made of.
    pub fn probed(fit: TargetFit) -> Self {
        Self::Fit { has_sample: fit.saw_writes(), fit: Box::new(fit) }
    }

    /// The profile of the run with `seed`.
    pub(super) fn profile(&self, seed: u64) -> Cow<'_, Profile> {
        match self {
            Self::Profile(profile) => Cow::Borrowed(profile),
            Self::Fit { fit, .. } => Cow::Owned(fit.draw(seed)),
        }
    }

    /// The profile of the point estimates.
    pub(super) fn point(&self) -> Cow<'_, Profile> {
        match self {
            Self::Profile(profile) => Cow::Borrowed(profile),
            Self::Fit { fit, .. } => Cow::Owned(fit.profile("probed")),
        }
    }

    /// The knowledge that it is.
    pub fn knowledge(&self) -> Knowledge {
        match self {
            Self::Profile(_) => Knowledge::Known,
            Self::Fit { has_sample: true, .. } => Knowledge::ProbeSample,
            Self::Fit { .. } => Knowledge::Probe,
        }
    }

    /// The target of the simulations, in words.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Profile(profile) => format!("on profile {}", profile.name()),
            Self::Fit { .. } => "on profiles that agree with the probe".to_owned(),
        }
    }

    /// True if the runs go by different profiles.
    pub(super) const fn is_uncertain(&self) -> bool {
        matches!(self, Self::Fit { .. })
    }
}
