//! Rates of our own code, read from the results of `cargo bench` beside the working directory.

use neonbench::report::methodology::benches::BenchRate;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The rates of the last benches, in the order of their names; none if there were none.
pub(super) fn read() -> Vec<BenchRate> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let mut rates = Vec::new();
    // group / function / new
    for group in folders(&target.join("criterion")) {
        rates.extend(folders(&group).iter().filter_map(|function| rate(&function.join("new"))));
    }
    rates.sort_by(|a: &BenchRate, b| a.name.cmp(&b.name));
    rates
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The rate in a folder of Criterion's. The format is Criterion's own and may change: results that do
/// not read as expected are left out.
fn rate(new: &Path) -> Option<BenchRate> {
    let read = |name: &str| -> Option<Value> {
        serde_json::from_str(&std::fs::read_to_string(new.join(name)).ok()?).ok()
    };
    let (benchmark, estimates) = (read("benchmark.json")?, read("estimates.json")?);
    let elements = benchmark["throughput"]["Elements"].as_u64()? as f64;
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    // Estimates are ns per iteration.
    let per_s = |ns: &Value| Some(elements / ns.as_f64()? * 1e9);
    Some(BenchRate {
        name: benchmark["full_id"].as_str()?.to_owned(),
        per_s: per_s(&median["point_estimate"])?,
        // The slower the bench, the lower the rate.
        interval_per_s: [per_s(&interval["upper_bound"])?, per_s(&interval["lower_bound"])?],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_and_what_is_no_bench_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path();
        assert!(rate(new).is_none());
        let benchmark = r#"{"full_id":"engine/run","throughput":{"Elements":2000},"title":"x"}"#;
        std::fs::write(new.join("benchmark.json"), benchmark).unwrap();
        let estimates = r#"{"median":{"confidence_interval":{"confidence_level":0.95,
            "lower_bound":1e6,"upper_bound":4e6},"point_estimate":2e6,"standard_error":1.0}}"#;
        std::fs::write(new.join("estimates.json"), estimates).unwrap();
        let found = rate(new).unwrap();
        assert_eq!(found.name, "engine/run");
        let figures = [found.per_s, found.interval_per_s[0], found.interval_per_s[1]];
        for (figure, expected) in figures.into_iter().zip([1e6, 5e5, 2e6]) {
            assert!((figure / expected - 1.0).abs() < 1e-12, "{figures:?}");
        }
        std::fs::write(new.join("estimates.json"), "{}").unwrap();
        assert!(rate(new).is_none());
    }
}
