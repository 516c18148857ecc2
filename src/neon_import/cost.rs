//! Price of the way without API writes: calls, clicks and a person's minutes.

use super::builder::ImportBuilder;
use super::cell::Separator;
use crate::text::{count, plural};
use neon_mock::api::MAX_PAGE_SIZE;
use neonbench_engine::engine::Columns;
use neonbench_engine::plan::ResolvedPlan;
use neonbench_engine::scenario::Scenario;
use serde::{Deserialize, Serialize};

/// Clicks and minutes of a person for each file: choose the kind of import, upload, match the columns, confirm.
const CLICKS_A_FILE: u64 = 12;
const MINUTES_A_FILE: u64 = 4;

/// The trial: two files more, and two accounts looked at twice.
const TRIAL_FILES: u64 = 2;
const TRIAL_CLICKS: u64 = 8;
const TRIAL_MINUTES: u64 = 7;

/// Accounts of an organisation that the number of files is found on.
const SAMPLE: u64 = 2_000;

/// Price of migrating by Neon's own importer instead of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ImportCost {
    /// API calls, all of them reads: the field definitions, and pages of a search.
    pub calls: u64,
    /// Files to import, beside the two of the trial.
    pub files: u64,
    /// Clicks of a person.
    pub clicks: u64,
    /// Minutes of a person, the trial included.
    pub person_minutes: u64,
    /// The assumption behind clicks and minutes.
    pub assumption: String,
    /// Risks that a run does not have.
    pub risks: Vec<String>,
}

impl ImportCost {
    /// The price of `files` that `calls` were made for.
    pub fn new(calls: u64, files: u64) -> Self {
        let all = files + if files > 0 { TRIAL_FILES } else { 0 };
        let trial = |of: u64| if files > 0 { of } else { 0 };
        Self {
            calls,
            files,
            clicks: all * CLICKS_A_FILE + trial(TRIAL_CLICKS),
            person_minutes: all * MINUTES_A_FILE + trial(TRIAL_MINUTES),
            assumption: format!(
                "Assumed: {CLICKS_A_FILE} clicks and {} per file in the Import Manager, and {} more for a trial with two \
                 accounts. Neon's own time is not counted.",
                plural(MINUTES_A_FILE, "minute"),
                plural(TRIAL_FILES * MINUTES_A_FILE + TRIAL_MINUTES, "minute"),
            ),
            risks: [
                "Neon cannot undo an import. The undo files hold what stood there at the export, and no later edits.",
                "A blank cell clears the field of its account: the files have one only where the plan clears a field.",
                "Edits that colleagues save between export and import are overwritten.",
                "Nothing verifies or records the result: there is no audit and no journal.",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    /// The price of migrating `scenario` so; `None` if the importer could not tell its fields apart. The number of
    /// files is that of the organisation of `seed`, of its first 2,000 accounts.
    pub fn of(scenario: &Scenario, seed: u64) -> Option<Self> {
        let part = scenario.part(SAMPLE);
        let organisation = part.organisation(seed);
        let fields = organisation.definitions();
        let task = ResolvedPlan::resolve(&part.plan, fields).ok()?;
        let mut builder = ImportBuilder::new(&task, fields, Separator::Bar).ok()?;
        for id in part.selected(&organisation) {
            builder.add(id, organisation.kind(id), &organisation.values(id));
        }
        let slots: Vec<usize> = (0..task.slots.len()).collect();
        let accounts = scenario.expected_resources();
        let pages = accounts.div_ceil(u64::from(MAX_PAGE_SIZE));
        // Where two columns of a search share a name, each account is read singly.
        let singly = if Columns::new(&task, &slots).is_some() { 0 } else { accounts };
        Some(Self::new(1 + pages + singly, builder.finish(usize::MAX).files.len() as u64))
    }

    /// The price in a sentence.
    pub fn in_words(&self) -> String {
        format!(
            "{}, none of them a write; {} to import by hand, {} clicks, {} of a person",
            plural(self.calls, "call"),
            plural(self.files, "file"),
            count(self.clicks),
            plural(self.person_minutes, "minute")
        )
    }
}
