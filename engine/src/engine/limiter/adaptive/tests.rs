use super::*;
use crate::event::Outcome;
use neon_mock::api::Endpoint;

fn feedback(at_s: f64, in_flight: u32, refused: bool) -> CallFeedback {
    let at = Timestamp::ZERO + Duration::from_secs_f64(at_s);
    CallFeedback {
        endpoint: Endpoint::PatchAccount,
        sent_at: at,
        done_at: at,
        in_flight,
        unanswered: 0,
        in_flight_all: in_flight,
        taken_of_all: 0,
        outcome: if refused { Outcome::Rejected } else { Outcome::Ok },
        queue_waiting: true,
        spare_refusals: 5,
    }
}

#[test]
fn the_first_refusal_tells_the_pool() {
    let mut limit = Adaptive::new(0, Manners::Polite);
    for in_flight in 0..5 {
        limit.on_result(&feedback(0.0, in_flight, false));
    }
    // The last four opened a place each, since it is no more than twice what was taken.
    assert_eq!(limit.limit(), START + 4);
    limit.on_result(&feedback(1.0, 5, true));
    assert_eq!(limit.limit(), 5);
}

#[test]
fn one_more_is_tried_ever_more_rarely_and_kept_when_taken() {
    let mut limit = Adaptive::new(0, Manners::Polite);
    limit.on_result(&feedback(0.0, 5, true));
    limit.on_result(&feedback(1.0, 3, true));
    assert_eq!(limit.limit(), 3);
    let mut tried = Vec::new();
    for call in 0..3_000 {
        let at_s = 2.0 + f64::from(call);
        limit.on_result(&feedback(at_s, 2, false));
        if limit.limit() == 4 {
            tried.push(call);
            limit.on_result(&feedback(at_s, 3, true));
            assert_eq!(limit.limit(), 3);
        }
    }
    let pauses: Vec<i32> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.windows(2).all(|pair| pair[1] == 2 * pair[0]), "{pauses:?}");
    while limit.limit() == 3 {
        limit.on_result(&feedback(9_000.0, 2, false));
    }
    limit.on_result(&feedback(9_001.0, 3, false));
    assert_eq!(limit.limit(), 4);
}

#[test]
fn a_try_in_vain_ends_at_once_where_refusals_cost_only_their_time() {
    let mut limit = Adaptive::new(0, Manners::Pushing);
    // Seven seemed to be in flight: two had ended, and their answers were on the way.
    for in_flight in 0..7 {
        limit.on_result(&feedback(0.0, in_flight, false));
    }
    limit.on_result(&feedback(1.0, 5, true));
    for _ in 0..PROBE_PUSHING_AFTER {
        assert_eq!(limit.limit(), 5);
        limit.on_result(&feedback(2.0, 4, false));
    }
    assert_eq!(limit.limit(), 6);
    limit.on_result(&feedback(3.0, 5, true));
    assert_eq!(limit.limit(), 5);
}

#[test]
fn headroom_is_left_of_what_was_found() {
    let mut limit = Adaptive::new(1, Manners::Polite);
    assert_eq!(limit.limit(), START);
    (0..6).for_each(|in_flight| limit.on_result(&feedback(0.0, in_flight, false)));
    for (in_flight, left) in [(5, 4), (4, 3), (2, 1)] {
        limit.on_result(&feedback(1.0, in_flight, true));
        assert_eq!(limit.limit(), left);
    }
}

#[test]
fn refusals_with_hardly_anything_in_flight_speak_of_a_rate() {
    let mut limit = Adaptive::new(0, Manners::Pushing);
    for call in 0..8 {
        limit.on_result(&feedback(0.1 * f64::from(call), 3, false));
    }
    limit.on_result(&feedback(1.0, 4, true));
    for call in 0..10 {
        limit.on_result(&feedback(1.1 + 0.2 * f64::from(call), 1, false));
    }
    limit.on_result(&feedback(3.0, 0, true));
    // Ten calls were taken in two seconds.
    assert_eq!(limit.spacing(), Duration::from_millis(200));
    limit.on_result(&feedback(4.0, 0, true));
    assert!(limit.spacing() > Duration::from_millis(200));
}

#[test]
fn where_refusals_cost_a_window_is_seen_from_its_burst() {
    let mut limit = Adaptive::new(0, Manners::Polite);
    (0..3).for_each(|in_flight| limit.on_result(&feedback(0.0, in_flight, false)));
    limit.on_result(&feedback(0.01, 2, true));
    assert!(!limit.is_paced(), "it may be a pool of two");
    limit.on_result(&feedback(0.02, 0, true));
    assert!((300..400).contains(&limit.spacing().as_millis()), "{:?}", limit.spacing());
}

