//! Webhooks over real HTTP: subscriptions, and posts to a receiver on this machine.

use crate::client::client;
use neon_mock::NeonMock;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

async fn call(mock: &NeonMock, verb: &str, target: &str, body: Value) -> (u16, Value) {
    let (org_id, api_key) = mock.credentials();
    let url = format!("{}{target}", mock.base_url());
    let verb = Method::from_bytes(verb.as_bytes()).unwrap();
    let request = client().request(verb, url).basic_auth(org_id, Some(api_key));
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// A receiver that answers each post with `status`: its address, and the posts as they come.
#[expect(clippy::disallowed_methods, reason = "a server of its own beside the test")]
async fn receiver(status: &'static str) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=1", listener.local_addr().unwrap());
    let (sender, posts) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            sender.send(String::from_utf8(request).unwrap()).unwrap();
        }
    });
    (url, posts)
}

/// True once the body is as long as its head says.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

/// The end of every post: delivered, or not.
#[expect(clippy::disallowed_methods, reason = "posts come by the wall clock")]
async fn ended(mock: &NeonMock, posts: u64) -> (u64, u64) {
    loop {
        let (delivered, lost) = mock.webhook_posts();
        if delivered + lost >= posts {
            return (delivered, lost);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const CHANGE: &str =
    r#"{"individualAccount": {"accountCustomFields": [{"id": "87", "value": "new"}]}}"#;

fn change() -> Value {
    serde_json::from_str(CHANGE).unwrap()
}

#[tokio::test]
async fn a_subscription_is_kept_changed_and_ended() {
    let mock = NeonMock::builder().profile("unlimited").dataset("plain").start().await;
    let hook = json!({"name": "doors", "url": "http://127.0.0.1:1/", "trigger": "UPDATE_ACCOUNT"});
    assert_eq!(call(&mock, "POST", "/webhooks", json!({"name": "doors"})).await.0, 400);
    let (status, made) = call(&mock, "POST", "/webhooks", hook.clone()).await;
    assert_eq!((status, &made), (200, &json!({"id": "1"})));
    let mut kept = hook.clone();
    kept["id"] = "1".into();
    kept["customParameters"] = Value::Null;
    assert_eq!(call(&mock, "GET", "/webhooks", Value::Null).await.1, json!([kept]));
    let parameters = json!([{"name": "zone", "value": "north"}]);
    let patch = json!({"customParameters": parameters, "triggerSelfImport": true});
    assert_eq!(call(&mock, "PATCH", "/webhooks/1", patch).await.0, 200);
    let (_, patched) = call(&mock, "GET", "/webhooks/1", Value::Null).await;
    assert_eq!((&patched["customParameters"], &patched["name"]), (&parameters, &"doors".into()));
    assert_eq!(call(&mock, "PUT", "/webhooks/1", hook).await.0, 200);
    assert_eq!(call(&mock, "GET", "/webhooks/1", Value::Null).await.1, kept);
    assert_eq!(call(&mock, "DELETE", "/webhooks/1", Value::Null).await.0, 200);
    for verb in ["GET", "DELETE"] {
        assert_eq!(call(&mock, verb, "/webhooks/1", Value::Null).await.0, 404);
    }
}

#[tokio::test]
async fn a_write_is_posted_with_the_account_and_the_parameters() {
    let mock = NeonMock::builder().profile("unlimited").dataset("plain").start().await;
    let (url, mut posts) = receiver("200 OK").await;
    let hook = json!({
        "name": "doors", "url": url, "trigger": "UPDATE_ACCOUNT",
        "httpBasic": {"userName": "a", "password": "b"},
        "customParameters": [{"name": "zone", "value": "north"}],
    });
    call(&mock, "POST", "/webhooks", hook).await;
    call(&mock, "PATCH", "/accounts/7", change()).await;
    let post = posts.recv().await.unwrap();
    assert!(post.starts_with("POST /hook?key=1 HTTP/1.1\r\n"), "{post}");
    assert!(post.contains("authorization: Basic YTpi\r\n"), "{post}");
    let body: Value = serde_json::from_str(post.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["eventTrigger"], "editAccount");
    assert_eq!(body["customParameters"], json!({"zone": "north"}));
    let account = &body["data"]["individualAccount"];
    assert_eq!(account["accountId"], "7");
    let items = account["accountCustomFields"].as_array().unwrap();
    assert!(items.iter().any(|item| item["value"] == "new"), "{items:?}");
    // A read fires nothing, a new account nothing for this trigger, and a refused write nothing.
    call(&mock, "GET", "/accounts/7", Value::Null).await;
    call(&mock, "POST", "/accounts", change()).await;
    call(&mock, "PATCH", "/accounts/999999", change()).await;
    assert_eq!(ended(&mock, 1).await, (1, 0));
}

#[tokio::test]
async fn nobody_waits_for_a_receiver_and_only_this_machine_is_one() {
    let mock = NeonMock::builder().profile("unlimited").dataset("plain").start().await;
    let (refusing, _posts) = receiver("500 Internal Server Error").await;
    for url in ["http://example.org/", "http://192.0.2.1/", "http://127.0.0.1:1/", &refusing] {
        let hook = json!({"name": "x", "url": url, "trigger": "UPDATE_ACCOUNT"});
        call(&mock, "POST", "/webhooks", hook).await;
    }
    assert_eq!(call(&mock, "PATCH", "/accounts/7", change()).await.0, 200);
    assert_eq!(ended(&mock, 4).await, (0, 4));
}

#[tokio::test]
async fn the_writes_that_fire_are_a_knob() {
    let (_, unlimited) =
        neon_mock::profile::BUILT_IN.iter().find(|(name, _)| *name == "unlimited").unwrap();
    for (knob, expected) in [("every", 2), ("self-import", 1), ("people", 0)] {
        let text = format!("{unlimited}\n[behaviour]\nwebhook_writes = \"{knob}\"\n");
        let profile = neon_mock::profile::Profile::from_toml("knob.toml", &text).unwrap();
        let mock = NeonMock::builder().profile(profile).dataset("plain").start().await;
        let (url, mut posts) = receiver("200 OK").await;
        for of_import in [false, true] {
            let hook = json!({
                "name": "x", "url": url, "trigger": "UPDATE_ACCOUNT", "triggerSelfImport": of_import,
            });
            call(&mock, "POST", "/webhooks", hook).await;
        }
        call(&mock, "PATCH", "/accounts/7", change()).await;
        for _ in 0..expected {
            posts.recv().await.unwrap();
        }
        assert_eq!(ended(&mock, expected).await, (expected, 0), "{knob}");
    }
}
