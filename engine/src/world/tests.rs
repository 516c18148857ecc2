//! A client makes the same of a fault in both worlds.

use super::{HttpTransport, InProcess, Target, VirtualClock};
use crate::transport::{Transport, TransportError};
use neon_mock::api::{
    Account, AccountBody, AccountId, AccountKind, CustomFieldItem, FieldId, Request, Response,
    Value,
};
use neon_mock::dataset::Dataset;
use neon_mock::fault::FaultKind;
use neon_mock::org::Organisation;
use neon_mock::profile::Profile;
use neon_mock::{Neon, NeonMock};
use std::io::{Read as _, Write as _};
use std::time::Duration;

/// Longer than a slow body takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Timeout of the client in place of an answer that never comes.
const IMPATIENCE: Duration = Duration::from_secs(2);

fn neon() -> Neon {
    let organisation = Organisation::new(&Dataset::built_in("plain", 2).unwrap(), 10, 1);
    Neon::new(Profile::built_in("unlimited").unwrap(), organisation, 1)
}

fn requests() -> [Request; 2] {
    let text = Value::Text("new".into());
    let items = vec![CustomFieldItem::to_write(FieldId(85), false, Some(&text))];
    let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
    let account = Account { kind: AccountKind::Individual, body };
    [Request::GetAccount(AccountId(1)), Request::PatchAccount(AccountId(1), account)]
}

type Received = Result<Response, TransportError>;

/// The answer that the client received, and the digest of the organisation afterwards.
fn in_process(kind: FaultKind, request: &Request) -> (Received, String) {
    let mut neon = neon();
    neon.fail_next(kind);
    let clock = VirtualClock::new();
    let transport = InProcess::new(neon, clock.clone());
    let received = clock.run(transport.call(request)).unwrap();
    (received, transport.into_neon().organisation().digest())
}

async fn over_http(kind: FaultKind, request: &Request) -> (Received, String) {
    let mock = NeonMock::builder().neon(neon()).start().await;
    let (org_id, api_key) = mock.credentials();
    let target = Target::new(&mock.base_url(), org_id, api_key).unwrap();
    let timeout = if kind == FaultKind::Timeout { IMPATIENCE } else { PATIENCE };
    let transport = HttpTransport::with_timeout(target, timeout).unwrap();
    // The fault meets a connection that was in use before.
    transport.call(&Request::GetAccount(AccountId(2))).await.unwrap();
    mock.fault_next(kind);
    let received = transport.call(request).await;
    (received, mock.with_neon(|neon| neon.organisation().digest()))
}

/// The same but for the words of an error.
fn assert_same(over_http: &Received, in_process: &Received, what: &str) {
    let same = match (over_http, in_process) {
        (Ok(over_http), Ok(in_process)) => {
            // The calendar moves on while the test runs.
            over_http.status == in_process.status
                && std::mem::discriminant(&over_http.body)
                    == std::mem::discriminant(&in_process.body)
        }
        (Err(over_http), Err(in_process)) => {
            std::mem::discriminant(over_http) == std::mem::discriminant(in_process)
        }
        _ => false,
    };
    assert!(same, "{what}: over HTTP {over_http:?}, in process {in_process:?}");
}

#[tokio::test]
async fn faults_are_the_same_over_http_and_in_process() {
    let [get, patch] = requests();
    let cases = FaultKind::ALL.into_iter().flat_map(|kind| [(kind, &get), (kind, &patch)]);
    let check = async |(kind, request): (FaultKind, &Request)| {
        let what = format!("{} on {}", kind.name(), request.endpoint().name());
        let (in_process, digest) = in_process(kind, request);
        let (over_http, digest_over_http) = over_http(kind, request).await;
        assert_same(&over_http, &in_process, &what);
        assert_eq!(digest_over_http, digest, "{what}");
    };
    // Side by side: slow bodies take their time.
    futures_util::future::join_all(cases.map(check)).await;
}

/// A time for each read would never end such an answer: the client's time is for the whole of it.
#[tokio::test]
async fn an_answer_that_drips_is_given_up() {
    let body =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n[";
    for start in ["HTTP/1.1 200 OK\r\nx: ", body] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/v2", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let pause = Duration::from_millis(50);
            let bytes = IMPATIENCE.as_millis() * 5 / pause.as_millis();
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0, "a request comes first");
            stream.write_all(start.as_bytes()).unwrap();
            // A reader of the last of them finds a broken connection.
            let _ = (0..bytes).all(|_| {
                std::thread::park_timeout(pause);
                stream.write_all(b" ").is_ok()
            });
        });
        let target = Target::new(&base_url, "org", "key").unwrap();
        let transport = HttpTransport::with_timeout(target, IMPATIENCE).unwrap();
        let received = transport.call(&Request::GetAccount(AccountId(1))).await;
        assert_eq!(received.unwrap_err(), TransportError::Timeout, "{start}");
    }
}
