//! The mock over real HTTP: hyper, on a thread and a runtime of its own.
//!
//! The server does not live on the caller's runtime, so that it answers on time whatever the caller
//! does with its threads, and so that dropping it ends everything: the runtime goes, and with it each
//! connection and each call in flight.
//!
//! Whatever a client does costs a bounded amount: the size and the number of headers, the size of a
//! body, the time that either may take, and the number of connections.

mod admin;
mod body;
mod connection;
mod posts;
mod response;
mod shared;

pub(crate) use shared::ServerOptions;

use crate::live::Live;
use crate::wall_clock::AlarmClock;
use shared::Shell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};

/// Connections that are open at once; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 8_192;

/// Pause before the next accept when the operating system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Errors of starting a server.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ServeError {
    #[error("{addr} is already in use; port 0 picks a free one")]
    AddressInUse { addr: SocketAddr },
    #[error("failed to listen on {addr}")]
    Listen { addr: SocketAddr, source: io::Error },
    #[error("failed to start the server's threads")]
    Threads(#[source] io::Error),
}

/// A server that runs. Stops when dropped: the port is closed and every connection cut by then.
pub(crate) struct Server {
    addr: SocketAddr,
    shell: Arc<Shell>,
    stop: Option<oneshot::Sender<()>>,
    /// Its sender goes with the server's thread.
    stopped: watch::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `live` at `addr`; port 0 picks a free one.
    ///
    /// Errors: [`ServeError`] for an address that cannot be bound, or no thread.
    pub(crate) async fn start(
        addr: SocketAddr,
        live: Arc<Live>,
        terms: ServerOptions,
    ) -> Result<Self, ServeError> {
        let timer = AlarmClock::start().map_err(ServeError::Threads)?;
        let shell = Arc::new(Shell::new(live, timer, terms));
        let of_thread = Arc::clone(&shell);
        let (ready, started) = oneshot::channel();
        let (stop, asked_to_stop) = oneshot::channel();
        let (ended, stopped) = watch::channel(());
        let thread = thread::Builder::new()
            .name("neon-mock".to_owned())
            .spawn(move || {
                run(addr, &of_thread, ready, asked_to_stop);
                drop(ended);
            })
            .map_err(ServeError::Threads)?;
        // The thread reports before it serves; it can only fail to by a panic of ours.
        let addr = started.await.expect("the server's thread reports")?;
        Ok(Self { addr, shell, stop: Some(stop), stopped, thread: Some(thread) })
    }

    /// Address it listens on.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Token of its admin routes.
    pub(crate) fn admin_token(&self) -> &str {
        &self.shell.terms.admin_token
    }

    /// Calls that wait for their answer; after a shutdown, those that it cut.
    pub(crate) fn in_flight(&self) -> u64 {
        self.shell.in_flight.load(Ordering::Relaxed) + self.shell.cut.load(Ordering::Relaxed)
    }

    /// Posts of webhooks that were answered with a success, and those that were not delivered.
    pub(crate) fn webhook_posts(&self) -> (u64, u64) {
        let (delivered, lost) = self.shell.posts.counts();
        (delivered, lost + self.shell.live.neon().dropped_posts())
    }

    /// Waits until the admin route `shutdown` stopped the server.
    pub(crate) async fn stopped(&self) {
        // An error says that the sender, and with it the server's thread, has gone.
        let _ = self.stopped.clone().changed().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Serves until the sender of `stop` is gone, or an admin asks for the end.
fn run(
    addr: SocketAddr,
    shell: &Arc<Shell>,
    ready: oneshot::Sender<Result<SocketAddr, ServeError>>,
    stop: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(ServeError::Threads(error)))),
    };
    runtime.block_on(async {
        let (listener, addr) = match listen(addr).await {
            Ok(listening) => listening,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let _ = ready.send(Ok(addr));
        tokio::select! {
            biased;
            _ = stop => {}
            () = shell.shut_down.notified() => {
                shell.cut.store(shell.in_flight.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            () = accept(&listener, shell) => {}
        }
    });
}

async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let listening = TcpListener::bind(addr).await;
    listening.and_then(|listener| listener.local_addr().map(|addr| (listener, addr))).map_err(
        |source| match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::AddressInUse { addr },
            _ => ServeError::Listen { addr, source },
        },
    )
}

/// Gives each connection a task of its own. Never ends.
async fn accept(listener: &TcpListener, shell: &Arc<Shell>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.expect("nobody closes it");
        let (stream, peer) = next(listener).await;
        let shell = Arc::clone(shell);
        #[expect(clippy::disallowed_methods, reason = "connections are served side by side")]
        tokio::spawn(async move {
            connection::serve(shell, stream, peer).await;
            drop(slot);
        });
    }
}

async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Without it small answers wait for the client's acknowledgement. A socket that
                // does not take it is about to fail anyway.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if of_one_connection(&error) => {}
            // Out of file descriptors: some will be freed.
            #[expect(clippy::disallowed_methods, reason = "the server lives on the wall clock")]
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// True for errors of the one connection that was about to be accepted.
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
