//! Profiles: limits, delays and faults. [`WireProfile`] mirrors the TOML file, [`Profile`] is
//! its checked form.

mod evidence;
mod faults;
mod limits;
mod service;

pub use evidence::{WireCall, WireEdits, WireEvidence, WireQuantiles};
pub use faults::WireFault;
pub use limits::WireLimits;
pub use service::{LawName, WireCongestion, WireLaw, WireService};

use crate::api::Endpoint;
use crate::behaviour::Behaviour;
use crate::bounds::{Bounds, ECHOED_CALLS, EDITS_PER_S, EXPONENT, OutOfBounds, PATIENCE, TIME};
use crate::fault::Fault;
use crate::file::{FileError, Member};
use crate::integration::WireIntegration;
use crate::limit::Limits;
use crate::service::{Congestion, HistogramError, Law, LawError};
use crate::staff::WireStaff;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The built-in profiles: name and commented TOML.
pub const BUILT_IN: [(&str, &str); 10] = [
    ("documented", include_str!("../profiles/documented.toml")),
    ("per-second", include_str!("../profiles/per-second.toml")),
    ("constant", include_str!("../profiles/constant.toml")),
    ("unlimited", include_str!("../profiles/unlimited.toml")),
    ("staff", include_str!("../profiles/staff.toml")),
    ("guide-1", include_str!("../profiles/guide-1.toml")),
    ("guide-2", include_str!("../profiles/guide-2.toml")),
    ("guide-3", include_str!("../profiles/guide-3.toml")),
    ("flaky", include_str!("../profiles/flaky.toml")),
    ("congested", include_str!("../profiles/congested.toml")),
];

/// A profile file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireProfile {
    /// Version of the form: 1.
    pub schema: u32,
    /// Description, one sentence.
    #[serde(default)]
    pub description: String,
    /// Limits on calls in flight and on calls per second.
    #[serde(default)]
    pub limits: WireLimits,
    /// Service-time laws by class of call.
    pub service: WireService,
    /// Behaviour of Neon that is not documented.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Fault tables; the first that hits a call decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<WireFault>,
    /// Other users at work; none leaves the organisation to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<WireStaff>,
    /// Integrations that answer webhooks with calls of their own; none calls nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<WireIntegration>,
    /// Observations that the profile was fitted to; none in a profile written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<WireEvidence>,
}

/// Errors of a profile file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ProfileError {
    #[error("schema = {0}: this version reads schema 1")]
    Schema(u32),
    #[error("{member} {source}")]
    Bounds { member: Member, source: OutOfBounds },
    #[error("{member} = 0: a limit admits at least one call; leave it out to admit all")]
    EmptyLimit { member: Member },
    #[error("{member}: under scope = \"organisation\" all endpoints share limits.{name}")]
    OneForAll { member: Member, name: String },
    #[error("{member}: another verb of this path has another limit; scope = \"template\" has one")]
    TwoForOne { member: Member },
    #[error("{member}: Retry-After is in whole seconds, at least \"1s\"")]
    RetryAfter { member: Member },
    #[error("{member}: there is no endpoint of that name; the endpoints are {known}")]
    UnknownEndpoint { member: Member, known: String },
    #[error("{member}: law {law:?} takes {expected} and nothing else")]
    Figures { member: Member, law: LawName, expected: &'static str },
    #[error("{member}: {source}")]
    Law { member: Member, source: LawError },
    #[error("{member}: cannot read {file}: {reason}")]
    SideFile { member: Member, file: String, reason: String },
    #[error("{member}: {file} is no histogram: {source}")]
    Histogram { member: Member, file: String, source: HistogramError },
    #[error("{member} {reason}")]
    Fault { member: Member, reason: &'static str },
    #[error("{member}: there is no class of that name; the classes are {known}")]
    UnknownClass { member: Member, known: String },
}

impl ProfileError {
    /// Member of the file that is wrong.
    pub fn member(&self) -> Member {
        match self {
            Self::Schema(_) => Member::top("schema"),
            Self::Bounds { member, .. }
            | Self::EmptyLimit { member }
            | Self::OneForAll { member, .. }
            | Self::TwoForOne { member }
            | Self::RetryAfter { member }
            | Self::SideFile { member, .. }
            | Self::Histogram { member, .. }
            | Self::Fault { member, .. }
            | Self::UnknownClass { member, .. }
            | Self::UnknownEndpoint { member, .. }
            | Self::Figures { member, .. }
            | Self::Law { member, .. } => member.clone(),
        }
    }
}

/// The files that a profile names, read by the caller's function and stored for the digest.
pub(crate) struct SideFiles<'a> {
    reader: &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    digests: Vec<String>,
}

