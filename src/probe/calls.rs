//! The calls of a probe: single reads, then a burst, then a few more as slots become free, between two searches
//! for what others change meanwhile.
//!
//! One future, which spawns nothing, over any transport and clock. A failed call is not retried: the
//! failure rate is one of the figures to find.

use super::edits::{NewestChanges, SeenEdits, newest};
use super::sample::sample;
use super::{MOST_CALLS, MOST_SAMPLE, ProbeError, ProbeOptions, ProbeSubject, ProbeTrace};
use futures_util::stream::{FuturesUnordered, StreamExt};
use neon_mock::api::{AccountId, Body, Category, Endpoint, MAX_PAGE_SIZE, Request, Response};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::{AccountSource, Stop, account_of, criteria, ids_of, outcome_of};
use neonbench_engine::event::{Attempt, Outcome};
use neonbench_engine::transport::{Transport, TransportError};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::time::Duration;

/// Reads of the burst that finds a pool, and of the one that follows while the first is in flight if
/// none of it was refused: pools and windows smaller than both together are found.
const BURST: u32 = 11;
const SECOND_BURST: u32 = 13;

/// Calls that follow a burst, to distinguish a pool from a window (calls per second).
const AFTER_BURST: u32 = 8;

/// Single reads without a sample run, and ahead of one, which needs part of the budget.
const SINGLE: u32 = 24;
const SINGLE_SHORT: u32 = 4;

/// Calls of a sample run beside one write per account: its look-up, its search, the reads of accounts
/// that the search does not settle, and writes that are made again.
const BESIDE_WRITES: u32 = 5;

/// The last call: the search for what others changed meanwhile.
const LAST: u32 = 1;

/// Share of the median read after which a burst without a refusal counts as admitted: refusals take less
/// than that, and most of the burst is still in flight.
const ADMITTED_BY: f64 = 0.5;

/// The same once a call of the burst was answered, which refusals mostly precede.
const ADMITTED_BY_ANSWER: f64 = 0.2;

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
    /// Calls that may be made in this phase.
    most: Cell<u32>,
    calls: RefCell<Vec<(u32, Attempt)>>,
    /// The newest changes as the probe began.
    newest: RefCell<Option<NewestChanges>>,
    retry_after: Cell<Option<Duration>>,
    /// Set once the budget is spent and a call was not made.
    pub(super) stop: Stop,
}

/// Calls that are sent to be refused.
#[derive(Clone, Copy)]
struct Burst {
    /// Calls sent at once.
    width: u32,
    /// The median duration of a call, if a second burst follows where none was refused.
    second: Option<Duration>,
    /// The most calls that follow.
    more: u32,
}

/// An event while a burst is in flight.
enum BurstStep {
    /// A call of the burst, or one after it, was answered; `None` if the budget was spent.
    Answered { outcome: Option<Outcome>, of_burst: bool },
    /// The refusals of the burst would have arrived.
    Admitted,
    /// All refusals of the burst have arrived.
    Settled,
    /// The moment at which a window would admit one more call, and a pool would not.
    Beyond,
}

type BurstSteps<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = BurstStep> + 'a>>>;

