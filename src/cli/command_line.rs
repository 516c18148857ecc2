//! The command line of this process, as data: every command that is printed is derived from it.
//!
//! A verb prints its own flags again, or those that another verb shares with it, with a few set or
//! left out. No list of flags is kept by hand: clap's definitions and matches are the only source.

use super::output::Verbosity;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeMap;
use std::fmt;

/// Arguments whose values are never printed.
const SECRETS: [&str; 2] = ["api_key", "admin_token"];

/// Arguments that only say how a result is shown, or where a copy of it goes.
const PRESENTATION: [&str; 11] = [
    "json",
    "json_lines",
    "out",
    "changes",
    "log",
    "verbose",
    "quiet",
    "live",
    "open",
    "live_address",
    "live_linger",
];

/// Variables that stay in the environment: they go with a key, which cannot be printed.
const ENVIRONMENT_ONLY: [&str; 1] = ["org_id"];

/// A verb of this program and the arguments given to it.
#[derive(Clone, Debug)]
pub(super) struct CommandLine {
    /// The whole program's definition.
    pub(super) root: Command,
    /// The definition of the verb.
    pub(super) verb: Command,
    /// The words that name the verb, such as `store purge`.
    path: String,
    /// Values by the argument's id; a switch has none.
    given: BTreeMap<String, Vec<String>>,
    /// The parsed arguments, with the source of each value.
    pub(super) matches: ArgMatches,
    /// The amount of output beside the result.
    pub(super) verbosity: Verbosity,
}

impl CommandLine {
    /// The command line that `matches` was parsed from by `root`.
    pub(super) fn new(root: &Command, matches: &ArgMatches) -> Self {
        let (quiet, is_verbose) = (matches.get_flag("quiet"), matches.get_count("verbose") > 0);
        let verbosity = Verbosity { quiet, is_verbose };
        let (mut verb, mut path, mut matches) = (root, Vec::new(), matches);
        while let Some((name, below)) = matches.subcommand() {
            verb = verb.find_subcommand(name).expect("clap matched it");
            path.push(name);
            matches = below;
        }
        let given = verb.get_arguments().filter_map(|argument| given(argument, matches));
        Self {
            root: root.clone(),
            verb: verb.clone(),
            path: path.join(" "),
            given: given.collect(),
            matches: matches.clone(),
            verbosity,
        }
    }

    /// Says `text` on standard error, unless the user wants silence.
    pub(super) fn note(&self, text: impl fmt::Display) {
        self.verbosity.note(text);
    }

    /// Another verb, with those of the arguments that mean the same to it.
    pub(super) fn to(&self, path: &str) -> Self {
        let find = |command: &Command, name: &str| command.find_subcommand(name).cloned();
        let verb =
            path.split(' ').try_fold(self.root.clone(), |command, name| find(&command, name));
        let verb = verb.expect("the name of a verb");
        let mut given = self.given.clone();
        given.retain(|id, _| match (argument(&self.verb, id), argument(&verb, id)) {
            // Hidden flags do nothing there, and are refused.
            (Some(ours), Some(theirs)) => is_alike(ours, theirs) && !theirs.is_hide_set(),
            _ => false,
        });
        Self { verb, path: path.to_owned(), given, ..self.clone() }
    }

    /// The same with one value for the argument `id`, whatever was given.
    pub(super) fn with(self, id: &str, value: impl ToString) -> Self {
        self.with_all(id, &[value])
    }

    /// The same with the switch `id` on.
    pub(super) fn with_switch(self, id: &str) -> Self {
        self.with_all::<&str>(id, &[])
    }

    /// The same with these values for the argument `id`, whatever was given.
    pub(super) fn with_all<T: ToString>(mut self, id: &str, values: &[T]) -> Self {
        debug_assert!(argument(&self.verb, id).is_some(), "{} has no {id}", self.path);
        self.given.insert(id.to_owned(), values.iter().map(ToString::to_string).collect());
        self
    }

    /// The same without the arguments `ids`.
    pub(super) fn without(mut self, ids: &[&str]) -> Self {
        self.given.retain(|id, _| !ids.contains(&id.as_str()));
        self
    }
}

impl fmt::Display for CommandLine {
    /// As a shell reads it: positional arguments first, then flags in the order of their definition,
    /// then what stands behind `--`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "neonbench {}", self.path)?;
        let given = |argument: &Arg| self.given.get(argument.get_id().as_str());
        let (flags, positional): (Vec<&Arg>, Vec<&Arg>) =
            self.verb.get_arguments().partition(|argument| argument.get_long().is_some());
        let (last, first): (Vec<&Arg>, Vec<&Arg>) =
            positional.into_iter().partition(|argument| argument.is_last_set());
        for value in first.into_iter().filter_map(given).flatten() {
            write!(f, " {}", quoted(value))?;
        }
        for argument in flags {
            let (Some(values), Some(long)) = (given(argument), argument.get_long()) else {
                continue;
            };
            if values.is_empty() {
                write!(f, " --{long}")?;
            }
            for value in values {
                let joined = argument.is_require_equals_set() || value.starts_with('-');
                write!(f, " --{long}{}{}", if joined { '=' } else { ' ' }, quoted(value))?;
            }
        }
        for (index, value) in last.into_iter().filter_map(given).flatten().enumerate() {
            write!(f, "{}{}", if index == 0 { " -- " } else { " " }, quoted(value))?;
        }
        Ok(())
    }
}

