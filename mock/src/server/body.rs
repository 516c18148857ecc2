//! Request bodies: read whole, within a size and a time limit.

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

/// Bytes read and discarded of a refused body, so that its sender can read the answer.
const DISCARD_LIMIT: usize = 16 << 20;

/// Time limit for discarding.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Errors of reading a body.
pub(super) enum BodyError {
    /// The client closed the connection or sent an invalid body.
    Lost,
    /// Answered with an error, after which the connection is closed.
    Refused(RefusedBody),
}

/// A body over the size or time limit, as the answer it gets.
pub(super) struct RefusedBody {
    status: Status,
    message: String,
}

impl RefusedBody {
    /// The answer, which closes the connection because the rest of the body is unread.
    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let response = crate::api::Response::error(self.status, ApiError::new(1, self.message));
        let mut response = respond_at_once(Answer::at_once(&response));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Reads all of `body`.
///
/// Errors: [`BodyError`] for a broken connection, and above [`BODY_LIMIT`] or `patience`.
pub(super) async fn read(mut body: Incoming, patience: Duration) -> Result<Bytes, BodyError> {
    // Skip polling empty bodies: most calls are GETs.
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

/// Answers at once and keeps reading for a while: a socket closed with unread bytes is
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
