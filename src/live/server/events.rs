//! Streams of events: who listens, and what each was told.

use super::{Latest, LiveSource};
use crate::live::snapshot::{LiveSnapshot, LiveState, Mark, RunFacts};
use hyper::body::{Body, Bytes, Frame};
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Streams that are open at once.
pub(super) const MAX_VIEWERS: usize = 16;

/// Events that wait for a viewer who does not read; one who is further behind is dropped, and comes back.
const MAX_WAITING: usize = 8;

/// The body of an answer.
pub(super) enum PageBody {
    /// All of it at once; empty when it has gone.
    Whole(Bytes),
    /// Events as they come.
    Events {
        events: mpsc::Receiver<Bytes>,
        #[expect(dead_code, reason = "its end tells that the stream has ended")]
        open: Arc<()>,
    },
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(std::mem::take(bytes))),
            Self::Events { events, .. } => events.poll_recv(cx),
        };
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => hyper::body::SizeHint::with_exact(bytes.len() as u64),
            Self::Events { .. } => hyper::body::SizeHint::default(),
        }
    }
}

/// Data of the first event of a stream.
#[derive(Serialize)]
struct Hello<'a> {
    schema: u32,
    facts: &'a RunFacts,
}

/// Data of a look at the run.
#[derive(Serialize)]
struct Tick<'a> {
    snapshot: &'a LiveSnapshot,
    /// The parts of the page that are others than before, by the element that holds them.
    parts: BTreeMap<&'static str, &'a str>,
}

/// One stream.
struct Viewer {
    events: mpsc::Sender<Bytes>,
    /// Number of the last mark that it was told.
    mark: u64,
    /// The parts that it has.
    parts: BTreeMap<&'static str, String>,
}

/// All streams.
#[derive(Default)]
pub(super) struct Viewers {
    open: Mutex<Vec<Viewer>>,
    told_end: AtomicBool,
    /// As many marks more than this one as streams are being sent.
    streams: Arc<()>,
}

impl Viewers {
    fn open(&self) -> MutexGuard<'_, Vec<Viewer>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open().is_empty()
    }

    /// True once all that was told is sent.
    pub(super) fn are_sent(&self) -> bool {
        Arc::strong_count(&self.streams) == 1
    }

    /// True once a viewer was told the end.
    pub(super) fn told_end(&self) -> bool {
        self.told_end.load(Ordering::SeqCst)
    }

    /// Opens a stream that goes on after mark `mark`; `None` if there are too many.
    pub(super) fn add(
        &self,
        mark: u64,
        latest: &Latest,
        source: &dyn LiveSource,
    ) -> Option<PageBody> {
        let mut open = self.open();
        open.retain(|viewer| !viewer.events.is_closed());
        if open.len() >= MAX_VIEWERS {
            return None;
        }
        let (events, receiver) = mpsc::channel(MAX_WAITING);
        let mut viewer = Viewer { events, mark, parts: BTreeMap::new() };
        let hello = Hello { schema: latest.snapshot.schema, facts: &source.facts() };
        let is_there = viewer.send(&event("hello", None, &hello)) && viewer.tell(latest, source);
        if is_there && latest.snapshot.state == LiveState::Ended {
            self.told_end.store(true, Ordering::SeqCst);
        } else if is_there {
            open.push(viewer);
        }
        Some(PageBody::Events { events: receiver, open: Arc::clone(&self.streams) })
    }

    /// Tells every viewer; those who do not read are dropped, and all after the end.
    pub(super) fn tell(&self, latest: &Latest, source: &dyn LiveSource) {
        let mut open = self.open();
        open.retain_mut(|viewer| viewer.tell(latest, source));
        if latest.snapshot.state == LiveState::Ended && !open.is_empty() {
            self.told_end.store(true, Ordering::SeqCst);
            open.clear();
        }
    }
}

impl Viewer {
    /// False if the viewer is gone, or reads too slowly.
    fn send(&self, event: &str) -> bool {
        self.events.try_send(Bytes::copy_from_slice(event.as_bytes())).is_ok()
    }

    fn tell(&mut self, latest: &Latest, source: &dyn LiveSource) -> bool {
        let marks = source.marks_after(self.mark);
        let mut told = String::new();
        for mark in &marks {
            told.push_str(&event("mark", Some(mark), mark));
        }
        let is_news = |(id, html): &&(&'static str, String)| self.parts.get(id) != Some(html);
        let parts = latest.parts.iter().filter(is_news);
        let parts: BTreeMap<_, _> = parts.map(|(id, html)| (*id, html.as_str())).collect();
        let name = if latest.snapshot.state == LiveState::Ended { "end" } else { "tick" };
        told.push_str(&event(name, None, &Tick { snapshot: &latest.snapshot, parts }));
        self.mark = marks.last().map_or(self.mark, |mark| mark.id);
        self.parts = latest.parts.iter().cloned().collect();
        self.send(&told)
    }
}

/// An event as `text/event-stream` has it. JSON in one line has no line feed.
fn event(name: &str, mark: Option<&Mark>, data: &impl Serialize) -> String {
    let json = serde_json::to_string(data).expect("plain data");
    let id = mark.map_or_else(String::new, |mark| format!("id: {}\n", mark.id));
    format!("event: {name}\n{id}data: {json}\n\n")
}
