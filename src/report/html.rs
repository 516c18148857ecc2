//! The pages: model -> HTML files that need no network, and no script to be read.

use super::decision::whatif::grid::grid_rows;
use super::decision::whatif::{pools, scaling, surface};
use super::decision::{DecisionModel, responses, strategies, timeline};
use super::json::{DecisionRecord, ReportRecord, SCHEMA};
use super::methodology::{forecasts, http, regrets};
use super::model::Model;
use super::shared::figures::Figures;
use super::shared::league::StrategyRuns;
use super::shared::provenance::Provenance;
use super::shared::template::{HTML, environment};
use super::{guide, judged};
use minijinja::context;
use minijinja::value::{Serde, Value};

/// Templates below this file's folder, each by its path.
macro_rules! templates {
    ($kind:literal: $($path:literal)*) => {
        [$((concat!($path, $kind), include_str!(concat!($path, $kind)))),*]
    };
}
pub(super) use templates;

/// The blocks of the sections, and what the pages share.
const BLOCKS: &[(&str, &str)] = &templates![".html":
    "decision/answer/block" "decision/baseline/block" "decision/contents" "decision/details" "decision/how/block"
    "decision/responses/block" "decision/risks/block" "decision/strategies/block" "decision/timeline/block"
    "decision/unfinished/block" "decision/without_api/block"
    "decision/whatif/block" "decision/whatif/grid/block" "decision/whatif/pools/block"
    "decision/whatif/scaling/block" "decision/whatif/surface/block" "guide/batches/block" "guide/claims/block"
    "guide/examples/block" "guide/map/block" "guide/odds/block" "guide/responses/block" "guide/verdict/block"
    "guide/verdict/card" "judged/block" "methodology/audits/block" "methodology/auto/block" "methodology/auto/card"
    "methodology/benches/block" "methodology/forecasts/block" "methodology/http/block" "methodology/regrets/block"
    "methodology/runs/block" "methodology/selftest/block" "methodology/staff/block" "shared/page/page"
    "shared/page/parts"
];

/// The pages of `model`, each with the name of its file: the first is the one to open.
pub fn pages(model: &Model<'_>) -> [(&'static str, String); 3] {
    let evidence = model.evidence;
    let charts = context! {
        makespans => guide::examples::makespans(&model.examples),
        implied => guide::odds::implied(&model.examples),
        histograms => guide::responses::histograms(&model.examples),
        limit => guide::examples::limit(&model.examples),
        map => evidence.map.as_ref().and_then(guide::map::map),
        batches => evidence.batches.as_ref().and_then(guide::batches::batches),
        regrets => model.regrets.as_ref().and_then(regrets::regrets),
        forecasts => evidence.selector.as_ref().and_then(|it| forecasts::forecasts(&it.verdicts)),
        ..charts_of(model.decision.as_ref())
    };
    let rest = context! {
        charts,
        model => Value::from(Serde(model)),
        evidence => Value::from(Serde(evidence)),
        provenance => Value::from(Serde(&evidence.provenance)),
        ..of_decision(model.decision.as_ref())
    };
    let record = ReportRecord { schema: SCHEMA, report: model, evidence };
    let figures = Figures::of_report(&record);
    let made = |source| render(source, figures.clone(), &rest);
    [
        ("index.html", made(include_str!("report.html"))),
        ("guide.html", made(include_str!("guide/page.html"))),
        ("methodology.html", made(include_str!("methodology/page.html"))),
    ]
}

/// The page of one decision.
pub fn decision_page(decision: &DecisionModel<'_>, provenance: &Provenance) -> String {
    let rest = context! {
        charts => charts_of(Some(decision)),
        provenance => Value::from(Serde(provenance)),
        ..of_decision(Some(decision))
    };
    let record =
        DecisionRecord { schema: SCHEMA, decision, provenance, evidence: decision.decision };
    let figures = Figures::of_decision(&record);
    render(include_str!("decision/page.html"), figures, &rest)
}

fn render(source: &'static str, figures: Figures, of_page: &Value) -> String {
    let mut environment = environment(HTML, source);
    figures.add_to(&mut environment);
    for (name, part) in BLOCKS {
        environment.add_template(name, part).expect("the embedded template is valid");
    }
    judged::add_filters(&mut environment);
    http::add_filters(&mut environment);
    let template = environment.get_template(HTML).expect("just added");
    let style = concat!(
        include_str!("shared/page/base.css"),
        include_str!("shared/page/report.css"),
        include_str!("shared/page/page.css")
    );
    let script =
        concat!(include_str!("shared/page/report.js"), include_str!("shared/page/page.js"));
    template
        .render(context! { style, script, ..of_page.clone() })
        .unwrap_or_else(|error| panic!("the template names what the model has: {error:#}"))
}

