//! States of a mock that a tester keeps by name, to go back to them.
//!
//! Bounded: a state takes the memory of its changed accounts.

use crate::neon::Neon;
use std::collections::BTreeMap;

/// Number of snapshots that are kept.
pub(crate) const MAX_SNAPSHOTS: usize = 16;

/// A mock with the counters beside it, at one moment.
#[derive(Clone)]
pub(crate) struct NeonSnapshot {
    pub(super) neon: Neon,
    pub(super) unauthorized: u64,
    pub(super) undecodable: u64,
}

/// Snapshots by name.
#[derive(Default)]
pub(crate) struct Snapshots(BTreeMap<String, NeonSnapshot>);

/// There are [`MAX_SNAPSHOTS`] of other names.
#[derive(Debug)]
pub(crate) struct TooManySnapshots;

impl Snapshots {
    /// Keeps `snapshot` under `name`, in place of an earlier one of that name.
    pub(super) fn keep(
        &mut self,
        name: &str,
        snapshot: NeonSnapshot,
    ) -> Result<(), TooManySnapshots> {
        if self.0.len() >= MAX_SNAPSHOTS && !self.0.contains_key(name) {
            return Err(TooManySnapshots);
        }
        self.0.insert(name.to_owned(), snapshot);
        Ok(())
    }

    /// The snapshot of that name; `None` if there is none.
    pub(super) fn get(&self, name: &str) -> Option<NeonSnapshot> {
        self.0.get(name).cloned()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}
