//! Output of `probe` and `fit`: a profile with its evidence.

use super::args::OutputArgs;
use super::command_line::CommandLine;
use super::error::CliError;
use super::output::{duration, percent, plural, print, table};
use neon_mock::api::Endpoint;
use neonbench::probe::{FittedLimits, LawEstimate, LawSource, PassedOver, ProbeTrace, TargetFit};
use neonbench_engine::record::RunRecord;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// `probe --json` and `fit --json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct FittedRecord {
    schema: u32,
    /// The probed target, or the file.
    origin: String,
    cost: Cost,
    limits: FittedLimits,
    times: ServiceTimes,
    load: LoadGrowth,
    failed: u32,
    failed_of: u32,
    /// Assumptions, where calls show nothing.
    assumed: Vec<String>,
    /// Limits that the calls cannot show.
    not_shown: Vec<String>,
    /// The fitted profile in its file form, its evidence included.
    profile_toml: String,
    next_command: String,
}

/// Cost of the observations.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Cost {
    pub(super) calls: usize,
    pub(super) refused: usize,
    pub(super) duration_s: f64,
    /// Number of calls by endpoint.
    pub(super) by_endpoint: BTreeMap<String, usize>,
    /// Entries of a HAR file that were passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) passed_over: Option<PassedOver>,
    /// Accounts of the sample run that were migrated or needed no change.
    pub(super) sampled: u64,
    /// The other accounts of the sample run.
    pub(super) not_sampled: u64,
}

/// Service times.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
struct ServiceTimes {
    get: LawEstimate,
    patch: LawEstimate,
    search: LawEstimate,
    metadata: LawEstimate,
}

/// Growth of service times with the calls in flight.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
struct LoadGrowth {
    /// Probability (0 to 1) that they grow.
    grows: f64,
    /// Factor on the service time with five calls in flight.
    at_five: f64,
}

impl Cost {
    pub(super) fn of(trace: &ProbeTrace) -> Self {
        let by_endpoint = Endpoint::ALL.into_iter().filter_map(|endpoint| {
            let calls = trace.of(endpoint).count();
            (calls > 0).then(|| (endpoint.name().to_owned(), calls))
        });
        Self {
            calls: trace.calls.len(),
            refused: trace.refused(),
            duration_s: trace.lasted().as_secs_f64(),
            by_endpoint: by_endpoint.collect(),
            passed_over: None,
            sampled: trace.written,
            not_sampled: trace.left,
        }
    }

    /// Cost of a run that was made for another reason.
    pub(super) fn of_record(record: &RunRecord) -> Self {
        let RunRecord { calls, records, .. } = record;
        let written = if record.dry_run { 0 } else { records.migrated };
        Self {
            calls: calls.total as usize,
            refused: calls.rejected as usize,
            duration_s: record.makespan_s,
            by_endpoint: BTreeMap::new(),
            passed_over: None,
            sampled: written,
            not_sampled: 0,
        }
    }

    /// The entries of a HAR file that were used, by endpoint, and those that were passed over.
    fn of_recording(&self) -> Vec<String> {
        let Some(passed_over) = self.passed_over else { return Vec::new() };
        let used = self.by_endpoint.iter().map(|(endpoint, calls)| format!("{calls} {endpoint}"));
        let mut lines = vec![format!("  used      {}", used.collect::<Vec<_>>().join(", "))];
        let reasons = passed_over.in_words();
        if !reasons.is_empty() {
            lines.push(format!("  passed    over {}", reasons.join(", ")));
        }
        lines
    }

    pub(super) fn in_words(&self) -> String {
        let Self { calls, refused, duration_s, sampled, not_sampled, .. } = self;
        let calls = plural(*calls as u64, "call");
        let refused = format!("{refused} of them refused (429)");
        let sample = match (sampled, not_sampled) {
            (0, 0) => "nothing was written".to_owned(),
            (sampled, 0) => format!("migrated {}", plural(*sampled, "account")),
            (sampled, left) => {
                format!("migrated {sampled} of a sample of {}", plural(sampled + left, "account"))
            }
        };
        format!("{calls}, {refused}, in {}; {sample}", duration(*duration_s))
    }
}

