//! Scenarios: an organisation, its limits, and what to migrate in it.
//!
//! A [`Workload`] may leave things out; a [`Scenario`] is complete and checked. Plans, profiles and
//! datasets are read by the caller.

mod file;
mod organisation;

pub use file::{BUILT_IN, WireScenario};
pub use organisation::{sampled_texts, unmapped_warnings};

use crate::near::no_such;
use crate::plan::{Plan, PlanError, ResolvedPlan, Selection, repetition_warnings};
use neon_mock::Neon;
use neon_mock::api::{AccountId, Criterion, CustomField};
use neon_mock::bounds::{ACCOUNTS, Bounds, MAPPINGS, MISSING, OutOfBounds};
use neon_mock::dataset::Dataset;
use neon_mock::file::FileError;
use neon_mock::org::{Organisation, SearchError};
use neon_mock::profile::Profile;
use serde::{Deserialize, Serialize};

/// Accounts of a workload by default.
pub const DEFAULT_RESOURCES: u64 = 100;

/// The most accounts that an organisation has.
pub const MAX_ACCOUNTS: u64 = ACCOUNTS.most();

/// Accounts on which a filter is counted at most.
const COUNTED_ACCOUNTS: u64 = 200_000;

/// Mappings of a workload by default.
pub const DEFAULT_MAPPINGS: u32 = 3;

/// A dataset by its name: built in, or a file's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetSource {
    /// A built-in one.
    BuiltIn(String),
    /// A file.
    File {
        /// Name of the file, for errors.
        origin: String,
        /// Contents of the file.
        text: String,
    },
}

impl DatasetSource {
    fn name(&self) -> &str {
        match self {
            Self::BuiltIn(name) | Self::File { origin: name, .. } => name,
        }
    }

    /// Reads the dataset, with `mappings` fields for each `#` in it.
    ///
    /// Errors: [`ScenarioError`] if the name is unknown or the file is wrong.
    pub fn load(&self, mappings: u32) -> Result<Dataset, ScenarioError> {
        match self {
            Self::BuiltIn(name) => Dataset::built_in(name, mappings)
                .ok_or_else(|| ScenarioError::UnknownDataset(name.clone())),
            Self::File { origin, text } => Ok(Dataset::from_toml(origin, text, mappings)?),
        }
    }
}

/// A request for a scenario; what it leaves out is filled with defaults.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// A name for records; made from the figures if there is none.
    pub name: Option<String>,
    /// The plan; `None` maps each source of the dataset into its target.
    pub plan: Option<Plan>,
    /// The organisation; without one, `plain`, or one made for the plan.
    pub dataset: Option<DatasetSource>,
    /// Limits and service times; without them, `documented`.
    pub profile: Option<Profile>,
    /// Accounts of the organisation.
    pub resources: Option<u64>,
    /// Mappings of a workload without a plan.
    pub mappings: Option<u32>,
    /// The accounts to migrate; without them the plan's, or all.
    pub ids: Option<Vec<AccountId>>,
    /// Limits the run to the first accounts, this many.
    pub sample: Option<u64>,
    /// Seed of the organisation on which a filter's accounts are counted.
    pub seed: Option<u64>,
    /// True if a server decides about the filter: its fields need not be those of the dataset.
    pub is_foreign: bool,
    /// True for an organisation that is only served: without a plan, nothing is mapped.
    pub is_served: bool,
}

/// The workload makes no scenario.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ScenarioError {
    #[error("{}", no_such("dataset", .0, &neon_mock::dataset::BUILT_IN))]
    UnknownDataset(String),
    #[error("{}", no_such("profile", .0, &neon_mock::profile::BUILT_IN))]
    UnknownProfile(String),
    #[error("resources = 0: a run needs at least one account")]
    NoResources,
    #[error("mappings = 0: a run needs at least one mapping")]
    NoMappings,
    #[error("{0} accounts: an organisation has at most {MAX_ACCOUNTS}")]
    TooManyAccounts(u64),
    #[error("mappings {0}")]
    Mappings(OutOfBounds),
    #[error("{missing} of the ids are beyond the {accounts} accounts of the organisation: a simulation takes {}", MISSING.expected())]
    Missing { missing: u64, accounts: u64 },
    #[error("account {0} is listed twice")]
    Twice(AccountId),
    #[error("the plan's filter: {0}")]
    Filter(SearchError),
    #[error("sample = 0: a sample needs at least one account")]
    EmptySample,
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Accounts of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Resources {
    /// These, in this order.
    Ids(Vec<AccountId>),
    /// Accounts that meet every criterion.
    Search {
        /// The criteria.
        criteria: Vec<Criterion>,
        /// The most accounts to take, the first by id; `None` takes all.
        most: Option<u64>,
    },
}

/// An organisation, its limits, and what to migrate in it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name in records.
    pub name: String,
    /// The plan.
    pub plan: Plan,
    /// For which accounts.
    pub resources: Resources,
    /// Limits and service times.
    pub profile: Profile,
    /// Name of the dataset in records.
    pub dataset_name: String,
    dataset_source: Option<DatasetSource>,
    dataset: Dataset,
    accounts: u64,
    /// Accounts that the run is for, as far as they are known.
    selected: u64,
    warnings: Vec<String>,
    unmapped: Vec<String>,
}

