//! Every endpoint over real HTTP, with the state that it leaves.

use crate::client::client;
use neon_mock::NeonMock;
use neon_mock::api::{Endpoint, LookUp};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A mock and a client of it.
struct Org {
    mock: NeonMock,
    client: Client,
}

impl Org {
    /// Half companies, no limits.
    async fn start() -> Self {
        let mock = NeonMock::builder().profile("unlimited").dataset("companies").start().await;
        Self { mock, client: client() }
    }

    /// Status and JSON of an answer; null where there is no body.
    async fn call(&self, verb: &str, target: &str, body: Option<Value>) -> (u16, Value) {
        let (org_id, api_key) = self.mock.credentials();
        let verb = Method::from_bytes(verb.as_bytes()).unwrap();
        let url = format!("{}{target}", self.mock.base_url());
        let mut request = self.client.request(verb, url).basic_auth(org_id, Some(api_key));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        (
            status,
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() },
        )
    }

    /// JSON of an answer that must be a success.
    async fn ok(&self, verb: &str, target: &str, body: Option<Value>) -> Value {
        let (status, json) = self.call(verb, target, body).await;
        assert_eq!(status, 200, "{verb} {target}: {json}");
        json
    }

    async fn get(&self, target: &str) -> Value {
        self.ok("GET", target, None).await
    }

    /// The id in an answer's `id`.
    async fn made(&self, target: &str, body: Value) -> String {
        self.ok("POST", target, Some(body)).await["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_endpoint_is_served_and_keeps_what_it_is_told() {
    let org = Org::start().await;
    accounts(&org).await;
    fields(&org).await;
    look_ups(&org).await;
    webhooks(&org).await;
    let calls = org.mock.calls();
    for endpoint in Endpoint::ALL {
        assert!(calls.of(endpoint).admitted >= 1, "{} was not called", endpoint.name());
    }
}

async fn accounts(org: &Org) {
    let person = json!({"individualAccount": {
        "primaryContact": {"firstName": "Ada", "lastName": "Byrne", "email1": "ada@example.org"},
        "accountCustomFields": [{"id": "87", "value": "first"}]
    }});
    let id = org.made("/accounts", person.clone()).await;
    assert_eq!(id, "51");
    let account = &org.get("/accounts/51").await["individualAccount"];
    assert_eq!(account["primaryContact"]["firstName"], "Ada");
    assert_eq!(account["accountCustomFields"][0]["value"], "first");
    let listed = org.get("/accounts?email=ada@example.org").await;
    assert_eq!(listed["accounts"][0]["accountId"], "51");
    assert_eq!(org.get("/accounts").await["pagination"]["totalResults"], 51);
    let search = json!({
        "searchFields": [{"field": "Account ID", "operator": "IN_RANGE", "valueList": [51, "4000"]}],
        "outputFields": ["Account ID", 87],
    });
    let found = org.ok("POST", "/accounts/search", Some(search)).await;
    assert_eq!(found["searchResults"], json!([{"Account ID": "51", "V-2": "first"}]));
    org.get("/accounts/search/searchFields").await;
    org.get("/accounts/search/outputFields").await;

    let change = json!({"individualAccount": {"accountCustomFields": [{"id": "87", "value": ""}]}});
    assert_eq!(org.ok("PATCH", "/accounts/51", Some(change)).await, json!({"accountId": "51"}));
    org.ok("PUT", "/accounts/51", Some(person)).await;
    let nameless = json!({"companyAccount": {"accountCustomFields": []}});
    assert_eq!(org.call("POST", "/accounts", Some(nameless)).await.0, 400);
    let company = json!({"companyAccount": {"name": "Kiln Works"}});
    assert_eq!(org.made("/accounts", company).await, "52");
}

async fn fields(org: &Org) {
    let listed = org.get("/customFields?category=Account").await;
    let fields = listed.as_array().unwrap();
    let groups = org.get("/customFields/groups?component=Account").await;
    assert_eq!(groups.as_array().unwrap().len(), 1);
    assert!(fields.iter().all(|field| field["groupId"] == groups[0]["id"]), "{fields:?}");
    assert_eq!(org.get("/customFields/groups?component=Donation").await, json!([]));
    assert_eq!(org.get("/customFields?category=Donation").await, json!([]));
    for field in fields {
        let id = field["id"].as_str().unwrap();
        assert_eq!(org.get(&format!("/customFields/{id}")).await, *field);
    }
    let (status, refused) = org.call("GET", "/customFields/9999", None).await;
    assert_eq!((status, &refused[0]["code"]), (404, &json!("51")));
}

async fn webhooks(org: &Org) {
    let hook = json!({"name": "doors", "url": "http://127.0.0.1:1/", "trigger": "DELETE_ORDER"});
    let id = org.made("/webhooks", hook.clone()).await;
    let target = format!("/webhooks/{id}");
    assert_eq!(org.get(&target).await["trigger"], "DELETE_ORDER");
    org.ok("PUT", &target, Some(hook)).await;
    org.ok("PATCH", &target, Some(json!({"name": "gates"}))).await;
    assert_eq!(org.get(&target).await["name"], "gates");
    org.ok("DELETE", &target, None).await;
    assert_eq!(org.get("/webhooks").await, json!([]));
}

async fn look_ups(org: &Org) {
    for look_up in Endpoint::ALL.into_iter().filter_map(LookUp::new) {
        let target = look_up.endpoint().template();
        let found = org.get(target).await;
        let is_empty = found.as_array().is_some_and(Vec::is_empty);
        assert_eq!(is_empty, target == "/webhooks", "{target}");
    }
    let (status, refused) = org.call("GET", "/donations/1", None).await;
    assert_eq!(status, 404);
    assert!(refused[0]["message"].as_str().unwrap().contains("does not serve donations yet"));
}
