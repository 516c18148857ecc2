//! The results of a preflight, for people and for scripts.

use super::PreflightArgs;
use crate::cli::args::OutputArgs;
use crate::cli::error::{CliError, code};
use crate::cli::output::{count, plural, print, print_json, second};
use crate::cli::terminal::{Emphasis, emphasised, escape_controls};
use neonbench::preflight::{
    CallAllowance, CallBudget, Item, ItemResult, ItemStage, ItemStatus, Preflight,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::process::ExitCode;

/// `preflight --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PreflightRecord {
    schema: u32,
    /// The plan's file, or the scenario.
    plan: String,
    /// Address of the server; null where a mock of the plan stands for it.
    base_url: Option<String>,
    org_id: String,
    /// Calls that may be made at most.
    budget: CallFigures,
    /// Calls that were made.
    calls: CallFigures,
    pub(super) results: Vec<ItemResult>,
    passed: usize,
    warnings: usize,
    failed: usize,
    unknown: usize,
    waived: usize,
    skipped: usize,
    /// True if nothing is in the way of the migration.
    pub(super) ready: bool,
    /// The certificate; null if not every item was run.
    pub(super) certificate: Option<IssuedCertificate>,
    /// The command to go on with.
    pub(super) next_command: String,
    /// True if an item failed, or warned where that counts as a failure.
    #[serde(skip)]
    is_gated: bool,
}

/// Calls at the target, refused ones included.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
struct CallFigures {
    reads: u64,
    writes: u64,
    /// True if each 200 accounts need another read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    and_one_read_per_200_accounts: bool,
}

impl From<CallAllowance> for CallFigures {
    fn from(CallAllowance { reads, writes }: CallAllowance) -> Self {
        Self { reads, writes, and_one_read_per_200_accounts: false }
    }
}

/// A certificate in the store.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct IssuedCertificate {
    /// Its short name.
    pub(super) name: String,
    /// When it expires, in seconds since 1970, UTC.
    pub(super) expires_unix_s: i64,
}

