//! Effects of the batch size.

mod chart;
mod run;

pub(crate) use chart::batches;
pub(crate) use run::run;

use crate::text::join_and;
use neonbench_engine::engine::Strategy;
use serde::{Deserialize, Serialize};

/// Runs over the batch size; figures are means over seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct BatchSample {
    pub accounts: u64,
    pub mappings: u64,
    pub profile: String,
    /// Of hybrid.
    pub workers: u32,
    pub seeds: u64,
    /// Points whose runs are all valid; those of a strategy in the order of their sizes.
    pub points: Vec<BatchPoint>,
}

/// One batch size of one strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BatchPoint {
    /// The strategy.
    pub strategy: Strategy,
    /// The batch size.
    pub batch_size: u32,
    /// Seconds.
    pub makespan_s: f64,
    /// The most accounts that were read and waited for their write.
    pub buffered: f64,
    /// Accounts that a kill at a random moment leaves open: read, and their write not answered.
    pub at_risk: f64,
    /// Of these, accounts whose write is under way.
    pub open_writes: f64,
}

/// Relative difference in time that counts as none.
const NO_MATTER: f64 = 0.03;

/// The sizes among which time does not differ, and the accounts at risk.
pub(crate) fn title(sample: &BatchSample) -> String {
    let mut parts = Vec::new();
    for strategy in [Strategy::PutBatch, Strategy::Hybrid] {
        let points: Vec<&BatchPoint> =
            sample.points.iter().filter(|point| point.strategy == strategy).collect();
        let least_s = points.iter().map(|point| point.makespan_s).fold(f64::INFINITY, f64::min);
        let near = |point: &&&BatchPoint| point.makespan_s <= (1.0 + NO_MATTER) * least_s;
        let sizes: Vec<u32> = points.iter().filter(near).map(|point| point.batch_size).collect();
        let part = match sizes.as_slice() {
            [] => continue,
            all if all.len() == points.len() => format!("under {strategy} at any size"),
            [.., last] if points.iter().zip(&sizes).all(|(it, size)| it.batch_size == *size) => {
                format!("under {strategy} up to {last}")
            }
            some => {
                let names: Vec<String> = some.iter().map(u32::to_string).collect();
                format!("under {strategy} at {}", join_and(&names))
            }
        };
        parts.push(part);
    }
    let at_risk = |pick: fn(f64, f64) -> f64, start: f64| {
        sample.points.iter().map(|point| point.at_risk).fold(start, pick)
    };
    let (least, most) = (at_risk(f64::min, f64::INFINITY), at_risk(f64::max, 0.0));
    if parts.is_empty() {
        return "Batch size: no run was valid".to_owned();
    }
    format!(
        "Batch size hardly changes the time {}; it decides how many accounts are in memory, and how many a \
         kill leaves open: {least:.0} to {most:.0}",
        join_and(&parts)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn the_title_says_where_it_does_not_matter() {
        let mut sample = evidence().batches.unwrap();
        let end = "; it decides how many accounts are in memory, and how many a kill leaves open: 5 to 50";
        let both = "Batch size hardly changes the time under put_batch at any size and under hybrid up to 10";
        assert_eq!(title(&sample), format!("{both}{end}"));
        // The larger batches are the faster ones.
        sample.points[2].makespan_s = 100.0;
        assert!(title(&sample).contains("under hybrid at 100;"), "{}", title(&sample));
        sample.points.clear();
        assert_eq!(title(&sample), "Batch size: no run was valid");
    }
}
