//! Experiments: candidates, run under seeds, summed up, priced under a goal and ranked.
//!
//! Every command that makes more than one run goes through here, so that a candidate, its cost, the
//! order of candidates and the seeds mean the same everywhere.

mod candidate;
mod comparison;
mod cost;
mod eta;
mod fan;
mod forecast;
mod parallel;
mod rank;
mod replicate;
pub mod seeds;
mod simulate;
mod summary;

pub(crate) use candidate::MAX_WORKERS;
pub use candidate::{CallPattern, Candidate, CanonicalRun, Portfolio, coarse_grid, grid};
pub use comparison::{Delta, DeltaVerdict, MIN_REPLICATES, delta, not_told_apart};
pub use cost::{Constraint, Goal, Objective, ParseConstraintError, times_as_much};
pub use eta::{ChangedFigure, Course, Estimate, RegimeChange, eta, eta_since, regime_change};
pub use fan::{Band, fan};
pub use forecast::{Forecast, forecast};
pub use parallel::parallel_map;
pub use rank::{CandidateRuns, Ranking, did_the_same, rank};
pub use replicate::{median_makespan_s, records, replicated, simulated};
pub use simulate::{CostLimit, RunFigures, SimulatedRun, simulate};
pub use summary::{Summary, sweep, sweep_within};
