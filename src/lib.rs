//! Find out, before touching production, how to migrate custom fields in Neon CRM.
//!
//! neonbench runs a complete migration engine against a mock of the Neon CRM API v2, in virtual
//! time or over real HTTP, and judges each run by the server's final state. [`manager`] is the
//! library under the names of the guide that it implements; below it lie a [`scenario`], a
//! [`run`], and the [`record`] that comes of it. `ARCHITECTURE.md` is the map.
//!
//! ```
//! use neonbench::engine::{Settings, Strategy};
//! use neonbench::event::Event;
//! use neonbench::run::{Order, World};
//! use neonbench::scenario::{Scenario, Workload};
//!
//! // Five hundred accounts, eight mappings, Neon's documented limits, in virtual time.
//! let scenario = Scenario::new(Workload {
//!     resources: Some(500),
//!     mappings: Some(8),
//!     ..Workload::default()
//! })?;
//! let order = Order::new(&scenario, Settings::new(Strategy::Hybrid));
//! let run = order.run(&World::Virtual, &mut |_: &Event| {})?;
//! assert!(run.record.audit.valid);
//! assert_eq!(run.record.calls.record_calls(), 1_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod audit;
pub mod bound;
pub mod cli;
pub mod clock;
pub mod decide;
pub mod delta;
pub mod engine;
pub mod event;
pub mod findings;
pub mod journal;
pub mod judge;
pub mod log;
pub mod manager;
pub mod measure;
pub mod near;
pub mod plan;
pub mod probe;
pub mod read_back;
pub mod record;
pub mod replicate;
pub mod report;
pub mod run;
pub mod scenario;
pub mod select;
pub mod selftest;
pub mod store;
pub mod transport;
pub mod world;
