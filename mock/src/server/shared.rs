//! State that the server, its connections and their calls share. Imports none of them.

use crate::live::Live;
use crate::time::nanos;
use crate::wall_clock::{self, AlarmClock};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};

/// Server settings.
pub(crate) struct ServerOptions {
    /// Time allowed for the head of a request, and for its body.
    pub(crate) patience: Duration,
    /// Bearer token of the admin routes.
    pub(crate) admin_token: String,
}

/// State shared by all connections of a server.
pub(super) struct Shell {
    pub(super) live: Arc<Live>,
    pub(super) timer: AlarmClock,
    pub(super) terms: ServerOptions,
    pub(super) started: Instant,
    /// Calls that wait for their answer.
    pub(super) in_flight: AtomicU64,
    /// Calls that a shutdown left without an answer.
    pub(super) cut: AtomicU64,
    /// Posts of webhooks.
    pub(super) posts: PostOffice,
    /// Notified once an admin who asked for a shutdown has the answer.
    pub(super) shut_down: Notify,
}

impl Shell {
    /// The state of a server that starts now.
    pub(super) fn new(live: Arc<Live>, timer: AlarmClock, terms: ServerOptions) -> Self {
        Self {
            live,
            timer,
            terms,
            started: wall_clock::now(),
            in_flight: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            posts: PostOffice::new(),
            shut_down: Notify::new(),
        }
    }

    /// Nanoseconds since the server started.
    pub(super) fn now_ns(&self) -> u64 {
        nanos(wall_clock::now() - self.started)
    }
}

/// State shared by the calls of one connection.
pub(super) struct Connection {
    pub(super) shell: Arc<Shell>,
    pub(super) peer: SocketAddr,
    /// Set when the connection is to end with a reset.
    pub(super) reset: Arc<AtomicBool>,
    /// Set when the server is to end with this connection.
    pub(super) shut_down: AtomicBool,
    /// Since when the client has owed a request, in ns since the server started; [`ANSWERING`]
    /// while it owes none.
    owed_since_ns: AtomicU64,
}

/// The server's turn: the client owes nothing.
const ANSWERING: u64 = u64::MAX;

impl Connection {
    /// A connection that opens now: the client owes its first request.
    pub(super) fn new(shell: Arc<Shell>, peer: SocketAddr, reset: Arc<AtomicBool>) -> Self {
        let owed_since_ns = AtomicU64::new(shell.now_ns());
        Self { shell, peer, reset, shut_down: AtomicBool::new(false), owed_since_ns }
    }

    /// Stops the server once the current answer has been sent.
    pub(super) fn shut_down_after(&self) {
        self.shut_down.store(true, Ordering::Relaxed);
    }

    /// A request has come: the client owes nothing until it is answered.
    pub(super) fn answering(&self) {
        self.owed_since_ns.store(ANSWERING, Ordering::Relaxed);
    }

    /// The answer is sent in `after`: from then on the client owes the next request.
    pub(super) fn answered(&self, after: Duration) {
        let sent_ns = self.shell.now_ns() + nanos(after);
        self.owed_since_ns.store(sent_ns, Ordering::Relaxed);
    }

    /// Waits until the client has owed a whole head for `patience`.
    ///
    /// One timer per connection: hyper's own bound on the time of a head sets one per request.
    pub(super) async fn owed_too_long(&self, patience: Duration) {
        loop {
            let now_ns = self.shell.now_ns();
            let owed_since_ns = self.owed_since_ns.load(Ordering::Relaxed);
            let since_ns = if owed_since_ns == ANSWERING { now_ns } else { owed_since_ns };
            let left_ns = since_ns.saturating_add(nanos(patience)).saturating_sub(now_ns);
            if left_ns == 0 {
                return;
            }
            #[expect(clippy::disallowed_methods, reason = "the server lives on the wall clock")]
            tokio::time::sleep(Duration::from_nanos(left_ns)).await;
        }
    }
}

/// Posts that are due or under way; more are dropped.
const MOST_UNDER_WAY: usize = 1_000;

/// Posts of a server, by their end.
#[derive(Debug)]
pub(super) struct PostOffice {
    pub(super) places: Arc<Semaphore>,
    delivered: AtomicU64,
    lost: AtomicU64,
}

impl PostOffice {
    pub(super) fn new() -> Self {
        let places = Arc::new(Semaphore::new(MOST_UNDER_WAY));
        Self { places, delivered: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    /// Posts that were answered with a success, and those that were not delivered.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.delivered.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, is_delivered: bool) {
        let count = if is_delivered { &self.delivered } else { &self.lost };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
