//! The sentences of a decision, each with its right figures.

use super::*;
use crate::experiment::{Constraint, Goal, Objective, RunFigures};
use crate::report::decision::whatif::pools::PoolWhatIf;
use crate::report::decision::whatif::surface::SurfacePoint;
use crate::report::fixture;
use crate::report::html::decision_page;
use crate::report::markdown::decision_summary;
use crate::report::shared::fact::Tone;
use neonbench_engine::engine::{Guard, WriteMode};
use neonbench_engine::measure::timeline::{Lane, Timeline, TimelineSlice};
use neonbench_engine::record::RunRecord;

fn changed(change: impl FnOnce(&mut Decision)) -> Decision {
    let (mut decision, _) = fixture::decision();
    change(&mut decision);
    decision
}

fn each_run(decision: &mut Decision, change: impl Fn(Strategy, &mut RunRecord)) {
    for one in &mut decision.league {
        one.runs.iter_mut().for_each(|run| change(one.strategy, run));
    }
}

fn row<'a>(model: &'a DecisionModel<'_>, strategy: Strategy) -> &'a RankedStrategy {
    model.league.iter().find(|row| row.strategy == strategy).unwrap()
}

#[test]
fn a_dry_run_is_called_one_wherever_its_time_stands() {
    let decision = changed(|decision| each_run(decision, |_, run| run.dry_run = true));
    let model = DecisionModel::new(&decision);
    assert!(
        model.headline.starts_with("Use pipelined: a dry run of 30 accounts × 2 mappings takes "),
        "{}",
        model.headline
    );
    let lede = model.lede.join(" ");
    assert!(lede.contains(" Nothing is written: this is a dry run."), "{lede}");
    let facts: Vec<&str> = model.facts.iter().map(|fact| &*fact.value).collect();
    assert_eq!(facts[2..], ["No edit", "Nothing to undo"]);
    let (_, provenance) = fixture::decision();
    let page = decision_page(&model, &provenance);
    assert!(page.contains(" · dry run</p>") && !page.contains("edits at risk"));
    let summary = decision_summary(&model, &provenance);
    assert!(summary.contains(", dry run. ") && !summary.contains(" at risk |"), "{summary}");
    let (real, _) = fixture::decision();
    assert!(!decision_page(&DecisionModel::new(&real), &provenance).contains("dry run"));
}

#[test]
fn where_nothing_finished_nothing_is_at_risk_or_to_be_undone() {
    let decision = changed(|decision| {
        each_run(decision, |_, run| run.records.failed = 30);
    });
    let model = DecisionModel::new(&decision);
    assert!(
        model.lede[0].starts_with("All 30 accounts fail under every strategy."),
        "{:?}",
        model.lede
    );
    let facts: Vec<_> = model.facts.iter().map(|fact| (&*fact.value, fact.tone)).collect();
    let expected = [("No edit", Tone::Good), ("Nothing finished", Tone::Mixed)];
    assert_eq!((facts[0], &facts[2..]), (("30 of 30", Tone::Bad), expected.as_slice()));
    let written = changed(|decision| each_run(decision, |_, run| run.records.failed = 29));
    assert_eq!(DecisionModel::new(&written).facts[3].value, "Can be undone");
}

#[test]
fn who_is_faster_and_ranks_behind_is_named_with_the_criterion() {
    let rude = |strategy, run: &mut RunRecord| {
        if strategy == Strategy::Pipelined {
            (run.calls.rejected, run.calls.total) = (run.calls.total, 2 * run.calls.total);
        }
    };
    let balanced = changed(|decision| each_run(decision, rude));
    let model = DecisionModel::new(&balanced);
    assert_eq!(model.best, Some(Strategy::Hybrid));
    let lede = model.lede.join(" ");
    let criterion = " 50 % of its calls refused) is faster, but ranks lower by balanced cost: time, plus \
                     penalties for failed accounts, refusals beyond the first few and overwritten edits.";
    assert!(lede.contains("pipelined (") && lede.contains(criterion), "{lede}");
    let fastest = Goal { objective: Objective::Fastest, ..Goal::default() };
    let fastest = changed(|decision| {
        each_run(decision, rude);
        decision.goal = fastest;
    });
    let model = DecisionModel::new(&fastest);
    assert_eq!(model.best, Some(Strategy::Pipelined));
    assert_eq!(model.lede[1], "Ranked by fastest: time, plus a penalty for failed accounts.");
}

