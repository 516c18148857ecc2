//! Lists of account ids as people write them: `1-9999,12001,@ids.txt`.

use super::csv::records;
use neon_mock::api::AccountId;
use neon_mock::bounds::{ACCOUNTS, DATA_BYTES};
use neon_mock::file::{decoded, read_within};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// More ids than accounts of an organisation are a mistake rather than a plan.
const MAX_IDS: usize = ACCOUNTS.most() as usize;

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum IdsError {
    #[error(
        "{place}`{text}` is no account id: expected a whole number, a range such as 1-500, or @FILE"
    )]
    NotAnId { place: String, text: String },
    #[error(
        "{place}none of the columns `{columns}` is called `Account ID`: name the column of the ids so"
    )]
    NoColumn { place: String, columns: String },
    #[error("{place}account {id} is listed twice; it is also on line {first}")]
    Twice { place: String, id: AccountId, first: usize },
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
/// such items per line, parted by commas, semicolons or tabs. Blank lines and lines that begin with `#` are
/// skipped. A file may be a table as reports export it, with names of columns in its first line: the ids
/// are those of the column `Account ID`, each once.
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

/// Words by which exports call the column with an account's id, without case, spaces and marks.
const ID_COLUMNS: [&str; 5] = ["accountid", "id", "neonid", "neonaccountid", "accountnumber"];

