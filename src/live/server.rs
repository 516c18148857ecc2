//! The server of a live page: hyper, on a thread and a runtime of its own.
//!
//! It reads a [`LiveSource`] once a second and tells every viewer. It has no way to change anything: only GET and
//! HEAD exist. Whatever a viewer does costs a bounded amount: connections, streams, and what waits for a slow one.

mod check;
mod events;
mod routes;

pub use check::page_answers;

use super::gate::PageAccess;
use super::snapshot::{LiveCurve, LiveSnapshot, LiveState, Mark, RunFacts};
use super::view;
use events::Viewers;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::MissedTickBehavior;

/// Time between two looks at the run.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Connections that are open at once; more wait.
const MAX_CONNECTIONS: usize = 64;

/// Time that a client may take for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time that the end of a run gets to reach those who have its page open.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Pause before the next accept when the operating system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bytes of a request's head at most.
const MAX_HEAD: usize = 16 << 10;

/// Looks after a page was asked for within which its viewer counts as there: a page without scripts asks again.
const VIEWED_FOR: u64 = 6;

/// The data of a page. It is asked on the server's thread.
pub trait LiveSource: Send + Sync {
    /// The facts that stand before the run.
    fn facts(&self) -> RunFacts;
    /// The state now.
    fn look(&self) -> LiveSnapshot;
    /// Marks after the one numbered `after`.
    fn marks_after(&self, after: u64) -> Vec<Mark>;
    /// The line so far.
    fn line(&self) -> LiveCurve;
}

/// Errors of starting a page.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum LiveError {
    #[error("the live page cannot listen on {addr}")]
    Listen { addr: SocketAddr, source: io::Error },
    #[error("the live page's thread cannot be started")]
    Thread(#[source] io::Error),
}

/// The state that the server's tasks share.
struct Shared {
    source: Arc<dyn LiveSource>,
    gate: PageAccess,
    viewers: Viewers,
    latest: Mutex<Latest>,
    /// Looks at the run so far, and the one after which a page was last asked for.
    looks: AtomicU64,
    asked_at: AtomicU64,
    /// True once somebody was shown the end.
    is_end_seen: AtomicBool,
}

/// The state as it was looked at last.
struct Latest {
    snapshot: LiveSnapshot,
    parts: Vec<(&'static str, String)>,
}

impl Shared {
    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) {
        let latest = seen(&*self.source);
        self.viewers.tell(&latest, &*self.source);
        let is_ended = latest.snapshot.state == LiveState::Ended;
        if is_ended && self.viewers.told_end() {
            self.is_end_seen.store(true, Ordering::SeqCst);
        }
        *self.latest() = latest;
        self.looks.fetch_add(1, Ordering::SeqCst);
    }

    /// A page was asked for, and shows `state`.
    fn asked(&self, state: LiveState) {
        self.asked_at.store(self.looks.load(Ordering::SeqCst).max(1), Ordering::SeqCst);
        if state == LiveState::Ended {
            self.is_end_seen.store(true, Ordering::SeqCst);
        }
    }

    fn is_viewed(&self) -> bool {
        let asked_at = self.asked_at.load(Ordering::SeqCst);
        let looks = self.looks.load(Ordering::SeqCst);
        !self.viewers.is_empty() || (asked_at > 0 && looks < asked_at + VIEWED_FOR)
    }
}

fn seen(source: &dyn LiveSource) -> Latest {
    let snapshot = source.look();
    let parts = view::parts(&source.facts(), &snapshot, &source.marks_after(0), &source.line());
    Latest { snapshot, parts }
}

