//! A faithful, configurable mock of the Neon CRM API v2.

pub mod api;
pub mod dataset;
mod fault;
pub mod file;
pub mod limit;
mod neon;
pub mod org;
pub mod profile;
pub mod rng;
pub mod service;
pub mod time;

pub use neon::{Calls, EndpointCalls, Neon, Reply};
