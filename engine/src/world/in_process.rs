//! The mock in process: no socket, and the waiting is done on the virtual clock.

use super::virtual_time::VirtualClock;
use crate::clock::Clock;
use crate::transport::{TIMEOUT, Traffic, Transport, TransportError};
use neon_mock::Neon;
use neon_mock::api::http::encode;
use neon_mock::api::{Body, Endpoint, Request, Response};
use neon_mock::fault::{Delivery, NextFailure, SLOW_BODY};
use neon_mock::profile::Profile;
use std::cell::{Cell, RefCell};

/// Calls a [`Neon`] that lives in this process.
#[derive(Debug)]
pub struct InProcess {
    neon: RefCell<Neon>,
    clock: VirtualClock,
    /// Bytes of request bodies; counted only with staff at work, since encoding doubles the cost of
    /// a call.
    body_bytes: Option<Cell<u64>>,
}

impl InProcess {
    /// `neon`, whose answers come by `clock`.
    pub fn new(neon: Neon, clock: VirtualClock) -> Self {
        let body_bytes = neon.profile().staff().map(|_| Cell::new(0));
        Self { neon: RefCell::new(neon), clock, body_bytes }
    }

    /// Connections and bytes that HTTP would have used so far.
    pub fn traffic(&self) -> Traffic {
        let request_body_bytes = self.body_bytes.as_ref().map(Cell::get);
        Traffic { connections_opened: 0, request_body_bytes }
    }

    /// Limits, delays and fails by `profile` from now on. Calls in flight are forgotten.
    pub fn set_profile(&self, profile: Profile) {
        self.neon.borrow_mut().set_profile(profile);
    }

    /// Fails the next call like this.
    pub fn fail_next(&self, order: impl Into<NextFailure>) {
        self.neon.borrow_mut().fail_next(order);
    }

    /// The result of `look` at the mock as the calls have left it so far.
    pub fn with<R>(&self, look: impl FnOnce(&Neon) -> R) -> R {
        look(&self.neon.borrow())
    }

    /// The mock as the calls left it.
    pub fn into_neon(self) -> Neon {
        self.neon.into_inner()
    }
}

impl Transport for InProcess {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        if let Some(bytes) = &self.body_bytes {
            let body = encode(request).body;
            bytes.set(bytes.get() + body.map_or(0, |body| body.len() as u64));
        }
        let due_at = self.clock.now();
        let reply = self.neon.borrow_mut().handle(due_at, request);
        let done_at = match reply.delivery {
            Delivery::Slow => reply.ready_at + SLOW_BODY,
            Delivery::Never => {
                let hold = self.neon.borrow().profile().behaviour().timeout_hold();
                reply.ready_at + hold
            }
            _ => reply.ready_at,
        };
        let patience = due_at + TIMEOUT;
        if done_at > patience {
            self.clock.sleep_until(patience).await;
            return Err(TransportError::Timeout);
        }
        self.clock.sleep_until(done_at).await;
        received(request.endpoint(), reply.response, reply.delivery)
    }
}

/// The result of an answer that is delivered like this: the same as over HTTP.
fn received(
    endpoint: Endpoint,
    response: Response,
    delivery: Delivery,
) -> Result<Response, TransportError> {
    // A body that cannot be read matters only where the status promises one.
    let unreadable = |what: &str| {
        if response.status.is_success() {
            Err(TransportError::Malformed(what.to_owned()))
        } else {
            Ok(Response::new(response.status, Body::Empty))
        }
    };
    match delivery {
        Delivery::Whole | Delivery::Slow => Ok(response),
        Delivery::Never => Err(TransportError::Interrupted("connection closed".to_owned())),
        Delivery::Reset => Err(TransportError::Interrupted("connection reset".to_owned())),
        Delivery::Malformed => unreadable("the body is no JSON"),
        Delivery::Truncated => unreadable("the body ends in the middle"),
        Delivery::Empty if matches!(endpoint, Endpoint::PatchAccount | Endpoint::PutAccount) => {
            Ok(Response::new(response.status, Body::Empty))
        }
        Delivery::Empty => unreadable("the body is empty"),
    }
}
