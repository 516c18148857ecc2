//! Hostile requests: each gets a proper refusal or a closed connection, and the next
//! client is answered.

use super::raw::{LET_IN, ask, assert_lives, connect, get, headers, receive, try_ask, with_body};
use neon_mock::NeonMock;
use neon_mock::profile::{BUILT_IN, Profile};
use std::io::{ErrorKind, Read as _, Write as _};
use std::time::Duration;

async fn unlimited() -> NeonMock {
    NeonMock::builder().profile("unlimited").start().await
}

/// A mock that loses patience soon.
async fn impatient() -> NeonMock {
    NeonMock::builder().profile("unlimited").patience(Duration::from_millis(400)).start().await
}

fn patch(headers: &str, body: &[u8]) -> Vec<u8> {
    with_body("PATCH", "/v2/accounts/1", headers, body)
}

const WRITE: &[u8] = br#"{"individualAccount":{"accountCustomFields":[]}}"#;

#[tokio::test]
async fn bodies_over_the_limit_are_413() {
    let mock = unlimited().await;
    let head = |framing: &str| {
        format!("PATCH /v2/accounts/1 HTTP/1.1\r\nhost: x\r\n{LET_IN}{framing}\r\n\r\n")
    };
    // Declared, and never sent.
    ask(&mock, head("content-length: 10000000000").as_bytes()).assert_refused(413);
    let expecting = head("content-length: 2000000\r\nexpect: 100-continue");
    ask(&mock, expecting.as_bytes()).assert_refused(413);
    // Sent in one piece, in chunks, and one byte too long.
    ask(&mock, &patch("", &vec![b' '; 4 << 20])).assert_refused(413);
    ask(&mock, &patch("", &vec![b' '; (1 << 20) + 1])).assert_refused(413);
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    let chunked = head("transfer-encoding: chunked") + &chunk.repeat(32) + "0\r\n\r\n";
    ask(&mock, chunked.as_bytes()).assert_refused(413);
    // The longest body that may be.
    let mut longest = vec![b' '; (1 << 20) - WRITE.len()];
    longest.extend_from_slice(WRITE);
    assert_eq!(ask(&mock, &patch("", &longest)).status, 200);
    assert_lives(&mock);
}

#[tokio::test]
async fn bodies_that_are_no_json_are_400() {
    let mock = unlimited().await;
    let nested = |open: &str, close: &str, depth: usize| open.repeat(depth) + &close.repeat(depth);
    for body in [
        b"".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"{\"individualAccount\":{\"name\":\"\xff\xfe\"}}".to_vec(),
        vec![0; 1000],
        nested("[", "]", 500_000).into_bytes(),
        nested("{\"individualAccount\":", "}", 40_000).into_bytes(),
    ] {
        ask(&mock, &patch("content-type: application/json\r\n", &body)).assert_refused(400);
    }
    // Unknown members may be as deep as they like: they are skipped without a stack.
    let deep = format!("{{\"individualAccount\":{{\"x\":{}}}}}", nested("[", "]", 400_000));
    let answer = ask(&mock, &patch("", deep.as_bytes()));
    assert!(matches!(answer.status, 200 | 400), "{answer:?}");
    assert_lives(&mock);
}

#[tokio::test]
async fn only_json_is_taken_for_a_write() {
    let mock = unlimited().await;
    for wrong in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"] {
        let headers = format!("content-type: {wrong}\r\n");
        ask(&mock, &patch(&headers, WRITE)).assert_refused(415);
        ask(&mock, &with_body("POST", "/v2/accounts/search", &headers, b"a=b")).assert_refused(415);
    }
    for right in
        ["", "content-type: application/json\r\n", "Content-Type: Application/JSON;x=y\r\n"]
    {
        assert_eq!(ask(&mock, &patch(right, WRITE)).status, 200, "{right}");
    }
    // The content type of a read does not matter.
    let read = with_body("GET", "/v2/accounts/1", "content-type: text/plain\r\n", b"");
    assert_eq!(ask(&mock, &read).status, 200);
    assert_eq!(mock.undecodable(), 6);
}

