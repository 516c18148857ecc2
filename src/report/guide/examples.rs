//! The guide's worked examples with every strategy, as charts.

mod limit;
mod makespans;

pub(crate) use limit::limit;
pub(crate) use makespans::makespans;
