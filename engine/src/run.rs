//! One run: (scenario, settings, world) → its record.
//!
//! Deliberately absent: several runs, and any comparison of them.

mod error;
mod recorded;
mod simulate;
mod verify_undo;

pub use error::RunError;
pub use simulate::{Simulated, SimulatedServer, simulate};
pub use verify_undo::{recognise, review};

use crate::audit::{self, Audit, AuditScope};
use crate::engine::{self, AccountSource, AuditDepth, Control, Settings, Stop};
use crate::event::{Event, Observer};
use crate::journal::{Journal, Ledger, NO_SETTLEMENTS, NoJournal, RetryScope, Settlements};
use crate::measure::Measure;
use crate::read_back::{ReadBack, Recorder, read_back};
use crate::record::{AuditBy, CallCounts, ChosenBy, RunRecord, WorldName};
use crate::scenario::{Resources, Scenario};
use crate::transport::Traffic;
use crate::world::{HttpTransport, Target, WallClock, runtime};
use neon_mock::api::{AccountId, CustomField};
use neon_mock::integration::Echo;
use neon_mock::{Calls, Neon, NeonMock};
use std::sync::Arc;
use std::time::Duration;

/// Where a run happens.
#[derive(Clone, Debug)]
pub enum World {
    /// In process, in virtual time.
    Virtual,
    /// Over HTTP, against a mock that is started for the run.
    EmbeddedHttp,
    /// Over HTTP, against a remote server.
    ForeignHttp(Target),
}

impl World {
    /// The name in records.
    pub const fn name(&self) -> WorldName {
        match self {
            Self::Virtual => WorldName::Virtual,
            Self::EmbeddedHttp | Self::ForeignHttp(_) => WorldName::Http,
        }
    }
}

/// Journal, earlier run and stop flag of a run.
#[derive(Clone, Copy)]
pub struct RunContext<'a> {
    /// Records each write before it is sent.
    pub journal: &'a dyn Journal,
    /// Notes of the earlier process of the same run.
    pub ledger: &'a Ledger,
    /// Accounts of the earlier process to try again, although it ended them.
    pub again: RetryScope,
    /// Decisions of people about accounts with a write of unknown result.
    pub settlements: &'a Settlements,
    /// Once set, the run sends nothing more, and gives up calls that are not answered within a second.
    pub stop: &'a Stop,
    /// Holds and slows the run. In virtual time, something must lift a hold by the run's own clock.
    pub control: &'a Control,
    /// Calls that its caller made at a remote server to prepare it; the record counts them.
    pub calls_before: CallCounts,
}

impl RunContext<'_> {
    /// A whole run without a journal, which cannot be stopped.
    pub const STANDALONE: RunContext<'static> = RunContext {
        journal: &NoJournal,
        ledger: Ledger::EMPTY,
        again: RetryScope::Neither,
        settlements: NO_SETTLEMENTS,
        stop: Stop::NEVER,
        control: Control::NEVER,
        calls_before: CallCounts::NONE,
    };

    /// True if the run has a stop flag.
    fn can_be_stopped(&self) -> bool {
        !std::ptr::eq(self.stop, Stop::NEVER)
    }
}

impl std::fmt::Debug for RunContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunContext").field("stop", self.stop).finish_non_exhaustive()
    }
}

/// Specification of a run.
#[derive(Clone, Debug)]
pub struct RunSpec<'a> {
    /// Organisation, limits and plan.
    pub scenario: &'a Scenario,
    /// Settings; their seed makes the organisation and the service times too.
    pub settings: Settings,
    /// Origin of the choice of strategy.
    pub chosen_by: ChosenBy,
    /// Reason of the choice, for the record.
    pub reason: String,
    /// Journal, earlier run and stop flag.
    pub session: RunContext<'a>,
}

/// A completed run: its record, and the histograms behind it.
#[derive(Clone, Debug)]
pub struct Run {
    /// The record.
    pub record: RunRecord,
    /// The figures that it was made from.
    pub measure: Measure,
    /// The organisation's custom fields, as the run saw them; none if it looked at none.
    pub fields: Arc<[CustomField]>,
}

/// Folds events into figures, and passes them on.
struct Fold<'a> {
    measure: Measure,
    /// Accounts that have ended; recorded only if the run has a stop flag.
    landed: Option<Vec<AccountId>>,
    /// True once it is known which accounts the run is for.
    is_enumerated: bool,
    observer: &'a mut dyn Observer,
}

impl Observer for Fold<'_> {
    fn observe(&mut self, event: &Event) {
        self.measure.observe(event);
        self.is_enumerated |= matches!(event, Event::Enumerated { .. });
        if let (Some(landed), Event::Landed { id, .. } | Event::LandedBefore { id, .. }) =
            (&mut self.landed, event)
        {
            landed.push(*id);
        }
        self.observer.observe(event);
    }
}

impl Fold<'_> {
    /// True if the run was stopped before every account had ended.
    fn is_stopped(&self, stop: &Stop) -> bool {
        let has_ended = self.measure.records().total >= self.measure.resources();
        stop.is_set() && !(self.is_enumerated && has_ended)
    }

    /// Puts the accounts that have ended in id order.
    fn sort(&mut self) {
        if let Some(landed) = &mut self.landed {
            landed.sort_unstable();
        }
    }

    /// The accounts that have ended, if the run was stopped before all had.
    fn landed_before(&self, stop: &Stop) -> Option<&[AccountId]> {
        self.landed.as_deref().filter(|_| self.is_stopped(stop))
    }
}

