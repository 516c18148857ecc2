//! One simulated run, audited, without the histograms of a record: the unit of sweeps.

use super::cost::Objective;
use neon_mock::api::{AccountId, Class};
use neon_mock::integration::Echo;
use neon_mock::staff::Writer;
use neon_mock::time::Timestamp;
use neonbench_engine::audit::{AuditScope, is_valid};
use neonbench_engine::engine::{EngineError, Job, Settings};
use neonbench_engine::event::{Event, Observer, Outcome};
use neonbench_engine::measure::Measure;
use neonbench_engine::record::{EditsOfRun, RunRecord};
use neonbench_engine::run::{self, RunError, Simulated, resources};
use neonbench_engine::scenario::Scenario;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::time::Duration;

/// Figures of one run: the basis of costs, means and rankings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RunFigures {
    /// Seconds from the first call due to the last account landed.
    pub makespan_s: f64,
    /// Calls that reached the server, refusals included.
    pub calls: u64,
    /// Calls that were refused with 429.
    pub refused: u64,
    /// Accounts of the run.
    pub resources: u64,
    /// Accounts that failed.
    pub failed: u64,
    /// Admitted calls that read or wrote records, without look-ups of metadata.
    pub record_calls: u64,
    /// Admitted calls that wrote records.
    pub writes: u64,
    /// The most accounts in memory at once.
    pub peak_buffered: u64,
    /// Edits of colleagues.
    pub edits: EditsOfRun,
    /// Webhooks, and the calls of integrations because of them.
    #[serde(skip_serializing_if = "Echo::is_none")]
    pub echo: Echo,
    /// True if the run passed its audit.
    pub is_valid: bool,
}

impl From<&RunRecord> for RunFigures {
    fn from(record: &RunRecord) -> Self {
        Self {
            makespan_s: record.makespan_s,
            calls: record.calls.total,
            refused: record.calls.rejected,
            resources: record.resources,
            failed: record.records.failed,
            record_calls: record.calls.record_calls(),
            writes: record.calls.record_writes,
            peak_buffered: record.performance.peak_buffered_records,
            edits: record.own_edits(),
            echo: record.echo,
            is_valid: record.audit.valid,
        }
    }
}

impl From<&SimulatedRun> for RunFigures {
    fn from(run: &SimulatedRun) -> Self {
        run.figures
    }
}

impl RunFigures {
    /// A run of one account that took no time and no call.
    pub const NONE: Self = Self {
        makespan_s: 0.0,
        calls: 0,
        refused: 0,
        resources: 1,
        failed: 0,
        record_calls: 0,
        writes: 0,
        peak_buffered: 0,
        edits: EditsOfRun { overwritten: 0, saved: 0, exposure_s: 0.0 },
        echo: Echo { deliveries: 0, calls: 0, refused: 0, lost: 0 },
        is_valid: true,
    };

    /// Share of the accounts that failed (0 to 1); 0 without accounts.
    pub fn failed_share(&self) -> f64 {
        if self.resources == 0 { 0.0 } else { self.failed as f64 / self.resources as f64 }
    }

    /// Edits of colleagues that were overwritten, per account; of a small job, per hundred accounts.
    pub fn overwritten_share(&self) -> f64 {
        self.edits.overwritten as f64 / self.resources.max(100) as f64
    }

    /// Share of the calls that were refused (0 to 1); 0 without calls.
    pub fn refused_share(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.refused as f64 / self.calls as f64 }
    }
}

/// A simulated run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatedRun {
    /// Its figures.
    pub figures: RunFigures,
    /// Accounts that a kill would leave in doubt: read, and their write not yet answered; the mean
    /// over the makespan, by Little's law.
    pub at_risk: f64,
    /// The accounts at risk whose write is on its way, with unknown outcome.
    pub open_writes: f64,
    /// True if it was hopeless, and not simulated to its end: its makespan is longer than it says.
    pub is_hopeless: bool,
}

/// Figures of a run so far.
struct Watch<'a> {
    measure: Measure,
    /// Time that writes were on their way, summed over attempts.
    writing: Duration,
    limit: Option<CostLimit>,
    /// Calls that were refused.
    refused: u64,
    /// The time so far when the run passed its limit.
    hopeless_after: &'a Cell<Option<Duration>>,
    /// Accounts that have ended.
    landed: Vec<AccountId>,
    /// When the last call was answered.
    last: Timestamp,
}

