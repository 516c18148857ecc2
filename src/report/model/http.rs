//! Real HTTP beside virtual time.

use crate::report::evidence::{HttpPair, ReportEvidence};
use neonbench_engine::engine::Strategy;
use serde::Serialize;

/// Real HTTP beside virtual time.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct HttpModel {
    pub example: u32,
    pub accounts: u64,
    pub mappings: u64,
    pub service_times_divided_by: u32,
    pub wall_s: f64,
    pub rows: Vec<HttpRow>,
    /// The largest deviation by size, of valid runs.
    pub worst_deviation: Option<f64>,
}

/// One strategy over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct HttpRow {
    pub strategy: Strategy,
    pub calls: u64,
    pub look_ups: u64,
    pub connections: u64,
    pub http_s: f64,
    pub simulated_s: f64,
    /// HTTP ÷ simulated − 1; `None` where one of them is invalid.
    pub deviation: Option<f64>,
    pub same_state: bool,
}

impl HttpModel {
    pub(super) fn new(evidence: &ReportEvidence) -> Self {
        let sample = &evidence.http;
        let row = |pair: &HttpPair| {
            let (http, simulated) = (&pair.http, &pair.simulated);
            let valid = http.audit.valid && simulated.audit.valid;
            HttpRow {
                strategy: http.strategy,
                calls: http.calls.record_calls(),
                look_ups: http.calls.metadata,
                connections: http.performance.connections_opened,
                http_s: http.makespan_s,
                simulated_s: simulated.makespan_s,
                deviation: valid.then(|| http.makespan_s / simulated.makespan_s - 1.0),
                same_state: http.audit.state_digest == simulated.audit.state_digest,
            }
        };
        let rows: Vec<HttpRow> = sample.pairs.iter().map(row).collect();
        let deviations = rows.iter().filter_map(|row| row.deviation);
        let first = sample.pairs.first().map(|pair| &pair.http);
        Self {
            example: sample.example,
            accounts: first.map_or(0, |record| record.resources),
            mappings: first.map_or(0, |record| record.mappings),
            service_times_divided_by: sample.service_times_divided_by,
            wall_s: sample.wall_s,
            worst_deviation: deviations.max_by(|a, b| a.abs().total_cmp(&b.abs())),
            rows,
        }
    }
}
