use super::super::limiter::Limiter;
use super::*;
use crate::event::Outcome;
use crate::world::VirtualClock;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::num::NonZeroU32;
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn calls_go_first_come_first_served_and_never_more_than_allowed() {
    let clock = VirtualClock::new();
    let queues = AdmissionQueues::new(&Limiter::Fixed(NonZeroU32::new(2).unwrap()), PATIENCE);
    let (inside, order) = (Cell::new(0), RefCell::new(Vec::new()));
    clock
        .run(async {
            let call = |sequence: u64| {
                let (queues, clock, inside, order) = (&queues, &clock, &inside, &order);
                async move {
                    // They come one after another.
                    let come_at = Timestamp::from_nanos(sequence);
                    clock.sleep_until(come_at).await;
                    let permit = queues
                        .enter(clock, Stop::NEVER, Endpoint::GetAccount, false)
                        .await
                        .permit
                        .unwrap();
                    inside.set(inside.get() + 1);
                    assert!(inside.get() <= 2);
                    order.borrow_mut().push(sequence);
                    clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
                    inside.set(inside.get() - 1);
                    permit.done(clock.now(), Outcome::Ok);
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
    let queues = AdmissionQueues::new(&Limiter::Fixed(NonZeroU32::MIN), PATIENCE);
    clock
        .run(async {
            let first = queues
                .enter(&clock, Stop::NEVER, Endpoint::GetAccount, false)
                .await
                .permit
                .unwrap();
            {
                let second = queues.enter(&clock, Stop::NEVER, Endpoint::GetAccount, false);
                let given_up = clock.sleep_until(Timestamp::from_nanos(5));
                let (second, given_up) = (std::pin::pin!(second), std::pin::pin!(given_up));
                futures_util::future::select(second, given_up).await;
            }
            first.done(clock.now(), Outcome::Ok);
            // Another endpoint has a gate of its own, and this one's place is free again.
            drop(queues.enter(&clock, Stop::NEVER, Endpoint::PatchAccount, false).await);
            drop(queues.enter(&clock, Stop::NEVER, Endpoint::GetAccount, false).await);
            queues
                .enter(&clock, Stop::NEVER, Endpoint::GetAccount, false)
                .await
                .permit
                .unwrap()
                .done(clock.now(), Outcome::Rejected);
        })
        .unwrap();
}
