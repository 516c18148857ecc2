//! The oldest Rust that `Cargo.toml` promises is enough for every dependency; for our own code
//! clippy's `incompatible_msrv` compares each item of the standard library with it.

use serde_json::Value;
use std::process::Command;

/// Major and minor number of a version such as `1.88` or `1.88.0`.
fn parsed(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn no_dependency_needs_a_newer_rust_than_we_promise() {
    let cargo = Command::new(env!("CARGO")).arg("-vV").output().expect("cargo runs");
    let cargo = String::from_utf8(cargo.stdout).unwrap();
    let host =
        cargo.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let metadata = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(["metadata", "--offline", "--format-version", "1"]).args(more);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs")
    };
    let mut output = metadata(&[]);
    if !output.status.success() {
        // A fresh machine that has built this platform's dependencies does not have those of others.
        output = metadata(&["--filter-platform", host]);
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let promised = parsed(env!("CARGO_PKG_RUST_VERSION"));
    let mut known = 0;
    for package in metadata["packages"].as_array().unwrap() {
        if let Some(needed) = package["rust_version"].as_str() {
            known += 1;
            assert!(parsed(needed) <= promised, "{} needs Rust {needed}", package["name"]);
        }
    }
    assert!(known > 100, "{known} packages say which Rust they need");
}
