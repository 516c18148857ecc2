//! The shapes of answers against those of recorded ones, which `shapes.json` describes.

use neon_mock::Neon;
use neon_mock::api::http::{decode, response_body};
use neon_mock::dataset::Dataset;
use neon_mock::org::Organisation;
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The description, and what was seen of it.
struct Shapes {
    all: Map<String, Value>,
    /// Members that had a value, and members that were null or missing, by shape and name.
    seen: BTreeSet<String>,
    faults: Vec<String>,
}

impl Shapes {
    fn new() -> Self {
        let all = serde_json::from_str(include_str!("shapes.json")).unwrap();
        Self { all, seen: BTreeSet::new(), faults: Vec::new() }
    }

    /// Compares `value` with the shape called `name`.
    fn check(&mut self, name: &str, value: &Value) {
        let shape = self.all[name].clone();
        self.compare(name, &shape, value);
    }

    fn compare(&mut self, at: &str, shape: &Value, value: &Value) {
        match shape {
            Value::Object(members) => match value.as_object() {
                Some(found) => self.members(at, members, found),
                None => self.fault(at, "object", value),
            },
            Value::Array(items) => match value.as_array() {
                Some(found) => found.iter().for_each(|item| self.compare(at, &items[0], item)),
                None => self.fault(at, "list", value),
            },
            Value::String(name) => match name.strip_prefix('$') {
                Some(shape) => self.check(shape, value),
                None if is_of(name, value) => {}
                None => self.fault(at, name, value),
            },
            _ => unreachable!("a shape is an object, a list or a name"),
        }
    }

    fn members(&mut self, at: &str, members: &Map<String, Value>, found: &Map<String, Value>) {
        let plain = |name: &str| name.trim_end_matches(['?', '!']).to_owned();
        for (name, shape) in members {
            let place = format!("{at}.{}", plain(name));
            match found.get(&plain(name)) {
                None if name.contains('?') => {
                    self.seen.insert(format!("{at}.{name} without"));
                }
                None => self.faults.push(format!("{place} is missing")),
                Some(Value::Null) if name.contains('!') => {
                    self.seen.insert(format!("{at}.{name} without"));
                }
                Some(value) => {
                    self.seen.insert(format!("{at}.{name}"));
                    self.compare(&place, shape, value);
                }
            }
        }
        let known: Vec<String> = members.keys().map(|name| plain(name)).collect();
        for name in found.keys().filter(|name| !known.contains(name)) {
            self.faults.push(format!("{at}.{name} is in no recorded answer"));
        }
    }

    fn fault(&mut self, at: &str, expected: &str, value: &Value) {
        self.faults.push(format!("{at}: expected {expected}, found {value}"));
    }

    /// Panics if something deviated.
    fn assert_kept(&self) {
        let few: Vec<&String> = self.faults.iter().take(10).collect();
        assert!(few.is_empty(), "{} deviations: {few:#?}", self.faults.len());
    }
}

/// True if `value` is of the simple type `name`.
fn is_of(name: &str, value: &Value) -> bool {
    let text = value.as_str();
    match name {
        "text" => text.is_some(),
        "id" => text.is_some_and(|text| text.parse::<u64>().is_ok()),
        "status" => matches!(text, Some("ACTIVE" | "INACTIVE")),
        "moment" => text.is_some_and(|text| {
            let form = "dddd-dd-ddTdd:dd:ddZ";
            let fits = |(form, letter): (char, char)| {
                if form == 'd' { letter.is_ascii_digit() } else { form == letter }
            };
            text.len() == form.len() && form.chars().zip(text.chars()).all(fits)
        }),
        "flag" => value.is_boolean(),
        "integer" => value.is_u64(),
        "nothing" => false,
        other => panic!("the description knows no type `{other}`"),
    }
}

/// Every type of field, for both kinds of account.
const FIELDS: &str = r#"
schema = 1
companies = 0.4
dirty = 0.2
unicode = 0.2
[[fields]]
name = "Notes"
type = "text"
filled = 0.8
[[fields]]
name = "Story"
type = "multiline"
filled = 0.5
[[fields]]
name = "Skills"
type = "checkbox"
filled = 0.7
values = ["Cooking", "Driving", "Welding"]
[[fields]]
name = "Level"
type = "dropdown"
filled = 0.5
values = ["Bronze", "Silver"]
[[fields]]
name = "Size"
display_name = "Size of shirt"
type = "radio"
for = "individual"
filled = 0.5
values = ["S", "M"]
"#;

/// An organisation of 100 accounts of its own seed.
fn neon(seed: u64) -> Neon {
    let dataset = Dataset::from_toml("fields.toml", FIELDS, 0).unwrap();
    let profile = Profile::built_in("unlimited").unwrap();
    Neon::new(profile, Organisation::new(&dataset, 100, seed), seed)
}

fn call(neon: &mut Neon, verb: &str, target: &str, body: &Value) -> Value {
    let (path, query) = target.split_once('?').unzip();
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = decode(verb, path.unwrap_or(target), query, &body).unwrap();
    serde_json::from_slice(&response_body(&neon.handle(Timestamp::ZERO, &request).response))
        .unwrap()
}

