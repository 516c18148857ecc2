//! Profile files: what is wrong is named with its line and what would be right.

use neon_mock::api::Endpoint;
use neon_mock::profile::{BUILT_IN, Profile, WireProfile};
use std::time::Duration;

fn built_in(name: &str) -> &'static str {
    BUILT_IN.iter().find(|(known, _)| *known == name).unwrap().1
}

/// `text` is refused by an error that has its line and says all of `said`.
fn refused(text: &str, said: &[&str]) {
    let error = Profile::from_toml("p.toml", text).unwrap_err().to_string();
    assert!(error.starts_with("p.toml, line "), "{error}");
    for said in said {
        assert!(error.contains(said), "{error}: {said} is missing");
    }
}

#[test]
fn mistakes_in_limits_are_named() {
    let with = |limits: &str| built_in("constant").replace("pool = 5", limits);
    refused(&with("per_second = 0"), &["limits.per_second = 0", "at least one"]);
    refused(&with("scope = \"all\""), &["endpoint", "template", "organisation"]);
    refused(&with("queue = -1"), &["`-1`", "u32"]);
    refused(&with("retry_after = \"1500ms\""), &["limits.retry_after", "whole seconds"]);
    refused(&with("retry_after = 1"), &["with its unit"]);
    refused(&with("retry_after = \"2days\""), &["limits.retry_after", "more than a day"]);
    refused(
        &with("scope = \"organisation\"\npool = 5"),
        &["limits.endpoints.\"POST /accounts/search\"", "share limits.pool"],
    );
    let windows =
        |table: &str| built_in("per-second").replace("\"POST /accounts/search\" = 1", table);
    refused(
        &windows("\"GET /account\" = 1"),
        &["limits.endpoints_per_second.\"GET /account\"", "`GET /accounts/{id}`"],
    );
    let two = windows("\"GET /accounts/{id}\" = 1\n\"PATCH /accounts/{id}\" = 2")
        .replace("per_second = 5", "per_second = 5\nscope = \"template\"");
    refused(&two, &["PATCH /accounts/{id}", "another verb of this path"]);
}

#[test]
fn verbs_that_share_a_template_share_its_figure() {
    let text = built_in("constant").replace("pool = 5", "pool = 5\nscope = \"template\"");
    let text = text.replace("POST /accounts/search", "PATCH /accounts/{id}");
    let profile = Profile::from_toml("p.toml", &text).unwrap();
    for endpoint in [Endpoint::GetAccount, Endpoint::PutAccount, Endpoint::PatchAccount] {
        assert_eq!(profile.pool(endpoint), Some(1));
    }
    assert_eq!(profile.pool(Endpoint::SearchAccounts), Some(5));
}

#[test]
fn mistakes_in_service_times_are_named() {
    let with = |service: &str| format!("{}{service}\n", built_in("constant"));
    refused(
        &with("congestion = { contention = 1.5 }"),
        &["service.congestion", "contention = 1.5", "from 0 to 1"],
    );
    refused(&with("congestion = { contentions = 0.5 }"), &["unknown field `contentions`"]);
    refused(
        &with("[service.endpoints]\n\"GET /x\" = { law = \"constant\", time = \"1s\" }"),
        &["service.endpoints.\"GET /x\"", "`GET /customFields`"],
    );
    refused(
        &with("[service.endpoints]\n\"GET /accounts\" = { law = \"empirical\" }"),
        &["service.endpoints.\"GET /accounts\"", "either samples or histogram"],
    );
    refused(
        &built_in("constant").replace("\"200ms\"", "\"600years\""),
        &["service.get.time", "more than a day"],
    );
    let named = built_in("constant").replace(
        "{ law = \"constant\", time = \"200ms\" }",
        "{ law = \"empirical\", histogram = \"get.csv\" }",
    );
    refused(&named, &["service.get.histogram", "cannot read get.csv"]);
}

