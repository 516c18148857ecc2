//! The command line as a user meets it: results on standard output, everything else on standard
//! error, and the contract's exit codes.

mod bounds;
mod certificates;
mod colleagues;
#[cfg(unix)]
mod control;
mod datasets;
mod echo;
mod everything;
mod face;
mod files;
mod first_tries;
pub(crate) mod forwarder;
mod hostile;
pub(crate) mod journals;
#[cfg(unix)]
mod live_pages;
mod mistakes;
mod mutated;
#[cfg(unix)]
mod neon_import;
mod outages;
mod owners;
pub(crate) mod place;
mod plans;
mod probes;
mod real_plans;
mod repeat;
mod run;
mod selftest;
pub(crate) mod sigkill;
#[cfg(unix)]
pub(crate) mod stops;
#[cfg(unix)]
mod stores;
mod targets;
#[cfg(unix)]
mod terminal;
mod verbs;
