//! A run's writes verified and taken back, over HTTP.

use super::error::RunError;
use crate::engine::{self, Control, Recognition, ReviewMode, Settings, Stop, WriteReview};
use crate::event::Observer;
use crate::journal::{Journal, Ledger};
use crate::measure::Measure;
use crate::record::CallCounts;
use crate::world::{HttpTransport, Target, WallClock, runtime};

/// Finds out whether `target` is the organisation that the run of `ledger` wrote, and counts the calls.
///
/// Errors: [`RunError`] if the target cannot be reached or refuses the key.
pub fn recognise(
    target: &Target,
    settings: &Settings,
    ledger: &Ledger,
    stop: &Stop,
) -> Result<(Recognition, CallCounts), RunError> {
    runtime().map_err(RunError::Runtime)?.block_on(async {
        let transport = HttpTransport::new(target.clone())?;
        let (clock, mut measure) = (WallClock::start(), Measure::counting());
        let looking =
            engine::recognise(&transport, &clock, settings, ledger, stop, &mut measure).await;
        Ok((looking?, CallCounts::of_client(&measure)))
    })
}

/// Compares the fields of `target` with the values that the run of `ledger` left, or restores the
/// old ones, as its mode says. Every event goes to `observer`.
///
/// Errors: [`RunError`] if the target cannot be reached or refuses the key.
pub fn review(
    target: &Target,
    settings: &Settings,
    ledger: &Ledger,
    how: (&Stop, &Control, &dyn Journal, ReviewMode),
    observer: &mut dyn Observer,
) -> Result<WriteReview, RunError> {
    runtime().map_err(RunError::Runtime)?.block_on(async {
        let transport = HttpTransport::new(target.clone())?;
        let clock = WallClock::start();
        Ok(engine::review(&transport, &clock, settings, ledger, how, observer).await?)
    })
}
