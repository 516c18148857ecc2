//! The live page of a run in each state, for those who change how it looks, and for `.ci/a11y`.
//!
//! `cargo run --example live_page FOLDER` writes one file per state; without a folder it prints their sizes.

use neonbench::live;
use std::error::Error;
use std::path::PathBuf;

#[path = "live_page/samples.rs"]
mod samples;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    for (name, samples::Sample { facts, snapshot, marks, line }) in samples::all() {
        let page = live::page(&facts, &snapshot, &marks, &line);
        println!("{name:<20} {:>6} bytes", page.len());
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(name).with_extension("html"), page)?;
        }
    }
    Ok(())
}
