//! The certificate of a preflight: demanded by `run`, written by `preflight`.

mod signatures;

use super::args::StoreArgs;
use super::error::CliError;
use super::files::{Output, Readers, bytes};
use super::inputs::Inputs;
use super::output::{count, second};
use super::plan::fields_of;
use super::selection::selected_at;
use super::stored::now_unix_s;
use clap::Args;
use neon_mock::api::{AccountId, CustomField};
use neon_mock::bounds::DATA_BYTES;
use neonbench::digest::sha256;
use neonbench::preflight::certificate::{
    CertificateChange, CertificateScope, CertifiedJob, CertifiedSubjects, Statement, ToolIdentity,
    check, short_name,
};
use neonbench::store::{CertificateChain, Store};
use neonbench_engine::engine::{Settings, Stop};
use neonbench_engine::measure::Measure;
use neonbench_engine::plan::Selection;
use neonbench_engine::record::CallCounts;
use neonbench_engine::run::{RunError, RunSpec, World};
use neonbench_engine::scenario::{Resources, Scenario, Workload};
use neonbench_engine::world::{HttpTransport, runtime};
use std::path::{Path, PathBuf};

/// The demand for a certificate.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "World")]
pub(super) struct CertificateArgs {
    /// Run only with a preflight's certificate that still holds [default: the newest of the plan in the store]
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    require_preflight: Option<Option<PathBuf>>,
    /// Number of people who must have signed that file, by `ssh-keygen -Y sign -n neonbench-preflight`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=9), requires = "signed_by")]
    signatures: Option<u32>,
    /// Signers whose signatures (FILE.sig*) count, as `ssh-keygen` lists allowed signers [default of --signatures: 1]
    #[arg(long, value_name = "FILE", requires = "require_preflight")]
    signed_by: Option<PathBuf>,
}

/// A migration as it stands at the target, to be certified or compared with a certificate.
#[derive(Debug)]
pub(super) struct CertifiableRun {
    /// All that a certificate is for.
    pub(super) scope: CertificateScope,
    /// The accounts that the plan selects there.
    pub(super) accounts: Vec<AccountId>,
    /// Calls that finding it out has taken at a remote server.
    pub(super) calls: CallCounts,
}

impl CertifiableRun {
    /// Reads the field definitions and finds the accounts of `order` at the target.
    ///
    /// Errors: the target cannot be read, or it was stopped.
    pub(super) fn read(
        inputs: &Inputs,
        order: &RunSpec<'_>,
        is_journaled: bool,
        stop: &Stop,
    ) -> Result<Self, CliError> {
        let (fields, found, calls) = organisation(inputs, order, stop)?;
        let run = Self::of(inputs, &order.settings, is_journaled, (&fields, found))?;
        Ok(Self { calls, ..run })
    }

    /// The same under `settings`, with the `fields` and the accounts that were `found` there. Where plan or flags list
    /// accounts, these count, whether they exist or not.
    ///
    /// Errors: the calibration or this program cannot be read.
    pub(super) fn of(
        inputs: &Inputs,
        settings: &Settings,
        is_journaled: bool,
        (fields, found): (&[CustomField], Vec<AccountId>),
    ) -> Result<Self, CliError> {
        let accounts = inputs.listed().unwrap_or(found);
        let job = CertifiedJob {
            plan: &inputs.scenario.plan,
            accounts: &accounts,
            fields,
            profile: &inputs.profile,
            calibration: &inputs.engine.selector.calibration()?,
            settings,
            goal: &inputs.goal(),
            is_journaled,
        };
        let subjects = CertifiedSubjects::new(&job);
        let scope = CertificateScope { tool: this_tool()?, site: inputs.site(), subjects };
        Ok(Self { scope, accounts, calls: CallCounts::NONE })
    }

    /// The scenario of exactly these accounts: a run that was checked searches for no others.
    ///
    /// Errors: none of a workload that made a scenario before.
    fn scenario(&self, inputs: &Inputs) -> Result<Scenario, CliError> {
        let workload = inputs.workload.clone();
        let (ids, resources) = (Some(self.accounts.clone()), Some(inputs.scenario.accounts()));
        Ok(Scenario::new(Workload { ids, resources, sample: None, ..workload })?)
    }
}

