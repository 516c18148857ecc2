//! The two worlds of a run: virtual time with the mock in process, and the wall clock with HTTP.

mod executor;
mod http;
mod in_process;
#[cfg(test)]
mod tests;
mod virtual_time;
mod wall;

pub use executor::runtime;
pub use http::{HEALTH_PATH, HttpError, HttpTransport, PlainAnswer, Target};
pub use in_process::InProcess;
pub use virtual_time::{Stalled, VirtualClock};
pub use wall::WallClock;
