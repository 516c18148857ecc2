//! When and how the runs behind a page were made.

use serde::{Deserialize, Serialize};

/// The circumstances of the runs: command, time, version and machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Provenance {
    /// Calendar time, UTC.
    pub made_at: String,
    /// The command that repeats it.
    pub command: String,
    /// The command to go on with.
    #[serde(default)]
    pub next: Option<String>,
    /// Version of the package.
    pub version: String,
    /// Revision of the source, where it is known.
    pub revision: Option<String>,
    /// First seed; replicates take those that follow.
    pub seed: u64,
    /// Runs of each row.
    pub replicates: u32,
    /// Logical cores.
    pub cores: u64,
    /// Operating system and architecture.
    pub platform: String,
    /// Model of the processor, where it is known.
    pub processor: Option<String>,
}

/// A stored record with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Timestamped<R> {
    /// Calendar time, UTC.
    pub made_at: String,
    /// The record.
    pub record: R,
}