/// Prints the fit, and writes its profile to `write`.
///
/// Errors: the file or standard output cannot be written.
pub(super) fn print_fit(
    origin: &str,
    cost: Cost,
    fit: &TargetFit,
    write: Option<&Path>,
    output: OutputArgs,
    line: &CommandLine,
) -> Result<ExitCode, CliError> {
    let profile_toml = fit.to_toml(origin);
    let written = write.map_or(Ok(()), |path| super::files::write(path, &profile_toml));
    let next = match write {
        // The profile stands for the target, and the sample was the probe's.
        Some(path) => {
            let target = ["sample", "world", "base_url", "org_id", "allow_writes_to"];
            line.to("analyze").without(&target).with("profile", path.display())
        }
        None => line.clone().with("write", "mine.toml"),
    };
    let [get, patch, search, metadata] = fit.estimates();
    let (failed, failed_of) = fit.failed();
    let record = FittedRecord {
        schema: 1,
        origin: origin.to_owned(),
        cost,
        limits: fit.limits,
        times: ServiceTimes { get, patch, search, metadata },
        load: LoadGrowth { grows: fit.grows(), at_five: fit.growth_at(5) },
        failed,
        failed_of,
        assumed: fit.assumed.clone(),
        not_shown: fit.not_shown.clone(),
        profile_toml,
        next_command: next.to_string(),
    };
    output.show(&record, || {
        let mut lines = vec![record.in_words()];
        let file = write.filter(|_| written.is_ok());
        lines.extend(file.map(|path| format!("written: {}", path.display())));
        print(&format!("{}\nnext: {}", lines.join("\n"), record.next_command))
    })?;
    written?;
    Ok(ExitCode::SUCCESS)
}

impl FittedRecord {
    fn in_words(&self) -> String {
        let mut lines = vec![format!("{}: {}", self.origin, self.cost.in_words())];
        lines.extend(self.cost.of_recording());
        let ServiceTimes { get, patch, search, metadata } = self.times;
        let rows =
            [("reads", get), ("writes", patch), ("searches", search), ("look-ups", metadata)];
        let header = "response times | median | ?90 % interval | p99 | ?90 % interval | calls";
        lines.push(table(header, rows.iter().map(|(name, times)| row(name, times))));
        for (name, limit) in self.limits.in_words() {
            lines.push(format!("  limit     {name}: {limit}"));
        }
        lines.push(if self.load.grows > 0.5 {
            format!(
                "  load      calls take {:.2} times as long with 5 in flight ({} likely that they slow down at all)",
                self.load.at_five,
                percent(self.load.grows)
            )
        } else {
            format!(
                "  load      no slowdown with the calls in flight ({} chance that we missed one)",
                percent(self.load.grows)
            )
        });
        lines.push(format!(
            "  failures  {} of {}",
            self.failed,
            plural(self.failed_of.into(), "call")
        ));
        lines.extend(self.assumed.iter().map(|assumed| format!("  assumed   {assumed}")));
        lines.extend(self.not_shown.iter().map(|not_shown| format!("  not known {not_shown}")));
        lines.join("\n")
    }
}

fn row(name: &str, times: &LawEstimate) -> Vec<String> {
    let time = |ms: f64| duration(ms / 1e3);
    let interval = |[low, high]: [f64; 2]| format!("{} – {}", time(low), time(high));
    vec![
        name.to_owned(),
        time(times.median_ms),
        interval(times.median_ms_interval),
        time(times.p99_ms),
        interval(times.p99_ms_interval),
        match times.source {
            LawSource::Assumed => "assumed".to_owned(),
            LawSource::FewCalls => format!("{}, spread of reads", times.calls),
            LawSource::Measured => times.calls.to_string(),
        },
    ]
}