/// The field definitions and the accounts of `order`, and the calls that reading them took.
fn organisation(
    inputs: &Inputs,
    order: &RunSpec<'_>,
    stop: &Stop,
) -> Result<(Vec<CustomField>, Vec<AccountId>, CallCounts), CliError> {
    let World::ForeignHttp(target) = &inputs.world else {
        let organisation = order.scenario.organisation(order.settings.seed);
        let accounts = order.scenario.selected(&organisation);
        return Ok((organisation.definitions().to_vec(), accounts, CallCounts::NONE));
    };
    let transport = HttpTransport::new(target.clone()).map_err(RunError::Http)?;
    let fields = runtime().map_err(CliError::Runtime)?.block_on(fields_of(&transport))?;
    let mut measure = Measure::counting();
    let found = match &order.scenario.resources {
        Resources::Ids(ids) => ids.clone(),
        Resources::Search { criteria, most } => {
            let selection = Selection::Filter(criteria.clone());
            selected_at(target, &selection, *most, stop, &mut measure)?
        }
    };
    let look_up = CallCounts { total: 1, metadata: 1, ..CallCounts::NONE };
    Ok((fields, found, CallCounts::of_client(&measure).plus(look_up)))
}

/// This program.
///
/// Errors: its file cannot be read.
fn this_tool() -> Result<ToolIdentity, CliError> {
    let path = std::env::current_exe();
    let path = path.map_err(|source| CliError::Read { path: "neonbench".into(), source })?;
    let binary = std::fs::read(&path).map_err(|source| CliError::Read { path, source })?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(ToolIdentity { version, sha256: sha256(&binary) })
}

/// Keeps `statement` in the store, and writes it to `path`, for its owner alone. Returns its short name.
///
/// Errors: the store or the file cannot be written.
pub(super) fn write(
    statement: &Statement,
    path: Option<&Path>,
    store: &StoreArgs,
) -> Result<String, CliError> {
    let text = statement.to_json();
    let file = path.map(|path| Output::prepare(path, Readers::Owner)).transpose()?;
    if !store.no_store {
        Store::open(&store.store)?.add_certificate(&text, statement.predicate.issued)?;
    }
    file.map_or(Ok(()), |file| file.write(&text))?;
    Ok(short_name(&text))
}

/// A certificate that `run` was given.
struct GivenCertificate {
    /// Its name for people.
    name: String,
    statement: Statement,
}

/// A run that a certificate covers.
#[derive(Debug)]
pub(super) struct CoveredRun {
    /// The scenario, with the accounts that were compared.
    pub(super) scenario: Scenario,
    /// Calls that comparing it has taken at a remote server.
    pub(super) calls: CallCounts,
}

impl CertificateArgs {
    /// True if a run needs a certificate.
    pub(super) const fn is_demanded(&self) -> bool {
        self.require_preflight.is_some()
    }

    /// Checks the certificate that is demanded, if one is, against `order` as it stands at the target now.
    ///
    /// Errors: there is none, it does not hold, too few have signed it, or the target cannot be read.
    pub(super) fn cover(
        &self,
        inputs: &Inputs,
        order: &RunSpec<'_>,
        is_journaled: bool,
        (store, stop): (&StoreArgs, &Stop),
    ) -> Result<Option<CoveredRun>, CliError> {
        let Some(file) = &self.require_preflight else { return Ok(None) };
        let chain = store.read_if_any(|store| Ok(store.certificates()?))?.unwrap_or_default();
        // A signed file is judged before the target is asked anything.
        let given = file.as_deref().map(|file| self.read(file, &chain, store)).transpose()?;
        let now = CertifiableRun::read(inputs, order, is_journaled, stop)?;
        let given = given.map_or_else(|| self.newest(&chain, &now.scope, store), Ok)?;
        let GivenCertificate { name, statement } = &given;
        superseded(statement, &chain)?;
        check(statement, &now.scope, now_unix_s()).map_err(|changes| refused(name, &changes))?;
        Ok(Some(CoveredRun { scenario: now.scenario(inputs)?, calls: now.calls }))
    }

    /// The certificate in `file`, if enough people have signed it, or else if the store has written it.
    fn read(
        &self,
        file: &Path,
        chain: &CertificateChain,
        store: &StoreArgs,
    ) -> Result<GivenCertificate, CliError> {
        let text = bytes(file, &DATA_BYTES)
            .map_err(|source| CliError::Read { path: file.to_owned(), source })?;
        let form = |error: String| {
            CliError::usage(format!(
                "{}: {error}: expected a certificate of `neonbench preflight`",
                file.display()
            ))
        };
        let text = String::from_utf8(text).map_err(|error| form(error.to_string()))?;
        let statement = Statement::from_json(&text).map_err(|error| form(error.to_string()))?;
        if let Some(signers) = &self.signed_by {
            signatures::check(file, text.as_bytes(), signers, self.signatures.unwrap_or(1))?;
        } else if !chain.latest_first.iter().any(|kept| kept.text == text) {
            return Err(foreign(file, &statement, chain, store));
        }
        Ok(GivenCertificate { name: file.display().to_string(), statement })
    }

