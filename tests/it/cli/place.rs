//! A scratch directory, and the binary run in it.

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Variables of the environment that change the binary's output; tests run without them.
pub(crate) const VARIABLES: [&str; 9] = [
    "NEON_ORG_ID",
    "NEON_API_KEY",
    "NEONBENCH_LOG",
    "NEONBENCH_STORE",
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "NO_COLOR",
];

/// A directory of its own, with nothing in it but what the test puts there.
pub(crate) struct Place(TempDir);

/// Exit code and output of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file; its name.
    pub(crate) fn file<'a>(&self, name: &'a str, text: &str) -> &'a str {
        std::fs::write(self.path().join(name), text).unwrap();
        name
    }

    /// Every file and directory there is, in order.
    pub(crate) fn entries(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                }
                found.push(path);
            }
        }
        found.sort();
        found
    }

    /// The binary with the words of `line` as its arguments.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neonbench"));
        command.current_dir(self.path()).args(line.split_whitespace());
        command.timeout(Duration::from_secs(60));
        for name in VARIABLES {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn neonbench(&self, line: &str) -> Outcome {
        outcome(&mut self.command(line))
    }

    /// The same for a command that may take so many seconds.
    pub(crate) fn neonbench_within(&self, line: &str, seconds: u64) -> Outcome {
        outcome(self.command(line).timeout(Duration::from_secs(seconds)))
    }

    /// Runs a command that must end with `code`, and reads its JSON.
    pub(crate) fn json(&self, line: &str, code: i32) -> Value {
        let outcome = self.neonbench(line);
        assert_eq!(outcome.code, code, "{line}: {outcome:?}");
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{line}: {e}: {outcome:?}"))
    }

    /// Runs a command that must be refused with `code` and words of `said`: nothing on standard
    /// output, one error on standard error, and the directory as it was.
    pub(crate) fn refused(&self, line: &str, code: i32, said: &[&str]) {
        let before = self.entries();
        let outcome = self.neonbench(line);
        assert_eq!(outcome.code, code, "{line}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{line}");
        assert!(outcome.stderr.starts_with("error: "), "{line}: {outcome:?}");
        assert_eq!(outcome.stderr.matches("error: ").count(), 1, "{line}: {outcome:?}");
        // Our own errors are one paragraph of one line; clap's end with a hint at --help.
        let is_claps = outcome.stderr.contains("try '--help'");
        assert!(is_claps || outcome.stderr.lines().count() == 1, "{line}: {outcome:?}");
        for words in said {
            assert!(outcome.stderr.contains(words), "{line}: no `{words}` in {outcome:?}");
        }
        assert_eq!(self.entries(), before, "{line}: something was written");
    }
}

/// Runs `command`. The lines by which a command says how far it is are left out: only a slow machine gets them.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let said = whole_outcome(command);
    let is_result = |line: &&str| {
        let verb = line.split_once(": ").filter(|(_, rest)| rest.contains(" s · "));
        !verb.is_some_and(|(verb, _)| verb.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
    };
    Outcome { stderr: said.stderr.split_inclusive('\n').filter(is_result).collect(), ..said }
}

/// The same with all that it says.
pub(crate) fn whole_outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
