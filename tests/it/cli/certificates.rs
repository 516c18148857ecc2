//! `run --require-preflight`: a certificate that holds lets a run pass, and every other is refused by name before
//! anything is written. Certificates are issued by the library for what stands at a served mock.

use super::face::assert_valid;
use super::journals::{fast, served};
use super::place::Place;
use neon_mock::NeonMock;
use neon_mock::api::{AccountId, Class, CustomField};
use neonbench::digest::sha256;
use neonbench::experiment::Goal;
use neonbench::preflight::certificate::{
    CertificateScope, CertifiedJob, CertifiedSubjects, ItemWaiver, Statement, ToolIdentity, issue,
};
use neonbench::preflight::{Item, ItemResult, ItemStatus};
use neonbench::select::Calibration;
use neonbench::store::{ProfileText, Site, Store};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::plan::Plan;
use neonbench_engine::scenario::{Scenario, Workload};
use rusqlite::Connection;
use serde_json::{Map, Value};
use std::num::NonZeroU32;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const PLAN: &str = r#"schema = 1
[[filter]]
field = "V-Skills"
operator = "CONTAIN"
value = "i"
[[mappings]]
source = "V-Skills"
target = "Skills"
operation = "replace"
target_type = "text"
[[mappings]]
source = "V-Level"
target = "Level"
operation = "replace"
target_type = "dropdown"
target_options = ["Novice", "Expert"]
validation_required = false
"#;

const HOUR: i64 = 3600;

/// The namespace that the book tells people to sign in.
const NAMESPACE: &str = "neonbench-preflight";

#[expect(clippy::disallowed_methods, reason = "the binary goes by the calendar")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

/// A served organisation, and what a preflight of the plan there would certify.
struct Served {
    place: Place,
    mock: NeonMock,
    plan: Plan,
    accounts: Vec<AccountId>,
    fields: Vec<CustomField>,
    profile: ProfileText,
    calibration: Calibration,
    settings: Settings,
    is_journaled: bool,
    results: Vec<ItemResult>,
    waivers: Vec<ItemWaiver>,
    tool: ToolIdentity,
    site: Site,
}

impl Served {
    fn new() -> Self {
        let place = Place::new();
        place.file("plan.toml", PLAN);
        let plan = Plan::from_text("plan.toml", PLAN).unwrap();
        let workload = Workload {
            plan: Some(plan.clone()),
            resources: Some(60),
            profile: Some(fast()),
            ..Workload::default()
        };
        let scenario = Scenario::new(workload).unwrap();
        let organisation = scenario.organisation(1);
        let mock = served(&scenario, 1);
        let binary = std::fs::read(env!("CARGO_BIN_EXE_neonbench")).unwrap();
        Self {
            place,
            accounts: scenario.selected(&organisation),
            fields: organisation.definitions().to_vec(),
            profile: ProfileText::built_in("documented").unwrap(),
            calibration: Calibration::shipped(),
            settings: Settings::new(Strategy::Hybrid),
            is_journaled: true,
            results: Item::ALL.iter().map(|item| result(item.name, ItemStatus::Pass)).collect(),
            waivers: Vec::new(),
            tool: ToolIdentity {
                version: env!("CARGO_PKG_VERSION").into(),
                sha256: sha256(&binary),
            },
            site: Site::ForeignHttp { base_url: mock.base_url(), org_id: "demo".to_owned() },
            mock,
            plan,
        }
    }

    fn statement(&self, at: i64) -> Statement {
        let subjects = CertifiedSubjects::new(&CertifiedJob {
            plan: &self.plan,
            accounts: &self.accounts,
            fields: &self.fields,
            profile: &self.profile,
            calibration: &self.calibration,
            settings: &self.settings,
            goal: &Goal::default(),
            is_journaled: self.is_journaled,
        });
        let (tool, site) = (self.tool.clone(), self.site.clone());
        let scope = CertificateScope { tool, site, subjects };
        issue(scope, self.results.clone(), self.waivers.clone(), at)
    }

    /// Issues the certificate at that time, as a file and in the store.
    fn certify_at(&self, at: i64) {
        let text = self.statement(at).to_json();
        self.store().add_certificate(&text, at).unwrap();
        self.place.file("certificate.json", &text);
    }

