//! Evidence with known figures, for the tests of the report.

mod chosen;
mod documents;

use super::decision::Decision;
use super::evidence::ReportEvidence;
use super::methodology::http::{HttpPair, HttpSample};
use super::methodology::staff::{StaffEvidence, StaffSample};
use super::shared::provenance::Provenance;
use super::shared::rows::run::small_record;
use super::shared::rows::{EXAMPLES, Responses, RowEvidence};
use neonbench_engine::engine::{Strategy, WriteMode};
use neonbench_engine::measure::histogram;
use neonbench_engine::record::RunRecord;

/// Measured ÷ claimed, the same for all rows but standard's.
pub(super) const SLOWER: f64 = 1.5;

/// Three runs a row: standard takes 0.9, 1.0 and 1.1 times what the guide claims, every other
/// strategy half as long again. All are valid and make the guide's calls.
pub(crate) fn evidence() -> ReportEvidence {
    let mut record = small_record();
    record.profile_digest = "0123456789abcdef".to_owned();
    let mut times = histogram();
    for ms in [250, 300, 350, 1_000] {
        times.record(ms * 1_000_000).unwrap();
    }
    let mut rows = Vec::new();
    for example in EXAMPLES {
        for claim in example.claims {
            let factor = if claim.strategy == Strategy::Standard { 1.0 } else { SLOWER };
            let run = |seed: u64| {
                let mut run = record.clone();
                run.strategy = claim.strategy;
                run.seed = seed;
                run.scenario = example.name.to_owned();
                run.profile = example.name.to_owned();
                run.resources = example.accounts;
                run.mappings = u64::from(example.mappings);
                run.makespan_s = claim.seconds() * factor * (0.8 + seed as f64 / 10.0);
                run.lower_bound_s = 30.0;
                run.calls.record_reads = claim.calls / 2;
                run.calls.record_writes = claim.calls / 2;
                run
            };
            rows.push(RowEvidence {
                example: example.number,
                strategy: claim.strategy,
                runs: (1..=3).map(run).collect(),
                reads: Responses::of(&times),
                writes: Responses::of(&times),
            });
        }
    }
    ReportEvidence {
        decision: None,
        selector: Some(chosen::selector()),
        ledger: Some(chosen::ledger()),
        map: Some(chosen::map()),
        batches: Some(chosen::batches()),
        benches: Vec::new(),
        provenance: provenance(),
        rows,
        http: http(&record),
        staff: staff(&record),
        selftest: Some(documents::selftest()),
        judged: documents::judged(),
    }
}

fn provenance() -> Provenance {
    Provenance {
        made_at: "2026-01-02T03:04:05Z".to_owned(),
        command: "neonbench report".to_owned(),
        next: Some("neonbench run --resources 500 --dry-run".to_owned()),
        version: "0.0.0".to_owned(),
        revision: Some("abc1234".to_owned()),
        seed: 1,
        replicates: 3,
        cores: 2,
        platform: "linux x86_64".to_owned(),
        processor: None,
    }
}

fn http(record: &RunRecord) -> HttpSample {
    let pair = |strategy, simulated_s: f64| {
        let mut simulated = record.clone();
        simulated.strategy = strategy;
        simulated.makespan_s = simulated_s;
        let mut http = simulated.clone();
        http.makespan_s = simulated_s * 1.01;
        HttpPair { http, simulated }
    };
    let pairs = vec![pair(Strategy::Standard, 7.0), pair(Strategy::Parallel, 2.5)];
    HttpSample { example: 3, service_times_divided_by: 25, wall_s: 7.1, pairs }
}

/// PATCH loses one update, PUT nine.
fn staff(record: &RunRecord) -> StaffSample {
    let row = |write, lost_updates, body_bytes| {
        let mut run = record.clone();
        run.strategy = Strategy::Hybrid;
        run.profile = "staff".to_owned();
        run.makespan_s = 170.0;
        run.audit.staff_edits = 320;
        run.audit.lost_updates = lost_updates;
        run.performance.request_body_bytes = Some(body_bytes);
        StaffEvidence { write, runs: vec![run] }
    };
    let rows = vec![row(WriteMode::Patch, 1, 204_800), row(WriteMode::Put, 9, 1_024_000)];
    StaffSample { example: 1, rows }
}

/// Makes run `index` of `strategy` in example `example` fail its audit.
pub(super) fn spoil(evidence: &mut ReportEvidence, example: u32, strategy: Strategy, index: usize) {
    let mut rows = evidence.rows.iter_mut();
    let row = rows.find(|row| row.example == example && row.strategy == strategy).unwrap();
    let audit = &mut row.runs[index].audit;
    audit.valid = false;
    audit.mismatched = 7;
    audit.faults = vec!["7 accounts are not in the state that the plan demands".to_owned()];
}

/// A small decision, whose service times are constant, and how it was made.
pub(crate) fn decision() -> (Decision, Provenance) {
    static MADE: std::sync::OnceLock<Decision> = std::sync::OnceLock::new();
    use crate::experiment::Goal;
    use crate::report::decision::explore;
    use crate::report::decision::whatif::surface;
    use crate::report::shared::exploration::Exploration;
    use neonbench_engine::engine::Settings;
    use neonbench_engine::scenario::{Scenario, Workload};
    let workload = Workload {
        profile: Some(Scenario::profile("constant").unwrap()),
        resources: Some(30),
        mappings: Some(2),
        ..Workload::default()
    };
    let settings = |strategy| Settings::new(strategy);
    let exploration = Exploration {
        workload: &workload,
        settings: &settings,
        replicates: 2,
        goal: Goal::default(),
    };
    // The surface, too, which is explored where hybrid is the best.
    let made = || Decision {
        surface: surface::run(&exploration, &workload).unwrap(),
        ..explore(&exploration, &mut |_| {}).unwrap()
    };
    let decision = MADE.get_or_init(made).clone();
    let provenance = Provenance {
        command: "neonbench report --profile constant".to_owned(),
        seed: 1,
        replicates: 2,
        ..Provenance::default()
    };
    (decision, provenance)
}
