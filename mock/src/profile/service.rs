//! `[service]` of a profile.

use super::{ProfileError, SideFiles};
use crate::api::{Class, Endpoint};
use crate::bounds::TIME;
use crate::file::{DurationText, Member};
use crate::service::{Buckets, Congestion, Law};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Service-time laws by class of call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireService {
    /// Law of reads: one account, or a list of them.
    pub get: WireLaw,
    /// Law of writes of changed fields.
    pub patch: WireLaw,
    /// Law of writes of whole accounts, new ones included.
    pub put: WireLaw,
    /// Law of searches.
    pub search: WireLaw,
    /// Law of look-ups: field definitions and other lists.
    pub metadata: WireLaw,
    /// Other laws for single endpoints, by verb and path template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, WireLaw>,
    /// Growth of service times with the calls in flight; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub congestion: Option<WireCongestion>,
}

/// A law of service times, with its parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireLaw {
    /// Name of the law; it takes the members that its line names, and no others.
    pub law: LawName,
    /// The one service time of `constant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DurationText>,
    /// Least service time of `uniform`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<DurationText>,
    /// Greatest service time of `uniform`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<DurationText>,
    /// Median of `log-normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<DurationText>,
    /// 99th percentile of `log-normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<DurationText>,
    /// Greatest service time of `log-normal`, in place of every longer one; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<DurationText>,
    /// Service times of `empirical`, each equally likely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Vec<DurationText>>,
    /// File with the service times of `empirical`: an HDR interval log in ns (`.hlog`), or a table
    /// `service_ms,count` (`.csv`); relative to the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
}

impl WireLaw {
    /// Name of `law`.
    pub fn named(law: LawName) -> Self {
        Self { law, ..Self::default() }
    }
}

/// The laws that a file can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LawName {
    /// Always `time`.
    #[default]
    Constant,
    /// Between `low` and `high`.
    Uniform,
    /// Log-normal with `median` and `p99`, and a tail that may end at `max`.
    LogNormal,
    /// Any of `samples`, or the times in the file `histogram`.
    Empirical,
}

impl LawName {
    const fn figures(self) -> &'static str {
        match self {
            Self::Constant => "time",
            Self::Uniform => "low, high",
            Self::LogNormal => "median, p99, perhaps max",
            Self::Empirical => "either samples or histogram",
        }
    }
}

/// Growth of service times with the calls in flight: the universal scalability law.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireCongestion {
    /// Contention: the share of a call spent waiting for others, from 0 to 1.
    #[serde(default)]
    pub contention: f64,
    /// Coherency: the cost of each call to all others, from 0 to 1.
    #[serde(default)]
    pub coherency: f64,
}

/// The laws of a profile, checked.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) laws: [Law; Endpoint::ALL.len()],
    pub(super) congestion: Option<Congestion>,
}

/// Checks the section; `side` reads the files that it names.
pub(super) fn service(
    wire: &WireService,
    side: &mut SideFiles<'_>,
) -> Result<Service, ProfileError> {
    let top = || Member::top("service");
    let mut classes = Vec::with_capacity(Class::ALL.len());
    for class in Class::ALL {
        let wire = match class {
            Class::Get => &wire.get,
            Class::Patch => &wire.patch,
            Class::Put => &wire.put,
            Class::Search => &wire.search,
            Class::Metadata => &wire.metadata,
        };
        classes.push(law(top().key(class.name()), wire, side)?);
    }
    let mut laws = Endpoint::ALL.map(|endpoint| classes[endpoint.class() as usize].clone());
    for (endpoint, wire) in &wire.endpoints {
        let member = top().key("endpoints").key(endpoint);
        let known = super::endpoint(endpoint, &member)?;
        laws[known.index()] = law(member, wire, side)?;
    }
    let congestion = match wire.congestion {
        None => None,
        Some(WireCongestion { contention, coherency }) => Congestion::new(contention, coherency)
            .map_err(|source| ProfileError::Law { member: top().key("congestion"), source })?,
    };
    Ok(Service { laws, congestion })
}

fn law(member: Member, wire: &WireLaw, side: &mut SideFiles<'_>) -> Result<Law, ProfileError> {
    let WireLaw { law, time, low, high, median, p99, max, samples, histogram } = wire;
    let figures = [("time", time), ("low", low), ("high", high), ("median", median)];
    let figures = figures.into_iter().chain([("p99", p99), ("max", max)]);
    let samples_of = samples.iter().flatten().map(|text| ("samples", text));
    let times = figures.filter_map(|(name, text)| Some((name, text.as_ref()?)));
    for (name, text) in times.chain(samples_of) {
        super::within(&TIME, text.0, || member.clone().key(name))?;
    }
    if max.is_some() && *law != LawName::LogNormal {
        return Err(ProfileError::Figures { member, law: *law, expected: law.figures() });
    }
    let built = match (law, time, (low, high), (median, p99), (samples, histogram)) {
        (LawName::Constant, Some(time), (None, None), (None, None), (None, None)) => {
            Ok(Law::constant(time.0))
        }
        (LawName::Uniform, None, (Some(low), Some(high)), (None, None), (None, None)) => {
            Law::uniform(low.0, high.0)
        }
        (LawName::LogNormal, None, (None, None), (Some(median), Some(p99)), (None, None)) => {
            let law = Law::log_normal(median.0, p99.0);
            law.and_then(|law| max.map_or(Ok(law.clone()), |max| law.capped(max.0)))
        }
        (LawName::Empirical, None, (None, None), (None, None), (Some(samples), None)) => {
            Law::empirical(&samples.iter().map(|text| text.0).collect::<Vec<_>>())
        }
        (LawName::Empirical, None, (None, None), (None, None), (None, Some(file))) => {
            let member = member.key("histogram");
            let bytes = side.read(file, &member)?;
            return match Buckets::read(file, &bytes) {
                Ok(buckets) => Ok(Law::histogram(buckets)),
                Err(source) => Err(ProfileError::Histogram { member, file: file.clone(), source }),
            };
        }
        _ => return Err(ProfileError::Figures { member, law: *law, expected: law.figures() }),
    };
    built.map_err(|source| ProfileError::Law { member, source })
}
