//! The mock on the wall clock: what both HTTP shells share.
//!
//! Base path, authentication, decoding and encoding are settled here, so that a call is answered
//! alike whichever shell it comes through. A shell does the waiting.

use crate::api::http::{decode, response_body};
use crate::api::{ApiError, Request, Response, Status};
use crate::credentials::Credentials;
use crate::fault::Delivery;
use crate::neon::Neon;
use crate::time::Timestamp;
use crate::wall_clock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// Where the API begins: `GET /v2/accounts/1`.
pub const BASE_PATH: &str = "/v2";

/// One mock, its credentials, and the instant at which its time began.
pub(crate) struct Live {
    neon: Mutex<Neon>,
    credentials: Credentials,
    started: Instant,
    /// What the mock's time was at `started`: it may have answered calls in virtual time before.
    offset: Timestamp,
    unauthorized: AtomicU64,
    undecodable: AtomicU64,
}

/// A call as a shell receives it.
pub(crate) struct Call<'a> {
    pub(crate) verb: &'a str,
    /// With the base path.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) authorization: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
}

/// What a shell is to send.
pub(crate) struct Answer {
    pub(crate) status: Status,
    /// JSON; empty if there is none.
    pub(crate) body: Vec<u8>,
    /// When it is to leave; `None` at once.
    pub(crate) ready_at: Option<Instant>,
    /// How it is to leave.
    pub(crate) delivery: Delivery,
}

impl Answer {
    /// `response`, at once.
    pub(crate) fn at_once(response: &Response) -> Self {
        let (status, body) = (response.status, response_body(response));
        Self { status, body, ready_at: None, delivery: Delivery::Whole }
    }
}

impl Live {
    pub(crate) fn new(neon: Neon, credentials: Credentials) -> Self {
        Self {
            offset: neon.last_call_at(),
            neon: Mutex::new(neon),
            credentials,
            started: wall_clock::now(),
            unauthorized: AtomicU64::new(0),
            undecodable: AtomicU64::new(0),
        }
    }

    /// What `call`, which arrives now, is answered.
    ///
    /// Only a call that is authenticated and makes sense reaches the pools.
    pub(crate) fn answer(&self, call: &Call<'_>) -> Answer {
        let request = match self.request(call) {
            Ok(request) => request,
            Err(response) => return Answer::at_once(&response),
        };
        let mut neon = self.neon();
        // The mock takes calls in order of time, so the clock is read under its lock.
        let elapsed = wall_clock::now() - self.started;
        let reply = neon.handle(self.offset + elapsed, &request);
        drop(neon);
        Answer {
            status: reply.response.status,
            body: response_body(&reply.response),
            ready_at: Some(self.started + reply.ready_at.since(self.offset)),
            delivery: reply.delivery,
        }
    }

    fn request(&self, call: &Call<'_>) -> Result<Request, Response> {
        let path = below_base(call.path).ok_or_else(|| outside_base(call.path))?;
        self.credentials.check(call.authorization).inspect_err(|_| {
            self.unauthorized.fetch_add(1, Ordering::Relaxed);
        })?;
        decode(call.verb, path, call.query, call.body).map_err(|refused| {
            self.undecodable.fetch_add(1, Ordering::Relaxed);
            refused.into()
        })
    }

    /// The mock itself, locked: calls wait meanwhile.
    pub(crate) fn neon(&self) -> MutexGuard<'_, Neon> {
        self.neon.lock().expect("the mock panicked in an earlier call")
    }

    pub(crate) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn unauthorized(&self) -> u64 {
        self.unauthorized.load(Ordering::Relaxed)
    }

    pub(crate) fn undecodable(&self) -> u64 {
        self.undecodable.load(Ordering::Relaxed)
    }
}

fn below_base(path: &str) -> Option<&str> {
    path.strip_prefix(BASE_PATH).filter(|below| below.is_empty() || below.starts_with('/'))
}

fn outside_base(path: &str) -> Response {
    let message = format!("nothing at {path}: the API begins at {BASE_PATH}");
    Response::error(Status::NOT_FOUND, ApiError::new(1, message))
}
