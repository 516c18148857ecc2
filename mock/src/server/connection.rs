//! One connection: requests in turn, answers in the same order, and the reset that hyper cannot do.

use super::admin;
use super::body::{self, BodyError};
use super::posts;
use super::response::{ResponseBody, respond};
use super::shared::{Connection, Shell};
use crate::fault::{Delivery, SLOW_BODY};
use crate::live::{Answer, ReceivedCall, VERSION_HEADER};
use crate::wall_clock;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;

/// Bytes of a request's head; more are answered 431.
const MAX_HEAD: usize = 32 << 10;

/// Bytes read or written at a time: what one connection may hold beside a body.
const BUFFER: usize = 64 << 10;

/// The call is answered by resetting its connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is to be reset")]
struct Reset;

/// Serves one connection until either side ends it.
pub(super) async fn serve(shell: Arc<Shell>, stream: TcpStream, peer: SocketAddr) {
    let reset = Arc::new(AtomicBool::new(false));
    let socket = Socket { io: TokioIo::new(stream), reset: Arc::clone(&reset) };
    let patience = shell.terms.patience;
    let connection = Arc::new(Connection::new(shell, peer, reset));
    let calls = Arc::clone(&connection);
    // At most 100 headers, which is hyper's default; saying so would cost an allocation a call.
    // Bodies of a few hundred bytes are copied behind their head faster than the kernel takes two pieces.
    let served = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD)
        .max_buf_size(BUFFER)
        .writev(false)
        .serve_connection(socket, service_fn(move |request| handle(Arc::clone(&calls), request)));
    tokio::select! {
        biased;
        // Ignored: clients may hang up, and our own reset is an error too.
        _ = served => {}
        () = connection.owed_too_long(patience) => {}
    }
    if connection.shut_down.load(Ordering::Relaxed) {
        connection.shell.shut_down.notify_one();
    }
}

/// Counts a call that waits for its answer.
struct WaitingCall<'a>(&'a Shell);

impl<'a> WaitingCall<'a> {
    fn new(shell: &'a Shell) -> Self {
        shell.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(shell)
    }
}

impl Drop for WaitingCall<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers one call. The client owes no request until the answer is sent.
async fn handle(
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Reset> {
    connection.answering();
    let answered = answer(&connection, request).await;
    let slow = matches!(&answered, Ok(response) if response.body().is_slow());
    connection.answered(if slow { SLOW_BODY } else { Duration::ZERO });
    answered
}

async fn answer(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Reset> {
    if admin::is_below(request.uri().path()) {
        return Ok(admin::answer(connection, request).await);
    }
    let shell = &connection.shell;
    let (head, incoming) = request.into_parts();
    let body = match body::read(incoming, shell.terms.patience).await {
        Ok(body) => body,
        Err(BodyError::Lost) => return Err(Reset),
        Err(BodyError::Refused(refused)) => return Ok(refused.into_response()),
    };
    let header = |name| head.headers.get(name).map(HeaderValue::as_bytes);
    let mut answer = shell.live.answer(&ReceivedCall {
        verb: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query(),
        authorization: header(AUTHORIZATION),
        content_type: header(CONTENT_TYPE),
        version: head.headers.get(VERSION_HEADER).map(HeaderValue::as_bytes),
        body: &body,
    });
    posts::send(shell, std::mem::take(&mut answer.posts));
    // An answer may be an hour away.
    drop((head, body));
    let in_flight = WaitingCall::new(shell);
    if let Some(ready_at) = answer.ready_at {
        shell.timer.wait_until(ready_at).await;
    }
    shell.live.hand_over(&mut answer);
    if answer.delivery == Delivery::Never {
        // Dropped by hyper when the client hangs up, by the runtime when the server stops.
        let hold = shell.live.neon().profile().behaviour().timeout_hold();
        shell.timer.wait_until(wall_clock::now() + hold).await;
        return Err(Reset);
    }
    drop(in_flight);
    deliver(connection, answer)
}

fn deliver(connection: &Arc<Connection>, answer: Answer) -> Result<Response<ResponseBody>, Reset> {
    if answer.delivery == Delivery::Reset {
        connection.reset.store(true, Ordering::Relaxed);
        return Err(Reset);
    }
    Ok(respond(&connection.shell, answer))
}

/// A client's socket, which can end with a reset.
struct Socket {
    io: TokioIo<TcpStream>,
    reset: Arc<AtomicBool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // With no time to linger, closing the socket resets the connection. If the socket
            // does not take it, the client sees its end all the same.
            let _ = self.io.inner().set_zero_linger();
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
