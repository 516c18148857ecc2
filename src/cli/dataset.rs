//! `neonbench dataset`: the synthetic organisations.

use super::command_line::CommandLine;
use super::error::CliError;
use super::files::{self, custom_fields};
use super::inputs::dataset;
use super::output::{percent, plural, print, print_file, table};
use super::progress::LiveLine;
use super::terminal::complain;
use clap::Subcommand;
use neon_mock::api::{AccountId, CustomField};
use neon_mock::bounds::MAPPINGS;
use neon_mock::dataset::{BUILT_IN, WireDataset, import};
use neon_mock::org::Organisation;
use neonbench_engine::scenario::MAX_ACCOUNTS;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Verbs of `dataset`.
#[derive(Debug, Subcommand)]
pub(super) enum DatasetCommand {
    /// List the built-in datasets
    List,
    /// Show the fields of a dataset, and a sample account
    Describe {
        /// Built-in name, or a TOML file
        name: String,
        /// Number of mappings, which is the number of fields for each `#` in a name
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAPPINGS.most())))]
        mappings: u32,
        /// Number of accounts to look at
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=MAX_ACCOUNTS))]
        resources: u64,
        /// Seed of the organisation
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Make a dataset file with the fields of your own organisation
    Import {
        /// Saved response to `GET /customFields?category=Account`: a JSON array
        #[arg(long, value_name = "FILE")]
        custom_fields: PathBuf,
        /// File to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print a built-in dataset as a file, to start your own from
    Export {
        /// Built-in name
        name: String,
    },
}

pub(super) fn run(command: &DatasetCommand, line: &CommandLine) -> Result<ExitCode, CliError> {
    match command {
        DatasetCommand::List => {
            for (name, text) in BUILT_IN {
                let wire: WireDataset = toml::from_str(text).expect("a built-in dataset is valid");
                print(&format!("{name:<14}  {}", wire.description))?;
            }
            print("next: neonbench dataset describe v-fields")?;
        }
        DatasetCommand::Describe { name, mappings, resources, seed } => {
            let status = LiveLine::new(line, 1);
            status.step(format!("counting values in {}", plural(*resources, "account")));
            let text = described(name, *mappings, *resources, *seed)?;
            drop(status);
            print(&text.fields)?;
            if let Some((head, account)) = text.account {
                print(&head)?;
                print_file(&account)?;
            }
        }
        DatasetCommand::Import { custom_fields, out } => {
            import_file(custom_fields, out.as_deref(), line)?;
        }
        DatasetCommand::Export { name } => export(name)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A dataset in words.
struct DescribedDataset {
    fields: String,
    /// The first account in JSON, and a line above it.
    account: Option<(String, String)>,
}

fn described(
    name: &str,
    mappings: u32,
    resources: u64,
    seed: u64,
) -> Result<DescribedDataset, CliError> {
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
            match definition.data_type.as_deref() {
                Some(data_type) if data_type != "Text" => {
                    format!("{:?} ({data_type})", definition.display_type)
                }
                _ => format!("{:?}", definition.display_type),
            },
            format!("{:?}", definition.account_type()),
            definition.option_values.len().to_string(),
            percent(*filled as f64 / resources as f64),
        ]
    };
    let rows = organisation.definitions().iter().zip(&filled).map(row);
    let fields = table("field | ?id | type | ?accounts | options | filled", rows);
    let account = organisation.account(AccountId(1)).map(|account| {
        let json = serde_json::to_string_pretty(&account).expect("accounts are JSON");
        (format!("account 1 of seed {seed}:"), json)
    });
    Ok(DescribedDataset { fields, account })
}

fn import_file(answer: &Path, out: Option<&Path>, line: &CommandLine) -> Result<(), CliError> {
    let imported = import(&custom_fields(answer)?);
    for sentence in &imported.left_out {
        complain(format_args!("warning: {sentence}"));
    }
    if imported.fields == 0 {
        let file = answer.display();
        return Err(CliError::usage(format!("{file}: the file has no field to import")));
    }
    let Some(out) = out else { return print_file(imported.text.trim_end()) };
    files::write(out, &imported.text)?;
    let (file, fields) = (out.display(), imported.fields);
    let next = line.to("dataset describe").with("name", &file);
    print(&format!("written: {file}, with {}\nnext: {next}", plural(fields as u64, "field")))
}

fn export(name: &str) -> Result<(), CliError> {
    let (_, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name).ok_or_else(|| {
        let known = BUILT_IN.map(|(name, _)| format!("`{name}`")).join(", ");
        CliError::usage(format!("there is no built-in dataset `{name}`; there are {known}"))
    })?;
    print_file(text.trim_end())
}
