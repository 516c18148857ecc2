//! Calls served: response times per endpoint, and a journal of the latest calls.
//!
//! A time runs from the call's arrival to when its answer was handed to the socket. Both are
//! bounded: a histogram has its size from the start, the journal is a ring of calls that are cut.
//! Deliberately absent: headers, which hold credentials. Queries and bodies hold other people's data:
//! the admin route shows their values only when asked to.

use crate::api::{Endpoint, Status};
use crate::time::{Timestamp, histogram, nanos};
use compact_str::CompactString;
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::time::Duration;

/// Bytes of a path that the journal keeps.
const PATH_BYTES: usize = 200;

/// Bytes of a query, and of a body, that the journal keeps.
const TEXT_BYTES: usize = 4096;

/// A call served over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedCall {
    /// Arrival in the mock's time.
    pub at: Timestamp,
    /// HTTP verb.
    pub verb: CompactString,
    /// Path with the base path, without the query; at most 200 bytes.
    pub path: CompactString,
    /// Query, if there was one; at most 4,096 bytes.
    pub query: Option<Box<str>>,
    /// Body of the request, if it had one; at most 4,096 bytes.
    pub body: Option<Box<str>>,
    /// Body of an answer outside 200 … 299, which says what was wrong; at most 4,096 bytes.
    pub error: Option<Box<str>>,
    /// Status; `None` if the connection was reset or there was no answer.
    pub status: Option<Status>,
    /// Drawn response time; `None` if the call never reached the pools.
    pub drawn: Option<Duration>,
    /// Measured response time, from arrival to hand-over of the answer.
    pub served: Duration,
}

/// Records of the calls served.
#[derive(Debug)]
pub(crate) struct Served {
    times: [Option<Box<Histogram<u64>>>; Endpoint::ALL.len()],
    journal: VecDeque<ServedCall>,
    capacity: usize,
}

impl Served {
    /// No calls yet; the journal holds the latest `capacity`.
    pub(crate) fn new(capacity: usize) -> Self {
        let times = [const { None }; Endpoint::ALL.len()];
        Self { times, journal: VecDeque::new(), capacity }
    }

    /// Clears all records.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    /// Adds the time of one admitted call that was answered.
    pub(crate) fn time(&mut self, endpoint: Endpoint, served: Duration) {
        let times = self.times[endpoint.index()].get_or_insert_with(|| Box::new(histogram()));
        times.saturating_record(nanos(served));
    }

    /// Adds one call to the journal; the oldest goes when it is full.
    pub(crate) fn call(&mut self, call: ServedCall) {
        if self.journal.len() >= self.capacity {
            self.journal.pop_front();
        }
        if self.capacity > 0 {
            self.journal.push_back(call);
        }
    }

    /// Response times of admitted calls, in ns; `None` before the first.
    pub(crate) fn times(&self, endpoint: Endpoint) -> Option<&Histogram<u64>> {
        self.times[endpoint.index()].as_deref()
    }

    /// The latest calls, oldest first.
    pub(crate) fn journal(&self) -> impl DoubleEndedIterator<Item = &ServedCall> {
        self.journal.iter()
    }
}

/// As much of a path as the journal keeps.
pub(crate) fn journal_path(path: &str) -> CompactString {
    CompactString::from(cut(path, PATH_BYTES))
}

/// As much of a query or body as the journal keeps; `None` if it is empty.
pub(crate) fn journal_text(bytes: &[u8]) -> Option<Box<str>> {
    // Letters that are no UTF-8 become longer ones.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES)]);
    (!text.is_empty()).then(|| cut(&text, TEXT_BYTES).into())
}

/// The first `bytes` of `text` at most, cut between letters.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=text.len().min(bytes)).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(at: u64) -> ServedCall {
        ServedCall {
            at: Timestamp::from_nanos(at),
            verb: "GET".into(),
            path: "/v2/accounts/1".into(),
            query: None,
            body: None,
            error: None,
            status: Some(Status::OK),
            drawn: None,
            served: Duration::ZERO,
        }
    }

    #[test]
    fn the_journal_keeps_the_latest() {
        let mut served = Served::new(2);
        (1..=3).for_each(|at| served.call(call(at)));
        let kept: Vec<u64> = served.journal().map(|call| call.at.as_nanos()).collect();
        assert_eq!(kept, [2, 3]);
        let mut off = Served::new(0);
        off.call(call(1));
        assert_eq!(off.journal().count(), 0);
    }

    #[test]
    fn times_are_kept_per_endpoint() {
        let mut served = Served::new(0);
        served.time(Endpoint::GetAccount, Duration::from_millis(100));
        served.time(Endpoint::GetAccount, Duration::from_secs(86_400));
        let times = served.times(Endpoint::GetAccount).unwrap();
        assert_eq!(times.len(), 2);
        assert!(times.min().abs_diff(100_000_000) < 100_000);
        assert!(served.times(Endpoint::ListAccounts).is_none());
        served.clear();
        assert!(served.times(Endpoint::GetAccount).is_none());
    }

    #[test]
    fn long_paths_are_cut_between_characters() {
        assert_eq!(journal_path("/v2/accounts/1"), "/v2/accounts/1");
        assert_eq!(journal_path(&"é".repeat(200)).len(), 200);
        assert_eq!(journal_path(&format!("/{}", "é".repeat(200))).len(), 199);
        assert_eq!(journal_text(b""), None);
        assert_eq!(journal_text(b"{}").as_deref(), Some("{}"));
        let long = [&b"x"[..], "é".repeat(5_000).as_bytes()].concat();
        assert_eq!(journal_text(&long).unwrap().len(), TEXT_BYTES - 1);
        assert_eq!(journal_text(&[0xff; 5_000]).unwrap().len(), TEXT_BYTES - 1);
    }
}
