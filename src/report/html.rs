//! The page: model -> one HTML file that needs no network and no script.

use super::charts;
use super::model::Model;
use super::template::environment;
use minijinja::context;
use minijinja::value::{Serde, Value};

/// The page for `model`.
pub fn page(model: &Model) -> String {
    let environment =
        environment("report.html", include_str!("../../reports/templates/report.html"));
    let template = environment.get_template("report.html").expect("just added");
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