/// Refusals per other call beyond which a run is of no use under any objective.
const MOST_REFUSED: u64 = 4;

/// A cost beyond which a run is of no use.
#[derive(Clone, Copy, Debug)]
pub struct CostLimit {
    /// The cost, in seconds.
    pub cost_s: f64,
    /// Its objective.
    pub objective: Objective,
    /// The most calls of the run that are not refused.
    pub calls: u64,
}

impl CostLimit {
    /// True if a run that has taken `makespan` so far and had `refused` calls refused costs more in the end,
    /// however it goes on.
    fn is_passed(&self, makespan: Duration, refused: u64) -> bool {
        let run = RunFigures {
            makespan_s: makespan.as_secs_f64(),
            calls: self.calls + refused,
            refused,
            ..RunFigures::NONE
        };
        refused > MOST_REFUSED * self.calls || self.objective.of(&run) > self.cost_s
    }
}

impl Observer for Watch<'_> {
    fn observe(&mut self, event: &Event) {
        self.measure.observe(event);
        if let Event::Landed { id, .. } = event {
            self.landed.push(*id);
        }
        if let Event::Done(call) = event {
            self.last = self.last.max(call.done_at);
            if call.endpoint.class().is_write() {
                self.writing += call.done_at.since(call.sent_at);
            }
        }
        if let Event::Done(call) = event
            && let Some(limit) = &self.limit
        {
            self.refused += u64::from(call.outcome == Outcome::Rejected);
            // By the time so far, whatever has landed: a run that is starved of places lands nothing.
            let so_far = self.measure.elapsed(call.done_at);
            if limit.is_passed(so_far, self.refused) {
                self.hopeless_after.set(Some(so_far));
            }
        }
    }
}

/// Runs `scenario` under `settings` in virtual time.
///
/// A run that passes `limit` is hopeless, and simulated no further. Of one that cannot go on, all accounts that have
/// not ended failed: they have to be migrated again.
/// Errors: the run could not be made.
pub fn simulate(
    scenario: &Scenario,
    settings: &Settings,
    limit: Option<CostLimit>,
) -> Result<SimulatedRun, RunError> {
    simulate_as_far(scenario, settings, limit).map(|(run, _)| run)
}

/// As [`simulate`], with the error of a run that could not go on.
pub(super) fn simulate_as_far(
    scenario: &Scenario,
    settings: &Settings,
    limit: Option<CostLimit>,
) -> Result<(SimulatedRun, Option<EngineError>), RunError> {
    let hopeless_after = &Cell::new(None);
    let mut watch = Watch {
        measure: Measure::counting(),
        writing: Duration::ZERO,
        limit,
        refused: 0,
        hopeless_after,
        landed: Vec::new(),
        last: Timestamp::ZERO,
    };
    let job = Job::new(&scenario.plan, settings, resources(scenario));
    let Simulated { neon, end, .. } =
        run::simulate(scenario, job, &|| hopeless_after.get().is_none(), &mut watch)?;
    let Watch { measure, writing, mut landed, last, .. } = watch;
    let (has_ended, broken_off) = match end {
        Ok(has_ended) => (has_ended, None),
        Err(error) if has_no_answers(&error) => (true, Some(error)),
        Err(error) => return Err(error.into()),
    };
    let went_on = broken_off.is_none();
    let makespan = if went_on { measure.makespan() } else { measure.elapsed(last) };
    let makespan_s = hopeless_after.get().unwrap_or(makespan).as_secs_f64();
    // Which accounts have ended is asked of a run that broke off alone.
    let landed = (!went_on).then(|| {
        landed.sort_unstable();
        landed
    });
    let scope = AuditScope { dry_run: settings.dry_run, landed: landed.as_deref() };
    let is_valid = has_ended && is_valid(scenario, &neon, &measure, scope);
    let records = measure.records();
    let (resources, failed) = if went_on {
        (measure.resources(), records.failed)
    } else {
        // It may not have come so far as to know them.
        let resources = measure.resources().max(scenario.expected_resources());
        (resources, resources - records.total + records.failed)
    };
    let at_a_time = |total: Duration| {
        if makespan_s > 0.0 { total.as_secs_f64() / makespan_s } else { 0.0 }
    };
    let calls = neon.calls();
    let writes = calls.admitted(Class::Patch) + calls.admitted(Class::Put);
    let edits = EditsOfRun {
        overwritten: neon.lost_updates_by(Writer::Client),
        saved: neon.staff_saves(),
        exposure_s: measure.exposed().as_secs_f64() / measure.written().max(1) as f64,
    };
    let figures = RunFigures {
        edits,
        echo: neon.echo(),
        makespan_s,
        calls: calls.total(),
        refused: calls.rejected(),
        resources,
        failed,
        record_calls: writes + calls.admitted(Class::Get) + calls.admitted(Class::Search),
        writes,
        peak_buffered: measure.peak_buffered(),
        is_valid,
    };
    let at_risk = at_a_time(measure.exposed() + writing);
    let (open_writes, is_hopeless) = (at_a_time(writing), !has_ended);
    Ok((SimulatedRun { figures, at_risk, open_writes, is_hopeless }, broken_off))
}