#[test]
fn a_constraint_decides_and_who_breaks_it_says_so() {
    let goal = |most| Goal {
        constraints: vec![Constraint::RejectedBelow(most)],
        ..Goal { objective: Objective::Fastest, ..Goal::default() }
    };
    let decision = changed(|decision| {
        decision.goal = goal(0.1);
        each_run(decision, |strategy, run| {
            let share = if strategy == Strategy::Pipelined { 2 } else { 50 };
            (run.calls.rejected, run.calls.total) = (run.calls.total, share * run.calls.total);
        });
    });
    let model = DecisionModel::new(&decision);
    assert_eq!(model.best, Some(Strategy::Hybrid));
    assert!(row(&model, Strategy::Pipelined).breaks_constraint);
    assert!(!row(&model, Strategy::Hybrid).breaks_constraint);
    assert!(
        model
            .lede
            .join(" ")
            .contains(" 50 % of its calls refused) is faster, but breaks rejected<10%.")
    );
    let (_, provenance) = fixture::decision();
    let page = decision_page(&model, &provenance);
    assert_eq!(page.matches(">breaks the constraint<").count(), 1);
    assert!(decision_summary(&model, &provenance).contains("; breaks the constraint |"));
    // A cost below that of the first is no negative regret: it is outside the competition.
    assert!(!page.contains('−'), "a regret is never negative");
    let none = Decision { goal: goal(0.001), ..decision };
    let model = DecisionModel::new(&none);
    assert_eq!(model.headline, "No strategy meets rejected<0.1% for 30 accounts × 2 mappings");
    assert!(model.lede[0].contains(" comes nearest: "), "{:?}", model.lede);
}

#[test]
fn ties_are_told_and_nobody_is_named_before_equals() {
    let decision = changed(|decision| {
        each_run(decision, |_, run| {
            (run.makespan_s, run.resources) = (1.0, 1);
            (run.calls, run.records) = Default::default();
        });
        decision.resources = 1;
    });
    let model = DecisionModel::new(&decision);
    assert_eq!(model.headline, "Use any strategy: 1 account × 2 mappings takes 1.00 s");
    assert_eq!(model.lede[1], "All strategies are equally good here.");
    let (_, provenance) = fixture::decision();
    assert!(!decision_page(&model, &provenance).contains(">recommended<"));
}

#[test]
fn stored_runs_are_named_and_counted_with_their_replicates() {
    let decision = changed(|decision| {
        let hybrid = |one: &StrategyRuns| one.strategy == Strategy::Hybrid;
        let mut first = decision.league.iter().find(|one| hybrid(one)).unwrap().clone();
        first.runs.truncate(1);
        let figures = RunFigures::from(&first.runs[0]);
        first.replicates = vec![figures; 8];
        first.name = Some("hybrid 5/50, run 23".to_owned());
        let mut second = first.clone();
        second.name = Some("hybrid 10/10, run 24".to_owned());
        let slower = RunFigures { makespan_s: 2.0 * figures.makespan_s, failed: 1, ..figures };
        second.replicates.fill(slower);
        *decision = Decision::of(vec![first, second], Goal::default());
    });
    let model = DecisionModel::new(&decision);
    assert!(
        model.headline.starts_with("Use hybrid 5/50, run 23: 30 accounts "),
        "{}",
        model.headline
    );
    assert_eq!((model.integrity.runs, model.integrity.valid), (16, 16));
    assert_eq!((model.integrity.accounts, model.integrity.failed), (16 * 30, 8));
    assert_eq!(model.seeds, "seeds 1 to 8");
    assert!((model.league[1].failed - 1.0).abs() < 1e-12);
    let [sentence] = &*model.faster else { panic!("{:?}", model.faster) };
    assert!(
        sentence.starts_with(
            "hybrid 10/10, run 24 takes 2.00 times as long as hybrid 5/50, run 23 (geometric mean; "
        ),
        "{sentence}"
    );
    let of = |seeds: &[(u64, usize)]| {
        let mut league = decision.league.clone();
        for (one, (first, count)) in league.iter_mut().zip(seeds) {
            one.runs[0].seed = *first;
            one.replicates.truncate(*count);
        }
        how::seeds(&league)
    };
    assert_eq!(of(&[(1, 3), (1, 8)]), "seeds 1 to 8 (3 to 8 per row)");
    assert_eq!(of(&[(1, 8), (11, 8)]), "seeds 1 to 18 (8 per row)");
    assert_eq!(of(&[(7, 1), (7, 1)]), "seed 7");
    let (_, provenance) = fixture::decision();
    let page = decision_page(&model, &provenance);
    assert_eq!(model.audits.value, "16 runs passed their audit, but 8 of 480 accounts failed");
    assert!(page.contains(">seeds 1 to 8</span>"));
    assert!(page.contains("n = <span") && !page.contains("</span> to <span"), "no range from 8");
}

