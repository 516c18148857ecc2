//! Runs beside people who edit the same accounts: their edits are theirs, and no fault of the run.

use super::journals::{FAST, digest, plain, served};
use super::place::Place;
use neon_mock::api::Class;
use neon_mock::profile::Profile;
use neonbench_engine::scenario::{Scenario, Workload};
use serde_json::json;

/// Two accounts that somebody else changed after the run: verified as different, left alone by undo.
#[test]
fn what_others_wrote_since_is_told_and_left_alone() {
    let (place, scenario) = (Place::new(), plain(30));
    let mock = served(&scenario, 1);
    let before = digest(&mock);
    let base_url = mock.base_url();
    let line = format!("run --base-url {base_url} --resources 30 --strategy hybrid --json");
    assert_eq!(place.json(&line, 0)["next_command"], "neonbench verify 1");
    let after = digest(&mock);
    let verified = place.json("verify 1 --json", 0);
    assert_eq!((&verified["accounts"], &verified["as_written"]), (&30.into(), &90.into()));
    assert_eq!(verified["next_command"], "neonbench undo 1 --dry-run");

    // Somebody else, by a run of their own: T-1 of accounts 4 and 5.
    place.file(
        "theirs.toml",
        "schema = 1\nresource_ids = \"4-5\"\n[[mappings]]\nsource = \"V-2\"\ntarget = \"T-1\"\n\
         operation = \"transform\"\ntransform = [{ step = \"constant\", value = \"Theirs\" }]\n",
    );
    let line = format!("run --base-url {base_url} --plan theirs.toml --no-journal");
    let theirs = place.neonbench(&line);
    assert_eq!(theirs.code, 0, "{theirs:?}");
    let verified = place.json("verify 1 --json", 3);
    assert_eq!((&verified["edited_since"], &verified["as_written"]), (&2.into(), &88.into()));
    assert_eq!((&verified["mismatched"], &verified["mismatches"]), (&0.into(), &json!([])));
    let first = &verified["edits_since"][0];
    assert_eq!((&first["resource_id"], &first["field"]), (&"4".into(), &"T-1".into()));
    assert_eq!((first.get("expected"), first.get("found")), (None, None));
    let shown = place.json("verify 1 --json --show-values", 3);
    assert_eq!(shown["edits_since"][1]["found"], "`Theirs`");
    let said = place.neonbench("verify 1");
    assert!(said.stdout.contains("others have edited 2 since"), "{said:?}");
    assert!(!said.stdout.contains("not verified") && !said.stdout.contains("next: neonbench undo"));
    assert!(said.stdout.contains("account 5, T-1") && !said.stdout.contains("Theirs"), "{said:?}");

    let writes = mock.calls().admitted(Class::Patch);
    let dry = place.json("undo 1 --dry-run --json", 3);
    assert_eq!((&dry["restored"], &dry["conflicted"]), (&88.into(), &2.into()));
    assert_eq!(mock.calls().admitted(Class::Patch), writes, "a dry run writes nothing");
    let undone = place.json("undo 1 --json", 3);
    assert_eq!((&undone["restored"], &undone["conflicted"]), (&88.into(), &2.into()));
    assert_eq!(undone["conflicts"][1]["resource_id"], "5");
    assert!(digest(&mock) != before && digest(&mock) != after);
    // Once more: what was taken back is not touched again.
    let again = place.json("undo 1 --json", 3);
    assert_eq!((&again["restored"], &again["unchanged"]), (&0.into(), &88.into()));
    assert_eq!(mock.calls().admitted(Class::Patch), writes + 30);
    for verb in ["resume", "retry", "verify"] {
        place.refused(&format!("{verb} 1"), 2, &["run 1", "undone"]);
    }
}

/// Colleagues who edit all the while: their edits are listed as theirs, by run, verify and undo alike.
#[test]
fn a_good_run_among_colleagues_is_a_good_run() {
    let staffed = format!("{FAST}[staff]\nedits_per_s = 150.0\nthink = \"10ms\"\nskew = 0.2\n");
    let workload = Workload {
        resources: Some(246),
        profile: Some(Profile::from_toml("staffed", &staffed).unwrap()),
        ..Workload::default()
    };
    let (place, mock) = (Place::new(), served(&Scenario::new(workload).unwrap(), 1));
    let line = format!("--base-url {} --resources 246 --guard reread", mock.base_url());
    let dry = place.json(&format!("run {line} --dry-run --json"), 0);
    assert_eq!(dry["audit"]["faults"], json!([]));
    let run = place.json(&format!("run {line} --json"), 0);
    assert_eq!((&run["audit"]["faults"], &run["records"]["failed"]), (&json!([]), &0.into()));
    let theirs = run["audit"]["edited_since"].as_u64().unwrap();
    let listed = run["audit"]["edits_since"].as_array().unwrap();
    assert!(theirs > 0 && listed.len() as u64 == theirs.min(100), "{run:#}");
    let verified = place.json("verify 2 --json", 3);
    assert_eq!(verified["mismatched"], 0);
    assert!(verified["edited_since"].as_u64().unwrap() >= theirs);
    assert_eq!(verified["next_command"], "neonbench history");
    let undone = place.json("undo 2 --dry-run --json", 3);
    assert!(undone["conflicted"].as_u64() >= verified["edited_since"].as_u64());
    let shown = place.neonbench(&format!("run {line} --resource-ids 1-9"));
    assert!(!shown.stdout.contains("INVALID"), "{shown:?}");
}
