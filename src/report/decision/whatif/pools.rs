//! Other limits of Neon's: would a higher one help?

mod chart;

pub(crate) use chart::pools;

use super::{POOLS, with_pool};
use crate::experiment::{RunFigures, Summary, seeds, sweep};
use crate::report::shared::SuiteError;
use crate::report::shared::exploration::Exploration;
use crate::stats::outer_quantiles;
use crate::text::{duration, join_and};
use neon_mock::api::Endpoint;
use neonbench_engine::engine::Strategy;
use neonbench_engine::scenario::{Scenario, Workload};
use serde::{Deserialize, Serialize};

/// The best strategy under another pool.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PoolWhatIf {
    pub pool: u32,
    /// 5th, 50th and 95th percentile of the makespan.
    pub makespan_s: [f64; 3],
    pub refused: f64,
}

/// Runs `best` on the exploration's workload under each limit.
pub(crate) fn run(
    exploration: &Exploration<'_>,
    scenario: &Scenario,
    best: Strategy,
) -> Result<Vec<PoolWhatIf>, SuiteError> {
    if scenario.profile.pool(Endpoint::PatchAccount).is_none() {
        return Ok(Vec::new());
    }
    let mut pools = Vec::new();
    for pool in POOLS {
        let profile = with_pool(&scenario.profile, pool);
        let workload = Workload { profile: Some(profile), ..exploration.workload.clone() };
        let settings = (exploration.settings)(best);
        let seeds = seeds::from(settings.seed, exploration.replicates);
        let runs = sweep(&Scenario::new(workload)?, &[settings], &seeds)?;
        let runs: Summary = runs[0].iter().collect();
        let times = runs.runs().iter().map(|run| run.makespan_s);
        pools.push(PoolWhatIf {
            pool,
            makespan_s: outer_quantiles(times).unwrap_or_default(),
            refused: runs.mean(RunFigures::refused_share),
        });
    }
    Ok(pools)
}

/// The effect of a higher limit on `explored`, in words.
pub(crate) fn title(pool: Option<u32>, pools: &[PoolWhatIf], explored: Strategy) -> String {
    let found = would_more_help(pool, pools, explored);
    found.unwrap_or_else(|| format!("{explored} under other limits"))
}

/// Words that say whether a higher limit of Neon's would help `strategy`.
fn would_more_help(pool: Option<u32>, pools: &[PoolWhatIf], strategy: Strategy) -> Option<String> {
    let now = pool?;
    let at = |pool: u32| pools.iter().find(|row| row.pool == pool);
    let present = at(now)?.makespan_s[1];
    let others = || pools.iter().filter(|row| row.pool > now);
    let twice = others().find(|row| row.pool >= 2 * now)?;
    let verdict = if twice.makespan_s[1] < 0.8 * present { "would help" } else { "would not help" };
    let mut gains: Vec<(String, Vec<String>)> = vec![(duration(present), vec![now.to_string()])];
    for row in others() {
        let (time, pool) = (duration(row.makespan_s[1]), row.pool.to_string());
        match gains.last_mut() {
            Some((last, pools)) if *last == time => pools.push(pool),
            _ => gains.push((time, vec![pool])),
        }
    }
    let gain = |(index, (time, pools)): (usize, &(String, Vec<String>))| {
        let unit = if index == 0 { " concurrent calls" } else { "" };
        format!("{time} with {}{unit}", join_and(pools).replace(" and ", " or "))
    };
    let gains: Vec<String> = gains.iter().enumerate().map(gain).collect();
    Some(format!("A higher limit {verdict} {strategy}: {}", join_and(&gains)))
}
