//! The certificate of a preflight: demanded by `run`, written by `preflight`.

mod signatures;

use super::args::StoreArgs;
use super::command_line::CommandLine;
use super::error::CliError;
use super::files::{Output, Readers, bytes};
use super::inputs::Inputs;
use super::output::second;
use super::plan::fields_of;
use super::selection::selected_at;
use super::stored::now_unix_s;
use clap::Args;
use neon_mock::api::{AccountId, CustomField};
use neon_mock::bounds::DATA_BYTES;
use neonbench::digest::sha256;
use neonbench::preflight::certificate::{
    CertificateScope, CertifiedJob, CertifiedSubjects, Statement, ToolIdentity, check, short_name,
};
use neonbench::store::{Site, Store};
use neonbench::text::first_of;
use neonbench_engine::engine::{Settings, Stop};
use neonbench_engine::measure::Measure;
use neonbench_engine::plan::Selection;
use neonbench_engine::record::CallCounts;
use neonbench_engine::run::{RunError, RunSpec, World};
use neonbench_engine::scenario::{Resources, Scenario, Workload};
use neonbench_engine::world::{HttpTransport, runtime};
use std::fmt;
use std::path::{Path, PathBuf};

/// Edits of a file that a sentence names.
const MOST_EDITS: usize = 6;

/// The demand for a certificate.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "World")]
pub(super) struct CertificateArgs {
    /// Run only with a preflight's certificate that still holds [default: the newest one of the plan in the store]
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(
        clippy::option_option,
        reason = "absent, alone and with a file are three things here"
    )]
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
    let file = path.map(|path| Output::prepare(path, Readers::Owner)?.fill(&text)).transpose()?;
    if !store.no_store {
        Store::open(&store.store)?.add_certificate(&text, statement.predicate.issued)?;
    }
    file.map_or(Ok(()), Output::keep)?;
    Ok(short_name(&text))
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
        (store, line): (&StoreArgs, &CommandLine),
    ) -> Result<Option<CoveredRun>, CliError> {
        let Some(file) = &self.require_preflight else { return Ok(None) };
        let chain = store.read_if_any(|store| Ok(store.certificates()?))?.unwrap_or_default();
        let kept = chain.latest_first.iter().filter_map(|kept| {
            let (name, text) =
                (format!("certificate {}", short_name(&kept.text)), kept.text.clone());
            Some(GivenCertificate { name, statement: Statement::from_json(&text).ok()?, text })
        });
        let demand =
            Demand { args: self, store, line, kept: kept.collect(), broken_at: chain.broken_at };
        // A file is judged before the comparison asks the target anything.
        let given = file.as_deref().map(|file| demand.read(file)).transpose()?;
        let now = CertifiableRun::read(inputs, order, is_journaled, Stop::NEVER)?;
        let given = given.map_or_else(|| demand.newest(&now.scope), Ok)?;
        demand.superseded(&given)?;
        check(&given.statement, &now.scope, now_unix_s()).map_err(|changes| {
            let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
            demand.refused(format_args!("{} does not hold: {}", given.name, changes.join("; ")))
        })?;
        line.note(format_args!("{} covers this run", given.name));
        Ok(Some(CoveredRun { scenario: now.scenario(inputs)?, calls: now.calls }))
    }
}

/// A certificate, from a file or from the store.
#[derive(Clone, Debug)]
struct GivenCertificate {
    /// Its name for people.
    name: String,
    text: String,
    statement: Statement,
}

impl GivenCertificate {
    fn is_of_plan(&self, contents: &CertifiedSubjects) -> bool {
        self.statement.predicate.contents.plan == contents.plan
    }

    fn is_at(&self, site: &Site) -> bool {
        self.statement.predicate.site == *site
    }
}

/// The demand for a certificate, and the ones that the store keeps.
struct Demand<'a> {
    args: &'a CertificateArgs,
    store: &'a StoreArgs,
    line: &'a CommandLine,
    /// The latest first.
    kept: Vec<GivenCertificate>,
    /// Number of a certificate that was changed or removed; those before it do not count.
    broken_at: Option<i64>,
}

