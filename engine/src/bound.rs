//! The physical limit: a lower bound on the expected makespan under the API's limits.
//!
//! Whatever a client does, it reads each account that changes (by GET, or 200 of them by a search)
//! and writes it once (by PATCH, or by PUT, which takes the whole account that only a GET returns).
//! Little's law holds in every pool: calls × mean service time
//! ≤ slots × makespan; and in every window: calls ≤ burst + rate × makespan, the burst being one
//! second's calls. Calls that share a limit are added up. The bound is the least makespan for which
//! some split over the four calls meets all of these (fractions of calls are allowed: an expected
//! number need not be whole), and at least one read and one write in a row. A single seed may beat
//! it.
//!
//! It counts no more than it must, so that it holds for any client: no look-up, since the fields'
//! ids may be known; no read of what stays as it is, since a search can be asked for the others. It
//! remains a bound where service times grow with the calls in flight, since it takes the mean of a
//! lone call, and where calls fail, since it counts no retries.

mod least;

use least::{LinearConstraint, least};
use neon_mock::api::{Endpoint, MAX_PAGE_SIZE};
use neon_mock::profile::Profile;
use std::time::Duration;

/// Work of a migration, independent of strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationWork {
    /// Accounts that have to be read: those of which the plan changes something.
    pub reads: u64,
    /// Accounts that have to be written: the same, or none in a dry run.
    pub writes: u64,
}

/// Every call that writes an account.
pub const EVERY_WRITE: [Endpoint; 2] = [Endpoint::PatchAccount, Endpoint::PutAccount];

/// Every call that reads an account's custom fields.
const EVERY_READ: [Endpoint; 2] = [Endpoint::GetAccount, Endpoint::SearchAccounts];

/// Number of variables: calls of each kind, and the makespan in seconds.
const VARIABLES: usize = 5;

/// Position of the makespan among the variables.
const MAKESPAN: usize = VARIABLES - 1;

/// The least time that `profile` allows for `work` to a client that writes by any of `by`
/// ([`EVERY_WRITE`] for the physical limit), and reads as it likes.
pub fn lower_bound(profile: &Profile, work: MigrationWork, by: &[Endpoint]) -> Duration {
    let mean_s = |call| profile.law(call).mean().as_secs_f64();
    let by_get_s = mean_s(Endpoint::GetAccount);
    let read_s = by_get_s.min(mean_s(Endpoint::SearchAccounts));
    let in_a_row_s = by.iter().map(|&call| match call {
        Endpoint::PutAccount => by_get_s + mean_s(call),
        _ => read_s + mean_s(call),
    });
    let in_a_row_s = match (work.reads, work.writes) {
        (0, 0) => 0.0,
        (_, 0) => read_s,
        _ => in_a_row_s.fold(f64::INFINITY, f64::min),
    };
    Duration::from_secs_f64(through_limits_s(profile, work, by).max(in_a_row_s))
}

