//! Profiles: how the mock limits and delays. [`WireProfile`] mirrors the TOML file, [`Profile`] is
//! what passed the checks.

use crate::api::{Class, Endpoint};
use crate::behaviour::Behaviour;
use crate::file::{DurationText, FileError, Member};
use crate::service::{Law, LawError};
use crate::staff::{StaffError, StaffSettings, WireStaff};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The built-in profiles: name and commented TOML.
pub const BUILT_IN: [(&str, &str); 7] = [
    ("documented", include_str!("../profiles/documented.toml")),
    ("constant", include_str!("../profiles/constant.toml")),
    ("unlimited", include_str!("../profiles/unlimited.toml")),
    ("staff", include_str!("../profiles/staff.toml")),
    ("guide-1", include_str!("../profiles/guide-1.toml")),
    ("guide-2", include_str!("../profiles/guide-2.toml")),
    ("guide-3", include_str!("../profiles/guide-3.toml")),
];

/// A profile as its file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireProfile {
    /// Version of the form: 1.
    pub schema: u32,
    /// What it stands for.
    #[serde(default)]
    pub description: String,
    /// What is admitted.
    #[serde(default)]
    pub limits: WireLimits,
    /// How long an admitted call takes, by class.
    pub service: WireService,
    /// What Neon does where nobody knows.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Other users at work; none leaves the organisation to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<WireStaff>,
}

/// What is admitted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireLimits {
    /// Calls in flight that each endpoint admits; none admits all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<u32>,
    /// Other pools for single endpoints, by verb and path template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, u32>,
    /// How long a refusal takes.
    #[serde(default)]
    pub reject_after: DurationText,
}

/// Service-time laws by class of endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "one member a class")]
pub struct WireService {
    pub get: WireLaw,
    pub patch: WireLaw,
    pub put: WireLaw,
    pub search: WireLaw,
    pub metadata: WireLaw,
}

/// A service-time law as the file has it: which, and its figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the figures of the law that `law` names")]
pub struct WireLaw {
    pub law: LawName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DurationText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<DurationText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<DurationText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<DurationText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<DurationText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Vec<DurationText>>,
}

/// The laws that a file can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LawName {
    /// Always `time`.
    Constant,
    /// Between `low` and `high`.
    Uniform,
    /// Log-normal with `median` and `p99`.
    LogNormal,
    /// Any of `samples`.
    Empirical,
}

impl LawName {
    const fn figures(self) -> &'static str {
        match self {
            Self::Constant => "time",
            Self::Uniform => "low, high",
            Self::LogNormal => "median, p99",
            Self::Empirical => "samples",
        }
    }
}

