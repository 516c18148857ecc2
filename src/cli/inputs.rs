//! From flags and files to scenarios, settings and worlds.

mod target;

pub(super) use target::{readable_target, writable_target};

use super::args::{EngineArgs, Switch, WorkloadArgs, WorldArgs};
use super::error::CliError;
use super::files::{bytes, read};
use super::owner;
use super::terminal::complain;
use neon_mock::api::AccountId;
use neon_mock::bounds::FILE_BYTES;
use neon_mock::profile::Profile;
use neonbench::experiment::{Candidate, Constraint, Goal, Portfolio};
use neonbench::probe::TargetFit;
use neonbench::select::{ChoiceRequest, ChosenBy, KnownTarget, StrategyChoice};
use neonbench::store::{Claimant, Header, Lease, ProfileText, Site, Store, StoreError};
use neonbench_engine::engine::limiter::{ExpectedEcho, Limiter};
use neonbench_engine::engine::{Guard, Reads, Settings, Strategy};
use neonbench_engine::near::no_such;
use neonbench_engine::plan::{Plan, Selection, parse_ids};
use neonbench_engine::record::WorldName;
use neonbench_engine::run::{RunError, RunSpec, World};
use neonbench_engine::scenario::{
    self, DatasetSource, Resources, Scenario, ScenarioError, WireScenario, Workload,
};
use neonbench_engine::world::Target;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use target::{called_target, check_writable};

/// Credentials of the mock where none are given.
pub(super) const DEMO: &str = "demo";

/// The profile where none is named.
const DEFAULT_PROFILE: &str = "documented";

/// The inputs of a command: flags override the scenario file, which overrides the defaults.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) scenario: Scenario,
    /// The workload that the scenario was made from.
    pub(super) workload: Workload,
    pub(super) world: World,
    /// The profile in force, and its name.
    pub(super) profile: ProfileText,
    /// The scenario file as it stands; empty where there is none.
    pub(super) file: WireScenario,
    pub(super) engine: EngineArgs,
    /// True if flags or scenario file name a profile, so that the target's limits are known.
    names_profile: bool,
}

/// The room that a constraint on the echo asks for, by the integrations of `profile`.
fn learnt_echo(profile: &Profile, constraints: &[Constraint]) -> Option<ExpectedEcho> {
    let integration = profile.integration()?;
    let below = constraints.iter().filter_map(|constraint| match constraint {
        Constraint::EchoBelow(share) => Some((share * 10_000.0).round() as u32),
        _ => None,
    });
    let refused_per_10k = below.min()?;
    let calls = NonZeroU32::new(integration.calls)?;
    Some(ExpectedEcho { calls, delay: integration.delay.0, refused_per_10k })
}

/// The purpose that inputs are read for.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Run,
    Show,
    Serve,
}

impl Inputs {
    /// Reads all files and checks all flags, before anything runs.
    ///
    /// Errors: a file cannot be read or is invalid; flags contradict each other; the production guard
    /// refuses the address.
    pub(super) fn read(
        workload: &WorkloadArgs,
        engine: &EngineArgs,
        world: &WorldArgs,
    ) -> Result<Self, CliError> {
        Self::read_as(workload, engine, world, Purpose::Run)
    }

    /// The same, to be shown: no server is asked whether it is the mock.
    ///
    /// Errors: as for [`read`](Self::read).
    pub(super) fn to_show(
        workload: &WorkloadArgs,
        engine: &EngineArgs,
        world: &WorldArgs,
    ) -> Result<Self, CliError> {
        Self::read_as(workload, engine, world, Purpose::Show)
    }

    /// The inputs of an organisation that is only served, and needs no mappings.
    ///
    /// Errors: as for [`read`](Self::read).
    pub(super) fn to_serve(workload: &WorkloadArgs, engine: &EngineArgs) -> Result<Self, CliError> {
        Self::read_as(workload, engine, &WorldArgs::default(), Purpose::Serve)
    }

