//! Plans under the guide's names.

pub use neonbench_engine::plan::Operation as MigrationStrategy;

use neon_mock::api::{AccountId, Criterion};
use neonbench_engine::engine::{DEFAULT_BATCH_SIZE, DEFAULT_WORKERS};
use neonbench_engine::plan::{Mapping, Plan, Selection, Transform};

/// A migration: mappings, accounts, and how carefully.
#[derive(Clone, Debug)]
pub struct MigrationPlan {
    /// The mappings, in the order in which they apply.
    pub mappings: Vec<MigrationMapping>,
    /// The accounts; if there are any, the filter is ignored.
    pub resource_ids: Vec<u64>,
    /// Or the accounts that meet every criterion.
    pub resource_filter: Vec<Criterion>,
    /// Migrates nothing: of the mappings, those that do not preserve their source clear it where the target has its
    /// value.
    pub cleanup_only: bool,
    /// Kept for the guide's users: values that already stand are never written again, whatever
    /// this says.
    pub smart_migration: bool,
    /// Accounts read into memory before they are written.
    pub batch_size: u32,
    /// Accounts or batches side by side.
    pub max_workers: u32,
    /// Reads and decides, but writes nothing; the default, as in the guide's engine.
    pub dry_run: bool,
}

impl Default for MigrationPlan {
    fn default() -> Self {
        Self {
            mappings: Vec::new(),
            resource_ids: Vec::new(),
            resource_filter: Vec::new(),
            cleanup_only: false,
            smart_migration: false,
            batch_size: DEFAULT_BATCH_SIZE,
            max_workers: DEFAULT_WORKERS,
            dry_run: true,
        }
    }
}

/// One mapping.
#[derive(Clone, Debug)]
pub struct MigrationMapping {
    /// Name of the field read.
    pub source_field: String,
    /// Name of the field written.
    pub target_field: String,
    /// The operation on the value.
    pub strategy: MigrationStrategy,
    /// The steps that transform the value.
    pub transform: Vec<Transform>,
    /// True if a value that the target cannot hold fails the account.
    pub validation_required: bool,
    /// True if the source keeps a value that is now in the target.
    pub preserve_source: bool,
}

impl MigrationMapping {
    /// A mapping without transform that validates and preserves.
    pub fn new(
        source_field: impl Into<String>,
        target_field: impl Into<String>,
        strategy: MigrationStrategy,
    ) -> Self {
        Self {
            source_field: source_field.into(),
            target_field: target_field.into(),
            strategy,
            transform: Vec::new(),
            validation_required: true,
            preserve_source: true,
        }
    }

    fn to_mapping(&self) -> Mapping {
        Mapping {
            transform: self.transform.clone(),
            validation_required: self.validation_required,
            preserve_source: self.preserve_source,
            ..Mapping::new(&self.source_field, &self.target_field, self.strategy)
        }
    }
}

impl MigrationPlan {
    pub(super) fn to_plan(&self) -> Plan {
        let selection = if !self.resource_ids.is_empty() {
            Selection::Ids(self.resource_ids.iter().copied().map(AccountId).collect())
        } else if !self.resource_filter.is_empty() {
            Selection::Filter(self.resource_filter.clone())
        } else {
            Selection::All
        };
        Plan {
            mappings: self.mappings.iter().map(MigrationMapping::to_mapping).collect(),
            selection,
            cleanup_only: self.cleanup_only,
            ..Plan::default()
        }
    }
}
