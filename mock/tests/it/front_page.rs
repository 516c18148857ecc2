//! The example of the README is the first one of the crate's documentation, which is compiled and run.

const README: &str = include_str!("../../README.md");
const LIB: &str = include_str!("../../src/lib.rs");

#[test]
fn the_readme_shows_the_example_that_is_run() {
    let (_, shown) = README.split_once("```rust\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let docs: String = LIB
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    let (_, run) = docs.split_once("```\n").unwrap();
    let (run, _) = run.split_once("```").unwrap();
    let run: String = run
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(run, shown);
    assert!(shown.lines().count() <= 20, "it is to be short");
}
