//! `neonbench dataset`: the synthetic organisations.

use super::command_line::CommandLine;
use super::error::CliError;
use super::files::custom_fields;
use super::inputs::dataset;
use super::output::{percent, print, table};
use clap::Subcommand;
use neon_mock::api::{AccountId, CustomField};
use neon_mock::dataset::{BUILT_IN, WireDataset, import};
use neon_mock::org::Organisation;
use neonbench_engine::scenario::MAX_ACCOUNTS;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Verbs of `dataset`.
#[derive(Debug, Subcommand)]
pub(super) enum DatasetCommand {
    /// Every built-in dataset, a line each
    List,
    /// Fields, shares and a sample account of a dataset
    Describe {
        /// A built-in name, or a TOML file
        name: String,
        /// Mappings: how many numbers `#` stands for
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        mappings: u32,
        /// Accounts to look at
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=MAX_ACCOUNTS))]
        resources: u64,
        /// Seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// A dataset file with the fields, options and ids of your own organisation
    Import {
        /// A saved answer of `GET /customFields?category=Account`: the bare JSON array
        #[arg(long, value_name = "FILE")]
        custom_fields: PathBuf,
        /// Where to write it [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// A built-in dataset as a file, to start your own from
    Export {
        /// A built-in name
        name: String,
    },
}

pub(super) fn run(command: &DatasetCommand, line: &CommandLine) -> Result<ExitCode, CliError> {
    match command {
        DatasetCommand::List => {
            for (name, text) in BUILT_IN {
                let wire: WireDataset = toml::from_str(text).expect("a built-in dataset is valid");
                print(&format!("{name:<14} {}", wire.description))?;
            }
            print("next: neonbench dataset describe v-fields")?;
        }
        DatasetCommand::Describe { name, mappings, resources, seed } => {
            describe(name, *mappings, *resources, *seed)?;
        }
        DatasetCommand::Import { custom_fields, out } => {
            import_file(custom_fields, out.as_deref(), line)?;
        }
        DatasetCommand::Export { name } => export(name)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(name: &str, mappings: u32, resources: u64, seed: u64) -> Result<(), CliError> {
    let dataset = dataset(name)?.load(mappings)?;
    let organisation = Organisation::new(&dataset, resources, seed);
    let mut filled = vec![0_u64; organisation.definitions().len()];
    for id in (1..=resources).map(AccountId) {
        for (field, _) in organisation.values(id) {
            let position =
                organisation.definitions().iter().position(|definition| definition.id == field);
            filled[position.expect("a value belongs to a field")] += 1;
        }
    }
    let row = |(definition, filled): (&CustomField, &u64)| {
        vec![
            definition.name.to_string(),
            definition.id.to_string(),
            format!("{:?}", definition.display_type),
            format!("{:?}", definition.account_type()),
            definition.option_values.len().to_string(),
            percent(*filled as f64 / resources as f64),
        ]
    };
    let rows = organisation.definitions().iter().zip(&filled).map(row);
    print(&table("field | id | type | accounts | options | filled", rows))?;
    if let Some(account) = organisation.account(AccountId(1)) {
        let json = serde_json::to_string_pretty(&account).expect("accounts are JSON");
        print(&format!("account 1 of seed {seed}:\n{json}"))?;
    }
    Ok(())
}

fn import_file(answer: &Path, out: Option<&Path>, line: &CommandLine) -> Result<(), CliError> {
    let imported = import(&custom_fields(answer)?);
    for sentence in &imported.left_out {
        eprintln!("warning: {sentence}");
    }
    if imported.fields == 0 {
        let file = answer.display();
        return Err(CliError::usage(format!("{file}: there is no field in it to import")));
    }
    let Some(out) = out else { return print(imported.text.trim_end()) };
    std::fs::write(out, &imported.text)
        .map_err(|source| CliError::Write { path: out.to_owned(), source })?;
    let (file, fields) = (out.display(), imported.fields);
    let next = line.to("dataset describe").with("name", &file);
    print(&format!("{file}: {fields} fields\nnext: {next}"))
}

fn export(name: &str) -> Result<(), CliError> {
    let (_, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name).ok_or_else(|| {
        let known = BUILT_IN.map(|(name, _)| format!("`{name}`")).join(", ");
        CliError::usage(format!("there is no dataset `{name}`; built in are {known}"))
    })?;
    print(text.trim_end())
}
