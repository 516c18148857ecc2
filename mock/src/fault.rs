//! Faults: which call fails, and how.

use crate::api::Status;
use std::collections::VecDeque;

/// Failures that were ordered for the calls to come, first come first served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ordered(VecDeque<Status>);

impl Ordered {
    /// Lets one more of the coming calls fail with `status`, without applying it.
    pub(crate) fn push(&mut self, status: Status) {
        self.0.push_back(status);
    }

    /// The failure of the call at hand, if one was ordered.
    pub(crate) fn take(&mut self) -> Option<Status> {
        self.0.pop_front()
    }
}
