//! The guide's metrics, error analysis and logging.
//!
//! `NEONBENCH_LOG=neonbench::migration=info cargo run --example monitoring`

use neonbench::manager::{
    AccountsMigrationManager, ManagerError, MigrationMapping, MigrationPlan, MigrationStrategy,
    SimulatedOrganisation, Strategy,
};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), ManagerError> {
    let asked = std::env::var("NEONBENCH_LOG").ok().and_then(|filter| filter.parse().ok());
    let targets = asked.unwrap_or_else(|| {
        Targets::new().with_target("neonbench::migration::bulk", LevelFilter::DEBUG)
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines).with(targets).init();

    // Account 31 does not exist.
    let organisation = SimulatedOrganisation { accounts: Some(30), ..Default::default() };
    let manager = AccountsMigrationManager::new(organisation);
    let plan = MigrationPlan {
        mappings: vec![MigrationMapping::new("V-1", "T-1", MigrationStrategy::CopyIfEmpty)],
        resource_ids: (1..=31).collect(),
        dry_run: false,
        ..MigrationPlan::default()
    };
    let result = manager.execute_bulk_migration_plan(&plan, Strategy::Auto)?;

    let metrics = result.performance_metrics;
    println!("accounts/second:    {:.2}", metrics.resources_per_second);
    println!("calls/second:       {:.2}", metrics.api_calls_per_second);
    println!("total time:         {:.1} s", metrics.total_time.as_secs_f64());
    println!("API call reduction: {:.0} %", result.api_call_reduction * 100.0);

    println!("failed migrations:  {}", result.failed_migrations);
    for error in &result.errors {
        println!("  {error}");
    }
    assert_eq!((result.successful_migrations, result.failed_migrations), (30, 1));
    Ok(())
}
