//! The same run under several seeds, and runs ranked.

use neonbench_engine::event::{Event, Observer};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{Run, RunError, RunSpec, World};

/// Runs `order` under `replicates` seeds, its own and those that follow.
///
/// The record is that of the order's own seed; with more than one replicate it carries the
/// interval of the makespan: its 5th, 50th and 95th percentile. A replicate that fails its audit
/// yields no number, and the record says so.
pub fn replicated(
    order: &RunSpec<'_>,
    world: &World,
    replicates: u32,
    observer: &mut dyn Observer,
) -> Result<Run, RunError> {
    let mut run = order.run(world, observer)?;
    if replicates < 2 {
        return Ok(run);
    }
    let mut makespans = vec![run.record.makespan_s];
    let mut nobody = |_: &Event| {};
    for offset in 1..u64::from(replicates) {
        let mut again = order.clone();
        again.settings.seed = order.settings.seed.wrapping_add(offset);
        let record = again.run(world, &mut nobody)?.record;
        if record.stopped {
            run.record.stopped = true;
            break;
        }
        if record.audit.valid {
            makespans.push(record.makespan_s);
        } else {
            let faults = record.audit.faults.join("; ");
            let fault = format!("the replicate of seed {} is invalid: {faults}", record.seed);
            run.record.audit.valid = false;
            run.record.audit.faults.push(fault);
        }
    }
    run.makespans_s.clone_from(&makespans);
    makespans.sort_by(f64::total_cmp);
    run.record.makespan_s_interval = Some([0.05, 0.5, 0.95].map(|q| quantile(&makespans, q)));
    Ok(run)
}

/// The `quantile` in [0, 1] of `sorted`, between neighbours in proportion (Hyndman and Fan's type
/// 7). Panics if there is nothing to take it of.
pub fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let position = quantile * (sorted.len() - 1) as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * position.fract()
}

/// The makespan that a run is ranked by: the median of its replicates, else its own.
pub fn ranked_by_s(record: &RunRecord) -> f64 {
    record.makespan_s_interval.map_or(record.makespan_s, |[_, median, _]| median)
}

/// The order of ranking: valid runs first, then those without failed accounts, then the fastest.
///
/// Failing is fast: a run that gave accounts up is never better than one that migrated them.
pub fn order(a: &RunRecord, b: &RunRecord) -> std::cmp::Ordering {
    let class = |record: &RunRecord| (!record.audit.valid, record.records.failed > 0);
    class(a).cmp(&class(b)).then(ranked_by_s(a).total_cmp(&ranked_by_s(b)))
}

/// The first of ranked runs, if it is valid, left no account failed, and all did the same work.
pub fn best(ranked: &[RunRecord]) -> Option<&RunRecord> {
    let work = |record: &RunRecord| (record.resources, record.mappings, record.dry_run);
    let first = ranked.first()?;
    let same_work = ranked.iter().all(|record| work(record) == work(first));
    let clean = first.audit.valid && first.records.failed == 0;
    (same_work && clean).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_accounts_up_is_never_faster() {
        use neon_mock::api::AccountId;
        use neonbench_engine::engine::{Settings, Strategy};
        use neonbench_engine::scenario::{Scenario, Workload};

        let run = |ids: std::ops::RangeInclusive<u64>| {
            let ids = Some(ids.map(AccountId).collect());
            let workload = Workload { resources: Some(4), ids, ..Workload::default() };
            let scenario = Scenario::new(workload).unwrap();
            let order = RunSpec::new(&scenario, Settings::new(Strategy::Standard));
            order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record
        };
        // Accounts 5 to 8 do not exist: that run ends sooner.
        let (complete, failing) = (run(1..=4), run(5..=8));
        assert!(failing.makespan_s < complete.makespan_s && failing.records.failed == 4);
        let mut ranked = [failing.clone(), complete.clone()];
        ranked.sort_by(order);
        assert_eq!(best(&ranked), Some(&complete));
        assert_eq!(best(&[failing]), None);
        assert_eq!(best(&[complete.clone(), run(1..=2)]), None, "they did not do the same work");
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let sorted = [1.0, 2.0, 4.0];
        assert!((quantile(&sorted, 0.5) - 2.0).abs() < 1e-12);
        assert!((quantile(&sorted, 0.75) - 3.0).abs() < 1e-12);
        assert!((quantile(&[7.0], 0.95) - 7.0).abs() < 1e-12);
    }
}
