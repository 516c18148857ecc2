//! The targets as a library of their own, for cargo-fuzz. See [`targets`].

pub mod targets;