    fn read_as(
        workload: &WorkloadArgs,
        engine: &EngineArgs,
        world: &WorldArgs,
        purpose: Purpose,
    ) -> Result<Self, CliError> {
        let file = scenario_file(workload.scenario.as_deref())?;
        let names_profile = workload.profile.is_some() || file.profile.is_some();
        let asked = workload;
        let (mut workload, profile) = merge(asked, &file, purpose == Purpose::Serve)?;
        let mut engine = engine.clone();
        workload.seed = engine.seed.or(file.seed);
        // A plan that says so is never written, whatever a script leaves out.
        engine.dry_run |=
            workload.plan.as_ref().is_some_and(|plan| plan.hints.dry_run == Some(true));
        let access = &world.access;
        let world = self::world(world, &mut workload, engine.dry_run)?;
        let scenario = Scenario::new(workload.clone())
            .map_err(|error| two_organisations(asked, &file, error))?;
        let goal = &mut engine.selector.goal;
        // Room that is asked for is the adaptive limiter's to leave, also in a choice; a constraint leaves others.
        if goal.echo.is_some()
            && let limiter @ (Limiter::None | Limiter::Fixed(_)) =
                *engine.limiter.get_or_insert(Limiter::adaptive(0))
        {
            return Err(CliError::usage(format!(
                "--echo needs --limiter adaptive; the limiter is {limiter}"
            )));
        }
        goal.echo = goal.echo.or_else(|| learnt_echo(&scenario.profile, &goal.constraint));
        let inputs = Self { scenario, workload, world, profile, file, engine, names_profile };
        inputs.settings(Strategy::Standard)?;
        if let World::ForeignHttp(target) = &inputs.world
            && purpose == Purpose::Run
            && !inputs.engine.dry_run
        {
            check_writable(target, access)?;
        }
        Ok(inputs)
    }

    /// Refuses several runs against a server that keeps what the first one wrote.
    pub(super) fn several_runs(&self) -> Result<(), CliError> {
        if matches!(self.world, World::ForeignHttp(_)) && !self.engine.dry_run {
            return Err(CliError::usage(
                "this makes several runs, and the first would leave nothing to do for the others: add --dry-run, \
                 or leave out --base-url",
            ));
        }
        Ok(())
    }

    /// True if flags or scenario file name a profile, so that the target's limits are known.
    pub(super) const fn names_profile(&self) -> bool {
        self.names_profile
    }

    /// The seed in force.
    pub(super) fn seed(&self) -> u64 {
        self.engine.seed.or(self.file.seed).unwrap_or(1)
    }

    /// The strategy asked for; `None` leaves it to the selector.
    pub(super) fn strategy(&self) -> Option<Strategy> {
        self.engine.strategy.flatten()
    }

    /// The strategies to benchmark: the one asked for, or all.
    pub(super) fn strategies(&self) -> Vec<Strategy> {
        self.strategy().map_or_else(|| Strategy::ALL.to_vec(), |strategy| vec![strategy])
    }

    /// The settings in force, for `strategy`.
    pub(super) fn settings(&self, strategy: Strategy) -> Result<Settings, CliError> {
        let Given { workers, batch_size, .. } = self.given()?;
        let mut settings = Settings::new(strategy);
        settings.workers = workers.unwrap_or(settings.workers);
        settings.batch_size = batch_size.unwrap_or(settings.batch_size);
        settings.chunk_size = positive("--chunk-size", self.engine.chunk_size)?;
        settings.chunk_pause = self.engine.chunk_pause.unwrap_or_default();
        settings.metadata_cache = self.engine.metadata_cache == Switch::On;
        settings.reads = self.engine.reads.unwrap_or(settings.reads);
        settings.call_deadline = self.engine.call_deadline.unwrap_or(settings.call_deadline);
        settings.max_outage = self.engine.max_outage.unwrap_or(settings.max_outage);
        settings.limiter = self.limiter(settings.limiter)?;
        settings.write = self.engine.write;
        settings.guard = self.engine.guard.unwrap_or_default();
        settings.dry_run = self.engine.dry_run;
        settings.seed = self.seed();
        Ok(settings)
    }

