//! The physical limit: a lower bound on the expected makespan under the API's limits.
//!
//! For a pool, Little's law: calls × mean service time ÷ slots. For a window: (calls − burst) ÷
//! rate, where the burst is one second's calls. Calls that share a limit are added up. The bound is
//! the largest of these, and at least one look-up, one read and one write in a row. A single seed
//! may beat it.
//!
//! It remains a lower bound where service times grow with the calls in flight, since it takes the
//! mean of a lone call, and where calls fail, since it counts no retries.

use neon_mock::api::{Endpoint, MAX_PAGE_SIZE};
use neon_mock::profile::Profile;
use std::time::Duration;

/// Work of a migration, independent of strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationWork {
    /// Accounts to look at.
    pub accounts: u64,
    /// Accounts of which something changes.
    pub changes: u64,
}

/// The least time that `profile` allows for `work`, done with the fewest calls: one search for
/// 200 accounts (or single reads where that is faster) and one PATCH for each change.
pub fn lower_bound(profile: &Profile, work: MigrationWork) -> Duration {
    if work.accounts == 0 {
        return Duration::ZERO;
    }
    let searches = work.accounts.div_ceil(u64::from(MAX_PAGE_SIZE));
    let writes = (Endpoint::PatchAccount, work.changes);
    let by_search = through_limits(profile, &[(Endpoint::SearchAccounts, searches), writes]);
    let one_by_one = through_limits(profile, &[(Endpoint::GetAccount, work.accounts), writes]);
    let read = mean_s(profile, Endpoint::GetAccount).min(mean_s(profile, Endpoint::SearchAccounts));
    let write = if work.changes > 0 { mean_s(profile, Endpoint::PatchAccount) } else { 0.0 };
    let in_a_row = mean_s(profile, Endpoint::ListCustomFields) + read + write;
    Duration::from_secs_f64(by_search.min(one_by_one).max(in_a_row))
}

/// Seconds that `calls` need under the limits; calls that share a limit are added up.
fn through_limits(profile: &Profile, calls: &[(Endpoint, u64)]) -> f64 {
    let limit_of = |endpoint: Endpoint| profile.limits().scope.leader(endpoint);
    let longest = calls.iter().map(|&(endpoint, _)| {
        let sharing = calls.iter().filter(|(other, _)| limit_of(*other) == limit_of(endpoint));
        let (mut count, mut service_s) = (0, 0.0);
        for &(other, calls) in sharing {
            count += calls;
            service_s += mean_s(profile, other) * calls as f64;
        }
        let pool = profile.pool(endpoint).map_or(0.0, |slots| service_s / f64::from(slots));
        let window = profile
            .per_second(endpoint)
            .map_or(0.0, |rate| count.saturating_sub(u64::from(rate)) as f64 / f64::from(rate));
        pool.max(window)
    });
    longest.fold(0.0, f64::max)
}

fn mean_s(profile: &Profile, endpoint: Endpoint) -> f64 {
    profile.law(endpoint).mean().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_pool_decides_and_a_few_calls_come_in_a_row() {
        let profile = Profile::built_in("constant").unwrap();
        let bound = |accounts, changes| lower_bound(&profile, MigrationWork { accounts, changes });
        // 500 PATCHes of 300 ms through 5 slots.
        assert_eq!(bound(500, 500), Duration::from_secs(30));
        // 100 searches of 400 ms through 1 slot; nothing to write.
        assert_eq!(bound(20_000, 0), Duration::from_secs(40));
        // One look-up, one read, one write.
        assert_eq!(bound(1, 1), Duration::from_millis(600));
        assert_eq!(bound(0, 0), Duration::ZERO);
    }

    /// `constant` with other limits.
    fn bound(limits: &str, accounts: u64, changes: u64) -> Duration {
        let (_, constant) =
            neon_mock::profile::BUILT_IN.into_iter().find(|(name, _)| *name == "constant").unwrap();
        let (head, rest) = constant.split_once("[limits]").unwrap();
        let (_, service) = rest.split_once("[service]").unwrap();
        let text = format!("{head}[limits]\n{limits}\n[service]{service}");
        let profile = Profile::from_toml("test", &text).unwrap();
        lower_bound(&profile, MigrationWork { accounts, changes })
    }

    #[test]
    fn a_window_lets_the_rest_through_after_its_burst() {
        // 500 PATCHes, 5 of them at once, 5 a second.
        assert_eq!(bound("per_second = 5", 500, 500), Duration::from_secs(99));
        // Calls within the burst are bounded by their service times alone.
        assert_eq!(bound("per_second = 5", 5, 5), Duration::from_millis(600));
        // Both: 60 s in the pool of 300 ms each, 20 s in the window.
        assert_eq!(bound("pool = 1\nper_second = 10", 200, 200), Duration::from_secs(60));
    }

    #[test]
    fn calls_that_share_a_limit_are_added_up() {
        // 3 searches, or 500 GETs, each with 500 PATCHes.
        let template = "per_second = 5\nscope = \"template\"";
        assert_eq!(bound(template, 500, 500), Duration::from_secs(99));
        let all = "per_second = 5\nscope = \"organisation\"";
        assert_eq!(bound(all, 500, 500), Duration::from_millis(99_600));
        // 3 × 400 ms + 500 × 300 ms through 5 slots.
        let pool = "pool = 5\nscope = \"organisation\"";
        assert_eq!(bound(pool, 500, 500), Duration::from_millis(30_240));
    }
}