#[test]
fn where_no_strategy_is_best_no_sentence_is_left_unfinished() {
    let decision = changed(|decision| {
        each_run(decision, |_, run| {
            run.records.failed = 5;
            run.errors = vec![neonbench_engine::record::ErrorDetail {
                resource_id: "7".to_owned(),
                endpoint: String::new(),
                outcome: "invalid_value".to_owned(),
                status: 0,
                attempts: 0,
                message: "field `T-1` has no option".to_owned(),
                value: None,
                hint: "add the option in Neon".to_owned(),
            }];
        });
    });
    let model = DecisionModel::new(&decision);
    assert_eq!(model.best, None);
    let [sentence] = &*model.lede else { panic!("{:?}", model.lede) };
    assert!(
        sentence.ends_with(
            "The most frequent reason: field `T-1` has no option. What to do: add the option in Neon."
        ),
        "{sentence}"
    );
    assert!(model.timeline_title.starts_with("pipelined over time: "), "{}", model.timeline_title);
    assert!(model.pools_title.contains(" pipelined: "), "{}", model.pools_title);
    let (_, provenance) = fixture::decision();
    let page = decision_page(&model, &provenance);
    let text = page.split("</style>").nth(1).unwrap();
    for unfinished in [">none", ">None", "None over time", "recommended"] {
        assert!(!text.contains(unfinished), "{unfinished}");
    }
    assert!(model.audits.value.starts_with("10 runs passed their audit, but 50 of"));
}

#[test]
fn a_higher_limit_is_said_to_help_the_strategy_that_it_was_tried_on() {
    let pools = |times: [f64; 3]| {
        [5, 10, 20].into_iter().zip(times).map(|(pool, time)| PoolWhatIf {
            pool,
            makespan_s: [time; 3],
            refused: 0.0,
        })
    };
    let title = |times| {
        let decision = changed(|decision| {
            decision.pool = Some(5);
            decision.pools = pools(times).collect();
        });
        DecisionModel::new(&decision).pools_title
    };
    assert_eq!(
        title([40.0, 20.0, 10.0]),
        "A higher limit would help pipelined: 40.0 s with 5 concurrent calls, 20.0 s with 10 and 10.0 s \
         with 20"
    );
    assert_eq!(
        title([1.0, 1.0, 1.0]),
        "A higher limit would not help pipelined: 1.00 s with 5, 10 or 20 concurrent calls"
    );
}

#[test]
fn the_surface_says_what_its_cells_show() {
    let cell = |workers, makespan_s, refused| SurfacePoint {
        workers,
        batch_size: 100,
        makespan_s,
        refused,
    };
    let title = |cells: &[SurfacePoint]| surface::title(cells, 500, 500);
    let (rude, polite) = (cell(10, 47.9, 0.21), cell(6, 67.6, 0.0109));
    assert_eq!(
        title(&[rude, polite]),
        "hybrid is fastest with 10 workers and batch size 100: 47.9 s, with 21 % of the calls refused; of \
         those with at most 2 %, the fastest has 6 workers and batch size 100: 1 min 08 s"
    );
    assert_eq!(
        title(&[polite, cell(1, 90.0, 0.0)]),
        "hybrid is fastest with 6 workers and batch size 100: 1 min 08 s"
    );
    assert_eq!(
        title(&[rude, cell(9, 50.0, 0.1)]),
        "hybrid is fastest with 10 workers and batch size 100: 47.9 s, with 21 % of the calls refused; none \
         of its configurations has 2 % or fewer"
    );
    let alike = [cell(1, 1.0, 0.0), cell(2, 1.0, 0.0)];
    assert_eq!(title(&alike), "Workers and batch size make no difference to hybrid");
    let chart = |cells: &[SurfacePoint]| surface::surface(cells, Some(1));
    assert_eq!(chart(&alike), None);
    // Nothing is refused beyond the pool.
    let svg = chart(&[cell(1, 90.0, 0.0), polite]).unwrap();
    assert!(svg.contains("Neon admits 1 at a time") && !svg.contains("refusals begin"), "{svg}");
    assert!(!chart(&[polite, rude]).unwrap().contains("refusals begin"), "not at 6 workers");
    let svg = chart(&[cell(1, 90.0, 0.0), cell(6, 60.0, 0.2)]).unwrap();
    assert!(svg.contains("Neon admits 1 at a time: refusals begin"), "{svg}");
}

#[test]
fn sections_on_fewer_accounts_say_so_in_their_titles() {
    let decision = changed(|decision| {
        each_run(decision, |_, run| run.resources = 100_000);
        decision.resources = 100_000;
        (decision.varied_accounts, decision.grid.accounts) = (500, 500);
    });
    assert_eq!(varied_on(500, 100_000), " on 500 of the 100,000 accounts");
    assert_eq!(varied_on(100_000, 100_000), "");
    let model = DecisionModel::new(&decision);
    assert!(model.surface_title.starts_with("hybrid on 500 of the 100,000 accounts is fastest "));
    let (_, provenance) = fixture::decision();
    let page = decision_page(&model, &provenance);
    assert!(page.contains("> on 500 of the 100,000 accounts</span></h3>"));
}

