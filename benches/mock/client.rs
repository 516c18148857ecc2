//! A blocking HTTP/1.1 client that does next to nothing, so that the server is what is measured.
//!
//! Each of its connections always has one request on its way: the answer to the oldest is awaited,
//! and the next request leaves on the same connection.

use neonbench_engine::world::WallClock;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Connections in use at once.
pub(crate) const CONNECTIONS: usize = 8;

/// Asks one server for accounts.
pub(crate) struct Client {
    addr: SocketAddr,
    keep_alive: bool,
    requests: Vec<Vec<u8>>,
    connections: Vec<TcpStream>,
    /// The bytes read so far of the present answer.
    answer: Vec<u8>,
    next: usize,
}

impl Client {
    /// A client that asks the server at `addr` for accounts `1 … accounts` in turn.
    pub(crate) fn new(addr: SocketAddr, keep_alive: bool, accounts: u64) -> Self {
        let request = |id| {
            let connection = if keep_alive { "" } else { "connection: close\r\n" };
            format!(
                "GET /v2/accounts/{id} HTTP/1.1\r\nhost: {addr}\r\naccept: application/json\r\n\
                 authorization: Basic ZGVtbzpkZW1v\r\n{connection}\r\n"
            )
            .into_bytes()
        };
        let requests = (1..=accounts).map(request).collect();
        let connections = (0..CONNECTIONS).map(|_| connect(addr)).collect();
        Self { addr, keep_alive, requests, connections, answer: vec![0; 1 << 16], next: 0 }
    }

    /// Makes `count` calls, and says how long they took. Panics unless each is answered 200.
    pub(crate) fn drive(&mut self, count: u64) -> Duration {
        let in_use = CONNECTIONS.min(count as usize);
        let clock = WallClock::start();
        (0..in_use).for_each(|connection| self.send(connection));
        for received in 0..count as usize {
            let connection = received % in_use;
            self.receive(connection);
            if received + in_use < count as usize {
                self.send(connection);
            }
        }
        clock.elapsed()
    }

    /// The whole answer to a single request.
    pub(crate) fn ask(&mut self) -> Vec<u8> {
        self.next = 0;
        self.send(0);
        let length = self.receive(0);
        self.answer[..length].to_vec()
    }

    fn send(&mut self, connection: usize) {
        let stream = &mut self.connections[connection];
        stream.write_all(&self.requests[self.next]).expect("the server reads");
        self.next = (self.next + 1) % self.requests.len();
    }

    /// Reads one answer; its length in bytes.
    fn receive(&mut self, connection: usize) -> usize {
        let stream = &mut self.connections[connection];
        let mut read = 0;
        let end = loop {
            let more = stream.read(&mut self.answer[read..]).expect("the server answers");
            assert!(more > 0, "the server hung up");
            read += more;
            match end(&self.answer[..read]) {
                Some(end) if read >= end => break end,
                _ => {}
            }
        };
        assert!(
            read == end && self.answer.starts_with(b"HTTP/1.1 200 OK\r\n"),
            "no answer of ours"
        );
        if !self.keep_alive {
            // The server closes first, so that the ports in TIME_WAIT are its own.
            let closed = stream.read(&mut self.answer[read..]).expect("the server closes");
            assert_eq!(closed, 0, "the server was to close");
            *stream = connect(self.addr);
        }
        end
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes it");
    stream
}

/// Where the answer that `bytes` begin will end; `None` before all of its head is there.
fn end(bytes: &[u8]) -> Option<usize> {
    const LENGTH: &[u8] = b"content-length: ";
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let mut lines = bytes[..head].split(|&byte| byte == b'\n');
    let length = lines.find_map(|line| line.strip_prefix(LENGTH)).expect("a length is sent");
    let digits = length.iter().take_while(|byte| byte.is_ascii_digit());
    Some(head + digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0')))
}