/// True if a run ended for want of answers, and not for a fault of its order.
const fn has_no_answers(error: &EngineError) -> bool {
    matches!(error, EngineError::LookUp(_) | EngineError::Outage(_) | EngineError::Unreachable(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::forecast;
    use neon_mock::profile::Profile;
    use neonbench_engine::engine::Strategy;
    use neonbench_engine::engine::limiter::Limiter;
    use neonbench_engine::scenario::Workload;

    #[test]
    fn a_run_that_is_refused_all_the_time_is_hopeless_under_any_objective() {
        let profile = Some(Scenario::profile("per-second").unwrap());
        let (resources, mappings) = (Some(150), Some(1));
        let workload = Workload { profile, resources, mappings, ..Workload::default() };
        let scenario = Scenario::new(workload).unwrap();
        let limit = CostLimit { cost_s: f64::INFINITY, objective: Objective::Fastest, calls: 301 };
        let run = |limiter| {
            let settings = Settings { limiter, ..Settings::new(Strategy::Pipelined) };
            simulate(&scenario, &settings, Some(limit)).unwrap()
        };
        let rude = run(Limiter::Fixed(100.try_into().unwrap()));
        assert!(rude.is_hopeless && rude.figures.refused > MOST_REFUSED * 301, "{rude:?}");
        assert!(!run(Limiter::adaptive(0)).is_hopeless);
    }

    /// A server that does not answer this share of the look-ups.
    fn silent(share: f64) -> Scenario {
        let text = format!(
            "{}\n[[faults]]\nkinds = [\"timeout\"]\nshare = {share}\nendpoints = [\"GET /customFields\"]\n",
            include_str!("../../mock/profiles/documented.toml")
        );
        let profile = Some(Profile::from_toml("silent.toml", &text).unwrap());
        let (resources, mappings) = (Some(20), Some(1));
        Scenario::new(Workload { profile, resources, mappings, ..Workload::default() }).unwrap()
    }

    #[test]
    fn all_accounts_of_a_run_that_cannot_begin_have_failed() {
        let scenario = silent(1.0);
        let run = simulate(&scenario, &Settings::new(Strategy::Hybrid), None).unwrap().figures;
        assert_eq!((run.failed, run.resources, run.is_valid), (20, 20, true));
        assert!(run.makespan_s > 30.0, "{run:?}");
    }

    #[test]
    fn a_forecast_is_made_of_the_runs_that_go_on() {
        let settings = Settings::new(Strategy::Hybrid);
        let error = forecast(&silent(1.0), &settings).unwrap_err().to_string();
        assert!(error.contains("GET /customFields: no answer in time"), "{error}");
        let forecast_of = |share| forecast(&silent(share), &settings).unwrap();
        let forecast = forecast_of(0.4);
        assert!((50..100).contains(&forecast.runs), "{forecast:?}");
        let few = forecast_of(0.95);
        assert!(few.runs < 20 && few.makespan_s[0] >= 0.0, "{few:?}");
        let [low, middle, high] = forecast.makespan_s;
        assert!(0.0 < low && low < middle && middle < high, "{forecast:?}");
    }
}