/// Settings that make no profile.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ProfileError {
    #[error("schema = {0}: this version reads schema 1")]
    Schema(u32),
    #[error("{member} = 0: a pool has at least one slot")]
    EmptyPool { member: Member },
    #[error("{member}: there is no endpoint of that name; the endpoints are {known}")]
    UnknownEndpoint { member: Member, known: String },
    #[error("{member}: law {law:?} takes {expected} and nothing else")]
    Figures { member: Member, law: LawName, expected: &'static str },
    #[error("{member}: {source}")]
    Law { member: Member, source: LawError },
    #[error("staff.{0}")]
    Staff(#[from] StaffError),
}

impl ProfileError {
    /// Where the file says it.
    pub fn member(&self) -> Member {
        match self {
            Self::Schema(_) => Member::top("schema"),
            Self::Staff(error) => Member::top("staff").key(error.member()),
            Self::EmptyPool { member }
            | Self::UnknownEndpoint { member, .. }
            | Self::Figures { member, .. }
            | Self::Law { member, .. } => member.clone(),
        }
    }
}

/// How the mock limits and delays, checked.
#[derive(Clone, Debug)]
pub struct Profile {
    name: String,
    digest: String,
    description: String,
    pools: [Option<u32>; Endpoint::ALL.len()],
    reject_after: Duration,
    service: [Law; Class::ALL.len()],
    behaviour: Behaviour,
    staff: Option<StaffSettings>,
}

impl Profile {
    /// The built-in profile of that name. `None`: no such name; see [`BUILT_IN`].
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::from_toml(name, text).expect("a built-in profile is valid"))
    }

    /// Reads a profile file's `text`; `origin` names it in errors and records.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, FileError> {
        let wire: WireProfile =
            toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))?;
        Self::try_from_wire(origin, &wire)
            .map_err(|error| FileError::member(origin, text, &error.member(), error))
    }

    /// Checks what a file says.
    pub fn try_from_wire(name: &str, wire: &WireProfile) -> Result<Self, ProfileError> {
        if wire.schema != 1 {
            return Err(ProfileError::Schema(wire.schema));
        }
        let limits = || Member::top("limits");
        let mut pools = [wire.limits.pool; Endpoint::ALL.len()];
        if wire.limits.pool == Some(0) {
            return Err(ProfileError::EmptyPool { member: limits().key("pool") });
        }
        for (endpoint, &pool) in &wire.limits.endpoints {
            let member = limits().key("endpoints").key(endpoint);
            let Some(known) = Endpoint::from_name(endpoint) else {
                let known = Endpoint::ALL.map(|e| format!("`{}`", e.name())).join(", ");
                return Err(ProfileError::UnknownEndpoint { member, known });
            };
            if pool == 0 {
                return Err(ProfileError::EmptyPool { member });
            }
            pools[known.index()] = Some(pool);
        }
        let laws = [
            ("get", &wire.service.get),
            ("patch", &wire.service.patch),
            ("put", &wire.service.put),
            ("search", &wire.service.search),
            ("metadata", &wire.service.metadata),
        ];
        let mut service = Vec::with_capacity(laws.len());
        for (class, wire) in laws {
            service.push(law(class, wire)?);
        }
        let staff = wire.staff.as_ref().map(StaffSettings::try_from_wire).transpose()?;
        // The digest is over what the file means: comments and the description do not count.
        let meaning = (&wire.limits, &wire.service, &wire.behaviour, &wire.staff);
        let meaning = serde_json::to_vec(&meaning).expect("plain data");
        Ok(Self {
            name: name.to_owned(),
            digest: blake3::hash(&meaning).to_hex()[..16].to_owned(),
            description: wire.description.clone(),
            pools,
            reject_after: wire.limits.reject_after.0,
            service: service.try_into().expect("one law a class"),
            behaviour: wire.behaviour,
            staff,
        })
    }

    /// The built-in name, or the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sixteen hex digits over its limits and laws: equal digests, equal behaviour.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What it stands for.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Calls in flight that `endpoint` admits; `None` admits all.
    pub const fn pool(&self, endpoint: Endpoint) -> Option<u32> {
        self.pools[endpoint.index()]
    }

    /// How long a refusal takes.
    pub const fn reject_after(&self) -> Duration {
        self.reject_after
    }

    /// What Neon does where nobody knows.
    pub const fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Other users at work; `None` if there are none.
    pub const fn staff(&self) -> Option<&StaffSettings> {
        self.staff.as_ref()
    }

    /// How long an admitted call of `class` takes.
    pub const fn law(&self, class: Class) -> &Law {
        &self.service[class as usize]
    }
}

fn law(class: &str, wire: &WireLaw) -> Result<Law, ProfileError> {
    let member = Member::top("service").key(class);
    let WireLaw { law, time, low, high, median, p99, samples } = wire;
    let built = match (law, time, (low, high), (median, p99), samples) {
        (LawName::Constant, Some(time), (None, None), (None, None), None) => {
            Ok(Law::constant(time.0))
        }
        (LawName::Uniform, None, (Some(low), Some(high)), (None, None), None) => {
            Law::uniform(low.0, high.0)
        }
        (LawName::LogNormal, None, (None, None), (Some(median), Some(p99)), None) => {
            Law::log_normal(median.0, p99.0)
        }
        (LawName::Empirical, None, (None, None), (None, None), Some(samples)) => {
            Law::empirical(&samples.iter().map(|text| text.0).collect::<Vec<_>>())
        }
        _ => return Err(ProfileError::Figures { member, law: *law, expected: law.figures() }),
    };
    built.map_err(|source| ProfileError::Law { member, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_profiles_are_valid_and_described() {
        for (name, _) in BUILT_IN {
            let profile = Profile::built_in(name).unwrap();
            assert!(!profile.description().is_empty(), "{name}");
            assert_eq!(profile.digest().len(), 16);
        }
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
        let constant = BUILT_IN[1].1;
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
        let constant = BUILT_IN[1].1;
        let digest = |text: &str| Profile::from_toml("x", text).unwrap().digest().to_owned();
        assert_eq!(digest(constant), digest(&format!("# note\n{constant}")));
        assert_ne!(digest(constant), digest(&constant.replace("200ms", "201ms")));
    }
}
