//! The report's files: all of them, or none.

use super::ReportArgs;
use crate::cli::error::{CliError, code};
use crate::cli::files::create_folder;
use crate::cli::output::{print, print_json};
use neonbench::experiment::{Delta, DeltaVerdict};
use neonbench::report::decision::baseline::Baseline;
use neonbench::report::decision::{Decision, DecisionModel};
use neonbench::report::hlog::interval_log;
use neonbench::report::html::decision_page;
use neonbench::report::json::{DecisionRecord, SCHEMA, to_json};
use neonbench::report::markdown::decision_summary;
use neonbench::report::shared::provenance::Provenance;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn write_error(path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let path = path.to_owned();
    move |source| CliError::Write { path, source }
}

/// Where `name` is written before it takes its place in `dir`.
fn temporary(dir: &Path, name: &str) -> PathBuf {
    // Beside its place, as a rename is atomic only within one file system.
    dir.join(format!(".{name}.{}.tmp", std::process::id()))
}

/// Makes `dir` and finds out whether files can be made in it.
pub(super) fn prepare(dir: &Path) -> Result<(), CliError> {
    create_folder(dir)?;
    let probe = temporary(dir, "probe");
    std::fs::write(&probe, "").map_err(write_error(dir))?;
    std::fs::remove_file(&probe).map_err(write_error(dir))
}

/// Writes `files`, given as what it is, name and text, into `dir`; what each is, with its path.
///
/// None takes its place before all are written whole, so that no reader sees half a report.
pub(super) fn write<'a>(
    dir: &Path,
    files: &[(&'a str, &str, String)],
) -> Result<Vec<(&'a str, PathBuf)>, CliError> {
    let done = place(dir, files);
    if done.is_err() {
        for (_, name, _) in files {
            // A file that was not written needs no removal.
            let _ = std::fs::remove_file(temporary(dir, name));
        }
    }
    done
}

fn place<'a>(
    dir: &Path,
    files: &[(&'a str, &str, String)],
) -> Result<Vec<(&'a str, PathBuf)>, CliError> {
    for (_, name, text) in files {
        std::fs::write(temporary(dir, name), text).map_err(write_error(&dir.join(name)))?;
    }
    let mut placed = Vec::new();
    for (what, name, _) in files {
        let path = dir.join(name);
        std::fs::rename(temporary(dir, name), &path).map_err(write_error(&path))?;
        placed.push((*what, path));
    }
    Ok(placed)
}

/// Writes the page of `decision` with what belongs to it, and says so.
pub(super) fn publish(
    args: &ReportArgs,
    decision: &Decision,
    provenance: &Provenance,
) -> Result<ExitCode, CliError> {
    let model = DecisionModel::new(decision);
    let record =
        DecisionRecord { schema: SCHEMA, decision: &model, provenance, evidence: decision };
    let written = write(
        &args.out,
        &[
            ("page", "index.html", decision_page(&model, provenance)),
            ("records", "report.json", to_json(&record)),
            ("summary", "report.md", decision_summary(&model, provenance)),
            ("times", "latency.hlog", interval_log(decision)),
        ],
    )?;
    if args.output.json {
        print_json(&record)?;
    } else {
        super::print_decision(&model)?;
        super::print_files(&written)?;
        let next = provenance.next.as_deref();
        next.map_or(Ok(()), |next| print(&format!("next: {next}")))?;
    }
    let gate = decision.baseline.as_ref().map_or(0, gate);
    let code = match &model {
        model if !model.is_valid => code::AUDIT_MISMATCH,
        model if model.league.iter().any(|row| row.failed > 0.0) => code::SOME_FAILED,
        _ => gate,
    };
    Ok(ExitCode::from(code))
}

/// The exit code of a comparison: 10 if anything that can be compared is slower.
fn gate(baseline: &Baseline) -> u8 {
    let is_slower = |(_, delta): &(String, Delta)| {
        delta.incomparable.is_none() && delta.verdict == DeltaVerdict::Slower
    };
    if baseline.deltas.iter().any(is_slower) { code::GATE } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_take_their_places_and_leave_nothing_beside_them() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("a/b");
        prepare(&dir).unwrap();
        let paths = write(&dir, &[("page", "x.html", "1".into()), ("summary", "y.md", "2".into())])
            .unwrap();
        assert_eq!(std::fs::read_to_string(&paths[1].1).unwrap(), "2");
        assert_eq!(names(&dir), ["x.html", "y.md"]);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_no_other_behind() {
        let scratch = tempfile::tempdir().unwrap();
        let files = [("page", "x.html", "1".to_owned()), ("", "no/y.md", "2".to_owned())];
        let error = write(scratch.path(), &files).unwrap_err();
        assert!(matches!(error, CliError::Write { .. }), "{error}");
        assert!(names(scratch.path()).is_empty());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_found_first() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(prepare(&file.join("out")), Err(CliError::Folder { .. })));
    }
}
