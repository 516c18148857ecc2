//! A process that dies: after so many boundaries nothing it does reaches anybody.

use neon_mock::api::{Request, Response};
use neonbench_engine::journal::{Journal, JournalError, Ledger, Note};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::InProcess;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// The span of a process, in boundaries of calls and notes.
#[derive(Debug)]
pub(crate) struct Mortal {
    left: Cell<Option<u64>>,
    dead: Cell<bool>,
}

impl Mortal {
    /// One that dies after `span` boundaries, or never.
    pub(crate) const fn new(span: Option<u64>) -> Self {
        Self { left: Cell::new(span), dead: Cell::new(false) }
    }

    /// Passes a boundary; whether the process is alive behind it.
    fn survives(&self) -> bool {
        match self.left.get() {
            Some(0) => self.dead.set(true),
            Some(left) => self.left.set(Some(left - 1)),
            None => {}
        }
        !self.dead.get()
    }
}

/// The result of `life`; `None` if it was cut short.
pub(crate) async fn until_death<F: Future>(mortal: &Mortal, life: F) -> Option<F::Output> {
    let mut life = pin!(life);
    poll_fn(|context| {
        let ended = life.as_mut().poll(context);
        if mortal.dead.get() { Poll::Ready(None) } else { ended.map(Some) }
    })
    .await
}

/// Calls that a death cuts: before they reach the server, once it has carried them out, or once
/// they are answered.
pub(crate) struct Line<'a> {
    inner: &'a InProcess,
    mortal: &'a Mortal,
}

impl<'a> Line<'a> {
    pub(crate) const fn new(inner: &'a InProcess, mortal: &'a Mortal) -> Self {
        Self { inner, mortal }
    }

    async fn boundary(&self) {
        if !self.mortal.survives() {
            pending::<()>().await;
        }
    }
}

impl Transport for Line<'_> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        self.boundary().await;
        let mut call = pin!(self.inner.call(request));
        // The server handles it in the first poll, and answers later.
        let early = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        self.boundary().await;
        let answer = match early {
            Poll::Ready(answer) => answer,
            Poll::Pending => call.await,
        };
        self.boundary().await;
        answer
    }
}

/// Notes that outlive those who make them.
#[derive(Debug, Default)]
pub(crate) struct Diary(RefCell<Vec<Note>>);

impl Diary {
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::new(self.0.borrow().iter().cloned())
    }

    /// The diary in the hands of one who may die before or after a note is kept.
    pub(crate) const fn open<'a>(&'a self, mortal: &'a Mortal) -> Open<'a> {
        Open { diary: self, mortal }
    }
}

pub(crate) struct Open<'a> {
    diary: &'a Diary,
    mortal: &'a Mortal,
}

impl Open<'_> {
    fn boundary(&self) -> Result<(), JournalError> {
        if self.mortal.survives() { Ok(()) } else { Err(JournalError("dead".into())) }
    }
}

impl Journal for Open<'_> {
    fn keep(&self, note: &Note) -> Result<(), JournalError> {
        self.boundary()?;
        self.diary.0.borrow_mut().push(note.clone());
        self.boundary()
    }
}
