//! The selftest, in its small size. Its bars are not asserted: they are for a quiet machine and an
//! optimised build.

use super::place::{Place, outcome};
use serde_json::Value;

#[test]
fn the_small_selftest_measures_all_rows_and_exact_limits() {
    let place = Place::new();
    let run = outcome(&mut place.command("selftest --quick --json --store kept.sqlite"));
    let record: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"));
    assert_eq!((&record["schema"], &record["quick"]), (&1.into(), &true.into()));
    assert_eq!(run.code, if record["passed"] == true { 0 } else { 10 }, "{run:?}");
    let rows = record["fidelity"].as_array().unwrap();
    let in_flight: Vec<u64> = rows.iter().map(|row| row["in_flight"].as_u64().unwrap()).collect();
    assert_eq!(in_flight, [1, 10, 50, 200, 1, 10, 50, 200]);
    for row in rows {
        // Nothing leaves before its time, and the client sees it after the server sent it.
        let of = |side: &str, quantile: &str| row[side][quantile].as_f64().unwrap();
        assert!(of("server_per_call_ms", "p50") >= 0.0, "{row}");
        assert!(of("per_call_ms", "max") >= of("server_per_call_ms", "p50"), "{row}");
    }
    let pool = &record["pool"];
    assert_eq!(pool["admitted"].as_u64().unwrap() + pool["refused"].as_u64().unwrap(), 50_000);
    assert_eq!((&pool["most_at_once"], &pool["refused_while_free"]), (&5.into(), &0.into()));
    let window = &record["window"];
    let of = |member: &str| window[member].as_u64().unwrap();
    assert_eq!((of("admitted_beyond"), of("refused_while_open")), (0, 0));
    // Two seconds, the burst of at least one round.
    assert!((100..1_000).contains(&of("admitted")) && of("refused") > 1_000, "{window}");

    let store = neonbench::store::Store::open(&place.path().join("kept.sqlite")).unwrap();
    let kept = store.documents::<neonbench::selftest::SelftestRecord>(1).unwrap();
    assert_eq!(serde_json::to_value(&kept[0].document).unwrap(), record);

    // Records from before windows were measured can still be read.
    let mut older = record.clone();
    older.as_object_mut().unwrap().remove("window");
    let older: neonbench::selftest::SelftestRecord = serde_json::from_value(older).unwrap();
    assert_eq!(older.window, None);
}