impl Demand<'_> {
    /// The certificate in `file`, if enough people have signed it, or else if the store has written it.
    fn read(&self, file: &Path) -> Result<GivenCertificate, CliError> {
        let text = bytes(file, &DATA_BYTES)
            .map_err(|source| CliError::Read { path: file.to_owned(), source })?;
        let name = file.display().to_string();
        let form = |error: String| {
            let expected = "expected a certificate of `neonbench preflight`";
            CliError::usage(format!("{name}: {error}: {expected}"))
        };
        let text = String::from_utf8(text).map_err(|error| form(error.to_string()))?;
        let statement = Statement::from_json(&text).map_err(|error| form(error.to_string()))?;
        let given = GivenCertificate { name, text, statement };
        if let Some(signers) = &self.args.signed_by {
            let needed = self.args.signatures.unwrap_or(1);
            signatures::check(file, given.text.as_bytes(), signers, needed)?;
        } else if !self.kept.iter().any(|kept| kept.text == given.text) {
            return Err(self.foreign(&given));
        }
        Ok(given)
    }

    /// The newest certificate of the plan of `scope` at its site; else one that comes near, so that it is said what
    /// has changed.
    fn newest(&self, scope: &CertificateScope) -> Result<GivenCertificate, CliError> {
        if self.args.signed_by.is_some() {
            return Err(CliError::usage(
                "--signed-by needs the file that was signed: --require-preflight FILE",
            ));
        }
        if self.store.no_store {
            return Err(CliError::usage("--require-preflight needs a FILE, or the store"));
        }
        let nearness = |it: &&GivenCertificate| {
            let (is_of_plan, is_there) = (it.is_of_plan(&scope.subjects), it.is_at(&scope.site));
            std::cmp::Reverse((is_of_plan && is_there, is_of_plan, is_there))
        };
        let place = self.store.store.display();
        // The first of those that are equally near is the latest.
        self.kept.iter().min_by_key(nearness).cloned().ok_or_else(|| match self.broken_at {
            Some(id) => self.refused(format_args!(
                "certificate {id} in {place} was changed or removed, and those before it do not count"
            )),
            None => self.refused(format_args!("{place} has no certificate")),
        })
    }

    /// The refusal of a file that the store has not written as it is.
    fn foreign(&self, given: &GivenCertificate) -> CliError {
        let (file, place) = (&given.name, self.store.store.display());
        let issued = given.statement.predicate.issued;
        let own = self.kept.iter().find(|kept| kept.statement.predicate.issued == issued);
        match (own, self.broken_at) {
            (Some(own), _) => {
                let mut edits = own.statement.differences(&given.statement);
                if edits.is_empty() {
                    edits.push("its layout".to_owned());
                }
                let edits = first_of(&edits, MOST_EDITS, "; ");
                self.refused(format_args!("{file} was edited after it was written: {edits}"))
            }
            (None, Some(id)) => self.refused(format_args!(
                "{file} is not in {place}, of which certificate {id} was changed or removed; those before it do not \
                 count"
            )),
            (None, None) => self.refused(format_args!(
                "{file} is not in {place}, and nobody has signed it (--signed-by), so that nobody knows that it is as \
                 it was written"
            )),
        }
    }

    /// Errors: the store has a later certificate of the same plan at the same site than `given`.
    fn superseded(&self, given: &GivenCertificate) -> Result<(), CliError> {
        let GivenCertificate { text, statement: Statement { predicate, .. }, .. } = given;
        let mut after = self.kept.iter().take_while(|kept| kept.text != *text);
        let later = after.find(|kept| {
            let is_later = kept.statement.predicate.issued >= predicate.issued;
            is_later && kept.is_at(&predicate.site) && kept.is_of_plan(&predicate.contents)
        });
        later.map_or(Ok(()), |later| {
            let at = second(later.statement.predicate.issued);
            Err(self.refused(format_args!(
                "{} of {at} UTC is a later preflight of this plan, and counts instead of {}",
                later.name, given.name
            )))
        })
    }

    /// The refusal of a run for that reason, with the command that makes another certificate.
    fn refused(&self, why: impl fmt::Display) -> CliError {
        // There it is the size of the trial.
        let next = self.line.to("preflight").without(&["sample"]);
        CliError::Guard(format!("refused: {why}; nothing was written (next: {next})"))
    }
}
