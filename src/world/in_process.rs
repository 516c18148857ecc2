//! The mock in process: no socket, and the waiting is done on the virtual clock.

use super::virtual_time::VirtualClock;
use crate::clock::Clock;
use crate::transport::{Transport, TransportError};
use neon_mock::Neon;
use neon_mock::api::{Request, Response};
use std::cell::RefCell;

/// Calls a [`Neon`] that lives in this process.
#[derive(Debug)]
pub struct InProcess {
    neon: RefCell<Neon>,
    clock: VirtualClock,
}

impl InProcess {
    /// `neon`, whose answers come by `clock`.
    pub const fn new(neon: Neon, clock: VirtualClock) -> Self {
        Self { neon: RefCell::new(neon), clock }
    }

    /// The mock as the calls left it.
    pub fn into_neon(self) -> Neon {
        self.neon.into_inner()
    }
}

impl Transport for InProcess {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let reply = self.neon.borrow_mut().handle(self.clock.now(), request);
        self.clock.sleep_until(reply.ready_at).await;
        Ok(reply.response)
    }
}
