//! `neonbench plan import` and `export`: plan files of the Python engine.

use crate::cli::command_line::CommandLine;
use crate::cli::error::{CliError, code};
use crate::cli::files::{read, write};
use crate::cli::inputs::plan_file;
use crate::cli::output::{plural, print, print_file};
use crate::cli::terminal::complain;
use neonbench_engine::plan::{Carried, Plan, parse_yaml, to_yaml};
use std::path::Path;
use std::process::ExitCode;

/// The extension of `path`, which is one of `allowed`.
fn extension(path: &Path, allowed: &[&'static str]) -> Result<&'static str, CliError> {
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    allowed.iter().find(|name| **name == extension).copied().ok_or_else(|| {
        let (file, names) = (path.display(), allowed.join(", ."));
        CliError::usage(format!("{file}: the name must end in one of .{names}"))
    })
}

const OURS: [&str; 2] = ["toml", "json"];
const THEIRS: [&str; 3] = ["yaml", "yml", "json"];
const READ: [&str; 4] = ["yaml", "yml", "json", "csv"];

pub(super) fn import(
    file: &Path,
    to: Option<&Path>,
    line: &CommandLine,
) -> Result<ExitCode, CliError> {
    let wrong = |reason: String| CliError::usage(format!("{}: {reason}", file.display()));
    let theirs = extension(file, &READ)?;
    let ours = to.map_or(Ok("toml"), |to| extension(to, &OURS))?;
    let text = read(file)?;
    let carried = match theirs {
        "csv" => Plan::from_python_csv(&text),
        "json" => {
            let parsed = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
            Plan::from_python(parsed)
        }
        _ => parse_yaml(&text).and_then(Plan::from_python),
    };
    let Carried { made, left_out } = carried.map_err(|error| wrong(error.to_string()))?;
    let text = if ours == "json" { made.to_json() } else { made.to_toml() };
    put(&text, to)?;
    if let Some(to) = to {
        let (to, mappings) = (to.display(), made.mappings.len());
        let next = line.to("plan preview").with("file", &to);
        print(&format!(
            "written: {to}, with {}\nnext: {next}",
            plural(mappings as u64, "mapping")
        ))?;
    }
    Ok(warned(&left_out))
}

pub(super) fn export(file: &Path, to: &Path) -> Result<ExitCode, CliError> {
    let theirs = extension(to, &THEIRS)?;
    let Carried { made, left_out } = plan_file(file)?.to_python();
    let text = match theirs {
        "json" => serde_json::to_string_pretty(&made).expect("a value is JSON") + "\n",
        _ => to_yaml(&made),
    };
    put(&text, Some(to))?;
    print(&format!("written: {}, for the Python SDK", to.display()))?;
    Ok(warned(&left_out))
}

/// Writes `text` into the file, or onto standard output.
fn put(text: &str, to: Option<&Path>) -> Result<(), CliError> {
    to.map_or_else(|| print_file(text.trim_end()), |to| write(to, text))
}

/// Names what was left out; the exit code says that something was.
fn warned(left_out: &[String]) -> ExitCode {
    for sentence in left_out {
        complain(format_args!("warning: {sentence}"));
    }
    if left_out.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(code::SOME_FAILED) }
}
