//! A faithful, configurable mock of the Neon CRM API v2.

pub mod api;
#[cfg(feature = "server")]
mod builder;
#[cfg(feature = "server")]
mod credentials;
pub mod dataset;
mod fault;
pub mod file;
pub mod limit;
#[cfg(feature = "server")]
mod live;
mod neon;
#[cfg(feature = "server")]
mod neon_mock;
pub mod org;
pub mod profile;
pub mod rng;
#[cfg(feature = "server")]
mod server;
pub mod service;
pub mod time;
#[cfg(feature = "server")]
mod wall_clock;
#[cfg(feature = "wiremock")]
mod wiremock;

#[cfg(feature = "server")]
pub use builder::{Choice, NeonMockBuilder, StartError};
#[cfg(feature = "server")]
pub use live::BASE_PATH;
pub use neon::{Calls, EndpointCalls, Neon, Reply};
#[cfg(feature = "server")]
pub use neon_mock::NeonMock;
#[cfg(feature = "server")]
pub use server::ServeError;
#[cfg(feature = "wiremock")]
pub use wiremock::NeonResponder;
