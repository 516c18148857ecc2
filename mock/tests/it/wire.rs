//! The wire as recordings of Neon have it: what published clients send, and need in the answer.

use crate::client::client;
use neon_mock::NeonMock;
use neon_mock::profile::{BUILT_IN, Profile};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// Status, headers and JSON of an answer; null where there is no body.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

/// A call with `headers` to `target` below `base`.
async fn send(
    verb: &str,
    url: &str,
    headers: &[(&'static str, &str)],
    body: Option<Value>,
) -> Answered {
    let mut request = client().request(Method::from_bytes(verb.as_bytes()).unwrap(), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answered { status, headers, body }
}

/// Base64 of `demo:demo`.
const LET_IN: (&str, &str) = ("authorization", "Basic ZGVtbzpkZW1v");

/// A call of the default organisation's own client.
async fn call(mock: &NeonMock, verb: &str, target: &str, body: Option<Value>) -> Answered {
    send(verb, &format!("{}{target}", mock.base_url()), &[LET_IN], body).await
}

async fn get(mock: &NeonMock, target: &str) -> Value {
    let answered = call(mock, "GET", target, None).await;
    assert_eq!(answered.status, 200, "{target}: {}", answered.body);
    answered.body
}

/// Answer to a search with one criterion.
async fn search(
    mock: &NeonMock,
    field: Value,
    operator: &str,
    value: Value,
    outputs: &[&str],
) -> Answered {
    let search = json!({
        "searchFields": [{"field": field, "operator": operator, "value": value}],
        "outputFields": outputs,
        "pagination": {"currentPage": 0, "pageSize": 5},
    });
    call(mock, "POST", "/accounts/search", Some(search)).await
}

async fn unlimited() -> NeonMock {
    NeonMock::builder().profile("unlimited").start().await
}

/// Clients that wait for the challenge send no credentials before it. Source: RFC 9110, 11.6.1.
#[tokio::test]
async fn a_401_names_the_scheme() {
    let mock = unlimited().await;
    let url = format!("{}/accounts/1", mock.base_url());
    for header in [None, Some(("authorization", "Basic ZGVtbzp4")), Some(("authorization", "x"))] {
        let refused = send("GET", &url, header.as_slice(), None).await;
        assert_eq!(refused.status, 401);
        let challenge = refused.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
    }
    let ok = call(&mock, "GET", "/accounts/1", None).await;
    assert!(!ok.headers.contains_key("www-authenticate"));
    mock.fail_next(401);
    let ordered = call(&mock, "GET", "/accounts/1", None).await;
    assert!(ordered.headers.contains_key("www-authenticate"));
    let admin = format!("http://{}/__mock/state", mock.addr());
    assert_eq!(send("GET", &admin, &[], None).await.headers["www-authenticate"], "Bearer");
}

/// Source: Neon's page on response codes.
#[tokio::test]
async fn errors_have_neon_s_texts() {
    let mock = unlimited().await;
    let url = format!("{}/accounts/1", mock.base_url());
    let wrong_key = [("authorization", "Basic ZGVtbzp4")];
    let refused = send("GET", &url, &wrong_key, None).await.body;
    assert_eq!(refused, json!([{"code": "13", "message": "Api key is invalid."}]));
    let item =
        json!({"individualAccount": {"accountCustomFields": [{"id": "9999", "value": "x"}]}});
    let refused = call(&mock, "PATCH", "/accounts/1", Some(item)).await.body;
    assert_eq!(refused, json!([{"code": "51", "message": "Customfield id is invalid."}]));
    let refused = search(&mock, json!("Emial"), "EQUAL", json!("x"), &["Account ID"]).await.body;
    let message = refused[0]["message"].as_str().unwrap();
    assert!(message.starts_with("Search key is invalid."), "{message}");
    assert!(message.contains("`Emial`"), "{message}");
}

/// The version is optional, and a wrong one is refused.
#[tokio::test]
async fn a_version_that_neon_does_not_have_is_refused() {
    let mock = unlimited().await;
    let url = format!("{}/accounts/1", mock.base_url());
    for (version, status) in [("2.0", 200), ("2.8", 200), ("2.11", 200), ("9.9", 400), ("abc", 400)]
    {
        let answered = send("GET", &url, &[LET_IN, ("NEON-API-VERSION", version)], None).await;
        assert_eq!(answered.status, status, "{version}: {}", answered.body);
    }
    assert_eq!(mock.calls().total(), 3);
}

#[tokio::test]
async fn slashes_too_many_are_served() {
    let mock = unlimited().await;
    let root = format!("http://{}", mock.addr());
    for path in ["/v2/accounts/1/", "/v2//accounts/1", "//v2/accounts//1", "/v2/accounts/1//"] {
        let answered = send("GET", &format!("{root}{path}"), &[LET_IN], None).await;
        assert_eq!(answered.status, 200, "{path}");
    }
    let outside = send("GET", &format!("{root}//accounts/1"), &[LET_IN], None).await;
    assert_eq!(outside.status, 404);
}

/// Five published clients find an account by `Email`, one of them as `email`.
#[tokio::test]
async fn an_account_is_found_by_its_address() {
    let mock = unlimited().await;
    for field in ["Email", "email", "Email 1"] {
        let found =
            search(&mock, json!(field), "EQUAL", json!("a7@example.org"), &["Account ID"]).await;
        assert_eq!(found.body["searchResults"], json!([{"Account ID": "7"}]), "{field}");
    }
}

/// With `/Time` the moment is an output field, without it the day is a search field.
#[tokio::test]
async fn the_day_of_the_last_change_is_searched_by_and_its_moment_put_out() {
    let mock = unlimited().await;
    let (day, moment) = ("Account Last Modified Date", "Account Last Modified Date/Time");
    let since = json!("2000-01-01");
    let found = search(&mock, json!(day), "GREATER_AND_EQUAL", since.clone(), &[moment]).await;
    assert_eq!(found.status, 200, "{}", found.body);
    let seen = &found.body["searchResults"][0][moment];
    assert!(seen.as_str().is_some_and(|text| text.starts_with("2024-01-01T")), "{seen}");
    let refused = search(&mock, json!(moment), "GREATER_AND_EQUAL", since, &["Account ID"]).await;
    assert_eq!((refused.status, &refused.body[0]["code"]), (400, &json!("23")));
    let refused = search(&mock, json!("Account ID"), "NOT_BLANK", Value::Null, &[day]).await;
    assert_eq!((refused.status, &refused.body[0]["code"]), (400, &json!("28")));
}

/// Counts, and the operators of some fields, as recorded from one organisation.
#[tokio::test]
async fn fields_and_their_operators_are_those_recorded() {
    let mock = unlimited().await;
    let fields = get(&mock, "/accounts/search/searchFields").await;
    let standard = fields["standardFields"].as_array().unwrap();
    // The recording lacks one year of one total.
    assert_eq!(standard.len(), 1_328 + 1);
    let custom = fields["customFields"].as_array().unwrap();
    let published = || standard.iter().chain(custom);
    let has = |field: &Value, wanted| {
        field["operators"].as_array().unwrap().iter().any(|operator| operator == wanted)
    };
    assert!(published().all(|field| !has(field, "NOT_CONTAIN")), "no recorded field has it");
    assert!(published().all(|field| has(field, "EQUAL") && has(field, "NOT_EQUAL")));
    let of = |name: &str| {
        let field = standard.iter().find(|field| field["fieldName"] == name);
        field.unwrap_or_else(|| panic!("no search field {name}"))["operators"].clone()
    };
    assert_eq!(of("Account Type"), json!(["EQUAL", "NOT_EQUAL"]));
    assert_eq!(
        of("Membership Expiration Date"),
        json!([
            "EQUAL",
            "NOT_EQUAL",
            "BLANK",
            "NOT_BLANK",
            "LESS_THAN",
            "GREATER_THAN",
            "LESS_AND_EQUAL",
            "GREATER_AND_EQUAL",
            "IN_RANGE",
            "NOT_IN_RANGE"
        ])
    );
    assert_eq!(
        of("Individual Type"),
        json!(["BLANK", "NOT_BLANK", "EQUAL", "NOT_EQUAL", "IN_RANGE"])
    );
    let text = json!([
        "BLANK",
        "NOT_BLANK",
        "EQUAL",
        "NOT_EQUAL",
        "IN_RANGE",
        "NOT_IN_RANGE",
        "CONTAIN",
        "GREATER_THAN",
        "LESS_THAN",
        "GREATER_AND_EQUAL",
        "LESS_AND_EQUAL"
    ]);
    for name in ["Account ID", "Email", "Preferred Name", "Zip Code", "Company ID"] {
        assert_eq!(of(name), text, "{name}");
    }
    assert_eq!(custom[0]["operators"], text);

    let fields = get(&mock, "/accounts/search/outputFields").await;
    let outputs = fields["standardFields"].as_array().unwrap();
    assert_eq!(outputs.len(), 1_490);
    for name in
        ["Full Name (F)", "Membership Level", "Photo URL", "2026-2027 Fiscal Year Pledge Count"]
    {
        assert!(outputs.iter().any(|output| output == name), "no output field {name}");
    }
    assert!(!outputs.iter().any(|output| output == "Email" || output == "Account Created Date"));
}

/// A recorded list for `searchKey=1` has the names with a 1 in them, and no others.
#[tokio::test]
async fn a_search_key_leaves_the_fields_whose_name_has_it() {
    let mock = unlimited().await;
    let fields = get(&mock, "/accounts/search/outputFields?searchKey=1").await;
    let standard: Vec<&str> = fields["standardFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert!(standard.contains(&"Email 1") && standard.iter().all(|name| name.contains('1')));
    let custom = fields["customFields"].as_array().unwrap();
    let custom: Vec<&str> = custom.iter().map(|it| it["displayName"].as_str().unwrap()).collect();
    assert_eq!(custom, ["T-1", "V-1"]);
    let fields = get(&mock, "/accounts/search/searchFields?searchKey=zip%20code").await;
    let names: Vec<&Value> =
        fields["standardFields"].as_array().unwrap().iter().map(|it| &it["fieldName"]).collect();
    assert_eq!(names, ["Zip Code"]);
}

/// Every published name is taken, and null where the organisation has no data.
#[tokio::test]
async fn every_output_field_can_be_asked_for() {
    let mock = unlimited().await;
    let fields = get(&mock, "/accounts/search/outputFields").await;
    let names: Vec<&str> = fields["standardFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    let found = search(&mock, json!("Account ID"), "NOT_BLANK", Value::Null, &names).await;
    let row = found.body["searchResults"][0].as_object().unwrap();
    assert_eq!(row.len(), names.len());
    assert!(row.values().all(|cell| cell.is_null() || cell.is_string()));
    let badge =
        ["Account ID", "First Name", "Last Name", "Full Name (F)", "Preferred Name", "Email 1"];
    for column in badge {
        assert!(row[column].is_string(), "{column}: {}", row[column]);
    }
    for column in ["Membership Expiration Date", "Account Current Membership Status"] {
        assert!(row[column].is_null(), "{column}: {}", row[column]);
    }
}

#[tokio::test]
async fn fields_of_memberships_are_null_where_there_are_none() {
    let mock = unlimited().await;
    let outputs = ["Account ID", "Membership Expiration Date", "Individual Type"];
    let found = search(&mock, json!("Account Type"), "EQUAL", json!("Individual"), &outputs).await;
    assert_eq!(found.status, 200, "{}", found.body);
    let expected =
        json!({"Account ID": "1", "Membership Expiration Date": null, "Individual Type": null});
    assert_eq!(found.body["searchResults"][0], expected);
    let field = json!("Account Current Membership Status");
    let none = search(&mock, field, "NOT_BLANK", Value::Null, &["Account ID"]).await;
    assert_eq!(none.body["pagination"]["totalResults"], 0);
}

/// A typed client breaks on a member that is missing.
#[tokio::test]
async fn an_account_has_the_members_that_were_recorded() {
    let mock = unlimited().await;
    let account = &get(&mock, "/accounts/1").await["individualAccount"];
    let times = &account["timestamps"];
    assert!(times["createdBy"].is_string() && times["lastModifiedBy"].is_string(), "{times}");
    assert_eq!(account["individualTypes"], json!([]));
    assert_eq!(
        (&account["noSolicitation"], &account["sendSystemEmail"]),
        (&json!(false), &json!(false))
    );
    assert!(account["origin"]["originDetail"].is_string());
    let contact = &account["primaryContact"];
    assert!(contact["addresses"][0]["stateProvince"]["code"].is_string(), "{contact}");
    assert_eq!(contact["preferredName"], contact["firstName"]);
    assert_eq!((&contact["email2"], &contact["deceased"]), (&json!(""), &json!(false)));
}

/// Time stamps name the author of the last change.
#[tokio::test]
async fn a_change_is_the_api_user_s() {
    let mock = unlimited().await;
    let by = async || {
        let account = get(&mock, "/accounts/1").await;
        account["individualAccount"]["timestamps"]["lastModifiedBy"].clone()
    };
    assert_ne!(by().await, "API User");
    let item = json!({"individualAccount": {"accountCustomFields": [{"id": "85", "value": "x"}]}});
    call(&mock, "PATCH", "/accounts/1", Some(item)).await;
    assert_eq!(by().await, "API User");
}

#[tokio::test]
async fn definitions_have_the_members_that_were_recorded_in_the_order_of_their_names() {
    let mock = NeonMock::builder().profile("unlimited").dataset("mixed").start().await;
    let fields = get(&mock, "/customFields?category=Account").await;
    let fields = fields.as_array().unwrap();
    let names: Vec<String> =
        fields.iter().map(|field| field["name"].as_str().unwrap().to_lowercase()).collect();
    assert!(names.is_sorted(), "{names:?}");
    let of_type =
        |wanted: &str| fields.iter().find(|field| field["displayType"] == wanted).unwrap();
    let text = of_type("OneLineText");
    assert!(text["optionValues"].is_null(), "{text}");
    assert_eq!(
        (&text["dataType"], &of_type("MultiLineText")["dataType"]),
        (&json!("Text"), &Value::Null)
    );
    let members = text.as_object().unwrap();
    for settings in ["eventSettings", "membershipSettings", "productSettings"] {
        assert_eq!(members.get(settings), Some(&Value::Null), "{settings}");
    }
    let option = &of_type("Checkbox")["optionValues"][0];
    assert_eq!((option.get("status"), option.get("code")), (Some(&Value::Null), Some(&json!(""))));
}

/// Every standard member that a PATCH answers with 200 is there afterwards, and what it does not
/// name stays.
#[tokio::test]
async fn standard_members_that_are_patched_stay() {
    let mock = NeonMock::builder().profile("unlimited").dataset("companies").start().await;
    for (id, kind) in [(person(&mock), "individualAccount"), (company(&mock), "companyAccount")] {
        let target = format!("/accounts/{id}");
        let before = get(&mock, &target).await[kind].clone();
        let written = json!({
            "noSolicitation": true, "url": "https://example.org",
            "source": {"id": "1", "name": "Website"}, "consent": {"email": "GIVEN"},
            "primaryContact": {
                "preferredName": "Zed", "email2": "zed@example.net", "title": "Warden",
                "dob": {"day": "3", "month": "4", "year": "1980"},
                "addresses": [{"city": "Oslo", "country": {"id": "47", "name": "Norway"}}],
            },
        });
        let patched = call(&mock, "PATCH", &target, Some(json!({kind: written}))).await;
        assert_eq!((patched.status, patched.body), (200, json!({"accountId": id.to_string()})));
        let mut expected = before;
        merge(&mut expected, &written);
        expected["timestamps"]["lastModifiedBy"] = json!("API User");
        let mut after = get(&mock, &target).await[kind].clone();
        after["timestamps"]["lastModifiedDateTime"] =
            expected["timestamps"]["lastModifiedDateTime"].clone();
        assert_eq!(after, expected, "{kind}");
        let columns = ["Preferred Name", "City", "Do Not Contact", "Email 2"];
        let found =
            search(&mock, json!("Email"), "EQUAL", json!("zed@example.net"), &columns).await;
        let expected = json!({
            "Preferred Name": "Zed", "City": "Oslo", "Do Not Contact": "Yes",
            "Email 2": "zed@example.net"
        });
        assert_eq!(found.body["searchResults"][0], expected);
    }
}

/// Replaces what `written` names: objects of the account and of its contact member by member.
fn merge(account: &mut Value, written: &Value) {
    for (name, value) in written.as_object().unwrap() {
        if name == "primaryContact" {
            merge(&mut account[name], value);
        } else {
            account[name] = value.clone();
        }
    }
}

fn person(mock: &NeonMock) -> u64 {
    of_kind(mock, neon_mock::api::AccountKind::Individual)
}

fn company(mock: &NeonMock) -> u64 {
    of_kind(mock, neon_mock::api::AccountKind::Company)
}

fn of_kind(mock: &NeonMock, kind: neon_mock::api::AccountKind) -> u64 {
    let is_one = |id: &u64| mock.account(*id).unwrap().kind == kind;
    (1..=50).find(is_one).expect("half of the accounts are companies")
}

/// A client that sends back what it read leaves the account as it was.
#[tokio::test]
async fn an_account_that_is_put_as_it_was_read_is_as_it_was() {
    let mock = NeonMock::builder().profile("unlimited").dataset("companies").start().await;
    for id in [person(&mock), company(&mock)] {
        let target = format!("/accounts/{id}");
        let read = get(&mock, &target).await;
        assert_eq!(call(&mock, "PUT", &target, Some(read.clone())).await.status, 200);
        assert!(mock.with_neon(|neon| {
            neon.organisation().has_original_identity(neon_mock::api::AccountId(id))
        }));
        let mut again = get(&mock, &target).await;
        for kind in ["individualAccount", "companyAccount"] {
            if again[kind].is_object() {
                again[kind]["timestamps"] = read[kind]["timestamps"].clone();
            }
        }
        assert_eq!(again, read);
    }
}

/// A PUT wipes what it leaves out, and the account still has every member.
#[tokio::test]
async fn what_a_put_leaves_out_is_blank() {
    let mock = unlimited().await;
    let contact = json!({"firstName": "Ada"});
    let put = json!({"individualAccount": {"primaryContact": contact}});
    call(&mock, "PUT", "/accounts/1", Some(put)).await;
    let account = &get(&mock, "/accounts/1").await["individualAccount"];
    let contact = &account["primaryContact"];
    assert_eq!((&contact["preferredName"], &contact["addresses"]), (&json!(""), &json!([])));
    assert_eq!(account["individualTypes"], json!([]));
}

/// A company has a contact, whose name is in no column: the company has one of its own.
#[tokio::test]
async fn a_company_has_a_contact() {
    let mock = NeonMock::builder().profile("unlimited").dataset("companies").start().await;
    let id = company(&mock);
    let account = &get(&mock, &format!("/accounts/{id}")).await["companyAccount"];
    assert!(account["primaryContact"]["lastName"].is_string(), "{account}");
    assert_eq!(account["companyTypes"], json!([]));
    let columns = ["First Name", "Full Name (F)", "Company Name"];
    let found = search(&mock, json!("Account ID"), "EQUAL", json!(id), &columns).await;
    let expected =
        json!({"First Name": null, "Full Name (F)": null, "Company Name": account["name"]});
    assert_eq!(found.body["searchResults"][0], expected);
}

/// Two readings of open questions: a list without a category, and a number for a field.
#[tokio::test]
async fn a_missing_category_and_a_number_for_a_field_are_knobs() {
    let mock = unlimited().await;
    let listed = get(&mock, "/customFields?category=Account").await;
    assert_eq!(get(&mock, "/customFields").await, listed);
    let by_number = search(&mock, json!(85), "NOT_BLANK", Value::Null, &["Account ID"]).await;
    assert_eq!(by_number.status, 200, "{}", by_number.body);

    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "unlimited").unwrap();
    let knobs = "[behaviour]\nmissing_category = \"400\"\ninteger_field = \"400\"\n";
    let strict = Profile::from_toml("strict", &format!("{text}\n{knobs}")).unwrap();
    let mock = NeonMock::builder().profile(strict).start().await;
    assert_eq!(call(&mock, "GET", "/customFields", None).await.status, 400);
    let by_number = search(&mock, json!(85), "NOT_BLANK", Value::Null, &["Account ID"]).await;
    assert_eq!(by_number.status, 400);
    let by_text = search(&mock, json!("85"), "NOT_BLANK", Value::Null, &["Account ID"]).await;
    assert_eq!(by_text.status, 200, "{}", by_text.body);
}

/// A published client repeats the account's id in the body, and leaves it empty.
#[tokio::test]
async fn an_empty_id_in_a_body_is_none() {
    let mock = unlimited().await;
    let echoed =
        json!({"individualAccount": {"accountId": "", "primaryContact": {"contactId": ""}}});
    assert_eq!(call(&mock, "PATCH", "/accounts/1", Some(echoed)).await.status, 200);
}
