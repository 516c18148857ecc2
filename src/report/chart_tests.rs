//! Every chart of evidence that is usual, scarce or nothing.

use crate::report::decision::Decision;
use crate::report::decision::responses::spectrum;
use crate::report::decision::strategies::{pareto, shares};
use crate::report::decision::timeline::timeline;
use crate::report::decision::whatif::pools::pools;
use crate::report::decision::whatif::scaling::scaling;
use crate::report::decision::whatif::surface::surface;
use crate::report::evidence::ReportEvidence;
use crate::report::fixture::evidence;
use crate::report::guide::batches::batches;
use crate::report::guide::examples::{limit, makespans};
use crate::report::guide::map::map;
use crate::report::guide::odds::implied;
use crate::report::guide::responses::histograms;
use crate::report::methodology::forecasts::forecasts;
use crate::report::methodology::regrets::regrets;
use crate::report::model::Model;
use crate::report::shared::charts::Font;
use crate::select::Costs;
use neonbench_engine::measure::timeline::TimelineSlice;

#[test]
fn charts_of_choices_look_as_they_should() {
    let evidence = evidence();
    let shown = |chart: Option<String>| chart.expect("there is something to show");
    insta::assert_snapshot!("choices_map", shown(map(evidence.map.as_ref().unwrap())));
    let sample = evidence.batches.as_ref().unwrap();
    insta::assert_snapshot!("choices_batches", shown(batches(sample)));
    let cases = &evidence.selector.as_ref().unwrap().verdicts;
    let model = Model::new(&evidence);
    let found = model.regrets.as_ref().unwrap();
    insta::assert_snapshot!("choices_regrets", shown(regrets(found)));
    insta::assert_snapshot!("choices_forecasts", shown(forecasts(cases)));
}

/// Every chart of `evidence`; the page's decision has to be in it.
fn all(evidence: &ReportEvidence) -> Vec<Option<String>> {
    let model = Model::new(evidence);
    let cases = &evidence.selector.as_ref().unwrap().verdicts;
    let examples = &model.examples;
    let decision = model.decision.as_ref().unwrap();
    let (record, league) = (decision.decision, &decision.league);
    vec![
        map(evidence.map.as_ref().unwrap()),
        batches(evidence.batches.as_ref().unwrap()),
        regrets(model.regrets.as_ref().unwrap()),
        forecasts(cases),
        makespans(examples),
        implied(examples),
        histograms(examples),
        limit(examples),
        shares(league),
        pools(record.pool, &record.pools),
        pareto(league, decision.tradeoff.as_ref()),
        surface(&record.surface, record.pool),
        timeline(&record.timeline),
        decision.winner.and_then(|winner| spectrum(&winner.spectra)),
        scaling(&record.scaling),
    ]
}

/// Evidence of all charts, changed by `change`.
fn with(change: impl FnOnce(&mut ReportEvidence, &mut Decision)) -> ReportEvidence {
    let mut evidence = evidence();
    let (mut decision, _) = crate::report::fixture::decision();
    change(&mut evidence, &mut decision);
    evidence.decision = Some(decision);
    evidence
}

/// Keeps the first `count` of each list.
fn shorten(evidence: &mut ReportEvidence, decision: &mut Decision, count: usize) {
    evidence.rows.truncate(count);
    evidence.map.as_mut().unwrap().cells.truncate(count);
    evidence.batches.as_mut().unwrap().points.truncate(count);
    evidence.selector.as_mut().unwrap().verdicts.truncate(count.max(1));
    decision.league.truncate(count);
    decision.surface.truncate(count);
    decision.timeline.slices.truncate(count);
    decision.scaling.truncate(count);
    decision.pools.truncate(count);
    for spectrum in decision.league.iter_mut().flat_map(|one| &mut one.spectra) {
        spectrum.points.truncate(count);
    }
}

