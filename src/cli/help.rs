//! Help beyond clap's own: verbs in groups, examples, a short form, and man pages.

use super::command_line::CommandLine;
use super::error::CliError;
use super::files::create_folder;
use super::terminal::end_line;
use clap::parser::ValueSource;
use clap::{Args, Command};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Verbs by the task that they serve; those that are in none come last, as "More".
const GROUPS: [(&str, &[&str]); 5] = [
    ("Plan", &["analyze", "plan", "dataset", "profile", "show-config"]),
    (
        "Measure",
        &[
            "report",
            "benchmark",
            "compare",
            "scalability",
            "probe",
            "fit",
            "judge",
            "serve",
            "selftest",
        ],
    ),
    ("Migrate", &["preflight", "run", "pause", "go", "slow", "stop", "live", "history"]),
    ("Repair", &["resume", "retry", "verify", "undo", "store"]),
    ("Tune", &["calibrate", "evaluate"]),
];

/// Two examples of each verb. A test runs or parses each of them.
const EXAMPLES: [(&str, [&str; 2]); 42] = [
    ("report", ["report", "report --plan plan.toml --profile staff --out page"]),
    (
        "run",
        ["run --plan plan.toml --dry-run", "run --resources 500 --mappings 8 --strategy hybrid"],
    ),
    ("resume", ["resume 7", "resume 7 --store runs.sqlite"]),
    ("retry", ["retry 7", "retry 7 --only failed"]),
    ("verify", ["verify 7", "verify 7 --show-values"]),
    ("undo", ["undo 7 --dry-run", "undo 7"]),
    ("pause", ["pause 7", "pause 7 --by ada"]),
    ("go", ["go 7", "go 7 --store runs.sqlite"]),
    ("slow", ["slow 7 --headroom 2", "slow 7 --headroom 0"]),
    ("stop", ["stop 7", "stop 7 --json"]),
    ("store list", ["store list", "store list --limit 5 --json"]),
    ("store purge", ["store purge --run 7", "store purge --before 2026-11-24"]),
    (
        "benchmark",
        ["benchmark --resources 500 --mappings 8", "benchmark --plan plan.toml --sample-size 50"],
    ),
    ("scalability", ["scalability --strategy hybrid", "scalability --sizes 100,1000 --mappings 5"]),
    (
        "compare",
        ["compare --strategy hybrid --configs 3/50,5/100", "compare 7 8 --fail-if-slower 5%"],
    ),
    (
        "analyze",
        [
            "analyze --resources 500 --mappings 8",
            "analyze --plan plan.toml --constraint 'rejected<1%'",
        ],
    ),
    (
        "preflight",
        ["preflight --plan plan.toml", "preflight --plan plan.toml --only access,fields --json"],
    ),
    (
        "probe",
        [
            "probe --profile guide-1 --write mine.toml",
            "probe --base-url URL --resource-ids 1-60 --org-id ID",
        ],
    ),
    ("fit", ["fit recorded.har --write mine.toml", "fit --run 7"]),
    ("calibrate", ["calibrate", "calibrate --set own.toml --write mine.toml"]),
    ("evaluate", ["evaluate --thresholds mine.toml", "evaluate --scenarios folder --json"]),
    ("show-config", ["show-config --plan plan.toml", "show-config --scenario guide-1 --json"]),
    ("schema", ["schema", "schema run"]),
    ("completions", ["completions bash", "completions zsh"]),
    ("man", ["man", "man --out man"]),
    ("history", ["history", "history --limit 5"]),
    ("live", ["live", "live 7 --open"]),
    (
        "judge",
        [
            "judge --plan plan.toml -- python3 migrate.py",
            "judge --resources 20 --mappings 2 -- ./migrate.sh",
        ],
    ),
    ("selftest", ["selftest --quick", "selftest --json"]),
    ("serve", ["serve --resources 500", "serve --addr 127.0.0.1:0 --profile constant"]),
    (
        "plan check",
        [
            "plan check plan.toml --dataset v-fields",
            "plan check plan.toml --custom-fields fields.json",
        ],
    ),
    (
        "plan preview",
        ["plan preview plan.toml", "plan preview plan.toml --base-url URL --resource-ids 1-10"],
    ),
    ("plan ids", ["plan ids plan.toml --base-url URL", "plan ids plan.toml --sample 20"]),
    ("plan import", ["plan import plan.yaml", "plan import plan.yaml --to plan.toml"]),
    (
        "plan export",
        ["plan export plan.toml --to plan.yaml", "plan export plan.toml --neon-import by-hand"],
    ),
    ("profile list", ["profile list", "profile --help"]),
    ("profile show", ["profile show documented", "profile show staff > mine.toml"]),
    ("profile check", ["profile check mine.toml", "profile check mine.toml --all"]),
    ("dataset list", ["dataset list", "dataset --help"]),
    ("dataset describe", ["dataset describe v-fields", "dataset describe dirty --resources 200"]),
    (
        "dataset import",
        [
            "dataset import --custom-fields fields.json",
            "dataset import --custom-fields fields.json --out own.toml",
        ],
    ),
    ("dataset export", ["dataset export mixed", "dataset export plain > own.toml"]),
];

