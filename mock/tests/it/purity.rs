//! The core brings no runtime, no HTTP and no client.

use std::path::Path;
use std::process::Command;

#[test]
fn the_core_needs_no_tokio_hyper_or_reqwest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", "neon-mock", "--no-default-features"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let tree = String::from_utf8_lossy(&output.stdout);
    let mut names = tree.lines().filter_map(|line| line.split_whitespace().next());
    assert_eq!(names.next(), Some("neon-mock"));
    let impure = ["tokio", "hyper", "reqwest", "axum", "wiremock", "mio", "socket2"];
    let found: Vec<&str> = names.filter(|name| impure.contains(name)).collect();
    assert!(found.is_empty(), "{found:?} in\n{tree}");
}
