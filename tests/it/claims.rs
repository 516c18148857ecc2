//! `reports/claims.toml` says what the runs say: every row is run again, in virtual time.
//!
//! `UPDATE_GOLDENS=1 cargo test --test it claims` writes the file anew.

use neonbench::report::guide::claims::run;
use neonbench::report::guide::claims::{read, with_results};
use std::path::Path;

#[test]
fn the_ledger_says_what_the_runs_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/claims.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let ledger = read("reports/claims.toml", &text).unwrap();
    let tested = run(&ledger).unwrap();
    for row in &tested {
        // Each case has its run, and a run that counts.
        for case in &row.cases {
            assert!(case.measured.is_some(), "{}, {}: no figure", row.id, case.name);
        }
    }
    let now = with_results(&text, &tested);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    for (kept, now) in text.lines().zip(now.lines()) {
        assert_eq!(
            kept, now,
            "run `UPDATE_GOLDENS=1 cargo test --test it claims` and look at what changed"
        );
    }
    assert_eq!(
        text, now,
        "a row has no result: run `UPDATE_GOLDENS=1 cargo test --test it claims`"
    );
}