/// Flags that `-h` leaves to `--help`.
const RARE: [&str; 63] = [
    "live",
    "open",
    "live_address",
    "live_linger",
    "metadata_cache",
    "chunk_size",
    "chunk_pause",
    "reads",
    "call_deadline",
    "max_outage",
    "limiter",
    "headroom",
    "write",
    "guard",
    "objective",
    "constraint",
    "echo",
    "thresholds",
    "org_id",
    "api_key",
    "allow_writes_to",
    "allow_plain_http",
    "journal",
    "no_journal",
    "show_values",
    "store",
    "no_store",
    "json_lines",
    "take_over",
    "same_organisation",
    "decide",
    "again",
    "out_of_order",
    "audit",
    "changes",
    "log",
    "verbose",
    "quiet",
    "find_pool",
    "keep_home",
    "env",
    "timeout",
    "name",
    "admin_token",
    "exit_with_stdin",
    "shard",
    "merge",
    "held_out",
    "min_gap_closed",
    "export",
    "export_scenarios",
    "even_undoable",
    "resource_ids",
    "scenario",
    "baseline",
    "runs",
    "only",
    "batch_size",
    "require_preflight",
    "signatures",
    "signed_by",
    "pause_while",
    "quiet_hours",
];

/// Flags of this verb that are not rare there.
const COMMON: [(&str, &str); 11] = [
    ("preflight", "only"),
    ("preflight", "allow_writes_to"),
    ("probe", "write"),
    ("fit", "write"),
    ("calibrate", "write"),
    ("evaluate", "thresholds"),
    ("store purge", "even_undoable"),
    ("retry", "only"),
    ("slow", "headroom"),
    ("report", "runs"),
    ("run", "batch_size"),
];

/// Flags that a verb has with others and does not honour, with the reason.
const IDLE: [(&str, &str, &str); 5] = [
    (
        "preflight",
        "world",
        "it is made over HTTP, and in virtual time where nothing is read or written",
    ),
    ("benchmark", "thresholds", "each strategy is run, and none is chosen"),
    ("scalability", "resources", "--sizes gives the sizes"),
    ("scalability", "resource_ids", "--sizes gives the sizes"),
    ("serve", "sample", "the whole organisation is served"),
];

/// Help of flags that mean something else in one verb.
const OTHER_HELP: [(&str, &str, &str); 4] = [
    ("compare", "strategy", "Strategy [default: hybrid]"),
    ("compare", "workers", "Number of workers of each configuration, without --configs"),
    ("compare", "batch_size", "Batch size of each configuration, without --configs"),
    ("benchmark", "strategy", "Run this strategy only [default: all]"),
];

