//! The calls of a probe: single reads, then a burst, then a few more as slots become free.
//!
//! One future, which spawns nothing, over any transport and clock. A failed call is not retried: the
//! failure rate is one of the figures to find.

use super::sample::sample;
use super::{MOST_CALLS, MOST_SAMPLE, ProbeError, ProbeOptions, ProbeSubject, ProbeTrace};
use futures_util::stream::{FuturesUnordered, StreamExt};
use neon_mock::api::{AccountId, Body, Category, MAX_PAGE_SIZE, Request, Response};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::{AccountSource, Stop, account_of, criteria, ids_of, outcome_of};
use neonbench_engine::event::{Attempt, Outcome};
use neonbench_engine::transport::{Transport, TransportError};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::time::Duration;

/// Reads of the burst that finds a pool. Only pools smaller than this are found.
pub(super) const BURST: u32 = 11;

/// Calls that follow a burst, to distinguish a pool from a window (calls per second).
const AFTER_BURST: u32 = 8;

/// The same ahead of a sample run, which needs part of the budget.
const AFTER_BURST_SHORT: u32 = 3;

/// Single reads, where no sample run reads accounts.
const SINGLE: u32 = 26;

/// Refusals after those of the burst itself at which no more calls follow.
const ENOUGH: u32 = 2;

/// Pause that lets a window of one second pass.
const REST: Duration = Duration::from_millis(1_100);

/// Time from the first refusal of a burst until all its refusals have arrived.
const SETTLE: Duration = Duration::from_millis(20);

/// Delay of the call that tests a window, past the moment at which the window admits it.
const MARGIN: Duration = Duration::from_millis(50);

/// A transport that records each call and keeps to the budget.
pub(super) struct Prober<'a, T, C> {
    transport: &'a T,
    pub(super) clock: &'a C,
    sent: Cell<u32>,
    calls: RefCell<Vec<(u32, Attempt)>>,
    retry_after: Cell<Option<Duration>>,
    /// Set once the budget is spent and a call was not made.
    pub(super) stop: Stop,
}

/// An event while a burst is in flight.
enum BurstStep {
    /// A call of the burst, or one after it, was answered; `None` if the budget was spent.
    Answered { outcome: Option<Outcome>, of_burst: bool },
    /// All refusals of the burst have arrived.
    Settled,
    /// The moment at which a window would admit one more call, and a pool would not.
    Beyond,
}

type BurstSteps<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = BurstStep> + 'a>>>;

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

/// Probes the target behind `transport`.
///
/// Errors: the target does not answer, refuses the credentials, or has no such accounts.
pub async fn probe<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    subject: &ProbeSubject<'_>,
    options: &ProbeOptions,
) -> Result<ProbeTrace, ProbeError> {
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
        let so_far = prober.trace();
        (written, left) = sample(&prober, subject, &ids, options, &so_far).await?;
    }
    Ok(ProbeTrace { written, left, looked_for_limits: options.find_pool, ..prober.trace() })
}

impl<T: Transport, C: Clock> Prober<'_, T, C> {
    /// The trace so far.
    fn trace(&self) -> ProbeTrace {
        let mut calls = self.calls.borrow().clone();
        calls.sort_by_key(|(place, _)| *place);
        let calls = calls.into_iter().map(|(_, call)| call).collect();
        ProbeTrace { calls, retry_after: self.retry_after.get(), ..ProbeTrace::default() }
    }

    /// Makes all reads, and returns the accounts that a sample run may write.
    async fn read(
        &self,
        resources: AccountSource<'_>,
        options: &ProbeOptions,
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
            self.burst(&|_| search.clone(), 2, if is_short { 0 } else { 2 }).await;
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
            let more = if is_short { AFTER_BURST_SHORT } else { AFTER_BURST };
            self.burst(&|place| account(single + place), BURST, more).await;
        } else if is_short {
            self.one(&account(0)).await;
        }
        Ok(ids)
    }

    /// The first call of its kind, without which there is nothing to probe: made a second time after a
    /// transient failure.
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

    /// Makes one call and returns its outcome; `None` if the budget is spent.
    async fn one(&self, request: &Request) -> Option<Outcome> {
        if self.sent.get() >= MOST_CALLS {
            return None;
        }
        Some(outcome_of(&self.call(request).await))
    }

    /// Sends `width` calls at once; up to `more` follow, each as soon as another has ended.
    ///
    /// A call sent when another has ended is refused by a window that admits nothing yet, but not by
    /// a pool. If all are still in flight when a window admits again, one more call is refused by a
    /// pool, but not by a window.
    async fn burst(&self, request: &dyn Fn(u32) -> Request, width: u32, more: u32) {
        let began = self.clock.now();
        let mut steps: BurstSteps<'_> = FuturesUnordered::new();
        let call = |place: u32| -> Pin<Box<dyn Future<Output = BurstStep> + '_>> {
            let request = request(place);
            Box::pin(async move {
                BurstStep::Answered { outcome: self.one(&request).await, of_burst: place < width }
            })
        };
        let mut made = width;
        (0..width).for_each(|place| steps.push(call(place)));
        let (mut refused, mut refused_after, mut over) = (0, 0, 0);
        while let Some(step) = steps.next().await {
            let goes_on = match step {
                BurstStep::Answered { outcome: None, .. } => false,
                BurstStep::Answered { outcome: Some(Outcome::Rejected), of_burst } => {
                    refused += u32::from(of_burst);
                    refused_after += u32::from(!of_burst);
                    if of_burst && refused == 1 {
                        let at = self.clock.now() + SETTLE;
                        steps.push(Box::pin(async move {
                            self.clock.sleep_until(at).await;
                            BurstStep::Settled
                        }));
                    }
                    false
                }
                BurstStep::Answered { outcome: Some(_), .. } => {
                    over += 1;
                    // Without a refusal there is no limit to identify.
                    refused > 0 || over <= 2
                }
                BurstStep::Settled => {
                    let admitted = width - refused;
                    if over == 0 && admitted > 0 {
                        let at = began + Duration::from_secs(1) / admitted + MARGIN;
                        steps.push(Box::pin(async move {
                            self.clock.sleep_until(at).await;
                            BurstStep::Beyond
                        }));
                    }
                    false
                }
                BurstStep::Beyond => over == 0,
            };
            if goes_on && made < width + more && refused_after < ENOUGH {
                steps.push(call(made));
                made += 1;
            }
        }
    }
}

/// True if the same call may succeed a second later.
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

/// The accounts on a page of search results.
fn found(body: &Body) -> Vec<AccountId> {
    match body {
        Body::Search(page) => {
            page.search_results.iter().filter_map(|row| account_of(row).ok()).collect()
        }
        _ => Vec::new(),
    }
}
