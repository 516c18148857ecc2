//! A fold that two threads share: the engine's puts events down, the page's folds them.

use super::fold::LiveFold;
use neonbench_engine::event::{Event, Observer as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Events that wait at most; with more, the thread that puts one down folds them all.
const MOST_WAITING: usize = 16_384;

/// A [`LiveFold`] whose events cost the engine's thread no more than a copy of each.
#[derive(Debug)]
pub struct SharedFold {
    waiting: Mutex<Vec<Event>>,
    fold: Mutex<LiveFold>,
}

/// A panic of another thread is shown by itself; the page is still worth showing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedFold {
    /// A fold that two threads are to share.
    pub fn new(fold: LiveFold) -> Self {
        Self { waiting: Mutex::default(), fold: Mutex::new(fold) }
    }

    /// Puts an event down.
    pub fn put(&self, event: &Event) {
        let mut waiting = locked(&self.waiting);
        waiting.push(event.clone());
        let is_full = waiting.len() >= MOST_WAITING;
        drop(waiting);
        if is_full {
            drop(self.look());
        }
    }

    /// The fold of all events that were put down.
    pub fn look(&self) -> MutexGuard<'_, LiveFold> {
        // Taken while the fold is held: whoever comes second has later events.
        let mut fold = locked(&self.fold);
        let mut waiting = locked(&self.waiting);
        let room = Vec::with_capacity(waiting.len());
        let events = std::mem::replace(&mut *waiting, room);
        drop(waiting);
        for event in &events {
            fold.observe(event);
        }
        fold
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neon_mock::api::AccountId;
    use neon_mock::time::Timestamp;
    use neonbench_engine::event::AccountOutcome;

    /// Two threads look while a third puts events down: none is lost, and none is folded before an earlier one.
    #[test]
    fn events_are_folded_once_and_in_order() {
        const EVENTS: u64 = 3 * MOST_WAITING as u64 + 7;
        let shared = SharedFold::new(LiveFold::new(None));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut before = 0;
                    while before < EVENTS {
                        let fold = shared.look();
                        let ended = fold.accounts().ended();
                        assert!(ended >= before && fold.heard() == Timestamp::from_nanos(ended));
                        before = ended;
                    }
                });
            }
            for place in 1..=EVENTS {
                let (at, id) = (Timestamp::from_nanos(place), AccountId(place));
                shared.put(&Event::Landed { at, id, end: AccountOutcome::Migrated });
            }
        });
        assert_eq!(shared.look().accounts().ended(), EVENTS);
    }
}
