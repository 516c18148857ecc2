//! Starting and stopping the mock.

use super::raw::{ask, get};
use neon_mock::profile::{BUILT_IN, Profile};
use neon_mock::{NeonMock, ServeError, ServedCall, StartError};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A profile on which every call takes an hour.
fn an_hour() -> Profile {
    let constant = BUILT_IN.iter().find(|(name, _)| *name == "constant").unwrap().1;
    Profile::from_toml("an-hour", &constant.replace("\"200ms\"", "\"1h\"")).unwrap()
}

/// Sends a GET and returns without reading the answer.
fn send_get(mock: &NeonMock) -> TcpStream {
    let mut stream = TcpStream::connect(mock.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = "GET /v2/accounts/1 HTTP/1.1\r\nhost: x\r\nauthorization: Basic ZGVtbzpkZW1v\r\n";
    stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
    stream
}

#[tokio::test]
async fn dropping_it_cuts_calls_in_flight_and_frees_the_port() {
    let mock = NeonMock::builder().profile(an_hour()).start().await;
    let addr = mock.addr();
    let mut in_flight = send_get(&mock);
    let mut half_sent = TcpStream::connect(addr).unwrap();
    half_sent.write_all(b"GET /v2/acc").unwrap();
    while mock.calls().total() == 0 {
        tokio::task::yield_now().await;
    }
    drop(mock);
    assert!(matches!(in_flight.read(&mut [0; 1]), Ok(0) | Err(_)), "no answer was due");
    assert!(matches!(half_sent.read(&mut [0; 1]), Ok(0) | Err(_)), "no answer was due");
    assert!(TcpStream::connect(addr).is_err(), "the port is closed");
}

#[test]
fn it_outlives_the_runtime_that_started_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mock = runtime.block_on(NeonMock::builder().profile("unlimited").start());
    drop(runtime);
    let mut answer = [0; 15];
    send_get(&mock).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = NeonMock::start().await;
    let error = NeonMock::builder().addr(first.addr()).try_start().await.unwrap_err();
    let StartError::Serve(ServeError::AddressInUse { addr }) = &error else { panic!("{error}") };
    assert_eq!(*addr, first.addr());
    assert!(error.to_string().contains("already in use"), "{error}");
}

#[tokio::test]
async fn mistakes_are_named_with_what_would_be_right() {
    let error = NeonMock::builder().profile("documentd").try_start().await.unwrap_err();
    assert!(error.to_string().contains("`documentd`; there are `documented`, `per-second`"));
    let error = NeonMock::builder().dataset("plane").try_start().await.unwrap_err();
    assert!(error.to_string().contains("no built-in dataset `plane`"));
    let error = NeonMock::builder().credentials("a:b", "c").try_start().await.unwrap_err();
    assert!(matches!(error, StartError::OrgId { .. }));
}

#[tokio::test]
#[should_panic(expected = "there is no built-in profile `documentd`; there are `documented`")]
async fn a_test_with_a_wrong_name_panics_with_the_right_ones() {
    drop(NeonMock::builder().profile("documentd").start().await);
}

#[tokio::test]
async fn a_mock_that_has_lived_in_virtual_time_goes_on() {
    use neon_mock::api::{AccountId, Request};
    use neon_mock::time::Timestamp;
    let mut neon = NeonMock::builder().profile("unlimited").start().await.with_neon(Clone::clone);
    neon.handle(Timestamp::from_nanos(u64::MAX / 2), &Request::GetAccount(AccountId(1)));
    let mock = NeonMock::builder().neon(neon).start().await;
    let mut answer = [0; 15];
    send_get(&mock).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    assert_eq!(mock.calls().total(), 2);
}

#[tokio::test]
async fn secrets_stay_out_of_debug_output() {
    let builder = NeonMock::builder().credentials("org", "s3cret");
    assert!(!format!("{builder:?}").contains("s3cret"));
    assert!(!format!("{:?}", builder.start().await).contains("s3cret"));
}

/// An observer's bug stands for one of the mock: both run on the server's thread.
#[tokio::test]
async fn a_call_that_panics_is_answered_500_and_the_next_one_as_ever() {
    let first = AtomicBool::new(true);
    let observer = move |_: &ServedCall| assert!(!first.swap(false, Ordering::Relaxed), "planted");
    let mock = NeonMock::builder().profile("unlimited").observer(observer).start().await;
    for status in [500, 200, 200] {
        assert_eq!(ask(&mock, &get(1)).status, status);
    }
    assert_eq!(mock.calls().total(), 3);
}