/// A page that is served. It ends when dropped.
pub struct LivePage {
    url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LivePage {
    /// Serves `source` at `address`, on this machine alone if there is none; port 0 picks a free one.
    ///
    /// Errors: [`LiveError`].
    pub fn start(
        address: Option<IpAddr>,
        port: u16,
        source: Arc<dyn LiveSource>,
    ) -> Result<Self, LiveError> {
        let (ready, started) = mpsc::channel();
        let (stop, asked_to_stop) = oneshot::channel();
        let run = move || run((address, port), source, &ready, asked_to_stop);
        let thread = std::thread::Builder::new().name("live-page".to_owned()).spawn(run);
        let thread = thread.map_err(LiveError::Thread)?;
        // The thread reports before it serves; it can only fail to by a panic of ours.
        let (shared, addr) = started.recv().expect("the page's thread reports")?;
        let url = format!("http://{addr}{}", shared.gate.entrance());
        Ok(Self { url, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that lets a browser in.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True while somebody has the page open, as far as the server can tell.
    pub fn is_viewed(&self) -> bool {
        self.shared.is_viewed()
    }

    /// True once somebody was shown the end.
    pub fn is_end_seen(&self) -> bool {
        self.shared.is_end_seen.load(Ordering::SeqCst)
    }
}

impl Drop for LivePage {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

type Started = Result<(Arc<Shared>, SocketAddr), LiveError>;

fn run(
    place: (Option<IpAddr>, u16),
    source: Arc<dyn LiveSource>,
    ready: &mpsc::Sender<Started>,
    stop: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(LiveError::Thread(error)))),
    };
    runtime.block_on(async {
        let listeners = match listen(place).await {
            Ok(listeners) => listeners,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let addr = listeners[0].1;
        let shared = Arc::new(Shared {
            latest: Mutex::new(seen(&*source)),
            source,
            gate: PageAccess::new(addr, token()),
            viewers: Viewers::default(),
            looks: AtomicU64::new(1),
            asked_at: AtomicU64::new(0),
            is_end_seen: AtomicBool::new(false),
        });
        let _ = ready.send(Ok((Arc::clone(&shared), addr)));
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        for (listener, _) in listeners {
            spawn(accept(listener, Arc::clone(&slots), Arc::clone(&shared)));
        }
        tokio::select! {
            biased;
            _ = stop => {}
            () = look(&shared) => {}
        }
        // Whoever is connected is told the end, if it is one.
        shared.look();
        if shared.latest().snapshot.state == LiveState::Ended {
            let sent = async {
                while !shared.viewers.are_sent() {
                    pause(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                () = sent => {}
                () = pause(LAST_WORD) => {}
            }
        }
    });
}

/// Waits.
#[expect(clippy::disallowed_methods, reason = "the page lives on the wall clock")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[expect(clippy::disallowed_methods, reason = "viewers are served side by side")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// A token of 128 bits.
fn token() -> String {
    let mut bytes = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .expect("the system has entropy");
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Both loopback addresses, or the one that is given.
async fn listen(
    (address, port): (Option<IpAddr>, u16),
) -> Result<Vec<(TcpListener, SocketAddr)>, LiveError> {
    let first = SocketAddr::new(address.unwrap_or(Ipv4Addr::LOCALHOST.into()), port);
    let of = |source| LiveError::Listen { addr: first, source };
    let listener = TcpListener::bind(first).await.map_err(of)?;
    let addr = listener.local_addr().map_err(of)?;
    let mut listeners = vec![(listener, addr)];
    if address.is_none() {
        let second = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), addr.port());
        // A machine without IPv6, or with the port taken there, has the other address.
        if let Ok(listener) = TcpListener::bind(second).await {
            listeners.push((listener, second));
        }
    }
    Ok(listeners)
}

/// Looks at the run again and again.
async fn look(shared: &Shared) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.look();
    }
}

/// Gives each connection a task of its own. Never ends.
async fn accept(listener: TcpListener, slots: Arc<Semaphore>, shared: Arc<Shared>) {
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.expect("nobody closes it");
        let Ok((stream, _)) = listener.accept().await else {
            pause(ACCEPT_PAUSE).await;
            continue;
        };
        // Small answers must not wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        spawn(async move {
            serve(stream, shared).await;
            drop(slot);
        });
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let answer = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, std::convert::Infallible>(routes::answer(&shared, &request)) }
    });
    // Ignored: clients may hang up.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}