#[test]
fn a_contradiction_is_waited_out_longer_each_time_and_where_refusals_are_spent() {
    let wait_ms = |limit: &Adaptive, at_s: f64| {
        let at = Timestamp::ZERO + Duration::from_secs_f64(at_s);
        limit.not_before().since(at).as_millis()
    };
    let mut limit = Adaptive::new(0, Manners::Polite);
    (0..6).for_each(|in_flight| limit.on_result(&feedback(0.0, in_flight, false)));
    limit.on_result(&feedback(1.0, 5, true));
    assert_eq!(limit.not_before(), Timestamp::ZERO, "the first tells the pool");
    limit.on_result(&feedback(2.0, 4, true));
    assert_eq!(wait_ms(&limit, 2.0), HOLD.as_millis());
    let mut spent = limit.clone();
    limit.on_result(&feedback(3.0, 3, true));
    assert_eq!(wait_ms(&limit, 3.0), 2 * HOLD.as_millis());
    spent.on_result(&CallFeedback { spare_refusals: 0, ..feedback(3.0, 3, true) });
    assert_eq!(wait_ms(&spent, 3.0), 2 * HOLD_SPENT.as_millis());
}

/// A call of a second that was taken, with `in_flight` others.
fn taken_in_a_second(at_s: f64, in_flight: u32) -> CallFeedback {
    let sent = feedback(at_s, in_flight, false);
    CallFeedback { done_at: sent.sent_at + Duration::from_secs(1), ..sent }
}

#[test]
fn a_place_is_tried_again_once_it_made_up_for_the_wait_that_the_server_asks_for() {
    let tried_after = |wait_s: u64| {
        let mut limit = Adaptive::new(0, Manners::Polite);
        limit.on_result(&taken_in_a_second(0.0, 3));
        limit.on_result(&feedback(5.0, 2, true));
        limit.on_deferral(Duration::from_secs(wait_s));
        let mut calls = 0;
        while limit.limit() == 2 {
            calls += 1;
            limit.on_result(&taken_in_a_second(60.0 + f64::from(calls), 1));
        }
        calls
    };
    // 100 s of two calls each are 200 calls, and one place more of two gains half a call for each: half of 400.
    assert_eq!(tried_after(100), 200);
    assert!(tried_after(0) < 200);
}

#[test]
fn a_contradiction_is_waited_out_no_longer_than_twenty_calls_take() {
    let mut limit = Adaptive::new(0, Manners::Polite);
    let quick = |at_s, in_flight| {
        let sent = feedback(at_s, in_flight, false);
        CallFeedback { done_at: sent.sent_at + Duration::from_millis(20), ..sent }
    };
    limit.on_result(&quick(0.0, 4));
    limit.on_result(&feedback(1.0, 3, true));
    limit.on_result(&feedback(2.0, 2, true));
    // Three places of 20 ms per call take 20 calls in 133 ms; 250 ms would cost 37.
    let waited = limit.not_before().since(Timestamp::ZERO + Duration::from_secs(2));
    assert!(waited.abs_diff(Duration::from_micros(133_333)) < Duration::from_micros(1));
}

#[test]
fn no_more_calls_go_beyond_those_that_were_taken_than_refusals_are_free() {
    let mut limit = Adaptive::new(0, Manners::Polite);
    for _ in 0..20 {
        limit.on_result(&CallFeedback { spare_refusals: 1, ..feedback(0.0, 7, false) });
    }
    assert_eq!(limit.limit(), 8 + 1 + 8 / 4);
}

#[test]
fn a_pool_that_shrinks_again_and_again_is_a_rate() {
    let mut limit = Adaptive::new(0, Manners::Polite);
    (0..6).for_each(|in_flight| limit.on_result(&feedback(0.0, in_flight, false)));
    for (at_s, in_flight) in [(1.0, 5), (2.0, 4), (3.0, 3)] {
        limit.on_result(&feedback(at_s, in_flight, true));
        assert!(!limit.is_paced(), "a pool of {in_flight}");
    }
    limit.on_result(&feedback(4.0, 2, true));
    assert!(limit.is_paced());
}

