//! `report.json`: the page's figures, and every record that they are made from.

use super::decision::{Decision, DecisionModel};
use super::evidence::ReportEvidence;
use super::model::Model;
use super::shared::provenance::Provenance;
use serde::Serialize;

/// Version of the form of `report.json`.
pub const SCHEMA: u32 = 1;

/// `report.json`.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ReportRecord<'a> {
    /// Version of the form.
    pub schema: u32,
    /// The page's figures that are not in `evidence` as such. Members ending in `_s` are seconds.
    pub report: &'a Model<'a>,
    /// All run records, and the response-time histograms.
    pub evidence: &'a ReportEvidence,
}

/// `report.json` of one decision.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct DecisionRecord<'a> {
    /// Version of the form.
    pub schema: u32,
    /// The page's figures that are not in `evidence` as such. Members ending in `_s` are seconds.
    pub decision: &'a DecisionModel<'a>,
    /// The circumstances of the runs.
    pub provenance: &'a Provenance,
    /// All run records, and the response-time histograms.
    pub evidence: &'a Decision,
}

/// The text of a record, indented.
pub fn to_json(record: &impl Serialize) -> String {
    serde_json::to_string_pretty(record).expect("records are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;
    use crate::report::html::pages;

    #[test]
    fn every_record_is_in_it_and_the_report_can_be_made_again_from_it() {
        let evidence = evidence();
        let model = Model::new(&evidence);
        let json = to_json(&ReportRecord { schema: SCHEMA, report: &model, evidence: &evidence });
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["schema"], 1);
        assert_eq!(value["report"]["examples"][0]["rows"].as_array().unwrap().len(), 4);
        let again: ReportEvidence = serde_json::from_value(value["evidence"].clone()).unwrap();
        assert_eq!(again.records().count(), 36);
        assert!(pages(&Model::new(&again)) == pages(&model), "the page is made of its records");
    }

    #[test]
    fn it_is_as_its_schema_says() {
        let evidence = evidence();
        let model = Model::new(&evidence);
        let json = to_json(&ReportRecord { schema: SCHEMA, report: &model, evidence: &evidence });
        let mut value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let schema = schemars::schema_for!(ReportRecord<'static>);
        let (mut compiler, mut schemas) = (boon::Compiler::new(), boon::Schemas::new());
        compiler.add_resource("schema.json", schema.to_value()).unwrap();
        let schema = compiler.compile("schema.json", &mut schemas).unwrap();
        schemas.validate(&value, schema).unwrap();
        value["report"]["verdict"] = serde_json::json!(7);
        assert!(schemas.validate(&value, schema).is_err());
    }

    #[test]
    fn evidence_from_before_the_store_was_shown_still_reads() {
        let mut older = serde_json::to_value(evidence()).unwrap();
        for member in ["selftest", "judged"] {
            older.as_object_mut().unwrap().remove(member).unwrap();
        }
        let older: ReportEvidence = serde_json::from_value(older).unwrap();
        assert_eq!((&older.selftest, older.judged.len()), (&None, 0));
    }
}
