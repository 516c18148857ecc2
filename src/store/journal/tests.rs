use super::*;
use crate::store::{FormerOwner, LeaseAnswer, ProcessIdentity, ProfileText, Purge, Site, TakenRun};
use neon_mock::api::{AccountKind, FieldId, Value};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::journal::{AccountStatus, FieldChange, Intent};
use neonbench_engine::record::ChosenBy;
use neonbench_engine::scenario::{DatasetSource, Resources};
use rusqlite::Connection;
use std::path::Path;

fn header() -> Header {
    Header {
        schema: Header::SCHEMA,
        scenario: "mine".to_owned(),
        plan: neonbench_engine::plan::Plan::plain(2),
        accounts: 9,
        sample: None,
        dataset: Some(DatasetSource::BuiltIn("plain".to_owned())),
        profile: ProfileText::built_in("constant").unwrap(),
        settings: Settings { dry_run: false, seed: u64::MAX, ..Settings::new(Strategy::Hybrid) },
        chosen_by: ChosenBy::User,
        reason: "asked for".to_owned(),
        site: Site::ForeignHttp {
            base_url: "http://127.0.0.1:1/v2".to_owned(),
            org_id: "demo".to_owned(),
        },
    }
}

fn notes(id: u64) -> Vec<Note> {
    let id = AccountId(id);
    let changes = vec![FieldChange {
        field: FieldId(85),
        has_options: false,
        before: None,
        after: Some(Value::Text("secret".into())),
    }];
    vec![
        Note::Intended(Intent {
            id,
            kind: AccountKind::Individual,
            mappings_done: 1,
            changes,
            identity: None,
            problem: None,
        }),
        Note::Written { id },
        Note::Landed { id, landing: AccountStatus::Migrated, reason: String::new() },
    ]
}

fn process(number: u32) -> ProcessIdentity {
    ProcessIdentity { process: number, ..ProcessIdentity::default() }
}

/// That process, which began at that time.
fn by(process: &ProcessIdentity, at_unix_s: i64) -> Claimant<'_> {
    Claimant { verb: "run", process, at_unix_s, may_overlap: false, is_gone: |_| false }
}

/// Begins the run.
fn begun(store: &mut Store, ids: Option<&[AccountId]>, at_unix_s: i64) -> Lease {
    store.begin(&header(), ids, by(&process(42), at_unix_s)).unwrap()
}

fn kept(path: &Path) -> (Store, Lease) {
    let mut store = Store::open(path).unwrap();
    let ids = [1, 2, 3, 7].map(AccountId);
    let lease = begun(&mut store, Some(&ids), 1_700_000_000);
    (store, lease)
}