    /// The limiter asked for, or the strategy's own, with the headroom asked for; room for integrations is the adaptive
    /// one's.
    fn limiter(&self, of_strategy: Limiter) -> Result<Limiter, CliError> {
        let goal = self.engine.selector.goal.goal();
        let default = if goal.echo.is_some() { Limiter::adaptive(0) } else { of_strategy };
        let asked = self.engine.limiter.unwrap_or(default);
        match (asked, self.engine.headroom) {
            (Limiter::Adaptive { headroom, .. }, asked) => Ok(Limiter::Adaptive {
                headroom: asked.unwrap_or(headroom),
                manners: goal.objective.manners(),
                echo: goal.echo,
            }),
            (limiter, None | Some(0)) => Ok(limiter),
            (limiter, Some(_)) => Err(CliError::usage(format!(
                "--headroom needs --limiter adaptive; the limiter is {limiter}"
            ))),
        }
    }

    /// The order for `scenario`: the strategy asked for, or the selector's choice, which rests on `target`
    /// where that is given.
    pub(super) fn order<'a>(
        &self,
        scenario: &'a Scenario,
        target: Option<&KnownTarget>,
    ) -> Result<RunSpec<'a>, CliError> {
        if let Some(strategy) = self.strategy() {
            return Ok(RunSpec::new(scenario, self.settings(strategy)?));
        }
        // Over HTTP to a server that is not ours, limits and times are known if the user says so.
        let known = !matches!(self.world, World::ForeignHttp(_)) || self.names_profile;
        let profile = known.then(|| KnownTarget::of(&scenario.profile));
        let target = target.or(profile.as_ref());
        // The choice for an unknown target does not depend on the size of the work.
        let counted = if target.is_some() { self.counted()? } else { None };
        let of_its_size = counted.map(|counted| scenario.of_size(counted.accounts));
        let choice = self.choice(of_its_size.as_ref().unwrap_or(scenario), target)?;
        let settings = choice.candidate.with(&self.settings(Strategy::Standard)?, &self.goal());
        let mut order = RunSpec::new(scenario, settings);
        order.chosen_by = ChosenBy::Selector;
        order.reason = choice.reason;
        order.session.calls_before = counted.map(|counted| counted.calls).unwrap_or_default();
        Ok(order)
    }

    /// The goal of a choice: a headroom that is given is simulated, too.
    pub(super) fn goal(&self) -> Goal {
        let mut goal = self.engine.selector.goal.goal();
        goal.constraints.extend(self.engine.headroom.map(Constraint::Headroom));
        goal
    }

    /// Settings that no candidate says, for simulations behind a choice: a dry run says what the real one will
    /// do, by the choice that the real one makes.
    pub(super) fn simulated_settings(&self) -> Result<Settings, CliError> {
        Ok(Settings { dry_run: false, ..self.settings(Strategy::Standard)? })
    }

    /// The selector's choice for `scenario`, which rests on `target` where anything is known of it.
    pub(super) fn choice(
        &self,
        scenario: &Scenario,
        target: Option<&KnownTarget>,
    ) -> Result<StrategyChoice, CliError> {
        let given = self.given()?;
        let pinned = |candidate: Candidate| given.pin(candidate);
        let calibration = self.engine.selector.calibration()?;
        let settings = self.simulated_settings()?;
        let goal = self.goal();
        let request = ChoiceRequest {
            settings: &settings,
            pinned: &pinned,
            ..ChoiceRequest::new(scenario, &goal)
        };
        Ok(calibration.decide(request, target, Portfolio::Full))
    }

    /// The settings that the user gave, which a choice leaves alone.
    fn given(&self) -> Result<Given, CliError> {
        let EngineArgs { workers, batch_size, .. } = self.engine;
        let hints = self.scenario.plan.hints;
        let workers = positive("--workers", workers)?.or(self.file.workers).or(hints.max_workers);
        let batch_size =
            positive("--batch-size", batch_size)?.or(self.file.batch_size).or(hints.batch_size);
        let limiter = match (self.engine.limiter, self.engine.headroom) {
            // Headroom is the adaptive limiter's.
            (None, Some(1..)) => Some(Limiter::adaptive(0)),
            (limiter, _) => limiter,
        };
        Ok(Given {
            workers,
            batch_size,
            limiter,
            reads: self.engine.reads,
            guard: self.engine.guard,
        })
    }

    /// The accounts that flags or the plan list, as many as are asked for; `None` if they have to be found.
    pub(super) fn listed(&self) -> Option<Vec<AccountId>> {
        let of_plan = || match &self.workload.plan.as_ref()?.selection {
            Selection::Ids(ids) => Some(ids),
            _ => None,
        };
        let ids = self.workload.ids.as_ref().or_else(of_plan)?;
        let most = self.workload.sample.map_or(ids.len(), |most| ids.len().min(most as usize));
        Some(ids[..most].to_vec())
    }

    /// World and target, without the API key.
    pub(super) fn site(&self) -> Site {
        site_of(&self.world)
    }

    /// The specification of `order` in `world`, as a store has it.
    pub(super) fn header(&self, world: &World, order: &RunSpec<'_>) -> Header {
        let scenario = order.scenario;
        let sample = match &scenario.resources {
            Resources::Ids(_) => None,
            Resources::Search { most, .. } => *most,
        };
        Header {
            schema: Header::SCHEMA,
            scenario: scenario.name.clone(),
            plan: scenario.plan.clone(),
            accounts: scenario.accounts(),
            sample,
            dataset: scenario.dataset_source().cloned(),
            profile: self.profile.clone(),
            settings: order.settings.clone(),
            chosen_by: order.chosen_by,
            reason: order.reason.clone(),
            site: site_of(world),
        }
    }

    /// Notes `order` in `store` before its first call, with at most `most` of its accounts, and gives it to
    /// `claimant`.
    ///
    /// Errors: the store cannot be written, or another run is in the way.
    pub(super) fn begin(
        &self,
        store: &mut Store,
        order: &RunSpec<'_>,
        most: usize,
        claimant: Claimant<'_>,
    ) -> Result<Lease, CliError> {
        self.begin_at(&self.world, store, order, most, claimant)
    }

    /// The same in another `world` than that of the flags.
    ///
    /// Errors: as those of [`begin`](Self::begin).
    pub(super) fn begin_at(
        &self,
        world: &World,
        store: &mut Store,
        order: &RunSpec<'_>,
        most: usize,
        claimant: Claimant<'_>,
    ) -> Result<Lease, CliError> {
        let header = self.header(world, order);
        let ids = match &order.scenario.resources {
            Resources::Ids(ids) => Some(&ids[..ids.len().min(most)]),
            Resources::Search { .. } => None,
        };
        store.begin(&header, ids, claimant).map_err(|error| match error {
            StoreError::Overlap { .. } => owner::overlap(&error),
            error => error.into(),
        })
    }
}

