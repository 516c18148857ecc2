//! The calls of a probe: a few one after another, then a crowd, and some more as places get free.
//!
//! One future, which spawns nothing, over any transport and clock. No call is made again because it
//! failed: that it did is what was to be found out.

use super::sample::sample;
use super::{MOST_CALLS, MOST_SAMPLE, Options, ProbeError, Seen, Subject};
use futures_util::stream::{FuturesUnordered, StreamExt};
use neon_mock::api::{AccountId, Body, Category, MAX_PAGE_SIZE, Request, Response};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::{AccountSource, Stop, account_of, criteria, ids_of, outcome_of};
use neonbench_engine::event::{Attempt, Outcome};
use neonbench_engine::transport::{Transport, TransportError};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::time::Duration;

/// Reads that are sent at once to find a pool: pools below this are found.
pub(super) const CROWD: u32 = 11;

/// Calls that follow a crowd, to tell a pool from calls that are counted by the second.
const AFTER_CROWD: u32 = 8;

/// The same behind which a sample run is to come.
const AFTER_CROWD_SHORT: u32 = 3;

/// Reads one after another, where no sample run reads others.
const SINGLE: u32 = 26;

/// Refusals after a crowd's own beyond which it is not pressed further.
const ENOUGH: u32 = 2;

/// How long what a window counts is given to pass.
const REST: Duration = Duration::from_millis(1_100);

/// How long after the first refusal of a crowd the others are waited for.
const SETTLE: Duration = Duration::from_millis(20);

/// How long after a window's next call it is tried.
const MARGIN: Duration = Duration::from_millis(50);

/// A transport that counts calls, notes each, and makes no more than it may.
pub(super) struct Prober<'a, T, C> {
    transport: &'a T,
    pub(super) clock: &'a C,
    sent: Cell<u32>,
    calls: RefCell<Vec<(u32, Attempt)>>,
    retry_after: Cell<Option<Duration>>,
    /// Set once a call had to be left out.
    pub(super) stop: Stop,
}

/// What happens while a crowd is in flight.
enum Step {
    /// A call of the crowd, or one after it, was answered; `None` if it could not be made.
    Answered { outcome: Option<Outcome>, of_crowd: bool },
    /// Those of the crowd that are refused have been.
    Settled,
    /// A window would admit one more, and a pool would not.
    Beyond,
}

type Steps<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Step> + 'a>>>;

impl<T: Transport, C: Clock> Transport for Prober<'_, T, C> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        if self.sent.get() >= MOST_CALLS {
            self.stop.set();
            return Err(TransportError::Unreachable(format!("{MOST_CALLS} calls were made")));
        }
        let place = self.sent.replace(self.sent.get() + 1);
        let sent_at = self.clock.now();
        let answer = self.transport.call(request).await;
        let outcome = outcome_of(&answer);
        if let Ok(response) = &answer
            && outcome == Outcome::Rejected
        {
            self.retry_after.set(self.retry_after.get().max(response.retry_after));
        }
        let call = Attempt {
            endpoint: request.endpoint(),
            attempt: 1,
            due_at: sent_at,
            sent_at,
            done_at: self.clock.now(),
            outcome,
        };
        self.calls.borrow_mut().push((place, call));
        answer
    }
}

/// Probes what answers by `transport`.
///
/// Errors: it does not answer, does not let us in, or has no such accounts.
pub async fn probe<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    subject: &Subject<'_>,
    options: &Options,
) -> Result<Seen, ProbeError> {
    if options.sample > MOST_SAMPLE {
        return Err(ProbeError::Sample(options.sample));
    }
    let prober = Prober {
        transport,
        clock,
        sent: Cell::new(0),
        calls: RefCell::default(),
        retry_after: Cell::default(),
        stop: Stop::default(),
    };
    let ids = prober.read(subject.resources, options).await?;
    let (mut written, mut left) = (0, 0);
    if options.sample > 0 {
        clock.sleep_until(clock.now() + REST).await;
        let so_far = prober.seen();
        (written, left) = sample(&prober, subject, &ids, options, &so_far).await?;
    }
    Ok(Seen { written, left, looked_for_limits: options.find_pool, ..prober.seen() })
}

