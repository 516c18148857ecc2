//! Where calls wait until their endpoint's limiter lets them go, first come, first served.

use super::limiter::{Heard, Rule, Rules};
use crate::clock::Clock;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// The gates of all endpoints.
#[derive(Debug)]
pub(super) struct Gates {
    gates: [Option<RefCell<Gate>>; Endpoint::ALL.len()],
    /// Until when each endpoint asked to be left alone.
    left_alone_until: [Cell<Timestamp>; Endpoint::ALL.len()],
}

#[derive(Debug)]
struct Gate {
    rule: Box<dyn Rule>,
    /// Let through, and not yet back.
    through: u32,
    /// Sent, and not yet answered, in the order in which they were sent.
    in_flight: Vec<Sent>,
    sent: u64,
    /// When the next call may be sent.
    next_at: Timestamp,
    waiting: VecDeque<Rc<Ticket>>,
}

/// A call that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// The how manieth it is.
    number: u64,
    at: Timestamp,
    /// How many others were in flight then, without those that turned out to be refused.
    others: u32,
}

/// A call's place in the line.
#[derive(Default)]
struct Ticket {
    /// When it may be sent, once it was let through.
    granted: Cell<Option<Timestamp>>,
    waker: Cell<Option<Waker>>,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("granted", &self.granted).finish_non_exhaustive()
    }
}

/// A call that may be sent.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) pass: Option<Pass<'a>>,
    /// Since when it only waited for its endpoint to take calls again.
    pub(super) let_through_at: Timestamp,
}

/// A call that was let through. Its place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a RefCell<Gate>,
    /// The how manieth call it is, once it was sent.
    number: Option<u64>,
}

impl Gates {
    /// Gates that go by `rules`.
    pub(super) fn new(rules: &dyn Rules) -> Self {
        let gate = |rule| {
            RefCell::new(Gate {
                rule,
                through: 0,
                in_flight: Vec::new(),
                sent: 0,
                next_at: Timestamp::ZERO,
                waiting: VecDeque::new(),
            })
        };
        Self {
            gates: Endpoint::ALL.map(|endpoint| rules.rule(endpoint).map(gate)),
            left_alone_until: [const { Cell::new(Timestamp::ZERO) }; Endpoint::ALL.len()],
        }
    }

    /// Lets no call of `endpoint` be sent before `until`, whoever makes it.
    pub(super) fn leave_alone(&self, endpoint: Endpoint, until: Timestamp) {
        let current = &self.left_alone_until[endpoint.index()];
        current.set(current.get().max(until));
    }

    /// Waits until `endpoint` need not be left alone.
    async fn may_be_called<C: Clock>(&self, clock: &C, endpoint: Endpoint) {
        let until = &self.left_alone_until[endpoint.index()];
        // Those on their way may be told to wait longer still.
        while until.get() > clock.now() {
            clock.sleep_until(until.get()).await;
        }
    }

    /// How many calls of `endpoint` may be in flight now; `None` if nothing limits them.
    pub(super) fn limit(&self, endpoint: Endpoint) -> Option<u32> {
        let gate = self.gates[endpoint.index()].as_ref()?;
        Some(gate.borrow().rule.limit())
    }

    /// Waits until a call of `endpoint` may be sent. The pass is `None` if nothing limits it.
    pub(super) async fn enter<C: Clock>(&self, clock: &C, endpoint: Endpoint) -> Entry<'_> {
        let Some(gate) = &self.gates[endpoint.index()] else {
            let let_through_at = clock.now();
            self.may_be_called(clock, endpoint).await;
            return Entry { pass: None, let_through_at };
        };
        let ticket = Rc::new(Ticket::default());
        let in_line = InLine { gate, ticket: &ticket };
        gate.borrow_mut().waiting.push_back(Rc::clone(&ticket));
        gate.borrow_mut().let_through(clock.now());
        let at = poll_fn(|cx| {
            if let Some(at) = ticket.granted.get() {
                return Poll::Ready(at);
            }
            ticket.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
        std::mem::forget(in_line);
        let let_through_at = clock.now();
        let mut pass = Pass { gate, number: None };
        if at > clock.now() {
            clock.sleep_until(at).await;
        }
        self.may_be_called(clock, endpoint).await;
        pass.number = Some(gate.borrow_mut().send(clock.now()));
        Entry { pass: Some(pass), let_through_at }
    }
}

impl Gate {
    fn send(&mut self, now: Timestamp) -> u64 {
        self.sent += 1;
        let others = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        self.in_flight.push(Sent { number: self.sent, at: now, others });
        self.sent
    }