/// World and target of runs in `world`, without the API key.
fn site_of(world: &World) -> Site {
    match world {
        World::Virtual => Site::Virtual,
        World::EmbeddedHttp => Site::EmbeddedHttp,
        World::ForeignHttp(Target { base_url, org_id, .. }) => {
            Site::ForeignHttp { base_url: base_url.clone(), org_id: org_id.clone() }
        }
    }
}

/// Settings that the user gave.
struct Given {
    workers: Option<NonZeroU32>,
    batch_size: Option<NonZeroU32>,
    limiter: Option<Limiter>,
    reads: Option<Reads>,
    guard: Option<Guard>,
}

impl Given {
    /// `candidate` with them.
    fn pin(&self, candidate: Candidate) -> Candidate {
        let strategy = candidate.strategy;
        Candidate {
            workers: self.workers.map_or(candidate.workers, NonZeroU32::get),
            batch_size: self.batch_size.map_or(candidate.batch_size, NonZeroU32::get),
            limiter: self
                .limiter
                .or(candidate.limiter)
                .filter(|it| !it.is_same_kind(strategy.default_limiter())),
            reads: self.reads.or(candidate.reads).filter(|it| *it != strategy.default_reads()),
            guard: self.guard.or(candidate.guard),
            strategy,
        }
    }
}

