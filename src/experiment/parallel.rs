//! A parallel map that preserves the order of its input.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `job` of each item, on one thread per core; results are in the order of `items`, whichever thread
/// is done first.
///
/// Errors: the first error in that order.
pub fn parallel_map<'a, I: Sync, R: Send, E: Send>(
    items: &'a [I],
    job: impl Fn(&'a I) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            scope.spawn(|| {
                // From the end: most sets have their largest items there.
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
