//! Handle to a running mock.

use crate::api::{Account, AccountId, Status};
use crate::builder::{BuiltInOr, NeonMockBuilder};
use crate::fault::FaultKind;
use crate::file::Member;
use crate::live::{BASE_PATH, Live, MAX_SNAPSHOTS};
use crate::mishap::Mishaps;
use crate::neon::{Calls, Neon};
use crate::profile::{Profile, WireFault};
use crate::served::ServedCall;
use crate::server::Server;
use std::net::SocketAddr;
use std::sync::Arc;

/// A mock of Neon that answers over HTTP until it is dropped.
///
/// Dropping it closes its port and cuts calls in flight before it returns.
#[must_use = "the server stops when this is dropped"]
pub struct NeonMock {
    // Drop order matters: the server stops before its state is freed.
    server: Server,
    live: Arc<Live>,
}

impl NeonMock {
    pub(crate) const fn new(live: Arc<Live>, server: Server) -> Self {
        Self { server, live }
    }

    #[cfg(feature = "wiremock")]
    pub(crate) const fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// A builder with the default settings.
    pub fn builder() -> NeonMockBuilder {
        NeonMockBuilder::default()
    }

    /// Starts a mock with the default settings.
    ///
    /// Panics with the reason if it cannot.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Base URL for clients: `http://127.0.0.1:PORT/v2`.
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE_PATH}", self.addr())
    }

    /// Address it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Organisation id and API key, the user and password of Basic
    /// authentication.
    pub fn credentials(&self) -> (&str, &str) {
        (self.live.credentials().org_id(), self.live.credentials().api_key())
    }

    /// Token of the admin routes below `/__mock/`: `Authorization: Bearer TOKEN`.
    pub fn admin_token(&self) -> &str {
        self.server.admin_token()
    }

    /// The calls that reached the pools so far.
    ///
    /// Calls rejected earlier are counted by [`unauthorized`](Self::unauthorized)
    /// and [`undecodable`](Self::undecodable).
    pub fn calls(&self) -> Calls {
        *self.live.neon().calls()
    }

    /// Calls answered 401 for missing or wrong credentials.
    pub fn unauthorized(&self) -> u64 {
        self.live.unauthorized()
    }

    /// Calls answered 400, 404, 405 or 415 because they could not be decoded.
    pub fn undecodable(&self) -> u64 {
        self.live.undecodable()
    }

    /// The mishaps between the clients and the mock so far, by cause.
    pub fn mishaps(&self) -> Mishaps {
        self.live.mishaps()
    }

    /// Calls that arrived and have no answer yet. Dropping the mock cuts them; after the admin
    /// route `shutdown`, those that it cut.
    pub fn in_flight(&self) -> u64 {
        self.server.in_flight()
    }

    /// Posts of webhooks so far: those that were answered with a success, and those that were not delivered, since
    /// nobody took them, the address is not of this machine, or too many waited.
    pub fn webhook_posts(&self) -> (u64, u64) {
        self.server.webhook_posts()
    }

    /// The latest calls as they were served over HTTP, oldest first: what the mock meant each to
    /// take, and how long it took. As many as [`NeonMockBuilder::journal`] says; calls by way of
    /// wiremock are not among them.
    pub fn journal(&self) -> Vec<ServedCall> {
        self.live.served().journal().cloned().collect()
    }

    /// Waits until the admin route `shutdown` has stopped the server. A mock that was stopped
    /// answers no call; what it came to can still be looked at.
    pub async fn stopped(&self) {
        self.server.stopped().await;
    }

    /// The account as it is now; `None` if there is none of that id.
    pub fn account(&self, id: u64) -> Option<Account> {
        self.live.neon().organisation().account(AccountId(id))
    }

    /// Applies `profile` from now on. Calls in flight keep their delay and hold no
    /// slot.
    ///
    /// Panics if there is no built-in profile of that name.
    pub fn set_profile(&self, profile: impl Into<BuiltInOr<Profile>>) {
        match profile.into().resolve() {
            Ok(profile) => self.live.neon().set_profile(profile),
            Err(error) => panic!("{error}"),
        }
    }

    /// Queues a failure: one of the next calls is answered `status` and not applied; see
    /// [`fault_next`](Self::fault_next) for other ways to fail.
    ///
    /// Panics unless 200 <= `status` <= 999. Under 200 too the body is an array of errors: Neon is
    /// known to do that.
    pub fn fail_next(&self, status: u16) {
        assert!((200..=999).contains(&status), "a call cannot be answered with status {status}");
        self.live.neon().fail_next(Status(status));
    }

    /// Queues a fault for one of the next calls.
    pub fn fault_next(&self, kind: FaultKind) {
        self.live.neon().fail_next(kind);
    }

    /// Adds a fault table behind those of the profile: which calls fail, by endpoint, account, count
    /// or share, and how. [`set_profile`](Self::set_profile) ends it.
    ///
    /// Panics with the reason if the table makes no sense.
    pub fn add_fault(&self, table: &WireFault) {
        match table.checked(&Member::top("fault")) {
            Ok(fault) => self.live.neon().add_fault(fault),
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes all as it was at the start: organisation, profile, counters, limits and journal.
    pub fn reset(&self) {
        self.live.reset(None);
    }

    /// The same with the organisation and the response times of another seed.
    pub fn reset_to_seed(&self, seed: u64) {
        self.live.reset(Some(seed));
    }

    /// Keeps organisation, profile, ordered faults and counters as they are now, under `name`.
    ///
    /// Panics if there are 16 snapshots of other names.
    pub fn snapshot(&self, name: &str) {
        let kept = self.live.keep_snapshot(name);
        assert!(kept.is_ok(), "there are {MAX_SNAPSHOTS} snapshots of other names");
    }

    /// Goes back to the snapshot `name`. Journal and response times begin anew.
    ///
    /// Panics if there is none.
    pub fn restore(&self, name: &str) {
        let restored = self.live.restore(name);
        assert!(restored.is_ok(), "there is no snapshot `{name}`");
    }

    /// Runs `look` on the mock: its organisation, profile and calls. Calls wait meanwhile.
    pub fn with_neon<R>(&self, look: impl FnOnce(&Neon) -> R) -> R {
        look(&self.live.neon())
    }
}

impl std::fmt::Debug for NeonMock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NeonMock").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}