impl SideFiles<'_> {
    /// The bytes of `file`, which `member` names.
    fn read(&mut self, file: &str, member: &Member) -> Result<Vec<u8>, ProfileError> {
        let bytes = (self.reader)(file).map_err(|reason| ProfileError::SideFile {
            member: member.clone(),
            file: file.to_owned(),
            reason,
        })?;
        self.digests.push(blake3::hash(&bytes).to_hex().to_string());
        Ok(bytes)
    }
}

/// Limits, service times and faults of the mock, checked.
#[derive(Clone, Debug)]
pub struct Profile {
    name: String,
    digest: String,
    description: String,
    limits: Limits,
    // Boxed to keep types that hold a profile small, such as the future that starts a mock.
    laws: Box<[Law; Endpoint::ALL.len()]>,
    congestion: Option<Congestion>,
    faults: Vec<Fault>,
    behaviour: Behaviour,
    staff: Option<WireStaff>,
    integration: Option<WireIntegration>,
    evidence: Option<Box<WireEvidence>>,
}

impl Profile {
    /// The built-in profile of that name. `None`: no such name; see [`BUILT_IN`].
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::from_toml(name, text).expect("a built-in profile is valid"))
    }

    /// Reads a profile file's `text`; `origin` names it in errors and records.
    ///
    /// Errors: as [`from_toml_with`](Self::from_toml_with), and for a profile that names histogram
    /// files.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, FileError> {
        Self::from_toml_with(origin, text, &mut no_side_files)
    }

    /// Reads a profile file's `text`, and by `read` the histogram files that it names.
    ///
    /// `read` is given a path as the profile has it, relative to the profile's own folder, and
    /// returns the contents of the file, or why it cannot be read.
    ///
    /// Errors: [`FileError`] with line and member, for TOML of another form and for settings out of
    /// range.
    pub fn from_toml_with(
        origin: &str,
        text: &str,
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, FileError> {
        let wire: WireProfile =
            toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))?;
        Self::try_from_wire_with(origin, &wire, read)
            .map_err(|error| FileError::member(origin, text, &error.member(), error))
    }

    /// Checks a profile that names no histogram files.
    ///
    /// Errors: [`ProfileError`], with the member that is wrong.
    pub fn try_from_wire(name: &str, wire: &WireProfile) -> Result<Self, ProfileError> {
        Self::try_from_wire_with(name, wire, &mut no_side_files)
    }

    fn try_from_wire_with(
        name: &str,
        wire: &WireProfile,
        reader: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, ProfileError> {
        if wire.schema != 1 {
            return Err(ProfileError::Schema(wire.schema));
        }
        let limits = limits::limits(&wire.limits)?;
        let mut side = SideFiles { reader, digests: Vec::new() };
        let service::Service { laws, congestion } = service::service(&wire.service, &mut side)?;
        let faults = faults::faults(&wire.faults)?;
        if let Some(staff) = &wire.staff {
            let member = |name| Member::top("staff").key(name);
            within(&EDITS_PER_S, staff.edits_per_s, || member("edits_per_s"))?;
            within(&EXPONENT, staff.skew, || member("skew"))?;
            within(&TIME, staff.think.0, || member("think"))?;
        }
        if let Some(integration) = &wire.integration {
            let member = |name| Member::top("integration").key(name);
            within(&ECHOED_CALLS, integration.calls, || member("calls"))?;
            within(&TIME, integration.delay.0, || member("delay"))?;
            within(&PATIENCE, integration.patience, || member("patience"))?;
        }
        let Behaviour { search_lag, timeout_hold, .. } = wire.behaviour;
        let hold = timeout_hold.unwrap_or_default();
        for (name, time) in [("search_lag", search_lag), ("timeout_hold", hold)] {
            within(&TIME, time.0, || Member::top("behaviour").key(name))?;
        }
        wire.evidence.as_ref().map_or(Ok(()), evidence::check)?;
        Ok(Self {
            name: name.to_owned(),
            digest: digest(wire, &side.digests),
            description: wire.description.clone(),
            limits,
            laws: Box::new(laws),
            congestion,
            faults,
            behaviour: wire.behaviour,
            staff: wire.staff.clone(),
            integration: wire.integration.clone(),
            evidence: wire.evidence.clone().map(Box::new),
        })
    }

    /// A copy in which each pool of the largest size admits `pool` calls, as another
    /// plan of Neon's might. Smaller pools, such as those of searches, stay.
    #[must_use]
    pub fn with_pool(&self, pool: std::num::NonZeroU32) -> Self {
        let mut changed = self.clone();
        let largest = self.limits.pools.iter().flatten().max().copied();
        for limit in changed.limits.pools.iter_mut().flatten() {
            if Some(*limit) == largest {
                *limit = pool.get();
            }
        }
        changed.renamed(&format!("pools of {pool}"))
    }

    /// A copy in which each admitted call takes `factor` times as long.
    #[must_use]
    pub fn with_service_times(&self, factor: f64) -> Self {
        let mut changed = self.clone();
        for law in changed.laws.iter_mut() {
            *law = law.scaled(factor);
        }
        changed.renamed(&format!("service times × {factor}"))
    }

    /// A copy in which `integration` answers webhooks.
    #[must_use]
    pub fn with_integration(&self, integration: WireIntegration) -> Self {
        let calls = integration.calls;
        Self { integration: Some(integration), ..self.clone() }
            .renamed(&format!("{calls} calls per webhook"))
    }

    /// Named after the change, so that its digest differs.
    fn renamed(mut self, change: &str) -> Self {
        self.name = format!("{}, {change}", self.name);
        let meaning = format!("{}, {change}", self.digest);
        blake3::hash(meaning.as_bytes()).to_hex()[..16].clone_into(&mut self.digest);
        self
    }

    /// The built-in name, or the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sixteen hex digits over its limits, laws and faults: equal digests, equal behaviour.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Description, one sentence.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Limits.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Calls in flight that the limit of `endpoint` admits; `None` admits all.
    pub const fn pool(&self, endpoint: Endpoint) -> Option<u32> {
        self.limits.pools[endpoint.index()]
    }

    /// Calls a second that the limit of `endpoint` admits; `None` admits all.
    pub const fn per_second(&self, endpoint: Endpoint) -> Option<u32> {
        self.limits.per_second[endpoint.index()]
    }

    /// Response time of a refusal.
    pub const fn reject_after(&self) -> Duration {
        self.limits.reject_after
    }

    /// Undocumented behaviour.
    pub const fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Other users at work; `None` if there are none.
    pub const fn staff(&self) -> Option<&WireStaff> {
        self.staff.as_ref()
    }

    /// Integrations that answer webhooks; `None` if there are none.
    pub const fn integration(&self) -> Option<&WireIntegration> {
        self.integration.as_ref()
    }

    /// Observations that the profile was fitted to; `None` for a profile written by hand, and for one
    /// that was changed since it was fitted.
    pub fn evidence(&self) -> Option<&WireEvidence> {
        self.evidence.as_deref().filter(|evidence| evidence.digest == self.digest)
    }

    /// True if the profile holds observations that it was not fitted to, being changed since.
    pub fn is_changed_since_fitted(&self) -> bool {
        self.evidence.is_some() && self.evidence().is_none()
    }

    /// Service-time law of `endpoint` for a call alone in flight.
    pub fn law(&self, endpoint: Endpoint) -> &Law {
        &self.laws[endpoint.index()]
    }

    /// Growth of service times with the calls in flight; `None` without growth.
    pub const fn congestion(&self) -> Option<&Congestion> {
        self.congestion.as_ref()
    }

    /// Fault tables.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

/// A digest over the meaning of a file: comments, the description, the evidence and members at their
/// default do not count, so that a new member changes no digest.
fn digest(wire: &WireProfile, side: &[String]) -> String {
    let WireProfile { limits, service, behaviour, faults, staff, integration, .. } = wire;
    let is_plain = *behaviour == Behaviour::default()
        && faults.is_empty()
        && side.is_empty()
        && staff.is_none();
    let meaning = if integration.is_some() {
        serde_json::to_vec(&(limits, service, behaviour, faults, side, staff, integration))
    } else if is_plain {
        serde_json::to_vec(&(limits, service))
    } else {
        serde_json::to_vec(&(limits, service, behaviour, faults, side, staff))
    };
    blake3::hash(&meaning.expect("plain data")).to_hex()[..16].to_owned()
}

/// `value` of `member`, if it lies within `bounds`.
fn within<T: Copy + PartialOrd + fmt::Debug>(
    bounds: &Bounds<T>,
    value: T,
    member: impl FnOnce() -> Member,
) -> Result<T, ProfileError> {
    bounds.check(value).map_err(|source| ProfileError::Bounds { member: member(), source })
}

fn no_side_files(_file: &str) -> Result<Vec<u8>, String> {
    Err("this profile was read as a text without a folder".to_owned())
}

/// The endpoint of that name, which `member` gives.
fn endpoint(name: &str, member: &Member) -> Result<Endpoint, ProfileError> {
    Endpoint::from_name(name).ok_or_else(|| {
        let known = Endpoint::ALL.map(|endpoint| format!("`{}`", endpoint.name())).join(", ");
        ProfileError::UnknownEndpoint { member: member.clone(), known }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> &'static str {
        BUILT_IN.iter().find(|(known, _)| *known == name).unwrap().1
    }

    #[test]
    fn built_in_profiles_are_valid_and_described() {
        for (name, _) in BUILT_IN {
            let profile = Profile::built_in(name).unwrap();
            assert!(!profile.description().is_empty(), "{name}");
            assert_eq!(profile.digest().len(), 16);
        }
    }

    #[test]
    fn another_pool_leaves_the_searches_as_they_are() {
        let documented = Profile::built_in("documented").unwrap();
        let ten = documented.with_pool(std::num::NonZeroU32::new(10).unwrap());
        let pools = [Endpoint::GetAccount, Endpoint::PatchAccount, Endpoint::SearchAccounts];
        assert_eq!(pools.map(|endpoint| ten.pool(endpoint)), [Some(10), Some(10), Some(1)]);
        let slow = documented.with_service_times(2.0);
        let mean = |profile: &Profile| profile.law(Endpoint::GetAccount).mean();
        assert_eq!(mean(&slow).as_millis() / mean(&documented).as_millis(), 2);
        let digests = [documented.digest(), ten.digest(), slow.digest()];
        assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2]);
        assert_eq!(ten.name(), "documented, pools of 10");
    }

    #[test]
    fn documented_is_what_the_limits_page_says() {
        let profile = Profile::built_in("documented").unwrap();
        assert_eq!(profile.pool(Endpoint::GetAccount), Some(5));
        assert_eq!(profile.pool(Endpoint::SearchAccounts), Some(1));
        assert_eq!(profile.reject_after(), Duration::from_millis(30));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let constant = text("constant");
        let error = |text: &str| Profile::from_toml("p.toml", text).unwrap_err().to_string();
        let bare = error(&constant.replace("\"200ms\"", "200"));
        assert!(bare.contains("p.toml, line") && bare.contains("with its unit"), "{bare}");
        let unknown = error(&constant.replace("reject_after", "reject_afte"));
        assert!(unknown.contains("unknown field `reject_afte`"), "{unknown}");
        let pool = error(&constant.replace("pool = 5", "pool = 0"));
        assert!(pool.contains("p.toml, line") && pool.contains("limits.pool = 0"), "{pool}");
        let endpoint = error(&constant.replace("POST /accounts/search", "POST /account/search"));
        assert!(endpoint.contains("line") && endpoint.contains("endpoints are"), "{endpoint}");
        let figures = error(&constant.replace("time = \"200ms\"", "median = \"200ms\""));
        assert!(figures.contains("service.get: law Constant takes time"), "{figures}");
        assert!(figures.contains("p.toml, line"), "{figures}");
    }

    #[test]
    fn comments_do_not_change_the_digest_and_figures_do() {
        let constant = text("constant");
        let digest = |text: &str| Profile::from_toml("x", text).unwrap().digest().to_owned();
        assert_eq!(digest(constant), digest(&format!("# note\n{constant}")));
        assert_ne!(digest(constant), digest(&constant.replace("200ms", "201ms")));
    }

    /// Each figure of each section, with values that no run could carry out.
    #[test]
    fn figures_out_of_bounds_are_named_with_what_is_allowed() {
        let error = |section: &str| {
            let text = format!("{}\n{section}\n", text("constant"));
            Profile::from_toml("p.toml", &text).unwrap_err().to_string()
        };
        let rates = ["1e-12", "5e-324", "1e308", "0.0", "-1.0", "nan", "inf"];
        let rates = rates.map(|it| (format!("[staff]\nedits_per_s = {it}"), "staff.edits_per_s"));
        let skews = ["-1.0", "nan", "inf", "1e308"];
        let skews =
            skews.map(|it| (format!("[staff]\nedits_per_s = 1.0\nskew = {it}"), "staff.skew"));
        let think = "[staff]\nedits_per_s = 1.0\nthink = \"200000years\"".to_owned();
        let others = [
            (think, "staff.think"),
            ("[behaviour]\nsearch_lag = \"600years\"".to_owned(), "behaviour.search_lag"),
            ("[behaviour]\ntimeout_hold = \"2days\"".to_owned(), "behaviour.timeout_hold"),
            ("[[faults]]\nkind = \"timeout\"\nshare = nan".to_owned(), "faults[0].share"),
            ("[[faults]]\nkind = \"timeout\"\npoison = 1e308".to_owned(), "faults[0].poison"),
            ("[[faults]]\nkind = \"timeout\"\nfrom = \"600years\"".to_owned(), "faults[0].from"),
            ("[service.congestion]\ncontention = inf".to_owned(), "service.congestion"),
        ];
        for (section, member) in rates.into_iter().chain(skews).chain(others) {
            let said = error(&section);
            assert!(said.contains("p.toml, line ") && said.contains(member), "{section}: {said}");
            let names_the_range = said.contains("expected ") || said.contains("from 0 to 1");
            assert!(names_the_range, "{section}: {said}");
        }
    }
}