#[tokio::test]
async fn floods_of_headers_are_431_or_cut() {
    let mock = unlimited().await;
    let with = |headers: &str| format!("GET /v2/accounts/1 HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    for request in [
        with(&headers(10_000)),
        with(&headers(200)),
        with(&format!("x: {}\r\n", "y".repeat(1 << 20))),
        format!("GET /v2/{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20)),
    ] {
        if let Some(answer) = try_ask(&mock, request.as_bytes()) {
            assert!(matches!(answer.status, 414 | 431), "{answer:?}");
        }
    }
    assert_lives(&mock);
}

#[tokio::test]
async fn what_is_no_http_is_400_or_cut() {
    let mock = unlimited().await;
    let head = "PATCH /v2/accounts/1 HTTP/1.1\r\nhost: x\r\n";
    for request in [
        "\0\x01\x02\x03\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET /v2/accounts/1 HTTP/9.9\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{7c}\x03\x03".to_owned() + &"a".repeat(500) + "\r\n\r\n",
        format!("{head}content-length: -1\r\n\r\n"),
        format!("{head}content-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        format!("{head}content-length: 99999999999999999999999\r\n\r\n"),
        format!("{head}{LET_IN}transfer-encoding: chunked\r\n\r\nzz\r\n"),
        format!("{head}{LET_IN}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        format!("{head}x y: z\r\n\r\n"),
    ] {
        if let Some(answer) = try_ask(&mock, request.as_bytes()) {
            let status = answer.status;
            assert!((400..500).contains(&status) || status == 505, "{request}: {answer:?}");
        }
    }
    assert_eq!(mock.calls().total(), 0);
    assert_lives(&mock);
}

#[tokio::test]
async fn other_versions_and_verbs_are_answered_sensibly() {
    let mock = unlimited().await;
    let with = |verb: &str, version: &str| {
        ask(&mock, format!("{verb} /v2/accounts/1 {version}\r\nhost: x\r\n{LET_IN}\r\n").as_bytes())
    };
    let old = with("GET", "HTTP/1.0");
    assert!(old.head.starts_with("HTTP/1.0 200 OK\r\n"), "{}", old.head);
    for verb in ["DELETE", "OPTIONS", "TRACE", "BREW"] {
        with(verb, "HTTP/1.1").assert_refused(405);
    }
    // A HEAD has no body, whatever its length would be: the next call's answer follows at once.
    let mut stream = connect(&mock);
    let head = format!("HEAD /v2/accounts/1 HTTP/1.1\r\nhost: x\r\n{LET_IN}\r\n");
    stream.write_all(&[head.as_bytes(), b"GET /x HTTP/1.0\r\n\r\n"].concat()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (_, next) = text.split_once("\r\n\r\n").unwrap();
    assert!(text.starts_with("HTTP/1.1 405 ") && next.starts_with("HTTP/1.0 404 "), "{text}");
}

#[tokio::test]
async fn slow_heads_are_cut_and_slow_bodies_are_408() {
    let mock = impatient().await;
    let silent = connect(&mock);
    let mut half = connect(&mock);
    half.write_all(b"GET /v2/accounts/1 HTTP/1.1\r\nhost: x\r\nx-").unwrap();
    let mut idle = connect(&mock);
    idle.write_all(&get(1)).unwrap();
    assert_eq!(receive(&mut idle).unwrap().unwrap().status, 200);

    let mut body = connect(&mock);
    let whole = patch("", WRITE);
    body.write_all(&whole[..whole.len() - 5]).unwrap();
    receive(&mut body).unwrap().unwrap().assert_refused(408);
    for mut stream in [silent, half, idle, body] {
        // A read that timed out after 20 s would be neither.
        let end = stream.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
        assert!(matches!(end, Ok(_) | Err(ErrorKind::ConnectionReset)), "{end:?}");
    }
    assert_lives(&mock);
}

#[tokio::test]
async fn a_body_in_drips_has_one_deadline_not_one_for_each_drip() {
    let mock = impatient().await;
    let mut stream = connect(&mock);
    let whole = patch("", &[WRITE, &[b' '; 200]].concat());
    let (start, drips) = whole.split_at(whole.len() - 200);
    stream.write_all(start).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut sent = 0;
    let answer = loop {
        if let Ok(answer) = receive(&mut stream) {
            break answer;
        }
        stream.write_all(&drips[sent..=sent]).unwrap();
        sent += 1;
    };
    answer.unwrap().assert_refused(408);
    assert!(sent < 100, "{sent}");
}

#[tokio::test]
async fn pipelined_calls_are_answered_in_their_order() {
    let mock = NeonMock::builder().profile("constant").start().await;
    mock.set_profile("unlimited");
    let mut stream = connect(&mock);
    let requests: Vec<u8> = (1..=40).chain([99]).flat_map(get).collect();
    stream.write_all(&requests).unwrap();
    for id in 1..=40 {
        let answer = receive(&mut stream).unwrap().unwrap();
        let account = &answer.json()["individualAccount"]["accountId"];
        assert_eq!(account, &serde_json::json!(id.to_string()));
    }
    receive(&mut stream).unwrap().unwrap().assert_refused(404);
    assert_eq!((mock.calls().total(), mock.calls().failed()), (41, 1));
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_is_forgotten() {
    let constant = BUILT_IN.iter().find(|(name, _)| *name == "constant").unwrap().1;
    let an_hour = constant.replace("\"200ms\"", "\"1h\"");
    let profile = Profile::from_toml("an-hour", &an_hour).unwrap();
    let mock = NeonMock::builder().profile(profile).start().await;
    for _ in 0..5 {
        let mut waiting = connect(&mock);
        waiting.write_all(&get(1)).unwrap();
        let mut half_sent = connect(&mock);
        let whole = patch("", WRITE);
        half_sent.write_all(&whole[..whole.len() - 5]).unwrap();
        while mock.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        drop((waiting, half_sent));
        while mock.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    }
    // Neon would not notice either: the slots stay taken.
    ask(&mock, &get(1)).assert_refused(429);
}