fn charts_of(decision: Option<&DecisionModel<'_>>) -> Value {
    let Some(decision) = decision else { return context! {} };
    let record = decision.decision;
    context! {
        shares => strategies::shares(&decision.league),
        pools => pools::pools(record.pool, &record.pools),
        pareto => strategies::pareto(&decision.league, decision.tradeoff.as_ref()),
        surface => surface::surface(&record.surface, record.pool),
        timeline => timeline::timeline(&record.timeline),
        spectrum => decision.winner.and_then(|winner| responses::spectrum(&winner.spectra)),
        scaling => scaling::scaling(&record.scaling),
    }
}

/// The figures of a decision, its records, and the grid of its sliders, as a script reads it and as rows.
fn of_decision(decision: Option<&DecisionModel<'_>>) -> Value {
    let Some(decision) = decision else { return context! {} };
    let league = &decision.decision.league;
    let grid = &decision.decision.grid;
    let lanes = timeline::lanes(&decision.decision.timeline);
    let json = serde_json::to_string(grid).expect("figures are JSON");
    // Nothing in it may end the element that it stands in.
    let json = json.replace('<', "\\u003c");
    let is_winner = |winner: &StrategyRuns| league.iter().position(|one| std::ptr::eq(one, winner));
    let winner = decision.winner.and_then(is_winner).unwrap_or(0);
    context! {
        decision => Value::from(Serde(decision)),
        record => Value::from(Serde(decision.decision)),
        spectra => Value::from(Serde(decision.winner.map(|winner| &winner.spectra))),
        spectra_at => format!("record/league/{winner}/spectra"),
        lanes => lanes.into_iter().map(|lane| (lane as usize, lane.name())).collect::<Vec<_>>(),
        grid_json => json,
        grid_rows => Value::from(Serde(grid_rows(grid))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::decision::Decision;
    use crate::report::decision::whatif::grid::GridRow;
    use crate::report::evidence::ReportEvidence;
    use crate::report::fixture::{evidence, spoil};
    use crate::report::markdown::decision_summary;

    use neonbench_engine::engine::Strategy;
    use std::collections::BTreeSet;

    /// All pages of `evidence` in one text.
    fn all(evidence: &ReportEvidence) -> String {
        pages(&Model::new(evidence)).map(|(_, page)| page).concat()
    }

    /// `evidence` with a decision.
    fn decided() -> ReportEvidence {
        let (decision, _) = crate::report::fixture::decision();
        ReportEvidence { decision: Some(decision), ..evidence() }
    }

    fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
        let start = format!(" {name}=\"");
        let parts: Vec<&str> = page.split(start.as_str()).skip(1).collect();
        parts.into_iter().filter_map(|part| part.split('"').next()).collect()
    }

    #[test]
    fn the_pages_need_no_network() {
        let text = all(&decided()).replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for forbidden in ["http://", "https://", "url(", "@import", " src=", "<link"] {
            assert!(!text.contains(forbidden), "{forbidden}");
        }
        let links: BTreeSet<&str> =
            attributes(&text, "href").into_iter().filter(|link| !link.starts_with('#')).collect();
        let names = pages(&Model::new(&decided())).map(|(name, _)| name);
        assert!(
            links.iter().all(|link| names.contains(&link.split('#').next().unwrap())),
            "{links:?}"
        );
    }

    #[test]
    fn what_is_named_and_linked_is_there_once_and_each_landmark_has_its_own_name() {
        for (name, page) in pages(&Model::new(&decided())) {
            let ids = attributes(&page, "id");
            let distinct: BTreeSet<&str> = ids.iter().copied().collect();
            assert_eq!(ids.len(), distinct.len(), "{name}");
            let links = attributes(&page, "href").into_iter().filter_map(|it| it.strip_prefix('#'));
            for named in links.chain(attributes(&page, "aria-labelledby")) {
                assert!(distinct.contains(named), "{name}: {named}");
            }
            assert_eq!(page.matches("<h1").count(), 1, "{name}");
            // A section goes by its heading, a region by its label.
            let headings = attributes(&page, "aria-labelledby");
            let regions = page.split("role=\"region\"").skip(1);
            let labels: Vec<&str> = regions.map(|it| attributes(it, "aria-label")[0]).collect();
            for landmarks in [headings, labels] {
                let distinct: BTreeSet<&str> = landmarks.iter().copied().collect();
                assert_eq!(landmarks.len(), distinct.len(), "{name}: {landmarks:?}");
            }
        }
    }

    #[test]
    fn each_claim_stands_on_one_line_that_says_whether_it_holds_in_words_too() {
        let evidence = evidence();
        let [_, (_, guide), _] = pages(&Model::new(&evidence));
        for row in &evidence.ledger.as_ref().unwrap().claims {
            assert_eq!(
                guide.matches(&format!("<tr id=\"claim-{}\">", row.id)).count(),
                1,
                "{}",
                row.id
            );
        }
        for verdict in ["✓ holds</td><th", "≈ in part</td><th", "✗ does not hold</td><th"] {
            assert_eq!(guide.matches(verdict).count(), 1, "{verdict}");
        }
        assert!(guide.contains("Claims that no run can test"));
        let older =
            ReportEvidence { ledger: None, map: None, batches: None, selector: None, ..evidence };
        let older = all(&older);
        for section in ["claims", "map", "batches", "regrets", "forecasts", "auto"] {
            assert!(!older.contains(&format!("id=\"{section}\"")), "{section}");
        }
    }

    #[test]
    fn the_page_of_a_plan_of_ones_own_does_not_name_the_guide() {
        let (decision, provenance) = crate::report::fixture::decision();
        let model = DecisionModel::new(&decision);
        let page = decision_page(&model, &provenance);
        let summary = decision_summary(&model, &provenance);
        assert!(!markup(&page).to_lowercase().contains("guide"), "{}", markup(&page));
        assert!(!summary.to_lowercase().contains("guide"), "{summary}");
    }

    /// `page` without what is inside its style, scripts and charts, which have files and goldens of
    /// their own.
    fn markup(page: &str) -> String {
        let mut text = page.to_owned();
        for (open, close) in [("<style", "</style>"), ("<script", "</script>"), ("<svg", "</svg>")]
        {
            let mut parts = text.split(open);
            let mut kept = parts.next().unwrap().to_owned();
            for part in parts {
                let (inside, rest) = part.split_once(close).unwrap();
                let (tag, _) = inside.split_once('>').unwrap();
                kept.extend([open, tag, ">…", close, rest]);
            }
            text = kept;
        }
        text
    }

    #[test]
    fn a_decision_is_whole_in_every_form() {
        let (decision, provenance) = crate::report::fixture::decision();
        let model = DecisionModel::new(&decision);
        insta::assert_snapshot!("decision_summary", decision_summary(&model, &provenance));
        insta::assert_snapshot!(
            "decision_pools",
            pools::pools(decision.pool, &decision.pools).unwrap()
        );
        insta::assert_snapshot!("decision_shares", strategies::shares(&model.league).unwrap());
        let page = decision_page(&model, &provenance);
        // Workers and batch size of hybrid are shown where hybrid is the best; each chart is there for wide
        // and for narrow columns.
        assert_eq!(page.matches("<svg").count(), 2 * 6);
        insta::assert_snapshot!("decision_page", markup(&page));
        let bytes = page.len();
        assert!(bytes < 1_000_000, "{bytes} bytes");
        let json = serde_json::to_string(&decision).unwrap();
        let again: Decision = serde_json::from_str(&json).unwrap();
        let again = decision_page(&DecisionModel::new(&again), &provenance);
        assert!(again == page, "the page can be made again from its records");
        let grid = serde_json::to_string(&decision.grid).unwrap();
        assert!(grid.len() < 100_000, "{} bytes", grid.len());
    }

    #[test]
    fn giving_accounts_up_or_being_refused_does_not_win() {
        let (decision, _) = crate::report::fixture::decision();
        let best = |decision: &Decision| DecisionModel::new(decision).best;
        assert_eq!(best(&decision), Some(Strategy::Pipelined));
        let spoilt = |spoil: fn(&mut neonbench_engine::record::RunRecord)| {
            let mut spoilt = decision.clone();
            let fastest = spoilt.league.iter_mut().find(|one| one.strategy == Strategy::Pipelined);
            fastest.unwrap().runs.iter_mut().for_each(spoil);
            spoilt
        };
        let failing = spoilt(|record| record.records.failed = 1);
        assert_eq!(best(&failing), Some(Strategy::Hybrid));
        assert_eq!(DecisionModel::new(&failing).league[0].strategy, Strategy::Hybrid);
        let rude = spoilt(|record| record.calls.rejected = record.calls.total / 2);
        assert_eq!(best(&rude), Some(Strategy::Hybrid));
        let mut hopeless = failing.clone();
        for one in &mut hopeless.league {
            one.runs.iter_mut().for_each(|record| record.records.failed = 5);
            // The slowest, and so the last of the league.
            one.runs[0].records.failed += u64::from(one.strategy == Strategy::Standard);
        }
        let page = DecisionModel::new(&hopeless);
        assert_eq!(page.headline, "No strategy migrates 30 accounts × 2 mappings without fault");
        let [sentence] = page.lede.as_slice() else { panic!("{:?}", page.lede) };
        assert!(sentence.starts_with("On average 5 of 30 accounts fail under "), "{sentence}");
        assert!(sentence.ends_with("; 5.50 under standard."), "{sentence}");
        let other = spoilt(|record| record.resources = 3);
        assert_eq!(best(&other), None);
        assert!(DecisionModel::new(&other).headline.contains("did different work"));
    }

    #[test]
    fn each_cell_of_the_grid_is_the_run_that_it_says() {
        use neonbench_engine::engine::Settings;
        use neonbench_engine::event::Event;
        use neonbench_engine::run::{RunSpec, World};
        use neonbench_engine::scenario::{Scenario, Workload};
        let (decision, _) = crate::report::fixture::decision();
        let grid = &decision.grid;
        let rows = grid_rows(grid);
        let is_asked = |row: &&GridRow| {
            let (Some(workers), Some(batch)) = (row.at_workers, row.at_batch) else { return false };
            row.strategy == Strategy::Hybrid
                && (grid.service_times[row.at_service] - 2.0).abs() < 1e-9
                && (grid.workers[workers], grid.batch_sizes[batch]) == (3, 10)
        };
        let row = rows.iter().find(is_asked).unwrap();
        let column = grid.pools.iter().position(|pool| *pool == 2).unwrap();
        let two = std::num::NonZeroU32::new(2).unwrap();
        let profile = Scenario::profile("constant").unwrap().with_service_times(2.0).with_pool(two);
        let workload = Workload {
            profile: Some(profile),
            resources: Some(decision.resources),
            mappings: Some(2),
            ..Workload::default()
        };
        let settings = Settings {
            workers: 3.try_into().unwrap(),
            batch_size: 10.try_into().unwrap(),
            ..Settings::new(Strategy::Hybrid)
        };
        let scenario = Scenario::new(workload).unwrap();
        let order = RunSpec::new(&scenario, settings);
        let record = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record;
        let found = f64::from(grid.makespans_s[row.places[column]]);
        assert!((found - record.makespan_s).abs() < 1e-4);
    }

    #[test]
    fn histograms_leave_as_they_were() {
        use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
        let (decision, _) = crate::report::fixture::decision();
        let log = crate::report::hlog::interval_log(&decision);
        let entries: Vec<_> =
            IntervalLogIterator::new(log.as_bytes()).collect::<Result<_, _>>().unwrap();
        let tags: Vec<&str> = entries
            .iter()
            .filter_map(|entry| match entry {
                LogEntry::Interval(interval) => Some(interval.tag().unwrap().as_str()),
                _ => None,
            })
            .collect();
        let spectra: usize = decision.league.iter().map(|one| one.spectra.len()).sum();
        assert_eq!(tags.len(), spectra);
        assert!(tags.contains(&"hybrid:PATCH_/accounts/{id}:ok"), "{tags:?}");
    }

    #[test]
    fn markup_in_a_name_is_shown_and_not_obeyed() {
        let mut evidence = evidence();
        for row in &mut evidence.rows {
            row.runs[0].profile = "<script>alert(1)</script>".to_owned();
        }
        let pages = all(&evidence);
        assert_eq!(pages.matches("<script").count(), 3, "each its own");
        assert!(pages.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn markup_in_what_was_kept_is_shown_and_not_obeyed() {
        let mut evidence = evidence();
        let judged = &mut evidence.judged[0].record;
        judged.name = "<script>1</script>".to_owned();
        judged.warnings = vec!["<script>2</script>".to_owned()];
        judged.league[0].name = "<script>3</script>".to_owned();
        evidence.selftest.as_mut().unwrap().record.fidelity[0].law = "<script>4".to_owned();
        let page = all(&evidence);
        assert_eq!(page.matches("<script").count(), 3, "each its own");
        for number in 1..=4 {
            assert!(page.contains(&format!("&lt;script&gt;{number}")), "{number}");
        }
    }

    #[test]
    fn where_nothing_was_kept_there_is_no_section() {
        let stored = all(&evidence());
        let bare = ReportEvidence { selftest: None, judged: Vec::new(), ..evidence() };
        let bare = all(&bare);
        for section in ["judged", "selftest"] {
            let section = format!("id=\"{section}\"");
            assert!(stored.contains(&section) && !bare.contains(&section), "{section}");
        }
    }

    #[test]
    fn an_invalid_row_is_shown_as_such() {
        let mut evidence = evidence();
        spoil(&mut evidence, 1, Strategy::Hybrid, 0);
        let [_, (_, guide), (_, methodology)] = pages(&Model::new(&evidence));
        assert!(guide.contains(" runs invalid, not ranked"));
        assert!(methodology.contains("guide-1, hybrid, seed 1: 7 accounts"));
    }
}
