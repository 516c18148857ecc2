//! The guide's loops over chunks: a large plan in pieces, with progress and a pause.
//!
//! `cargo run --example chunks`

use neonbench::manager::{
    AccountsMigrationManager, ManagerError, MigrationMapping, MigrationPlan, MigrationStrategy,
    SimulatedOrganisation, Strategy,
};
use neonbench_engine::event::{AccountOutcome, Event};

fn main() -> Result<(), ManagerError> {
    let manager = AccountsMigrationManager::new(SimulatedOrganisation::default());
    let large_resource_ids: Vec<u64> = (1..10_000).collect();
    let chunk_size = 500;
    let chunks = large_resource_ids.chunks(chunk_size).len();
    let mut migrated = 0;

    for (index, chunk_ids) in large_resource_ids.chunks(chunk_size).enumerate() {
        let chunk_plan = MigrationPlan {
            mappings: vec![MigrationMapping::new("V-1", "T-1", MigrationStrategy::Replace)],
            resource_ids: chunk_ids.to_vec(),
            batch_size: 50,
            max_workers: 3,
            dry_run: false,
            ..MigrationPlan::default()
        };
        // Progress within a chunk is a fold over events.
        let mut landed = 0;
        let mut progress = |event: &Event| {
            landed +=
                u64::from(matches!(event, Event::Landed { end: AccountOutcome::Migrated, .. }));
        };
        let result = manager.execute_observed(&chunk_plan, Strategy::Auto, &mut progress)?;
        assert_eq!(landed, result.successful_migrations);
        migrated += result.successful_migrations;
        println!(
            "chunk {}/{chunks}: {} migrated in {:.1} s",
            index + 1,
            result.successful_migrations,
            result.performance_metrics.total_time.as_secs_f64()
        );
        // Against a real organisation the pause is the engine's own: `--chunk-pause 1s`.
    }
    assert_eq!(migrated, 9_999);
    Ok(())
}
