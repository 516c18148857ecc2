//! (written elsewhere)
use super::snapshot::{Line, Mark, RunFacts, Snapshot};

pub(crate) fn parts(
    _: &RunFacts,
    snapshot: &Snapshot,
    _: &[Mark],
    _: &Line,
) -> Vec<(&'static str, String)> {
    vec![("state", snapshot.state.name().to_owned())]
}
pub(crate) fn page(_: &RunFacts, snapshot: &Snapshot, _: &[Mark], _: &Line) -> String {
    snapshot.state.name().to_owned()
}
pub(crate) fn content_security_policy() -> String {
    "default-src 'none'".to_owned()
}
