//! The migration engine of neonbench: one migration, in virtual time or over HTTP, and its record.
//!
//! A [`scenario`] is an organisation, its limits, and a [`plan`]. [`run`] carries it out by one
//! strategy of [`engine`] against the mock (`neon_mock`), in process on a virtual clock or over
//! HTTP on the wall clock, has the result checked by [`audit`] against the server's final state,
//! and returns a [`record`].
//!
//! Deliberately absent: a command line, charts, a store, and anything that compares two runs.
//!
//! ```
//! use neonbench_engine::engine::{Settings, Strategy};
//! use neonbench_engine::event::Event;
//! use neonbench_engine::run::{RunSpec, World};
//! use neonbench_engine::scenario::{Scenario, Workload};
//!
//! // Five hundred accounts, eight mappings, Neon's documented limits, in virtual time.
//! let scenario = Scenario::new(Workload {
//!     resources: Some(500),
//!     mappings: Some(8),
//!     ..Workload::default()
//! })?;
//! let spec = RunSpec::new(&scenario, Settings::new(Strategy::Hybrid));
//! let run = spec.run(&World::Virtual, &mut |_: &Event| {})?;
//! assert!(run.record.audit.valid);
//! assert_eq!(run.record.calls.record_calls(), 1_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod audit;
pub mod bound;
pub mod clock;
pub mod decide;
pub mod engine;
pub mod event;
pub mod journal;
pub mod log;
pub mod measure;
pub mod near;
pub mod plan;
pub mod read_back;
pub mod record;
pub mod run;
pub mod scenario;
pub mod transport;
pub mod world;
