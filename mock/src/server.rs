//! The mock over real HTTP: axum, on a thread and a runtime of its own.
//!
//! The server does not live on the caller's runtime, so that it answers on time whatever the caller
//! does with its threads, and so that dropping it ends everything: the runtime goes, and with it each
//! connection and each call in flight.

use crate::api::{ApiError, Response, Status};
use crate::live::{Answer, Call, Live};
use crate::wall_clock::Timer;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::serve::ListenerExt as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Bodies above this many bytes are answered 413.
pub(crate) const BODY_LIMIT: usize = 1 << 20;

/// Why a server did not start.
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
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `live` at `addr`; port 0 picks a free one.
    pub(crate) async fn start(addr: SocketAddr, live: Arc<Live>) -> Result<Self, ServeError> {
        let (ready, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("neon-mock".to_owned())
            .spawn(move || run(addr, live, ready, stopped))
            .map_err(ServeError::Threads)?;
        // The thread reports before it serves; it can only fail to by a panic of ours.
        let addr = started.await.expect("the server's thread reports")?;
        Ok(Self { addr, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
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

/// What the handler works with.
struct Shell {
    live: Arc<Live>,
    timer: Timer,
}

/// Serves until `stopped` is told or its sender is gone.
fn run(
    addr: SocketAddr,
    live: Arc<Live>,
    ready: oneshot::Sender<Result<SocketAddr, ServeError>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let started = runtime.and_then(|runtime| Ok((runtime, Timer::start()?)));
    let (runtime, timer) = match started.map_err(ServeError::Threads) {
        Ok(started) => started,
        Err(error) => return drop(ready.send(Err(error))),
    };
    runtime.block_on(async {
        let (listener, addr) = match listen(addr).await {
            Ok(listening) => listening,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let listener = listener.tap_io(|stream| {
            // Without it small answers wait for the client's acknowledgement. A socket that does
            // not take it is about to fail anyway.
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().fallback(handle).with_state(Arc::new(Shell { live, timer }));
        let _ = ready.send(Ok(addr));
        tokio::select! {
            biased;
            _ = stopped => {}
            _ = axum::serve(listener, router) => {}
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

async fn handle(State(shell): State<Arc<Shell>>, request: Request) -> axum::response::Response {
    let (head, body) = request.into_parts();
    // Most calls are GETs: no need to poll a body that is none.
    let body =
        if body.is_end_stream() { Ok(Bytes::new()) } else { to_bytes(body, BODY_LIMIT).await };
    let answer = match &body {
        Ok(body) => shell.live.answer(&Call {
            verb: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query(),
            authorization: head.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes),
            body,
        }),
        Err(_) => Answer::at_once(&Response::error(
            Status(413),
            ApiError::new(1, format!("a body has at most {BODY_LIMIT} bytes")),
        )),
    };
    drop((head, body));
    if let Some(ready_at) = answer.ready_at {
        shell.timer.wait_until(ready_at).await;
    }
    http_response(answer)
}

fn http_response(answer: Answer) -> axum::response::Response {
    let mut response = axum::response::Response::new(Body::empty());
    *response.status_mut() =
        StatusCode::from_u16(answer.status.0).expect("statuses are checked where they come in");
    if !answer.body.is_empty() {
        *response.body_mut() = Body::from(answer.body);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    response
}
