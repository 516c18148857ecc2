//! Results under the guide's names.

use crate::experiment::Ranking;
use crate::text::unmapped_in_words;
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::RunRecord;
use std::time::Duration;

/// The result of a plan.
#[derive(Clone, Debug)]
pub struct MigrationResult {
    /// Accounts that the plan was for.
    pub total_resources: u64,
    /// Accounts on which all that the plan demands stands now, written or not.
    pub successful_migrations: u64,
    /// Accounts that failed.
    pub failed_migrations: u64,
    /// Accounts left alone, with a reason.
    pub skipped_migrations: u64,
    /// The first failures, in words.
    pub errors: Vec<String>,
    /// Warnings for people.
    pub warnings: Vec<String>,
    /// Rates and costs.
    pub performance_metrics: PerformanceMetrics,
    /// Share of the calls saved against one read and one write for each mapping, in [0, 1].
    pub api_call_reduction: f64,
    /// Everything, as `neonbench run --json` prints it.
    pub record: RunRecord,
}

/// Rates and costs of a run. Times are those of the run's world.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are the guide's")]
pub struct PerformanceMetrics {
    pub total_resources: u64,
    pub total_api_calls: u64,
    pub total_time: Duration,
    pub avg_time_per_resource: Duration,
    pub avg_time_per_api_call: Duration,
    pub resources_per_second: f64,
    pub api_calls_per_second: f64,
}

impl MigrationResult {
    pub(super) fn new(record: RunRecord) -> Self {
        let error = |error: &neonbench_engine::record::ErrorDetail| {
            format!("account {}: {} ({})", error.resource_id, error.message, error.hint)
        };
        Self {
            total_resources: record.records.total,
            successful_migrations: record.records.migrated + record.records.unchanged,
            failed_migrations: record.records.failed,
            skipped_migrations: record.records.skipped + record.records.unmapped,
            errors: record.errors.iter().map(error).collect(),
            warnings: {
                let unmapped = unmapped_in_words(&record.unmapped);
                record.warnings.iter().cloned().chain(unmapped).collect()
            },
            performance_metrics: PerformanceMetrics::new(&record),
            api_call_reduction: record.performance.api_call_reduction,
            record,
        }
    }
}

impl PerformanceMetrics {
    fn new(record: &RunRecord) -> Self {
        let performance = &record.performance;
        Self {
            total_resources: record.resources,
            total_api_calls: record.calls.total,
            total_time: Duration::from_secs_f64(record.makespan_s),
            avg_time_per_resource: Duration::from_secs_f64(performance.avg_time_per_resource_s),
            avg_time_per_api_call: Duration::from_secs_f64(performance.avg_time_per_api_call_s),
            resources_per_second: performance.resources_per_s,
            api_calls_per_second: performance.api_calls_per_s,
        }
    }
}

/// A sample by every strategy, the best first: ranked by the manager's goal.
#[derive(Clone, Debug)]
pub struct BenchmarkResult {
    tied: usize,
    /// The results by strategy; invalid ones come last, and count for nothing.
    pub results: Vec<(Strategy, MigrationResult)>,
}

impl BenchmarkResult {
    pub(super) fn new(results: Vec<(Strategy, MigrationResult)>, ranking: &Ranking) -> Self {
        Self { tied: ranking.best.len(), results: ranking.sort(results) }
    }

    /// The best strategy whose run is valid and left no account failed: the first of [`Self::tied`].
    pub fn best(&self) -> Option<Strategy> {
        self.tied().next()
    }

    /// The strategies that tie for the best; one without a tie, none if no run is valid and complete.
    pub fn tied(&self) -> impl Iterator<Item = Strategy> {
        self.results.iter().take(self.tied).map(|(strategy, _)| *strategy)
    }
}

/// The selector's recommendation, and its saving.
#[derive(Clone, Debug)]
pub struct PerformanceRecommendations {
    /// The strategy.
    pub recommended_strategy: Strategy,
    /// Why, in words.
    pub reason: String,
    /// Calls that it takes, look-ups and refusals included, as simulated.
    pub estimated_api_calls: u64,
    /// Time that it takes, as simulated.
    pub estimated_time: Duration,
    /// Time saved against standard, as simulated.
    pub time_savings: Duration,
    /// Advice, in words.
    pub recommendations: Vec<String>,
}

impl PerformanceRecommendations {
    pub(super) fn new(chosen: &RunRecord, standard: &RunRecord) -> Self {
        let saved_s = (standard.makespan_s - chosen.makespan_s).max(0.0);
        let mut recommendations = chosen.warnings.clone();
        recommendations.push(format!(
            "{} takes {:.0} s and {} calls; standard takes {:.0} s and {} calls",
            chosen.strategy,
            chosen.makespan_s,
            chosen.calls.total,
            standard.makespan_s,
            standard.calls.total
        ));
        if chosen.limits.exist() && chosen.lower_bound_s < chosen.makespan_s / 2.0 {
            recommendations.push(format!(
                "the API allows it in {:.0} s: compare workers and batch sizes",
                chosen.lower_bound_s
            ));
        }
        Self {
            recommended_strategy: chosen.strategy,
            reason: chosen.reason.clone(),
            estimated_api_calls: chosen.calls.total,
            estimated_time: Duration::from_secs_f64(chosen.makespan_s),
            time_savings: Duration::from_secs_f64(saved_s),
            recommendations,
        }
    }
}
