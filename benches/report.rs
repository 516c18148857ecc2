//! The report: from the records of runs to its files.
//!
//! Measures the model, the page with its charts, the Markdown and the JSON, of the guide's ten rows
//! with twenty runs each. The runs are made once, before anything is measured; runs in virtual time
//! stand in for those over HTTP and beside staff, which only differ in their figures.
//!
//! Must not be read as the time of `neonbench report`: there the runs take longer than the page,
//! and those over HTTP longest.

mod support;

use neon_mock::api::Class;
use neonbench::experiment::Goal;
use neonbench::report::decision::explore;
use neonbench::report::decision::{Decision, DecisionModel};
use neonbench::report::evidence::ReportEvidence;
use neonbench::report::html::{decision_page, pages};
use neonbench::report::json::{ReportRecord, SCHEMA, to_json};
use neonbench::report::markdown::summary;
use neonbench::report::methodology::http::{HttpPair, HttpSample};
use neonbench::report::methodology::staff::{StaffEvidence, StaffSample};
use neonbench::report::model::Model;
use neonbench::report::shared::exploration::Exploration;
use neonbench::report::shared::provenance::Provenance;
use neonbench::report::shared::rows::{EXAMPLES, Example, Responses, RowEvidence};
use neonbench_engine::engine::{Settings, Strategy, WriteMode};
use neonbench_engine::measure::histogram;
use neonbench_engine::scenario::{Scenario, Workload};
use std::hint::black_box;
use support::{headline, run, scenario, settings, sized};

/// Runs of each row.
fn replicates() -> u32 {
    sized(20, 2)
}

fn row(example: &Example, scenario: &Scenario, strategy: Strategy) -> RowEvidence {
    let (mut reads, mut writes) = (histogram(), histogram());
    let one = |seed| {
        let run = run(scenario, settings(strategy, seed));
        for (all, class) in [(&mut reads, Class::Get), (&mut writes, Class::Patch)] {
            all.add(run.measure.responses(class)).expect("the same bounds");
        }
        run.record
    };
    let runs = (1..=u64::from(replicates())).map(one).collect();
    RowEvidence {
        example: example.number,
        strategy,
        runs,
        reads: Responses::of(&reads),
        writes: Responses::of(&writes),
    }
}

fn evidence() -> ReportEvidence {
    let mut rows = Vec::new();
    for example in &EXAMPLES {
        let scenario = scenario(example);
        rows.extend(example.claims.iter().map(|claim| row(example, &scenario, claim.strategy)));
    }
    let last = EXAMPLES[2].number;
    let of_last = rows.iter().filter(|row| row.example == last);
    let pair = |row: &RowEvidence| {
        let simulated = row.runs[0].clone();
        HttpPair { http: simulated.clone(), simulated }
    };
    let http = HttpSample {
        example: last,
        service_times_divided_by: 1,
        wall_s: 1.0,
        pairs: of_last.map(pair).collect(),
    };
    let provenance = Provenance { seed: 1, replicates: replicates(), ..Provenance::default() };
    let beside = |write| StaffEvidence { write, runs: rows[0].runs.clone() };
    let staff = StaffSample {
        example: EXAMPLES[0].number,
        rows: [WriteMode::Patch, WriteMode::Put].map(beside).into(),
    };
    ReportEvidence {
        provenance,
        rows,
        http,
        staff,
        decision: None,
        selector: None,
        ledger: None,
        map: None,
        batches: None,
        selftest: None,
        judged: Vec::new(),
        benches: Vec::new(),
    }
}

/// Every strategy twice on so many accounts, as if there were ten: the page of a large decision.
fn decision(accounts: u64, contenders: usize) -> Decision {
    let workload = Workload { resources: Some(accounts), mappings: Some(1), ..Workload::default() };
    let settings = |strategy| Settings::new(strategy);
    let exploration = Exploration {
        workload: &workload,
        settings: &settings,
        replicates: 1,
        goal: Goal::default(),
    };
    let mut decision = explore(&exploration, &mut |_| {}).expect("a decision");
    let league = decision.league.clone();
    decision.league = league.into_iter().cycle().take(contenders).collect();
    decision
}

fn main() {
    let mut criterion = support::criterion();
    let evidence = evidence();
    let model = Model::new(&evidence);
    let html = pages(&model).map(|(_, page)| page).concat();
    // Nobody speeds the page up by leaving a row or the charts out.
    assert_eq!(model.examples.iter().flat_map(|example| &example.rows).count(), 10);
    assert!(html.matches("<svg").count() >= 4, "{}", html.matches("<svg").count());
    let mut group = criterion.benchmark_group("report");
    group.bench_function("model", |bencher| bencher.iter(|| Model::new(black_box(&evidence))));
    group.bench_function("pages", |bencher| bencher.iter(|| pages(black_box(&model))));
    group.bench_function("Markdown", |bencher| bencher.iter(|| summary(black_box(&model))));
    group.bench_function("JSON", |bencher| {
        let record = ReportRecord { schema: SCHEMA, report: &model, evidence: &evidence };
        bencher.iter(|| to_json(black_box(&record)));
    });
    let provenance = Provenance { seed: 1, replicates: 1, ..Provenance::default() };
    let mut sizes = Vec::new();
    for (name, decision) in [
        ("decision of 1 account", decision(1, 5)),
        ("decision of 10 strategies x 100000 accounts", decision(sized(100_000, 50), 10)),
    ] {
        let render = || decision_page(&DecisionModel::new(black_box(&decision)), &provenance);
        sizes.push(render().len());
        group.bench_function(name, |bencher| bencher.iter(render));
    }
    group.finish();
    criterion.final_summary();
    for (name, bytes) in ["1 account", "10 x 100000 accounts"].iter().zip(sizes) {
        assert!(bytes < 1_000_000, "{name}: {bytes} bytes");
        headline(&format!("report: the decision page of {name} has {} kB", bytes / 1_000));
    }
    headline(&format!(
        "report: a page of {} kB from {} runs\n",
        html.len() / 1_000,
        evidence.records().count()
    ));
}
