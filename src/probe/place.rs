//! Where a probe happens: in process in virtual time, or over HTTP.

use super::calls::probe;
use super::{Options, ProbeError, Seen, Subject};
use crate::engine;
use crate::journal::Journal;
use crate::run::{RunError, World};
use crate::scenario::{Resources, Scenario};
use crate::world::{HttpTransport, InProcess, Target, VirtualClock, WallClock};
use neon_mock::NeonMock;

/// Probes the target of `scenario` in `world`: there is no other look at its profile than by calls.
/// Writes of a sample run are noted in `journal`.
///
/// Writes of a sample run are noted in `journal`.
/// Errors: it could not be called, or did not answer as Neon does.
pub fn at(
    scenario: &Scenario,
    world: &World,
    options: &Options,
    journal: &dyn Journal,
) -> Result<Seen, ProbeError> {
    let resources = match &scenario.resources {
        Resources::Ids(ids) => engine::Resources::Ids(ids),
        Resources::Search(criteria) => engine::Resources::Search(criteria),
    };
    let subject = Subject { resources, plan: &scenario.plan, journal };
    match world {
        World::Virtual => {
            let clock = VirtualClock::new();
            let transport = InProcess::new(scenario.neon(options.seed), clock.clone());
            clock.run(probe(&transport, &clock, &subject, options)).map_err(RunError::Stalled)?
        }
        World::EmbeddedHttp => runtime()?.block_on(embedded(scenario, &subject, options)),
        World::ForeignHttp(target) => runtime()?.block_on(over_http(target, &subject, options)),
    }
}

async fn embedded(
    scenario: &Scenario,
    subject: &Subject<'_>,
    options: &Options,
) -> Result<Seen, ProbeError> {
    let mock = NeonMock::builder()
        .neon(scenario.neon(options.seed))
        .try_start()
        .await
        .map_err(RunError::Embedded)?;
    let (org_id, api_key) = mock.credentials();
    let target = Target {
        base_url: mock.base_url(),
        org_id: org_id.to_owned(),
        api_key: api_key.to_owned(),
    };
    over_http(&target, subject, options).await
}

async fn over_http(
    target: &Target,
    subject: &Subject<'_>,
    options: &Options,
) -> Result<Seen, ProbeError> {
    let transport = HttpTransport::new(target.clone()).map_err(RunError::Http)?;
    probe(&transport, &WallClock::start(), subject, options).await
}

fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Runtime)
}
