//! The reads of a preflight at its target: few, one after another, each attempt counted.

use super::subject::PreflightError;
use neon_mock::api::{
    Account, AccountId, Body, Category, CustomField, Request, Response, SearchAccounts, SearchPage,
    Status as HttpStatus,
};
use neonbench_engine::clock::Clock as _;
use neonbench_engine::transport::{Transport as _, TransportError};
use neonbench_engine::world::{HttpTransport, PlainAnswer, Target, WallClock, runtime};
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Attempts of a read.
const ATTEMPTS: u32 = 4;

/// Reads in flight where several accounts are read.
pub(super) const SIDE_BY_SIDE: usize = 4;

/// The wait before another attempt where the server asks for none.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest wait that a server gets where it asks for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Attempts beyond the first that all reads together may need.
pub(super) const SPARE_READS: u64 = 12;

/// A client of the target that reads only.
#[derive(Debug)]
pub struct TargetReader {
    runtime: Runtime,
    transport: HttpTransport,
    allowed: u64,
    sent: Cell<u64>,
    refused: Cell<u64>,
    /// Reason for which no call is of use.
    lost: RefCell<Option<String>>,
}

impl TargetReader {
    /// A reader of `target` with at most `allowed` calls.
    ///
    /// Errors: the client cannot be made.
    pub fn new(target: &Target, allowed: u64) -> Result<Self, PreflightError> {
        let transport =
            HttpTransport::new(target.clone()).map_err(|error| PreflightError::of(&error))?;
        let (sent, refused) = (Cell::new(0), Cell::new(0));
        Ok(Self {
            runtime: runtime()?,
            transport,
            allowed,
            sent,
            refused,
            lost: RefCell::default(),
        })
    }

    /// Calls so far, refused ones included.
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Calls that were refused (429).
    pub(super) fn refused(&self) -> u64 {
        self.refused.get()
    }

    /// The reason why the target cannot be called, if it cannot.
    pub fn lost(&self) -> Option<String> {
        self.lost.borrow().clone()
    }

    /// Raises the number of calls that may be made: pages of accounts whose number was not known.
    pub(super) fn allow(&mut self, more: u64) {
        self.allowed += more;
    }

    fn count(&self) -> Result<(), PreflightError> {
        if self.lost.borrow().is_some() {
            return Err(PreflightError::Blocked("access"));
        }
        if self.sent.get() >= self.allowed {
            let words = format!("the budget of {} reads is used up", self.allowed);
            return Err(PreflightError::Inconclusive(words));
        }
        self.sent.set(self.sent.get() + 1);
        Ok(())
    }

    /// The answer to `request`, whatever its status; refusals and faults of the server are tried again.
    async fn ask(&self, request: &Request) -> Result<Response, PreflightError> {
        let clock = WallClock::start();
        for attempt in 1.. {
            self.count()?;
            let answer = self.transport.call(request).await;
            let wait = match &answer {
                Ok(response) if response.status == HttpStatus::TOO_MANY_REQUESTS => {
                    self.refused.set(self.refused.get() + 1);
                    response.retry_after.unwrap_or(PAUSE).min(LONGEST_PAUSE)
                }
                Ok(response) if response.status.0 >= 500 => PAUSE,
                Ok(_) => return self.answered(answer),
                Err(_) => PAUSE,
            };
            if attempt >= ATTEMPTS {
                return self.answered(answer);
            }
            clock.sleep_until(clock.now() + wait).await;
        }
        unreachable!("the attempts are bounded")
    }

    /// Notes an answer after which no call is of use.
    fn answered(
        &self,
        answer: Result<Response, TransportError>,
    ) -> Result<Response, PreflightError> {
        match answer {
            Ok(response) if response.status.0 == 401 => {
                let words = "the server refuses the API key (401)".to_owned();
                self.lost.replace(Some(words.clone()));
                Err(PreflightError::Inconclusive(words))
            }
            Ok(response) => Ok(response),
            Err(error) => {
                let words = format!("the target is unreachable: {error}");
                self.lost.replace(Some(words.clone()));
                Err(PreflightError::Inconclusive(words))
            }
        }
    }

    /// The status and the body of an answer to `request`.
    pub(super) fn response(&self, request: &Request) -> Result<Response, PreflightError> {
        self.runtime.block_on(self.ask(request))
    }

    /// Sends `request` once, refused or not.
    pub(super) fn once(&self, request: &Request) -> Result<(), PreflightError> {
        self.count()?;
        let answer = self.runtime.block_on(self.transport.call(request));
        if matches!(&answer, Ok(response) if response.status == HttpStatus::TOO_MANY_REQUESTS) {
            self.refused.set(self.refused.get() + 1);
        }
        self.answered(answer).map(drop)
    }

    /// The answer to a GET of `path` below the base path, once.
    pub(super) fn get(&self, path: &str) -> Result<PlainAnswer, PreflightError> {
        self.count()?;
        let answer = self.runtime.block_on(self.transport.get(path));
        answer.map_err(|error| PreflightError::Inconclusive(format!("GET {path}: {error}")))
    }

    /// The field definitions of accounts.
    pub(super) fn definitions(&self) -> Result<Vec<CustomField>, PreflightError> {
        let response = self.response(&Request::ListCustomFields(Category::Account))?;
        match response.body {
            Body::CustomFields(fields) if response.status.is_success() => Ok(fields.to_vec()),
            _ => Err(said("GET /customFields", response.status)),
        }
    }

    /// A page of a search.
    pub(super) fn search(&self, search: SearchAccounts) -> Result<SearchPage, PreflightError> {
        let response = self.response(&Request::SearchAccounts(search))?;
        match response.body {
            Body::Search(page) if response.status.is_success() => Ok(page),
            _ => Err(said("POST /accounts/search", response.status)),
        }
    }

    /// The accounts `ids`, whole, in their order.
    pub(super) fn accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, PreflightError> {
        use futures_util::{StreamExt as _, TryStreamExt as _, stream};
        let read = |id: AccountId| async move {
            let response = self.ask(&Request::GetAccount(id)).await?;
            match response.body {
                Body::Account(account) if response.status.is_success() => Ok(*account),
                _ => Err(said(&format!("GET /accounts/{id}"), response.status)),
            }
        };
        let reads = stream::iter(ids.iter().copied().map(read)).buffered(SIDE_BY_SIDE);
        self.runtime.block_on(reads.try_collect())
    }

    /// The result of `future`, on the reader's runtime.
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

fn said(call: &str, status: HttpStatus) -> PreflightError {
    match status.0 {
        403 => PreflightError::Denied(format!("{call}: the key's user has no right to it (403)")),
        status => PreflightError::Inconclusive(format!("{call}: the server answered {status}")),
    }
}