impl<T: Transport, C: Clock> Transport for Prober<'_, T, C> {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        if self.sent.get() >= self.most.get() {
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
        most: Cell::new(MOST_CALLS),
        calls: RefCell::default(),
        newest: RefCell::default(),
        retry_after: Cell::default(),
        stop: Stop::patient(),
    };
    let of_sample = if options.sample > 0 { options.sample + BESIDE_WRITES } else { 0 };
    prober.most.set(MOST_CALLS - LAST - of_sample);
    let ids = prober.read(subject.resources, options).await?;
    prober.most.set(MOST_CALLS - LAST);
    let (mut written, mut left) = (0, 0);
    if options.sample > 0 {
        clock.sleep_until(clock.now() + REST).await;
        let so_far = prober.trace();
        (written, left) = sample(&prober, subject, &ids, options, &so_far).await?;
    }
    prober.most.set(MOST_CALLS);
    let edits = prober.edits(&ids[..ids.len().min(options.sample as usize)]).await;
    Ok(ProbeTrace { written, left, edits, looked_for_limits: options.find_pool, ..prober.trace() })
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
        let newest = self.newest_changes().await;
        self.newest.replace(newest);
        self.clock.sleep_until(self.clock.now() + REST).await;
        let (criteria, known) = match resources {
            AccountSource::Ids(ids) => {
                let page = ids.len().min(MAX_PAGE_SIZE as usize);
                (criteria(&ids[..page]), ids.to_vec())
            }
            AccountSource::Search { criteria, .. } => (criteria.to_vec(), Vec::new()),
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
            let two = Burst { width: 2, second: None, more: u32::from(!is_short) };
            self.burst(&|_| search.clone(), two).await;
        } else {
            self.one(&search).await;
            self.one(&search).await;
        }
        let account = |place: u32| Request::GetAccount(ids[place as usize % ids.len()]);
        // Where nothing may be refused, the whole of the budget is for single reads.
        let single = if is_short && options.find_pool { SINGLE_SHORT } else { SINGLE };
        for place in 0..single {
            if self.one(&account(place)).await == Some(Outcome::Rejected) {
                self.clock.sleep_until(self.clock.now() + REST).await;
            }
        }
        if options.find_pool {
            self.clock.sleep_until(self.clock.now() + REST).await;
            let second = self.median_read();
            let burst = Burst { width: BURST, second, more: AFTER_BURST };
            self.burst(&|place| account(single + place), burst).await;
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
        if self.sent.get() >= self.most.get() {
            return None;
        }
        Some(outcome_of(&self.call(request).await))
    }

    /// The newest changes; `None` if the search was not answered, or does not tell them.
    async fn newest_changes(&self) -> Option<NewestChanges> {
        if self.sent.get() >= self.most.get() {
            return None;
        }
        let sent_at = self.clock.now();
        let answer = self.call(&newest()).await.ok()?;
        NewestChanges::of(&answer.body, sent_at)
    }

    /// The accounts that others changed since the probe began, by a last search; `ours` were written by the probe.
    async fn edits(&self, ours: &[AccountId]) -> Option<SeenEdits> {
        let first = self.newest.take()?;
        let last = self.newest_changes().await?;
        Some(first.until(&last, ours))
    }

    /// Median duration of the reads of accounts so far.
    fn median_read(&self) -> Option<Duration> {
        let calls = self.calls.borrow();
        let is_read =
            |call: &&Attempt| call.endpoint == Endpoint::GetAccount && call.outcome.is_ok();
        let reads = calls.iter().map(|(_, call)| call).filter(is_read);
        let mut took: Vec<Duration> = reads.map(|call| call.done_at.since(call.sent_at)).collect();
        took.sort_unstable();
        took.get(took.len() / 2).copied()
    }

    /// Sends a burst of calls; more follow, each as soon as another has ended.
    ///
    /// A call sent when another has ended is refused by a window that admits nothing yet, but not by
    /// a pool. If all are still in flight when a window admits again, one more call is refused by a
    /// pool, but not by a window.
    async fn burst(&self, request: &dyn Fn(u32) -> Request, burst: Burst) {
        let Burst { width, second, more } = burst;
        let began = self.clock.now();
        let mut steps: BurstSteps<'_> = FuturesUnordered::new();
        let call = |place: u32, of_burst: bool| -> Pin<Box<dyn Future<Output = BurstStep> + '_>> {
            let request = request(place);
            Box::pin(
                async move { BurstStep::Answered { outcome: self.one(&request).await, of_burst } },
            )
        };
        let at = |at, step| -> Pin<Box<dyn Future<Output = BurstStep> + '_>> {
            Box::pin(async move {
                self.clock.sleep_until(at).await;
                step
            })
        };
        // Calls of the burst, those after it, and all.
        let (mut in_burst, mut after, mut made) = (width, 0, width);
        (0..width).for_each(|place| steps.push(call(place, true)));
        let mut second = second;
        steps.extend(second.map(|took| at(began + took.mul_f64(ADMITTED_BY), BurstStep::Admitted)));
        let (mut refused, mut refused_after, mut over) = (0, 0, 0);
        while let Some(step) = steps.next().await {
            let is_admitted = match step {
                BurstStep::Answered { outcome, .. } => outcome != Some(Outcome::Rejected),
                BurstStep::Admitted => true,
                BurstStep::Settled | BurstStep::Beyond => false,
            };
            let is_time =
                |took: &mut Duration| self.clock.now() >= began + took.mul_f64(ADMITTED_BY_ANSWER);
            if refused == 0 && is_admitted && second.take_if(is_time).is_some() {
                steps.extend((made..made + SECOND_BURST).map(|place| call(place, true)));
                (in_burst, made) = (in_burst + SECOND_BURST, made + SECOND_BURST);
            }
            let goes_on = match step {
                BurstStep::Answered { outcome: None, .. } | BurstStep::Admitted => false,
                BurstStep::Answered { outcome: Some(Outcome::Rejected), of_burst } => {
                    refused += u32::from(of_burst);
                    refused_after += u32::from(!of_burst);
                    if of_burst && refused == 1 {
                        steps.push(at(self.clock.now() + SETTLE, BurstStep::Settled));
                    }
                    false
                }
                BurstStep::Answered { outcome: Some(_), .. } => {
                    over += 1;
                    // Without a refusal there is no limit to identify.
                    refused > 0 || over <= 2
                }
                BurstStep::Settled => {
                    let admitted = in_burst - refused;
                    if over == 0 && admitted > 0 {
                        let share = Duration::from_secs(1) / admitted;
                        steps.push(at(began + share + MARGIN, BurstStep::Beyond));
                    }
                    false
                }
                BurstStep::Beyond => over == 0,
            };
            if goes_on && after < more && refused_after < ENOUGH {
                steps.push(call(made, false));
                (after, made) = (after + 1, made + 1);
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
