//! The mock over real HTTP, as a client meets it.

use crate::client::client;
use neon_mock::NeonMock;
use neon_mock::api::Endpoint;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

/// A call of the default organisation's own client.
async fn call(mock: &NeonMock, verb: Method, target: &str, body: Option<&Value>) -> Response {
    let (org_id, api_key) = mock.credentials();
    let mut request = client()
        .request(verb, format!("{}{target}", mock.base_url()))
        .basic_auth(org_id, Some(api_key));
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    request.send().await.unwrap()
}

async fn get(mock: &NeonMock, target: &str) -> Response {
    call(mock, Method::GET, target, None).await
}

/// The JSON of an answer that must be a success.
async fn json_of(response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// The status, and the code of the one error in the body.
async fn error_of(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    (status, body[0]["code"].as_str().unwrap().to_owned())
}

async fn unlimited() -> NeonMock {
    NeonMock::builder().profile("unlimited").start().await
}

#[tokio::test]
async fn only_the_organisation_s_own_key_comes_in() {
    let mock = NeonMock::builder().profile("unlimited").credentials("org", "key").start().await;
    let url = format!("{}/accounts/1", mock.base_url());
    let with = async |user: &str, password: &str| {
        error_of(client().get(&url).basic_auth(user, Some(password)).send().await.unwrap()).await
    };
    assert_eq!(error_of(client().get(&url).send().await.unwrap()).await, (401, "10".to_owned()));
    assert_eq!(with("org", "").await, (401, "10".to_owned()));
    assert_eq!(with("", "key").await, (401, "12".to_owned()));
    assert_eq!(with("org", "other").await, (401, "13".to_owned()));
    assert_eq!(with("other", "key").await, (401, "14".to_owned()));
    assert_eq!((mock.calls().total(), mock.unauthorized()), (0, 5));
    assert_eq!(get(&mock, "/accounts/1").await.status(), StatusCode::OK);
    assert_eq!((mock.calls().total(), mock.unauthorized()), (1, 5));
}

#[tokio::test]
async fn what_a_migration_calls_is_answered_and_counted() {
    let mock = unlimited().await;
    let account = json_of(get(&mock, "/accounts/7").await).await;
    let fields = &account["individualAccount"]["accountCustomFields"];
    assert_eq!(fields[0]["name"], "V-1");

    let list = json_of(get(&mock, "/accounts?currentPage=1&pageSize=20").await).await;
    assert_eq!(list["accounts"][0]["accountId"], "21");
    assert_eq!(list["pagination"]["totalResults"], 50);

    let search = json!({
        "searchFields": [{"field": "Account ID", "operator": "EQUAL", "value": "7"}],
        "outputFields": ["Account ID", "V-1"],
        "pagination": {"currentPage": 0, "pageSize": 200}
    });
    let found = json_of(call(&mock, Method::POST, "/accounts/search", Some(&search)).await).await;
    assert_eq!(found["searchResults"], json!([{"Account ID": "7", "V-1": fields[0]["value"]}]));

    let columns = json_of(get(&mock, "/accounts/search/searchFields").await).await;
    assert!(columns["standardFields"].as_array().is_some_and(|columns| !columns.is_empty()));
    let columns = json_of(get(&mock, "/accounts/search/outputFields").await).await;
    assert!(columns["customFields"].as_array().is_some_and(|columns| columns.len() == 6));

    let definitions = json_of(get(&mock, "/customFields?category=Account").await).await;
    let target = definitions.as_array().unwrap().iter().find(|field| field["name"] == "T-1");
    let target = target.unwrap()["id"].as_str().unwrap();
    let definition = json_of(get(&mock, &format!("/customFields/{target}")).await).await;
    assert_eq!(definition["name"], "T-1");

    let write = json!({"individualAccount": {
        "accountCustomFields": [{"id": target, "value": "carried over"}]
    }});
    let patch = call(&mock, Method::PATCH, "/accounts/7", Some(&write)).await;
    assert_eq!(json_of(patch).await, json!({"accountId": "7"}));
    let account = json_of(get(&mock, "/accounts/7").await).await;
    let fields = account["individualAccount"]["accountCustomFields"].as_array().unwrap();
    assert_eq!((fields.len(), &fields[3]["value"]), (4, &json!("carried over")));

    json_of(call(&mock, Method::PUT, "/accounts/7", Some(&write)).await).await;
    let items = mock.account(7).unwrap().body.account_custom_fields.unwrap();
    assert_eq!(items.len(), 1, "a PUT wipes what it leaves out");

    let calls = mock.calls();
    assert!(Endpoint::ALL[..9].iter().all(|&endpoint| calls.of(endpoint).admitted >= 1));
    assert_eq!((calls.total(), calls.failed(), mock.undecodable()), (10, 0, 0));
}

#[tokio::test]
async fn the_sixth_call_in_flight_is_refused() {
    let mock = NeonMock::builder().profile("constant").start().await;
    let http = client();
    let status = async || {
        let url = format!("{}/accounts/1", mock.base_url());
        let request = http.get(url).basic_auth("demo", Some("demo"));
        request.send().await.unwrap().status().as_u16()
    };
    let answers = tokio::join!(status(), status(), status(), status(), status(), status());
    let mut statuses = <[u16; 6]>::from(answers);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
    let calls = mock.calls().of(Endpoint::GetAccount);
    assert_eq!((calls.admitted, calls.rejected), (5, 1));
}

#[tokio::test]
async fn ordered_failures_and_profiles_take_effect_while_it_runs() {
    let mock = NeonMock::builder().profile("constant").start().await;
    mock.set_profile("unlimited");
    mock.fail_next(503);
    mock.fail_next(200);
    assert_eq!(error_of(get(&mock, "/accounts/1").await).await, (503, "1".to_owned()));
    assert_eq!(error_of(get(&mock, "/accounts/1").await).await, (200, "1".to_owned()));
    json_of(get(&mock, "/accounts/1").await).await;
    assert_eq!(mock.with_neon(|neon| neon.profile().name().to_owned()), "unlimited");
}

#[tokio::test]
async fn hostile_requests_are_refused_and_leave_the_server_standing() {
    let mock = unlimited().await;
    let url = format!("{}/accounts/1", mock.base_url());
    let patch = async |body: Vec<u8>| {
        let request = client().patch(&url).basic_auth("demo", Some("demo")).body(body);
        error_of(request.send().await.unwrap()).await.0
    };
    assert_eq!(patch(b"{\"individualAccount\":".to_vec()).await, 400);
    assert_eq!(patch(Vec::new()).await, 400);
    assert_eq!(patch(b"{\"individualAccount\":{\"name\":\"\xff\xfe\"}}".to_vec()).await, 400);
    assert_eq!(patch("[".repeat(500_000).into_bytes()).await, 400);
    assert_eq!(patch(vec![b' '; (1 << 20) + 1]).await, 413);
    assert_eq!(error_of(get(&mock, "/accounts/none").await).await.0, 404);
    assert_eq!(error_of(get(&mock, "/customFields?category=%FF").await).await.0, 400);
    assert_eq!(error_of(call(&mock, Method::DELETE, "/accounts/1", None).await).await.0, 405);
    assert_eq!((mock.calls().total(), mock.undecodable()), (0, 7));

    let root = format!("http://{}/accounts/1", mock.addr());
    let outside = client().get(root).send().await.unwrap();
    assert_eq!(outside.status(), StatusCode::NOT_FOUND);
    let text = String::from_utf8(outside.bytes().await.unwrap().to_vec()).unwrap();
    assert!(text.contains("the API begins at /v2"), "{text}");
    json_of(get(&mock, "/accounts/1").await).await;
}
