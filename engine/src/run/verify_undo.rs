//! A run's writes verified and taken back, over HTTP.

use super::RunError;
use crate::engine::{self, Settings, Stop, WriteReview};
use crate::journal::Ledger;
use crate::world::{HttpTransport, Target, WallClock, runtime};

/// Compares what stands in the organisation of `target` with what the run of `ledger` wrote there.
///
/// Errors: the target cannot be reached, or refuses the key.
pub fn verify(
    target: &Target,
    settings: &Settings,
    ledger: &Ledger,
    stop: &Stop,
) -> Result<WriteReview, RunError> {
    runtime().map_err(RunError::Runtime)?.block_on(async {
        let transport = HttpTransport::new(target.clone())?;
        let clock = WallClock::start();
        Ok(engine::verify(&transport, &clock, settings, ledger, stop).await?)
    })
}

/// Takes back what the run of `ledger` wrote in the organisation of `target`, where it still stands
/// there; in a dry run it only says what would be.
///
/// Errors: the target cannot be reached, or refuses the key.
pub fn undo(
    target: &Target,
    settings: &Settings,
    ledger: &Ledger,
    stop: &Stop,
    dry_run: bool,
) -> Result<WriteReview, RunError> {
    runtime().map_err(RunError::Runtime)?.block_on(async {
        let transport = HttpTransport::new(target.clone())?;
        let clock = WallClock::start();
        Ok(engine::undo(&transport, &clock, settings, ledger, stop, dry_run).await?)
    })
}
