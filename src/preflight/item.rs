//! The items of a preflight: a file each, and the order in which they are run.

mod access;
mod advice;
mod alone;
mod benchmark;
mod clock;
mod faults;
mod fields;
mod journal;
mod memory;
mod notice;
mod quiet;
mod rollback;
mod sample;
mod settings;
mod unknowns;

pub use sample::{SampleCost, SampleTrace};
pub(super) use sample::{allowance, own_reads};

use super::subject::{Preflight, PreflightError};
use super::{ItemResult, ItemStatus};
use serde_json::{Map, Value};

/// Accounts that a finding names.
const MOST_NAMED: usize = 5;

impl ItemResult {
    /// A result of `status`.
    pub fn new(status: ItemStatus, summary: impl Into<String>) -> Self {
        Self {
            name: String::new(),
            status,
            summary: summary.into(),
            findings: Vec::new(),
            evidence: Map::new(),
            runs: Vec::new(),
        }
    }

    /// A result without findings.
    pub fn pass(summary: impl Into<String>) -> Self {
        Self::new(ItemStatus::Pass, summary)
    }

    /// The result of an item that could not be judged.
    pub fn unknown(summary: impl Into<String>) -> Self {
        Self::new(ItemStatus::Unknown, summary)
    }

    /// Makes the status worse, never better; true if it was better.
    fn raise(&mut self, status: ItemStatus) -> bool {
        let rank = |status| match status {
            ItemStatus::Fail => 3,
            ItemStatus::Unknown => 2,
            ItemStatus::Warn => 1,
            ItemStatus::Pass | ItemStatus::Waived | ItemStatus::Skipped => 0,
        };
        let is_worse = rank(status) > rank(self.status);
        if is_worse {
            self.status = status;
        }
        is_worse
    }

    /// Adds a finding of `status`. The first of the worst is the summary: what the item says where it holds does not
    /// hold then.
    pub(super) fn find(&mut self, status: ItemStatus, finding: String) {
        if self.raise(status) {
            self.summary.clone_from(&finding);
        }
        self.findings.push(finding);
    }

    /// Adds a finding that people may accept.
    pub fn warn(&mut self, finding: impl Into<String>) {
        self.find(ItemStatus::Warn, finding.into());
    }

    /// Adds a finding with which the migration must not begin.
    pub fn fail(&mut self, finding: impl Into<String>) {
        self.find(ItemStatus::Fail, finding.into());
    }

    /// Adds a remark, which changes no status.
    pub fn remark(&mut self, finding: impl Into<String>) {
        self.findings.push(finding.into());
    }

    /// Adds a figure or a digest to the evidence.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }
}

/// Cost of an item: the free ones are run first, and those that write last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemStage {
    /// It makes no call. It may need the number of accounts, and comes after the reads where only the target knows it.
    Free,
    /// It reads the target.
    Reads,
    /// It writes the target, and takes back what it wrote.
    Writes,
    /// It judges the results of others.
    After,
}

/// An item of the preflight.
#[derive(Clone, Copy)]
pub struct Item {
    /// Name, for flags and results.
    pub name: &'static str,
    /// The question that it answers.
    pub question: &'static str,
    /// Its cost.
    pub stage: ItemStage,
    /// True if it needs the number of accounts.
    pub is_sized: bool,
    /// Calls that it makes at most, beside the field definitions, the accounts of the plan and the sample.
    pub reads: u64,
    /// Runs it.
    run: fn(&mut Preflight<'_>) -> Result<ItemResult, PreflightError>,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Item").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Item {
    /// Every item, in the order of the guide's list, and then Neon's own. A certificate has to have all of them.
    pub const ALL: &[Self] = &[
        sample::ITEM,
        benchmark::ITEM,
        advice::ITEM,
        settings::ITEM,
        faults::ITEM,
        memory::ITEM,
        journal::ITEM,
        rollback::ITEM,
        quiet::ITEM,
        notice::ITEM,
        access::ITEM,
        fields::ITEM,
        unknowns::ITEM,
        alone::ITEM,
        clock::ITEM,
    ];

    /// The item of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|item| item.name == name)
    }

    /// True if it writes the target.
    pub fn writes(&self) -> bool {
        self.stage == ItemStage::Writes
    }

    /// Runs the item on `subject`.
    pub fn run(&self, subject: &mut Preflight<'_>) -> ItemResult {
        let result = if subject.stop.is_set() {
            ItemResult::new(ItemStatus::Skipped, "not run: the preflight was stopped")
        } else {
            (self.run)(subject).unwrap_or_else(|error| match error {
                PreflightError::Inconclusive(words) => ItemResult::unknown(words),
                // Said once, by the item that it is about.
                PreflightError::Denied(_) => {
                    let blocked = PreflightError::Blocked("access");
                    ItemResult::new(ItemStatus::Skipped, blocked.to_string())
                }
                blocked @ PreflightError::Blocked(_) => {
                    ItemResult::new(ItemStatus::Skipped, blocked.to_string())
                }
            })
        };
        ItemResult { name: self.name.to_owned(), ..result }
    }

    /// Its place among the items of its stage: a broken key or plan is said before all that rests on them.
    fn place(&self) -> usize {
        ["access", "fields"].iter().position(|first| *first == self.name).unwrap_or(2)
    }

    /// The items `chosen` in the order in which they are run.
    pub fn in_order(chosen: &[&'static Self], size_is_known: bool) -> Vec<&'static Self> {
        let mut ordered = chosen.to_vec();
        let stage = |item: &Self| match item.stage {
            ItemStage::Free if item.is_sized && !size_is_known => (ItemStage::Reads, true),
            stage => (stage, false),
        };
        ordered.sort_by_key(|item| (stage(item), item.place()));
        ordered
    }
}