/// `value` where it is given; zero is refused by its flag's name.
pub(super) fn positive(flag: &str, value: Option<u32>) -> Result<Option<NonZeroU32>, CliError> {
    match value.map(NonZeroU32::new) {
        None => Ok(None),
        Some(Some(value)) => Ok(Some(value)),
        Some(None) => Err(CliError::usage(format!("{flag} 0: at least 1 is needed"))),
    }
}

/// An error of a scenario, with its cause where a scenario file and a plan both bring an organisation.
fn two_organisations(args: &WorkloadArgs, file: &WireScenario, error: ScenarioError) -> CliError {
    let both = args.plan.is_some() && file.dataset.is_some() && args.dataset.is_none();
    match error {
        ScenarioError::Plan(_) if both => CliError::usage(format!(
            "{error}; --scenario brings an organisation without the plan's fields: leave out --scenario, or name \
             a --dataset"
        )),
        error => error.into(),
    }
}

/// The plan in that file.
pub(super) fn plan_file(path: &Path) -> Result<Plan, CliError> {
    let (origin, text) = (path.display().to_string(), read(path)?);
    if text.trim().is_empty() {
        return Err(CliError::usage(format!(
            "{origin}: the file is empty; examples/plan.toml is a plan"
        )));
    }
    Plan::from_text(&origin, &text).map_err(|error| {
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        match extension {
            Some(form) if form != "toml" && form != "json" => CliError::usage(format!(
                "{origin}: a plan is a TOML or JSON file, such as examples/plan.toml"
            )),
            _ => error.into(),
        }
    })
}

/// True if `name` is a path: it contains `/` or ends in `.toml`. Built-in names do neither.
fn is_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "toml") || name.contains('/')
}

/// A built-in profile, or a file, and the text that it was read from.
pub(super) fn profile(name: &str) -> Result<(Profile, ProfileText), CliError> {
    if is_file(name) {
        return profile_file(Path::new(name));
    }
    // An unknown name is the scenario's to complain about.
    let profile = Scenario::profile(name)?;
    Ok((profile, ProfileText::built_in(name).expect("a built-in profile has a text")))
}

/// The profile in that file, and its text; the files that it names lie beside it.
pub(super) fn profile_file(path: &Path) -> Result<(Profile, ProfileText), CliError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (origin, text) = (path.display().to_string(), read(path)?);
    let mut beside = BTreeMap::new();
    let mut side = |file: &str| {
        let bytes = bytes(&folder.join(file), &FILE_BYTES).map_err(|error| error.to_string())?;
        beside.insert(file.to_owned(), bytes.clone());
        Ok(bytes)
    };
    let profile = Profile::from_toml_with(&origin, &text, &mut side)?;
    if profile.is_changed_since_fitted() {
        complain(format_args!(
            "note: {origin}: its limits, times or faults were changed after it was fitted, so they are taken as exact \
             and its [evidence] is ignored"
        ));
    }
    TargetFit::of_profile(&profile)
        .map_err(|error| CliError::usage(format!("{origin}: {error}")))?;
    Ok((profile, ProfileText { origin, text, beside }))
}

/// A built-in dataset, or a file.
pub(super) fn dataset(name: &str) -> Result<DatasetSource, CliError> {
    if is_file(name) {
        let text = read(Path::new(name))?;
        return Ok(DatasetSource::File { origin: name.to_owned(), text });
    }
    Ok(DatasetSource::BuiltIn(name.to_owned()))
}