/// Takes a run over from its owner, as if that were silent.
fn taken(store: &mut Store, id: i64, process: &ProcessIdentity) -> TakenRun {
    let former = store.holder(id).unwrap();
    let former = former.map(|it| FormerOwner { heartbeat: it.heartbeat, is_gone: false });
    let states = (&RunState::ALL[..], RunState::Running);
    match store.take(id, by(process, 0), states, former.as_ref()).unwrap() {
        LeaseAnswer::Taken(taken) => *taken,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_taken_up_by_another_process_where_its_notes_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let (store, first) = kept(&path);
    let (journal, id) = (store.journal(&first).unwrap(), first.run);
    for note in notes(1).iter().chain(&notes(3)[..1]) {
        journal.keep(note).unwrap();
    }
    // Another connection sees what was noted, while this one lives and never closes.
    let mut other = Store::open(&path).unwrap();
    let states = (&[RunState::Running][..], RunState::Running);
    let (second, third) = (process(42), process(44));
    let held = other.take(id, by(&second, 0), states, None).unwrap();
    assert!(
        matches!(held, LeaseAnswer::Held(_)),
        "the same number is not the same process: {held:?}"
    );
    let heartbeat = other.holder(id).unwrap().unwrap().heartbeat;
    let seen = FormerOwner { heartbeat, is_gone: true };
    assert!(store.beat(&first, 0).unwrap());
    let held = other.take(id, by(&second, 0), states, Some(&seen)).unwrap();
    assert!(matches!(held, LeaseAnswer::Held(_)), "its owner has moved since: {held:?}");
    let TakenRun { lease, run, ledger } = taken(&mut other, id, &second);
    assert_eq!((run.state, run.process), (RunState::Running, Some(42)));
    assert_eq!(run.ids, Some([1, 2, 3, 7].map(AccountId).to_vec()));
    let open = notes(3).into_iter().take(1);
    assert_eq!(ledger, Ledger::new(notes(1).into_iter().chain(open.clone())));
    assert_eq!(other.late_writes(id).unwrap(), [AccountId(3)], "its owner was only silent");
    let held = other.take(id, by(&third, 0), states, Some(&seen)).unwrap();
    assert!(matches!(held, LeaseAnswer::Held(_)), "the second has it now: {held:?}");

    // The first is refused everything: heartbeats, notes, writes, the end of the run.
    assert!(!store.beat(&first, 0).unwrap());
    let refused = journal.keep(&notes(2)[0]).unwrap_err();
    assert!(refused.0.to_string().contains("belongs to another process"), "{refused:?}");
    assert!(journal.sending(AccountId(2)).is_err());
    assert!(journal.enumerated(&[]).is_err());
    let mut former = Store::open(&path).unwrap();
    for refused in [former.end(&first, RunState::Failed, None), former.forget(&first)] {
        assert!(matches!(refused, Err(StoreError::LeaseLost { .. })), "{refused:?}");
    }
    for note in &notes(2) {
        other.journal(&lease).unwrap().keep(note).unwrap();
    }
    let all = notes(1).into_iter().chain(open).chain(notes(2));
    assert_eq!(other.ledger(id).unwrap(), Ledger::new(all));
    assert_eq!(other.run(id).unwrap().state, RunState::Running);
    other.end(&lease, RunState::Finished, None).unwrap();
    assert_eq!(other.holder(id).unwrap(), None);

    let kept = run.header.unwrap();
    let (scenario, before) = (kept.scenario(run.ids).unwrap(), header());
    assert_eq!(kept.settings, before.settings);
    assert_eq!((&kept.site, scenario.accounts()), (&before.site, 9));
    assert_eq!(scenario.name, "mine");
    let of_before = before.scenario(None).unwrap();
    assert_eq!(scenario.profile.digest(), of_before.profile.digest());
    assert_eq!(scenario.resources, Resources::Ids([1, 2, 3, 7].map(AccountId).to_vec()));
    drop(journal);
    std::mem::forget((store, other));
}

/// An undo makes no notes: its successor learns from the store of each write that was sent and not seen to end.
#[test]
fn an_undo_that_falls_silent_leaves_word_of_its_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, lease) = kept(&folder.path().join("store.sqlite"));
    for id in [1, 2, 3] {
        for note in &notes(id) {
            store.journal(&lease).unwrap().keep(note).unwrap();
        }
    }
    store.end(&lease, RunState::Finished, None).unwrap();
    let undo = |store: &mut Store, former: Option<&FormerOwner>| {
        let states = (&RunState::ALL[..], RunState::Undoing);
        match store.take(lease.run, by(&process(7), 0), states, former).unwrap() {
            LeaseAnswer::Taken(taken) => taken.lease,
            other => panic!("{other:?}"),
        }
    };
    let former = |store: &Store, is_gone| {
        let heartbeat = store.holder(lease.run).unwrap().unwrap().heartbeat;
        FormerOwner { heartbeat, is_gone }
    };
    let first = undo(&mut store, None);
    {
        let journal = store.journal(&first).unwrap();
        for id in [1, 2, 2].map(AccountId) {
            journal.sending(id).unwrap();
        }
        journal.answered(AccountId(1));
        assert_eq!(journal.late_writes(), [AccountId(2)]);
    }
    // An owner that has ended writes nothing more.
    let gone = former(&store, true);
    let second = undo(&mut store, Some(&gone));
    assert_eq!(store.late_writes(lease.run).unwrap(), []);
    assert!(store.journal(&first).unwrap().sending(AccountId(3)).is_err());
    store.journal(&second).unwrap().sending(AccountId(3)).unwrap();
    let silent = former(&store, false);
    let third = undo(&mut store, Some(&silent));
    assert_eq!(store.late_writes(lease.run).unwrap(), [AccountId(3)]);
    let silent = former(&store, false);
    store.journal(&third).unwrap();
    undo(&mut store, Some(&silent));
    assert_eq!(store.late_writes(lease.run).unwrap(), [AccountId(3)], "and none of others");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_store_or_the_files_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (store, lease) = kept(&path);
    store.journal(&lease).unwrap().keep(&notes(1)[0]).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert_eq!(seen, 3, "the file, its log and the log's index");
}

