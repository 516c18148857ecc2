//! A run under way as others see it: a snapshot of bounded size, what happened to it, the line of its progress, and
//! the page that shows them.

mod snapshot;
mod view;

pub use snapshot::{
    AccountCounts, Band, CourseWord, EchoState, EditsState, EndpointState, FailureGroup, Line,
    LivePoint, LiveState, Mark, MarkKind, Pace, Regime, RunFacts, SCHEMA, Snapshot, Verdict,
};
pub use view::{content_security_policy, page, parts};
