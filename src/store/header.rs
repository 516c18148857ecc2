//! What is kept of a run before its first call: enough for another process to go on with it.

use neon_mock::api::AccountId;
use neon_mock::file::FileError;
use neon_mock::profile::{BUILT_IN, Profile};
use neonbench_engine::engine::Settings;
use neonbench_engine::plan::Plan;
use neonbench_engine::record::ChosenBy;
use neonbench_engine::scenario::{DatasetSource, Scenario, ScenarioError, Workload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the header's form.
const SCHEMA: u32 = 1;

/// The text that a profile was read from, and the files that it named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileText {
    /// Its name in records.
    pub origin: String,
    /// The TOML.
    pub text: String,
    /// What the files hold that it names, by the names that it has for them.
    pub beside: BTreeMap<String, Vec<u8>>,
}

impl ProfileText {
    /// The built-in profile of that name.
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        let text = (*text).to_owned();
        Some(Self { origin: name.to_owned(), text, beside: BTreeMap::new() })
    }

    /// Reads it.
    pub fn load(&self) -> Result<Profile, FileError> {
        let mut side =
            |file: &str| self.beside.get(file).cloned().ok_or_else(|| "it was not kept".to_owned());
        Profile::from_toml_with(&self.origin, &self.text, &mut side)
    }
}

/// Where a run happens. Never the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Site {
    /// In virtual time: its organisation ends with its process.
    Virtual,
    /// Over HTTP, against a mock that was started for it: so does that one.
    EmbeddedHttp,
    /// Over HTTP, against someone else's server.
    ForeignHttp {
        /// The address with its base path.
        base_url: String,
        /// The organisation.
        org_id: String,
    },
}

/// What is kept of a run before its first call.
#[derive(Clone, Debug)]
pub struct Header {
    /// The scenario's name in records.
    pub scenario: String,
    /// What is migrated. The accounts are kept beside the header.
    pub plan: Plan,
    /// Accounts of the organisation.
    pub accounts: u64,
    /// The dataset; `None` where it is made for the plan.
    pub dataset: Option<DatasetSource>,
    /// Limits and service times.
    pub profile: ProfileText,
    /// How the calls are made.
    pub settings: Settings,
    /// Who chose the strategy.
    pub chosen_by: ChosenBy,
    /// Why.
    pub reason: String,
    /// Where.
    pub site: Site,
}

/// A header as the store has it. The plan is in the form of a plan file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHeader {
    schema: u32,
    scenario: String,
    plan_toml: String,
    accounts: u64,
    dataset: Option<DatasetSource>,
    profile: ProfileText,
    settings: Settings,
    chosen_by: ChosenBy,
    reason: String,
    site: Site,
}

/// A header that cannot be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum HeaderError {
    #[error("schema = {0}: this version reads schema {SCHEMA}")]
    Schema(u32),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Plan(#[from] FileError),
}

impl Header {
    /// The scenario that the run was ordered with, for `ids`; without them, for those that the
    /// plan selects.
    pub fn scenario(&self, ids: Option<Vec<AccountId>>) -> Result<Scenario, ScenarioError> {
        Scenario::new(Workload {
            name: Some(self.scenario.clone()),
            plan: Some(self.plan.clone()),
            dataset: self.dataset.clone(),
            profile: Some(self.profile.load()?),
            resources: Some(self.accounts),
            mappings: None,
            ids,
            sample: None,
        })
    }

    pub(super) fn to_json(&self) -> String {
        let Self { scenario, plan, accounts, dataset, profile, settings, chosen_by, reason, site } =
            self.clone();
        let wire = WireHeader {
            schema: SCHEMA,
            scenario,
            plan_toml: plan.to_toml(),
            accounts,
            dataset,
            profile,
            settings,
            chosen_by,
            reason,
            site,
        };
        serde_json::to_string(&wire).expect("headers are JSON")
    }

    /// Reads what [`to_json`](Self::to_json) wrote of run `id`.
    pub(super) fn from_json(id: i64, json: &str) -> Result<Self, HeaderError> {
        let wire: WireHeader = serde_json::from_str(json)?;
        if wire.schema != SCHEMA {
            return Err(HeaderError::Schema(wire.schema));
        }
        let plan = Plan::from_toml(&format!("plan of run {id}"), &wire.plan_toml)?;
        Ok(Self {
            scenario: wire.scenario,
            plan,
            accounts: wire.accounts,
            dataset: wire.dataset,
            profile: wire.profile,
            settings: wire.settings,
            chosen_by: wire.chosen_by,
            reason: wire.reason,
            site: wire.site,
        })
    }
}