/// Seconds that `work` needs under the limits, however it is split over the calls.
fn through_limits_s(profile: &Profile, work: MigrationWork, by: &[Endpoint]) -> f64 {
    let calls: Vec<Endpoint> = by.iter().copied().chain(EVERY_READ).collect();
    let mut constraints: Vec<LinearConstraint<VARIABLES>> = Vec::new();
    let mut demand = |at_least: f64, of: &dyn Fn(Endpoint) -> f64, makespan: f64| {
        let mut terms = [0.0; VARIABLES];
        for (term, &call) in terms.iter_mut().zip(&calls) {
            *term = of(call);
        }
        terms[MAKESPAN] = makespan;
        constraints.push(LinearConstraint { terms, at_least });
    };
    demand(work.writes as f64, &|call| f64::from(u8::from(by.contains(&call))), 0.0);
    let read_by = |call| match call {
        Endpoint::GetAccount => 1.0,
        Endpoint::SearchAccounts => f64::from(MAX_PAGE_SIZE),
        _ => 0.0,
    };
    demand(work.reads as f64, &read_by, 0.0);
    let read_for_put = |call| match call {
        Endpoint::GetAccount => 1.0,
        Endpoint::PutAccount => -1.0,
        _ => 0.0,
    };
    demand(0.0, &read_for_put, 0.0);
    let limit_of = |call| profile.limits().scope.leader(call);
    let mut limits: Vec<Endpoint> = calls.iter().map(|&call| limit_of(call)).collect();
    limits.dedup();
    for limit in limits {
        let taken = |call, each: f64| if limit_of(call) == limit { -each } else { 0.0 };
        if let Some(slots) = profile.pool(limit) {
            let service_s = |call| taken(call, profile.law(call).mean().as_secs_f64());
            demand(0.0, &service_s, f64::from(slots));
        }
        if let Some(rate) = profile.per_second(limit) {
            demand(-f64::from(rate), &|call| taken(call, 1.0), f64::from(rate));
        }
    }
    least(&constraints)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `constant` with other limits: 300 ms for a PATCH and a PUT, 200 for a GET, 400 for a search.
    fn profile(limits: &str) -> Profile {
        let (_, constant) =
            neon_mock::profile::BUILT_IN.into_iter().find(|(name, _)| *name == "constant").unwrap();
        let (head, rest) = constant.split_once("[limits]").unwrap();
        let (_, service) = rest.split_once("[service]").unwrap();
        let text = format!("{head}[limits]\n{limits}\n[service]{service}");
        Profile::from_toml("test", &text).unwrap()
    }

    fn bound(limits: &str, reads: u64, writes: u64) -> Duration {
        lower_bound(&profile(limits), MigrationWork { reads, writes }, &EVERY_WRITE)
    }

    fn by_patch(limits: &str, reads: u64, writes: u64) -> Duration {
        let by = [Endpoint::PatchAccount];
        lower_bound(&profile(limits), MigrationWork { reads, writes }, &by)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const POOLS: &str = "pool = 5\n[limits.endpoints]\n\"POST /accounts/search\" = 1";

    #[test]
    fn writes_go_through_the_pools_of_both_verbs() {
        // 500 writes of 300 ms through ten slots, or five.
        assert_eq!(bound(POOLS, 500, 500), ms(15_000));
        assert_eq!(by_patch(POOLS, 500, 500), ms(30_000));
        // A PUT has eleven slots where a PATCH has one; and a PUT needs a GET.
        let uneven = "pool = 11\n[limits.endpoints]\n\"PATCH /accounts/{id}\" = 1";
        assert_eq!(bound(uneven, 400, 400), ms(10_000));
        let few_gets = format!("{uneven}\n\"GET /accounts/{{id}}\" = 1");
        assert_eq!(bound(&few_gets, 400, 400), ms(48_000));
    }

    #[test]
    fn reads_go_by_search_and_by_get_side_by_side() {
        // Per second 2.5 searches of 200 accounts, and 25 GETs.
        assert_eq!(bound(POOLS, 20_000, 0), Duration::from_secs_f64(20_000.0 / 525.0));
        // A read and a write in a row, or a read alone; nothing costs nothing.
        assert_eq!((bound(POOLS, 1, 1), bound(POOLS, 1, 0)), (ms(500), ms(200)));
        assert_eq!(bound(POOLS, 0, 0), Duration::ZERO);
    }

    #[test]
    fn a_window_lets_the_rest_through_after_its_burst() {
        // 500 writes by two verbs, 5 each at once, and 5 each per second.
        assert_eq!(bound("per_second = 5", 500, 500), ms(49_000));
        assert_eq!(by_patch("per_second = 5", 500, 500), ms(99_000));
        // Calls within the burst are bounded by their service times alone.
        assert_eq!(bound("per_second = 5", 5, 5), ms(500));
        // Pool and window: each verb is held by its pool.
        assert_eq!(by_patch("pool = 1\nper_second = 10", 200, 200), ms(60_000));
        assert_eq!(bound("pool = 1\nper_second = 10", 200, 200), ms(30_000));
    }

    #[test]
    fn calls_that_share_a_limit_are_added_up() {
        // The verbs share their template's window, and the searches have one of their own.
        let template = "per_second = 5\nscope = \"template\"";
        assert_eq!(bound(template, 500, 500), ms(99_000));
        // 2.5 searches and 500 writes.
        let all = "per_second = 5\nscope = \"organisation\"";
        assert_eq!(bound(all, 500, 500), ms(99_500));
        // 2.5 × 400 ms + 500 × 300 ms through 5 slots.
        let pool = "pool = 5\nscope = \"organisation\"";
        assert_eq!(bound(pool, 500, 500), ms(30_200));
    }

    #[test]
    fn where_nothing_limits_a_read_and_a_write_in_a_row_remain() {
        assert_eq!(bound("", 100_000, 100_000), ms(500));
        // One way of writing is free.
        let patch_alone = "[limits.endpoints]\n\"PATCH /accounts/{id}\" = 1";
        assert_eq!(bound(patch_alone, 1_000, 1_000), ms(500));
        assert_eq!(by_patch(patch_alone, 1_000, 1_000), ms(300_000));
    }
}
