//! The guide's first practice: try ten accounts in a dry run, by each strategy, before all.
//!
//! `cargo run --example sample_first`

use neonbench::manager::{
    AccountsMigrationManager, ManagerError, MigrationMapping, MigrationPlan, MigrationStrategy,
    SimulatedOrganisation, Strategy,
};

fn main() -> Result<(), ManagerError> {
    let manager = AccountsMigrationManager::new(SimulatedOrganisation::default());
    let migration_plan = MigrationPlan {
        mappings: vec![MigrationMapping::new("V-1", "T-1", MigrationStrategy::Replace)],
        resource_ids: (1..=500).collect(),
        dry_run: false,
        ..MigrationPlan::default()
    };
    let test_plan = MigrationPlan {
        resource_ids: migration_plan.resource_ids[..10].to_vec(),
        dry_run: true,
        ..migration_plan
    };
    for strategy in [Strategy::Parallel, Strategy::PutBatch, Strategy::Hybrid] {
        let result = manager.execute_bulk_migration_plan(&test_plan, strategy)?;
        println!(
            "{}: {:.2} s, {} would be migrated, {} written",
            result.record.strategy,
            result.performance_metrics.total_time.as_secs_f64(),
            result.successful_migrations,
            result.record.calls.record_writes,
        );
        assert_eq!(result.record.calls.record_writes, 0);
    }
    Ok(())
}
