//! Scripts judged by what they leave: right, wrong, nothing, less than there was, somewhere else.

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/clients");

/// The prelude of every test's script: functions for calls, and the fields of the plan.
const PRELUDE: &str = r#"
import base64, json, os, urllib.request
user = os.environ["NEON_ORG_ID"] + ":" + os.environ["NEON_API_KEY"]
headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode(),
           "Content-Type": "application/json"}
def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    url = os.environ["NEON_BASE_URL"] + path
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
        return json.loads(answer.read() or "null")
fields = {field["name"]: field for field in call("GET", "/customFields?category=Account")}
source, target = fields["V-Skill"]["id"], fields["Skills"]["id"]
options = {option["name"]: option["id"] for option in fields["Skills"]["optionValues"]}
def read(id):
    account = call("GET", f"/accounts/{id}")["individualAccount"]
    items = {item["id"]: item for item in account["accountCustomFields"]}
    held = [option["id"] for option in items.get(target, {}).get("optionValues") or []]
    return items.get(source, {}).get("value"), held
def write(id, ids):
    item = {"id": target, "optionValues": [{"id": option} for option in ids]}
    call("PATCH", f"/accounts/{id}", {"individualAccount": {"accountCustomFields": [item]}})
"#;

/// A judged script.
struct Judged {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Judged {
    fn record(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    /// Checks verdict and exit code; the record.
    fn is(&self, verdict: &str, code: i32) -> Value {
        let record = self.record();
        assert_eq!((record["verdict"].as_str(), self.code), (Some(verdict), code), "{record:#}");
        assert_eq!(record["schema"], 1);
        record
    }
}

/// Judges the command that `words` are, with `flags`, in a folder of its own.
fn judge(folder: &Path, flags: &[&str], words: &[&str]) -> Judged {
    let plan = format!("{CLIENTS}/plan.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_neonbench"));
    command.current_dir(folder).timeout(Duration::from_secs(120));
    command.args(["judge", "--plan", &plan, "--profile", "unlimited"]).args(flags);
    command.arg("--").args(words);
    let output = command.output().unwrap();
    Judged {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with a script that does `work` after [`PRELUDE`]; its path.
fn script(work: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.py");
    std::fs::write(&path, format!("{PRELUDE}{work}")).unwrap();
    (folder, path)
}

/// Judges a script that does `work`.
fn judge_script(work: &str) -> Judged {
    let (folder, path) = script(work);
    judge(folder.path(), &["--json"], &["python3", path.to_str().unwrap()])
}

#[test]
fn the_examples_are_correct_and_stand_in_the_league() {
    let folder = tempfile::tempdir().unwrap();
    for (interpreter, name) in [("python3", "migrate.py"), ("bash", "migrate.sh")] {
        let path = format!("{CLIENTS}/{name}");
        let judged = judge(folder.path(), &["--json"], &[interpreter, &path]);
        let record = judged.is("correct", 0);
        assert!(judged.stderr.contains("accounts written"), "{}", judged.stderr);
        assert_eq!((&record["name"], &record["command"]["exit_status"]), (&name.into(), &0.into()));
        assert_eq!(
            (&record["records"]["total"], &record["records"]["correct"]),
            (&20.into(), &20.into())
        );
        let written = record["writes"]["total"].as_u64().unwrap();
        assert!(
            written > 0 && record["writes"]["beyond_one"] == 0 && record["writes"]["repeated"] == 0
        );
        assert_eq!(record["calls"]["total"], 1 + 20 + written);
        assert!(record["makespan_s"].as_f64().unwrap() > 0.0);
        let league = record["league"].as_array().unwrap();
        assert!(league.len() >= 5, "{league:?}");
        let own = league.iter().find(|row| row["judged"] == true).unwrap();
        assert!(own["name"] == name && own["rank"].is_number(), "{own}");
    }
}

#[test]
fn wrong_data_is_named_and_hidden_unless_asked_for() {
    let work = "
for id in range(1, 21):
    skill, held = read(id)
    wrong = next(option for name, option in options.items() if name != skill and option not in held)
    write(id, held + [wrong])
";
    let record = judge_script(work).is("wrong_data", 5);
    assert!(record["records"]["wrong"].as_u64().unwrap() > 0, "{record:#}");
    let league = record["league"].as_array().unwrap();
    assert!(league.last().unwrap()["judged"] == true && league.last().unwrap()["rank"].is_null());

    let (folder, path) = script(work);
    let words = ["python3", path.to_str().unwrap()];
    let hidden = judge(folder.path(), &[], &words);
    assert!(hidden.stdout.contains("verdict   wrong data"), "{}", hidden.stdout);
    assert!(hidden.stdout.contains("Skills (86): expected"), "{}", hidden.stdout);
    assert!(!hidden.stdout.contains("Cooking"), "{}", hidden.stdout);
    let shown = judge(folder.path(), &["--show-values"], &words);
    assert!(shown.stdout.contains("`Cooking`") && shown.code == 5, "{}", shown.stdout);
}

#[test]
fn a_script_that_writes_nothing_is_found_out_whatever_it_prints() {
    let judged = judge_script("[read(id) for id in range(1, 21)]\nprint('20 accounts migrated')\n");
    let record = judged.is("nothing_written", 5);
    assert!(judged.stderr.contains("20 accounts migrated"));
    assert_eq!((&record["writes"]["total"], &record["records"]["lost"]), (&0.into(), &0.into()));
}

#[test]
fn a_script_that_sends_the_new_option_alone_loses_the_others() {
    let record = judge_script(
        "
for id in range(1, 21):
    skill, held = read(id)
    if skill and options[skill] not in held:
        write(id, [options[skill]])
",
    )
    .is("data_lost", 5);
    assert!(record["records"]["lost"].as_u64().unwrap() > 0, "{record:#}");
    assert_eq!(record["records"]["wrong"], 0);
    assert_eq!(record["differences"][0]["amiss"], "lost");
}

#[test]
fn a_script_that_stops_half_way_is_incomplete_and_its_failure_is_said() {
    let record = judge_script(
        "
for id in range(1, 21):
    skill, held = read(id)
    if id == 11:
        raise SystemExit(7)
    if skill and options[skill] not in held:
        write(id, held + [options[skill]])
",
    )
    .is("incomplete", 5);
    assert_eq!(record["command"]["exit_status"], 7);
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("ended with status 7"), "{warnings}");
}

#[test]
fn a_script_that_never_talks_to_the_mock_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let judged = judge(folder.path(), &["--json"], &["bash", "-c", "echo done"]);
    let record = judged.is("no_calls", 11);
    let sentence = "your command did not call the mock; check the address that it uses";
    assert!(judged.stderr.contains(sentence), "{}", judged.stderr);
    assert_eq!(record["league"].as_array().unwrap().len(), 0);

