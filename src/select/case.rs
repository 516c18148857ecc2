//! Scenarios that selectors are fitted to and judged on: read from a file, or drawn from a seed.

mod draw;

pub use draw::draw;

use neon_mock::file::{FileError, Member};
use neon_mock::limit::Scope;
use neon_mock::profile::{BUILT_IN, LawName, Profile, ProfileError, WireProfile};
use neonbench_engine::scenario::{DatasetSource, Scenario, ScenarioError, Workload};
use serde::{Deserialize, Serialize};

neon_mock::named! {
    /// The difficulty that a scenario poses.
    #[derive(schemars::JsonSchema)]
    pub enum Family {
        /// Pools of calls in flight, and nothing else.
        Pools = "pools",
        /// Calls counted by the second, and nothing else.
        Windows = "windows",
        /// Both.
        Mixed = "mixed",
        /// A limit that several endpoints share.
        Scope = "scope",
        /// Service times that grow with the calls in flight.
        Congested = "congested",
        /// Calls that fail.
        Faults = "faults",
        /// Other users at work.
        Staff = "staff",
    }
}

impl Family {
    /// The family of a profile: the hardest thing about it.
    pub fn of(profile: &Profile) -> Self {
        let limits = profile.limits();
        let has = |limit: &[Option<u32>]| limit.iter().any(Option::is_some);
        let (pools, windows) = (has(&limits.pools), has(&limits.per_second));
        if profile.staff().is_some() {
            Self::Staff
        } else if !profile.faults().is_empty() {
            Self::Faults
        } else if profile.congestion().is_some() {
            Self::Congested
        } else if limits.scope != Scope::Endpoint && (pools || windows) {
            Self::Scope
        } else if pools && windows {
            Self::Mixed
        } else if windows {
            Self::Windows
        } else {
            Self::Pools
        }
    }
}

/// A scenario with its family.
#[derive(Clone, Debug)]
pub struct SelectorCase {
    /// Its difficulty.
    pub family: Family,
    /// The law of its reads, where its file of cases says.
    pub law: Option<LawName>,
    /// True if its profile is a built-in one.
    pub is_built_in: bool,
    /// The scenario.
    pub scenario: Scenario,
}

impl SelectorCase {
    /// A scenario, with the family that its profile says.
    pub fn new(scenario: Scenario) -> Self {
        let is_built_in = BUILT_IN.iter().any(|(name, _)| *name == scenario.profile.name());
        Self { family: Family::of(&scenario.profile), law: None, is_built_in, scenario }
    }
}

/// A case as its file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the members are those of a scenario file")]
pub struct WireSelectorCase {
    pub name: String,
    pub resources: u64,
    pub mappings: u32,
    pub dataset: String,
    pub profile: WireProfile,
}

/// A file of cases.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCases {
    schema: u32,
    scenarios: Vec<WireSelectorCase>,
}

/// Cases that are none.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum CaseError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("scenario {name}: {source}")]
    Profile { name: String, source: ProfileError },
    #[error("scenario {name}: {source}")]
    Scenario { name: String, source: ScenarioError },
}

impl WireSelectorCase {
    /// Checks it.
    pub fn case(&self) -> Result<SelectorCase, CaseError> {
        let name = || self.name.clone();
        let profile = Profile::try_from_wire(&self.name, &self.profile)
            .map_err(|source| CaseError::Profile { name: name(), source })?;
        let workload = Workload {
            name: Some(name()),
            dataset: Some(DatasetSource::BuiltIn(self.dataset.clone())),
            profile: Some(profile),
            resources: Some(self.resources),
            mappings: Some(self.mappings),
            ..Workload::default()
        };
        let scenario = Scenario::new(workload)
            .map_err(|source| CaseError::Scenario { name: name(), source })?;
        Ok(SelectorCase { law: Some(self.profile.service.get.law), ..SelectorCase::new(scenario) })
    }
}

/// Sizes of the built-in profiles' cases: accounts and mappings.
const BUILT_IN_SIZES: [(u64, u32); 2] = [(20, 3), (500, 8)];

/// Every built-in profile in two sizes: the rest of the held-out set.
pub fn built_in() -> Vec<SelectorCase> {
    let case = |(name, (resources, mappings)): (&str, (u64, u32))| {
        let workload = Workload {
            name: Some(format!("{name}-{resources}x{mappings}")),
            profile: Profile::built_in(name),
            resources: Some(resources),
            mappings: Some(mappings),
            ..Workload::default()
        };
        SelectorCase::new(Scenario::new(workload).expect("a built-in profile makes a scenario"))
    };
    let sizes = |(name, _)| BUILT_IN_SIZES.map(|size| (name, size));
    BUILT_IN.into_iter().flat_map(sizes).map(case).collect()
}

/// The set that selectors are judged on by default: what was drawn, and the built-in profiles.
pub fn held_out() -> Vec<SelectorCase> {
    let mut cases = read("the held-out set", HELD_OUT).expect("the shipped set is valid");
    cases.extend(built_in());
    cases
}

/// Of the held-out scenarios of so many accounts at most, one in so many is judged by a calibration and a report;
/// `evaluate` judges all.
const SAMPLE_ACCOUNTS: u64 = 100;
pub const SAMPLE: usize = 5;

/// The sample of the held-out set that a calibration and a report judge.
pub fn held_out_sample() -> Vec<SelectorCase> {
    let mut cases = held_out();
    cases.retain(|case| case.scenario.expected_resources() <= SAMPLE_ACCOUNTS);
    cases.into_iter().skip(1).step_by(SAMPLE).collect()
}

/// The set that selectors are fitted to by default.
pub const QUICK: &str = include_str!("case/quick.toml");

/// The drawn part of the set that they are judged on, which no fit ever sees.
pub const HELD_OUT: &str = include_str!("case/held-out.toml");

fn parse(origin: &str, text: &str) -> Result<WireCases, FileError> {
    toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))
}

/// Reads a file of cases; `origin` names it in errors.
pub fn read(origin: &str, text: &str) -> Result<Vec<SelectorCase>, CaseError> {
    let wire = parse(origin, text)?;
    if wire.schema != 1 {
        let reason = format!("schema = {}: this version reads schema 1", wire.schema);
        return Err(FileError::member(origin, text, &Member::top("schema"), reason).into());
    }
    wire.scenarios.iter().map(WireSelectorCase::case).collect()
}

/// The cases of a file as files of their own: a scenario and its profile each, by name.
pub fn files(origin: &str, text: &str) -> Result<Vec<(String, String)>, FileError> {
    let mut files = Vec::new();
    for case in parse(origin, text)?.scenarios {
        let WireSelectorCase { name, resources, mappings, dataset, profile } = case;
        let scenario = format!(
            "schema = 1\nresources = {resources}\nmappings = {mappings}\ndataset = \"{dataset}\"\n\
             profile = \"{name}.profile.toml\"\n"
        );
        files.push((format!("{name}.toml"), scenario));
        let profile = toml::to_string(&profile).expect("plain data");
        files.push((format!("{name}.profile.toml"), profile));
    }
    Ok(files)
}

/// The text of a file of cases.
pub fn write(scenarios: Vec<WireSelectorCase>) -> String {
    toml::to_string(&WireCases { schema: 1, scenarios }).expect("plain data")
}