fn scenario_file(name: Option<&str>) -> Result<WireScenario, CliError> {
    let Some(name) = name else { return Ok(WireScenario::default()) };
    if is_file(name) {
        return Ok(WireScenario::from_toml(name, &read(Path::new(name))?)?);
    }
    WireScenario::built_in(name)
        .ok_or_else(|| CliError::usage(no_such("scenario", name, &scenario::BUILT_IN)))
}

fn merge(
    args: &WorkloadArgs,
    file: &WireScenario,
    is_served: bool,
) -> Result<(Workload, ProfileText), CliError> {
    let figures = [
        ("--resources", args.resources),
        ("--mappings", args.mappings.map(u64::from).filter(|_| !is_served)),
        ("--sample", args.sample),
    ];
    if let Some((flag, _)) = figures.iter().find(|(_, figure)| *figure == Some(0)) {
        return Err(CliError::usage(format!("{flag} 0: at least 1 is needed")));
    }
    // A plan that the scenario file names lies beside that file.
    let beside = args.scenario.as_deref().and_then(|name| Path::new(name).parent());
    let plan_path = match (&args.plan, &file.plan) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(path)) => Some(beside.unwrap_or(Path::new("")).join(path)),
        (None, None) => None,
    };
    let plan = plan_path.map(|path| plan_file(&path)).transpose()?;
    if plan.is_some() && args.mappings.is_some() {
        return Err(CliError::usage(
            "--mappings does not work with a plan, which has its own mappings",
        ));
    }
    // Relative paths in a scenario file are resolved against its folder.
    let named = |name: &String| match beside {
        Some(folder) if is_file(name) => folder.join(name).display().to_string(),
        _ => name.clone(),
    };
    let profile_name = args.profile.clone().or(file.profile.as_ref().map(named));
    let dataset_name = args.dataset.clone().or(file.dataset.as_ref().map(named));
    let ids = args.resource_ids.as_ref().or(file.resource_ids.as_ref());
    // Flags that change the work leave the scenario's name behind.
    let changed = args.resources.is_some()
        || args.mappings.is_some()
        || args.plan.is_some()
        || args.resource_ids.is_some()
        || args.sample.is_some();
    let profile_name = profile_name.as_deref().unwrap_or(DEFAULT_PROFILE);
    let (profile, profile_text) = profile(profile_name)?;
    let workload = Workload {
        name: args.scenario.clone().filter(|_| !changed),
        plan,
        dataset: dataset_name.map(|name| dataset(&name)).transpose()?,
        profile: Some(profile),
        resources: args.resources.or(file.resources),
        mappings: args.mappings.or(file.mappings),
        ids: ids.map(|ids| parse_ids(ids)).transpose()?,
        sample: args.sample,
        seed: None,
        is_foreign: false,
        is_served,
    };
    Ok((workload, profile_text))
}

/// The world that the flags name. At a server, a plan without accounts is for all that it has.
fn world(args: &WorldArgs, workload: &mut Workload, dry_run: bool) -> Result<World, CliError> {
    let Some(base_url) = &args.base_url else {
        return Ok(match args.world {
            Some(WorldName::Http) => World::EmbeddedHttp,
            Some(WorldName::Virtual) | None => World::Virtual,
        });
    };
    if args.world == Some(WorldName::Virtual) {
        return Err(CliError::usage("--base-url needs --world http"));
    }
    Target::check_url(base_url).map_err(RunError::Http)?;
    workload.is_foreign = true;
    if workload.ids.is_none() && workload.resources.is_none() {
        match &mut workload.plan {
            Some(plan) => plan.selection = plan.selection.at_server(),
            None => {
                return Err(CliError::usage(
                    "--base-url needs the accounts to migrate: add --resource-ids, --resources, or a plan, whose filter then says which",
                ));
            }
        }
    }
    Ok(World::ForeignHttp(called_target(base_url, &args.access, !dry_run)?))
}