    // Nor does one with somebody else's credentials.
    let curl = "curl -s -u other:key $NEON_BASE_URL/accounts/1";
    let judged = judge(folder.path(), &["--json"], &["bash", "-c", curl]);
    assert_eq!(judged.is("no_calls", 11)["calls"]["unauthorized"], 1);
}

/// Clients that resolve paths against the address keep its base path, those that append theirs are served too;
/// a client that drops the base path is told so.
#[test]
fn a_client_may_join_its_address_as_it_likes() {
    let read = "
import urllib.error
from urllib.parse import urljoin, urlsplit
base, joined = os.environ['NEON_BASE_URL'], JOINED
for id in range(1, 21):
    try:
        urllib.request.urlopen(urllib.request.Request(joined(id), headers=headers)).read()
    except urllib.error.HTTPError:
        pass
";
    for joined in ["urljoin(base, f'accounts/{id}')", "base + f'/accounts/{id}'"] {
        let record = judge_script(&read.replace("JOINED", &format!("lambda id: {joined}")));
        let record = record.is("nothing_written", 5);
        assert_eq!(
            (&record["calls"]["total"], &record["calls"]["outside"]),
            (&21.into(), &0.into())
        );
    }
    let root = "lambda id: urljoin(base, f'/accounts/{id}')";
    let read = read.replace("JOINED", root);
    let script = format!("{}{read}", PRELUDE.split("fields = ").next().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.py");
    std::fs::write(&path, script).unwrap();
    let words = ["python3", path.to_str().unwrap()];
    let judged = judge(folder.path(), &[], &words);
    assert_eq!(judged.code, 11, "{}", judged.stderr);
    let outside = "20 calls, such as GET /accounts/1: the API begins at /v2";
    assert!(judged.stdout.contains(outside), "{}", judged.stdout);
    assert!(judged.stderr.contains("GET /accounts/1"), "{}", judged.stderr);
}

/// Writes that were carried out count, whatever they were answered.
#[test]
fn writes_that_were_applied_though_answered_with_an_error_are_counted() {
    let (folder, path) = script(
        "
import urllib.error
sent = failed = 0
for id in range(1, 21):
    skill, held = read(id)
    if not skill or options[skill] in held:
        continue
    while True:
        sent += 1
        try:
            write(id, held + [options[skill]])
            break
        except urllib.error.HTTPError:
            failed += 1
open('sent', 'w').write(f'{sent} {failed}')
",
    );
    let law = |of| format!("{of} = {{ law = \"constant\", time = \"1ms\" }}\n");
    let laws = ["get", "patch", "put", "search", "metadata"].map(law).concat();
    let fault = "[[faults]]\nkind = \"504\"\nevery = 4\nclasses = [\"patch\"]\n";
    let profile = format!("schema = 1\n[service]\n{laws}{fault}");
    std::fs::write(folder.path().join("applied.toml"), profile).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_neonbench"));
    command.current_dir(folder.path()).timeout(Duration::from_secs(120));
    let plan = format!("{CLIENTS}/plan.toml");
    command.args(["judge", "--plan", &plan, "--profile", "applied.toml", "--json", "--no-store"]);
    let output = command.args(["--", "python3"]).arg(&path).output().unwrap();
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sent = std::fs::read_to_string(folder.path().join("sent")).unwrap();
    let sent: Vec<u64> = sent.split(' ').map(|count| count.parse().unwrap()).collect();
    assert!(sent[1] > 0);
    assert_eq!(
        (&record["writes"]["total"], &record["writes"]["beyond_one"]),
        (&sent[0].into(), &sent[1].into())
    );
    let error = &record["calls"]["errors"][0];
    assert_eq!((&error["call"], &error["status"]), (&"PATCH /accounts/{id}".into(), &504.into()));
    assert_eq!(error["calls"], sent[1]);
}

#[test]
fn the_causes_of_failures_are_named() {
    let work = "
import urllib.error
for id in range(1, 21):
    call('PATCH', f'/accounts/{id}', {'individualAccount': {'customFieldResponses': [{'id': target}]}})
for id in range(1, 8):
    try:
        call('PATCH', f'/accounts/{id}', {'accountCustomFields': []})
    except urllib.error.HTTPError:
        pass
";
    let (folder, path) = script(work);
    let judged = judge(folder.path(), &[], &["python3", path.to_str().unwrap()]);
    let (stdout, lines) = (&judged.stdout, judged.stdout.lines());
    let ignored =
        "20 × PATCH /accounts/{id}: the API has no member `individualAccount.customFieldResponses`";
    assert!(stdout.contains(ignored), "{stdout}");
    let mut errors = lines.filter(|line| line.trim_start().starts_with("error "));
    let error = errors.next().unwrap_or_else(|| panic!("{stdout}"));
    assert!(
        error.contains("7 × PATCH /v2//accounts/{id}: 400") && error.contains("individualAccount"),
        "{error}"
    );
}

#[test]
fn home_is_empty_and_there_is_no_proxy_unless_they_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let tell = "echo \"home=$HOME files=$(ls -A \"$HOME\" | wc -l) proxy=${https_proxy-none}\"";
    let run = |flags: &[&str]| {
        let plan = format!("{CLIENTS}/plan.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_neonbench"));
        command.current_dir(folder.path()).env("HOME", folder.path());
        command.env("https_proxy", "http://192.0.2.1:9");
        command.args(["judge", "--no-store", "--plan", &plan]).args(flags);
        let output = command.args(["--", "bash", "-c", tell]).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let own = folder.path().display().to_string();
    let empty = run(&[]);
    assert!(empty.contains("files=0 proxy=none") && !empty.contains(&own), "{empty}");
    let kept = run(&["--keep-home"]);
    assert!(kept.contains(&own) && kept.contains("proxy=http://192.0.2.1:9"), "{kept}");
}

#[test]
fn what_takes_too_long_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    // The inner sleep would outlive the shell; it writes its id, which must be nobody's after.
    let sleeper = "sleep 600 & echo $! > sleeper; wait";
    let judged = judge(folder.path(), &["--json", "--timeout", "1s"], &["bash", "-c", sleeper]);
    let record = judged.is("no_calls", 11);
    assert_eq!(record["command"]["timed_out"], true);
    assert!(record["command"]["wall_s"].as_f64().unwrap() < 60.0);
    let id = std::fs::read_to_string(folder.path().join("sleeper")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "it lives on: {stat}");
}

