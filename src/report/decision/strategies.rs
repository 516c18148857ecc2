//! More about the strategies: how much longer each takes, where its time goes, and what being faster costs.

mod pareto;
mod shares;
mod tradeoff;

pub(crate) use pareto::pareto;
pub(crate) use shares::shares;
pub(crate) use tradeoff::{Drawback, Tradeoff};

use crate::experiment::delta;
use crate::report::shared::league::StrategyRuns;
use crate::text::sig3;
use std::fmt;

/// The makespan of one entry of the league as a multiple of the best one's.
pub(crate) struct MakespanRatio {
    name: String,
    ratio: f64,
    /// Its 95 % interval.
    interval: Option<[f64; 2]>,
    /// Runs of each side.
    runs: usize,
    best: String,
}

impl fmt::Display for MakespanRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, ratio, interval, runs, best } = self;
        let interval = interval.map_or_else(String::new, |[low, high]| {
            format!("95 % interval {} to {}, ", sig3(low), sig3(high))
        });
        let ratio = sig3(*ratio);
        let mean = "(geometric mean";
        write!(f, "{name} takes {ratio} times as long as {best} {mean}; {interval}n = {runs})")
    }
}

/// Each other entry against `winner`, over the seeds that both ran under.
pub(crate) fn against(winner: &StrategyRuns, league: &[StrategyRuns]) -> Vec<MakespanRatio> {
    let others = league.iter().filter(|other| other.name() != winner.name());
    let ratio = |other: &StrategyRuns| {
        let [ours, theirs] = [winner.summary(), other.summary()];
        let runs = ours.count().min(theirs.count());
        let [ours, theirs] = [&ours.runs()[..runs], &theirs.runs()[..runs]];
        let found = delta((&winner.runs[0], ours), (&other.runs[0], theirs));
        MakespanRatio {
            name: other.name().to_owned(),
            ratio: found.ratio,
            interval: found.ratio_interval,
            runs,
            best: winner.name().to_owned(),
        }
    };
    others.filter(|other| other.is_valid()).map(ratio).collect()
}
