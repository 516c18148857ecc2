//! The file of a store: looked at before anything is changed, and opened without harm to what is none.

use super::schema::{self, StoreForm};
use super::{Store, StoreError};
use rusqlite::{Connection, OpenFlags};
use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::{FileType, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::TempDir;

/// The first bytes of an `SQLite` file. Source: <https://www.sqlite.org/fileformat.html>.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Endings of the files that `SQLite` keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Ending of a copy of a store, before the version of its tables.
pub(super) const COPY: &str = ".version-";

/// Readings that other processes may disturb, before the last one counts.
const MOST_READINGS: u32 = 5;

/// A regular file that may be a store.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The name that it was given by.
    path: PathBuf,
    /// The file itself.
    real: PathBuf,
}

/// The state of a file and its log, which every change by another process alters.
#[derive(PartialEq, Eq)]
struct Fingerprint([Option<(u64, Option<SystemTime>)>; 2]);

/// An open file of a store, as it was found: by it a store that vanished is noticed.
#[derive(Debug)]
pub(super) struct Witness {
    real: PathBuf,
    main: Option<FileId>,
    log: Cell<Option<FileId>>,
}

/// Number of a device and of a file on it; none where the system has no such numbers.
type FileId = (u64, u64);

impl Place {
    /// The file at `path`; `None` if nothing is there.
    ///
    /// Errors: something else than a file is there, or a link that leads to another folder.
    pub(super) fn find(path: &Path) -> Result<Option<Self>, StoreError> {
        let wrong = |source| StoreError::Open { path: path.to_owned(), source };
        let not = |why: &str| StoreError::NotAStore { path: path.to_owned(), why: why.to_owned() };
        let here = match path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(wrong)?,
        };
        let real = path.canonicalize().map_err(wrong)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().map_err(wrong)?;
        if here.is_symlink() && real.parent() != Some(&folder) {
            return Err(not(&format!("it is a link to {}, in another folder", real.display())));
        }
        let kind = real.metadata().map_err(wrong)?.file_type();
        if !kind.is_file() {
            return Err(not(&format!("it is {}", in_words(kind))));
        }
        let place = Self { path: path.to_owned(), real };
        for ending in BESIDE {
            let beside = place.beside(ending);
            let is_other = beside.symlink_metadata().is_ok_and(|it| !it.is_file());
            if is_other {
                return Err(not(&format!("{} beside it is no regular file", beside.display())));
            }
        }
        Ok(Some(place))
    }

    /// The copies of a store at `path` that migrations have left beside it, in order.
    pub(super) fn copies(path: &Path) -> Vec<PathBuf> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let start = path.file_name().map(|name| with_ending(Path::new(name), COPY));
        let is_copy = |file: &Path| {
            let name = file.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
            let start = start.as_ref().map(|it| it.to_string_lossy());
            let version = start.and_then(|start| name.strip_prefix(&*start).map(str::to_owned));
            // Only what is a store of ours.
            version.is_some_and(|it| it.bytes().all(|c| c.is_ascii_digit() || c == b'-'))
                && matches!(Self::find(file), Ok(Some(place)) if place.recognised().is_ok())
        };
        let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten();
        let files = entries.flatten().map(|entry| path.with_file_name(entry.file_name()));
        let mut copies: Vec<PathBuf> = files.filter(|file| is_copy(file)).collect();
        copies.sort();
        copies
    }

    /// Creates an empty file, for its owner alone, unless another process was faster.
    pub(super) fn create(path: &Path) -> Result<(), StoreError> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(StoreError::Create { path: path.to_owned(), source: error })
            }
            _ => Ok(()),
        }
    }

    /// Opens the file to write to it, after it was recognised, and takes it from others' eyes: `SQLite` gives
    /// the files beside it the same permissions. An empty file becomes a store.
    ///
    /// Errors: it is no store, or it cannot be opened.
    pub(super) fn open(self) -> Result<Store, StoreError> {
        let wrong = |source| StoreError::Open { path: self.path.clone(), source };
        if self.real.metadata().map_err(wrong)?.len() > 0 {
            self.recognised()?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = self.real.metadata().map_err(wrong)?.permissions().mode();
            if mode & 0o077 != 0 {
                let owners = std::fs::Permissions::from_mode(mode & 0o700);
                std::fs::set_permissions(&self.real, owners).map_err(wrong)?;
            }
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.real, flags);
        let mut store = self.store(connection, None)?;
        schema::prepare(&mut store)?;
        store.witness = Some(Witness::new(&self.real));
        Ok(store)
    }

    /// Opens the file to read it, with the tables of this version, and creates nothing beside it. The flag is
    /// that of [`connect_to_read`](Self::connect_to_read).
    ///
    /// Errors: it is no store, or it cannot be read.
    fn open_to_read(&self) -> Result<(Store, bool), StoreError> {
        match self.recognised()? {
            (StoreForm::Current, store, is_fixed) => Ok((store, is_fixed)),
            (StoreForm::Earlier(_), store, is_fixed) => Ok((store.copied()?, is_fixed)),
            (StoreForm::Empty, ..) => Err(self.not_a_store("it is an empty database")),
        }
    }

    /// The form of the file, with a connection that only reads.
    ///
    /// Errors: it is neither a store nor an empty database, or it cannot be read.
    fn recognised(&self) -> Result<(StoreForm, Store, bool), StoreError> {
        let mut start = Vec::new();
        let file = std::fs::File::open(&self.real);
        file.and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start))
            .map_err(|source| self.unreadable(source))?;
        if start.is_empty() {
            return Err(self.not_a_store("it is empty"));
        }
        if start != MAGIC {
            return Err(self.not_a_store("it is no SQLite database"));
        }
        let (store, is_fixed) = self.connect_to_read()?;
        Ok((schema::recognise(&store)?, store, is_fixed))
    }

    fn not_a_store(&self, why: &str) -> StoreError {
        StoreError::NotAStore { path: self.path.clone(), why: why.to_owned() }
    }

    /// A connection that only reads; the flag is true if it takes the file for one that nobody changes.
    fn connect_to_read(&self) -> Result<(Store, bool), StoreError> {
        let read = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let length = |ending| self.beside(ending).metadata().map_or(0, |it| it.len());
        let has_index = self.beside("-shm").exists();
        if length("-journal") == 0 && !self.beside("-wal").exists()
            || length("-journal") + length("-wal") == 0 && !has_index
        {
            // Nobody has it open. Any other way of opening a file with a log creates that log.
            let uri = format!("file:{}?immutable=1", escaped(&self.real));
            let connection = Connection::open_with_flags(uri, read | OpenFlags::SQLITE_OPEN_URI);
            return Ok((self.store(connection, None)?, true));
        }
        if length("-journal") == 0 && has_index {
            let store = self.store(Connection::open_with_flags(&self.real, read), None)?;
            let can_read = |it: &Store| {
                it.connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
            };
            if can_read(&store).is_ok() {
                return Ok((store, false));
            }
        }
        // A log that a crash has left: `SQLite` would write to recover it, which a copy allows.
        let copy = |copied: &Path| {
            std::fs::copy(&self.real, copied)?;
            for ending in ["-wal", "-journal"] {
                let beside = self.beside(ending);
                if beside.exists() {
                    std::fs::copy(beside, with_ending(copied, ending))?;
                }
            }
            Ok(())
        };
        let folder = tempfile::tempdir().map_err(|source| self.unreadable(source))?;
        let copied = folder.path().join("store.sqlite");
        copy(&copied).map_err(|source| self.unreadable(source))?;
        Ok((self.store(Connection::open(copied), Some(folder))?, false))
    }

    fn unreadable(&self, source: std::io::Error) -> StoreError {
        StoreError::Open { path: self.path.clone(), source }
    }

    fn store(
        &self,
        connection: rusqlite::Result<Connection>,
        copy: Option<TempDir>,
    ) -> Result<Store, StoreError> {
        let prepared = connection.and_then(|it| it.busy_handler(Some(super::wait)).map(|()| it));
        let path = self.path.clone();
        match prepared {
            Ok(connection) => Ok(Store { path, connection, witness: None, copy }),
            Err(source) => Err(StoreError::Sqlite { path, source }),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        with_ending(&self.real, ending)
    }

    fn fingerprint(&self) -> Fingerprint {
        let of = |file: PathBuf| file.metadata().ok().map(|it| (it.len(), it.modified().ok()));
        Fingerprint([of(self.real.clone()), of(self.beside("-wal"))])
    }

    /// Reads by `read`, again where another process changed the file meanwhile.
    pub(super) fn read<T, E: From<StoreError>>(
        &self,
        mut read: impl FnMut(&Store) -> Result<T, E>,
    ) -> Result<T, E> {
        for reading in 1.. {
            let before = self.fingerprint();
            let (store, is_fixed) = self.open_to_read()?;
            let found = read(&store);
            if !is_fixed || reading == MOST_READINGS || self.fingerprint() == before {
                return found;
            }
        }
        unreachable!("the last reading counts")
    }
}