#[test]
fn a_level_that_is_refused_before_it_paid_is_tried_more_rarely() {
    let calls_until_tried = |pays_for: u32| {
        let mut limit = Adaptive::new(0, Manners::Polite);
        (0..4).for_each(|in_flight| limit.on_result(&feedback(0.0, in_flight, false)));
        limit.on_result(&feedback(1.0, 3, true));
        (0..pays_for).for_each(|_| limit.on_result(&feedback(2.0, 2, false)));
        limit.on_result(&feedback(3.0, 2, true));
        assert_eq!(limit.limit(), 2);
        (0..2_000)
            .take_while(|_| {
                limit.on_result(&feedback(4.0, 1, false));
                limit.limit() == 2
            })
            .count()
    };
    assert!(calls_until_tried(10) > 4 * calls_until_tried(100));
}

#[test]
fn what_one_endpoint_takes_per_second_is_the_others_start() {
    let mut limit = Adaptive::new(0, Manners::Polite);
    limit.on_rate_of_alike(4.0, Timestamp::ZERO);
    assert_eq!(limit.spacing(), Duration::from_millis(250));
    let mut known = Adaptive::new(0, Manners::Polite);
    (0..3).for_each(|in_flight| known.on_result(&feedback(0.0, in_flight, false)));
    known.on_result(&feedback(1.0, 2, true));
    known.on_rate_of_alike(4.0, Timestamp::ZERO);
    assert_eq!(known.spacing(), Duration::ZERO);
}

#[test]
fn a_rate_is_doubted_now_and_then_and_given_up_where_more_goes_through() {
    let mut limit = Adaptive::new(0, Manners::Polite);
    let take = |limit: &mut Adaptive, from_s: f64, apart_s: f64, calls: u32| {
        for call in 0..calls {
            limit.on_result(&feedback(from_s + apart_s * f64::from(call), 1, false));
        }
    };
    take(&mut limit, 0.1, 0.1, 8);
    limit.on_result(&feedback(1.0, 4, true));
    take(&mut limit, 1.1, 0.2, 10);
    limit.on_result(&feedback(3.0, 0, true));
    limit.on_result(&feedback(3.1, 0, true));
    assert!(limit.spacing() > Duration::from_millis(200));
    let milliseconds = |limit: &Adaptive| limit.spacing().as_millis();
    take(&mut limit, 4.0, 0.2, TRIAL_AFTER);
    assert!((100..120).contains(&milliseconds(&limit)), "{}", milliseconds(&limit));
    // A window refuses what comes faster.
    let mut window = limit.clone();
    take(&mut window, 30.0, 0.01, 3);
    window.on_result(&feedback(30.1, 1, true));
    assert!(milliseconds(&window) < 120, "{}", milliseconds(&window));
    window.on_result(&feedback(30.2, 1, true));
    assert!(milliseconds(&window) > 180, "{}", milliseconds(&window));
    // Colleagues who have gone do not, and what takes as long as before shows nothing.
    let mut slow = limit.clone();
    take(&mut slow, 30.0, 0.2, 100);
    assert!(milliseconds(&slow) > 180, "{}", milliseconds(&slow));
    // However long each of them takes.
    let mut patient = limit.clone();
    for call in 0..20 {
        let sent = feedback(30.0 + 0.02 * f64::from(call), 1, false);
        patient.on_result(&CallFeedback { done_at: sent.sent_at + Duration::from_secs(5), ..sent });
    }
    assert!(!patient.is_paced());
    take(&mut limit, 30.0, 0.02, 100);
    assert_eq!((limit.spacing(), limit.is_paced()), (Duration::ZERO, false));
}

/// Calls that an open limit takes at the pool of another endpoint, each of a second, before it tries one more.
fn kept_for(pool: u32, delay: Duration) -> u32 {
    let mut limit = Adaptive::new(0, Manners::Polite);
    limit.on_pool_elsewhere(pool);
    limit.on_deferral(delay);
    let mut calls = 0;
    while limit.limit() == pool {
        calls += 1;
        limit.on_result(&taken_in_a_second(f64::from(calls), pool - 1));
    }
    assert_eq!(limit.limit(), pool + 1);
    calls
}

#[test]
fn the_pool_of_another_endpoint_is_kept_for_a_while_and_longer_where_refusals_cost_a_wait() {
    assert_eq!(kept_for(4, Duration::ZERO), ELSEWHERE_AFTER);
    // 30 s of four calls each, and one place more of four gains a quarter of a call for each: half of 480.
    assert_eq!(kept_for(4, Duration::from_secs(30)), 240);
}