/// Facts of a run that has ended.
struct FinishedRun {
    audit: Audit,
    audit_by: AuditBy,
    server_calls: Option<Calls>,
    echo: Echo,
    /// Figures of the calls that the audit made.
    audit_calls: Option<Measure>,
    fields: Arc<[CustomField]>,
    wall: Duration,
    audit_wall: Duration,
    traffic: Traffic,
}

impl<'a> RunSpec<'a> {
    /// A run whose strategy the user named, with a standalone context.
    pub fn new(scenario: &'a Scenario, settings: Settings) -> Self {
        let (chosen_by, reason) = (ChosenBy::User, "asked for".to_owned());
        Self { scenario, settings, chosen_by, reason, session: RunContext::STANDALONE }
    }

    /// Carries out the run in `world`; every event goes to `observer` too.
    ///
    /// Errors: [`RunError`] if the run could not be carried out. Failures of single accounts are in
    /// the record.
    pub fn run(&self, world: &World, observer: &mut dyn Observer) -> Result<Run, RunError> {
        let landed = self.session.can_be_stopped().then(Vec::new);
        let mut fold = Fold { measure: Measure::new(), landed, is_enumerated: false, observer };
        let finished = match world {
            World::Virtual => self.in_virtual_time(&mut fold),
            World::EmbeddedHttp => {
                let runtime = runtime().map_err(RunError::Runtime)?;
                runtime.block_on(self.over_http_embedded(&mut fold))
            }
            World::ForeignHttp(target) => {
                let runtime = runtime().map_err(RunError::Runtime)?;
                runtime.block_on(self.over_http_foreign(target, &mut fold))
            }
        }?;
        let mut record = self.record(world, &fold.measure, &finished);
        record.stopped = fold.is_stopped(self.session.stop);
        Ok(Run { record, measure: fold.measure, fields: finished.fields })
    }

    fn job(&self) -> engine::Job<'_> {
        let RunContext { journal, ledger, again, settlements, stop, control, calls_before: _ } =
            self.session;
        let job = engine::Job::new(&self.scenario.plan, &self.settings, resources(self.scenario));
        engine::Job { journal, ledger, again, settlements, stop, control, ..job }
    }

    fn in_virtual_time(&self, fold: &mut Fold<'_>) -> Result<FinishedRun, RunError> {
        let Simulated { neon, traffic, wall, end } =
            simulate(self.scenario, self.job(), &|| true, fold)?;
        end?;
        Ok(self.audited(&neon, fold, wall, traffic))
    }

    async fn over_http_embedded(&self, fold: &mut Fold<'_>) -> Result<FinishedRun, RunError> {
        let mock = NeonMock::builder()
            .neon(self.scenario.neon(self.settings.seed))
            .try_start()
            .await
            .map_err(RunError::Embedded)?;
        let transport = HttpTransport::new(target_of(&mock))?;
        let clock = WallClock::start();
        engine::run(&transport, &clock, self.job(), fold).await?;
        let (wall, traffic) = (clock.elapsed(), transport.traffic());
        Ok(mock.with_neon(|neon| self.audited(neon, fold, wall, traffic)))
    }

    async fn over_http_foreign(
        &self,
        target: &Target,
        fold: &mut Fold<'_>,
    ) -> Result<FinishedRun, RunError> {
        let transport = Recorder::new(HttpTransport::new(target.clone())?);
        let clock = WallClock::start();
        engine::run(&transport, &clock, self.job(), fold).await?;
        let wall = clock.elapsed();
        let traffic = transport.inner().traffic();
        let is_stopped = fold.is_stopped(self.session.stop);
        let Fold { measure, observer, .. } = fold;
        let ReadBack { audit, calls, fields } =
            read_back(&transport, &clock, self.job(), measure, &mut **observer).await?;
        Ok(FinishedRun {
            audit,
            audit_by: match self.settings.audit {
                _ if is_stopped => AuditBy::Nobody,
                AuditDepth::None => AuditBy::Nobody,
                AuditDepth::Sample => AuditBy::Sample,
                AuditDepth::Full => AuditBy::ReadBack,
            },
            server_calls: None,
            echo: Echo::default(),
            audit_calls: Some(calls),
            fields,
            wall,
            audit_wall: clock.elapsed().saturating_sub(wall),
            traffic,
        })
    }

    fn audited(
        &self,
        neon: &Neon,
        fold: &mut Fold<'_>,
        wall: Duration,
        traffic: Traffic,
    ) -> FinishedRun {
        let audit_wall = WallClock::start();
        fold.sort();
        let landed = fold.landed_before(self.session.stop);
        let scope = AuditScope { dry_run: self.settings.dry_run, landed };
        let audit = audit::audit_part(self.scenario, neon, &fold.measure, scope);
        FinishedRun {
            audit,
            audit_by: AuditBy::Server,
            server_calls: Some(*neon.calls()),
            echo: neon.echo(),
            audit_calls: None,
            fields: Arc::clone(neon.organisation().definitions()),
            wall,
            audit_wall: audit_wall.elapsed(),
            traffic,
        }
    }
}

/// The accounts of `scenario`, for a [`Job`](engine::Job).
pub fn resources(scenario: &Scenario) -> AccountSource<'_> {
    match &scenario.resources {
        Resources::Ids(ids) => AccountSource::Ids(ids),
        Resources::Search { criteria, most } => AccountSource::Search { criteria, most: *most },
    }
}

/// The address and the credentials of an embedded mock.
pub fn target_of(mock: &NeonMock) -> Target {
    let (org_id, api_key) = mock.credentials();
    Target::new(&mock.base_url(), org_id, api_key).expect("the mock has an address")
}
