//! neonbench.

pub mod audit;
pub mod bound;
pub mod cli;
pub mod clock;
pub mod decide;
pub mod engine;
pub mod event;
pub mod manager;
pub mod measure;
pub mod plan;
pub mod read_back;
pub mod record;
pub mod replicate;
pub mod report;
pub mod run;
pub mod scenario;
pub mod select;
pub mod store;
pub mod transport;
pub mod world;
