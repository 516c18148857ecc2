//! A parallel map that preserves the order of its input.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads at work in the whole process, beside those that called.
static HELPERS: AtomicUsize = AtomicUsize::new(0);

/// A place for one helper, given back when it is dropped.
struct HelperPlace;

impl HelperPlace {
    /// `None` if as many threads are at work as there are cores.
    fn take() -> Option<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let taken = HELPERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |helpers| {
            (helpers + 1 < cores).then_some(helpers + 1)
        });
        taken.ok().map(|_| Self)
    }
}

impl Drop for HelperPlace {
    fn drop(&mut self) {
        HELPERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `job` of each item, on the calling thread and one more per idle core; results are in the order of
/// `items`, whichever thread is done first. A job may call this too: it finds few idle cores, or none.
///
/// Errors: the first error in that order.
pub fn parallel_map<'a, I: Sync, R: Send, E: Send>(
    items: &'a [I],
    job: impl Fn(&'a I) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let work = &|| {
        // From the end: most sets have their largest items there.
        while let Some(place) = items.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed)) {
            let result = job(&items[place]);
            done.lock().expect("no thread panicked").push((place, result));
        }
    };
    std::thread::scope(|scope| {
        for place in (1..items.len()).map_while(|_| HelperPlace::take()) {
            scope.spawn(move || {
                let _place = place;
                work();
            });
        }
        work();
    });
    let mut done = done.into_inner().expect("no thread panicked");
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items_also_of_maps_within_maps() {
        let items: Vec<u64> = (0..50).collect();
        let row = |item: &u64| {
            let row: Vec<u64> = (0..*item).collect();
            parallel_map(&row, |other| Ok::<_, ()>(item * other))
        };
        let expected: Vec<Vec<u64>> =
            items.iter().map(|item| (0..*item).map(|other| item * other).collect()).collect();
        assert_eq!(parallel_map(&items, row), Ok(expected));
        // Whichever thread is done first.
        let odd = |item: &u64| if item % 2 == 1 { Err(*item) } else { Ok(()) };
        assert_eq!(parallel_map(&items, odd), Err(1));
    }
}