impl Store {
    /// The same in a private copy with the tables of this version.
    fn copied(self) -> Result<Self, StoreError> {
        let wrong = |source| StoreError::Open { path: self.path.clone(), source };
        let folder = tempfile::tempdir().map_err(wrong)?;
        let copied = folder.path().join("store.sqlite");
        let vacuum = |copied: &Path| {
            let into = copied.to_string_lossy();
            self.connection.execute("VACUUM INTO ?1", [into])?;
            Connection::open(copied)
        };
        let connection = vacuum(&copied).map_err(|source| self.sqlite(source))?;
        let mut store = Self { path: self.path, connection, witness: None, copy: Some(folder) };
        schema::migrate(&mut store)?;
        Ok(store)
    }
}

impl Witness {
    fn new(real: &Path) -> Self {
        let of = |path: &Path| path.metadata().ok().as_ref().and_then(file_id);
        let log = Cell::new(of(&with_ending(real, "-wal")));
        Self { real: real.to_owned(), main: of(real), log }
    }

    /// True if other processes find under its name the file and the log that this one has open.
    pub(super) fn is_in_place(&self) -> bool {
        let found = |path: &Path| path.metadata().ok().filter(Metadata::is_file);
        let (main, log) = (found(&self.real), found(&with_ending(&self.real, "-wal")));
        let (Some(main), Some(log)) = (main.filter(|it| it.len() > 0), log) else { return false };
        let log = file_id(&log);
        if self.log.get().is_none() {
            self.log.set(log);
        }
        file_id(&main) == self.main && log == self.log.get()
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such numbers")]
fn file_id(of: &Metadata) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    Some((of.dev(), of.ino()))
}

#[cfg(not(unix))]
fn file_id(_: &Metadata) -> Option<FileId> {
    None
}

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// A path as part of a URI. Source: <https://www.sqlite.org/uri.html>.
fn escaped(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn in_words(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() { "a folder" } else { "no regular file" }
}
