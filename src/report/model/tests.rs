use super::*;
use crate::judge::JudgeLeagueRow;
use crate::report::fixture::{SLOWER, evidence, spoil};
use crate::report::markdown::summary;
use crate::report::shared::fact::Tone;
use crate::report::shared::rows::{RowEvidence, RowModel};
use neonbench_engine::engine::Strategy;

fn row<'a>(model: &'a Model<'_>, example: usize, strategy: Strategy) -> &'a RowModel {
    let rows = &model.examples[example - 1].rows;
    rows.iter().find(|row| row.strategy == strategy).unwrap()
}

fn close(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
}

#[test]
fn rows_stand_beside_their_claims() {
    let evidence = evidence();
    let model = Model::new(&evidence);
    assert_eq!(rows(&model.examples).count(), 10);
    let hybrid = row(&model, 1, Strategy::Hybrid);
    assert_eq!((hybrid.calls, hybrid.claimed_calls), ([1_000, 1_000], 1_000));
    assert!(hybrid.calls_hold && !hybrid.time_holds);
    close(hybrid.median_s(), 360.0 * SLOWER);
    close(hybrid.deviation, SLOWER - 1.0);
    close(hybrid.saved, 1.0 - 6.0 * SLOWER / 45.0);
    close(hybrid.speed_up, 45.0 / (6.0 * SLOWER));
    close(hybrid.efficiency, 30.0 / (360.0 * SLOWER));
    let [p5, _, p95] = hybrid.makespan_s.unwrap();
    close(Some(p5), 360.0 * SLOWER * 0.9);
    close(Some(p95), 360.0 * SLOWER * 1.1);
    let standard = row(&model, 1, Strategy::Standard);
    assert!(standard.time_holds);
    assert_eq!(standard.saved, None);
}

#[test]
fn the_verdict_says_what_was_measured_and_what_was_overwritten() {
    let verdict = Model::new(&evidence()).verdict.clone();
    let measured = "Among the strategies that the guide lists, the fastest is hybrid in examples 1 and 2 and \
                    parallel in example 3, 2.0 to 5.0 times as fast as standard";
    assert_eq!(verdict.headline, measured);
    assert!(
        verdict.times.contains("9 min 00 s for 500 accounts × 8 mappings (standard 45 min 00 s)"),
        "{}",
        verdict.times
    );
    assert!(verdict.times.ends_with(" Every account ended as planned."), "{}", verdict.times);
    assert!(verdict.guide.contains("exactly in 10 of 10 rows"), "{}", verdict.guide);
    assert!(verdict.guide.contains("examples 1 and 2 contradict one another"), "{}", verdict.guide);
    // PATCH overwrites 1 of 320 edits in the fixture's one run, PUT 9 of 320.
    let audit = &verdict.facts[2];
    assert_eq!(
        (audit.label.as_str(), audit.tone),
        (
            "runs valid: 24,237 accounts as planned; 10 of 640 edits of colleagues overwritten",
            Tone::Mixed
        )
    );
}

#[test]
fn the_page_recommends_once_and_only_what_its_decision_measured() {
    let (decision, _) = crate::report::fixture::decision();
    let evidence = ReportEvidence { decision: Some(decision), ..evidence() };
    let model = Model::new(&evidence);
    let headline = &model.decision.as_ref().unwrap().headline;
    assert_eq!(&model.verdict.headline, headline);
    let [(_, page), ..] = crate::report::html::pages(&model);
    assert_eq!(page.matches(">Use ").count(), 1, "the heading");
    let page = page.replace('\u{a0}', " ");
    assert!(page.contains(&format!(">{headline}</span></h1>")));
    assert!(!page.contains("Of the rows that the guide lists"), "one answer");
    let summary = summary(&model);
    assert!(summary.starts_with(&format!("# {headline}\n")), "{summary}");
}

#[test]
fn strategies_that_the_guide_does_not_list_are_shown_as_ours_and_change_no_verdict_on_it() {
    let mut evidence = evidence();
    let verdict = Model::new(&evidence).verdict;
    let of = |row: &&RowEvidence| row.example == 3 && row.strategy == Strategy::Parallel;
    let mut own = evidence.rows.iter().find(of).unwrap().clone();
    own.strategy = Strategy::Pipelined;
    own.runs.iter_mut().for_each(|run| run.makespan_s /= 10.0);
    evidence.rows.push(own);
    let model = Model::new(&evidence);
    let [ours] = &*model.examples[2].ours else { panic!("{:?}", model.examples[2].ours) };
    assert_eq!((ours.strategy, ours.calls, ours.runs), (Strategy::Pipelined, [100, 100], 3));
    close(ours.saved, 1.0 - 60.0 * SLOWER / 10.0 / 180.0);
    assert_eq!(
        (model.examples[2].fastest, rows(&model.examples).count()),
        (Some(Strategy::Parallel), 10)
    );
    assert_eq!(
        (&model.verdict.headline, &model.verdict.guide),
        (&verdict.headline, &verdict.guide)
    );
    let [_, (_, guide), _] = crate::report::html::pages(&model);
    assert_eq!(guide.matches("pipelined <span class=\"tag\">ours").count(), 1);
    assert!(summary(&model).contains("| pipelined (ours) | – | 100 | – | 0.15 (n = 3) |"));
}

