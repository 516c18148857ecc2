//! The report's files: all of them, or none.

use super::ReportArgs;
use crate::cli::error::{CliError, code};
use crate::cli::files::{Output, Readers, check, create_folder};
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

/// Makes `dir` and finds out whether the files of a report can be made in it.
///
/// Errors: they cannot, or files of others are in their place.
pub(super) fn prepare(dir: &Path) -> Result<(), CliError> {
    create_folder(dir)?;
    for name in NAMES {
        let path = dir.join(name);
        // All of ours say who made them.
        let is_ours = |text: Vec<u8>| text.windows(MAKER.len()).any(|part| part == MAKER);
        if path.is_file() && !std::fs::read(&path).is_ok_and(is_ours) {
            return Err(CliError::usage(format!(
                "{} is not of a report of neonbench, which would replace it: choose another folder with --out",
                path.display()
            )));
        }
        check(Some(&path))?;
    }
    Ok(())
}

/// Names of the files of reports.
const NAMES: [&str; 6] =
    ["index.html", "guide.html", "methodology.html", "report.json", "report.md", "latency.hlog"];

/// The name of their maker.
const MAKER: &[u8] = b"neonbench";

/// Writes `files`, given as what it is, name and text, into `dir`; what each is, with its path.
///
/// None takes its place before all are written whole, so that no reader sees half a report.
pub(super) fn write<'a>(
    dir: &Path,
    files: &[(&'a str, &str, String)],
) -> Result<Vec<(&'a str, PathBuf)>, CliError> {
    let filled = files
        .iter()
        .map(|(_, name, text)| Output::prepare(&dir.join(name), Readers::All)?.fill(text));
    let filled: Vec<Output> = filled.collect::<Result<_, _>>()?;
    filled.into_iter().try_for_each(Output::keep)?;
    Ok(files.iter().map(|(what, name, _)| (*what, dir.join(name))).collect())
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
