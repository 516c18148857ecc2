//! The admin routes over HTTP.

use super::raw::{Answer, ask, connect, get, receive, with_body};
use neon_mock::NeonMock;
use neon_mock::profile::{BUILT_IN, WireFault};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

async fn mock() -> NeonMock {
    NeonMock::builder().profile("unlimited").admin_token("let-me-in").start().await
}

fn admin(mock: &NeonMock, verb: &str, route: &str, body: &str) -> Answer {
    let (length, token) = (body.len(), mock.admin_token());
    let request = format!(
        "{verb} /__mock/{route} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    ask(mock, request.as_bytes())
}

fn shown(mock: &NeonMock, route: &str) -> Value {
    let answer = admin(mock, "GET", route, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.head.contains("content-type: application/json\r\n"), "{}", answer.head);
    answer.json()
}

fn write(mock: &NeonMock) {
    let body = br#"{"individualAccount":{"accountCustomFields":[{"id":"88","value":"new"}]}}"#;
    assert_eq!(ask(mock, &with_body("PATCH", "/v2/accounts/7", "", body)).status, 200);
}

#[tokio::test]
async fn all_but_health_ask_for_the_token() {
    let mock = mock().await;
    let anonymous = |verb: &str, route: &str, headers: &str| {
        ask(
            &mock,
            format!("{verb} /__mock/{route} HTTP/1.1\r\nhost: x\r\n{headers}\r\n").as_bytes(),
        )
    };
    assert_eq!(anonymous("GET", "health", "").json()["status"], "up");
    assert_eq!(anonymous("GET", "openapi.json", "").json()["openapi"], "3.1.0");
    for (verb, route) in [
        ("GET", "state"),
        ("GET", "counters"),
        ("GET", "histograms"),
        ("GET", "journal"),
        ("POST", "reset"),
        ("POST", "snapshot"),
        ("POST", "restore"),
        ("POST", "faults"),
        ("POST", "profile"),
        ("POST", "shutdown"),
        ("GET", "nothing"),
    ] {
        anonymous(verb, route, "").assert_refused(401);
        // The organisation's key is another.
        anonymous(verb, route, super::raw::LET_IN).assert_refused(401);
        anonymous(verb, route, "authorization: Bearer let-me\r\n").assert_refused(401);
    }
    let nothing = admin(&mock, "GET", "nothing", "");
    nothing.assert_refused(404);
    assert!(nothing.json()[0]["message"].as_str().unwrap().contains("histograms"));
    admin(&mock, "DELETE", "state", "").assert_refused(405);
    assert_eq!((mock.unauthorized(), mock.undecodable()), (0, 0), "the API's counters");
    super::raw::assert_lives(&mock);
}

#[tokio::test]
async fn tokens_are_random_unless_named() {
    let (first, second) = (NeonMock::start().await, NeonMock::start().await);
    assert_eq!(first.admin_token().len(), 32);
    assert_ne!(first.admin_token(), second.admin_token());
    assert!(!format!("{first:?}").contains(first.admin_token()));
}

#[tokio::test]
async fn state_and_counters_show_what_came_to_pass_and_a_reset_undoes_it() {
    let mock = mock().await;
    let before = shown(&mock, "state");
    assert_eq!((&before["accounts"], &before["changed_accounts"]), (&json!(50), &json!(0)));
    write(&mock);
    ask(&mock, &get(99));
    ask(&mock, b"GET /v2/accounts/1 HTTP/1.1\r\nhost: x\r\n\r\n");
    ask(&mock, &with_body("PATCH", "/v2/accounts/1", "", b"{"));
    let after = shown(&mock, "state");
    assert_eq!(after["changed_accounts"], 1);
    assert_ne!(after["digest"], before["digest"]);
    let counters = shown(&mock, "counters");
    assert_eq!(
        (&counters["total"], &counters["failed"], &counters["unauthorized"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!((&counters["undecodable"], &counters["in_flight"]), (&json!(1), &json!(0)));
    assert_eq!(
        counters["calls"]["GET /accounts/{id}"],
        json!({"admitted": 1, "rejected": 0, "failed": 1})
    );

    mock.set_profile("constant");
    assert_eq!(admin(&mock, "POST", "reset", "").status, 200);
    assert_eq!(shown(&mock, "state"), before);
    let counters = shown(&mock, "counters");
    assert_eq!((&counters["total"], &counters["unauthorized"]), (&json!(0), &json!(0)));
    assert_eq!(shown(&mock, "journal"), json!({"calls": []}));
    assert_eq!(shown(&mock, "histograms"), json!({"response": {}}));
    write(&mock);
    assert_eq!(shown(&mock, "state")["digest"], after["digest"]);
}

#[tokio::test]
async fn histograms_and_journal_show_calls_as_served() {
    let mock = NeonMock::builder().profile("constant").start().await;
    for id in 1..=3 {
        assert_eq!(ask(&mock, &get(id)).status, 200);
    }
    ask(&mock, b"GET /v2/accounts/1?secret=x HTTP/1.1\r\nhost: x\r\n\r\n");
    let histograms = shown(&mock, "histograms");
    let of_get = &histograms["response"]["GET /accounts/{id}"];
    assert_eq!(of_get["count"], 3);
    let p50_ms = of_get["p50_ns"].as_f64().unwrap() / 1e6;
    assert!((199.0..400.0).contains(&p50_ms), "{p50_ms}");
    let line = of_get["hdr_log"].as_str().unwrap();
    assert!(line.starts_with("Tag=GET_/accounts/{id},0.000,"), "{line}");
    assert!(line.contains(",HISTF"), "a V2 histogram: {line}");

    let journal = shown(&mock, "journal?limit=2");
    let calls = journal["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (&calls[0]["status"], &calls[0]["path"], &calls[0]["drawn_ns"]),
        (&json!(401), &json!("/v2/accounts/1"), &Value::Null)
    );
    assert_eq!(
        (&calls[1]["status"], &calls[1]["path"], &calls[1]["drawn_ns"]),
        (&json!(200), &json!("/v2/accounts/3"), &json!(200_000_000))
    );
    assert!(calls[1]["served_ns"].as_u64() >= Some(200_000_000));
    admin(&mock, "GET", "journal?limit=x", "").assert_refused(400);

    let served = mock.journal();
    assert_eq!(served.len(), 4);
    assert!(served.iter().all(|call| call.drawn.is_none_or(|drawn| call.served >= drawn)));
}

#[tokio::test]
async fn a_journal_can_be_turned_off() {
    let mock = NeonMock::builder().profile("unlimited").journal(0).start().await;
    super::raw::assert_lives(&mock);
    assert_eq!(mock.journal(), []);
    assert_eq!(shown(&mock, "histograms")["response"]["GET /accounts/{id}"]["count"], 1);
}

#[tokio::test]
async fn faults_and_profiles_can_be_ordered() {
    let mock = mock().await;
    let ordered = admin(&mock, "POST", "faults", r#"{"kinds":["503","reset-before","empty"]}"#);
    assert_eq!(ordered.json(), json!({"ordered": 3, "tables": 0}));
    assert_eq!(ask(&mock, &get(1)).status, 503);
    let mut stream = connect(&mock);
    stream.write_all(&get(1)).unwrap();
    assert!(receive(&mut stream).is_err());
    assert_eq!(ask(&mock, &get(1)).body.len(), 0);
    assert_eq!(ask(&mock, &get(1)).status, 200);

    let wrong = admin(&mock, "POST", "faults", r#"{"kinds":["time-out"]}"#);
    wrong.assert_refused(400);
    assert!(wrong.json()[0]["message"].as_str().unwrap().contains("`timeout`"), "{wrong:?}");
    admin(&mock, "POST", "faults", "").assert_refused(400);

    let profile = admin(&mock, "POST", "profile", r#"{"name":"constant"}"#);
    assert_eq!(profile.json(), json!({"profile": "constant"}));
    assert_eq!(shown(&mock, "state")["profile"], "constant");
    let wrong = admin(&mock, "POST", "profile", r#"{"name":"const"}"#);
    wrong.assert_refused(400);
    assert!(wrong.json()[0]["message"].as_str().unwrap().contains("`constant`"), "{wrong:?}");
}

#[tokio::test]
async fn a_shutdown_is_answered_and_cuts_what_is_in_flight() {
    let mock = NeonMock::builder().profile("constant").start().await;
    let mut in_flight = connect(&mock);
    in_flight.write_all(&get(1)).unwrap();
    while mock.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    let answer = admin(&mock, "POST", "shutdown", "");
    assert_eq!((answer.status, answer.json()), (200, json!({"in_flight": 1})));
    mock.stopped().await;
    assert_eq!(mock.in_flight(), 1, "it was cut");
    assert!(matches!(in_flight.read(&mut [0]), Ok(0) | Err(_)), "no answer was due");
    assert!(TcpStream::connect(mock.addr()).is_err(), "the port is closed");
    assert_eq!(mock.calls().total(), 1, "it can still be looked at");
}

#[tokio::test]
async fn faults_are_ordered_by_status_and_by_rule() {
    let mock = mock().await;
    let order = |body: Value| admin(&mock, "POST", "faults", &body.to_string());
    let answered = order(json!({
        "kinds": ["503"],
        "statuses": [418],
        "tables": [
            {"status": 429, "endpoints": ["PATCH /accounts/{id}"], "records": [7], "first": 2},
            {"kind": "500", "classes": ["search"], "every": 2},
        ],
    }));
    assert_eq!((answered.status, answered.json()), (200, json!({"ordered": 2, "tables": 2})));
    let statuses = |calls: &[Vec<u8>]| -> Vec<u16> {
        calls.iter().map(|call| ask(&mock, call).status).collect()
    };
    assert_eq!(statuses(&[get(1), get(1), get(1)]), [503, 418, 200]);
    let body = br#"{"individualAccount":{"accountCustomFields":[{"id":"88","value":"new"}]}}"#;
    let patch = |id: u64| with_body("PATCH", &format!("/v2/accounts/{id}"), "", body);
    assert_eq!(statuses(&[patch(7), patch(8), patch(7), patch(7)]), [429, 200, 429, 200]);
    assert_eq!(mock.calls().rejected(), 2);
    let search = with_body(
        "POST",
        "/v2/accounts/search",
        "",
        br#"{"outputFields":["Account ID"],
        "searchFields":[{"field":"Account ID","operator":"NOT_BLANK"}]}"#,
    );
    assert_eq!(statuses(&[search.clone(), search.clone(), search]), [200, 500, 200]);

    for wrong in [
        json!({"statuses": [42]}),
        json!({"tables": [{"status": 429}]}),
        json!({"tables": [{"kind": "500", "status": 500, "first": 1}]}),
        json!({"tables": [{"kind": "500", "endpoints": ["GET /nowhere"], "first": 1}]}),
        json!({"sorts": []}),
    ] {
        order(wrong).assert_refused(400);
    }
    // A reset ends them, and in Rust there is the same.
    assert_eq!(admin(&mock, "POST", "reset", "").status, 200);
    mock.add_fault(&WireFault { status: Some(429), first: Some(1), ..WireFault::default() });
    assert_eq!(statuses(&[patch(7), patch(7)]), [429, 200]);
}

#[tokio::test]
async fn a_profile_can_be_posted_as_toml() {
    let mock = mock().await;
    let (_, constant) = BUILT_IN.iter().find(|(name, _)| *name == "constant").unwrap();
    let toml = constant.replace("200ms", "1ms");
    let posted = admin(&mock, "POST", "profile", &toml);
    assert_eq!((posted.status, posted.json()), (200, json!({"profile": "posted"})));
    assert_eq!(mock.with_neon(|neon| neon.profile().limits().pools[0]), Some(5));
    let wrong = admin(&mock, "POST", "profile", &toml.replace("pool = 5", "pool = 0"));
    wrong.assert_refused(400);
    let message = wrong.json()[0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("posted, line") && message.contains("limits.pool"), "{message}");
    assert_eq!(mock.with_neon(|neon| neon.profile().name().to_owned()), "posted");
    let named = admin(&mock, "POST", "profile", r#"{"name": "constant"}"#);
    assert_eq!(named.json(), json!({"profile": "constant"}));
}

#[tokio::test]
async fn the_journal_has_queries_and_bodies_and_shows_values_only_when_asked() {
    let mock = mock().await;
    write(&mock);
    ask(&mock, &with_body("PATCH", "/v2/accounts/7", "", b"secret, no JSON"));
    let list = format!(
        "GET /v2/accounts?email=a%40b.org&pageSize=5 HTTP/1.1\r\nhost: x\r\n{}\r\n",
        super::raw::LET_IN
    );
    ask(&mock, list.as_bytes());
    let hidden = shown(&mock, "journal")["calls"].clone();
    assert_eq!(hidden[0]["query"], "email=…&pageSize=…");
    assert_eq!((&hidden[1]["body"], &hidden[1]["status"]), (&json!("…"), &json!(400)));
    assert!(hidden[1]["error"][0]["message"].as_str().unwrap().starts_with("body: "));
    let expected =
        json!({"individualAccount": {"accountCustomFields": [{"id": "…", "value": "…"}]}});
    assert_eq!((&hidden[2]["body"], &hidden[2]["error"]), (&expected, &Value::Null));
    assert!(!hidden.to_string().contains("secret"), "{hidden}");

    let open = shown(&mock, "journal?values=true")["calls"].clone();
    assert_eq!(open[0]["query"], "email=a%40b.org&pageSize=5");
    assert_eq!(open[1]["body"], "secret, no JSON");
    assert_eq!(open[2]["body"]["individualAccount"]["accountCustomFields"][0]["value"], "new");
    let calls = mock.journal();
    assert!(calls[0].body.as_deref().unwrap().contains("new"));
}

/// Every route of the description is there, and takes no other verb.
#[tokio::test]
async fn the_description_is_of_routes_that_answer() {
    let mock = mock().await;
    let description = shown(&mock, "openapi.json");
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    for (path, verbs) in description["paths"].as_object().unwrap() {
        let route = path.strip_prefix("/__mock/").unwrap();
        for (verb, other) in [("GET", "POST"), ("POST", "GET")] {
            if verbs.get(verb.to_lowercase()).is_none() || route == "shutdown" {
                continue;
            }
            let status = admin(&mock, verb, route, "").status;
            assert!(![401, 405, 500].contains(&status), "{verb} {route}: {status}");
            assert!(status != 404 || route == "restore", "{verb} {route}: {status}");
            admin(&mock, other, route, "").assert_refused(405);
        }
    }
    admin(&mock, "GET", "openapi", "").assert_refused(404);
}

#[tokio::test]
async fn a_reset_with_a_seed_makes_the_organisation_of_that_seed() {
    let mock = mock().await;
    let digest = || shown(&mock, "state")["digest"].clone();
    let first = digest();
    write(&mock);
    let reset = |body: &str| admin(&mock, "POST", "reset", body);
    assert_eq!(reset(r#"{"seed": 2}"#).json(), json!({"seed": 2}));
    let other = NeonMock::builder().profile("unlimited").seed(2).start().await;
    assert_eq!(digest(), shown(&other, "state")["digest"]);
    assert_ne!(digest(), first);
    assert_eq!(shown(&mock, "counters")["total"], 0);
    assert_eq!(reset("").json(), json!({"seed": 1}), "that of the start");
    assert_eq!(digest(), first);
    mock.reset_to_seed(2);
    assert_eq!(digest(), shown(&other, "state")["digest"]);
    mock.reset();
    assert_eq!(digest(), first);
    for wrong in [r#"{"seed": -1}"#, r#"{"seed": "1"}"#, r#"{"sed": 1}"#, "["] {
        reset(wrong).assert_refused(400);
    }
}

#[tokio::test]
async fn a_snapshot_is_restored_as_often_as_one_likes() {
    let mock = mock().await;
    let post = |route: &str, body: &str| admin(&mock, "POST", route, body);
    post("restore", "").assert_refused(404);
    let patch = |value: &str| {
        let body =
            json!({"individualAccount": {"accountCustomFields": [{"id": "88", "value": value}]}});
        let status =
            ask(&mock, &with_body("PATCH", "/v2/accounts/7", "", body.to_string().as_bytes()))
                .status;
        assert_eq!(status, 200);
    };
    patch("one");
    let one = shown(&mock, "state");
    let counters = shown(&mock, "counters");
    assert_eq!(post("snapshot", r#"{"name": "one"}"#).json(), json!({"snapshot": "one"}));
    for _ in 0..2 {
        patch("two");
        ask(&mock, b"GET /v2/accounts/1 HTTP/1.1\r\nhost: x\r\n\r\n");
        mock.fail_next(503);
        mock.set_profile("constant");
        assert_ne!(shown(&mock, "state"), one);
        assert_eq!(post("restore", r#"{"name": "one"}"#).json(), json!({"snapshot": "one"}));
        assert_eq!(
            (shown(&mock, "state"), shown(&mock, "counters")),
            (one.clone(), counters.clone())
        );
        assert_eq!(shown(&mock, "journal"), json!({"calls": []}));
    }
    let message = post("restore", r#"{"name": "two"}"#).json()[0]["message"].to_string();
    assert!(message.contains("`one`"), "{message}");

    // A reset leaves snapshots alone, and the name of one can be taken again.
    assert_eq!(post("reset", "").status, 200);
    assert_eq!(post("snapshot", r#"{"name": "one"}"#).status, 200);
    patch("three");
    mock.restore("one");
    assert_eq!(shown(&mock, "state")["changed_accounts"], 0);
    for other in 1..16 {
        assert_eq!(post("snapshot", &json!({"name": other.to_string()}).to_string()).status, 200);
    }
    post("snapshot", r#"{"name": "one too many"}"#).assert_refused(400);
    mock.snapshot("one");
}