/// Prints the items `chosen`.
pub(super) fn list(chosen: &[&'static Item], output: OutputArgs) -> Result<ExitCode, CliError> {
    if output.json {
        let names: Vec<_> = chosen
            .iter()
            .map(|item| serde_json::json!({ "name": item.name, "question": item.question }))
            .collect();
        print_json(&names)?;
    } else {
        for item in chosen {
            let cost = match item.stage {
                ItemStage::Free => "free",
                ItemStage::Reads => "reads",
                ItemStage::Writes => "writes",
                ItemStage::After => "",
            };
            print(&format!("  {:<10} {cost:<7} {}", item.name, item.question))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints an item on a line; what was found below it, where it does not hold or is asked for.
pub(super) fn print_item(result: &ItemResult, is_verbose: bool) -> Result<(), CliError> {
    let (word, tone) = match result.status {
        ItemStatus::Pass => ("pass", Emphasis::Good),
        ItemStatus::Warn => ("warn", Emphasis::Warning),
        ItemStatus::Fail => ("FAIL", Emphasis::Bad),
        ItemStatus::Unknown => ("unknown", Emphasis::Warning),
        ItemStatus::Waived => ("waived", Emphasis::Warning),
        ItemStatus::Skipped => ("skipped", Emphasis::Warning),
    };
    let pad = " ".repeat(8usize.saturating_sub(word.len()));
    let summary = escape_controls(&result.summary);
    print(&format!("  {}{pad}{:<10} {summary}", emphasised(tone, word), result.name))?;
    if result.status != ItemStatus::Pass || is_verbose {
        for finding in result.findings.iter().filter(|finding| **finding != result.summary) {
            print(&format!("  {:<18} – {}", "", escape_controls(finding)))?;
        }
    }
    Ok(())
}

impl PreflightRecord {
    pub(super) fn new(args: &PreflightArgs, subject: &Preflight<'_>, budget: &CallBudget) -> Self {
        let plan = args.workload.plan.as_ref().map(|path| path.display().to_string());
        let scenario = || args.workload.scenario.clone().unwrap_or_else(|| "plain".to_owned());
        let target = &subject.place.target;
        let budget =
            CallFigures { and_one_read_per_200_accounts: budget.is_open, ..budget.total().into() };
        Self {
            schema: 1,
            plan: plan.unwrap_or_else(scenario),
            base_url: (!subject.is_own_mock()).then(|| target.base_url.clone()),
            org_id: target.org_id.clone(),
            budget,
            calls: CallFigures::default(),
            results: Vec::new(),
            passed: 0,
            warnings: 0,
            failed: 0,
            unknown: 0,
            waived: 0,
            skipped: 0,
            ready: false,
            certificate: None,
            next_command: String::new(),
            is_gated: false,
        }
    }

    /// The budget, before the first call.
    pub(super) fn budget_in_words(&self) -> String {
        let CallFigures { reads, writes, and_one_read_per_200_accounts: is_open } = self.budget;
        let more = if is_open { ", one more read per 200 accounts of the plan" } else { "" };
        let writes = match writes {
            0 => "no writes".to_owned(),
            writes => format!("{} of a sample that is taken back", plural(writes, "write")),
        };
        format!("at most {}{more}, and {writes}", plural(reads, "read"))
    }

    /// The first lines.
    pub(super) fn head(&self) -> String {
        let plan = escape_controls(&self.plan);
        let at = match &self.base_url {
            Some(url) => format!("organisation `{}` at {url}", escape_controls(&self.org_id)),
            None => "a mock of the plan".to_owned(),
        };
        format!("preflight of {plan} at {at}\n{}", self.budget_in_words())
    }

    /// Counts the results and the calls.
    pub(super) fn end(&mut self, subject: &Preflight<'_>, sample: CallAllowance, strict: bool) {
        let of = |status| self.results.iter().filter(|it| it.status == status).count();
        self.passed = of(ItemStatus::Pass);
        self.warnings = of(ItemStatus::Warn);
        self.failed = of(ItemStatus::Fail);
        self.unknown = of(ItemStatus::Unknown);
        self.waived = of(ItemStatus::Waived);
        self.skipped = of(ItemStatus::Skipped);
        self.calls = (CallAllowance::reads(subject.reader.sent()) + sample).into();
        self.is_gated = self.failed > 0 || (strict && self.warnings > 0);
        let is_judged = self.unknown == 0 && self.skipped == 0 && !subject.stop.is_set();
        self.ready = is_judged && !self.is_gated;
    }

    /// Prints the last lines.
    pub(super) fn print_end(&self) -> Result<(), CliError> {
        print(&self.summary())?;
        print(&format!("next: {}", self.next_command))
    }

    fn summary(&self) -> String {
        let counted = [
            (self.passed, "passed"),
            (self.warnings, if self.warnings == 1 { "warning" } else { "warnings" }),
            (self.failed, "failed"),
            (self.unknown, "unknown"),
            (self.waived, "waived"),
            (self.skipped, "skipped"),
        ];
        let parts = counted.iter().filter(|(number, _)| *number > 0);
        let parts: Vec<String> =
            parts.map(|(number, word)| format!("{} {word}", count(*number as u64))).collect();
        let (tone, verdict) =
            if self.ready { (Emphasis::Good, "ready") } else { (Emphasis::Bad, "not ready") };
        let CallFigures { reads, writes, .. } = self.calls;
        let certificate = self.certificate.as_ref().map_or_else(String::new, |issued| {
            let IssuedCertificate { name, expires_unix_s } = issued;
            if self.ready {
                format!(". Certificate {name}, valid until {} UTC", second(*expires_unix_s))
            } else {
                format!(". Certificate {name} records it")
            }
        });
        format!(
            "{}: {}; {} and {} made{certificate}",
            parts.join(", "),
            emphasised(tone, verdict),
            plural(reads, "read"),
            plural(writes, "write")
        )
    }

    /// The exit code; `is_lost` says that the target cannot be called.
    pub(super) const fn exit_code(&self, is_lost: bool) -> u8 {
        if is_lost {
            code::TARGET
        } else if self.is_gated {
            code::GATE
        } else if self.ready {
            0
        } else {
            code::INCONCLUSIVE
        }
    }
}
