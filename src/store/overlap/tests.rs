use super::*;
use crate::store::{Claimant, ProfileText, Site};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::journal::{FieldChange, Intent, Journal as _, Note};
use neonbench_engine::plan::{Mapping, Operation};
use neonbench_engine::record::ChosenBy;
use neonbench_engine::scenario::{Scenario, Workload};

/// A store, and the fields of an organisation that has `V-1`, `V-2`, `T-1` and `T-2`.
struct Place {
    store: Store,
    fields: Vec<neon_mock::api::CustomField>,
    #[expect(dead_code, reason = "its end removes the folder")]
    folder: tempfile::TempDir,
}

/// A plan of `replace` from `source` to `target`, for each pair.
fn plan(ends: &[(&str, &str)]) -> Plan {
    let mapping =
        |&(source, target): &(&str, &str)| Mapping::new(source, target, Operation::Replace);
    Plan { mappings: ends.iter().map(mapping).collect(), ..Plan::default() }
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.sqlite")).unwrap();
        let workload = Workload { plan: Some(Plan::plain(2)), ..Workload::default() };
        let neon = Scenario::new(workload).unwrap().neon(1);
        let fields = neon.organisation().definitions().to_vec();
        Self { store, fields, folder }
    }

    fn id(&self, name: &str) -> String {
        self.fields.iter().find(|field| &*field.name == name).unwrap().id.to_string()
    }

    /// Begins a run of `plan` for the accounts 1 to 3.
    fn begin(
        &mut self,
        plan: &Plan,
        is_gone: fn(&ProcessIdentity) -> bool,
    ) -> Result<Lease, StoreError> {
        let header = Header {
            schema: Header::SCHEMA,
            scenario: String::new(),
            plan: plan.clone(),
            accounts: 3,
            sample: None,
            dataset: None,
            profile: ProfileText::built_in("constant").unwrap(),
            settings: Settings::new(Strategy::Hybrid),
            chosen_by: ChosenBy::User,
            reason: String::new(),
            site: Site::ForeignHttp {
                base_url: "http://127.0.0.1:1/v2".to_owned(),
                org_id: "demo".to_owned(),
            },
        };
        let process = ProcessIdentity { process: 1, ..ProcessIdentity::default() };
        let (verb, process) = ("run", &process);
        let claimant = Claimant { verb, process, at_unix_s: 0, may_overlap: false, is_gone };
        self.store.begin(&header, Some(&[1, 2, 3].map(AccountId)), claimant)
    }

    /// Finds the fields of `plan`, as the engine does before its first write.
    fn resolve(&self, lease: &Lease, plan: &Plan) -> Result<(), StoreError> {
        let fields = ResolvedPlan::resolve(plan, &self.fields).unwrap();
        let resolved = self.store.journal(lease).unwrap().resolved(plan, &fields);
        resolved.map_err(|error| *error.0.downcast().unwrap())
    }

    /// Lets the run of `lease` write account 2, and finish.
    fn finish(&mut self, lease: &Lease) {
        let (id, kind) = (AccountId(2), neon_mock::api::AccountKind::Individual);
        let changes =
            vec![FieldChange { field: FieldId(1), has_options: false, before: None, after: None }];
        let (identity, problem) = (None, None);
        let intent = Intent { id, kind, mappings_done: 1, changes, identity, problem };
        let journal = self.store.journal(lease).unwrap();
        journal.keep(&Note::Intended(intent)).unwrap();
        journal.keep(&Note::Written { id }).unwrap();
        drop(journal);
        self.store.end(lease, RunState::Finished, None).unwrap();
    }
}

/// The fields on which a run was refused.
fn refused(result: Result<impl Sized, StoreError>) -> Vec<String> {
    match result {
        Err(StoreError::Overlap { overlap, .. }) => overlap.fields,
        Err(error) => panic!("{error}"),
        Ok(_) => Vec::new(),
    }
}

const ALIVE: fn(&ProcessIdentity) -> bool = |_| false;
const GONE: fn(&ProcessIdentity) -> bool = |_| true;

#[test]
fn a_field_that_two_plans_name_in_two_ways_is_one() {
    let place = Place::new();
    let (source, target) = (place.id("V-1"), place.id("T-1"));
    let by_name = plan(&[("V-1", "V-1")]);
    let by_id = plan(&[(&source, &source)]);
    // Its mapping reads what it writes, although no text of it occurs twice.
    let mixed = plan(&[("V-1", &source)]);
    for earlier in [&by_name, &by_id, &mixed] {
        for later in [&by_name, &by_id, &mixed] {
            // An earlier version has stored no fields.
            for knows in [true, false] {
                let mut place = Place::new();
                let lease = place.begin(earlier, ALIVE).unwrap();
                if knows {
                    place.resolve(&lease, earlier).unwrap();
                }
                place.finish(&lease);
                let begun = place.begin(later, ALIVE);
                let found = match begun {
                    Ok(lease) => refused(place.resolve(&lease, later)),
                    early => refused(early),
                };
                assert!(!found.is_empty(), "{earlier:?}, {later:?}, {knows}");
            }
        }
    }
    // Another field is another one, by whatever text.
    for later in [plan(&[("T-1", "T-1")]), plan(&[(&target, "T-1")])] {
        let mut place = Place::new();
        let lease = place.begin(&by_id, ALIVE).unwrap();
        place.resolve(&lease, &by_id).unwrap();
        place.finish(&lease);
        let lease = place.begin(&later, ALIVE).unwrap();
        place.resolve(&lease, &later).unwrap();
    }
}

#[test]
fn two_processes_do_not_write_the_same_fields_at_once() {
    let mut place = Place::new();
    let both = plan(&[("V-1", "T-1")]);
    let first = place.begin(&both, ALIVE).unwrap();
    place.resolve(&first, &both).unwrap();
    match place.begin(&both, ALIVE) {
        Err(StoreError::Overlap { overlap, .. }) => {
            assert_eq!((overlap.run, overlap.accounts), (first.run, 3));
            assert_eq!(overlap.fields, ["T-1"]);
            assert!(overlap.holder.is_some());
        }
        other => panic!("{other:?}"),
    }
    let by_id = plan(&[("V-2", &place.id("T-1"))]);
    assert_eq!(refused(place.begin(&by_id, ALIVE)), [place.id("T-1")]);
    assert!(place.begin(&plan(&[("V-2", "T-2")]), ALIVE).is_ok());
    // Nobody is at work any more: what can be repeated is no matter.
    assert!(place.begin(&both, GONE).is_ok());
    let mut place = Place::new();
    let first = place.begin(&both, ALIVE).unwrap();
    place.finish(&first);
    assert!(place.begin(&both, ALIVE).is_ok());
    let mut place = Place::new();
    let mut clean_up = Plan { cleanup_only: true, ..plan(&[("V-2", "T-2")]) };
    assert!(place.begin(&clean_up, ALIVE).is_ok());
    assert!(place.begin(&clean_up, ALIVE).is_ok(), "sources that are preserved are not written");
    clean_up.mappings[0].preserve_source = false;
    assert_eq!(refused(place.begin(&clean_up, ALIVE)), ["V-2"]);
}
