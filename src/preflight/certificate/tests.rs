//! Certificates that hold, and every way in which one does not.

use super::*;
use crate::experiment::{Goal, Objective};
use crate::select::Calibration;
use crate::store::ProfileText;
use neon_mock::api::{AccountId, CustomField};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::plan::{Mapping, Operation, Plan};
use serde_json::{Map, json};
use std::num::NonZeroU32;

const NOW: i64 = 1_800_000_000;

/// A migration that a test changes.
struct Job {
    plan: Plan,
    accounts: Vec<AccountId>,
    fields: Vec<CustomField>,
    profile: ProfileText,
    calibration: Calibration,
    settings: Settings,
    goal: Goal,
    is_journaled: bool,
}

fn job() -> Job {
    let fields = json!([
        {"id": "84", "name": "Skills", "displayType": "Checkbox",
         "optionValues": [{"id": "1", "name": "Cooking"}, {"id": "2", "name": "First aid"}]},
        {"id": "85", "name": "V-Old", "displayType": "OneLineText", "optionValues": null}
    ]);
    let mapping = Mapping::new("V-Old", "Skills", Operation::AddOption);
    Job {
        plan: Plan { mappings: vec![mapping], ..Plan::default() },
        accounts: (1..=500).map(AccountId).collect(),
        fields: serde_json::from_value(fields).unwrap(),
        profile: ProfileText::built_in("constant").unwrap(),
        calibration: Calibration::shipped(),
        settings: Settings::new(Strategy::Hybrid),
        goal: Goal::default(),
        is_journaled: true,
    }
}

fn tool() -> ToolIdentity {
    ToolIdentity { version: "0.1.0".to_owned(), sha256: sha256(b"binary") }
}

fn site() -> Site {
    Site::ForeignHttp { base_url: "https://a.example/v2".to_owned(), org_id: "demo".to_owned() }
}

impl Job {
    fn scope(&self) -> CertificateScope {
        let subjects = CertifiedSubjects::new(&CertifiedJob {
            plan: &self.plan,
            accounts: &self.accounts,
            fields: &self.fields,
            profile: &self.profile,
            calibration: &self.calibration,
            settings: &self.settings,
            goal: &self.goal,
            is_journaled: self.is_journaled,
        });
        CertificateScope { tool: tool(), site: site(), subjects }
    }
}

fn result(name: &str, status: ItemStatus) -> ItemResult {
    let summary = format!("{name} is {status}");
    let (findings, evidence, runs) = (Vec::new(), Map::new(), Vec::new());
    ItemResult { name: name.to_owned(), status, summary, findings, evidence, runs }
}

fn passed() -> Vec<ItemResult> {
    Item::ALL.iter().map(|item| result(item.name, ItemStatus::Pass)).collect()
}

fn certificate() -> Statement {
    issue(job().scope(), passed(), Vec::new(), NOW)
}

/// The reasons why `statement` does not hold for `scope`, as one sentence.
fn refusal(statement: &Statement, scope: &CertificateScope, now: i64) -> String {
    let changes = check(statement, scope, now).err().unwrap_or_default();
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_certificate_holds_for_what_it_was_issued_for_and_survives_its_file() {
    let statement = certificate();
    let read = Statement::from_json(&statement.to_json()).unwrap();
    assert_eq!(read, statement);
    for now in [NOW, NOW + VALID_S - 1] {
        assert_eq!(check(&read, &job().scope(), now), Ok(()));
    }
    let names: Vec<&str> = read.subject.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["plan", "accounts", "fields", "profile", "calibration", "settings"]);
    // Anybody can make the digests again: keys in order, no spaces.
    let file: serde_json::Value = serde_json::from_str(&statement.to_json()).unwrap();
    for subject in &statement.subject {
        let content = file["predicate"]["contents"][&subject.name].to_string();
        assert_eq!(sha256(content.as_bytes()), subject.digest.sha256, "{}", subject.name);
    }
}

