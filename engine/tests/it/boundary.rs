//! The engine brings no command line, no charts, no template engine and no database.

use std::process::Command;

#[test]
fn the_engine_needs_no_clap_plotters_minijinja_or_rusqlite() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", "neonbench-engine"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let tree = String::from_utf8_lossy(&output.stdout);
    let mut names = tree.lines().filter_map(|line| line.split_whitespace().next());
    assert_eq!(names.next(), Some("neonbench-engine"));
    let foreign = ["clap", "indicatif", "plotters", "minijinja", "rusqlite", "libsqlite3-sys"];
    let found: Vec<&str> = names.filter(|name| foreign.contains(name)).collect();
    assert!(found.is_empty(), "{found:?} in\n{tree}");
}
