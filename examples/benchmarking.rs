//! The guide's programmatic benchmark, and its recommendations before a large migration.
//!
//! `cargo run --example benchmarking`

use neonbench::manager::{
    AccountsMigrationManager, ManagerError, MigrationMapping, MigrationPlan, MigrationStrategy,
    SimulatedOrganisation,
};

fn main() -> Result<(), ManagerError> {
    let manager = AccountsMigrationManager::new(SimulatedOrganisation::default());
    let plan = MigrationPlan {
        mappings: vec![MigrationMapping::new("V-City", "City", MigrationStrategy::Replace)],
        resource_ids: (1..=500).collect(),
        dry_run: false,
        ..MigrationPlan::default()
    };

    let benchmark = manager.benchmark_migration_strategies(&plan, 10)?;
    for (strategy, result) in &benchmark.results {
        let metrics = result.performance_metrics;
        println!("{strategy:<10} {:>5.1} accounts/s", metrics.resources_per_second);
    }
    println!("fastest on the sample: {}", benchmark.best().expect("a valid run"));

    let recommendations = manager.get_performance_recommendations(&plan)?;
    println!("recommended: {}", recommendations.recommended_strategy);
    println!("calls:       {}", recommendations.estimated_api_calls);
    println!("saves:       {:.0} s", recommendations.time_savings.as_secs_f64());
    for advice in &recommendations.recommendations {
        println!("  {advice}");
    }
    Ok(())
}
