//! Signatures of a certificate, made by `ssh-keygen -Y sign -n neonbench-preflight -f KEY FILE` and checked by
//! `ssh-keygen`: there is no cryptography here.
//!
//! Signatures and allowed signers are read once; `ssh-keygen` gets copies in a folder of its own and the text of the
//! certificate that was read, so that nobody can change them between two looks.

use crate::cli::error::CliError;
use crate::cli::files::bytes;
use neon_mock::bounds::FILE_BYTES;
use neonbench::preflight::certificate::NAMESPACE;
use neonbench::text::plural;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program.
const PROGRAM: &str = "ssh-keygen";

/// Files beside a certificate that are looked at; more are refused.
const MOST_FILES: usize = 64;

/// A signature that holds.
#[derive(Debug)]
struct CheckedSignature {
    /// Names of its key in the file of allowed signers.
    principals: BTreeSet<String>,
    /// Fingerprint of its key.
    key: String,
}

/// Checks that at least `needed` people have signed `text`, which is that of `file`. Signatures by one key, or by
/// keys with a name in common, are one person's.
///
/// Errors: too few have, a file cannot be read, or `ssh-keygen` is not there.
pub(super) fn check(file: &Path, text: &[u8], allowed: &Path, needed: u32) -> Result<(), CliError> {
    let room = tempfile::tempdir()
        .map_err(|source| CliError::Write { path: std::env::temp_dir(), source })?;
    let signers = copied(allowed, &room.path().join("allowed_signers"))?;
    let (mut valid, mut others) = (Vec::new(), Vec::new());
    for (index, path) in beside(file)?.iter().enumerate() {
        let signature = copied(path, &room.path().join(format!("{index}.sig")))?;
        match signature_of(text, &signature, &signers)? {
            Ok(signature) => valid.push(signature),
            Err(why) => others.push(format!("{}: {why}", path.display())),
        }
    }
    let people = people(valid);
    if people.len() >= needed as usize {
        return Ok(());
    }
    let signed: Vec<String> = people.iter().map(in_words).collect();
    let signed = match signed.as_slice() {
        [] => "nobody has signed it".to_owned(),
        signed => format!("signed by {}", signed.join(" and ")),
    };
    others.insert(0, signed);
    Err(CliError::Guard(format!(
        "refused: {} needs signatures of {}: {}; nothing was written",
        file.display(),
        plural(u64::from(needed), "person").replace("persons", "people"),
        others.join("; ")
    )))
}

/// Files whose names are that of `file` and begin with `.sig` after it, in the order of their names.
fn beside(file: &Path) -> Result<Vec<PathBuf>, CliError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let wrong = |source| CliError::Read { path: folder.to_owned(), source };
    let stem = format!("{}.sig", file.file_name().unwrap_or_default().to_string_lossy());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        if name.to_string_lossy().starts_with(&stem) {
            found.push(folder.join(name));
        }
    }
    if found.len() > MOST_FILES {
        let files = format!("{} signatures: at most {MOST_FILES} are checked", found.len());
        return Err(CliError::usage(format!("{} has {files}", file.display())));
    }
    found.sort();
    Ok(found)
}

/// Reads `from`, and writes what was read `to` a place that no one else writes to.
fn copied(from: &Path, to: &Path) -> Result<PathBuf, CliError> {
    let text = bytes(from, &FILE_BYTES)
        .map_err(|source| CliError::Read { path: from.to_owned(), source })?;
    std::fs::write(to, text).map_err(|source| CliError::Write { path: to.to_owned(), source })?;
    Ok(to.to_owned())
}

/// The signature of `text` in `signature`, if it is one of an allowed signer; else why it is not.
fn signature_of(
    text: &[u8],
    signature: &Path,
    signers: &Path,
) -> Result<Result<CheckedSignature, String>, CliError> {
    let find = ["-Y", "find-principals"].map(str::to_owned);
    let found = keygen(&find, signature, signers, &[])?;
    let principals: BTreeSet<String> = lines(&found.stdout).collect();
    if !found.status.success() || principals.is_empty() {
        return Ok(Err("its key is none of the allowed signers'".to_owned()));
    }
    let principal = principals.first().cloned().unwrap_or_default();
    let verify = ["-Y", "verify", "-n", NAMESPACE, "-I", &principal].map(str::to_owned);
    let verified = keygen(&verify, signature, signers, text)?;
    let key = lines(&verified.stdout).next();
    let key = key.and_then(|line| Some(line.rsplit_once(" key ")?.1.to_owned()));
    Ok(key.filter(|_| verified.status.success()).map_or_else(
        || {
            let why = lines(&verified.stderr).next().unwrap_or_default();
            Err(format!("not a signature of this text by {} ({why})", in_words(&principals)))
        },
        |key| Ok(CheckedSignature { principals: principals.clone(), key }),
    ))
}

fn keygen(
    arguments: &[String],
    signature: &Path,
    signers: &Path,
    input: &[u8],
) -> Result<Output, CliError> {
    let failed = |source| CliError::Spawn { program: PROGRAM.to_owned(), source };
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("-s").arg(signature).arg("-f").arg(signers);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => CliError::usage(format!(
            "signatures are checked by {PROGRAM}, which is not installed here: install OpenSSH (8.2 or later)"
        )),
        _ => failed(source),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early does not want the rest.
        let _ = stdin.write_all(input);
    }
    child.wait_with_output().map_err(failed)
}

fn lines(output: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(output).into_owned();
    let lines: Vec<String> = text.lines().map(str::trim).map(str::to_owned).collect();
    lines.into_iter().filter(|line| !line.is_empty())
}

/// The people who made `signatures`, each by all names of theirs.
fn people(signatures: Vec<CheckedSignature>) -> Vec<BTreeSet<String>> {
    let mut people: Vec<(BTreeSet<String>, BTreeSet<String>)> = Vec::new();
    for CheckedSignature { principals, key } in signatures {
        let (mut names, mut keys) = (principals, BTreeSet::from([key]));
        let (same, others): (Vec<_>, Vec<_>) = people
            .into_iter()
            .partition(|(known, by)| !known.is_disjoint(&names) || !by.is_disjoint(&keys));
        for (known, by) in same {
            names.extend(known);
            keys.extend(by);
        }
        people = others;
        people.push((names, keys));
    }
    people.into_iter().map(|(names, _)| names).collect()
}

fn in_words(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_or_one_name_in_common_is_one_person() {
        let signature = |(names, key): &(&str, &str)| CheckedSignature {
            principals: names.split(',').map(str::to_owned).collect(),
            key: (*key).to_owned(),
        };
        let cases: [(&[(&str, &str)], usize); 6] = [
            (&[], 0),
            (&[("ada", "1"), ("bob", "2")], 2),
            (&[("ada", "1"), ("ada", "1")], 1),
            (&[("ada", "1"), ("ada", "2")], 1),
            (&[("ada", "1"), ("bob", "1")], 1),
            // The third links the first two.
            (&[("ada", "1"), ("bob", "2"), ("ada,bob", "3")], 1),
        ];
        for (signatures, expected) in cases {
            let people = people(signatures.iter().map(signature).collect());
            assert_eq!(people.len(), expected, "{signatures:?}: {people:?}");
        }
    }
}
