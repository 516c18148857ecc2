//! The record of a run that has ended, from its specification, its figures and its audit.

use super::{FinishedRun, RunSpec, World};
use crate::audit::{Audit, EditSince};
use crate::bound::{EVERY_WRITE, MigrationWork, lower_bound};
use crate::engine::WriteMode;
use crate::event::{Failure, Outcome};
use crate::measure::Measure;
use crate::record::{
    AuditBy, AuditVerdict, CallCounts, CallTimesS, ColleagueEdits, CountedBy, EditedField,
    ErrorDetail, Exposure, Performance, RecordedLimits, RecordedOrder, ResponseMs, RunRecord,
    SCHEMA, UnmappedValues, ratio,
};
use crate::transport::Traffic;
use neon_mock::Calls;
use neon_mock::api::{AccountId, Class, Endpoint};

/// Edits of others that a record lists.
const MAX_EDITS: usize = 100;

fn edited(edit: &EditSince) -> EditedField {
    EditedField { resource_id: edit.id.to_string(), field: edit.field.clone() }
}

fn verdict(FinishedRun { audit, audit_by, audit_calls, .. }: &FinishedRun) -> AuditVerdict {
    AuditVerdict {
        valid: audit.is_valid(),
        by: *audit_by,
        mismatched: audit.mismatched,
        lost_updates: audit.lost_updates,
        undone_by_staff: audit.undone_by_staff,
        staff_edits: audit.staff_edits,
        state_digest: audit.state_digest.clone(),
        faults: audit.faults.clone(),
        calls: audit_calls.as_ref().map(CallCounts::of_client),
        read_back: audit.read_back,
        not_read_back: audit.not_read_back,
        unreadable: audit.unreadable,
        gone: audit.gone,
        edited_since: audit.edits_since.len() as u64,
        edits_since: audit.edits_since.iter().take(MAX_EDITS).map(edited).collect(),
    }
}

impl RunSpec<'_> {
    /// Puts the figures of the run together.
    pub(super) fn record(
        &self,
        world: &World,
        measure: &Measure,
        finished: &FinishedRun,
    ) -> RunRecord {
        let Self { scenario, settings, .. } = self;
        let FinishedRun { audit, audit_by, server_calls, wall, audit_wall, traffic, .. } = finished;
        let mappings = scenario.mappings() as u64;
        let makespan_s = measure.makespan().as_secs_f64();
        // Where not all accounts were looked at again, those that the run wrote stand for those that change.
        let is_partial = *audit_by == AuditBy::Nobody || *audit_by == AuditBy::Sample;
        let changing = if is_partial || audit.not_read_back > 0 {
            measure.records().migrated
        } else {
            audit.changing
        };
        let writes = if settings.dry_run { 0 } else { changing };
        let work = MigrationWork { reads: changing, writes };
        let bound_s = |by: &[_]| lower_bound(&scenario.profile, work, by).as_secs_f64();
        let lower_bound_s = bound_s(match settings.write {
            WriteMode::Patch => &[Endpoint::PatchAccount],
            WriteMode::Put => &[Endpoint::PutAccount],
            WriteMode::Both => &EVERY_WRITE,
        });
        let (counted_by, calls) = if let Some(server) = server_calls {
            (CountedBy::Server, counted_by_server(server, measure))
        } else {
            (CountedBy::Client, CallCounts::of_client(measure).plus(self.session.calls_before))
        };
        let mut record = RunRecord {
            schema: SCHEMA,
            strategy: settings.strategy,
            chosen_by: self.chosen_by,
            reason: self.reason.clone(),
            world: world.name(),
            seed: settings.seed,
            scenario: scenario.name.clone(),
            dataset: scenario.dataset_name.clone(),
            profile: scenario.profile.name().to_owned(),
            profile_digest: scenario.profile.digest().to_owned(),
            resources: measure.resources(),
            mappings,
            workers: settings.workers.get(),
            batch_size: settings.batch_size.get(),
            chunk_size: settings.chunk_size.map(std::num::NonZeroU32::get),
            reads: settings.reads_in_force(),
            limiter: Some(settings.limiter),
            write: settings.write,
            guard: settings.guard,
            dry_run: settings.dry_run,
            stopped: false,
            run: None,
            processes: Vec::new(),
            processes_lost: 0,
            makespan_s,
            paused_s: measure.paused().as_secs_f64(),
            controls: RecordedOrder::all(measure, finished.audit_calls.as_ref()),
            makespan_s_interval: None,
            makespan_s_median: None,
            makespan_s_mean: None,
            replicates: None,
            lower_bound_s,
            lower_bound_any_client_s: bound_s(&EVERY_WRITE),
            efficiency: ratio(lower_bound_s, makespan_s),
            wall_s: wall.as_secs_f64(),
            audit_wall_s: audit_wall.as_secs_f64(),
            counted_by,
            calls,
            records: measure.records(),
            unmapped: UnmappedValues::of(measure.unmapped(), false),
            performance: performance(measure, calls, mappings, *traffic),
            audit: verdict(finished),
            response_ms: ResponseMs::of(|class| measure.responses(class)),
            service_ms: ResponseMs::of(|class| measure.services(class)),
            limits: RecordedLimits::of(&scenario.profile, matches!(world, World::ForeignHttp(_))),
            in_flight_mean: measure.in_flight_mean(),
            call_times: CallTimesS::of(measure.call_times()),
            exposure: Exposure::of(measure),
            edits: ColleagueEdits::default(),
            echo: finished.echo,
            errors_total: measure.records().failed,
            errors: measure.failures().iter().map(|(id, failure)| detail(*id, failure)).collect(),
            warnings: self.warnings(world, measure, calls, finished),
            next_command: String::new(),
        };
        record.edits = [record.own_edits()].into_iter().collect();
        record
    }

    fn warnings(
        &self,
        world: &World,
        measure: &Measure,
        calls: CallCounts,
        FinishedRun { audit, echo, .. }: &FinishedRun,
    ) -> Vec<String> {
        /// Share of calls refused from which workers are too many rather than unlucky.
        const MANY: f64 = 0.01;
        let mut warnings = self.settings.warnings();
        let refused = calls.refused_share();
        if refused > MANY {
            warnings.push(format!(
                "{:.1} % of the calls were refused with 429: more workers than Neon admits at once",
                refused * 100.0
            ));
        }
        if echo.refused_share() > MANY {
            warnings.push(format!(
                "{:.1} % of the calls by which integrations answered this run's webhooks were refused; {} \
                 deliveries are lost: --echo leaves room for them",
                echo.refused_share() * 100.0,
                echo.lost
            ));
        }
        for (reason, accounts) in measure.skipped() {
            warnings.push(format!("{accounts} accounts skipped: {reason}"));
        }
        warnings.extend(self.scenario.warnings().iter().cloned());
        let &Audit { lost_updates, undone_by_staff, not_read_back, gone, .. } = audit;
        if lost_updates > 0 {
            warnings.push(format!("edits of colleagues were overwritten unseen: {lost_updates}"));
        }
        if undone_by_staff > 0 {
            warnings.push(format!(
                "writes of this run were overwritten by colleagues: {undone_by_staff}"
            ));
        }
        if not_read_back > 0 {
            warnings.push(format!("{not_read_back} accounts were not read back, and not judged"));
        }
        if gone > 0 {
            warnings.push(format!(
                "{gone} accounts were deleted or merged while the run went on, or since"
            ));
        }
        if matches!(world, World::ForeignHttp(_)) {
            warnings.push(format!(
                "the physical limit and the efficiency assume profile {}, not measured limits",
                self.scenario.profile.name()
            ));
        }
        warnings
    }
}

