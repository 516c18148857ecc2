//! Faults as they reach a client, byte by byte.

use super::raw::{Answer, ask, assert_lives, connect, get, receive, with_body};
use neon_mock::NeonMock;
use neon_mock::fault::{FaultKind, SLOW_BODY};
use neon_mock::profile::{BUILT_IN, Profile};
use std::io::{ErrorKind, Read as _, Write as _};
use std::time::Duration;

const WRITE: &[u8] =
    br#"{"individualAccount":{"accountCustomFields":[{"id":"88","value":"new"}]}}"#;

async fn unlimited() -> NeonMock {
    NeonMock::builder().profile("unlimited").start().await
}

fn patch() -> Vec<u8> {
    with_body("PATCH", "/v2/accounts/7", "content-type: application/json\r\n", WRITE)
}

/// True if the write of [`patch`] was carried out.
fn is_written(mock: &NeonMock) -> bool {
    let account = mock.account(7).unwrap();
    account.body.custom_field("T-1").is_some_and(|item| item.value.as_deref() == Some("new"))
}

fn faulty(mock: &NeonMock, kind: FaultKind, request: &[u8]) -> Answer {
    mock.fault_next(kind);
    ask(mock, request)
}

#[tokio::test]
async fn errors_come_whole() {
    let mock = unlimited().await;
    for (kind, status) in [
        (FaultKind::InternalError, 500),
        (FaultKind::BadGateway, 502),
        (FaultKind::Unavailable, 503),
        (FaultKind::GatewayTimeout, 504),
        (FaultKind::Unauthorized, 401),
        (FaultKind::ErrorsUnderSuccess, 200),
    ] {
        let answer = faulty(&mock, kind, &get(1));
        answer.assert_refused(status);
        assert!(answer.head.contains("content-type: application/json\r\n"), "{}", answer.head);
    }
    // An error under 200 counts as no failure by its status.
    assert!(mock.calls().failed() >= 5, "{:?}", mock.calls());
}

#[tokio::test]
async fn bodies_go_wrong_in_their_own_ways() {
    let mock = unlimited().await;
    let whole = ask(&mock, &get(1));

    let empty = faulty(&mock, FaultKind::Empty, &get(1));
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    assert!(empty.head.contains("content-length: 0\r\n"), "{}", empty.head);

    let malformed = faulty(&mock, FaultKind::Malformed, &get(1));
    assert!(malformed.head.contains("content-type: text/html\r\n"), "{}", malformed.head);
    assert_eq!(malformed.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&malformed.body).is_err());

    let truncated = faulty(&mock, FaultKind::Truncated, &get(1));
    assert_eq!((truncated.status, truncated.body.len()), (200, whole.body.len() / 2));
    assert!(whole.body.starts_with(&truncated.body));
}

#[tokio::test]
async fn resets_are_resets_before_or_after_the_write() {
    let mock = unlimited().await;
    for (kind, applied) in [(FaultKind::ResetBefore, false), (FaultKind::ResetAfter, true)] {
        let mut stream = connect(&mock);
        // The connection is an old one: its first call went well.
        stream.write_all(&get(1)).unwrap();
        assert_eq!(receive(&mut stream).unwrap().unwrap().status, 200);
        mock.fault_next(kind);
        stream.write_all(&patch()).unwrap();
        let error = receive(&mut stream).expect_err("a reset is no clean end");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{kind:?}");
        assert_eq!(is_written(&mock), applied, "{kind:?}");
    }
    assert_lives(&mock);
}

#[tokio::test]
async fn a_reset_comes_when_the_answer_is_due() {
    let mock = NeonMock::builder().profile("constant").start().await;
    mock.fault_next(FaultKind::ResetBefore);
    let mut stream = connect(&mock);
    stream.write_all(&get(1)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let early = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(early, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{early:?}");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(receive(&mut stream).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_answer_that_never_comes_leaves_the_connection_open_and_the_write_done() {
    let mock = unlimited().await;
    mock.fault_next(FaultKind::Timeout);
    let mut stream = connect(&mock);
    stream.write_all(&patch()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let silence = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence:?}");
    assert!(is_written(&mock));
    assert_eq!(mock.in_flight(), 1);
    assert_lives(&mock);

    // The server lets go of the call when its client does.
    drop(stream);
    while mock.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    // Or when it stops itself.
    mock.fault_next(FaultKind::Timeout);
    let mut stream = connect(&mock);
    stream.write_all(&get(1)).unwrap();
    while mock.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    drop(mock);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
}

/// The time is a knob of the profile.
#[tokio::test]
async fn an_answer_that_never_comes_ends_its_connection_in_the_end() {
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "unlimited").unwrap();
    let text = format!("{text}\n[behaviour]\ntimeout_hold = \"50ms\"\n");
    let profile = Profile::from_toml("holds.toml", &text).unwrap();
    let mock = NeonMock::builder().profile(profile).start().await;
    mock.fault_next(FaultKind::Timeout);
    let mut stream = connect(&mock);
    stream.write_all(&get(1)).unwrap();
    assert!(matches!(receive(&mut stream), Ok(None)), "closed without an answer");
    assert_eq!(mock.in_flight(), 0);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the drips are what is tested")]
async fn a_slow_body_comes_in_drips_behind_its_head() {
    let mock = unlimited().await;
    let whole = ask(&mock, &get(1)).body.len();
    mock.fault_next(FaultKind::SlowBody);
    let start = std::time::Instant::now();
    let mut stream = connect(&mock);
    stream.write_all(&get(1)).unwrap();
    let (mut read, mut pieces, mut buffer) = (Vec::new(), 0, [0; 4096]);
    let mut first = None;
    let head_and_body = |read: &[u8]| {
        let head = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        Some(head + whole)
    };
    while head_and_body(&read).is_none_or(|end| read.len() < end) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the body was cut");
        first.get_or_insert_with(|| start.elapsed());
        read.extend_from_slice(&buffer[..count]);
        pieces += 1;
    }
    assert!(start.elapsed() >= SLOW_BODY, "{:?}", start.elapsed());
    assert!(first.unwrap() < SLOW_BODY / 5, "the head came after {first:?}");
    assert!(pieces > 5, "{pieces}");
    assert_lives(&mock);
}
