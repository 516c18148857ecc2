//! Work on all cores, whose results come in the order of the work.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `job` of each item, on as many threads as there are cores; results in the order of the items, so
/// that nothing shows who was done first. The first error, in that order, ends it.
pub fn in_order<'a, I: Sync, R: Send, E: Send>(
    items: &'a [I],
    job: impl Fn(&'a I) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            scope.spawn(|| {
                // The last ones are the largest in most sets: they go first.
                while let Some(place) =
                    items.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed))
                {
                    let result = job(&items[place]);
                    done.lock().expect("no thread panicked").push((place, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no thread panicked");
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
