//! Limits, service times and faults as a profile orders them, through the whole mock, without HTTP.

use neon_mock::api::{AccountId, Body, Endpoint, Request, Status};
use neon_mock::dataset::Dataset;
use neon_mock::fault::{Delivery, FaultKind};
use neon_mock::org::Organisation;
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use neon_mock::{Neon, Reply};
use std::time::Duration;

/// GET 200 ms, PATCH and PUT 300 ms, search 400 ms, metadata 100 ms.
const SERVICE: &str = r#"
[service]
get = { law = "constant", time = "200ms" }
patch = { law = "constant", time = "300ms" }
put = { law = "constant", time = "300ms" }
search = { law = "constant", time = "400ms" }
metadata = { law = "constant", time = "100ms" }
"#;

/// A mock of 100 accounts; `limits` goes into its section and `rest` after the service times.
fn neon(limits: &str, rest: &str) -> Neon {
    let text =
        format!("schema = 1\n[limits]\nreject_after = \"30ms\"\n{limits}\n{SERVICE}\n{rest}");
    let profile = Profile::from_toml("test", &text).unwrap();
    Neon::new(profile, Organisation::new(&Dataset::built_in("plain", 2).unwrap(), 100, 1), 1)
}

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(ms * 1_000_000)
}

const fn get(id: u64) -> Request {
    Request::GetAccount(AccountId(id))
}

/// A PATCH that changes nothing: what `id` has already.
fn patch(neon: &Neon, id: u64) -> Request {
    let account = neon.organisation().account(AccountId(id)).unwrap();
    Request::PatchAccount(AccountId(id), account)
}

fn is_refused(reply: &Reply) -> bool {
    reply.response.status == Status::TOO_MANY_REQUESTS
}

#[test]
fn a_queue_delays_before_anything_is_refused() {
    let mut neon = neon("pool = 1\nqueue = 2", "");
    let ready: Vec<Timestamp> = (0..3).map(|_| neon.handle(at(0), &get(1)).ready_at).collect();
    assert_eq!(ready, [at(200), at(400), at(600)]);
    let refused = neon.handle(at(0), &get(1));
    assert!(is_refused(&refused) && refused.ready_at == at(30));
    assert_eq!(neon.handle(at(200), &get(1)).ready_at, at(800));
    // Each endpoint has a queue of its own.
    assert_eq!(neon.handle(at(200), &Request::SearchFields(None)).ready_at, at(300));
    let calls = neon.calls().of(Endpoint::GetAccount);
    assert_eq!((calls.admitted, calls.rejected), (4, 1));
}

#[test]
fn windows_count_calls_a_second_whatever_they_take() {
    let mut neon =
        neon("per_second = 5\n[limits.endpoints_per_second]\n\"GET /customFields\" = 1", "");
    let refused = (0..8).filter(|_| is_refused(&neon.handle(at(0), &get(1)))).count();
    assert_eq!(refused, 3);
    assert!(is_refused(&neon.handle(at(199), &get(1))));
    assert!(!is_refused(&neon.handle(at(200), &get(1))));
    let fields = Request::ListCustomFields(neon_mock::api::Category::Account);
    assert!(!is_refused(&neon.handle(at(300), &fields)));
    assert!(is_refused(&neon.handle(at(1_299), &fields)));
    assert!(!is_refused(&neon.handle(at(1_300), &fields)));
}

#[test]
fn a_refusal_says_which_limit_it_was() {
    let mut neon = neon("pool = 1\nper_second = 2", "");
    let message = |ms, neon: &mut Neon| match neon.handle(at(ms), &get(1)).response.body {
        Body::Errors(errors) => errors[0].message.clone(),
        _ => String::new(),
    };
    // In flight until 200 ms and until 400 ms; the next may come at 500 ms.
    let messages = [0, 100, 200, 300, 450, 500].map(|ms| message(ms, &mut neon));
    let (pool, window) = ("too many simultaneous requests", "too many requests per second");
    assert_eq!(messages, ["", pool, "", pool, window, ""]);
}

#[test]
fn verbs_of_a_template_or_all_calls_can_share_a_pool() {
    for (scope, others_pass) in [("template", true), ("organisation", false)] {
        let mut neon = neon(&format!("pool = 1\nscope = \"{scope}\""), "");
        assert!(!is_refused(&neon.handle(at(0), &get(1))));
        let write = patch(&neon, 1);
        assert!(is_refused(&neon.handle(at(100), &write)), "{scope}");
        assert_eq!(!is_refused(&neon.handle(at(100), &Request::SearchFields(None))), others_pass);
        assert!(!is_refused(&neon.handle(at(200), &write)), "{scope}");
    }
}

#[test]
fn retry_after_is_stated_and_those_who_ignore_it_are_counted() {
    let mut neon = neon("pool = 1\nretry_after = \"2s\"", "");
    assert_eq!(neon.handle(at(0), &get(1)).response.retry_after, None);
    let refused = neon.handle(at(10), &get(1));
    assert_eq!(refused.response.retry_after, Some(Duration::from_secs(2)));
    // On its way before the refusal was there at 40 ms.
    neon.handle(at(39), &get(1));
    assert_eq!(neon.calls().early(), 0);
    neon.handle(at(500), &get(1));
    assert_eq!(neon.calls().of(Endpoint::GetAccount).early, 1);
    // Another endpoint said nothing; and the second refusal, at 39, was there at 69 ms.
    neon.handle(at(600), &Request::SearchFields(None));
    neon.handle(at(2_069), &get(1));
    assert_eq!(neon.calls().early(), 1);
}

