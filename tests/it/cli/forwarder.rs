//! A port that passes connections on to a server, which may be gone or be replaced by another.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Passes on what comes to its address; while it is down, nobody listens there.
pub(crate) struct Forwarder {
    addr: SocketAddr,
    upstream: Arc<Mutex<SocketAddr>>,
    is_up: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
    /// Hours that the server's calendar is set back.
    hours_behind: i64,
    /// Time for which a write is held back, whether or not its client is still there.
    held: Duration,
}

impl Forwarder {
    pub(crate) fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut forwarder = Self {
            addr: listener.local_addr().unwrap(),
            upstream: Arc::new(Mutex::new(upstream)),
            is_up: Arc::default(),
            open: Arc::default(),
            accepting: None,
            hours_behind: 0,
            held: Duration::ZERO,
        };
        forwarder.accept(listener);
        forwarder
    }

    /// The same, of a server whose calendar (`Date`) is `hours` behind.
    pub(crate) fn behind(upstream: SocketAddr, hours: i64) -> Self {
        let mut forwarder = Self::to(upstream);
        forwarder.goes_down();
        forwarder.hours_behind = hours;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        forwarder.addr = listener.local_addr().unwrap();
        forwarder.accept(listener);
        forwarder
    }

    /// The same, of a server that gets each write (PATCH) late by `held`.
    pub(crate) fn holding_writes(upstream: SocketAddr, held: Duration) -> Self {
        let mut forwarder = Self::to(upstream);
        forwarder.goes_down();
        forwarder.held = held;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        forwarder.addr = listener.local_addr().unwrap();
        forwarder.accept(listener);
        forwarder
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v2", self.addr)
    }

    /// From now on there is no connection: those that are open are cut.
    pub(crate) fn goes_down(&mut self) {
        self.is_up.store(false, Ordering::SeqCst);
        if let Some(accepting) = self.accepting.take() {
            accepting.join().unwrap();
        }
        self.cut();
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// From now on it passes on to `upstream`: open connections are cut, and nobody else can get the port meanwhile.
    pub(crate) fn turns_to(&self, upstream: SocketAddr) {
        *self.upstream.lock().unwrap() = upstream;
        self.cut();
    }

    /// Listens again, and passes on to `upstream`. Another test may have the port for a moment.
    pub(crate) fn comes_up(&mut self, upstream: SocketAddr) {
        self.goes_down();
        *self.upstream.lock().unwrap() = upstream;
        let listener = (0..500).find_map(|_| {
            let bound = TcpListener::bind(self.addr).ok();
            if bound.is_none() {
                thread::park_timeout(Duration::from_millis(20));
            }
            bound
        });
        self.accept(listener.expect("the port is free again within ten seconds"));
    }

    fn accept(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).unwrap();
        self.is_up.store(true, Ordering::SeqCst);
        let (is_up, open, upstream) =
            (Arc::clone(&self.is_up), Arc::clone(&self.open), Arc::clone(&self.upstream));
        let (hours, held) = (self.hours_behind, self.held);
        self.accepting = Some(thread::spawn(move || {
            while is_up.load(Ordering::SeqCst) {
                let Ok((client, _)) = listener.accept() else {
                    thread::park_timeout(Duration::from_millis(2));
                    continue;
                };
                client.set_nonblocking(false).unwrap();
                let to = *upstream.lock().unwrap();
                let Ok(server) = TcpStream::connect(to) else { continue };
                let ends = [&client, &server].map(|end| end.try_clone().unwrap());
                open.lock().unwrap().extend(ends);
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(from, to, 0, held));
                thread::spawn(move || pass(server, client, hours, Duration::ZERO));
            }
        }));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, hours_behind: i64, held: Duration) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if hours_behind != 0 {
            set_back(&mut buffer[..read], hours_behind);
        }
        if buffer.starts_with(b"PATCH") {
            thread::park_timeout(held);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}

/// Sets the `Date` of an answer back; its head comes in one piece.
fn set_back(answer: &mut [u8], hours: i64) {
    let name = b"date: ";
    let Some(at) = answer.windows(name.len()).position(|it| it.eq_ignore_ascii_case(name)) else {
        return;
    };
    let Some(date) = answer.get_mut(at + name.len()..at + name.len() + 29) else { return };
    let text = String::from_utf8_lossy(date).into_owned();
    let Ok(moment) = OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822) else { return };
    let earlier = (moment - time::Duration::hours(hours)).format(&Rfc2822).unwrap();
    date.copy_from_slice(earlier.replace("+0000", "GMT").as_bytes());
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.goes_down();
    }
}
