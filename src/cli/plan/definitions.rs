//! The field definitions that a plan is checked against.

use crate::cli::args::CredentialArgs;
use crate::cli::error::CliError;
use crate::cli::files;
use crate::cli::inputs::{dataset, readable_target};
use clap::Args;
use neon_mock::api::{
    Body, Category, Criterion, CustomField, FieldId, MAX_PAGE_SIZE, Operator, OutputField, Page,
    Request, SearchAccounts,
};
use neon_mock::org::Organisation;
use neonbench_engine::plan::{Plan, ResolvedPlan, SampledTexts};
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::{sampled_texts, unmapped_warnings};
use neonbench_engine::transport::Transport;
use neonbench_engine::world::runtime;
use neonbench_engine::world::{HttpTransport, Target};
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
    /// Server, with its base path; its field definitions are read, and 200 values of each text field that a map reads
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

/// The organisation that a plan is checked against.
#[derive(Debug)]
pub(super) struct CheckedAgainst {
    /// Name of the organisation, for people.
    pub(super) name: String,
    /// Its field definitions.
    pub(super) fields: Vec<CustomField>,
    /// Texts that the plan's maps read, as far as a sample shows them.
    pub(super) sample: SampledTexts,
}

impl OrganisationArgs {
    /// Reads the definitions, and a sample of the texts that maps of `plan` look up: of a dataset the first
    /// accounts, at a server one page of a search for each such field.
    pub(super) fn read(&self, plan: &Plan) -> Result<CheckedAgainst, CliError> {
        let DefinitionSource { dataset: name, custom_fields, base_url } = &self.choice;
        if let Some(name) = name {
            let dataset = dataset(name)?.load(plan.mappings.len() as u32)?;
            let organisation = Organisation::new(&dataset, 200, 1);
            let fields = organisation.definitions().to_vec();
            let sample = sampled_texts(plan, &organisation);
            return Ok(CheckedAgainst { name: format!("dataset {name}"), fields, sample });
        }
        if let Some(path) = custom_fields {
            let (name, fields) = (path.display().to_string(), files::custom_fields(path)?);
            return Ok(CheckedAgainst { name, fields, sample: SampledTexts::new() });
        }
        let base_url = base_url.as_deref().unwrap_or_default();
        let transport = HttpTransport::new(readable_target(base_url, &self.credentials)?)
            .map_err(RunError::Http)?;
        let read = definitions_and_sample(&transport, plan);
        let (fields, sample) = runtime().map_err(CliError::Runtime)?.block_on(read)?;
        Ok(CheckedAgainst { name: base_url.to_owned(), fields, sample })
    }
}

/// The definitions at the server, and one page of texts of each field that a map of `plan` looks up.
async fn definitions_and_sample(
    transport: &HttpTransport,
    plan: &Plan,
) -> Result<(Vec<CustomField>, SampledTexts), CliError> {
    let fields = fields_of(transport).await?;
    let mut sample = SampledTexts::new();
    let task = ResolvedPlan::resolve(plan, &fields);
    for field in task.iter().flat_map(ResolvedPlan::looked_up) {
        // Without a page of its texts, the field is checked as far as its definition goes.
        if let Some(texts) = texts_of(transport, field).await {
            sample.insert(field, texts);
        }
    }
    Ok((fields, sample))
}

/// Warnings of the values at `target` for which a map of `plan` has no entry.
pub(in crate::cli) fn unmapped_at(target: &Target, plan: &Plan) -> Result<Vec<String>, CliError> {
    let transport = HttpTransport::new(target.clone()).map_err(RunError::Http)?;
    let read = definitions_and_sample(&transport, plan);
    let (fields, sample) = runtime().map_err(CliError::Runtime)?.block_on(read)?;
    Ok(unmapped_warnings(plan, &fields, &sample))
}

/// The texts of one page of accounts on which `field` is filled; `None` if the server does not serve it.
async fn texts_of(transport: &HttpTransport, field: FieldId) -> Option<Vec<String>> {
    let filled = Criterion {
        field: field.to_string(),
        operator: Operator::NotBlank,
        value: None,
        value_list: None,
    };
    let search = SearchAccounts {
        search_fields: vec![filled],
        output_fields: vec![OutputField::Id(field)],
        pagination: Page { page_size: MAX_PAGE_SIZE, ..Page::default() },
    };
    let response = transport.call(&Request::SearchAccounts(search)).await.ok()?;
    let Body::Search(page) = response.body else { return None };
    let cells = page.search_results.into_iter().flat_map(|row| row.0);
    Some(cells.filter_map(|(_, cell)| cell.map(Into::into)).collect())
}

/// The definitions that the server lists.
pub(in crate::cli) async fn fields_of(
    transport: &HttpTransport,
) -> Result<Vec<CustomField>, CliError> {
    let request = Request::ListCustomFields(Category::Account);
    let failed =
        |reason: String| CliError::Target(format!("cannot read the field definitions: {reason}"));
    let response = transport.call(&request).await.map_err(|error| failed(error.to_string()))?;
    match response.body {
        Body::CustomFields(fields) if response.status.is_success() => Ok(fields.to_vec()),
        _ => Err(failed(format!("the server answered {}", response.status.0))),
    }
}