#[test]
fn what_is_purged_is_gone_from_the_files_and_its_number_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let (mut store, first) = kept(&path);
    let second = begun(&mut store, None, 1_800_000_000);
    for lease in [&first, &second] {
        for note in &notes(1) {
            store.journal(lease).unwrap().keep(note).unwrap();
        }
    }
    let (first, second) = (first.run, second.run);
    assert_eq!(store.list(None).unwrap().iter().map(|run| run.notes).collect::<Vec<_>>(), [3, 3]);
    assert_eq!(store.purge(Purge::Before(1_750_000_000)).unwrap(), 1);
    assert_eq!(store.list(None).unwrap()[0].id, second);
    assert!(matches!(store.run(first), Err(StoreError::NoRun { .. })));
    assert!(matches!(store.purge(Purge::Run(first)), Err(StoreError::NoRun { .. })));
    assert_eq!(store.purge(Purge::Run(second)).unwrap(), 1);
    assert_eq!(store.purge(Purge::All).unwrap(), 0);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"secret"));
    }
    let third = begun(&mut store, None, 1_900_000_000).run;
    assert!(third > second, "no number is given twice");
}

#[test]
fn what_a_filter_found_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("store.sqlite")).unwrap();
    let lease = begun(&mut store, None, 0);
    let id = lease.run;
    assert_eq!(store.run(id).unwrap().ids, None);
    store.journal(&lease).unwrap().enumerated(&[4, 5, 9].map(AccountId)).unwrap();
    assert_eq!(store.run(id).unwrap().ids, Some([4, 5, 9].map(AccountId).to_vec()));
    store.journal(&lease).unwrap().enumerated(&[]).unwrap();
    assert_eq!(store.run(id).unwrap().ids, Some(Vec::new()), "none is not unknown");
}

#[test]
fn a_store_of_the_first_version_opens_with_all_that_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let old = Connection::open(&path).unwrap();
    let tables = "CREATE TABLE runs (id INTEGER PRIMARY KEY, made_at_unix_s INTEGER NOT NULL,
            record_json TEXT NOT NULL);
        CREATE TABLE histograms (
            run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            endpoint TEXT NOT NULL, outcome TEXT NOT NULL, response_ns_hdr_v2 BLOB NOT NULL,
            PRIMARY KEY (run_id, endpoint, outcome));
        CREATE TABLE documents (id INTEGER PRIMARY KEY, kind TEXT NOT NULL,
            made_at_unix_s INTEGER NOT NULL, record_json TEXT NOT NULL);
        INSERT INTO runs VALUES (5, 1700000000, '{}');
        INSERT INTO histograms VALUES (5, 'GET /accounts/{id}', 'ok', x'00');
        INSERT INTO documents VALUES (1, 'judge', 1700000000, '{}');";
    old.execute_batch(tables).unwrap();
    drop(old);
    // It is read as it is, and nothing is made beside it.
    let before = std::fs::read(&path).unwrap();
    let read = Store::read(&path, |store| store.list(None)).unwrap();
    assert_eq!((read.len(), read[0].id, read[0].notes), (1, 5, 0));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    for _ in 0..2 {
        let store = Store::open(&path).unwrap();
        let listed = store.list(None).unwrap();
        assert_eq!((listed.len(), listed[0].id, listed[0].state), (1, 5, RunState::Finished));
        assert!(!listed[0].has_journal && !listed[0].is_readable);
        assert!(matches!(store.entry(5), Err(StoreError::Form { .. })));
        let count = |table: &str| -> i64 {
            let select = format!("SELECT count(*) FROM {table}");
            store.connection.query_row(&select, [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("histograms"), count("documents")), (1, 1));
    }
    // A process that writes copies it first, for its owner alone.
    let copy = Connection::open(folder.path().join("store.sqlite.version-0")).unwrap();
    let columns = "SELECT group_concat(name) FROM pragma_table_info('runs')";
    let columns: String = copy.query_row(columns, [], |row| row.get(0)).unwrap();
    assert_eq!(columns, "id,made_at_unix_s,record_json");
    let copies = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().contains(".version-"));
    assert_eq!(copies.count(), 1);
    let mut store = Store::open(&path).unwrap();
    assert_eq!(begun(&mut store, None, 0).run, 6);
    store.purge(Purge::Run(5)).unwrap();
    let select = "SELECT count(*) FROM histograms";
    let left: i64 = store.connection.query_row(select, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "what hangs on a run goes with it");
    // A copy goes with all, but nothing that only looks like one.
    let copy = folder.path().join("store.sqlite.version-0");
    let others =
        ["store.sqlite.version-9", "store.sqlite.version-0.txt"].map(|it| folder.path().join(it));
    std::fs::write(&others[0], "mine").unwrap();
    std::fs::copy(&copy, &others[1]).unwrap();
    assert_eq!(store.copies(), std::slice::from_ref(&copy));
    store.purge(Purge::All).unwrap();
    assert!(!copy.exists() && others.iter().all(|other| other.exists()));
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    assert!(matches!(Store::open(&path), Err(StoreError::Later { found: 99, .. })));
}
