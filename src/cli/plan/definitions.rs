//! The field definitions that a plan is checked against.

use crate::cli::args::CredentialArgs;
use crate::cli::error::CliError;
use crate::cli::files;
use crate::cli::inputs::{dataset, readable_target};
use clap::Args;
use neon_mock::api::{Body, Category, CustomField, Request};
use neon_mock::org::Organisation;
use neonbench_engine::run::RunError;
use neonbench_engine::transport::Transport;
use neonbench_engine::world::HttpTransport;
use neonbench_engine::world::runtime;
use std::path::PathBuf;

/// Whose fields; one of the three.
#[derive(Debug, Args)]
#[group(id = "organisation", required = true, multiple = false)]
pub(super) struct DefinitionSource {
    /// Built-in dataset, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    dataset: Option<String>,
    /// Saved response to `GET /customFields?category=Account`: a JSON array
    #[arg(long, value_name = "FILE")]
    custom_fields: Option<PathBuf>,
    /// Server, with its base path; only its field definitions are read
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

/// Whose fields, and the credentials to read them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Organisation")]
pub(in crate::cli) struct OrganisationArgs {
    #[command(flatten)]
    choice: DefinitionSource,
    #[command(flatten)]
    credentials: CredentialArgs,
}

impl OrganisationArgs {
    /// Reads the definitions, and says whose they are; a dataset has `mappings` fields for each `#`.
    pub(super) fn read(&self, mappings: u32) -> Result<(String, Vec<CustomField>), CliError> {
        let DefinitionSource { dataset: name, custom_fields, base_url } = &self.choice;
        if let Some(name) = name {
            let dataset = dataset(name)?.load(mappings)?;
            let fields = Organisation::new(&dataset, 1, 1).definitions().to_vec();
            return Ok((format!("dataset {name}"), fields));
        }
        if let Some(path) = custom_fields {
            return Ok((path.display().to_string(), files::custom_fields(path)?));
        }
        let base_url = base_url.as_deref().unwrap_or_default();
        let transport = HttpTransport::new(readable_target(base_url, &self.credentials)?)
            .map_err(RunError::Http)?;
        let fields = runtime().map_err(CliError::Runtime)?.block_on(fields_of(&transport))?;
        Ok((base_url.to_owned(), fields))
    }
}

/// The definitions that the server lists.
pub(super) async fn fields_of(transport: &HttpTransport) -> Result<Vec<CustomField>, CliError> {
    let request = Request::ListCustomFields(Category::Account);
    let failed =
        |reason: String| CliError::Target(format!("cannot read the field definitions: {reason}"));
    let response = transport.call(&request).await.map_err(|error| failed(error.to_string()))?;
    match response.body {
        Body::CustomFields(fields) if response.status.is_success() => Ok(fields.to_vec()),
        _ => Err(failed(format!("the server answered {}", response.status.0))),
    }
}
