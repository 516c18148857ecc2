//! The mock mounted on a `wiremock::MockServer`.

use crate::client::{builder, client};
use neon_mock::NeonMock;
use neon_mock::fault::FaultKind;
use std::time::Duration;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn status(server: &MockServer, target: &str) -> u16 {
    let request = client().get(format!("{}{target}", server.uri()));
    request.basic_auth("demo", Some("demo")).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn it_answers_with_the_state_of_its_neon_mock() {
    let server = MockServer::start().await;
    let neon = NeonMock::builder().profile("unlimited").start().await;
    neon.mount_on(&server).await;
    let url = format!("{}/v2/accounts/1", server.uri());
    let body = r#"{"individualAccount":{"accountCustomFields":[{"id":"88","value":"new"}]}}"#;
    let patch = client().patch(&url).basic_auth("demo", Some("demo")).body(body);
    let answer = patch.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(&answer.bytes().await.unwrap()[..], br#"{"accountId":"1"}"#);
    let items = neon.account(1).unwrap().body.account_custom_fields.unwrap();
    assert_eq!(items[3].name.as_deref(), Some("T-1"));
    assert_eq!(neon.calls().total(), 1);
}

#[tokio::test]
async fn rules_are_those_of_the_server() {
    let server = MockServer::start().await;
    let neon = NeonMock::builder().profile("unlimited").start().await;
    neon.mount_on(&server).await;
    let anonymous = client().get(format!("{}/v2/accounts/1", server.uri()));
    assert_eq!(anonymous.send().await.unwrap().status(), 401);
    assert_eq!(status(&server, "/v2/accounts/none").await, 404);
    assert_eq!(status(&server, "/accounts/1").await, 404);
    neon.fail_next(503);
    assert_eq!(status(&server, "/v2/accounts/1").await, 503);
    assert_eq!((neon.calls().total(), neon.unauthorized(), neon.undecodable()), (1, 1, 1));
}

#[tokio::test]
async fn a_test_s_own_expectations_come_first() {
    let server = MockServer::start().await;
    let neon = NeonMock::builder().profile("unlimited").start().await;
    neon.mount_on(&server).await;
    Mock::given(method("GET"))
        .and(path("/v2/accounts/2"))
        .respond_with(ResponseTemplate::new(418))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(status(&server, "/v2/accounts/2").await, 418);
    assert_eq!(status(&server, "/v2/accounts/3").await, 200);
    assert_eq!(neon.calls().total(), 1);
}

#[tokio::test]
async fn answers_are_delayed_and_pools_hold() {
    let server = MockServer::start().await;
    let neon = NeonMock::builder().profile("constant").start().await;
    neon.mount_on(&server).await;
    let http = client();
    let status = async || {
        let request = http.get(format!("{}/v2/customFields/85", server.uri()));
        request.basic_auth("demo", Some("demo")).send().await.unwrap().status().as_u16()
    };
    #[expect(clippy::disallowed_methods, reason = "the delay is what is tested")]
    let start = std::time::Instant::now();
    let answers = tokio::join!(status(), status(), status(), status(), status(), status());
    assert!(start.elapsed() >= Duration::from_millis(100), "{:?}", start.elapsed());
    let mut statuses = <[u16; 6]>::from(answers);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
}

#[tokio::test]
async fn faults_come_as_close_as_wiremock_can() {
    let server = MockServer::start().await;
    let neon = NeonMock::builder().profile("unlimited").start().await;
    neon.mount_on(&server).await;
    let get = async |kind| {
        neon.fault_next(kind);
        let request = client().get(format!("{}/v2/accounts/1", server.uri()));
        request.basic_auth("demo", Some("demo")).send().await.unwrap()
    };
    let reset = get(FaultKind::ResetAfter).await;
    assert_eq!((reset.status().as_u16(), reset.bytes().await.unwrap().len()), (502, 0));
    let malformed = get(FaultKind::Malformed).await;
    assert_eq!(malformed.headers()["content-type"], "text/html");
    assert_eq!(get(FaultKind::Empty).await.bytes().await.unwrap().len(), 0);
    let truncated = get(FaultKind::Truncated).await.bytes().await.unwrap();
    assert!(!truncated.is_empty());
    assert!(serde_json::from_slice::<serde_json::Value>(&truncated).is_err());

    neon.fault_next(FaultKind::Timeout);
    let impatient = builder().timeout(Duration::from_millis(200)).build().unwrap();
    let request = impatient.get(format!("{}/v2/accounts/1", server.uri()));
    let error = request.basic_auth("demo", Some("demo")).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}
