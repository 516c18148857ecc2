//! Preflight: the checks before a migration, each with its evidence, and the certificate of their results.

mod budget;
pub mod certificate;
mod host;
mod item;
mod killed;
pub mod notice;
mod server;
mod snapshot;
mod subject;

pub use budget::{CallAllowance, CallBudget, CallMeter};
pub use item::{Item, ItemStage, SampleCost, SampleTrace};
pub use server::TargetReader;
pub use snapshot::{Snapshot, SnapshotAccount};
pub use subject::{Host, Migration, Preflight, PreflightError, PreflightFindings, SamplePlace};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// The result of an item, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// It holds.
    Pass,
    /// It holds with a reservation.
    Warn,
    /// It does not hold.
    Fail,
    /// The evidence does not decide.
    Unknown,
    /// It does not hold, and a person has said why that is accepted.
    Waived,
    /// Nobody asked for it.
    Skipped,
}

impl fmt::Display for ItemStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "passed",
            Self::Warn => "warning",
            Self::Fail => "failed",
            Self::Unknown => "unknown",
            Self::Waived => "waived",
            Self::Skipped => "skipped",
        })
    }
}

/// The result of one item, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ItemResult {
    /// Name of the item.
    pub name: String,
    /// The result.
    pub status: ItemStatus,
    /// The result in one sentence.
    pub summary: String,
    /// All that was found, one sentence each.
    pub findings: Vec<String>,
    /// Figures and texts that the result rests on.
    pub evidence: Map<String, Value>,
    /// Numbers of the stored runs that it rests on.
    pub runs: Vec<i64>,
}
