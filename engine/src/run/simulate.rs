//! Runs in virtual time, as a plain function: the engine is generic over its world, and this is
//! where it is compiled for virtual time, once for all callers.

use super::error::RunError;
use crate::engine::{self, EngineError, Job};
use crate::event::Observer;
use crate::scenario::Scenario;
use crate::transport::Traffic;
use crate::world::{InProcess, VirtualClock, WallClock};
use neon_mock::Neon;
use neon_mock::fault::FaultKind;
use neon_mock::profile::Profile;
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
    /// True if the run ended by itself, false if it was told to; the error if it could not go on.
    pub end: Result<bool, EngineError>,
}

/// A mock in virtual time, which outlives the runs that are made against it.
#[derive(Debug)]
pub struct SimulatedServer {
    clock: VirtualClock,
    transport: InProcess,
}

impl SimulatedServer {
    /// A server of `neon`, at time zero.
    pub fn new(neon: Neon) -> Self {
        let clock = VirtualClock::new();
        Self { transport: InProcess::new(neon, clock.clone()), clock }
    }

    /// Runs `job` as long as `goes_on`: a run that it ends is killed, and calls in flight are carried out without
    /// it. True if the run ended by itself. Every event goes to `observer`.
    ///
    /// Errors: [`RunError::Engine`] if the run could not go on, [`RunError::Stalled`] if it waited for
    /// something that cannot happen.
    pub fn run(
        &self,
        job: Job<'_>,
        goes_on: &dyn Fn() -> bool,
        observer: &mut dyn Observer,
    ) -> Result<bool, RunError> {
        let run = engine::run(&self.transport, &self.clock, job, observer);
        Ok(self.clock.run_while(goes_on, run)?.transpose()?.is_some())
    }

    /// Limits, delays and fails by `profile` from now on. Calls in flight are forgotten.
    pub fn set_profile(&self, profile: Profile) {
        self.transport.set_profile(profile);
    }

    /// Fails the next call like this.
    pub fn fail_next(&self, kind: FaultKind) {
        self.transport.fail_next(kind);
    }

    /// The result of `look` at the mock.
    pub fn with<R>(&self, look: impl FnOnce(&Neon) -> R) -> R {
        self.transport.with(look)
    }
}

/// Runs `job` in virtual time against the mock of `scenario`, as long as `goes_on`; every event goes to
/// `observer`.
///
/// The seed of the job's settings makes the organisation and the service times too.
///
/// Errors: [`RunError::Stalled`] if it waited for something that cannot happen.
pub fn simulate(
    scenario: &Scenario,
    job: Job<'_>,
    goes_on: &dyn Fn() -> bool,
    observer: &mut dyn Observer,
) -> Result<Simulated, RunError> {
    let server = SimulatedServer::new(scenario.neon(job.settings.seed));
    let wall = WallClock::start();
    let end = match server.run(job, goes_on, observer) {
        Ok(has_ended) => Ok(has_ended),
        Err(RunError::Engine(error)) => Err(error),
        Err(error) => return Err(error),
    };
    let wall = wall.elapsed();
    let traffic = server.transport.traffic();
    Ok(Simulated { neon: server.transport.into_neon(), traffic, wall, end })
}
