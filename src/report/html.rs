//! The page: model -> one HTML file that needs no network and no script.

use super::charts;
use super::model::Model;
use super::template::{HTML, environment};
use minijinja::context;
use minijinja::value::{Serde, Value};

/// The page for `model`.
pub fn page(model: &Model) -> String {
    let environment = environment(HTML, include_str!("../../reports/templates/report.html"));
    let template = environment.get_template(HTML).expect("just added");
    let charts = context! {
        makespans => charts::makespans(model),
        implied => charts::implied(model),
        histograms => charts::histograms(model),
        limit => charts::limit(model),
    };
    let style = include_str!("../../reports/templates/report.css");
    template
        .render(context! { model => Value::from(Serde(model)), charts, style })
        .expect("the template names what the model has")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Strategy;
    use crate::report::evidence::Evidence;
    use crate::report::fixture::{evidence, spoil};
    use std::collections::BTreeSet;

    fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
        let start = format!(" {name}=\"");
        let parts: Vec<&str> = page.split(start.as_str()).skip(1).collect();
        parts.into_iter().filter_map(|part| part.split('"').next()).collect()
    }

    #[test]
    fn the_page_needs_no_network_and_no_script() {
        let page = page(&Model::new(&evidence()));
        let page = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for forbidden in ["<script", "http://", "https://", "url(", "@import", " src=", "<link"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn each_section_is_named_by_its_heading_and_ids_do_not_clash() {
        let page = page(&Model::new(&evidence()));
        let ids = attributes(&page, "id");
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len());
        for named in attributes(&page, "aria-labelledby") {
            assert!(distinct.contains(named), "{named}");
        }
        assert_eq!(page.matches("<h1").count(), 1);
        assert_eq!(page.matches("<svg").count(), attributes(&page, "aria-label").len() - 1);
    }

    #[test]
    fn markup_in_a_name_is_shown_and_not_obeyed() {
        let mut evidence = evidence();
        for row in &mut evidence.rows {
            row.runs[0].profile = "<script>alert(1)</script>".to_owned();
        }
        let page = page(&Model::new(&evidence));
        assert!(!page.contains("<script"));
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn markup_in_what_was_kept_is_shown_and_not_obeyed() {
        let mut evidence = evidence();
        let judged = &mut evidence.judged[0].record;
        judged.name = "<script>1</script>".to_owned();
        judged.warnings = vec!["<script>2</script>".to_owned()];
        judged.league[0].name = "<script>3</script>".to_owned();
        evidence.selftest.as_mut().unwrap().record.fidelity[0].law = "<script>4".to_owned();
        let page = page(&Model::new(&evidence));
        assert!(!page.contains("<script"));
        for number in 1..=4 {
            assert!(page.contains(&format!("&lt;script&gt;{number}")), "{number}");
        }
    }

    #[test]
    fn where_nothing_was_kept_a_sentence_names_the_command() {
        let stored = page(&Model::new(&evidence()));
        let (selftest, judge) = ("<code>neonbench selftest<", "<code>neonbench judge --plan ");
        assert!(!stored.contains(selftest) && !stored.contains(judge));
        let bare = Evidence { selftest: None, judged: Vec::new(), ..evidence() };
        let bare = page(&Model::new(&bare));
        assert!(bare.contains(selftest) && bare.contains(judge));
    }

    #[test]
    fn an_invalid_row_is_shown_as_such() {
        let mut evidence = evidence();
        spoil(&mut evidence, 1, Strategy::Hybrid, 0);
        let page = page(&Model::new(&evidence));
        assert!(page.contains("1 of 3 runs invalid, not ranked"));
        assert!(page.contains("guide-1, hybrid, seed 1: 7 accounts"));
    }
}
