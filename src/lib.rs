//! Find out, before touching production, how to migrate custom fields in Neon CRM.
//!
//! neonbench runs a complete migration engine against a mock of the Neon CRM API v2, in virtual
//! time or over real HTTP, and judges each run by the server's final state. [`manager`] is the
//! library under the names of the guide that it implements. The engine itself is the crate
//! `neonbench-engine`, the mock is `neon-mock`; `ARCHITECTURE.md` is the map.

pub mod manager;

// For the binary, the tests and the benches of this package: no promise is made of their names.
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod experiment;
#[doc(hidden)]
pub mod findings;
#[doc(hidden)]
pub mod judge;
#[doc(hidden)]
pub mod live;
#[doc(hidden)]
pub mod neon_import;
#[doc(hidden)]
pub mod preflight;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod select;
#[doc(hidden)]
pub mod selftest;
#[doc(hidden)]
pub mod stats;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod text;
