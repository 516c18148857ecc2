//! The example of the README is the first one of the crate's documentation, which is compiled and run.

const README: &str = include_str!("../../README.md");
const LIB: &str = include_str!("../../src/lib.rs");

#[test]
fn the_readme_shows_the_example_that_is_run() {
    let (_, shown) = README.split_once("```rust\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let docs = LIB.lines().filter_map(|line| line.strip_prefix("//!"));
    let docs: Vec<&str> = docs.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let docs = docs.join("\n");
    let (_, run) = docs.split_once("```\n").unwrap();
    let (run, _) = run.split_once("```").unwrap();
    let run: Vec<&str> = run.lines().filter(|line| !line.starts_with("# ")).collect();
    let run = run.join("\n") + "\n";
    assert_eq!(run, shown);
    assert!(shown.lines().count() <= 20, "it is to be short");
}