    /// The newest certificate of the plan of `scope`; else of its site, so that it is said what has changed.
    fn newest(
        &self,
        chain: &CertificateChain,
        scope: &CertificateScope,
        store: &StoreArgs,
    ) -> Result<GivenCertificate, CliError> {
        if self.signed_by.is_some() {
            return Err(CliError::usage(
                "--signed-by needs the file that was signed: --require-preflight FILE",
            ));
        }
        if store.no_store {
            return Err(CliError::usage("--require-preflight needs a FILE, or the store"));
        }
        let kept = statements(chain);
        let of_plan = kept.iter().find(|(_, it)| it.predicate.contents.plan == scope.subjects.plan);
        let of_site = || kept.iter().find(|(_, it)| it.predicate.site == scope.site);
        let found = of_plan.or_else(of_site).or(kept.first());
        let Some((name, statement)) = found else {
            let store = store.store.display();
            let why = match chain.broken_at {
                Some(id) => format!(
                    "certificate {id} in {store} was changed or removed, and those before it do not count"
                ),
                None => format!("{store} has no certificate"),
            };
            return Err(CliError::Guard(format!(
                "refused: {why}; make one by `neonbench preflight`; nothing was sent"
            )));
        };
        Ok(GivenCertificate { name: format!("certificate {name}"), statement: statement.clone() })
    }
}

/// The certificates of `chain` that can be read, with their short names, the latest first.
fn statements(chain: &CertificateChain) -> Vec<(String, Statement)> {
    let read = |text: &String| Some((short_name(text), Statement::from_json(text).ok()?));
    chain.latest_first.iter().filter_map(|kept| read(&kept.text)).collect()
}

/// The refusal of a file that the store has not written as it is.
fn foreign(
    file: &Path,
    statement: &Statement,
    chain: &CertificateChain,
    store: &StoreArgs,
) -> CliError {
    let (file, place) = (file.display(), store.store.display());
    let kept = statements(chain);
    let issued = statement.predicate.issued;
    let own = kept.iter().find(|(_, kept)| kept.predicate.issued == issued);
    let why = match (own, chain.broken_at) {
        (Some((_, own)), _) => {
            let mut edits = own.differences(statement);
            if edits.is_empty() {
                edits.push("its layout".to_owned());
            }
            format!("{file} was edited after it was written: {}", listed(&edits))
        }
        (None, Some(id)) => format!(
            "{file} is not in {place}, of which certificate {id} was changed or removed; those before it do not count"
        ),
        (None, None) => {
            format!("{file} is not in {place}, so nobody knows that it is as it was written")
        }
    };
    CliError::Guard(format!(
        "refused: {why}; make one here by `neonbench preflight`, or have it signed (--signed-by); nothing was sent"
    ))
}

/// Errors: `chain` has a later certificate of the same plan for the same organisation than `statement`.
fn superseded(statement: &Statement, chain: &CertificateChain) -> Result<(), CliError> {
    let of_same = |(_, kept): &&(String, Statement)| {
        let (kept, given) = (&kept.predicate, &statement.predicate);
        kept.site == given.site && kept.contents.plan == given.contents.plan
    };
    let kept = statements(chain);
    let later = kept.iter().find(of_same);
    match later.filter(|(_, it)| it.predicate.issued > statement.predicate.issued) {
        None => Ok(()),
        Some((name, later)) => Err(CliError::Guard(format!(
            "refused: certificate {name} of {} UTC is a later preflight of this plan, and counts instead; nothing was \
             sent",
            second(later.predicate.issued)
        ))),
    }
}

fn refused(name: &str, changes: &[CertificateChange]) -> CliError {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    CliError::Guard(format!(
        "refused: {name} does not hold: {}; make a new one by `neonbench preflight`; nothing was written",
        changes.join("; ")
    ))
}

/// The first of `words`, and the number of the others.
fn listed(words: &[String]) -> String {
    const MOST: usize = 6;
    let (named, more) = words.split_at(words.len().min(MOST));
    let more = if more.is_empty() {
        String::new()
    } else {
        format!("; and {} more", count(more.len() as u64))
    };
    format!("{}{more}", named.join("; "))
}