#[test]
fn the_run_over_time_is_titled_by_what_it_did() {
    let slice = |landed, refused, limit| TimelineSlice {
        landed,
        refused,
        limit: [Some(limit), Some(5), None],
        ..TimelineSlice::default()
    };
    let mut timeline = Timeline::default();
    timeline.slice_ns = 1_000_000_000;
    timeline.slices = vec![slice(1, 3, 9), slice(0, 1, 7), slice(0, 0, 7), slice(2, 0, 5)];
    assert_eq!(
        timeline::title(Strategy::Pipelined, &timeline),
        "pipelined over time: its limiter settles at 5 reads and 5 writes in flight, 4 calls refused, \
         no account finishes for 2.00 s of its 4.00 s"
    );
    for slice in &mut timeline.slices {
        (slice.limit, slice.landed, slice.failed) = ([None; Lane::ALL.len()], 1, 1);
    }
    assert_eq!(
        timeline::title(Strategy::Standard, &timeline),
        "standard over time: 4 calls refused, 4 failed"
    );
}

#[test]
fn the_limit_on_the_page_is_the_records_own() {
    let decision = changed(|decision| {
        each_run(decision, |_, run| {
            (run.lower_bound_s, run.lower_bound_any_client_s) = (16.8, 8.4);
        });
    });
    let model = DecisionModel::new(&decision);
    let text = "The lower bound is 16.8 s: under Neon's limits, no client that writes by PATCH can be faster on \
                average (8.40 s by PATCH and PUT side by side).";
    assert_eq!(model.limit, text);
    let by_put = changed(|decision| {
        each_run(decision, |_, run| {
            (run.lower_bound_s, run.lower_bound_any_client_s) = (16.8, 16.8);
            run.write = WriteMode::Put;
        });
    });
    let model = DecisionModel::new(&by_put);
    let text = "The lower bound is 16.8 s: under Neon's limits, no client that writes by PUT can be faster on average.";
    assert_eq!(model.limit, text);
    let unlimited = changed(|decision| {
        each_run(decision, |_, run| {
            run.limits = neonbench_engine::record::RecordedLimits::default();
        });
    });
    let model = DecisionModel::new(&unlimited);
    assert!(model.league.iter().all(|row| row.efficiency.is_none()));
    assert!(model.limit.starts_with("There is no lower bound"), "{}", model.limit);
}

#[test]
fn overwritten_edits_are_no_pass_on_the_page_nor_in_the_summary() {
    let decision = changed(|decision| {
        each_run(decision, |strategy, run| {
            run.audit.staff_edits = 40;
            run.audit.lost_updates = if strategy == Strategy::Hybrid { 3 } else { 0 };
            run.edits = [run.own_edits()].into_iter().collect();
        });
    });
    let model = DecisionModel::new(&decision);
    let (_, provenance) = fixture::decision();
    let page = decision_page(&model, &provenance);
    assert_eq!(page.matches("≈<span class=\"gone\">").count(), 1);
    assert_eq!(page.matches("✓<span class=\"gone\">").count(), 4);
    assert!(page.contains("id=\"risks\" open"), "what says something stands open");
    let audits = "10 runs passed their audit, but 6 of 400 edits by colleagues were overwritten";
    assert_eq!((&*model.audits.value, model.audits.tone), (audits, Tone::Mixed));
    let summary = decision_summary(&model, &provenance);
    assert!(summary.contains("| 3.00 of 40.0 overwritten (3 to 3 in 2 runs) | ≈ but edits |"));
    let json = serde_json::to_value(&model).unwrap();
    assert_eq!(
        (&json["integrity"]["edits"], &json["integrity"]["lost_updates"]),
        (&400.into(), &6.into())
    );
}

#[test]
fn a_guard_is_advised_only_where_there_is_none() {
    let edits = |guard| {
        let decision = changed(|decision| {
            each_run(decision, |_, run| {
                run.guard = guard;
                (run.audit.lost_updates, run.audit.staff_edits) = (3, 10);
            });
        });
        DecisionModel::new(&decision).facts[2].label.clone()
    };
    let (open, guarded) = (edits(Guard::None), edits(Guard::Reread));
    assert!(open.ends_with(" in 2 runs); `--guard reread` lowers the risk"), "{open}");
    assert!(
        guarded.ends_with(" in 2 runs), though each account is read again before it is written")
    );
}