#[test]
fn service_times_grow_with_the_calls_in_flight_of_all_endpoints() {
    let mut neon = neon("", "congestion = { contention = 0.1, coherency = 0.01 }");
    assert_eq!(neon.handle(at(0), &get(1)).ready_at, at(200));
    // Two in flight: 1 + 0.1 + 0.01 × 2.
    assert_eq!(neon.handle(at(100), &Request::SearchFields(None)).ready_at, at(212));
    // The first has ended.
    assert_eq!(neon.handle(at(200), &get(1)).ready_at, at(424));
}

#[test]
fn an_endpoint_can_have_a_law_of_its_own() {
    let own = "[service.endpoints]\n\"GET /accounts\" = { law = \"constant\", time = \"1s\" }";
    let mut neon = neon("", own);
    assert_eq!(neon.handle(at(0), &get(1)).ready_at, at(200));
    let list = Request::ListAccounts(neon_mock::api::ListAccounts::default());
    assert_eq!(neon.handle(at(0), &list).ready_at, at(1_000));
}

#[test]
fn faults_hit_admitted_calls_and_are_counted_by_kind() {
    let mut neon = neon(
        "pool = 1",
        "[[faults]]\nkind = \"503\"\nfirst = 2\nclasses = [\"get\"]\n\
         [[faults]]\nkind = \"reset-after\"\nrecords = [7]\n",
    );
    assert_eq!(neon.handle(at(0), &get(1)).response.status, Status(503));
    // A fault holds its slot like any call, and a refusal is no fault.
    assert!(is_refused(&neon.handle(at(100), &get(1))));
    assert_eq!(neon.handle(at(200), &get(7)).response.status, Status(503));
    let reset = neon.handle(at(400), &get(7));
    assert_eq!(reset.delivery, Delivery::Reset);
    assert!(matches!(reset.response.body, Body::Account(_)));
    let whole = neon.handle(at(600), &get(1));
    assert_eq!((whole.delivery, whole.response.status), (Delivery::Whole, Status::OK));
    let faults = neon.faults();
    assert_eq!([FaultKind::Unavailable, FaultKind::ResetAfter].map(|kind| faults.of(kind)), [2, 1]);
    assert_eq!((faults.total(), neon.calls().failed()), (3, 3));
}

#[test]
fn a_key_that_is_rotated_lets_nothing_through_from_then_on() {
    let mut neon = neon("", "[[faults]]\nkind = \"401\"\nfrom = \"2s\"\nshare = 1.0\n");
    assert_eq!(neon.handle(at(1_999), &get(1)).response.status, Status::OK);
    assert_eq!(neon.handle(at(2_000), &get(1)).response.status, Status::UNAUTHORIZED);
    assert_eq!(neon.handle(at(9_000), &Request::SearchFields(None)).response.status.0, 401);
}

#[test]
fn what_was_ordered_comes_before_what_the_profile_has() {
    let mut neon = neon("", "[[faults]]\nkind = \"503\"\nfirst = 1\n");
    neon.fail_next(FaultKind::BadGateway);
    assert_eq!(neon.handle(at(0), &get(1)).response.status, Status(502));
    assert_eq!(neon.handle(at(0), &get(1)).response.status, Status::OK);
    // Another profile is another schedule.
    neon.set_profile(Profile::built_in("unlimited").unwrap());
    assert_eq!(neon.handle(at(1), &get(1)).ready_at, at(1));
}

#[test]
fn flaky_fails_one_call_in_fifty_in_every_way_but_two() {
    let profile = Profile::built_in("flaky").unwrap();
    let organisation = Organisation::new(&Dataset::built_in("plain", 2).unwrap(), 100, 1);
    let mut neon = Neon::new(profile, organisation, 1);
    let calls = 60_000;
    for call in 0..calls {
        neon.handle(at(call * 60_000), &get(1 + call % 100));
    }
    let share = neon.faults().total() as f64 / calls as f64;
    assert!((0.0185..0.0215).contains(&share), "{share}");
    for kind in FaultKind::ALL {
        let count = neon.faults().of(kind);
        let is_used = !matches!(kind, FaultKind::Unauthorized | FaultKind::Refused);
        assert!(if is_used { (70..130).contains(&count) } else { count == 0 }, "{kind:?} {count}");
    }
}

#[test]
fn congested_has_its_knee_where_it_says() {
    let profile = Profile::built_in("congested").unwrap();
    let throughput = |n: usize| n as f64 / profile.congestion().unwrap().factor(n);
    let knee = (1..=20).max_by(|&a, &b| throughput(a).total_cmp(&throughput(b))).unwrap();
    assert_eq!(knee, 8);
    let tenths = [5, 8, 20].map(|n| (throughput(n) * 10.0).round() as u32);
    assert_eq!(tenths, [33, 37, 26]);
}
