//! The physical limit: the least time that the API's pools allow for the work.
//!
//! Little's law, pool by pool: calls × mean service time ÷ slots. The longest pool wins, and
//! nothing is faster than one look-up, one read and one write in a row. It bounds the expected
//! makespan; a single seed may beat it.

use neon_mock::api::{Class, Endpoint, MAX_PAGE_SIZE};
use neon_mock::profile::Profile;
use std::time::Duration;

/// The work that has to be done, whoever does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Accounts to look at.
    pub accounts: u64,
    /// Accounts of which something changes.
    pub changes: u64,
}

/// The least time that `profile` allows for `work`, done with the fewest calls: one search for
/// 200 accounts (or single reads where that is faster) and one PATCH for each change.
pub fn lower_bound(profile: &Profile, work: Work) -> Duration {
    if work.accounts == 0 {
        return Duration::ZERO;
    }
    let pool = |endpoint: Endpoint, calls: u64| match profile.pool(endpoint) {
        Some(slots) => mean_s(profile, endpoint.class()) * calls as f64 / f64::from(slots),
        None => 0.0,
    };
    let searches = work.accounts.div_ceil(u64::from(MAX_PAGE_SIZE));
    let reads =
        pool(Endpoint::SearchAccounts, searches).min(pool(Endpoint::GetAccount, work.accounts));
    let writes = pool(Endpoint::PatchAccount, work.changes);
    let read = mean_s(profile, Class::Get).min(mean_s(profile, Class::Search));
    let write = if work.changes > 0 { mean_s(profile, Class::Patch) } else { 0.0 };
    let in_a_row = mean_s(profile, Class::Metadata) + read + write;
    Duration::from_secs_f64(reads.max(writes).max(in_a_row))
}

fn mean_s(profile: &Profile, class: Class) -> f64 {
    profile.law(class).mean().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_pool_decides_and_a_few_calls_come_in_a_row() {
        let profile = Profile::built_in("constant").unwrap();
        let bound = |accounts, changes| lower_bound(&profile, Work { accounts, changes });
        // 500 PATCHes of 300 ms through 5 slots.
        assert_eq!(bound(500, 500), Duration::from_secs(30));
        // 100 searches of 400 ms through 1 slot; nothing to write.
        assert_eq!(bound(20_000, 0), Duration::from_secs(40));
        // One look-up, one read, one write.
        assert_eq!(bound(1, 1), Duration::from_millis(600));
        assert_eq!(bound(0, 0), Duration::ZERO);
    }
}
