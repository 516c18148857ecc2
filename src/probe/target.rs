//! Runs a probe in its world: in process in virtual time, or over HTTP.

use super::calls::probe;
use super::{ProbeError, ProbeOptions, ProbeSubject, ProbeTrace};
use neon_mock::NeonMock;
use neonbench_engine::journal::Journal;
use neonbench_engine::run::{RunError, World, resources, target_of};
use neonbench_engine::scenario::Scenario;
use neonbench_engine::world::{HttpTransport, InProcess, Target, VirtualClock, WallClock, runtime};

/// Probes the target of `scenario` in `world`. Its profile is observed by calls alone.
///
/// Writes of a sample run are noted in `journal`.
///
/// Errors: the target cannot be called, or does not answer as Neon does.
pub fn run(
    scenario: &Scenario,
    world: &World,
    options: &ProbeOptions,
    journal: &dyn Journal,
) -> Result<ProbeTrace, ProbeError> {
    let subject = ProbeSubject { resources: resources(scenario), plan: &scenario.plan, journal };
    match world {
        World::Virtual => {
            let clock = VirtualClock::new();
            let transport = InProcess::new(scenario.neon(options.seed), clock.clone());
            clock.run(probe(&transport, &clock, &subject, options)).map_err(RunError::Stalled)?
        }
        World::EmbeddedHttp => runtime().map_err(RunError::Runtime)?.block_on(async {
            let mock = NeonMock::builder().neon(scenario.neon(options.seed)).try_start().await;
            let mock = mock.map_err(RunError::Embedded)?;
            over_http(&target_of(&mock), &subject, options).await
        }),
        World::ForeignHttp(target) => {
            runtime().map_err(RunError::Runtime)?.block_on(over_http(target, &subject, options))
        }
    }
}

async fn over_http(
    target: &Target,
    subject: &ProbeSubject<'_>,
    options: &ProbeOptions,
) -> Result<ProbeTrace, ProbeError> {
    let transport = HttpTransport::new(target.clone()).map_err(RunError::Http)?;
    probe(&transport, &WallClock::start(), subject, options).await
}
