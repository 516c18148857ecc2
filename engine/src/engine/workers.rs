//! Workers side by side inside one future: nothing is spawned.

use super::error::EngineError;
use super::stop::Stop;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::cell::Cell;

/// Runs `job` on every item with at most `workers` at once; each worker takes the next item from
/// one queue, in order. After the first error none takes another, and what they have begun goes to
/// its end, so that nothing that is under way is lost; once `stop` is set, none takes another.
pub(super) async fn side_by_side<I: Copy, F>(
    workers: usize,
    stop: &Stop,
    items: impl Iterator<Item = I>,
    job: impl Fn(I) -> F,
) -> Result<(), EngineError>
where
    F: Future<Output = Result<(), EngineError>>,
{
    let queue = Cell::new(Some(items));
    let has_failed = Cell::new(false);
    let next = || {
        if stop.is_set() || has_failed.get() {
            return None;
        }
        let mut items = queue.take()?;
        let item = items.next()?;
        queue.set(Some(items));
        Some(item)
    };
    let worker = || async {
        while let Some(item) = next() {
            job(item).await?;
        }
        Ok::<(), EngineError>(())
    };
    let mut running: FuturesUnordered<_> = (0..workers).map(|_| worker()).collect();
    let mut first = Ok(());
    while let Some(ended) = running.next().await {
        has_failed.set(has_failed.get() || ended.is_err());
        first = first.and(ended);
    }
    first
}
