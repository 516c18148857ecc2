//! `neonbench profile`: the built-in profiles, and files in their form.

use super::error::CliError;
use super::inputs::{profile, profile_file};
use super::output::{print, table};
use clap::Subcommand;
use neon_mock::api::{Class, Endpoint};
use neon_mock::fault::{Fault, Trigger};
use neon_mock::limit::Scope;
use neon_mock::profile::{BUILT_IN, Profile};
use neon_mock::time::Timestamp;
use neonbench::probe::TargetFit;
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
            print(built_in.map_or("", |(_, text)| text).trim_end())?;
        }
        ProfileCommand::Check { file } => {
            let origin = file.display().to_string();
            let (profile, _) = profile_file(file)?;
            print(&format!("{origin}: valid, digest {}", profile.digest()))?;
            print(&meaning(&profile))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<(), CliError> {
    let mut rows = Vec::new();
    for (name, _) in BUILT_IN {
        let (profile, _) = profile(name)?;
        rows.push(format!("{name:<12} {}  {}", profile.digest(), profile.description()));
    }
    print(&rows.join("\n"))?;
    print("next: neonbench profile show documented")
}

/// Limits and mean service times in a table, and what else the profile does.
fn meaning(profile: &Profile) -> String {
    let or_none = |figure: Option<u32>| figure.map_or("none".to_owned(), |it| it.to_string());
    let row = |endpoint: Endpoint| {
        let mean = profile.law(endpoint).mean();
        vec![
            endpoint.name().to_owned(),
            or_none(profile.pool(endpoint)),
            or_none(profile.per_second(endpoint)),
            format!("{:.0} ms", mean.as_secs_f64() * 1e3),
        ]
    };
    let header = "endpoint | pool | per second | mean service";
    let mut lines = vec![table(header, Endpoint::ALL.into_iter().map(row))];
    let limits = profile.limits();
    let shared = match limits.scope {
        Scope::Endpoint => "each endpoint has its own limits",
        Scope::Template => "the verbs of a path share its limits",
        Scope::Organisation => "all endpoints share the limits",
    };
    let told = limits
        .retry_after
        .map_or(String::new(), |after| format!(" with Retry-After {} s", after.as_secs()));
    lines.push(format!(
        "{shared}; {} calls wait, the others are refused after {:?}{told}",
        limits.queue, limits.reject_after
    ));
    let classes = Class::ALL.map(Class::name).join(", ");
    lines.push(format!("service times by class: {classes}"));
    if let Some(congestion) = profile.congestion() {
        lines.push(format!(
            "congestion: a call takes {:.2} times as long with 5 in flight, {:.2} times with 20",
            congestion.factor(5),
            congestion.factor(20)
        ));
    }
    for fault in profile.faults() {
        lines.push(format!("faults: {}", words(fault)));
    }
    // A file's evidence was checked when it was read.
    if let Some(fit) = TargetFit::of_profile(profile).ok().flatten() {
        lines
            .push("evidence: forecasts draw from the calls that the file was fitted to".to_owned());
        lines.extend(fit.not_shown.iter().map(|not_shown| format!("not known: {not_shown}")));
    }
    lines.join("\n")
}

/// A fault table in words.
fn words(fault: &Fault) -> String {
    let kinds: Vec<&str> = fault.kinds.iter().map(|kind| kind.name()).collect();
    let which = match fault.trigger {
        Trigger::Share(share) => format!("{} % of the calls", share * 100.0),
        Trigger::First(first) => format!("the first {first} calls"),
        Trigger::Every(every) => format!("every call number {every}"),
    };
    let named = Endpoint::ALL.into_iter().filter(|endpoint| fault.endpoints[endpoint.index()]);
    let named: Vec<&str> = named.map(Endpoint::name).collect();
    let mut words = vec![format!("{which}: {}", kinds.join(", "))];
    if named.len() < Endpoint::ALL.len() {
        words.push(format!("on {}", named.join(", ")));
    }
    if let Some(poison) = &fault.accounts {
        let (records, share) = (poison.records.len(), poison.share * 100.0);
        words.push(format!("on {records} accounts by id and {share} % of all"));
    }
    if fault.from > Timestamp::ZERO {
        words.push(format!("from {}", fault.from));
    }
    words.extend(fault.until.map(|until| format!("until {until}")));
    if fault.burst > 1 {
        words.push(format!("{} in a row", fault.burst));
    }
    words.join("; ")
}
