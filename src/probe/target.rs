//! Runs a probe in its world: in process in virtual time, or over HTTP.

use super::calls::probe;
use super::{ProbeError, ProbeOptions, ProbeSubject, ProbeTrace};
use futures_util::future::{Either, select};
use neon_mock::NeonMock;
use neonbench_engine::engine::{EngineError, Stop};
use neonbench_engine::journal::Journal;
use neonbench_engine::run::{RunError, World, resources, target_of};
use neonbench_engine::scenario::Scenario;
use neonbench_engine::world::{HttpTransport, InProcess, Target, VirtualClock, WallClock, runtime};
use std::pin::pin;

/// Probes the target of `scenario` in `world`. Its profile is observed by calls alone.
///
/// Writes of a sample run are noted in `journal`. A `stop` gives up the calls of a server that are in flight.
///
/// Errors: the target cannot be called, or does not answer as Neon does, or the probe was stopped.
pub fn run(
    scenario: &Scenario,
    world: &World,
    options: &ProbeOptions,
    journal: &dyn Journal,
    stop: &Stop,
) -> Result<ProbeTrace, ProbeError> {
    let subject = ProbeSubject { resources: resources(scenario), plan: &scenario.plan, journal };
    if matches!(world, World::Virtual) {
        let clock = VirtualClock::new();
        let transport = InProcess::new(scenario.neon(options.seed), clock.clone());
        return clock
            .run(probe(&transport, &clock, &subject, options))
            .map_err(RunError::Stalled)?;
    }
    let over_http = async {
        match world {
            World::ForeignHttp(target) => over_http(target, &subject, options).await,
            World::Virtual | World::EmbeddedHttp => {
                let mock = NeonMock::builder().neon(scenario.neon(options.seed)).try_start().await;
                let mock = mock.map_err(RunError::Embedded)?;
                over_http(&target_of(&mock), &subject, options).await
            }
        }
    };
    runtime().map_err(RunError::Runtime)?.block_on(async {
        match select(pin!(over_http), pin!(stop.raised())).await {
            Either::Left((probed, _)) => probed,
            Either::Right(_) => Err(EngineError::Stopped.into()),
        }
    })
}

async fn over_http(
    target: &Target,
    subject: &ProbeSubject<'_>,
    options: &ProbeOptions,
) -> Result<ProbeTrace, ProbeError> {
    let transport = HttpTransport::new(target.clone()).map_err(RunError::Http)?;
    probe(&transport, &WallClock::start(), subject, options).await
}
