//! Stores and files that are none of ours, stores that are full, locked, read-only or gone.
//!
//! A few sizes of a full disk here; twenty, for every verb that writes, by
//! `cargo test --release --test it -- --ignored --nocapture twenty_sizes`.

use super::journals::{FAST, digest, fast, plain, served, slow, started, wait_for};
use super::place::{Outcome, Place, outcome};
use assert_cmd::Command;
use neon_mock::NeonMock;
use neon_mock::api::Class;
use neon_mock::profile::Profile;
use neonbench::store::{Store, StoreError};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Accounts of a run that meets its limit.
const ACCOUNTS: u64 = 120;

/// Kind, mode and content of everything in a place.
fn stands(place: &Place) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let read = |path: PathBuf| {
        let found = path.symlink_metadata().unwrap();
        let content = if found.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        (path, (found.permissions().mode(), content))
    };
    place.entries().into_iter().map(read).collect()
}

/// A database with `tables`, with the mark and the version of `pragmas`.
fn database(place: &Place, name: &str, sql: &str) {
    Connection::open(place.path().join(name)).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_store_that_is_none_stays_as_it_was() {
    let (place, elsewhere) = (Place::new(), Place::new());
    place.file("notes.txt", "notes");
    place.file("short", "SQLite");
    database(&place, "other", "CREATE TABLE moz (id, url); INSERT INTO moz VALUES (1, 'a')");
    let runs = "CREATE TABLE runs (id INTEGER PRIMARY KEY, made_at_unix_s INTEGER NOT NULL, \
                record_json TEXT NOT NULL, precious TEXT); INSERT INTO runs VALUES (1, 5, '{}', 'x')";
    database(&place, "precious", runs);
    database(&place, "marked", "CREATE TABLE runs (id); PRAGMA application_id = 7");
    std::fs::create_dir(place.path().join("folder")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(place.path().join("pipe")).status();
    assert!(made.unwrap().success());
    assert_eq!(elsewhere.neonbench("run --resources 2 --store s --strategy hybrid -q").code, 0);
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, place.path().join(name));
    link(&elsewhere.path().join("s"), "elsewhere").unwrap();
    link(Path::new("nothing"), "dangling").unwrap();
    link(Path::new("/dev/null"), "device").unwrap();
    for entry in ["notes.txt", "short", "other", "precious", "marked"] {
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(place.path().join(entry), open).unwrap();
    }
    let (before, there) = (stands(&place), stands(&elsewhere));
    for name in [
        "notes.txt",
        "short",
        "other",
        "precious",
        "marked",
        "folder",
        "pipe",
        "elsewhere",
        "dangling",
        "device",
    ] {
        for verb in [
            "history",
            "store list",
            "store purge --all",
            "resume 1",
            "retry 1",
            "verify 1",
            "undo 1",
            "fit --run 1",
            "compare 1 2",
            "report --runs 1 --out out",
            "run --resources 2 --strategy hybrid --journal",
        ] {
            place.refused(&format!("{verb} --store {name}"), 2, &[name]);
        }
        // A record that cannot be saved is a warning.
        let ran = place.neonbench(&format!("run --resources 2 --strategy hybrid --store {name}"));
        assert!(ran.code == 0 && ran.stderr.contains("the run is not saved"), "{name}: {ran:?}");
        assert_eq!(stands(&place), before, "{name}");
    }
    assert_eq!(stands(&elsewhere), there);
}

#[test]
fn reading_verbs_change_and_create_nothing() {
    let place = Place::new();
    let mock = served(&plain(ACCOUNTS), 1);
    for store in ["whole", "live"] {
        let line = format!("run --resources 2 --strategy hybrid -q --store {store}");
        assert_eq!(place.neonbench(&line).code, 0);
    }
    let line = format!("run --base-url {} --resources {ACCOUNTS} --store", mock.base_url());
    mock.set_profile(slow());
    let mut killed = started(&place, &format!("{line} killed"));
    wait_for(&mock, Class::Patch, 5);
    killed.kill().unwrap();
    killed.wait().unwrap();
    // The files that a crash leaves behind where the index of the log is gone.
    for ending in ["", "-wal"] {
        let [from, to] = ["killed", "crashed"].map(|it| place.path().join(format!("{it}{ending}")));
        std::fs::copy(from, to).unwrap();
    }
    let open = Store::open(&place.path().join("live")).unwrap();
    database(&place, "unmarked", "");
    std::fs::copy(place.path().join("whole"), place.path().join("unmarked")).unwrap();
    // As a release that did not mark its files left it.
    let unmarked = "PRAGMA journal_mode = DELETE; DROP TABLE late_writes; DROP TABLE leases;
        DROP TABLE certificates; DROP TABLE plan_fields; DROP TABLE undo_writes;
        PRAGMA user_version = 2; PRAGMA application_id = 0";
    database(&place, "unmarked", unmarked);
    let read_only = |is: bool| {
        for path in place.entries() {
            let mode = if is { 0o400 } else { 0o600 };
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let mode = std::fs::Permissions::from_mode(if is { 0o500 } else { 0o700 });
        std::fs::set_permissions(place.path(), mode).unwrap();
    };
    for is_read_only in [false, true] {
        read_only(is_read_only);
        let before = stands(&place);
        for store in ["whole", "killed", "crashed", "live", "unmarked"] {
            for verb in ["history --json", "store list --json"] {
                let listed = place.json(&format!("{verb} --store {store}"), 0);
                assert_eq!(listed["runs"][0]["id"], 1, "{store}: {listed:#}");
            }
        }
        // Readers of a log note themselves in its index; nothing else may change.
        let is_index = |path: &Path| path.to_string_lossy().ends_with("-shm");
        let after = stands(&place);
        assert!(after.keys().eq(before.keys()), "{:?}", after.keys());
        for (path, found) in after.iter().filter(|(path, _)| !is_index(path)) {
            assert_eq!(Some(found), before.get(path), "{}", path.display());
        }
    }
    read_only(false);
    drop(open);
    // A process that writes marks it as ours.
    assert_eq!(place.neonbench("run --resources 2 -q --store unmarked").code, 0);
    let mark = Connection::open(place.path().join("unmarked")).unwrap();
    let mark: i64 = mark.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
    assert_ne!(mark, 0);
    assert_eq!(
        place.json("history --json --store unmarked", 0)["runs"].as_array().unwrap().len(),
        2
    );
}

/// The binary under a largest size of files, in the blocks of `sh`.
fn limited(place: &Place, blocks: u64, line: &str) -> Outcome {
    let script = format!("ulimit -f {blocks} && exec {} {line}", env!("CARGO_BIN_EXE_neonbench"));
    let mut command = Command::new("sh");
    command.current_dir(place.path()).args(["-c", &script]);
    for name in super::place::VARIABLES {
        command.env_remove(name);
    }
    outcome(&mut command)
}

/// Writes of run 1 that were noted before they were sent; 0 without such a run.
fn noted(place: &Place) -> u64 {
    match Store::read(&place.path().join("s"), |store| store.run(1)) {
        Ok(_) => {}
        Err(StoreError::NotAStore { .. } | StoreError::Open { .. } | StoreError::NoRun { .. }) => {
            return 0;
        }
        Err(error) => panic!("the store cannot be read: {error}"),
    }
    let store = Connection::open(place.path().join("s")).unwrap();
    let select = "SELECT count(*) FROM notes WHERE run_id = 1 AND note_json LIKE '{\"intended\"%'";
    let noted: i64 = store.query_row(select, [], |row| row.get(0)).unwrap();
    noted.cast_unsigned()
}

/// Checks the end of a run of which the store could not take everything: one sentence with the way on.
fn ended_early(said: &Outcome, at: u64) {
    assert!([2, 130].contains(&said.code), "{at}: {said:?}");
    assert_eq!(said.stderr.matches("error: ").count(), 1, "{at}: {said:?}");
    if said.code == 130 {
        assert!(said.stderr.contains("written and noted"), "{at}: {said:?}");
        assert!(said.stderr.contains("(next: neonbench resume 1 --store s"), "{at}: {said:?}");
    }
}

/// Runs, resumes and undoes under a largest size of files; true if the run was cut off in its middle.
fn a_run_within(blocks: u64, strategy: &str) -> bool {
    let (place, scenario) = (Place::new(), plain(ACCOUNTS));
    let mock = served(&scenario, blocks);
    let before = digest(&mock);
    let line = format!(
        "run --base-url {} --resources {ACCOUNTS} --strategy {strategy} --store s --changes c.csv",
        mock.base_url()
    );
    let ran = limited(&place, blocks, &line);
    let written = mock.calls().admitted(Class::Patch);
    if ran.code != 0 {
        ended_early(&ran, blocks);
        assert!(written <= noted(&place), "{blocks}: {written} writes, {} notes", noted(&place));
    }
    let had_run = noted(&place) > 0 || ran.code == 130;
    let in_the_middle = (1..ACCOUNTS).contains(&written);
    if ran.code != 0 && had_run {
        // Still full: it goes no further than its notes, and says so again.
        let again = limited(&place, blocks, "resume 1 --store s");
        if again.code != 0 {
            ended_early(&again, blocks);
        }
        assert!(mock.calls().admitted(Class::Patch) <= noted(&place), "{blocks}");
    }
    // There is room again.
    let on = if had_run { "resume 1 --store s".to_owned() } else { line };
    let resumed = place.neonbench(&on);
    assert!([0, 4].contains(&resumed.code), "{blocks}: {resumed:?}");
    let verified = place.neonbench("verify 1 --store s");
    assert_eq!(verified.code, 0, "{blocks}: {verified:?}");
    assert_ne!(digest(&mock), before);
    // An undo that cannot be noted is not begun.
    let migrated = digest(&mock);
    let undone = limited(&place, 7, "undo 1 --store s");
    assert_eq!((undone.code, digest(&mock)), (2, migrated), "{undone:?}");
    assert_eq!(place.neonbench("undo 1 --store s").code, 0);
    assert_eq!(digest(&mock), before, "{blocks}");
    in_the_middle
}

#[test]
fn a_full_disk_stops_a_run_before_the_write_that_it_cannot_note() {
    let cut = [60, 160, 300, 500].into_iter().filter(|&blocks| a_run_within(blocks, "hybrid"));
    assert!(cut.count() >= 2, "the sizes are too far from those of a run");
}

#[test]
#[ignore = "a few minutes; .ci/long runs it"]
fn twenty_sizes_of_a_full_disk_for_every_verb_that_writes() {
    let mut cut = 0;
    for step in 1..=20 {
        for strategy in ["standard", "hybrid", "pipelined"] {
            cut += u32::from(a_run_within(step * 35, strategy));
        }
        a_retry_within(step * 4);
        a_sample_within(step * 12);
        files_within(step * 25);
    }
    println!("20 sizes: {cut} of 60 runs were cut off in their middle");
    assert!(cut >= 20, "{cut}");
}

/// Retries failed accounts under a largest size of files.
fn a_retry_within(blocks: u64) {
    let (place, scenario) = (Place::new(), plain(40));
    let mock = served(&scenario, blocks);
    let faults = "[[faults]]\nkind = \"500\"\nrecords = [3, 9]\nclasses = [\"patch\"]\n";
    let refusing = format!("{FAST}{faults}");
    mock.set_profile(Profile::from_toml("refusing", &refusing).unwrap());
    let line =
        format!("run --base-url {} --resources 40 --strategy hybrid --store s", mock.base_url());
    let ran = place.neonbench(&line);
    assert_eq!(ran.code, 3, "{ran:?}");
    mock.set_profile(fast());
    let written = mock.calls().admitted(Class::Patch);
    let retried = limited(&place, blocks, "retry 1 --store s");
    if retried.code != 0 {
        assert!([2, 130].contains(&retried.code), "{blocks}: {retried:?}");
    }
    assert!(mock.calls().admitted(Class::Patch) - written <= noted(&place), "{blocks}");
    // A retry that was cut off is resumed first, which leaves the accounts that failed as they are.
    for (verb, codes) in [("resume", [0, 3, 4]), ("retry", [0, 4, 4])] {
        let on = place.neonbench(&format!("{verb} 1 --store s"));
        assert!(codes.contains(&on.code), "{blocks}: {verb}: {on:?}");
    }
    assert_eq!(place.neonbench("verify 1 --store s").code, 0, "{blocks}");
}

/// Migrates the sample of a probe under a largest size of files.
fn a_sample_within(blocks: u64) {
    let (place, scenario) = (Place::new(), plain(40));
    let mock = served(&scenario, blocks);
    let before = digest(&mock);
    let line = format!(
        "probe --base-url {} --resources 40 --sample 5 --store s --write p.toml",
        mock.base_url()
    );
    let probed = limited(&place, blocks, &line);
    assert!([0, 2].contains(&probed.code), "{blocks}: {probed:?}");
    let is_changed = digest(&mock) != before;
    assert!(!is_changed || noted(&place) > 0, "{blocks}: a sample without notes: {probed:?}");
    if is_changed {
        assert_eq!(place.neonbench("undo 1 --store s").code, 0);
        assert_eq!(digest(&mock), before);
    }
    whole_or_none(&place, "p.toml", "evidence", blocks);
}

/// Writes files of every kind under a largest size.
fn files_within(blocks: u64) {
    let place = Place::new();
    for (line, files) in [
        (
            "report --resources 5 --replicates 1 --out out --store s",
            &["out/index.html", "out/report.json"][..],
        ),
        ("evaluate --export-scenarios held", &[]),
        ("schema --out schemas", &[]),
    ] {
        let said = limited(&place, blocks, line);
        assert!([0, 2].contains(&said.code), "{blocks}: {line}: {said:?}");
        for file in files {
            assert!(!place.path().join(file).exists() || said.code == 0, "{blocks}: half a report");
        }
    }
    let left = |path: &&PathBuf| path.to_string_lossy().ends_with(".partial");
    assert_eq!(place.entries().iter().filter(left).count(), 0, "{blocks}");
}

fn whole_or_none(place: &Place, name: &str, word: &str, at: u64) {
    if let Ok(text) = std::fs::read_to_string(place.path().join(name)) {
        assert!(text.contains(word) && text.ends_with('\n'), "{at}: half of {name}");
    }
}

#[test]
fn a_lock_of_another_process_is_waited_for_with_a_word() {
    let place = Place::new();
    let mock = served(&plain(ACCOUNTS), 1);
    let line = format!(
        "run --base-url {} --resources {ACCOUNTS} --strategy hybrid --store s",
        mock.base_url()
    );
    mock.set_profile(slow());
    let mut child = started(&place, &line);
    wait_for(&mock, Class::Get, 5);
    let locker = Connection::open(place.path().join("s")).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    mock.set_profile(fast());
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let word = said.take_while(|line| !line.contains("another process has locked the store"));
    let before = word.count();
    locker.execute_batch("ROLLBACK").unwrap();
    drop(locker);
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "after {before} other lines");
    assert_eq!(place.neonbench("verify 1 --store s").code, 0);
}

/// Cuts the store of a run in its middle by `cut`; its end.
fn run_without_its_store(cut: impl FnOnce(&Path)) -> (Outcome, NeonMock) {
    let place = Place::new();
    let mock = served(&plain(ACCOUNTS), 1);
    let line = format!(
        "run --base-url {} --resources {ACCOUNTS} --strategy standard --store s",
        mock.base_url()
    );
    mock.set_profile(slow());
    let child = started(&place, &line);
    wait_for(&mock, Class::Patch, 5);
    cut(&place.path().join("s"));
    mock.set_profile(fast());
    let ended = child.wait_with_output().unwrap();
    let [stdout, stderr] = [ended.stdout, ended.stderr].map(|it| String::from_utf8(it).unwrap());
    (Outcome { code: ended.status.code().unwrap_or(-1), stdout, stderr }, mock)
}

#[test]
fn a_store_that_vanished_during_a_run_stops_it_and_is_said() {
    let log = |store: &Path| store.with_file_name("s-wal");
    let cuts: [&dyn Fn(&Path); 5] = [
        &|store| std::fs::remove_file(store).unwrap(),
        &|store| std::fs::remove_file(log(store)).unwrap(),
        &|store| std::fs::rename(store, store.with_file_name("t")).unwrap(),
        &|store| std::fs::OpenOptions::new().write(true).open(store).unwrap().set_len(0).unwrap(),
        &|store| std::fs::remove_dir_all(store.parent().unwrap()).unwrap(),
    ];
    for (number, cut) in cuts.into_iter().enumerate() {
        let (ended, mock) = run_without_its_store(cut);
        assert_eq!(ended.code, 1, "{number}: {ended:?}");
        for word in
            ["run 1 wrote", "nothing can resume, verify or undo it", "removed, replaced or emptied"]
        {
            assert!(ended.stderr.contains(word), "{number}: {ended:?}");
        }
        assert!(!(ended.stdout + &ended.stderr).contains("next: neonbench verify"), "{number}");
        let written = mock.calls().admitted(Class::Patch);
        assert!(written < ACCOUNTS, "{number}: it went on: {written}");
    }
}

#[test]
fn an_output_takes_the_place_of_a_file_alone() {
    let place = Place::new();
    let at = |name: &str| place.path().join(name);
    place.file("mine.toml", "mine");
    std::fs::set_permissions(at("mine.toml"), std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("mine.toml", at("link")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    std::os::unix::fs::symlink("nothing.yaml", at("dangling")).unwrap();
    let export = |to: &str| {
        place.neonbench(&format!("probe --profile constant --resources 20 --write {to}"))
    };
    // A link stays one, and the mode of a file stays.
    assert_eq!(export("link").code, 0);
    assert!(at("link").is_symlink());
    assert!(std::fs::read_to_string(at("mine.toml")).unwrap().contains("[evidence]"));
    let mode = at("mine.toml").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    // Devices are written to as they are; /dev/full has no room.
    assert_eq!(export("/dev/null").code, 0);
    assert_eq!(export("/dev/full").code, 2);
    let shown = export("/dev/stdout");
    assert!(shown.code == 0 && shown.stdout.contains("[evidence]"), "{shown:?}");
    for wrong in ["folder", "dangling", "no/such/folder"] {
        assert_eq!(export(wrong).code, 2, "{wrong}");
    }
    let left = |path: &&PathBuf| path.to_string_lossy().ends_with(".partial");
    assert_eq!(place.entries().iter().filter(left).count(), 0);
    // A list that cannot be written is found before the run.
    place.refused("run --resources 2 --changes folder", 2, &["cannot write folder"]);
    // A report replaces its own pages, and nobody else's.
    let report = "report --resources 2 --replicates 1 --no-store -q --out pages";
    assert_eq!(place.neonbench(report).code, 0);
    assert_eq!(place.neonbench(report).code, 0);
    std::fs::write(at("pages/index.html"), "<h1>Our shop</h1>").unwrap();
    place.refused(report, 2, &["pages/index.html", "--out"]);
    assert_eq!(std::fs::read_to_string(at("pages/index.html")).unwrap(), "<h1>Our shop</h1>");
}
