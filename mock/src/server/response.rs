//! Answers for hyper: whole, or with a slow body.

use super::shared::Shell;
use crate::fault::{Delivery, SLOW_BODY};
use crate::live::Answer;
use crate::wall_clock;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use std::convert::Infallible;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::sync::oneshot;

/// Pieces of a slow body; the last is sent when the time is up.
const DRIPS: u32 = 10;

/// The body of a response.
pub(super) enum ResponseBody {
    /// All of it at once; empty when it has gone.
    Whole(Bytes),
    /// In pieces over [`SLOW_BODY`].
    Slow(Box<Drips>),
}

impl ResponseBody {
    /// True if it is sent in pieces over time.
    pub(super) const fn is_slow(&self) -> bool {
        matches!(self, Self::Slow(_))
    }
}

/// A body sent in [`DRIPS`] pieces over [`SLOW_BODY`].
pub(super) struct Drips {
    shell: Arc<Shell>,
    rest: Bytes,
    piece: usize,
    started: Instant,
    left: u32,
    alarm: oneshot::Receiver<()>,
}

/// The response to send for `answer`.
pub(super) fn respond(shell: &Arc<Shell>, mut answer: Answer) -> Response<ResponseBody> {
    if answer.delivery != Delivery::Slow {
        return respond_at_once(answer);
    }
    let rest = Bytes::from(std::mem::take(&mut answer.body));
    let mut response = respond_at_once(answer);
    *response.body_mut() = ResponseBody::Slow(Box::new(Drips::new(Arc::clone(shell), rest)));
    response
}

/// `answer` with all of its body.
pub(super) fn respond_at_once(answer: Answer) -> Response<ResponseBody> {
    let (retry_after_s, challenge) = (answer.retry_after_s(), answer.challenge());
    let mut response = Response::new(ResponseBody::Whole(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status.0).expect("statuses are checked where they come in");
    if let Some(content_type) = answer.content_type {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(challenge) = challenge {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl Drips {
    fn new(shell: Arc<Shell>, rest: Bytes) -> Self {
        let started = wall_clock::now();
        let piece = rest.len().div_ceil(DRIPS as usize);
        let alarm = shell.timer.alarm(started + SLOW_BODY / DRIPS);
        Self { shell, rest, piece, started, left: DRIPS, alarm }
    }

    /// The next piece when it is due.
    fn poll_drip(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while !self.rest.is_empty() {
            // An error means that the server stops: send the rest.
            let _ = ready!(Pin::new(&mut self.alarm).poll(cx));
            self.left = self.left.saturating_sub(1);
            let next = self.started + SLOW_BODY * (DRIPS - self.left + 1) / DRIPS;
            self.alarm = self.shell.timer.alarm(next);
            // A body may have fewer bytes than pieces: its last byte is sent last.
            let due = self.rest.len().saturating_sub(self.piece * self.left as usize);
            if due > 0 {
                return Poll::Ready(Some(self.rest.split_to(due)));
            }
        }
        Poll::Ready(None)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => None,
            Self::Whole(bytes) => Some(std::mem::take(bytes)),
            Self::Slow(drips) => ready!(drips.poll_drip(cx)),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Slow(drips) => drips.rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Slow(drips) => drips.rest.len() as u64,
        })
    }
}