fn performance(
    measure: &Measure,
    calls: CallCounts,
    mappings: u64,
    traffic: Traffic,
) -> Performance {
    let makespan_s = measure.makespan().as_secs_f64();
    let resources = measure.resources();
    let baseline_calls = resources * mappings * 2;
    Performance {
        resources_per_s: ratio(measure.landed_here() as f64, makespan_s),
        api_calls_per_s: ratio(calls.total as f64, makespan_s),
        avg_time_per_resource_s: ratio(makespan_s, resources as f64),
        avg_time_per_api_call_s: ratio(makespan_s, calls.total as f64),
        baseline_calls,
        api_call_reduction: calls.reduction(baseline_calls),
        peak_buffered_records: measure.peak_buffered(),
        connections_opened: traffic.connections_opened,
        request_body_bytes: traffic.request_body_bytes,
    }
}

fn counted_by_server(server: &Calls, measure: &Measure) -> CallCounts {
    CallCounts {
        total: server.total(),
        record_reads: server.of(Endpoint::GetAccount).admitted,
        record_writes: server.admitted(Class::Patch) + server.admitted(Class::Put),
        searches: server.admitted(Class::Search),
        metadata: server.admitted(Class::Metadata),
        rejected: server.rejected(),
        retries: measure.retries(),
        // The server cannot know of those whose answer came too late.
        failed: measure.failed_attempts(),
    }
}

fn detail(id: AccountId, failure: &Failure) -> ErrorDetail {
    let call = failure.call.as_ref();
    ErrorDetail {
        resource_id: id.to_string(),
        endpoint: call.map_or_else(String::new, |call| call.endpoint.name().to_owned()),
        outcome: call.map_or("invalid_value", |call| call.outcome.name()).to_owned(),
        status: call.and_then(|call| call.status).map_or(0, |status| status.0),
        attempts: call.map_or(0, |call| call.attempts),
        message: failure.message.clone(),
        value: None,
        hint: hint(call.map(|call| call.outcome)).to_owned(),
    }
}

/// Advice for people about a failure.
const fn hint(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "change the value, map it by a transform, or add the option in Neon",
        Some(Outcome::NotFound) => "no such account: check the list of ids",
        Some(Outcome::Rejected) => {
            "refused until its deadline (--call-deadline): use fewer workers"
        }
        Some(Outcome::ServerError) => "Neon's fault: run again later for the failed accounts",
        Some(Outcome::Unauthorized | Outcome::Forbidden) => {
            "check the key, and its user's permissions"
        }
        Some(Outcome::Unreachable | Outcome::Timeout | Outcome::Interrupted) => {
            "check the network, and run again for the failed accounts"
        }
        Some(_) => "the answer was not as documented: look at one such account by hand",
    }
}