    /// Call `number` was answered: what is to be heard of it.
    fn answered(&mut self, number: u64, now: Timestamp, refused: bool) -> Option<Heard> {
        let position = self.in_flight.iter().position(|sent| sent.number == number)?;
        let Sent { at, others, .. } = self.in_flight.remove(position);
        if refused {
            // It took no place, so that those sent since had one less beside them.
            for later in &mut self.in_flight[position..] {
                later.others -= 1;
            }
        }
        let wanted = !self.waiting.is_empty();
        Some(Heard { sent_at: at, done_at: now, others, refused, wanted })
    }

    fn let_through(&mut self, now: Timestamp) {
        while self.through < self.rule.limit()
            && let Some(ticket) = self.waiting.pop_front()
        {
            self.through += 1;
            let at = self.next_at.max(now);
            self.next_at = at + self.rule.spacing();
            ticket.granted.set(Some(at));
            if let Some(waker) = ticket.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Pass<'_> {
    /// The call is not made after all.
    pub(super) fn give_back(self, now: Timestamp) {
        let gate = self.gate;
        drop(self);
        gate.borrow_mut().let_through(now);
    }

    /// The call was answered at `now`: how many may be in flight from now on, if that changes.
    pub(super) fn done(mut self, now: Timestamp, refused: bool) -> Option<u32> {
        let gate = self.gate;
        let before = gate.borrow().rule.limit();
        if let Some(number) = self.number.take() {
            let mut gate = gate.borrow_mut();
            if let Some(heard) = gate.answered(number, now, refused) {
                gate.rule.hear(&heard);
            }
        }
        drop(self);
        gate.borrow_mut().let_through(now);
        let limit = gate.borrow().rule.limit();
        (limit != before).then_some(limit)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut gate = self.gate.borrow_mut();
        gate.through -= 1;
        if let Some(number) = self.number {
            gate.in_flight.retain(|sent| sent.number != number);
        }
    }
}

/// A call that gives up its place in the line when it is dropped.
struct InLine<'a> {
    gate: &'a RefCell<Gate>,
    ticket: &'a Rc<Ticket>,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let mut gate = self.gate.borrow_mut();
        if self.ticket.granted.get().is_some() {
            gate.through -= 1;
        } else {
            gate.waiting.retain(|waiting| !Rc::ptr_eq(waiting, self.ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limiter::Limiter;
    use super::*;
    use crate::world::VirtualClock;
    use futures_util::stream::{FuturesUnordered, StreamExt};
    use std::num::NonZeroU32;
    use std::time::Duration;

    #[test]
    fn calls_go_first_come_first_served_and_never_more_than_allowed() {
        let clock = VirtualClock::new();
        let gates = Gates::new(&Limiter::Fixed(NonZeroU32::new(2).unwrap()));
        let (inside, order) = (Cell::new(0), RefCell::new(Vec::new()));
        clock
            .run(async {
                let call = |number: u64| {
                    let (gates, clock, inside, order) = (&gates, &clock, &inside, &order);
                    async move {
                        // They come one after another.
                        let come_at = Timestamp::from_nanos(number);
                        clock.sleep_until(come_at).await;
                        let pass = gates.enter(clock, Endpoint::GetAccount).await.pass.unwrap();
                        inside.set(inside.get() + 1);
                        assert!(inside.get() <= 2);
                        order.borrow_mut().push(number);
                        clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
                        inside.set(inside.get() - 1);
                        pass.done(clock.now(), false);
                    }
                };
                let mut all: FuturesUnordered<_> = (1..=9).map(call).collect();
                while all.next().await.is_some() {}
            })
            .unwrap();
        assert_eq!(order.into_inner(), (1..=9).collect::<Vec<u64>>());
    }

    #[test]
    fn a_call_that_gives_up_leaves_the_line() {
        let clock = VirtualClock::new();
        let gates = Gates::new(&Limiter::Fixed(NonZeroU32::MIN));
        clock
            .run(async {
                let first = gates.enter(&clock, Endpoint::GetAccount).await.pass.unwrap();
                {
                    let second = gates.enter(&clock, Endpoint::GetAccount);
                    let given_up = clock.sleep_until(Timestamp::from_nanos(5));
                    let (second, given_up) = (std::pin::pin!(second), std::pin::pin!(given_up));
                    futures_util::future::select(second, given_up).await;
                }
                first.done(clock.now(), false);
                // Another endpoint has a gate of its own, and this one's place is free again.
                drop(gates.enter(&clock, Endpoint::PatchAccount).await);
                drop(gates.enter(&clock, Endpoint::GetAccount).await);
                gates
                    .enter(&clock, Endpoint::GetAccount)
                    .await
                    .pass
                    .unwrap()
                    .done(clock.now(), true);
            })
            .unwrap();
    }
}
