//! The guide's settings for batch size, workers and rate limiting, side by side.
//!
//! `cargo run --example tuning`

use neonbench::manager::{
    AccountsMigrationManager, ManagerError, MigrationMapping, MigrationPlan, MigrationStrategy,
    SimulatedOrganisation, Strategy,
};

fn main() -> Result<(), ManagerError> {
    let manager = AccountsMigrationManager::new(SimulatedOrganisation::default());
    let plan = MigrationPlan {
        mappings: vec![MigrationMapping::new("V-1", "T-1", MigrationStrategy::Replace)],
        resource_ids: (1..=200).collect(),
        dry_run: false,
        ..MigrationPlan::default()
    };
    // Larger batches, smaller ones, and those for little memory.
    for batch_size in [100, 25, 10] {
        let tuned = MigrationPlan { batch_size, ..plan.clone() };
        report(&manager, &tuned)?;
    }
    // Conservative, aggressive, single-threaded, and gentle when calls are refused.
    for (max_workers, batch_size) in [(3, 50), (8, 50), (1, 50), (2, 25)] {
        let tuned = MigrationPlan { max_workers, batch_size, ..plan.clone() };
        report(&manager, &tuned)?;
    }
    Ok(())
}

fn report(manager: &AccountsMigrationManager, plan: &MigrationPlan) -> Result<(), ManagerError> {
    let result = manager.execute_bulk_migration_plan(plan, Strategy::Hybrid)?;
    println!(
        "{} workers, batch size {:>3}: {:>5.1} s, {} calls refused, {} accounts in memory",
        plan.max_workers,
        plan.batch_size,
        result.performance_metrics.total_time.as_secs_f64(),
        result.record.calls.rejected,
        result.record.performance.peak_buffered_records,
    );
    Ok(())
}
