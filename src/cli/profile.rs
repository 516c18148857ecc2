//! `neonbench profile`: the built-in profiles, and files in their form.

use super::error::CliError;
use super::inputs::{profile, profile_file};
use super::output::{duration, plural, print, print_file, table};
use super::terminal::{Emphasis, emphasised};
use clap::Subcommand;
use neon_mock::api::{Class, Endpoint};
use neon_mock::fault::{Fault, Trigger};
use neon_mock::limit::Scope;
use neon_mock::profile::{BUILT_IN, Profile};
use neon_mock::time::Timestamp;
use neonbench::probe::TargetFit;
use neonbench::text::share;
use std::path::PathBuf;
use std::process::ExitCode;

/// Endpoints that a migration calls.
const MIGRATION: [Endpoint; 5] = [
    Endpoint::GetAccount,
    Endpoint::PatchAccount,
    Endpoint::PutAccount,
    Endpoint::SearchAccounts,
    Endpoint::ListCustomFields,
];

/// Verbs of `profile`.
#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// List the built-in profiles
    List,
    /// Print a built-in profile as a commented file, to start your own from
    Show {
        /// Built-in name
        name: String,
    },
    /// Check a profile file, and show its limits and response times
    Check {
        /// Profile file
        file: PathBuf,
        /// Show every endpoint, and not only those of a migration
        #[arg(long)]
        all: bool,
    },
}

pub(super) fn run(command: &ProfileCommand) -> Result<ExitCode, CliError> {
    match command {
        ProfileCommand::List => list()?,
        ProfileCommand::Show { name } => {
            // An unknown name is refused with the list of names.
            profile(name)?;
            let built_in = BUILT_IN.iter().find(|(known, _)| known == name);
            print_file(built_in.map_or("", |(_, text)| text).trim_end())?;
        }
        ProfileCommand::Check { file, all } => {
            let origin = file.display().to_string();
            let (profile, _) = profile_file(file)?;
            let valid = emphasised(Emphasis::Good, "valid");
            print(&format!("{origin}: {valid}, digest {}", profile.digest()))?;
            print(&meaning(&profile, *all))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<(), CliError> {
    let mut rows = Vec::new();
    for (name, _) in BUILT_IN {
        let (profile, _) = profile(name)?;
        rows.push(format!("{name:<12}  {}", profile.description()));
    }
    print(&rows.join("\n"))?;
    print("next: neonbench profile show documented")
}

/// Limits and mean service times in a table, and what else the profile does.
fn meaning(profile: &Profile, all: bool) -> String {
    let or_none = |figure: Option<u32>| figure.map_or("none".to_owned(), |it| it.to_string());
    let row = |endpoint: Endpoint| {
        let mean = profile.law(endpoint).mean();
        vec![
            endpoint.name().to_owned(),
            or_none(profile.pool(endpoint)),
            or_none(profile.per_second(endpoint)),
            duration(mean.as_secs_f64()),
        ]
    };
    let header = "endpoint | pool | per second | mean response";
    let of_migrations = |it: &Endpoint| all || MIGRATION.contains(it);
    let shown: Vec<Endpoint> = Endpoint::ALL.into_iter().filter(of_migrations).collect();
    let others = Endpoint::ALL.len() - shown.len();
    let mut lines = vec![table(header, shown.into_iter().map(row))];
    if others > 0 {
        lines.push(format!(
            "and {} that no migration calls; --all lists them",
            plural(others as u64, "endpoint")
        ));
    }
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
        "{shared}; {} refused after {}{told}",
        match limits.queue {
            0 => "calls beyond them are".to_owned(),
            queue => format!("beyond them {} may wait, and the others are", plural(queue.into(), "call")),
        },
        duration(limits.reject_after.as_secs_f64())
    ));
    let classes = Class::ALL.map(Class::name).join(", ");
    lines.push(format!("response times by class: {classes}"));
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
        lines.push(
            "evidence: forecasts are drawn from the calls that the file was fitted to".to_owned(),
        );
        lines.extend(fit.not_shown.iter().map(|not_shown| format!("not known: {not_shown}")));
    }
    lines.join("\n")
}

/// A fault table in words.
fn words(fault: &Fault) -> String {
    let kinds: Vec<String> = fault.kinds.iter().map(ToString::to_string).collect();
    let which = match fault.trigger {
        Trigger::Share(part) => format!("{} of the calls", share(part)),
        Trigger::First(first) => format!("the first {}", plural(first, "call")),
        Trigger::Every(every) => format!("one call in {every}"),
    };
    let named = Endpoint::ALL.into_iter().filter(|endpoint| fault.endpoints[endpoint.index()]);
    let named: Vec<&str> = named.map(Endpoint::name).collect();
    let mut words = vec![format!("{which}: {}", kinds.join(", "))];
    if named.len() < Endpoint::ALL.len() {
        words.push(format!("on {}", named.join(", ")));
    }
    if let Some(poison) = &fault.accounts {
        let records = plural(poison.records.len() as u64, "account");
        words.push(format!("on {records} by id and {} of all", share(poison.share)));
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