fn argument<'a>(verb: &'a Command, id: &str) -> Option<&'a Arg> {
    verb.get_arguments().find(|argument| argument.get_id() == id)
}

/// Tells arguments of one id apart: `--write FILE` of `probe` is not `--write patch|put|both` of `run`.
fn is_alike(ours: &Arg, theirs: &Arg) -> bool {
    let form = |argument: &Arg| {
        let names = argument.get_value_names().map(<[_]>::to_vec);
        (argument.get_long().map(str::to_owned), names)
    };
    form(ours) == form(theirs)
}

/// The id and the values of `argument`, if it is to be printed again.
fn given(argument: &Arg, matches: &ArgMatches) -> Option<(String, Vec<String>)> {
    let id = argument.get_id().as_str();
    match matches.value_source(id)? {
        ValueSource::CommandLine => {}
        ValueSource::EnvVariable if !ENVIRONMENT_ONLY.contains(&id) => {}
        _ => return None,
    }
    if SECRETS.contains(&id) || PRESENTATION.contains(&id) {
        return None;
    }
    if !argument.get_action().takes_values() {
        return Some((id.to_owned(), Vec::new()));
    }
    let words = |words: clap::parser::RawValues<'_>| {
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let values = words(matches.get_raw(id)?);
    let values = match argument.get_value_delimiter() {
        Some(delimiter) => vec![values.join(&delimiter.to_string())],
        None => values,
    };
    Some((id.to_owned(), values))
}

