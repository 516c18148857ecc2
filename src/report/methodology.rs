//! The sections that say how the figures are made, and their page.

pub mod auto;
pub mod benches;
pub(crate) mod forecasts;
pub mod http;
pub(crate) mod regrets;
pub mod staff;
