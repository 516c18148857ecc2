//! The list of operations in the docs is the table of endpoints.
//!
//! `UPDATE_GOLDENS=1 cargo test -p neon-mock --test it operations` renews it.

use neon_mock::api::Endpoint;
use std::fmt::Write as _;
use std::path::Path;

const BEFORE: &str = "\
# Operations that the mock implements

Generated from `Endpoint::ALL`; `UPDATE_GOLDENS=1 cargo test -p neon-mock --test it operations` renews it.
The class says which service-time law of a profile an operation takes, and how a run counts it. Paths
are below `/v2`. Other record types of Neon (donations, events, memberships, …) are answered 404 with a
message that says so.

| operation | class |
|---|---|
";

fn expected() -> String {
    let mut text = BEFORE.to_owned();
    for endpoint in Endpoint::ALL {
        let _ = writeln!(text, "| `{}` | {} |", endpoint.name(), endpoint.class().name());
    }
    text
}

#[test]
fn the_list_in_the_docs_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("OPERATIONS.md");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&file, expected()).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected(),
        "mock/OPERATIONS.md is stale: \
         UPDATE_GOLDENS=1 cargo test -p neon-mock --test it operations renews it"
    );
}