    fn store(&self) -> Store {
        Store::open(&self.place.path().join(".neonbench/store.sqlite")).unwrap()
    }

    fn line(&self, more: &str) -> String {
        let url = self.mock.base_url();
        format!("run --plan plan.toml --base-url {url} --strategy hybrid {more}")
    }

    /// Checks that `line` is refused with 20 and says `words`, and that nothing was written at the server.
    fn refuses(&self, line: &str, words: &[&str]) {
        let said = self.place.neonbench(line);
        assert_eq!((said.code, said.stdout.as_str()), (20, ""), "{line}: {said:?}");
        for words in words {
            assert!(said.stderr.contains(words), "{line}: no `{words}` in {said:?}");
        }
        assert_eq!(said.stderr.lines().count(), 1, "{line}: {said:?}");
        assert_eq!(self.mock.calls().admitted(Class::Patch), 0, "{line}: {said:?}");
    }

    fn passes(&self, line: &str) {
        let run = self.place.json(&format!("{line} --json"), 0);
        assert_eq!(run["audit"]["valid"], true, "{run:#}");
        assert_eq!(run["resources"].as_u64().unwrap(), self.accounts.len() as u64, "{run:#}");
        // Calls of the check are the run's, too.
        let said =
            ["/calls/total", "/audit/calls/total"].map(|at| run.pointer(at).unwrap().as_u64());
        assert_eq!(said.into_iter().flatten().sum::<u64>(), self.mock.calls().total(), "{run:#}");
    }
}

fn result(name: &str, status: ItemStatus) -> ItemResult {
    let (findings, evidence, runs) = (Vec::new(), Map::new(), Vec::new());
    let summary = format!("{name} as found");
    ItemResult { name: name.to_owned(), status, summary, findings, evidence, runs }
}

#[test]
fn a_certificate_that_holds_lets_a_run_pass() {
    for more in ["--require-preflight certificate.json", "--require-preflight"] {
        let served = Served::new();
        assert!((10..60).contains(&served.accounts.len()), "{:?}", served.accounts);
        served.certify_at(now() - HOUR);
        served.passes(&served.line(more));
    }
    // A dry run tries the same.
    let served = Served::new();
    served.certify_at(now() - HOUR);
    let trial = served.place.json(&served.line("--require-preflight --dry-run --json"), 0);
    let next = trial["next_command"].as_str().unwrap().strip_prefix("neonbench ").unwrap();
    assert!(next.contains("--require-preflight"), "{next}");
    assert_eq!(served.place.json(&format!("{next} --json"), 0)["audit"]["valid"], true);
    // Virtual time has its own.
    let place = Place::new();
    place.refused("run --resources 3 --require-preflight", 20, &["has no certificate"]);
    place.refused("run --resources 3 --require-preflight --no-store", 2, &["FILE"]);
    place.refused("run --resources 3 --require-preflight gone.json", 2, &["gone.json"]);
    place.file("plan.toml", "schema = 1");
    place.refused(
        "run --resources 3 --require-preflight plan.toml",
        2,
        &["expected a certificate"],
    );
}

