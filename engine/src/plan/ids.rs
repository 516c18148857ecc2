//! Lists of account ids as people write them: `1-9999,12001,@ids.txt`.

use neon_mock::api::AccountId;
use std::path::{Path, PathBuf};

/// More ids than this are a mistake rather than a plan.
const MAX_IDS: usize = 10_000_000;

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum IdsError {
    #[error(
        "{place}`{text}` is no account id: expected a whole number, a range such as 1-500, or @FILE"
    )]
    NotAnId { place: String, text: String },
    #[error("{place}range `{text}` runs backwards")]
    Backwards { place: String, text: String },
    #[error("more than {MAX_IDS} ids")]
    TooMany,
    #[error("the list of ids is empty")]
    Empty,
    #[error("cannot read {}", .path.display())]
    Read { path: PathBuf, source: std::io::Error },
}

/// Parses a list of account ids, keeping its order.
///
/// Items are separated by commas; each is an id, a range with both ends included, or `@FILE` with
/// one such item per line. Blank lines and lines that begin with `#` are skipped.
///
/// Errors: [`IdsError`] with file and line, for an item that is none of these, an empty or too long
/// list, or a file that cannot be read.
pub fn parse_ids(text: &str) -> Result<Vec<AccountId>, IdsError> {
    parse_ids_beside(text, Path::new(""))
}

/// As [`parse_ids`], with files in the folder `beside`.
///
/// Errors: [`IdsError`], as there.
pub fn parse_ids_beside(text: &str, beside: &Path) -> Result<Vec<AccountId>, IdsError> {
    let mut ids = Vec::new();
    for item in text.split(',').map(str::trim) {
        match item.strip_prefix('@') {
            Some(file) => from_file(&beside.join(file), &mut ids)?,
            None => push(item, "", &mut ids)?,
        }
    }
    if ids.is_empty() {
        return Err(IdsError::Empty);
    }
    Ok(ids)
}

/// `ids` as [`parse_ids`] reads them, with ranges where numbers follow each other.
pub fn list_ids(ids: &[AccountId]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for AccountId(id) in ids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*id) => *last = *id,
            _ => ranges.push((*id, *id)),
        }
    }
    let range = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

fn from_file(path: &Path, ids: &mut Vec<AccountId>) -> Result<(), IdsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| IdsError::Read { path: path.to_owned(), source })?;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = format!("{}, line {}: ", path.display(), index + 1);
        for item in line.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            push(item, &place, ids)?;
        }
    }
    Ok(())
}

fn push(item: &str, place: &str, ids: &mut Vec<AccountId>) -> Result<(), IdsError> {
    let number = |text: &str| {
        text.trim()
            .parse::<u64>()
            .map_err(|_| IdsError::NotAnId { place: place.to_owned(), text: item.to_owned() })
    };
    let (first, last) = match item.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(item)?, number(item)?),
    };
    if first > last {
        return Err(IdsError::Backwards { place: place.to_owned(), text: item.to_owned() });
    }
    if last - first >= (MAX_IDS - ids.len()) as u64 {
        return Err(IdsError::TooMany);
    }
    ids.extend((first..=last).map(AccountId));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ranges_and_files_mix_in_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# chosen by hand\n7\n\n20-21, 5\n").unwrap();
        let ids = parse_ids(&format!("3,1-2,@{}", file.path().display())).unwrap();
        assert_eq!(ids.iter().map(|id| id.0).collect::<Vec<_>>(), [3, 1, 2, 7, 20, 21, 5]);
    }

    #[test]
    fn a_list_is_read_back_as_it_was() {
        for text in ["3,1-2,9", "7", "5-6,5-6"] {
            assert_eq!(list_ids(&parse_ids(text).unwrap()), text);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| parse_ids(text).unwrap_err().to_string();
        assert!(error("12,abc").contains("`abc` is no account id"));
        assert!(error("9-1").contains("runs backwards"));
        assert!(error("1-99999999999").contains("more than"));
        assert!(error("@/nowhere/ids.txt").contains("cannot read /nowhere/ids.txt"));
    }
}