fn zero(evidence: &mut ReportEvidence, decision: &mut Decision) {
    let rows = evidence.rows.iter_mut().flat_map(|row| {
        (row.reads, row.writes) = Default::default();
        &mut row.runs
    });
    for record in rows.chain(decision.league.iter_mut().flat_map(|one| &mut one.runs)) {
        (record.makespan_s, record.lower_bound_s) = (0.0, 0.0);
        (record.calls, record.call_times) = Default::default();
    }
    evidence.map.as_mut().unwrap().cells.iter_mut().for_each(|cell| cell.best_s = 0.0);
    for point in &mut evidence.batches.as_mut().unwrap().points {
        (point.makespan_s, point.buffered, point.at_risk) = (0.0, 0.0, 0.0);
    }
    for verdict in &mut evidence.selector.as_mut().unwrap().verdicts {
        let zero = Some(Costs::new(0.0, [0.0; 5]));
        verdict.choices.iter_mut().for_each(|it| it.costs = [zero; 2]);
        let forecast = verdict.forecast.as_mut().unwrap();
        (forecast.forecast_s, forecast.median_s) = ([0.0; 3], 0.0);
    }
    for slice in &mut decision.timeline.slices {
        *slice = TimelineSlice::default();
    }
    decision.surface.iter_mut().for_each(|cell| cell.makespan_s = 0.0);
    decision.scaling.iter_mut().for_each(|point| point.makespan_s = 0.0);
    decision.pools.iter_mut().for_each(|row| row.makespan_s = [0.0; 3]);
    for spectrum in decision.league.iter_mut().flat_map(|one| &mut one.spectra) {
        spectrum.points.iter_mut().for_each(|(_, ms)| *ms = 0.0);
    }
}

#[test]
fn charts_of_nothing_of_zeros_and_of_one_value_are_whole() {
    let nothing = with(|evidence, decision| {
        shorten(evidence, decision, 0);
        for verdict in &mut evidence.selector.as_mut().unwrap().verdicts {
            verdict.choices.clear();
            (verdict.best, verdict.forecast) = ([None; 2], None);
        }
    });
    let one = with(|evidence, decision| shorten(evidence, decision, 1));
    let zeros = with(zero);
    let one_zero = with(|evidence, decision| {
        zero(evidence, decision);
        shorten(evidence, decision, 1);
    });
    let usual = with(|_, _| {});
    assert!(all(&nothing).iter().all(Option::is_none));
    for evidence in [one, zeros, one_zero, usual] {
        for svg in all(&evidence).into_iter().flatten() {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}

/// The text of `element` and the corners of its box, as [`Font`] has its width.
fn text_and_corners(element: &str) -> (&str, [[i32; 2]; 2]) {
    let (tag, text) = element.split_once('>').unwrap();
    let of = |name: &str| {
        tag.split_once(&format!(" {name}=\"")).map(|(_, it)| it.split('"').next().unwrap())
    };
    let text = text.split('<').next().unwrap();
    let font = if of("font-size").is_some() { Font::Small } else { Font::Label };
    let width = font.width(&text.replace("&apos;", "'").replace("&gt;", ">"));
    let [x, y] = ["x", "y"].map(|name| of(name).unwrap().parse::<i32>().unwrap());
    let left = match of("text-anchor") {
        Some("middle") => x - width / 2,
        Some("end") => x - width,
        _ => x,
    };
    (text, [[left, y - 11], [left + width, y + 2]])
}

#[test]
fn no_text_lies_on_another_or_beyond_its_sheet() {
    let one = with(|evidence, decision| shorten(evidence, decision, 1));
    for evidence in [with(|_, _| {}), one] {
        for chart in all(&evidence).into_iter().flatten() {
            for svg in chart.split_inclusive("</svg>").filter(|it| it.contains("<text")) {
                let sheet = if svg.contains("class=\"wide") { 840 } else { 332 };
                let texts: Vec<_> = svg.split("<text").skip(1).map(text_and_corners).collect();
                for (index, (text, [[left, top], [right, bottom]])) in texts.iter().enumerate() {
                    assert!(
                        *left >= -1 && *right <= sheet + 1,
                        "{text}: {left} to {right} in {svg}"
                    );
                    for (other, [[x0, y0], [x1, y1]]) in &texts[..index] {
                        let is_apart = right <= x0 || x1 <= left || bottom <= y0 || y1 <= top;
                        assert!(is_apart, "{text} lies on {other}: {svg}");
                    }
                }
            }
        }
    }
}
