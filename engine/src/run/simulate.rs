//! Runs in virtual time, as a plain function: the engine is generic over its world, and this is
//! where it is compiled for virtual time, once for all callers.

use super::error::RunError;
use crate::engine::{self, Job};
use crate::event::Observer;
use crate::scenario::Scenario;
use crate::transport::Traffic;
use crate::world::{InProcess, VirtualClock, WallClock};
use neon_mock::Neon;
use std::time::Duration;

/// The mock after a simulated run, or after the part of it that was simulated.
#[derive(Debug)]
pub struct Simulated {
    /// The organisation and its call counts, as the run left them.
    pub neon: Neon,
    /// Connections and bytes that the run would have used.
    pub traffic: Traffic,
    /// Time that the simulation took by the wall clock, without the set-up of the organisation.
    pub wall: Duration,
    /// True if the run ended by itself.
    pub has_ended: bool,
}

/// Runs `job` in virtual time against the mock of `scenario`, as long as `goes_on`; every event goes to
/// `observer`.
///
/// The seed of the job's settings makes the organisation and the service times too.
///
/// Errors: [`RunError::Engine`] if the run could not go on, [`RunError::Stalled`] if it waited for
/// something that cannot happen.
pub fn simulate(
    scenario: &Scenario,
    job: Job<'_>,
    goes_on: &dyn Fn() -> bool,
    observer: &mut dyn Observer,
) -> Result<Simulated, RunError> {
    let clock = VirtualClock::new();
    let transport = InProcess::new(scenario.neon(job.settings.seed), clock.clone());
    let wall = WallClock::start();
    let run = engine::run(&transport, &clock, job, observer);
    let has_ended = clock.run_while(goes_on, run)?.transpose()?.is_some();
    let wall = wall.elapsed();
    let traffic = transport.traffic();
    Ok(Simulated { neon: transport.into_neon(), traffic, wall, has_ended })
}