/// Refuses a flag that the verb of `line` does not honour.
pub(super) fn refuse_idle(line: &CommandLine) -> Result<(), CliError> {
    let is_given = |(verb, id, _): &&(&str, &str, &str)| {
        let of_verb = *verb == line.verb.get_name();
        of_verb && line.matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    match IDLE.iter().find(is_given) {
        None => Ok(()),
        Some((verb, id, reason)) => Err(CliError::usage(format!(
            "--{} does nothing in `{verb}`: {reason}",
            id.replace('_', "-")
        ))),
    }
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Folder for a page per command [default: the main page on standard output]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Writes man pages of `program`.
///
/// Errors: the folder cannot be made, or a page cannot be written.
pub(super) fn man(args: &ManArgs, program: &Command) -> Result<ExitCode, CliError> {
    match &args.out {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(program.clone()).render(&mut page).map_err(CliError::Stdout)?;
            end_line(std::io::stdout().write_all(&page))?;
        }
        Some(folder) => {
            let wrong = |source| CliError::Write { path: folder.clone(), source };
            create_folder(folder)?;
            // Beside their places first: a full disk leaves no half of a page, and the earlier ones stay.
            let beside = tempfile::tempdir_in(folder).map_err(wrong)?;
            clap_mangen::generate_to(program.clone(), &beside).map_err(wrong)?;
            for page in std::fs::read_dir(&beside).map_err(wrong)? {
                let page = page.map_err(wrong)?;
                let path = folder.join(page.file_name());
                let moved = std::fs::rename(page.path(), &path);
                moved.map_err(|source| CliError::Write { path, source })?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `program` with groups, examples and a short form of its help.
pub(super) fn dressed(program: Command) -> Command {
    let names: Vec<String> =
        program.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let mut program = program;
    for name in names {
        program = program.mut_subcommand(&name, |verb| dressed_verb(verb, &name));
    }
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\
         {{options}}{{after-help}}",
        groups(&program)
    );
    program.help_template(template).after_help(
        "Start with `neonbench report --plan plan.toml`.\n\
         `neonbench COMMAND -h` is short, `neonbench COMMAND --help` lists every flag.",
    )
}

fn dressed_verb(verb: Command, path: &str) -> Command {
    let below: Vec<String> = verb.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    let mut verb = verb;
    for name in below {
        let path = format!("{path} {name}");
        verb = verb.mut_subcommand(&name, |verb| dressed_verb(verb, &path));
    }
    let path = path.to_owned();
    let is_rare = |id: &str| RARE.contains(&id) && !COMMON.contains(&(&*path, id));
    let verb = verb.mut_args(|argument| {
        let is_rare = is_rare(argument.get_id().as_str());
        // `--workers -3` is a wrong number, and not an unknown flag.
        let takes_values = argument.get_action().takes_values();
        let of_argument =
            |(verb, id, _): &&(&str, &str, &str)| *verb == path && argument.get_id() == id;
        let is_idle = IDLE.iter().any(|idle| of_argument(&idle));
        let help = OTHER_HELP.iter().find(of_argument).map(|(_, _, help)| *help);
        let argument = argument.hide_short_help(is_rare).hide(is_idle);
        let argument = argument.allow_negative_numbers(takes_values);
        match help {
            Some(help) => argument.help(help),
            None => argument,
        }
    });
    let Some((_, examples)) = EXAMPLES.iter().find(|(of, _)| *of == path) else { return verb };
    let heading = verb.get_styles().get_header();
    let mut text = format!("{heading}Examples:{heading:#}");
    for example in examples {
        let _ = write!(text, "\n  neonbench {example}");
    }
    // The verb's own text comes first.
    let before = |own: Option<&clap::builder::StyledStr>| {
        own.map_or_else(|| text.clone(), |own| format!("{}\n\n{text}", own.ansi()))
    };
    let (short, long) = (before(verb.get_after_help()), before(verb.get_after_long_help()));
    let has_long = verb.get_after_long_help().is_some();
    let verb = verb.after_help(short);
    if has_long { verb.after_long_help(long) } else { verb }
}

/// The list of verbs, in groups.
fn groups(program: &Command) -> String {
    let heading = program.get_styles().get_header();
    let literal = program.get_styles().get_literal();
    let mut text = String::new();
    let mut add = |title: &str, verbs: &[&Command]| {
        let _ = writeln!(text, "{heading}{title}:{heading:#}");
        for verb in verbs {
            let (name, about) = (verb.get_name(), verb.get_about().cloned().unwrap_or_default());
            let _ = writeln!(text, "  {literal}{name:<12}{literal:#} {about}");
        }
        text.push('\n');
    };
    let find = |name: &&str| program.find_subcommand(name).filter(|verb| !verb.is_hide_set());
    for (title, names) in GROUPS {
        add(title, &names.iter().filter_map(find).collect::<Vec<_>>());
    }
    let is_grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let others = program.get_subcommands().filter(|verb| !verb.is_hide_set());
    let others: Vec<&Command> = others.filter(|verb| !is_grouped(verb.get_name())).collect();
    if !others.is_empty() {
        add("More", &others);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::program;

    fn leaves<'a>(verb: &'a Command, path: &str, found: &mut Vec<(String, &'a Command)>) {
        let path = format!("{path} {}", verb.get_name()).trim().to_owned();
        let mut below = verb.get_subcommands().peekable();
        if below.peek().is_none() {
            found.push((path, verb));
            return;
        }
        below.for_each(|verb| leaves(verb, &path, found));
    }

    #[test]
    fn every_verb_has_two_examples_that_are_commands_and_a_short_help() {
        let program = program();
        let mut verbs = Vec::new();
        program.get_subcommands().for_each(|verb| leaves(verb, "", &mut verbs));
        for (path, _) in &verbs {
            let examples = EXAMPLES.iter().find(|(of, _)| of == path);
            let (_, examples) = examples.unwrap_or_else(|| panic!("{path}: no examples"));
            for example in examples {
                assert!(example.len() <= 66, "{example}: too wide for 80 columns");
                let command = example.split(" > ").next().unwrap().replace('\'', "");
                let words = format!("neonbench {command}").replace(" -- ", " -- true ");
                let parsed = program.clone().try_get_matches_from(words.split(' '));
                let is_help = example.ends_with("--help");
                assert!(is_help || parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            }
        }
        assert_eq!(EXAMPLES.len(), verbs.len(), "examples of a verb that is not there");
        for id in RARE {
            let has =
                |(_, verb): &(String, &Command)| verb.get_arguments().any(|it| it.get_id() == id);
            assert!(
                verbs.iter().any(has) || program.get_arguments().any(|it| it.get_id() == id),
                "{id}"
            );
        }
    }

    #[test]
    fn the_short_help_is_shorter_and_groups_name_verbs_that_exist() {
        let mut program = program();
        for (_, names) in GROUPS {
            for name in names {
                assert!(program.find_subcommand(name).is_some(), "{name}");
            }
        }
        let run = program.find_subcommand_mut("run").unwrap();
        let (short, long) = (run.render_help(), run.render_long_help());
        let lines = |help: &clap::builder::StyledStr| help.to_string().lines().count();
        assert!(lines(&short) < 40, "{short}");
        assert!(lines(&long) > 2 * lines(&short), "{long}");
        assert!(!short.to_string().contains("--chunk-pause"), "{short}");
    }
}
