//! The rivals: the mock's two HTTP shells, and a handler that only sends constant bytes.

use super::client::Client;
use super::{ACCOUNTS, filled_neon};
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::serve::ListenerExt as _;
use neon_mock::NeonMock;
use neonbench_engine::world::runtime;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wiremock::MockServer;

/// Requests after which wiremock is started anew, since it keeps them all.
const WIREMOCK_KEEPS: u64 = 20_000;

/// A server that can be asked for accounts.
pub(crate) struct Rival {
    pub(crate) name: &'static str,
    server: Server,
    client: Client,
    keep_alive: bool,
}

enum Server {
    Bare { _stop: oneshot::Sender<()> },
    Shell { _mock: NeonMock },
    Wiremock { mock: NeonMock, server: MockServer, answered: u64 },
}

impl Rival {
    /// A handler that answers `body` whatever is asked.
    pub(crate) fn bare(keep_alive: bool, body: Vec<u8>) -> Self {
        let (addr, stop) = serve_constant(body);
        Self::new("bare axum", addr, Server::Bare { _stop: stop }, keep_alive)
    }

    /// The mock behind its own server.
    pub(crate) fn shell(keep_alive: bool) -> Self {
        let mock = start_mock();
        Self::new("HTTP shell", mock.addr(), Server::Shell { _mock: mock }, keep_alive)
    }

    /// The mock inside a `wiremock::MockServer`.
    pub(crate) fn wiremock(keep_alive: bool) -> Self {
        let mock = start_mock();
        let server = mounted(&mock);
        let addr = *server.address();
        let server = Server::Wiremock { mock, server, answered: 0 };
        Self::new("wiremock shell", addr, server, keep_alive)
    }

    fn new(name: &'static str, addr: SocketAddr, server: Server, keep_alive: bool) -> Self {
        Self { name, server, client: Client::new(addr, keep_alive, ACCOUNTS), keep_alive }
    }

    /// The answer to the first request, head and body.
    pub(crate) fn ask(&mut self) -> (String, Vec<u8>) {
        let answer = self.client.ask();
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        let (head, body) = answer.split_at(head);
        (String::from_utf8_lossy(head).into_owned(), body.to_vec())
    }

    /// Makes `count` calls, and says how long they took; restarts are not counted.
    pub(crate) fn drive(&mut self, count: u64) -> Duration {
        let mut left = count;
        let mut took = Duration::ZERO;
        while left > 0 {
            let now = left.min(WIREMOCK_KEEPS);
            if let Server::Wiremock { mock, server, answered } = &mut self.server {
                if *answered + now > WIREMOCK_KEEPS {
                    *server = mounted(mock);
                    *answered = 0;
                    self.client = Client::new(*server.address(), self.keep_alive, ACCOUNTS);
                    self.client.drive(100);
                }
                *answered += now;
            }
            took += self.client.drive(now);
            left -= now;
        }
        took
    }
}

fn start_mock() -> NeonMock {
    runtime()
        .expect("a runtime")
        .block_on(NeonMock::builder().neon(filled_neon("unlimited")).start())
}

fn mounted(mock: &NeonMock) -> MockServer {
    runtime().expect("a runtime").block_on(async {
        let server = MockServer::start().await;
        mock.mount_on(&server).await;
        server
    })
}

/// Serves `body` on a thread and a runtime of its own, as the mock's server does, until the sender
/// is dropped.
fn serve_constant(body: Vec<u8>) -> (SocketAddr, oneshot::Sender<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let (ready, addr) = std::sync::mpsc::channel();
    let body = Bytes::from(body);
    thread::spawn(move || {
        runtime().expect("a runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            ready.send(listener.local_addr().expect("an address")).expect("it is awaited");
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("it takes it"));
            let handler = async move || ([(CONTENT_TYPE, "application/json")], body.clone());
            tokio::select! {
                _ = stopped => {}
                _ = axum::serve(listener, Router::new().fallback(handler)) => {}
            }
        });
    });
    (addr.recv().expect("the server starts"), stop)
}
