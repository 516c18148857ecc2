//! The summary for pull requests and README files: model -> Markdown.

use super::decision::DecisionModel;
use super::html::templates;
use super::judged;
use super::methodology::http;
use super::model::Model;
use super::shared::provenance::Provenance;
use super::shared::template::environment;
use minijinja::context;
use minijinja::value::{Serde, Value};

/// The blocks of the sections.
const BLOCKS: &[(&str, &str)] = &templates![".md":
    "decision/answer/block" "decision/baseline/block" "decision/details" "decision/risks/block"
    "decision/unfinished/block" "decision/without_api/block"
    "decision/whatif/block" "guide/claims/block" "guide/examples/block" "guide/map/block" "guide/odds/block"
    "guide/verdict/card" "judged/block" "methodology/auto/card" "methodology/http/block" "methodology/runs/block"
    "methodology/selftest/block" "methodology/staff/block"
];

/// `report.md` for `model`.
pub fn summary(model: &Model<'_>) -> String {
    let evidence = Value::from(Serde(model.evidence));
    let decision = model.decision.as_ref();
    let source = include_str!("report.md");
    let of_decision = context_of(decision, &model.evidence.provenance);
    render(source, &context! { model => Value::from(Serde(model)), evidence, ..of_decision })
}

/// `report.md` for one decision.
pub fn decision_summary(decision: &DecisionModel<'_>, provenance: &Provenance) -> String {
    let source = include_str!("decision/page.md");
    render(source, &context_of(Some(decision), provenance))
}

fn context_of(decision: Option<&DecisionModel<'_>>, provenance: &Provenance) -> Value {
    let record = Value::from(Serde(decision.map(|decision| decision.decision)));
    let decision = Value::from(Serde(decision));
    context! { decision, record, provenance => Value::from(Serde(provenance)) }
}

fn render(source: &'static str, with: &Value) -> String {
    let mut environment = environment("report.md", source);
    for (name, part) in BLOCKS {
        environment.add_template(name, part).expect("the embedded template is valid");
    }
    judged::add_filters(&mut environment);
    http::add_filters(&mut environment);
    let template = environment.get_template("report.md").expect("just added");
    template.render(with).expect("the template names what the model has")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{evidence, spoil};
    use neonbench_engine::engine::Strategy;

    #[test]
    fn the_summary_reads_as_it_should() {
        let mut evidence = evidence();
        spoil(&mut evidence, 3, Strategy::PutBatch, 1);
        // The evidence is made up, and with it all that would change from run to run.
        insta::assert_snapshot!(summary(&Model::new(&evidence)));
    }

    #[test]
    fn markup_in_a_name_is_shown_and_not_obeyed() {
        let mut evidence = evidence();
        for row in &mut evidence.rows {
            row.runs[0].profile = "<script> | `x`".to_owned();
        }
        evidence.judged[0].record.name = "<script> | `own`".to_owned();
        let summary = summary(&Model::new(&evidence));
        assert!(summary.contains("| &lt;script&gt; \\| \\`own\\` |"), "{summary}");
        assert!(summary.contains("&lt;script&gt; \\| \\`x\\`"), "{summary}");
        assert!(!summary.contains("<script"));
    }
}