/// Adds the ids of a file: a list, or a table of which a column holds them.
fn from_file(path: &Path, ids: &mut Vec<AccountId>) -> Result<(), IdsError> {
    let read = std::fs::File::open(path).and_then(|file| read_within(file, &DATA_BYTES));
    let bytes = read.map_err(|source| IdsError::Read { path: path.to_owned(), source })?;
    // A name in a code page of Windows does not matter here.
    let text = decoded(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.split('\n');
    let uncommented = lines.map(|line| if line.trim_start().starts_with('#') { "" } else { line });
    let text: Vec<&str> = uncommented.collect();
    let mut records = records(&text.join("\n"), &[',', ';', '\t']).into_iter().peekable();
    let place = |line: usize| format!("{}, line {line}: ", path.display());
    if let Some((line, header)) = records.next_if(|(_, fields)| is_header(fields)) {
        let column = column_of_ids(&header).ok_or_else(|| IdsError::NoColumn {
            place: place(line),
            columns: header.join("`, `"),
        })?;
        // Rows are records, of which an account may have several.
        let mut seen = SeenIds::default();
        for (line, fields) in records {
            let Some(field) = fields.get(column).filter(|field| !field.is_empty()) else {
                continue;
            };
            for new in seen.add(range(field, &place(line))?) {
                extend(new, ids)?;
            }
        }
        return Ok(());
    }
    // By first id: last id and line. Ten million ids may be one range.
    let mut listed: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
    for (line, fields) in records {
        for item in fields.iter().filter(|item| !item.is_empty()) {
            push(item, &place(line), ids)?;
            let (first, last) = range(item, &place(line))?;
            let around = listed.range(..=first).next_back();
            let around = around.filter(|(_, (end, _))| *end >= first).map(|(_, it)| (first, it.1));
            let within = || listed.range(first..=last).next().map(|(begin, it)| (*begin, it.1));
            if let Some((id, first)) = around.or_else(within) {
                return Err(IdsError::Twice { place: place(line), id: AccountId(id), first });
            }
            listed.insert(first, (last, line));
        }
    }
    Ok(())
}

/// Ids that were listed, as ranges that do not overlap: by first id, the last.
#[derive(Default)]
struct SeenIds(BTreeMap<u64, u64>);

impl SeenIds {
    /// Adds a range; the parts of it that were not there.
    fn add(&mut self, (first, last): (u64, u64)) -> Vec<(u64, u64)> {
        let before = self.0.range(..first).next_back().map(|(_, end)| *end);
        let among = self.0.range(first..=last).map(|(begin, end)| (*begin, *end));
        let around = before.map(|end| (first, end)).filter(|(_, end)| *end >= first);
        let mut new = Vec::new();
        let mut next = Some(first);
        for (begin, end) in around.into_iter().chain(among) {
            new.extend(next.filter(|next| *next < begin).map(|next| (next, begin - 1)));
            next = end.checked_add(1);
        }
        new.extend(next.filter(|next| *next <= last).map(|next| (next, last)));
        self.0.extend(new.iter().copied());
        new
    }
}

/// True if the fields of a first line are names of columns: words without digits.
fn is_header(fields: &[String]) -> bool {
    let is_word = |field: &&String| field.chars().any(char::is_alphabetic);
    let is_id = |field: &String| range(field, "").is_ok();
    let words = fields.iter().filter(is_word).count();
    let only = fields.len() > 1 || !fields.iter().any(|it| it.chars().any(|c| c.is_ascii_digit()));
    words > 0 && only && !fields.iter().any(is_id)
}

/// The column of the ids: by its name, or the only one.
fn column_of_ids(header: &[String]) -> Option<usize> {
    let named = |name: &str| {
        header.iter().position(|field| {
            let bare = field.chars().filter(|c| c.is_alphanumeric());
            bare.flat_map(char::to_lowercase).collect::<String>() == name
        })
    };
    ID_COLUMNS.into_iter().find_map(named).or((header.len() == 1).then_some(0))
}

/// First and last id of an item, which is an id or a range.
fn range(item: &str, place: &str) -> Result<(u64, u64), IdsError> {
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
    Ok((first, last))
}

fn push(item: &str, place: &str, ids: &mut Vec<AccountId>) -> Result<(), IdsError> {
    extend(range(item, place)?, ids)
}

/// Adds the ids of a range.
fn extend((first, last): (u64, u64), ids: &mut Vec<AccountId>) -> Result<(), IdsError> {
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
    fn an_id_of_a_table_is_taken_once_however_its_ranges_overlap() {
        let mut seen = SeenIds::default();
        assert_eq!(seen.add((10, 20)), [(10, 20)]);
        assert_eq!(seen.add((5, 12)), [(5, 9)]);
        assert_eq!(seen.add((15, 15)), []);
        assert_eq!(seen.add((30, u64::MAX)), [(30, u64::MAX)]);
        assert_eq!(seen.add((1, u64::MAX)), [(1, 4), (21, 29)]);
        assert_eq!(seen.add((7, 7)), []);
    }

    /// Each row is within bounds, and all of them are not.
    #[test]
    fn the_ids_of_a_table_are_bounded_together() {
        let folder = tempfile::tempdir().unwrap();
        let rows = "Account ID\n1-9999999\n10000000-19999999\n";
        std::fs::write(folder.path().join("ids.csv"), rows).unwrap();
        let read = parse_ids_beside("@ids.csv", folder.path());
        assert!(matches!(read, Err(IdsError::TooMany)), "{read:?}");
    }

    #[test]
    fn ids_ranges_and_files_mix_in_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# chosen by hand\n7\n\n20-21, 5\n").unwrap();
        let ids = parse_ids(&format!("3,1-2,@{}", file.path().display())).unwrap();
        assert_eq!(ids.iter().map(|id| id.0).collect::<Vec<_>>(), [3, 1, 2, 7, 20, 21, 5]);
    }

    fn of_file(bytes: &[u8]) -> Result<Vec<u64>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let ids = parse_ids(&format!("@{}", file.path().display()));
        ids.map(|ids| ids.iter().map(|id| id.0).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_read_as_spreadsheets_and_shells_write_them() {
        let utf16: Vec<u8> =
            "\u{feff}12\r\n15\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, expected) in [
            (&b"\xef\xbb\xbf12\r\n15\r\n"[..], &[12, 15][..]),
            (&utf16, &[12, 15]),
            (b"Account ID\r\n\"12\"\r\n\"15\"\r\n", &[12, 15]),
            (b"12;15\t16\n\"17\"", &[12, 15, 16, 17]),
            (b"Name;Account ID\n\"M\xfcller; Jo\";12\nB;15\nC;12\nD;\n", &[12, 15]),
            (b"Neon ID\tFirst 5 Letters\n3\tabc\n", &[3]),
            (b"# chosen\r12\r15", &[12, 15]),
        ] {
            assert_eq!(of_file(bytes).unwrap(), expected, "{}", String::from_utf8_lossy(bytes));
        }
        let error = |text: &str| of_file(text.as_bytes()).unwrap_err();
        let twice = error("12\n13\n12\n");
        assert!(
            twice.contains(", line 3: account 12 is listed twice; it is also on line 1"),
            "{twice}"
        );
        for (text, said) in [
            ("5-9\n1-6\n", ", line 2: account 5 is listed twice; it is also on line 1"),
            ("1-9\n3\n", ", line 2: account 3 is listed twice; it is also on line 1"),
            ("4,1-4\n", ", line 1: account 4 is listed twice; it is also on line 1"),
        ] {
            assert!(error(text).contains(said), "{}", error(text));
        }
        let columns = error("Name,Gift\nA,12\n");
        assert!(columns.contains(", line 1: none of the columns `Name`, `Gift`"), "{columns}");
        assert!(error("1o2\n15").contains(", line 1: `1o2` is no account id"));
        assert!(error("Account ID\n1o2").contains(", line 2: `1o2` is no account id"));
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
        assert!(error("0-18446744073709551615").contains("more than"));
        #[cfg(unix)]
        assert!(error("@/dev/zero").contains("cannot read /dev/zero"));
        assert!(error("@/nowhere/ids.txt").contains("cannot read /nowhere/ids.txt"));
    }
}
