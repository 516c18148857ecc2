//! The report's charts: model -> SVG, drawn by plotters into strings.

mod batches;
mod canvas;
mod forecasts;
mod frame;
mod histograms;
mod implied;
mod limit;
mod makespans;
mod map;
mod pareto;
mod pools;
mod regrets;
mod scaling;
mod shares;
mod spectrum;
mod surface;
mod timeline;

pub use batches::batches;
pub use forecasts::forecasts;
pub use histograms::histograms;
pub use implied::implied;
pub use limit::limit;
pub use makespans::makespans;
pub use map::map;
pub use pareto::pareto;
pub use pools::pools;
pub use regrets::regrets;
pub use scaling::scaling;
pub use shares::shares;
pub use spectrum::spectrum;
pub use surface::surface;
pub(super) use timeline::lanes;
pub use timeline::timeline;

use canvas::{Anchor, Canvas, Font, Ink, LogScale};
use neonbench_engine::engine::Strategy;

/// Width of all charts, in px.
const WIDTH: i32 = 960;

/// Where the names of rows end and their marks begin, in px.
const NAMES: i32 = 112;

/// Height of one row, in px.
const ROW: i32 = 30;

/// `count` pieces of `size` px.
fn stacked(count: usize, size: i32) -> i32 {
    i32::try_from(count).expect("a chart has few rows") * size
}

/// The least and the largest of `values`, which are not below zero; reversed where there are none.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::MAX, 0.0], |[low, high], value| [low.min(value), high.max(value)])
}

/// The number by which a strategy is drawn: its colour and its mark are the same in all charts.
const fn number_of(strategy: Strategy) -> u8 {
    match strategy {
        Strategy::Pipelined => 0,
        Strategy::Hybrid => 1,
        Strategy::Parallel => 2,
        Strategy::PutBatch => 3,
        Strategy::Standard => 4,
    }
}

/// The values of a scale's marks, each with its name.
type Ticks = [(f64, &'static str)];

/// Draws the upright lines of `ticks` from top to bottom.
fn lines(canvas: &Canvas<'_>, scale: &LogScale, [top, bottom]: [i32; 2], ticks: &Ticks) {
    for (value, _) in ticks {
        let x = scale.at(*value);
        canvas.line([(x, top), (x, bottom)], 1, Ink::Grid);
    }
}

/// The marks of things that are compared, each with its name: a line at the top from `x` on, one every
/// `step` px.
fn legend<'a>(
    canvas: &Canvas<'_>,
    mut x: i32,
    step: i32,
    names: impl IntoIterator<Item = (u8, &'a str)>,
) {
    for (number, name) in names {
        canvas.mark(number, (x, 14));
        canvas.text(name, (x + 13, 14), Anchor::Left, Font::Label, Ink::Text);
        x += step;
    }
}

/// Writes the names of `ticks` below `bottom`.
fn labels(canvas: &Canvas<'_>, scale: &LogScale, bottom: i32, ticks: &Ticks) {
    for (value, name) in ticks {
        canvas.text(name, (scale.at(*value), bottom + 14), Anchor::Middle, Font::Small, Ink::Muted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::decision::Decision;
    use crate::report::evidence::ReportEvidence;
    use crate::report::fixture::evidence;
    use crate::report::model::{DecisionModel, Model};
    use crate::select::Costs;
    use neonbench_engine::measure::timeline::TimelineSlice;

    #[test]
    fn charts_of_choices_look_as_they_should() {
        let evidence = evidence();
        insta::assert_snapshot!("choices_map", map(evidence.map.as_ref().unwrap()));
        insta::assert_snapshot!("choices_batches", batches(evidence.batches.as_ref().unwrap()));
        let cases = &evidence.selector.as_ref().unwrap().verdicts;
        let model = Model::new(&evidence);
        insta::assert_snapshot!("choices_regrets", regrets(model.regrets.as_ref().unwrap()));
        insta::assert_snapshot!("choices_forecasts", forecasts(cases));
    }

    /// Every chart of `evidence`; the page's decision has to be in it.
    fn all(evidence: &ReportEvidence) -> Vec<String> {
        let model = Model::new(evidence);
        let cases = &evidence.selector.as_ref().unwrap().verdicts;
        let of_model: [fn(&Model<'_>) -> String; 4] = [makespans, implied, histograms, limit];
        let of_decision: [fn(&DecisionModel<'_>) -> String; 7] =
            [shares, pools, pareto, surface, timeline, spectrum, scaling];
        let mut charts = vec![
            map(evidence.map.as_ref().unwrap()),
            batches(evidence.batches.as_ref().unwrap()),
            regrets(model.regrets.as_ref().unwrap()),
            forecasts(cases),
        ];
        charts.extend(of_model.map(|chart| chart(&model)));
        charts.extend(of_decision.map(|chart| chart(model.decision.as_ref().unwrap())));
        charts
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
        for evidence in [nothing, one, zeros, one_zero, usual] {
            for svg in all(&evidence) {
                assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
