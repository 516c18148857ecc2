//! A run's writes verified and taken back, over HTTP.

use super::error::RunError;
use crate::engine::{self, Settings, Stop, WriteReview};
use crate::journal::Ledger;
use crate::world::{HttpTransport, Target, WallClock, runtime};

/// Compares the fields of `target` with the values that the run of `ledger` left.
///
/// Errors: [`RunError`] if the target cannot be reached or refuses the key.
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

/// Restores the old values in `target` of fields that still hold what the run of `ledger` left; a
/// dry run writes nothing.
///
/// Errors: [`RunError`] if the target cannot be reached or refuses the key.
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