/// `value` as a shell reads it back.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,@=:+%".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    /// Verbs that print a command.
    const VERBS: &str = "report, run, pause, go, stop, resume, retry, verify, undo, benchmark, scalability, compare, \
        analyze, preflight, probe, fit, calibrate, evaluate, history, live, judge, serve, store purge, plan import, \
        dataset import, dataset describe";

    /// The words without which a verb cannot be parsed.
    fn words_of(path: &str) -> &str {
        match path {
            "pause" | "go" | "stop" | "resume" | "retry" | "verify" | "undo" => "3",
            "fit" => "recorded.har",
            "plan import" => "plan.yaml",
            "dataset import" => "--custom-fields fields.json",
            "dataset describe" => "plain",
            _ => "",
        }
    }

    /// A value for each kind of argument, by its id or by the last of the words that name its value.
    const SAMPLES: [(&str, &str); 31] = [
        ("PORT", "8081"),
        ("ADDRESS", "127.0.0.1"),
        ("ITEM,…", "access,fields"),
        ("ITEM=REASON", "quiet=it's closed"),
        ("WHO", "the office"),
        ("TIME", "2026-11-29T06:00"),
        ("strategy", "hybrid"),
        ("min_gap_closed", "-0.5"),
        ("shard", "2/8"),
        ("addr", "127.0.0.1:0"),
        ("name", "it's mine"),
        ("file", "some file.yaml"),
        ("mappings", "7"),
        ("resources", "7"),
        ("seed", "7"),
        ("FILE", "it's mine/a b.toml"),
        ("DIR", "a folder"),
        ("RUN", "7"),
        ("decide", "17=keep"),
        ("RUN,…", "3,5"),
        ("W/B,…", "1/25,3/50"),
        ("N,…", "5,10"),
        ("IDS", "1-3,@ids.txt"),
        ("ID", "org 7"),
        ("URL", "http://127.0.0.1:9/v2"),
        ("DURATION", "3s"),
        ("PERCENT", "5%"),
        ("CONSTRAINT", "headroom>=1"),
        ("CALLSxDELAY", "1x500ms<2%"),
        ("YYYY-MM-DD", "2026-11-24"),
        ("FROM-UNTIL", "08:00-18:00"),
    ];

    /// Arguments that clap refuses without another.
    const COMPANIONS: [(&str, &str, &str); 5] = [
        ("chunk_pause", "chunk_size", "--chunk-size=7"),
        ("fail_if_slower", "runs", "1 2"),
        ("reads", "export", "--export=json"),
        ("signatures", "require_preflight", "--require-preflight=c --signed-by=s"),
        ("signed_by", "require_preflight", "--require-preflight=c"),
    ];

    fn parsed(words: &[String]) -> Result<CommandLine, clap::Error> {
        let words = ["neonbench".to_owned()].into_iter().chain(words.iter().cloned());
        let matches = Cli::command().try_get_matches_from(words)?;
        Ok(CommandLine::new(&Cli::command(), &matches))
    }

    /// The words of a printed command, as a shell takes them apart.
    fn words(command: &CommandLine) -> Vec<String> {
        let (text, mut words, mut in_quotes) = (command.to_string(), vec![String::new()], false);
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\'' => in_quotes = !in_quotes,
                ' ' if !in_quotes => words.push(String::new()),
                '\\' if !in_quotes => words.last_mut().unwrap().extend(characters.next()),
                _ => words.last_mut().unwrap().push(character),
            }
        }
        words.remove(0);
        words
    }

    fn sample(argument: &Arg) -> Option<String> {
        if !argument.get_action().takes_values() {
            return Some(String::new());
        }
        let name = argument.get_value_names()?.first()?.rsplit('|').next()?;
        let is_of = |key: &str| argument.get_id() == key || name == key;
        let sample = SAMPLES.iter().find(|(key, _)| is_of(key)).map(|(_, value)| *value);
        // Numbers go by one letter, and words that are possible values stand for themselves.
        Some(sample.unwrap_or(if name.len() == 1 { "7" } else { name }).to_owned())
    }

    /// `neonbench VERB` with what the verb needs and `argument`.
    fn line(path: &str, needed: &str, argument: &Arg) -> Vec<String> {
        let id = argument.get_id().as_str();
        let sample = sample(argument).unwrap_or_else(|| panic!("{path}: no sample for {id}"));
        let mut line: Vec<String> = path.split(' ').map(str::to_owned).collect();
        let is_positional = argument.get_long().is_none();
        if !is_positional || argument.is_last_set() {
            line.extend(needed.split_whitespace().map(str::to_owned));
        }
        let verb = CommandLine::to(&parsed(&["history".to_owned()]).unwrap(), path).verb;
        let companion = COMPANIONS.iter().find(|(own, other, _)| {
            *own == id && verb.get_arguments().any(|argument| argument.get_id() == other)
        });
        line.extend(companion.into_iter().flat_map(|it| it.2.split(' ')).map(str::to_owned));
        match argument.get_long() {
            Some(long) if sample.is_empty() => line.push(format!("--{long}")),
            Some(long) => line.push(format!("--{long}={sample}")),
            None if argument.is_last_set() => {}
            None if argument.get_num_args().is_some_and(|it| it.min_values() == 2) => {
                line.extend(["1".to_owned(), "2".to_owned()]);
            }
            None => line.push(sample),
        }
        if path == "judge" {
            line.extend(["--", "python3", "-c", "it's"].map(str::to_owned));
        }
        line
    }

    /// The flag that `run` and `fit` read is in the way of what they need otherwise.
    fn needed<'a>(path: &str, argument: &Arg, needed: &'a str) -> &'a str {
        if (path, argument.get_id().as_str()) == ("fit", "run")
            || argument.get_id() == "custom_fields"
        {
            return "";
        }
        needed
    }

    #[test]
    fn every_argument_of_every_verb_is_printed_as_it_was_given() {
        for path in VERBS.split(", ") {
            let needs = words_of(path);
            let verb = CommandLine::to(&parsed(&["history".to_owned()]).unwrap(), path).verb;
            for argument in verb.get_arguments() {
                let id = argument.get_id().as_str();
                let typed = line(path, needed(path, argument, needs), argument);
                let first = parsed(&typed).unwrap_or_else(|error| panic!("{typed:?}: {error}"));
                let is_left_out = SECRETS.contains(&id) || PRESENTATION.contains(&id);
                assert_eq!(first.given.contains_key(id), !is_left_out, "{typed:?}: {first}");
                let again = parsed(&words(&first)).unwrap_or_else(|e| panic!("{first}: {e}"));
                assert_eq!((&again.path, &again.given), (&first.path, &first.given), "{first}");
            }
        }
    }

    #[test]
    fn another_verb_takes_what_means_the_same_to_it() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let probe = parsed(&words("probe --resources 7 --write mine.toml --api-key k")).unwrap();
        assert_eq!(probe.to("analyze").to_string(), "neonbench analyze --resources 7");
        let compare = "compare --resources 9 --configs 1/2,3/4 --constraint headroom>=1 \
                       --constraint rejected<1% --seed 3";
        let compare = parsed(&words(compare)).unwrap();
        assert_eq!(
            compare.to("scalability").without(&["resources"]).to_string(),
            "neonbench scalability --seed 3 --constraint 'headroom>=1' --constraint 'rejected<1%'"
        );
        let run = parsed(&words("run --store s --allow-writes-to org --dry-run -q")).unwrap();
        let verify = run.to("verify").with("run", 3);
        assert_eq!(verify.to_string(), "neonbench verify 3 --allow-writes-to org --store s");
    }
}
