//! The library's face: it writes to a server that is not on this machine with the same leave as the command line.

use crate::cli::journals::{digest, plain, served};
use neonbench::manager::{
    AccountsMigrationManager, ManagerError, MigrationMapping, MigrationPlan, MigrationStrategy,
    Strategy,
};
use neonbench_engine::world::Target;

#[test]
fn a_write_to_another_machine_needs_the_organisations_name() {
    let mock = served(&plain(5), 1);
    let before = digest(&mock);
    let (org_id, api_key) = mock.credentials();
    // It is this machine, but not by a loopback address.
    let base_url = mock.base_url().replace("127.0.0.1", "0.0.0.0");
    let target = Target::new(&base_url, org_id, api_key).unwrap();
    let plan = MigrationPlan {
        mappings: vec![MigrationMapping::new("V-1", "T-1", MigrationStrategy::Replace)],
        resource_ids: (1..=5).collect(),
        dry_run: false,
        ..MigrationPlan::default()
    };
    let manager = AccountsMigrationManager::new(target);
    let run = |manager: &AccountsMigrationManager| {
        manager.execute_bulk_migration_plan(&plan, Strategy::PutBatch)
    };
    let named = manager.clone().allowing_writes_to(org_id);
    let reads = MigrationPlan { dry_run: true, ..plan.clone() };
    let is_clear_text = |error| matches!(error, ManagerError::ClearText { .. });
    assert!(is_clear_text(run(&named).unwrap_err()));
    assert!(is_clear_text(
        manager.execute_bulk_migration_plan(&reads, Strategy::Auto).unwrap_err()
    ));
    assert!(is_clear_text(manager.benchmark_migration_strategies(&plan, 2).unwrap_err()));
    let manager = manager.allowing_plain_http();
    for refused in [manager.clone(), manager.clone().allowing_writes_to("another")] {
        assert!(matches!(run(&refused), Err(ManagerError::Guard { .. })));
    }
    assert_eq!(digest(&mock), before);
    let result = run(&manager.allowing_writes_to(org_id)).unwrap();
    assert_eq!((result.successful_migrations, result.failed_migrations), (5, 0));
    assert_ne!(digest(&mock), before);
}
