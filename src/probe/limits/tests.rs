//! Limits inferred from made-up calls.

use super::*;
use crate::probe::limit::infer_limit;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use neonbench_engine::event::{Attempt, Outcome};
use std::time::Duration;

/// Reads and writes of half a second each; each is sent at so many ms, and admitted or not.
fn seen(reads: &[(u64, bool)], writes: &[(u64, bool)]) -> LimitsPosterior {
    seen_of(500, reads, writes)
}

/// The same, of so many ms each.
fn seen_of(took_ms: u64, reads: &[(u64, bool)], writes: &[(u64, bool)]) -> LimitsPosterior {
    let call = |endpoint| {
        move |&(sent_ms, is_admitted): &(u64, bool)| {
            let sent_at = Timestamp::ZERO + Duration::from_millis(sent_ms);
            let took = Duration::from_millis(if is_admitted { took_ms } else { 30 });
            let outcome = if is_admitted { Outcome::Ok } else { Outcome::Rejected };
            let (attempt, due_at, done_at) = (1, sent_at, sent_at + took);
            Attempt { endpoint, attempt, due_at, sent_at, done_at, outcome }
        }
    };
    let reads: Vec<Attempt> = reads.iter().map(call(Endpoint::GetAccount)).collect();
    let writes: Vec<Attempt> = writes.iter().map(call(Endpoint::PatchAccount)).collect();
    let reads: Vec<&Attempt> = reads.iter().collect();
    let writes: Vec<&Attempt> = writes.iter().collect();
    let mut all = [reads.clone(), writes.clone()].concat();
    all.sort_by_key(|call| call.sent_at);
    let of_accounts = infer_limit(&[&all], false);
    LimitsPosterior {
        get: infer_limit(&[&reads], false),
        patch: infer_limit(&[&writes], false),
        alike: infer_limit(&[&reads, &writes], false),
        of_accounts,
        of_all: of_accounts,
        ..LimitsPosterior::default()
    }
}

#[test]
fn a_limit_is_shared_where_that_explains_more() {
    let burst = [(0, true), (0, true), (0, true), (0, false)];
    // Three places, of which a read holds one.
    let beside = [(2_000, true)];
    let two = [(2_010, true), (2_020, true), (2_030, false), (2_040, false)];
    let shared = seen(&[&burst[..], &beside].concat(), &two);
    assert!(shared.is_shared(), "{:?}", shared.scopes());
    // Beside that read, as many writes are admitted as reads.
    let three = [(2_010, true), (2_020, true), (2_030, true), (2_040, false)];
    let own = seen(&[&burst[..], &beside].concat(), &three);
    assert!(!own.is_shared(), "{:?}", own.scopes());
}

/// The share of the draws from `posterior` that are as is meant.
fn share_of(posterior: LimitsPosterior) -> impl Fn(&dyn Fn(&DrawnLimits) -> bool) -> f64 {
    let drawn: Vec<DrawnLimits> = (0..2_000)
        .map(|seed| posterior.draw(&mut neon_mock::rng::stream(seed, "a test")))
        .collect();
    move |is_meant| drawn.iter().filter(|one| is_meant(one)).count() as f64 / 2_000.0
}

/// Three reads per second, of a tenth of a second each: places that get free admit nothing.
const WINDOW: [(u64, bool); 7] =
    [(0, true), (0, true), (0, true), (0, false), (150, false), (200, false), (450, true)];

#[test]
fn a_pool_of_writes_may_have_the_window_of_reads_beside_it() {
    // One write at a time, so that no second has more than three.
    let refused = [5_000, 5_010, 5_160, 5_310].map(|at_ms| (at_ms, false));
    let mut writes = [&[(5_000, true), (5_150, true), (5_300, true)][..], &refused].concat();
    writes.sort_by_key(|(at_ms, is_admitted)| (*at_ms, !is_admitted));
    let share = share_of(seen_of(100, &WINDOW, &writes));
    assert!(share(&|one| one.limits.get.per_second == Some(3)) > 0.9);
    let both = KindLimits { pool: Some(1), per_second: Some(3) };
    let beside = share(&|one| one.limits.patch == both);
    assert!((0.6..0.95).contains(&beside), "{beside}");
}

#[test]
fn writes_whose_refusals_tell_nothing_are_limited_as_reads_are() {
    let writes = [(5_000, true), (5_000, true), (5_000, true), (5_000, false)];
    let share = share_of(seen_of(100, &WINDOW, &writes));
    let alike = share(&|one| one.limits.patch.per_second == Some(3));
    assert!(alike > 0.8, "{alike}");
}

#[test]
fn colleagues_who_were_seen_explain_a_smaller_pool_of_writes() {
    let reads = [(0, true), (0, true), (0, true), (0, true), (0, false), (600, true)];
    let alone = seen(&reads, &[(2_000, true), (2_000, true), (2_000, false), (2_000, false)]);
    let beside = LimitsPosterior { has_others: true, ..alone };
    let (of_alone, of_beside) = (alone.are_alike(), beside.are_alike());
    assert!(of_alone < 0.9 && of_beside > 0.95, "{of_alone}, {of_beside}");
}

#[test]
fn unseen_writes_may_be_limited_otherwise() {
    let read_only = seen(&[(0, true), (0, true), (0, true), (0, false), (600, true)], &[]);
    let share = share_of(read_only);
    let tighter = share(&|one| matches!(one.limits.patch.pool, Some(..3)));
    assert!((0.005..0.1).contains(&tighter), "{tighter}");
    let shared = share(&|one| one.scope != Scope::Endpoint);
    assert!((0.08..0.2).contains(&shared), "{shared}");
    let others = share(&|one| one.held.iter().any(|held| *held > 0.0));
    assert!((0.03..0.1).contains(&others), "{others}");
}

#[test]
fn refusals_that_only_a_pool_and_a_window_explain_together_show_both() {
    // Five places, and eight calls per second: the burst fills the places, and after eight calls places are free in vain.
    let burst = [[(0, true); 5], [(0, false); 5]].concat();
    let after = [(55, true), (60, true), (65, true), (70, false), (75, false), (110, false)];
    let reads = [&burst[..], &after, &[(5_000, true)]].concat();
    let share = share_of(seen_of(50, &reads, &[]));
    let both = KindLimits { pool: Some(5), per_second: Some(8) };
    let shown = share(&|one| one.limits.get == both);
    assert!(shown > 0.7, "{shown}");
    // Without those refusals, a window of eight is seldom beside the pool.
    let of_pool = share_of(seen_of(50, &[&burst[..], &after[..3]].concat(), &[]));
    let beside = of_pool(&|one| one.limits.get == both);
    assert!(beside < 0.05, "{beside}");
}