/// Warnings about a plan for an organisation with `fields`.
fn warnings_of(plan: &Plan, fields: &[CustomField]) -> Result<Vec<String>, PlanError> {
    let task = ResolvedPlan::resolve(plan, fields)?;
    let mut warnings = task.warnings();
    if !task.is_repeatable() {
        warnings.extend(repetition_warnings(plan, fields));
    }
    Ok(warnings)
}

/// The accounts of `selection` in an organisation of `accounts`, at most `sample` of them, with at most `missing` that
/// it does not have.
fn selected(
    selection: Selection,
    accounts: u64,
    sample: Option<u64>,
    missing: Option<Bounds<u64>>,
) -> Result<Resources, ScenarioError> {
    let mut ids = match selection {
        Selection::All => (1..=accounts).map(AccountId).collect(),
        Selection::Ids(ids) => unique(ids)?,
        Selection::Filter(criteria) => return Ok(Resources::Search { criteria, most: sample }),
    };
    if let Some(sample) = sample {
        ids.truncate(sample as usize);
    }
    let beyond = ids.iter().filter(|id| id.0 > accounts).count() as u64;
    if missing.is_some_and(|bounds| bounds.check(beyond).is_err()) {
        return Err(ScenarioError::Missing { missing: beyond, accounts });
    }
    Ok(Resources::Ids(ids))
}

impl Scenario {
    /// Fills the gaps of `workload` and checks it.
    ///
    /// Errors: [`ScenarioError`] for an unknown name, a figure that is zero, a plan with fields that the
    /// dataset does not have.
    pub fn new(workload: Workload) -> Result<Self, ScenarioError> {
        let Workload {
            name,
            plan,
            dataset,
            profile,
            resources,
            mappings,
            ids,
            sample,
            seed,
            is_foreign,
            is_served,
        } = workload;
        if resources == Some(0) {
            return Err(ScenarioError::NoResources);
        }
        if mappings == Some(0) && !is_served {
            return Err(ScenarioError::NoMappings);
        }
        if sample == Some(0) {
            return Err(ScenarioError::EmptySample);
        }
        let count = match &plan {
            Some(plan) => plan.mappings.len() as u32,
            None => mappings.unwrap_or(DEFAULT_MAPPINGS),
        };
        MAPPINGS.check(count.max(1)).map_err(ScenarioError::Mappings)?;
        let (dataset_source, dataset, plan) = match (dataset, plan) {
            (None, Some(plan)) => (None, organisation::dataset_for(&plan), plan),
            (source, plan) => {
                let source = source.unwrap_or_else(|| DatasetSource::BuiltIn("plain".to_owned()));
                let dataset = source.load(count)?;
                let plan = match plan {
                    Some(plan) => plan,
                    None if is_served => Plan::default(),
                    None => organisation::plan_for(&dataset, count),
                };
                (Some(source), dataset, plan)
            }
        };
        let selection = ids.map_or_else(|| plan.selection.clone(), Selection::Ids);
        let largest = match &selection {
            Selection::Ids(ids) => ids.iter().map(|id| id.0).max(),
            _ => None,
        };
        let accounts = resources.or(largest).unwrap_or(DEFAULT_RESOURCES);
        if accounts > MAX_ACCOUNTS {
            return Err(ScenarioError::TooManyAccounts(accounts));
        }
        let most = (!is_foreign).then_some(MISSING);
        let resources = selected(selection, accounts, sample, most)?;
        let profile = match profile {
            Some(profile) => profile,
            None => Self::profile("documented")?,
        };
        let name = name.unwrap_or_else(|| match &resources {
            Resources::Ids(ids) => format!("{} × {count}", ids.len()),
            Resources::Search { .. } => format!("filter × {count}"),
        });
        let made = || "made for the plan".to_owned();
        let dataset_name = dataset_source.as_ref().map_or_else(made, |it| it.name().to_owned());
        let mut scenario = Self {
            name,
            plan,
            resources,
            profile,
            dataset_name,
            dataset_source,
            dataset,
            accounts,
            selected: 0,
            warnings: Vec::new(),
            unmapped: Vec::new(),
        };
        // Unknown fields are found before anything runs.
        let organisation = scenario.organisation(seed.unwrap_or(1));
        if !(is_served && scenario.plan.mappings.is_empty()) {
            scenario.warnings = warnings_of(&scenario.plan, organisation.definitions())?;
        }
        let sample = sampled_texts(&scenario.plan, &organisation);
        let (plan, fields) = (&scenario.plan, organisation.definitions());
        scenario.unmapped = unmapped_warnings(plan, fields, &sample);
        scenario.selected = match &scenario.resources {
            Resources::Ids(ids) => ids.len() as u64,
            Resources::Search { .. } if is_foreign => accounts,
            Resources::Search { criteria, most } => {
                organisation.check_criteria(criteria).map_err(ScenarioError::Filter)?;
                let share = scenario.share_selected(criteria, seed.unwrap_or(1));
                let selected = (share * accounts as f64).round() as u64;
                most.map_or(selected, |most| selected.min(most))
            }
        };
        Ok(scenario)
    }