impl<T: Transport, C: Clock> Prober<'_, T, C> {
    /// What was seen so far.
    fn seen(&self) -> Seen {
        let mut calls = self.calls.borrow().clone();
        calls.sort_by_key(|(place, _)| *place);
        let calls = calls.into_iter().map(|(_, call)| call).collect();
        Seen { calls, retry_after: self.retry_after.get(), ..Seen::default() }
    }

    /// All reads; the accounts that may be written.
    async fn read(
        &self,
        resources: AccountSource<'_>,
        options: &Options,
    ) -> Result<Vec<AccountId>, ProbeError> {
        let is_short = options.sample > 0;
        self.first(&Request::ListCustomFields(Category::Account)).await?;
        if !is_short {
            self.one(&Request::ListCustomFields(Category::Account)).await;
        }
        let (criteria, known) = match resources {
            AccountSource::Ids(ids) => {
                let page = ids.len().min(MAX_PAGE_SIZE as usize);
                (criteria(&ids[..page]), ids.to_vec())
            }
            AccountSource::Search(criteria) => (criteria.to_vec(), Vec::new()),
        };
        let search = Request::SearchAccounts(ids_of(criteria));
        let mut ids = known;
        if ids.is_empty() {
            ids = found(&self.first(&search).await?);
        }
        if ids.is_empty() {
            return Err(ProbeError::NoAccounts);
        }
        if options.find_pool {
            self.crowd(&|_| search.clone(), 2, if is_short { 0 } else { 2 }).await;
        } else {
            self.one(&search).await;
            self.one(&search).await;
        }
        let account = |place: u32| Request::GetAccount(ids[place as usize % ids.len()]);
        let single = if is_short { 0 } else { SINGLE };
        for place in 0..single {
            if self.one(&account(place)).await == Some(Outcome::Rejected) {
                self.clock.sleep_until(self.clock.now() + REST).await;
            }
        }
        if options.find_pool {
            self.clock.sleep_until(self.clock.now() + REST).await;
            let more = if is_short { AFTER_CROWD_SHORT } else { AFTER_CROWD };
            self.crowd(&|place| account(single + place), CROWD, more).await;
        } else if is_short {
            self.one(&account(0)).await;
        }
        Ok(ids)
    }

    /// The first call of its kind, without which there is nothing to probe. It is made a second time
    /// where it fails in a way that passes.
    async fn first(&self, request: &Request) -> Result<Body, ProbeError> {
        let mut again = true;
        loop {
            let answer = self.call(request).await;
            let outcome = outcome_of(&answer);
            let name = request.endpoint().name();
            match answer {
                Ok(response) if outcome.is_ok() => return Ok(response.body),
                _ if again && may_pass(outcome) => again = false,
                Ok(response) => {
                    let status = response.status;
                    return Err(ProbeError::Target(format!("{name} answered {status}")));
                }
                Err(error) => return Err(ProbeError::Target(format!("{name}: {error}"))),
            }
            self.clock.sleep_until(self.clock.now() + REST).await;
        }
    }

    /// One call, and how it ended; `None` if it could not be made.
    async fn one(&self, request: &Request) -> Option<Outcome> {
        if self.sent.get() >= MOST_CALLS {
            return None;
        }
        Some(outcome_of(&self.call(request).await))
    }

    /// `width` calls at once; up to `more` follow, each as soon as another is over.
    ///
    /// A call that is sent when another is over is refused by a window that has not moved on, and
    /// not by a pool. Where all are still in flight when a window has moved on, one more call is
    /// refused by a pool, and not by a window.
    async fn crowd(&self, request: &dyn Fn(u32) -> Request, width: u32, more: u32) {
        let began = self.clock.now();
        let mut steps: Steps<'_> = FuturesUnordered::new();
        let call = |place: u32| -> Pin<Box<dyn Future<Output = Step> + '_>> {
            let request = request(place);
            Box::pin(async move {
                Step::Answered { outcome: self.one(&request).await, of_crowd: place < width }
            })
        };
        let mut made = width;
        (0..width).for_each(|place| steps.push(call(place)));
        let (mut refused, mut refused_later, mut over) = (0, 0, 0);
        while let Some(step) = steps.next().await {
            let goes_on = match step {
                Step::Answered { outcome: None, .. } => false,
                Step::Answered { outcome: Some(Outcome::Rejected), of_crowd } => {
                    refused += u32::from(of_crowd);
                    refused_later += u32::from(!of_crowd);
                    if of_crowd && refused == 1 {
                        let at = self.clock.now() + SETTLE;
                        steps.push(Box::pin(async move {
                            self.clock.sleep_until(at).await;
                            Step::Settled
                        }));
                    }
                    false
                }
                Step::Answered { outcome: Some(_), .. } => {
                    over += 1;
                    // Where nothing is refused there is nothing to tell apart.
                    refused > 0 || over <= 2
                }
                Step::Settled => {
                    let admitted = width - refused;
                    if over == 0 && admitted > 0 {
                        let at = began + Duration::from_secs(1) / admitted + MARGIN;
                        steps.push(Box::pin(async move {
                            self.clock.sleep_until(at).await;
                            Step::Beyond
                        }));
                    }
                    false
                }
                Step::Beyond => over == 0,
            };
            if goes_on && made < width + more && refused_later < ENOUGH {
                steps.push(call(made));
                made += 1;
            }
        }
    }
}

/// Whether a call that ended like this may do better a second later.
const fn may_pass(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Rejected
            | Outcome::ServerError
            | Outcome::ErrorsUnderSuccess
            | Outcome::Timeout
            | Outcome::Interrupted
            | Outcome::Malformed
    )
}

/// The accounts of a page of search results.
fn found(body: &Body) -> Vec<AccountId> {
    match body {
        Body::Search(page) => {
            page.search_results.iter().filter_map(|row| account_of(row).ok()).collect()
        }
        _ => Vec::new(),
    }
}
