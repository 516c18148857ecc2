//! The circumstances of a report: command, time, version and machine.

use crate::cli::command_line::CommandLine;
use neonbench::report::shared::provenance::Provenance;
use std::process::Command;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) fn gather(line: &CommandLine, seed: u64, replicates: u32) -> Provenance {
    Provenance {
        made_at: made_at(),
        command: line.to_string(),
        next: None,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: revision(),
        seed,
        replicates,
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        processor: processor(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a report carries the calendar's time")]
pub(in crate::cli) fn made_at() -> String {
    written(OffsetDateTime::from(SystemTime::now()))
}

/// `time` to the second, as reports write it.
pub(super) fn written(time: OffsetDateTime) -> String {
    let whole = time.replace_nanosecond(0);
    whole.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Revision of the source tree that this was built from, if it is still there and git knows it.
fn revision() -> Option<String> {
    let git = ["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"];
    let output = Command::new("git").args(git).output().ok()?;
    let revision = String::from_utf8(output.stdout).ok()?;
    let revision = revision.trim();
    (output.status.success() && !revision.is_empty()).then(|| revision.to_owned())
}

/// Model of the processor; `None` where `/proc/cpuinfo` has none.
fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