/// A change to a migration, and the words by which it is named.
type PlannedChange = (fn(&mut Job), &'static str);

#[test]
fn every_subject_that_changes_is_named_and_no_other() {
    let cases: [PlannedChange; 19] = [
        (
            |it| it.plan.mappings[0].target = "Other".to_owned(),
            "plan mappings.1.target Skills -> Other",
        ),
        (
            |it| it.plan.mappings[0].preserve_source = false,
            "plan mappings.1.preserve_source none -> false",
        ),
        (|it| it.plan.description = "All of it".to_owned(), "plan description none -> `All of it`"),
        (|it| it.accounts.extend((501..=514).map(AccountId)), "14 accounts more match (501-514)"),
        (|it| it.accounts.retain(|id| id.0 != 7), "1 account fewer matches (7)"),
        (
            |it| it.accounts = (3..=501).map(AccountId).collect(),
            "1 account more matches (501); 2 accounts fewer match (1-2)",
        ),
        (
            |it| {
                let mut option = it.fields[0].option_values[1].clone();
                (option.id, option.name) =
                    (serde_json::from_value(json!("3")).unwrap(), "Welding".into());
                it.fields[0].option_values.push(option);
            },
            "options of Skills: + Welding",
        ),
        (|it| drop(it.fields[0].option_values.remove(0)), "options of Skills: - Cooking"),
        (
            |it| it.fields[0].option_values[0].name = "Baking".into(),
            "options of Skills: Cooking -> Baking",
        ),
        (
            |it| {
                it.fields[0].option_values[0].status = Some(neon_mock::api::OptionStatus::Inactive);
            },
            "options of Skills: Cooking -> Cooking (INACTIVE)",
        ),
        (
            |it| it.fields[0].display_type = neon_mock::api::DisplayType::Dropdown,
            "field Skills: displayType Checkbox -> Dropdown",
        ),
        (|it| drop(it.fields.pop()), "field V-Old is gone"),
        (|it| it.profile = ProfileText::built_in("unlimited").unwrap(), "profile "),
        (
            |it| it.profile.text = it.profile.text.replace("200ms", "201ms"),
            "profile service.get.time 200ms -> 201ms",
        ),
        (
            |it| it.calibration.single_best.full.workers += 1,
            "calibration single_best.full.workers ",
        ),
        (|it| it.settings.workers = NonZeroU32::new(8).unwrap(), "setting workers 5 -> 8"),
        (
            |it| it.settings.call_deadline = std::time::Duration::from_secs(60),
            "setting call_deadline 10m -> 1m",
        ),
        (|it| it.goal.objective = Objective::Fastest, "setting objective balanced -> fastest"),
        (|it| it.is_journaled = false, "setting journal true -> false"),
    ];
    for (change, expected) in cases {
        let mut later = job();
        change(&mut later);
        let changes = check(&certificate(), &later.scope(), NOW).unwrap_err();
        assert_eq!(changes.len(), 1, "{expected}: {changes:?}");
        let said = changes[0].to_string();
        let is_whole = !expected.ends_with(' ');
        assert!(said.starts_with(expected) && (!is_whole || said == expected), "{said}");
    }
}

#[test]
fn a_dry_run_needs_no_certificate_of_its_own() {
    let mut dry = job();
    dry.settings.dry_run = true;
    dry.plan.hints.dry_run = Some(true);
    assert_eq!(check(&certificate(), &dry.scope(), NOW), Ok(()));
}

#[test]
fn long_lists_are_compared_by_their_digests() {
    let mut job = job();
    job.accounts = (1..=40_000).map(|id| AccountId(2 * id)).collect();
    let statement = issue(job.scope(), passed(), Vec::new(), NOW);
    assert_eq!(statement.predicate.contents.accounts.ids, None);
    assert_eq!(check(&statement, &job.scope(), NOW), Ok(()));
    job.accounts[17] = AccountId(37);
    assert_eq!(refusal(&statement, &job.scope(), NOW), "other accounts match, 40,000 as before");
    job.accounts.pop();
    assert_eq!(refusal(&statement, &job.scope(), NOW), "1 account fewer matches");
}

#[test]
fn time_place_and_program_are_refused_by_name() {
    let scope = job().scope();
    let expired = refusal(&certificate(), &scope, NOW + VALID_S);
    assert_eq!(expired, "it has expired: it was issued 2027-01-15T08:00:00Z, and holds for 72 h");
    let early = refusal(&certificate(), &scope, NOW - 1);
    assert!(early.contains("in the future"), "{early}");
    // Nobody makes one that holds longer.
    let mut longer = certificate();
    longer.predicate.expires += 1;
    assert!(refusal(&longer, &scope, NOW).contains("expired"));
    let site = |base_url: &str, org_id: &str| Site::ForeignHttp {
        base_url: base_url.to_owned(),
        org_id: org_id.to_owned(),
    };
    let live = CertificateScope { site: site("https://a.example/v2", "live"), ..scope.clone() };
    assert_eq!(
        refusal(&certificate(), &live, NOW),
        "it is for organisation demo at https://a.example/v2, and the run is for organisation live at \
         https://a.example/v2"
    );
    let virtual_time = CertificateScope { site: Site::Virtual, ..scope.clone() };
    assert!(refusal(&certificate(), &virtual_time, NOW).ends_with("the mock in virtual time"));
    let other = |version: &str, binary: &[u8]| CertificateScope {
        tool: ToolIdentity { version: version.to_owned(), sha256: sha256(binary) },
        ..scope.clone()
    };
    let version = refusal(&certificate(), &other("0.2.0", b"other"), NOW);
    assert_eq!(version, "neonbench 0.1.0 made it, and this is 0.2.0");
    let build = refusal(&certificate(), &other("0.1.0", b"other"), NOW);
    assert_eq!(build, "another build of neonbench 0.1.0 made it");
}

#[test]
fn every_item_has_to_hold_or_be_waived_with_a_reason() {
    let scope = job().scope();
    let waiver = |item: &str, reason: &str| {
        vec![ItemWaiver { item: item.to_owned(), reason: reason.to_owned() }]
    };
    for (status, holds) in [
        (ItemStatus::Pass, true),
        (ItemStatus::Warn, true),
        (ItemStatus::Fail, false),
        (ItemStatus::Unknown, false),
        (ItemStatus::Waived, false),
        (ItemStatus::Skipped, false),
    ] {
        let mut results = passed();
        results[8] = result("quiet", status);
        let plain = issue(scope.clone(), results.clone(), Vec::new(), NOW);
        let said = refusal(&plain, &scope, NOW);
        let expected = format!("item quiet: {status}: quiet is {status}");
        assert_eq!(said, if holds { String::new() } else { expected });
        let accepted =
            issue(scope.clone(), results.clone(), waiver("quiet", "agreed with Ada"), NOW);
        assert_eq!(check(&accepted, &scope, NOW), Ok(()));
        for useless in [waiver("quiet", "  "), waiver("memory", "agreed")] {
            let refused = issue(scope.clone(), results.clone(), useless, NOW);
            assert_eq!(check(&refused, &scope, NOW).is_ok(), holds);
        }
    }
    let mut results = passed();
    results.remove(0);
    let lacking = issue(scope.clone(), results, Vec::new(), NOW);
    assert_eq!(refusal(&lacking, &scope, NOW), "item sample was not checked");
    // A second, better result of an item does not hide the first.
    let mut twice = passed();
    twice.insert(0, result("sample", ItemStatus::Fail));
    twice.push(result("sample", ItemStatus::Pass));
    assert!(!refusal(&issue(scope.clone(), twice, Vec::new(), NOW), &scope, NOW).is_empty());
}

#[test]
fn edits_of_the_file_contradict_its_digests() {
    let scope = job().scope();
    let mut edited = certificate();
    edited.predicate.contents.settings.insert("workers".to_owned(), "8".to_owned());
    let said = refusal(&edited, &scope, NOW);
    assert!(said.starts_with("somebody edited its settings"), "{said}");
    assert!(said.ends_with("setting workers 8 -> 5"), "{said}");
    let mut edited = certificate();
    edited.subject.pop();
    assert!(!refusal(&edited, &scope, NOW).is_empty());
    let mut edited = certificate();
    edited.predicate_type = "https://elsewhere.example/v1".to_owned();
    assert!(refusal(&edited, &scope, NOW).contains("elsewhere.example"));
    let mut edited = certificate();
    edited.predicate.results[0].status = ItemStatus::Warn;
    let differences = certificate().differences(&edited);
    assert_eq!(differences, ["predicate.results.1.status pass -> warn"]);
}

#[test]
fn lists_of_accounts_from_a_file_are_not_believed() {
    let mut hostile = certificate();
    for list in ["@/etc/passwd", "1-18446744073709551615", "9-1,x,,-", "0-0,18446744073709551615"] {
        hostile.predicate.contents.accounts.ids = Some(list.to_owned());
        assert!(refusal(&hostile, &job().scope(), NOW).contains("match"), "{list}");
    }
}
