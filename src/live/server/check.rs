//! Whether a live page can be served and read on this machine.

use super::{LivePage, LiveSource};
use crate::live::{LiveCurve, LiveFold, LiveSnapshot, Mark, RunFacts};
use neon_mock::time::Timestamp;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run that does not begin.
struct NoRun(Mutex<LiveFold>);

impl LiveSource for NoRun {
    fn facts(&self) -> RunFacts {
        RunFacts::default()
    }

    fn look(&self) -> LiveSnapshot {
        let mut fold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fold.snapshot(Timestamp::ZERO, 0)
    }

    fn marks_after(&self, _: u64) -> Vec<Mark> {
        Vec::new()
    }

    fn line(&self) -> LiveCurve {
        LiveCurve::default()
    }
}

/// Serves the page of a run that does not begin, and reads it as a browser does: the token first, then the cookie.
///
/// Errors: the reason why it cannot be read.
pub fn page_answers() -> Result<(), String> {
    let source = Arc::new(NoRun(Mutex::new(LiveFold::new(None))));
    let page = LivePage::start(None, 0, source).map_err(|error| error.to_string())?;
    let rest = page.url().strip_prefix("http://").expect("our own address");
    let (host, path) = rest.split_once('/').expect("it has the token");
    let entered = asked(host, path, "").map_err(|error| error.to_string())?;
    let cookie = entered.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next())?
    });
    let cookie = cookie.ok_or("it lets nobody in")?;
    let shown = asked(host, "", &format!("Cookie: {cookie}\r\n"));
    let shown = shown.map_err(|error| error.to_string())?;
    if shown.starts_with("HTTP/1.1 200") { Ok(()) } else { Err("it shows nothing".to_owned()) }
}

/// The answer to a GET.
fn asked(host: &str, path: &str, more: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_page_answers_here() {
        assert_eq!(super::page_answers(), Ok(()));
    }
}
