//! The specification of a run, stored before its first call: enough for another process to resume it.

use neon_mock::api::AccountId;
use neon_mock::file::FileError;
use neon_mock::profile::{BUILT_IN, Profile};
use neonbench_engine::engine::Settings;
use neonbench_engine::plan::Plan;
use neonbench_engine::record::ChosenBy;
use neonbench_engine::scenario::{DatasetSource, Scenario, ScenarioError, Workload};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// The text that a profile was read from, with the files that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileText {
    /// Its name in records.
    pub origin: String,
    /// The TOML.
    pub text: String,
    /// Contents of the files that it names, by these names.
    pub beside: BTreeMap<String, Vec<u8>>,
}

impl ProfileText {
    /// The built-in profile of that name.
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        let text = (*text).to_owned();
        Some(Self { origin: name.to_owned(), text, beside: BTreeMap::new() })
    }

    /// Parses the profile.
    ///
    /// Errors: the text is not a valid profile, or names a file that was not stored.
    pub fn load(&self) -> Result<Profile, FileError> {
        let mut side =
            |file: &str| self.beside.get(file).cloned().ok_or_else(|| "it was not kept".to_owned());
        Profile::from_toml_with(&self.origin, &self.text, &mut side)
    }
}

/// The world and target of a run, without the API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Site {
    /// In virtual time: the organisation ends with the process.
    Virtual,
    /// Over HTTP, against an embedded mock, which ends with the process too.
    EmbeddedHttp,
    /// Over HTTP, against a remote server.
    ForeignHttp {
        /// Address with its base path.
        base_url: String,
        /// Organisation id.
        org_id: String,
    },
}

impl Site {
    /// Address and organisation of a remote server, alike for addresses that mean one server.
    pub(super) fn server(&self) -> Option<(String, String)> {
        let Self::ForeignHttp { base_url, org_id } = self else { return None };
        let address = base_url.trim_end_matches('/');
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut host = host.to_ascii_lowercase();
        for (name, address) in [("localhost", "127.0.0.1"), ("[::1]", "127.0.0.1")] {
            if let Some(port) =
                host.strip_prefix(name).filter(|it| matches!(it.get(..1), None | Some(":")))
            {
                host = format!("{address}{port}");
            }
        }
        let scheme = scheme.to_ascii_lowercase();
        let port = if scheme == "https" { ":443" } else { ":80" };
        let host = host.strip_suffix(port).unwrap_or(&host);
        Some((format!("{scheme}://{host}/{path}"), org_id.clone()))
    }
}

/// The specification of a run. It is stored as JSON, with the plan in the form of a plan file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the form: [`Header::SCHEMA`].
    pub schema: u32,
    /// Name of the scenario in records.
    pub scenario: String,
    /// The plan. The accounts are stored beside the header.
    #[serde(rename = "plan_toml", serialize_with = "to_toml", deserialize_with = "from_toml")]
    pub plan: Plan,
    /// Number of accounts of the organisation.
    pub accounts: u64,
    /// The most accounts of the plan's filter that are taken, the first by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
    /// The dataset; none if it is made for the plan.
    pub dataset: Option<DatasetSource>,
    /// Limits and service times.
    pub profile: ProfileText,
    /// Settings of the engine.
    pub settings: Settings,
    /// Origin of the strategy: user or selector.
    pub chosen_by: ChosenBy,
    /// Reason for the strategy.
    pub reason: String,
    /// World and target.
    pub site: Site,
}

/// The reasons why a header cannot be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum HeaderError {
    #[error("schema = {0}: this version reads schema {known}", known = Header::SCHEMA)]
    Schema(u32),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

fn to_toml<S: Serializer>(plan: &Plan, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&plan.to_toml())
}

fn from_toml<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Plan, D::Error> {
    let text = String::deserialize(deserializer)?;
    Plan::from_toml("the stored plan", &text).map_err(D::Error::custom)
}

impl Header {
    /// Version of the form.
    pub const SCHEMA: u32 = 1;

    /// The scenario of the run, for `ids`; without them, for the accounts that the plan selects.
    ///
    /// Errors: the profile cannot be parsed, or the parts do not make a scenario.
    pub fn scenario(&self, ids: Option<Vec<AccountId>>) -> Result<Scenario, ScenarioError> {
        Scenario::new(Workload {
            name: Some(self.scenario.clone()),
            plan: Some(self.plan.clone()),
            dataset: self.dataset.clone(),
            profile: Some(self.profile.load()?),
            resources: Some(self.accounts),
            mappings: None,
            sample: self.sample.filter(|_| ids.is_none()),
            ids,
            seed: Some(self.settings.seed),
            is_foreign: matches!(self.site, Site::ForeignHttp { .. }),
            is_served: false,
        })
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("headers are JSON")
    }

    /// Reads the output of [`to_json`](Self::to_json).
    ///
    /// Errors: it is not JSON, of another schema, or holds an invalid plan.
    pub(super) fn from_json(json: &str) -> Result<Self, HeaderError> {
        let header: Self = serde_json::from_str(json)?;
        if header.schema != Self::SCHEMA {
            return Err(HeaderError::Schema(header.schema));
        }
        Ok(header)
    }
}
