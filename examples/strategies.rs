//! The guide's four ways to run a plan: put batch, parallel, hybrid, auto.
//!
//! `cargo run --example strategies`

use neonbench::manager::{
    AccountsMigrationManager, ManagerError, MigrationMapping, MigrationPlan, MigrationStrategy,
    SimulatedOrganisation, Strategy,
};

fn main() -> Result<(), ManagerError> {
    let manager = AccountsMigrationManager::new(SimulatedOrganisation::default());
    let plan = MigrationPlan {
        mappings: vec![
            MigrationMapping::new("V-Skills", "Skills", MigrationStrategy::AddOption),
            MigrationMapping::new("V-Notes", "Notes", MigrationStrategy::Merge),
        ],
        resource_ids: (1..=60).collect(),
        dry_run: false,
        ..MigrationPlan::default()
    };
    for strategy in [Strategy::PutBatch, Strategy::Parallel, Strategy::Hybrid, Strategy::Auto] {
        let result = manager.execute_bulk_migration_plan(&plan, strategy)?;
        println!(
            "{:<10} {:>6.1} s  {:>4} calls  {} accounts migrated  ({})",
            result.record.strategy,
            result.performance_metrics.total_time.as_secs_f64(),
            result.performance_metrics.total_api_calls,
            result.successful_migrations,
            result.record.reason,
        );
        assert_eq!(result.successful_migrations, 60);
    }
    Ok(())
}