#[test]
fn a_command_that_is_none_is_a_usage_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let judged = judge(folder.path(), &[], &["no-such-command-here"]);
    assert_eq!((judged.code, &*judged.stdout), (2, ""));
    assert!(judged.stderr.contains("cannot run `no-such-command-here`"), "{}", judged.stderr);
    assert_eq!(judge(folder.path(), &[], &[]).code, 2);
}

#[test]
fn what_is_judged_is_kept_without_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("{CLIENTS}/migrate.py");
    judge(folder.path(), &["--store", "s.sqlite"], &["python3", &path]);
    let store = neonbench::store::Store::open(&folder.path().join("s.sqlite")).unwrap();
    let kept = store.documents::<neonbench::judge::JudgeRecord>(10).unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].document.verdict, neonbench::judge::ClientVerdict::Correct);
}

/// True if a process of that number lives.
#[cfg(unix)]
fn is_alive(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Starts four sleepers, each in another way out of the family: in the background, in a session of its own, by a
/// double fork, and one that ignores SIGTERM. Their ids go into a file.
#[cfg(target_os = "linux")]
const SLEEPERS: &str = "
note() { echo $! >> ids; }
sleep 600 & note
setsid sleep 600 & note
(setsid bash -c 'sleep 600 & echo $! >> ids' &)
bash -c 'trap \"\" TERM HUP INT; echo $$ >> ids; while true; do sleep 1; done' &
while [ \"$(wc -l < ids)\" -lt 4 ]; do sleep 0.05; done
env > environment; touch ready
";

#[cfg(target_os = "linux")]
fn judge_sleepers(folder: &Path, flags: &[&str], rest: &str) -> std::process::Command {
    let plan = format!("{CLIENTS}/plan.toml");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_neonbench"));
    command.current_dir(folder).env("TMPDIR", folder);
    command.args(["judge", "--no-store", "--json", "--plan", &plan, "--profile", "unlimited"]);
    command.args(flags).args(["--", "bash", "-c", &format!("{SLEEPERS}{rest}")]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command
}

#[cfg(target_os = "linux")]
fn all_have_ended(folder: &Path, what: &str) {
    let ids = std::fs::read_to_string(folder.join("ids")).unwrap();
    assert_eq!(ids.lines().count(), 4, "{what}: {ids}");
    for id in ids.lines() {
        assert!(!is_alive(id), "{what}: {id} of {ids:?} lives on");
    }
    let homes = std::fs::read_dir(folder).unwrap().flatten();
    let homes = homes.filter(|it| it.file_name().to_string_lossy().starts_with("neonbench-home-"));
    assert_eq!(homes.count(), 0, "{what}: the temporary HOME is still there");
}

#[cfg(target_os = "linux")]
#[test]
fn whatever_a_command_started_ends_with_it() {
    for (what, flags, rest, code) in [
        ("at its end", &[][..], "", 11),
        ("at the timeout", &["--timeout", "2s"][..], "sleep 600", 11),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let status = judge_sleepers(folder.path(), flags, rest).status().unwrap();
        assert_eq!(status.code(), Some(code), "{what}");
        all_have_ended(folder.path(), what);
    }
    for signals in [&["-TERM"][..], &["-HUP"], &["-INT"], &["-TERM", "-TERM"]] {
        let folder = tempfile::tempdir().unwrap();
        let child = judge_sleepers(folder.path(), &[], "sleep 600").spawn().unwrap();
        while !folder.path().join("ready").exists() {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        let [before @ .., last] = signals else { unreachable!("one at least") };
        for signal in before {
            crate::cli::stops::send(&child, signal);
            std::thread::park_timeout(Duration::from_millis(100));
        }
        let (output, took) = crate::cli::stops::stopped(child, last, "judge");
        assert_eq!(output.status.code(), Some(130), "{signals:?} after {took:?}");
        all_have_ended(folder.path(), &format!("{signals:?}"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_secret_of_the_caller_reaches_a_command() {
    const SECRETS: [&str; 5] =
        ["AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "GITHUB_TOKEN", "NPM_TOKEN", "LD_PRELOAD_KEY"];
    let folder = tempfile::tempdir().unwrap();
    let run = |flags: &[&str]| {
        std::fs::remove_file(folder.path().join("ids")).ok();
        let mut command = judge_sleepers(folder.path(), flags, "");
        for name in SECRETS {
            command.env(name, "s3cret");
        }
        let code =
            command.env("NEON_API_KEY", "s3cret").env("LANG", "C.UTF-8").status().unwrap().code();
        (code, std::fs::read_to_string(folder.path().join("environment")).unwrap_or_default())
    };
    let (_, environment) = run(&[]);
    assert!(!environment.contains("s3cret"), "{environment}");
    for name in ["NEON_BASE_URL=http://127.0.0.1:", "NEON_API_KEY=demo", "LANG=C.UTF-8", "PATH="] {
        assert!(environment.contains(name), "no {name} in {environment}");
    }
    let (_, environment) = run(&["--env", "GITHUB_TOKEN"]);
    assert_eq!(environment.matches("s3cret").count(), 1, "{environment}");
    assert!(environment.contains("GITHUB_TOKEN=s3cret"), "{environment}");
    assert_eq!(run(&["--env", "NO_SUCH_VARIABLE"]).0, Some(2));
}

#[test]
fn output_without_end_is_shown_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let flood = "head -c 40000000 /dev/zero | tr '\\0' x; echo the end";
    let judged = judge(folder.path(), &["--json"], &["bash", "-c", flood]);
    judged.is("no_calls", 11);
    assert!(judged.stderr.contains("the rest of the command's output is left out"));
    assert!(judged.stderr.len() < 17 << 20 && !judged.stderr.contains("the end"));
}
