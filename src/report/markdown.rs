//! The summary for pull requests and README files: model -> Markdown.

use super::model::Model;
use super::template::environment;
use minijinja::context;
use minijinja::value::{Serde, Value};

/// `report.md` for `model`.
pub fn summary(model: &Model) -> String {
    let environment = environment("report.md", include_str!("../../reports/templates/report.md"));
    let template = environment.get_template("report.md").expect("just added");
    template
        .render(context! { model => Value::from(Serde(model)) })
        .expect("the template names what the model has")
}
