//! A port that passes connections on to a server, which may be gone or be replaced by another.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Passes on what comes to its address; while it is down, nobody listens there.
pub(crate) struct Forwarder {
    addr: SocketAddr,
    upstream: Arc<Mutex<SocketAddr>>,
    is_up: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
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
        };
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
                thread::spawn(move || pass(from, to));
                thread::spawn(move || pass(server, client));
            }
        }));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.goes_down();
    }
}
