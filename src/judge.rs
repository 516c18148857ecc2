//! Judges a foreign client's migration by the final state of the mock, and ranks it among our
//! strategies.
//!
//! The client's own output is ignored: its calls are those that reached the mock, its result is the
//! organisation as it left it.

mod record;

pub use record::{
    CauseRecord, ClientVerdict, CommandExit, DifferenceRecord, EndpointRecord, JudgeLeagueRow,
    JudgeRecord, JudgedAudit, JudgedCalls, JudgedRecords, JudgedWrites, SCHEMA,
};

use crate::experiment::median_makespan_s;
use crate::text::field_value;
use neon_mock::api::{AccountId, CustomField, Endpoint, Value};
use neon_mock::{Calls, Mishap, Mishaps, Neon};
use neonbench_engine::audit::{Amiss, Claims, FieldDifference, Mismatch, MismatchSite, compare};
use neonbench_engine::bound::{EVERY_WRITE, MigrationWork, lower_bound};
use neonbench_engine::record::{AuditBy, RecordedLimits, RunRecord};
use neonbench_engine::scenario::Scenario;

/// The most differences that a record lists; the others are only counted.
pub const MAX_DIFFERENCES: usize = 20;

/// A client under test: its work and the outcome of its command.
#[derive(Clone, Debug)]
pub struct ClientUnderTest<'a> {
    /// Name of its row in the league.
    pub name: &'a str,
    /// The work that it was given.
    pub scenario: &'a Scenario,
    /// Seed of the organisation.
    pub seed: u64,
    /// Exit of the command.
    pub command: CommandExit,
    /// Calls that were answered 401.
    pub unauthorized: u64,
    /// Calls with valid credentials that the mock could not decode.
    pub undecodable: u64,
    /// The mishaps, by cause.
    pub mishaps: Mishaps,
    /// Shows the values of differences, which may be personal, instead of their form.
    pub show_values: bool,
}

impl ClientUnderTest<'_> {
    /// Judges the state that the client left in `neon`.
    pub fn judge(&self, neon: &Neon) -> JudgeRecord {
        let (organisation, scenario) = (neon.organisation(), self.scenario);
        let mut tally = DifferenceTally {
            case: self,
            fields: organisation.definitions(),
            records: JudgedRecords::default(),
            strays_lost: 0,
            differences: Vec::new(),
            differences_total: 0,
        };
        let found = compare(scenario, neon, Claims::None, &mut |m| tally.add(m));
        let DifferenceTally { mut records, differences, differences_total, strays_lost, .. } =
            tally;
        records.total = found.selected;
        records.correct = found.selected - records.wrong - records.lost - records.untouched;
        let calls = self.calls(neon.calls());
        let writes = writes(neon);
        let is_data_lost = records.lost + strays_lost > 0;
        let verdict = match () {
            () if calls.total + calls.undecodable == 0 => ClientVerdict::NoCalls,
            () if is_data_lost => ClientVerdict::DataLost,
            () if records.wrong + records.stray > 0 => ClientVerdict::WrongData,
            () if records.untouched > 0 && writes.total == 0 => ClientVerdict::NothingWritten,
            () if records.untouched > 0 => ClientVerdict::Incomplete,
            () => ClientVerdict::Correct,
        };
        let work = MigrationWork { reads: found.changing, writes: found.changing };
        let lower_bound_s = lower_bound(&scenario.profile, work, &EVERY_WRITE).as_secs_f64();
        let makespan_s = neon.makespan().unwrap_or_default().as_secs_f64();
        JudgeRecord {
            schema: SCHEMA,
            name: self.name.to_owned(),
            verdict,
            command: self.command,
            scenario: scenario.name.clone(),
            dataset: scenario.dataset_name.clone(),
            profile: scenario.profile.name().to_owned(),
            profile_digest: scenario.profile.digest().to_owned(),
            seed: self.seed,
            resources: found.selected,
            mappings: scenario.mappings() as u64,
            makespan_s,
            lower_bound_s,
            efficiency: if makespan_s > 0.0 { lower_bound_s / makespan_s } else { 0.0 },
            limits: RecordedLimits::of(&scenario.profile, false),
            calls,
            records,
            writes,
            audit: JudgedAudit {
                valid: verdict == ClientVerdict::Correct,
                by: AuditBy::Server,
                mismatched: found.mismatched,
                lost_updates: found.lost_updates,
                state_digest: found.state_digest,
            },
            differences_total,
            differences,
            league: Vec::new(),
            warnings: [scenario.warnings(), scenario.unmapped()].concat(),
            next_command: String::new(),
        }
    }

    fn calls(&self, calls: &Calls) -> JudgedCalls {
        let of = Endpoint::ALL.into_iter().map(|endpoint| (endpoint, calls.of(endpoint)));
        let came = of.filter(|(_, calls)| calls.admitted + calls.rejected > 0);
        let Mishaps { errors, ignored_members, outside, first_outside } = &self.mishaps;
        let cause = |mishap: &Mishap| CauseRecord {
            call: mishap.call.clone(),
            status: mishap.status.0,
            message: mishap.message.clone(),
            calls: mishap.calls,
        };
        JudgedCalls {
            total: calls.total(),
            rejected: calls.rejected(),
            failed: calls.failed(),
            unauthorized: self.unauthorized,
            undecodable: self.undecodable,
            outside: *outside,
            first_outside: first_outside.clone(),
            errors: errors.iter().map(cause).collect(),
            ignored_members: ignored_members.iter().map(cause).collect(),
            by_endpoint: came
                .map(|(endpoint, calls)| EndpointRecord {
                    endpoint: endpoint.name().to_owned(),
                    admitted: calls.admitted,
                    rejected: calls.rejected,
                    failed: calls.failed,
                })
                .collect(),
        }
    }

    fn difference(
        &self,
        id: AccountId,
        difference: &FieldDifference,
        fields: &[CustomField],
    ) -> DifferenceRecord {
        let FieldDifference { place, amiss, expected, found } = difference;
        let field = match place {
            MismatchSite::Field(id) => fields.iter().find(|field| field.id == *id),
            MismatchSite::Identity => None,
        };
        let say = |value: &Option<Value>| match place {
            MismatchSite::Field(_) if self.show_values => field_value(value.as_ref(), field),
            MismatchSite::Field(_) => form(value.as_ref()),
            MismatchSite::Identity => "not shown".to_owned(),
        };
        DifferenceRecord {
            resource_id: id.to_string(),
            field: match (place, field) {
                (MismatchSite::Identity, _) => "name and contact".to_owned(),
                (MismatchSite::Field(_), Some(field)) => field.name.to_string(),
                (MismatchSite::Field(id), None) => format!("field {id}"),
            },
            field_id: match place {
                MismatchSite::Field(id) => Some(id.to_string()),
                MismatchSite::Identity => None,
            },
            amiss: match amiss {
                Amiss::Untouched => "untouched",
                Amiss::Wrong => "wrong",
                Amiss::Lost => "lost",
            }
            .to_owned(),
            expected: say(expected),
            found: say(found),
        }
    }
}

