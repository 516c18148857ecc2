//! `neonbench profile`: the built-in profiles, and files in their form.

use super::error::CliError;
use super::inputs::{profile, read};
use super::output::{say, table};
use clap::Subcommand;
use neon_mock::api::{Class, Endpoint};
use neon_mock::profile::{BUILT_IN, Profile};
use std::path::PathBuf;
use std::process::ExitCode;

/// Verbs of `profile`.
#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Every built-in profile, a line each
    List,
    /// A built-in profile's TOML, commented: copy it, change it, pass it as --profile FILE
    Show {
        /// Its name
        name: String,
    },
    /// Whether a file is a profile, and what it means
    Check {
        /// The file
        file: PathBuf,
    },
}

pub(super) fn run(command: &ProfileCommand) -> Result<ExitCode, CliError> {
    match command {
        ProfileCommand::List => list()?,
        ProfileCommand::Show { name } => {
            // An unknown name is refused with the list of names.
            profile(name)?;
            let built_in = BUILT_IN.iter().find(|(known, _)| known == name);
            say(built_in.map_or("", |(_, text)| text).trim_end())?;
        }
        ProfileCommand::Check { file } => {
            let origin = file.display().to_string();
            let profile = Profile::from_toml(&origin, &read(file)?)?;
            say(&format!("{origin}: valid, digest {}", profile.digest()))?;
            say(&meaning(&profile))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<(), CliError> {
    let mut rows = Vec::new();
    for (name, _) in BUILT_IN {
        let profile = profile(name)?;
        rows.push(format!("{name:<12} {}  {}", profile.digest(), profile.description()));
    }
    say(&rows.join("\n"))?;
    say("next: neonbench profile show documented")
}

/// Pools and mean service times in a table.
fn meaning(profile: &Profile) -> String {
    let row = |endpoint: Endpoint| {
        let pool = profile.pool(endpoint).map_or("none".to_owned(), |pool| pool.to_string());
        let mean = profile.law(endpoint.class()).mean();
        vec![endpoint.name().to_owned(), pool, format!("{:.0} ms", mean.as_secs_f64() * 1e3)]
    };
    let rows: Vec<Vec<String>> = Endpoint::ALL.into_iter().map(row).collect();
    let classes = Class::ALL.map(Class::name).join(", ");
    format!(
        "{}\nrefusals after {:?}; service times by class: {classes}",
        table(&["endpoint", "pool", "mean service"], &rows),
        profile.reject_after()
    )
}
