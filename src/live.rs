//! A run under way as others see it: a snapshot of bounded size, what happened to it, the line of its progress, and
//! the page that shows them.

mod fold;
mod gate;
mod line;
mod marks;
mod minute;
mod server;
mod shared_fold;
mod snapshot;
mod view;

pub use crate::experiment::Band;
pub use fold::{LiveFold, Webhooks};
pub use line::CurveFold;
pub use server::{LiveError, LivePage, LiveSource, page_answers};
pub use shared_fold::SharedFold;
pub use snapshot::{
    AccountCounts, CourseWord, EchoState, EditsState, EndpointState, FailureGroup, LiveCurve,
    LivePoint, LiveSnapshot, LiveState, Mark, MarkKind, Pace, Regime, RunEnd, RunFacts, SCHEMA,
};
pub use view::{content_security_policy, page, parts};