/// Counts accounts by their worst difference.
struct DifferenceTally<'a> {
    case: &'a ClientUnderTest<'a>,
    fields: &'a [CustomField],
    records: JudgedRecords,
    strays_lost: u64,
    differences: Vec<DifferenceRecord>,
    differences_total: u64,
}

impl DifferenceTally<'_> {
    fn add(&mut self, mismatch: &Mismatch<'_>) {
        let differences = mismatch.differences();
        let worst = differences.iter().map(|difference| difference.amiss).max();
        if mismatch.demand.is_none() {
            self.records.stray += 1;
            self.strays_lost += u64::from(worst == Some(Amiss::Lost));
        } else {
            match worst {
                Some(Amiss::Lost) => self.records.lost += 1,
                Some(Amiss::Untouched) => self.records.untouched += 1,
                Some(Amiss::Wrong) | None => self.records.wrong += 1,
            }
        }
        self.differences_total += differences.len() as u64;
        let room = MAX_DIFFERENCES - self.differences.len();
        for difference in differences.iter().take(room) {
            self.differences.push(self.case.difference(mismatch.id, difference, self.fields));
        }
    }
}

/// The form of a value, which discloses nothing of it: `text of 12 characters`, `3 options`.
fn form(value: Option<&Value>) -> String {
    let several = |count: usize| if count == 1 { "" } else { "s" };
    match value {
        None => "nothing".to_owned(),
        Some(Value::Text(text)) => {
            let count = text.chars().count();
            format!("text of {count} character{}", several(count))
        }
        Some(Value::Options(ids)) => format!("{} option{}", ids.len(), several(ids.len())),
    }
}

/// Counts the writes that took effect, whatever they were answered, and those that were superfluous.
fn writes(neon: &Neon) -> JudgedWrites {
    let organisation = neon.organisation();
    let total = organisation.applied_writes();
    JudgedWrites {
        total,
        repeated: organisation.repeated_writes(),
        // Colleagues change accounts, too.
        beyond_one: total.saturating_sub(organisation.changed_accounts() as u64),
    }
}

/// Ranks the judged client among our strategies' runs on the same scenario, fastest first.
///
/// Rows that fail the audit are last and have no rank.
pub fn league(judged: &JudgeRecord, ours: &[RunRecord]) -> Vec<JudgeLeagueRow> {
    let of_run = |run: &RunRecord| JudgeLeagueRow {
        rank: None,
        name: run.strategy.to_string(),
        judged: false,
        valid: run.audit.valid,
        makespan_s: median_makespan_s(run),
        calls: run.calls.total,
        rejected: run.calls.rejected,
    };
    let of_judged = JudgeLeagueRow {
        rank: None,
        name: judged.name.clone(),
        judged: true,
        valid: judged.audit.valid,
        makespan_s: judged.makespan_s,
        calls: judged.calls.total,
        rejected: judged.calls.rejected,
    };
    let mut rows: Vec<JudgeLeagueRow> = ours.iter().map(of_run).chain([of_judged]).collect();
    let class = |row: &JudgeLeagueRow| !row.valid;
    rows.sort_by(|a, b| class(a).cmp(&class(b)).then(a.makespan_s.total_cmp(&b.makespan_s)));
    for (rank, row) in (1..).zip(rows.iter_mut().take_while(|row| row.valid)) {
        row.rank = Some(rank);
    }
    rows
}

#[cfg(test)]
mod tests;