#[test]
fn a_preflight_issues_what_a_run_demands() {
    let served = Served::new();
    let url = served.mock.base_url();
    // Other strategies are faster at this small mock.
    let waived = "--waive benchmark=tried --waive advice=tried";
    let line = format!(
        "preflight --plan plan.toml --base-url {url} --strategy hybrid --told us --out certificate.json {waived}"
    );
    let said = served.place.neonbench_within(&line, 300);
    assert_eq!(said.code, 0, "{said:?}");
    let text = std::fs::read_to_string(served.place.path().join("certificate.json")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_valid(&served.place, "certificate", &value);
    // The verb and the library speak of the same subjects.
    let (issued, expected) = (Statement::from_json(&text).unwrap(), served.statement(now()));
    assert_eq!(issued.predicate.contents, expected.predicate.contents);
    assert_eq!(issued.subject, expected.subject);
    // The sample was written and taken back.
    let written = served.mock.calls().admitted(Class::Patch);
    for (more, named) in [
        ("--workers 8", "setting workers 5 -> 8"),
        ("--no-journal", "setting journal true -> false"),
    ] {
        let line = served.line(&format!("{more} --require-preflight"));
        let said = served.place.neonbench(&line);
        assert!(said.code == 20 && said.stderr.contains(named), "{said:?}");
        let next = "(next: neonbench preflight --plan plan.toml --strategy hybrid";
        assert!(said.stderr.contains(next), "{said:?}");
    }
    assert_eq!(served.mock.calls().admitted(Class::Patch), written);
    let run = served.place.json(&served.line("--require-preflight --json"), 0);
    assert_eq!(run["audit"]["valid"], true, "{run:#}");
    assert!(served.mock.calls().admitted(Class::Patch) > written);
}

/// A change that happened after the certificate: `before` is how things stood when it was issued, since the
/// server stays as it is.
type EarlierState = (fn(&mut Served), &'static str, &'static str);

#[test]
fn six_subjects_that_changed_after_the_certificate_are_six_refusals() {
    let cases: [EarlierState; 6] = [
        (
            |it| it.plan.mappings[1].target = "Grade".to_owned(),
            "",
            "plan mappings.2.target Grade -> Level",
        ),
        (|it| it.accounts.truncate(it.accounts.len() - 3), "", "3 accounts more match ("),
        (
            |it| {
                let level = it.fields.iter_mut().find(|field| &*field.name == "Level").unwrap();
                level.option_values.retain(|option| &*option.name != "Expert");
            },
            "",
            "options of Level: + Expert",
        ),
        (|_| {}, "--profile mine.toml", "profile service.get.median 250ms -> 251ms"),
        (
            |it| it.calibration.single_best.full.workers = 63,
            "",
            "calibration single_best.full.workers 63 -> ",
        ),
        (|it| it.settings.workers = NonZeroU32::new(8).unwrap(), "", "setting workers 8 -> 5"),
    ];
    for (before, more, named) in cases {
        let mut served = Served::new();
        before(&mut served);
        served.certify_at(now() - HOUR);
        served.place.file("mine.toml", &served.profile.text.replace("250ms", "251ms"));
        for file in ["certificate.json", ""] {
            served.refuses(&served.line(&format!("{more} --require-preflight {file}")), &[named]);
        }
    }
}

#[test]
fn flags_that_change_the_run_are_named() {
    let served = Served::new();
    served.certify_at(now() - HOUR);
    for (more, named) in [
        ("--workers 8", "setting workers 5 -> 8"),
        ("--objective fastest", "setting objective balanced -> fastest"),
        ("--no-journal", "setting journal true -> false"),
        ("--audit none", "setting audit full -> none"),
        ("--sample 4", "accounts fewer match ("),
        ("--org-id live", "organisation demo at"),
    ] {
        let line = format!("--require-preflight {more} --allow-writes-to live");
        let line =
            if more.contains("org-id") { line } else { format!("--require-preflight {more}") };
        let said = served.place.neonbench(&served.line(&line));
        // Another organisation is not served there.
        if more.contains("org-id") {
            assert!(said.code == 21, "{said:?}");
            continue;
        }
        served.refuses(&served.line(&line), &[named]);
    }
    // All that has changed is named at once.
    let mut served = served;
    served.accounts.pop();
    served.site = Site::Virtual;
    served.certify_at(now() - HOUR / 2);
    let words =
        ["1 account more matches", "setting workers 5 -> 8", "it is for the mock in virtual time"];
    served.refuses(&served.line("--workers 8 --require-preflight certificate.json"), &words);
}

/// The state at the certificate, its age in seconds, and the words of the refusal.
type AgedState = (fn(&mut Served), i64, &'static str);

#[test]
fn time_program_items_and_waivers_are_named() {
    let cases: [AgedState; 5] = [
        (|_| {}, 73 * HOUR, "it has expired: it was issued "),
        (|_| {}, -HOUR, "in the future"),
        (|it| it.tool.version = "0.0.9".to_owned(), HOUR, "neonbench 0.0.9 made it, and this is "),
        (|it| it.tool.sha256 = sha256(b""), HOUR, "another build of neonbench "),
        (
            |it| it.results[7] = result("rollback", ItemStatus::Fail),
            HOUR,
            "item rollback: failed: rollback as found",
        ),
    ];
    for (change, age, named) in cases {
        let mut served = Served::new();
        change(&mut served);
        served.certify_at(now() - age);
        served.refuses(&served.line("--require-preflight certificate.json"), &[named]);
    }
    let mut served = Served::new();
    served.results[7] = result("rollback", ItemStatus::Fail);
    let (item, reason) = ("rollback".to_owned(), "the fields are new".to_owned());
    served.waivers.push(ItemWaiver { item, reason });
    served.certify_at(now() - HOUR);
    served.passes(&served.line("--require-preflight"));
}

#[test]
fn an_edited_file_an_edited_store_and_an_older_certificate_are_refused() {
    let mut served = Served::new();
    served.results[7] = result("rollback", ItemStatus::Fail);
    served.certify_at(now() - HOUR);
    let written = std::fs::read_to_string(served.place.path().join("certificate.json")).unwrap();
    let line = served.line("--require-preflight certificate.json");
    served.place.file("certificate.json", &written.replace("\"fail\"", "\"pass\""));
    served.refuses(
        &line,
        &["edited after it was written", "predicate.results.8.status fail -> pass"],
    );
    served.place.file("certificate.json", &format!("{written}\n"));
    served.refuses(&line, &["edited after it was written: its layout"]);
    // One of another store is nobody's.
    served.place.file("certificate.json", &served.statement(now() - 2 * HOUR).to_json());
    served.refuses(&line, &["is not in .neonbench/store.sqlite"]);
    // The store is edited, so that its text is that of the file.
    let edited = written.replace("\"fail\"", "\"pass\"");
    served.place.file("certificate.json", &edited);
    let store = Connection::open(served.place.path().join(".neonbench/store.sqlite")).unwrap();
    store.execute("UPDATE certificates SET certificate_json = ?1", [&edited]).unwrap();
    for line in [&line, &served.line("--require-preflight")] {
        served.refuses(line, &["certificate 1", "was changed or removed"]);
    }
    // A later preflight counts instead of an earlier one.
    let mut served = Served::new();
    served.certify_at(now() - 2 * HOUR);
    let passed = std::fs::read_to_string(served.place.path().join("certificate.json")).unwrap();
    served.results[0] = result("sample", ItemStatus::Fail);
    served.certify_at(now() - HOUR);
    served.refuses(&served.line("--require-preflight"), &["item sample: failed"]);
    served.place.file("certificate.json", &passed);
    let words = ["is a later preflight of this plan"];
    served.refuses(&served.line("--require-preflight certificate.json"), &words);
    // Without its end, the chain does not hold.
    let store = Connection::open(served.place.path().join(".neonbench/store.sqlite")).unwrap();
    store.execute("DELETE FROM certificates WHERE id = 2", []).unwrap();
    let words = ["certificate 2", "was changed or removed"];
    served.refuses(&served.line("--require-preflight certificate.json"), &words);
}

/// Runs `ssh-keygen` in the place.
fn keygen(place: &Place, arguments: &[&str]) {
    let run =
        Command::new("ssh-keygen").current_dir(place.path()).args(arguments).output().unwrap();
    assert!(run.status.success(), "{arguments:?}: {run:?}");
}

/// Signs the certificate with `key`, as `certificate.json.sig.NAME`.
fn sign(place: &Place, key: &str, name: &str, namespace: &str) {
    keygen(place, &["-q", "-Y", "sign", "-n", namespace, "-f", key, "certificate.json"]);
    let path = |name: &str| place.path().join(name);
    std::fs::rename(path("certificate.json.sig"), path(&format!("certificate.json.sig.{name}")))
        .unwrap();
}

#[test]
fn two_people_sign_or_nothing_runs() {
    let served = Served::new();
    let place = &served.place;
    served.certify_at(now() - HOUR);
    let signers = [("ada", "ada"), ("bob", "bob"), ("ada", "ada-too"), ("bobs-other-name", "bob")];
    for key in ["ada", "bob", "ada-too", "eve"] {
        keygen(place, &["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", key]);
    }
    let public =
        |key: &str| std::fs::read_to_string(place.path().join(format!("{key}.pub"))).unwrap();
    let allowed = signers.map(|(name, key)| format!("{name} {}", public(key))).concat();
    place.file("allowed", &allowed);
    let line =
        served.line("--require-preflight certificate.json --signatures 2 --signed-by allowed");
    let remove = |name: &str| {
        std::fs::remove_file(place.path().join(format!("certificate.json.sig.{name}"))).unwrap();
    };
    served.refuses(&line, &["needs signatures of 2 people: nobody has signed it"]);
    sign(place, "ada", "1", NAMESPACE);
    served.refuses(&line, &["signed by ada;"]);
    // The same person again: the same key, and another key of hers.
    sign(place, "ada", "2", NAMESPACE);
    sign(place, "ada-too", "3", NAMESPACE);
    served.refuses(&line, &["needs signatures of 2 people: signed by ada;"]);
    sign(place, "eve", "4", NAMESPACE);
    let foreign = "certificate.json.sig.4: its key is none of the allowed signers'";
    served.refuses(&line, &["signed by ada;", foreign]);
    // A signature for another purpose, and one of another text.
    sign(place, "bob", "5", "file");
    served.refuses(
        &line,
        &["signed by ada;", "certificate.json.sig.5: not a signature of this text by bob"],
    );
    remove("5");
    let text = std::fs::read_to_string(place.path().join("certificate.json")).unwrap();
    place.file("certificate.json", &text.replace("pass", "warn"));
    sign(place, "bob", "6", NAMESPACE);
    served.refuses(
        &line,
        &["signed by bob;", "certificate.json.sig.1: not a signature of this text by ada"],
    );
    place.file("certificate.json", &text);
    served.refuses(
        &line,
        &["signed by ada;", "certificate.json.sig.6: not a signature of this text by bob"],
    );
    place.file("certificate.json.sig.7", "no signature");
    served.refuses(&line, &["certificate.json.sig.7: its key is none"]);
    // One signature is enough where one is asked for, and the store need not know the file.
    let one = served
        .line("--require-preflight certificate.json --signed-by allowed --no-store --dry-run");
    assert_eq!(place.neonbench(&one).code, 20, "the journal is part of what was certified");
    sign(place, "bob", "8", NAMESPACE);
    std::fs::remove_dir_all(place.path().join(".neonbench")).unwrap();
    served.refuses(&served.line("--require-preflight certificate.json"), &["is not in .neonbench"]);
    let trial = place.json(&format!("{line} --dry-run --json"), 0);
    let next = trial["next_command"].as_str().unwrap().strip_prefix("neonbench ").unwrap();
    for flag in ["--require-preflight certificate.json", "--signatures 2", "--signed-by allowed"] {
        assert!(next.contains(flag), "{next}");
    }
    assert_eq!(place.neonbench(next).code, 0);
    assert!(served.mock.calls().admitted(Class::Patch) > 0);
}

#[test]
fn signatures_need_a_file_signers_and_the_program() {
    let served = Served::new();
    served.certify_at(now() - HOUR);
    let refused = |more: &str, words: &str| {
        let said = served.place.neonbench(&served.line(more));
        assert!(said.code == 2 && said.stderr.contains(words), "{more}: {said:?}");
    };
    served.place.file("allowed", "");
    served.place.file("certificate.json.sig", "");
    refused("--require-preflight --signed-by allowed", "--require-preflight FILE");
    refused("--require-preflight certificate.json --signatures 2", "--signed-by");
    refused("--signed-by allowed", "--require-preflight");
    refused("--require-preflight certificate.json --signed-by gone", "gone");
    let line = served.line("--require-preflight certificate.json --signed-by allowed");
    let mut command = served.place.command(&line);
    let said = super::place::outcome(command.env("PATH", "/nonexistent"));
    assert!(
        said.code == 2 && said.stderr.contains("ssh-keygen, which is not installed"),
        "{said:?}"
    );
}
