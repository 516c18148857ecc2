//! Errors of clap's, with a tip where its own message leaves a user alone.

use super::terminal::complain_styled;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};
use neonbench_engine::near::nearest;

/// Words that a user may type in place of a verb, each with the verb meant.
const ALIASES: [(&str, &str); 4] = [
    ("version", "--version"),
    ("migrate", "run"),
    ("bench", "benchmark"),
    ("config", "show-config"),
];

/// Prints `error`, and ends the process with its exit code.
pub(super) fn exit(mut error: Error, program: &Command) -> ! {
    if !error.use_stderr() {
        error.exit();
    }
    if let Some(tip) = tip(&error, program) {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    complain_styled(&error.render().ansi().to_string());
    std::process::exit(error.exit_code())
}

/// A tip for a mistake.
fn tip(error: &Error, program: &Command) -> Option<String> {
    match error.kind() {
        ErrorKind::InvalidSubcommand => verb(error, program),
        ErrorKind::MissingRequiredArgument => missing(error),
        _ => None,
    }
}

/// The verb that may be meant, or where the verbs are listed.
fn verb(error: &Error, program: &Command) -> Option<String> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    if let Some((_, meant)) = ALIASES.iter().find(|(alias, _)| alias == typed) {
        return Some(format!("did you mean `neonbench {meant}`?"));
    }
    if matches!(error.get(ContextKind::SuggestedSubcommand), Some(ContextValue::Strings(_))) {
        return None;
    }
    let names: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
    // A slip of two letters is far in a short word.
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let swapped = names.iter().copied().find(|name| sorted(name) == sorted(typed));
    let near = swapped.or_else(|| nearest(typed, names).first().copied());
    Some(near.map_or_else(
        || "`neonbench --help` lists the commands".to_owned(),
        |name| format!("did you mean `neonbench {name}`?"),
    ))
}

/// An example of what is missing.
fn missing(error: &Error) -> Option<String> {
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let is = |part: &str| missing.iter().any(|name| name.contains(part));
    if is("--dataset") && is("--custom-fields") {
        return Some(
            "a plan is checked against an organisation's fields, such as --dataset v-fields".into(),
        );
    }
    if is("RUN") {
        return Some("`neonbench history` lists the runs and their numbers".into());
    }
    is("COMMAND").then(|| "the command follows `--`, such as `-- python3 migrate.py`".into())
}
