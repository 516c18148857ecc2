//! Response times as a curve over their percentiles.

use hdrhistogram::Histogram;
use neon_mock::api::Endpoint;
use neonbench_engine::event::Outcome;
use serde::{Deserialize, Serialize};

/// Response times of the calls of one endpoint that ended alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Spectrum {
    /// Verb and path template.
    pub endpoint: String,
    /// Their outcome.
    pub outcome: String,
    /// Their number.
    pub calls: u64,
    /// Share of the calls that took at most so many ms, in growing order.
    pub points: Vec<(f64, f64)>,
    /// The whole histogram (ns), as `HdrHistogram` V2, compressed, in base64.
    pub hdr_v2_base64: String,
}

impl Spectrum {
    /// The spectrum of `times`, whose values are ns.
    pub fn of((endpoint, outcome): (Endpoint, Outcome), times: &Histogram<u64>) -> Self {
        /// Points for each factor of ten of 1 − share.
        const POINTS_A_DECADE: i32 = 8;
        let mut points = vec![(0.0, ms(times.min()))];
        for step in 1.. {
            let beyond = 10_f64.powf(-f64::from(step) / f64::from(POINTS_A_DECADE));
            if beyond * (times.len() as f64) < 1.0 {
                break;
            }
            let share = 1.0 - beyond;
            points.push((share, ms(times.value_at_quantile(share).min(times.max()))));
        }
        points.push((1.0, ms(times.max())));
        Self {
            endpoint: endpoint.name().to_owned(),
            outcome: outcome.name().to_owned(),
            calls: times.len(),
            points,
            hdr_v2_base64: encoded(times),
        }
    }

    /// The place in its points of the time that `share` of the calls took at most.
    pub fn point_at(&self, share: f64) -> usize {
        let found = self.points.iter().position(|(up_to, _)| *up_to >= share - 1e-9);
        found.unwrap_or(self.points.len().saturating_sub(1))
    }
}

fn ms(ns: u64) -> f64 {
    (ns as f64 / 1e3).round() / 1e3
}

fn encoded(times: &Histogram<u64>) -> String {
    use base64::Engine as _;
    use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(times, &mut bytes).expect("a vector takes any bytes");
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The name of an outcome for people: a call that a limit stopped is refused.
pub(crate) fn outcome_in_words(name: &str) -> String {
    if name == Outcome::Rejected.name() { "refused".to_owned() } else { name.replace('_', " ") }
}