#[test]
fn mistakes_in_faults_are_named() {
    let with = |fault: &str| format!("{}[[faults]]\n{fault}\n", built_in("constant"));
    for (fault, said) in [
        ("kind = \"505\"\nshare = 0.1", &["`505`", "`503`", "`slow-body`"][..]),
        ("share = 0.1", &["faults[0]", "takes one of `kind`, a list of `kinds` and `status`"]),
        ("kind = \"503\"\nkinds = [\"504\"]\nshare = 0.1", &["faults[0]", "takes one of `kind`"]),
        ("kind = \"503\"", &["faults[0]", "`share`", "`records`"]),
        ("kind = \"503\"\nshare = 1.1", &["faults[0].share", "between 0 and 1"]),
        ("kind = \"503\"\npoison = -0.1", &["faults[0].poison", "between 0 and 1"]),
        ("kind = \"503\"\nfirst = 0", &["faults[0].first", "at least 1"]),
        ("kind = \"503\"\nevery = 0", &["faults[0].every", "at least 1"]),
        ("kind = \"503\"\nshare = 0.1\nfirst = 1", &["faults[0]", "one of"]),
        ("kind = \"503\"\nshare = 0.1\nburst = 0", &["faults[0].burst", "from 1"]),
        ("kind = \"503\"\nfrom = \"2s\"\nuntil = \"1s\"", &["faults[0].until", "after `from`"]),
        ("kind = \"503\"\nfirst = 1\nclasses = [\"gets\"]", &["faults[0].classes[0]", "`get`"]),
        ("kind = \"503\"\nfirst = 1\nendpoints = [\"GET\"]", &["faults[0].endpoints[0]", "`GET "]),
        ("kind = \"503\"\nfrom = \"600years\"", &["faults[0].from", "more than a day"]),
        ("kind = \"503\"\nfirst = 1\nat = 3", &["unknown field `at`"]),
    ] {
        refused(&with(fault), said);
    }
}

#[test]
fn histograms_are_read_beside_the_profile_and_are_part_of_its_digest() {
    let text = built_in("constant").replace(
        "{ law = \"constant\", time = \"200ms\" }",
        "{ law = \"empirical\", histogram = \"get.csv\" }",
    );
    let read = |table: &'static str| {
        let mut side = |file: &str| {
            assert_eq!(file, "get.csv");
            Ok(table.as_bytes().to_vec())
        };
        Profile::from_toml_with("p.toml", &text, &mut side)
    };
    let profile = read("service_ms,count\n100,1\n300,3\n").unwrap();
    assert_eq!(profile.law(Endpoint::GetAccount).mean(), Duration::from_millis(250));
    let other = read("service_ms,count\n100,1\n300,4\n").unwrap();
    assert_ne!(profile.digest(), other.digest());
    let wrong = read("service_ms,count\n100\n").unwrap_err().to_string();
    assert!(wrong.contains("service.get.histogram: get.csv is no histogram: line 2"), "{wrong}");
}

/// Records are compared by these.
#[test]
fn digests_of_profiles_that_order_nothing_new_are_as_they_were() {
    for (name, digest) in [
        ("documented", "641a6b6dd81ff82b"),
        ("constant", "049ccc98b96d2c3b"),
        ("unlimited", "cffe7d460de25949"),
        ("guide-1", "06d32308b1472471"),
        ("guide-2", "93025e7f8078562e"),
        ("guide-3", "19833665deae4b9c"),
    ] {
        assert_eq!(Profile::built_in(name).unwrap().digest(), digest, "{name}");
    }
}

/// Digests are over these members: what is new must not change those of files that do not use it.
#[test]
fn members_that_a_file_does_not_use_are_not_in_its_digest() {
    let wire: WireProfile = toml::from_str(built_in("documented")).unwrap();
    let names = |value: serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let limits = names(serde_json::to_value(&wire.limits).unwrap());
    assert_eq!(limits, ["endpoints", "pool", "reject_after"]);
    let service = names(serde_json::to_value(&wire.service).unwrap());
    assert_eq!(service, ["get", "metadata", "patch", "put", "search"]);
    let law = names(serde_json::to_value(&wire.service.get).unwrap());
    assert_eq!(law, ["law", "median", "p99"]);
    // Members that do count.
    let digest = |text: &str| Profile::from_toml("x", text).unwrap().digest().to_owned();
    let plain = built_in("constant");
    let mut digests = vec![digest(plain)];
    digests.push(digest(&plain.replace("pool = 5", "pool = 5\nqueue = 1")));
    digests.push(digest(&plain.replace("pool = 5", "pool = 5\nper_second = 5")));
    digests.push(digest(&format!("{plain}[behaviour]\nerrors_as_200 = true\n")));
    digests.push(digest(&format!("{plain}congestion = {{ contention = 0.1 }}\n")));
    digests.push(digest(&format!("{plain}[[faults]]\nkind = \"503\"\nshare = 0.1\n")));
    digests.push(digest(&format!("{plain}[[faults]]\nkind = \"503\"\nshare = 0.2\n")));
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}
