//! Histograms as an interval log, the form that `HdrHistogram`'s own tools read: nothing is rounded.

use super::decision::Decision;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use std::time::Duration;

/// Response times (ns) by strategy, endpoint and outcome, each under a tag that says them.
pub fn interval_log(decision: &Decision) -> String {
    const INFALLIBLE: &str = "a vector takes any bytes";
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("response times in ns, over all runs of a strategy; written by neonbench");
    builder.with_max_value_divisor(1e6);
    let mut log = builder.begin_log_with(&mut bytes, &mut serializer).expect(INFALLIBLE);
    for contender in &decision.league {
        let seconds: f64 = contender.runs.iter().map(|record| record.makespan_s).sum();
        for spectrum in &contender.spectra {
            let (endpoint, outcome) = (&spectrum.endpoint, &spectrum.outcome);
            let tag = format!("{}:{endpoint}:{outcome}", contender.strategy).replace(' ', "_");
            let histogram = decoded(&spectrum.hdr_v2_base64);
            let interval = Duration::from_secs_f64(seconds);
            log.write_histogram(&histogram, Duration::ZERO, interval, Tag::new(&tag))
                .expect(INFALLIBLE);
        }
    }
    String::from_utf8(bytes).expect("a log is text")
}

fn decoded(base64: &str) -> Histogram<u64> {
    let bytes = STANDARD.decode(base64).expect("it was encoded so");
    Deserializer::new().deserialize(&mut bytes.as_slice()).expect("it was serialized so")
}
