//! A client with next to no overhead: one thread, many connections, one call in flight on each.

use super::SelftestError;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures_util::stream::{FuturesUnordered, StreamExt};
use neon_mock::time::Timestamp;
use neonbench_engine::clock::Clock;
use neonbench_engine::world::WallClock;
use std::cell::{Cell, RefCell};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest that a measurement may take.
pub(super) const LIMIT: Duration = Duration::from_secs(600);

/// Size of the read buffer in bytes: an account has some 1,500.
const BUFFER: usize = 1 << 14;

/// The calls to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientLoad {
    /// Connections, each with one call in flight.
    pub(super) connections: u32,
    /// The most calls in total.
    pub(super) calls: u64,
    /// No call is sent after this time.
    pub(super) lasting: Duration,
    /// The connections start spread over this time.
    pub(super) stagger: Duration,
}

/// One call as its client saw it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// Time just before its first byte was written.
    pub(super) sent_at: Duration,
    /// Time at which the head of the response had arrived.
    pub(super) done_at: Duration,
}

impl Answered {
    pub(super) fn taken(&self) -> Duration {
        self.done_at.saturating_sub(self.sent_at)
    }
}

/// State shared by the connections.
struct DriveState<'a> {
    clock: WallClock,
    load: &'a ClientLoad,
    /// The request of every call behind its path.
    request: String,
    next: Cell<u64>,
    answers: RefCell<Vec<Answered>>,
}

/// Sends `load` to the mock at `addr`: call `n` reads account `n + 1`. Returns the answers by call.
///
/// Errors: a connection fails, or the load takes longer than [`LIMIT`].
pub(super) async fn drive(
    addr: SocketAddr,
    org_id: &str,
    api_key: &str,
    load: &ClientLoad,
) -> Result<Vec<Answered>, SelftestError> {
    let credentials = BASE64_STANDARD.encode(format!("{org_id}:{api_key}"));
    let mut streams = Vec::new();
    for _ in 0..load.connections {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let state = DriveState {
        clock: WallClock::start(),
        load,
        request: format!(
            " HTTP/1.1\r\nhost: {addr}\r\naccept: application/json\r\n\
             authorization: Basic {credentials}\r\n\r\n"
        ),
        next: Cell::new(0),
        answers: RefCell::new(vec![Answered::default(); load.calls as usize]),
    };
    let mut connections: FuturesUnordered<_> = (0..)
        .zip(streams)
        .map(|(index, stream)| state.connection(stream, load.stagger * index / load.connections))
        .collect();
    let all = async {
        while let Some(ended) = connections.next().await {
            ended?;
        }
        Ok::<(), io::Error>(())
    };
    tokio::select! {
        biased;
        ended = all => ended?,
        () = state.clock.sleep_until(Timestamp::ZERO + LIMIT) => {
            return Err(SelftestError::Stuck(LIMIT));
        }
    }
    drop(connections);
    let mut answers = state.answers.into_inner();
    answers.truncate(state.next.get() as usize);
    Ok(answers)
}

impl DriveState<'_> {
    /// Makes one call after another until all are made or the time is over.
    async fn connection(&self, mut stream: TcpStream, begin_at: Duration) -> io::Result<()> {
        if !begin_at.is_zero() {
            self.clock.sleep_until(Timestamp::ZERO + begin_at).await;
        }
        let mut buffer = vec![0; BUFFER];
        let mut text = Vec::new();
        while self.next.get() < self.load.calls && self.clock.elapsed() < self.load.lasting {
            let number = self.next.replace(self.next.get() + 1);
            text.clear();
            write!(text, "GET {}{}", path(number), self.request)?;
            let sent_at = self.clock.elapsed();
            stream.write_all(&text).await?;
            let (status, done_at) = self.answer(&mut stream, &mut buffer).await?;
            self.answers.borrow_mut()[number as usize] = Answered { status, sent_at, done_at };
        }
        Ok(())
    }

    /// Reads one response completely. Returns its status, and the time at which its head had arrived.
    async fn answer(
        &self,
        stream: &mut TcpStream,
        buffer: &mut [u8],
    ) -> io::Result<(u16, Duration)> {
        let mut read = 0;
        let mut head: Option<(Head, Duration)> = None;
        loop {
            let more = stream.read(&mut buffer[read..]).await?;
            if more == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read += more;
            if head.is_none() {
                let now = self.clock.elapsed();
                head = Head::parse(&buffer[..read]).map(|head| (head, now));
            }
            if let Some((head, done_at)) = &head
                && read >= head.end
            {
                return Ok((head.status, *done_at));
            }
        }
    }
}

/// The parts of a response head that are needed.
struct Head {
    status: u16,
    /// Offset of the end of the body.
    end: usize,
}

impl Head {
    /// `None` until the head is complete.
    fn parse(bytes: &[u8]) -> Option<Self> {
        const LENGTH: &[u8] = b"content-length: ";
        let body = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let number = |digits: &[u8]| {
            let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
            digits.fold(0_usize, |number, digit| number * 10 + usize::from(digit - b'0'))
        };
        let mut lines = bytes[..body].split(|&byte| byte == b'\n');
        let length = lines.find_map(|line| line.strip_prefix(LENGTH)).map_or(0, number);
        let status = bytes.get(9..12).map_or(0, number) as u16;
        Some(Self { status, end: body + length })
    }
}

/// The path of call `number`: an account of its own, so that the server's journal can be matched with the
/// client's calls.
pub(super) fn path(number: u64) -> String {
    format!("/v2/accounts/{}", number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_when_they_are_whole() {
        let answer = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 12\r\n\r\n";
        let head = Head::parse(answer).unwrap();
        assert_eq!((head.status, head.end), (429, answer.len() + 12));
        assert!(Head::parse(&answer[..answer.len() - 1]).is_none());
    }
}