/// A thousand accounts of ten seeds, as they are and after writes that leave much out.
#[test]
fn every_account_has_the_shape_of_recorded_ones() {
    let mut shapes = Shapes::new();
    for seed in 1..=10 {
        let mut neon = neon(seed);
        for id in 1..=100 {
            let target = format!("/accounts/{id}");
            let read = call(&mut neon, "GET", &target, &Value::Null);
            shapes.check("account", &read);
            let kind = if read["companyAccount"].is_null() {
                "individualAccount"
            } else {
                "companyAccount"
            };
            let contact =
                json!({"firstName": "Ada", "lastName": "Byrne", "email1": "a@example.org"});
            let write =
                json!({kind: {"name": "Kiln Works", "primaryContact": contact, "origin": null}});
            let verb = if id % 2 == 0 { "PATCH" } else { "PUT" };
            // A person has no name beside that of the contact.
            let mut write = write;
            if kind == "individualAccount" {
                write[kind].as_object_mut().unwrap().remove("name");
            }
            call(&mut neon, verb, &target, &write);
            shapes.check("account", &call(&mut neon, "GET", &target, &Value::Null));
        }
    }
    shapes.assert_kept();
}

/// Every other answer of every endpoint that has a shape.
#[test]
fn every_answer_has_the_shape_of_recorded_ones() {
    let mut shapes = Shapes::new();
    let none = Value::Null;
    for seed in 1..=10 {
        let mut neon = neon(seed);
        for (shape, target) in [
            ("definitions", "/customFields?category=Account"),
            ("definition", "/customFields/85"),
            ("searchFields", "/accounts/search/searchFields"),
            ("outputFields", "/accounts/search/outputFields"),
            ("accounts", "/accounts?pageSize=200"),
            ("errors", "/accounts/101"),
        ] {
            shapes.check(shape, &call(&mut neon, "GET", target, &none));
        }
        let search = json!({
            "searchFields": [{"field": "Account ID", "operator": "NOT_BLANK"}],
            "outputFields": ["Account ID", "Full Name (F)", "Account Type", "Membership Expiration Date"],
            "pagination": {"pageSize": 200},
        });
        shapes.check("search", &call(&mut neon, "POST", "/accounts/search", &search));
        for id in 1..=100 {
            let account = call(&mut neon, "GET", &format!("/accounts/{id}"), &none);
            shapes.check("account", &account);
        }
    }
    shapes.assert_kept();
    let unseen: Vec<String> = expected(&shapes.all).difference(&shapes.seen).cloned().collect();
    // An organisation without them still shows them: a group and settings that each field has,
    // members of a list that nobody sorted, memberships that the mock does not have.
    let never = [
        "accounts.accounts.email! without",
        "definition.accountSettings! without",
        "definition.eventSettings!",
        "definition.groupId! without",
        "definition.membershipSettings!",
        "definition.optionValues.status!",
        "definition.productSettings!",
        "named.id",
        "named.name",
        "pagination.sortColumn!",
        "pagination.sortDirection!",
        "search.searchResults.Membership Expiration Date!",
    ];
    let unseen: Vec<&String> = unseen.iter().filter(|it| !never.contains(&it.as_str())).collect();
    assert!(unseen.is_empty(), "described and never seen: {unseen:#?}");
}

/// The parts of the description that a complete comparison sees.
fn expected(all: &Map<String, Value>) -> BTreeSet<String> {
    fn add(at: &str, shape: &Value, expected: &mut BTreeSet<String>) {
        match shape {
            Value::Array(items) => items.iter().for_each(|item| add(at, item, expected)),
            Value::Object(members) => {
                for (name, shape) in members {
                    expected.insert(format!("{at}.{name}"));
                    if name.ends_with(['?', '!']) {
                        expected.insert(format!("{at}.{name} without"));
                    }
                    add(&format!("{at}.{}", name.trim_end_matches(['?', '!'])), shape, expected);
                }
            }
            _ => {}
        }
    }
    let mut seen = BTreeSet::new();
    for (name, shape) in all.iter().filter(|(name, _)| *name != "about") {
        add(name, shape, &mut seen);
    }
    seen
}

/// A comparison that overlooks nothing: each deviation of a sound account is found.
#[test]
fn deviations_are_found() {
    let sound = call(&mut neon(1), "GET", "/accounts/1", &Value::Null);
    let kind =
        if sound["companyAccount"].is_null() { "individualAccount" } else { "companyAccount" };
    let spoil = |change: &dyn Fn(&mut Value)| {
        let mut account = sound.clone();
        change(&mut account[kind]);
        let mut shapes = Shapes::new();
        shapes.check("account", &account);
        shapes.faults.join("; ")
    };
    assert_eq!(spoil(&|_| {}), "");
    let missing =
        spoil(&|account| drop(account["timestamps"].as_object_mut().unwrap().remove("createdBy")));
    assert!(missing.contains("createdBy is missing"), "{missing}");
    let null = spoil(&|account| account["primaryContact"]["email2"] = Value::Null);
    assert!(null.contains("email2: expected text, found null"), "{null}");
    let more = spoil(&|account| account["nickname"] = json!("x"));
    assert!(more.contains("nickname is in no recorded answer"), "{more}");
    let typed = spoil(&|account| account["accountId"] = json!(1));
    assert!(typed.contains("expected id, found 1"), "{typed}");
    let moment = spoil(&|account| account["timestamps"]["createdDateTime"] = json!("2024-01-01"));
    assert!(moment.contains("expected moment"), "{moment}");
}
