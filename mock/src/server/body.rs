//! Bodies of requests: read whole, up to a size and for a time.

use super::response::{ResponseBody, respond_at_once};
use crate::api::{ApiError, Status};
use crate::live::Answer;
use crate::wall_clock;
use hyper::Response;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// Bodies above this many bytes are answered 413.
pub(super) const BODY_LIMIT: usize = 1 << 20;

/// What is read of a body that was refused, so that its sender gets to see the answer.
const DISCARD_LIMIT: usize = 16 << 20;

/// How long that may take.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Why a body was not read.
pub(super) enum BodyError {
    /// The client left, or what it sent is no body.
    Lost,
    /// The client is told so, and its connection closed.
    Refused(RefusedBody),
}

/// A body that is too long or too slow.
pub(super) struct RefusedBody {
    status: Status,
    message: String,
}

impl RefusedBody {
    /// The answer, after which the connection ends: the rest of the body is in the way.
    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let response = crate::api::Response::error(self.status, ApiError::new(1, self.message));
        let mut response = respond_at_once(Answer::at_once(&response));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// All of `body`.
pub(super) async fn read(mut body: Incoming, patience: Duration) -> Result<Bytes, BodyError> {
    // Most calls are GETs: no need to poll a body that is none.
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(too_long(body));
    }
    let deadline = wall_clock::now() + patience;
    let mut whole = Bytes::new();
    loop {
        let chunk = match timeout_at(deadline.into(), chunk(&mut body)).await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(_))) => return Err(BodyError::Lost),
            Ok(None) => return Ok(whole),
            Err(_) => return Err(too_slow(patience)),
        };
        if whole.len() + chunk.len() > BODY_LIMIT {
            return Err(too_long(body));
        }
        whole = if whole.is_empty() {
            chunk
        } else {
            let mut longer = Vec::from(whole);
            longer.extend_from_slice(&chunk);
            Bytes::from(longer)
        };
    }
}

/// The next piece; trailers are left out. `None` at the end.
async fn chunk(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await? {
            Ok(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Some(Ok(bytes));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

fn too_slow(patience: Duration) -> BodyError {
    let message = format!("the body did not arrive within {patience:?}");
    BodyError::Refused(RefusedBody { status: Status(408), message })
}

/// Answers at once, and goes on reading for a while: a socket that is closed with bytes unread is
/// reset, and its client would not see the answer.
fn too_long(body: Incoming) -> BodyError {
    let deadline = wall_clock::now() + DISCARD_TIME;
    #[expect(clippy::disallowed_methods, reason = "the answer must not wait for the rest")]
    tokio::spawn(discard(body, deadline));
    let message = format!("a body has at most {BODY_LIMIT} bytes");
    BodyError::Refused(RefusedBody { status: Status(413), message })
}

async fn discard(mut body: Incoming, deadline: Instant) {
    let mut read = 0;
    while read < DISCARD_LIMIT
        && let Ok(Some(Ok(bytes))) = timeout_at(deadline.into(), chunk(&mut body)).await
    {
        read += bytes.len();
    }
}
