//! The wish that a run begins nothing more.

use std::sync::atomic::{AtomicBool, Ordering};

/// Once set, a run ends what it has begun and begins nothing more.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// A stop that is never set.
    pub const NEVER: &'static Self = &NEVER;

    /// Asks the run to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once the run was asked to stop.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

static NEVER: Stop = Stop(AtomicBool::new(false));