#[test]
fn where_nothing_limits_no_limit_is_printed() {
    let mut evidence = evidence();
    for row in evidence.rows.iter_mut().filter(|row| row.example == 2) {
        row.runs
            .iter_mut()
            .for_each(|run| run.limits = neonbench_engine::record::RecordedLimits::default());
    }
    let model = Model::new(&evidence);
    assert_eq!(row(&model, 2, Strategy::Hybrid).efficiency, None);
    close(row(&model, 1, Strategy::Hybrid).efficiency, 30.0 / (360.0 * SLOWER));
    let [_, (_, page), _] = crate::report::html::pages(&model);
    assert!(page.contains(">no limit</text>") || page.contains("no limit\n"), "the chart says it");
}

#[test]
fn the_guides_contradictions_are_found() {
    let evidence = evidence();
    let model = Model::new(&evidence);
    let spreads: Vec<f64> = model.examples.iter().map(|example| example.implied_spread).collect();
    close(Some(spreads[0]), 3.2);
    close(Some(spreads[1]), 2.16);
    close(Some(spreads[2]), 1.0);
    assert_eq!(model.examples.iter().map(|e| e.agrees).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(
        model.examples[0].implied,
        "standard and parallel: 338 ms; put_batch: 480 ms; hybrid: 1.08 s"
    );
}

#[test]
fn one_invalid_run_takes_its_strategy_out_of_the_ranking() {
    let mut evidence = evidence();
    spoil(&mut evidence, 1, Strategy::Hybrid, 2);
    let model = Model::new(&evidence);
    let hybrid = row(&model, 1, Strategy::Hybrid);
    assert_eq!((hybrid.invalid, hybrid.makespan_s, hybrid.saved), (1, None, None));
    assert_eq!((hybrid.deviation, hybrid.efficiency, hybrid.calls_hold), (None, None, false));
    assert_eq!(model.examples[0].fastest, Some(Strategy::PutBatch));
    assert!(!model.examples[0].order_holds);
    assert_eq!(model.validity.runs - model.validity.valid, 1);
    assert!(model.validity.faults[0].starts_with("guide-1, hybrid, seed 3: 7 accounts"));
    assert!(model.verdict.headline.contains("put_batch in example 1"));
    assert!(model.verdict.times.contains("1 run is invalid"), "{}", model.verdict.times);
}

#[test]
fn savings_need_a_valid_standard() {
    let mut evidence = evidence();
    spoil(&mut evidence, 3, Strategy::Standard, 0);
    let model = Model::new(&evidence);
    assert_eq!(row(&model, 3, Strategy::Parallel).saved, None);
    assert_eq!(model.examples[2].fastest, Some(Strategy::Parallel));
}

#[test]
fn where_nothing_is_valid_nothing_is_recommended() {
    let mut evidence = evidence();
    for row in evidence.rows.clone() {
        spoil(&mut evidence, row.example, row.strategy, 0);
    }
    let model = Model::new(&evidence);
    assert!(model.examples.iter().all(|example| example.fastest.is_none()));
    assert!(model.verdict.headline.starts_with("No strategy can be compared"));
}

#[test]
fn an_invalid_run_over_http_has_no_deviation() {
    let mut evidence = evidence();
    close(evidence.http.worst_deviation(), 0.01);
    for pair in &mut evidence.http.pairs {
        pair.http.audit.valid = false;
    }
    assert_eq!(evidence.http.worst_deviation(), None);
}

#[test]
fn judged_clients_stand_in_a_league_and_only_correct_ones_have_a_rank() {
    let evidence = evidence();
    assert_eq!(Model::new(&evidence).correct_clients, 1);
    let [dropping, good] = [0, 1].map(|place| judged::league(&evidence.judged[place].record));
    let ranks = |rows: &[JudgeLeagueRow]| rows.iter().map(|row| row.rank).collect::<Vec<_>>();
    assert_eq!((ranks(&dropping), dropping[1].valid), (vec![Some(1), None], false));
    assert_eq!((ranks(&good), good[1].valid), (vec![Some(1), Some(2)], true));
    let names: Vec<&str> = good.iter().map(|row| &*row.name).collect();
    assert_eq!(names, ["hybrid", "migrate.py"]);
    let summary = summary(&Model::new(&evidence));
    assert!(
        summary.contains("| drops.py | data lost; 2 other accounts changed | – |"),
        "{summary}"
    );
    assert!(summary.contains("| 150 | 1 | 30 | 20 |"), "{summary}");
}

#[test]
fn a_rank_in_the_record_of_a_client_that_is_not_correct_is_not_believed() {
    let mut evidence = evidence();
    let record = &mut evidence.judged[0].record;
    record.league[1].rank = Some(1);
    record.league[1].valid = true;
    let own = judged::league(record).remove(1);
    assert_eq!((own.rank, own.valid), (None, false));
}

#[test]
fn a_client_that_was_not_compared_stands_alone_and_one_without_calls_has_no_makespan() {
    let mut evidence = evidence();
    let record = &mut evidence.judged[0].record;
    record.league.clear();
    record.verdict = crate::judge::ClientVerdict::NoCalls;
    let rows = judged::league(record);
    assert!(rows.len() == 1 && rows[0].judged);
    let summary = summary(&Model::new(&evidence));
    let row = "| drops.py | no calls; 2 other accounts changed | – | not compared | – |";
    assert!(summary.contains(row), "{summary}");
}