    /// The built-in profile `name`.
    ///
    /// Errors: [`ScenarioError`] if there is none, with the names that exist.
    pub fn profile(name: &str) -> Result<Profile, ScenarioError> {
        Profile::built_in(name).ok_or_else(|| ScenarioError::UnknownProfile(name.to_owned()))
    }

    /// Number of accounts in the organisation.
    pub const fn accounts(&self) -> u64 {
        self.accounts
    }

    /// Where the dataset is from; `None` where it was made for the plan.
    pub const fn dataset_source(&self) -> Option<&DatasetSource> {
        self.dataset_source.as_ref()
    }

    /// Warnings about the plan, for people.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Warnings of values for which a map of the plan has no entry. A run counts them by value.
    pub fn unmapped(&self) -> &[String] {
        &self.unmapped
    }

    /// Number of mappings in the plan.
    pub fn mappings(&self) -> usize {
        self.plan.mappings.len()
    }

    /// Number of accounts that the run is for. A filter is counted on the organisation of the workload's
    /// seed; under other seeds it selects a few more or fewer.
    pub const fn expected_resources(&self) -> u64 {
        self.selected
    }

    /// Share of the accounts that meet `criteria`; of a large organisation, of its first accounts.
    fn share_selected(&self, criteria: &[Criterion], seed: u64) -> f64 {
        let counted = self.accounts.min(COUNTED_ACCOUNTS);
        let organisation = Organisation::new(&self.dataset, counted, seed);
        let selected = organisation.matching(criteria).map_or(0, |ids| ids.len());
        selected as f64 / counted as f64
    }

    /// The scenario with warnings of [`unmapped`](Self::unmapped) values of a server's organisation.
    #[must_use]
    pub fn with_unmapped(self, unmapped: Vec<String>) -> Self {
        Self { unmapped, ..self }
    }

    /// The scenario with `accounts` accounts, all of which the run is for: it stands for a server's
    /// selection of that size.
    #[must_use]
    pub fn of_size(&self, accounts: u64) -> Self {
        let ids = (1..=accounts).map(AccountId).collect();
        Self { resources: Resources::Ids(ids), accounts, selected: accounts, ..self.clone() }
    }

    /// The scenario with at most `most` accounts, the first of the organisation: synthetic accounts
    /// are much alike. A smaller scenario is returned unchanged. Colleagues edit the whole organisation, so that it
    /// stays as it is where there are some: in a smaller one they would meet the run more often.
    #[must_use]
    pub fn part(&self, most: u64) -> Self {
        match &self.resources {
            _ if self.selected.max(self.accounts) <= most => self.clone(),
            Resources::Ids(_) => {
                let part = self.of_size(self.selected.min(most));
                let has_staff = self.profile.staff().is_some();
                Self { accounts: if has_staff { self.accounts } else { part.accounts }, ..part }
            }
            // As many accounts as a sample of the filter takes, or else a share of those that it selects.
            Resources::Search { .. } => {
                let mut part = self.clone();
                part.accounts = self.accounts.min(most);
                let share = part.accounts as f64 / self.accounts as f64;
                part.selected = (self.selected as f64 * share).round().max(1.0) as u64;
                part
            }
        }
    }

    /// The scenario with at least these shares of dirty texts, of texts in other scripts and of merged accounts.
    #[must_use]
    pub fn on_a_bad_day(&self, (dirty, unicode, merged): (f64, f64, f64)) -> Self {
        let mut worse = self.clone();
        let Dataset { dirty: is_dirty, unicode: is_unicode, merged: is_merged, .. } =
            &mut worse.dataset;
        *is_dirty = is_dirty.max(dirty);
        *is_unicode = is_unicode.max(unicode);
        *is_merged = is_merged.max(merged);
        worse
    }

    /// The organisation before anything is migrated.
    pub fn organisation(&self, seed: u64) -> Organisation {
        Organisation::new(&self.dataset, self.accounts, seed)
    }

    /// The mock with that organisation, behind the scenario's limits.
    pub fn neon(&self, seed: u64) -> Neon {
        Neon::new(self.profile.clone(), self.organisation(seed), seed)
    }

    /// The accounts that the run is for, in id order, as far as they exist.
    pub fn selected(&self, organisation: &Organisation) -> Vec<AccountId> {
        let mut ids = match &self.resources {
            Resources::Ids(ids) => ids.clone(),
            // The criteria were checked when the scenario was made.
            Resources::Search { criteria, .. } => {
                organisation.matching(criteria).unwrap_or_default()
            }
        };
        ids.retain(|&id| organisation.contains(id));
        ids.sort_unstable();
        if let Resources::Search { most: Some(most), .. } = self.resources {
            ids.truncate(most as usize);
        }
        ids
    }
}

/// `ids`, if none is there twice.
fn unique(ids: Vec<AccountId>) -> Result<Vec<AccountId>, ScenarioError> {
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(ScenarioError::Twice(pair[0])),
        None => Ok(ids),
    }
}
