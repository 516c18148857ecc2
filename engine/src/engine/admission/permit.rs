//! Slots and places in a queue, given back however a call ends.

use super::{QueueState, Waiter};
use crate::event::Outcome;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use std::cell::RefCell;
use std::rc::Rc;

/// The slot of an admitted call, returned on drop.
#[derive(Debug)]
pub(in crate::engine) struct Permit<'a> {
    pub(super) admission: &'a RefCell<QueueState>,
    pub(super) endpoint: Endpoint,
    /// Number of the call among those sent; `None` before it is sent.
    pub(super) sequence: Option<u64>,
}

impl Permit<'_> {
    /// Returns the slot of a call that is not made after all.
    pub(in crate::engine) fn release(self, now: Timestamp) {
        let admission = self.admission;
        drop(self);
        admission.borrow_mut().admit_waiting(now);
    }

    /// Returns the slot of a call that ended at `now`; the new limit of calls in flight, if it has
    /// changed.
    pub(in crate::engine) fn done(mut self, now: Timestamp, outcome: Outcome) -> Option<u32> {
        let (admission, endpoint) = (self.admission, self.endpoint);
        let before = admission.borrow().limit(endpoint);
        if let Some(sequence) = self.sequence.take() {
            admission.borrow_mut().answered(sequence, now, outcome);
        }
        drop(self);
        admission.borrow_mut().admit_waiting(now);
        let limit = admission.borrow().limit(endpoint);
        limit.filter(|_| limit != before)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut admission = self.admission.borrow_mut();
        admission.return_slot(self.endpoint);
        if let Some(sequence) = self.sequence {
            admission.land(sequence);
        }
    }
}

/// Leaves the queue on drop, for a call that is cancelled while it waits.
pub(super) struct QueueGuard<'a> {
    pub(super) admission: &'a RefCell<QueueState>,
    pub(super) endpoint: Endpoint,
    pub(super) waiter: &'a Rc<Waiter>,
}

impl Drop for QueueGuard<'_> {
    fn drop(&mut self) {
        let mut admission = self.admission.borrow_mut();
        if self.waiter.is_granted() {
            admission.return_slot(self.endpoint);
        } else {
            admission.leave(self.endpoint, self.waiter);
        }
    }
}
