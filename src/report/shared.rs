//! Shared by the sections: the page's frame, its figures, the tools to draw charts, and the runs that more
//! than one section shows.

pub(crate) mod charts;
pub mod claimed;
pub mod exploration;
pub mod fact;
pub(crate) mod figures;
pub mod league;
pub mod provenance;
pub mod rows;
pub(crate) mod template;
pub mod validity;

use crate::select::case::CaseError;
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::ScenarioError;

/// A suite that could not be run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum SuiteError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Case(#[from] CaseError),
}
