//! Files that the user names.

use super::error::CliError;
use neon_mock::api::CustomField;
use neon_mock::bounds::{Bounds, DATA_BYTES, FILE_BYTES};
use neon_mock::file::{decoded, read_within};
use std::fs::{File, OpenOptions, Permissions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile, TempDir};

/// The text of a file that people write, in UTF-8 or UTF-16.
///
/// Errors: the file cannot be read, is neither, or is larger than people write.
pub(super) fn read(path: &Path) -> Result<String, CliError> {
    text_of(path, &FILE_BYTES)
}

/// The text of a file that machines write, such as a recording.
///
/// Errors: as those of [`read`], with more room.
pub(super) fn read_data(path: &Path) -> Result<String, CliError> {
    text_of(path, &DATA_BYTES)
}

/// The bytes of a file, if they are within `bounds`.
pub(super) fn bytes(path: &Path, bounds: &Bounds<u64>) -> std::io::Result<Vec<u8>> {
    read_within(File::open(path)?, bounds)
}

fn text_of(path: &Path, bounds: &Bounds<u64>) -> Result<String, CliError> {
    let text = bytes(path, bounds).and_then(|bytes| {
        let neither = |_| std::io::Error::other("it is neither UTF-8 nor UTF-16");
        decoded(bytes).map_err(neither)
    });
    text.map_err(|source| CliError::Read { path: path.to_owned(), source })
}

/// Writes `text` to `path`, or leaves what stands there. A device or a pipe is written to as it is.
///
/// Errors: the file cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    Output::prepare(path, Readers::All)?.write(text)
}

/// Finds out whether `path` can be written, before the work for it begins.
///
/// Errors: it is a folder, or no file can be made there.
pub(super) fn check(path: Option<&Path>) -> Result<(), CliError> {
    path.map_or(Ok(()), |path| Output::prepare(path, Readers::All).map(drop))
}

/// The ones who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// The users that the system allows, or that could read the file before.
    All,
    /// Its owner alone.
    Owner,
}

/// A file that is about to be written. Its text takes its place when it is whole, so that a full disk leaves
/// no half of a file, and an earlier file stays until then.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    place: OutputPlace,
}

#[derive(Debug)]
enum OutputPlace {
    /// A regular file: written beside it first, since a rename is atomic only within one file system.
    File { beside: NamedTempFile, real: PathBuf },
    /// A device, a pipe, or a stream of this process.
    Stream,
}

impl Output {
    /// Finds out whether `path` can be written.
    ///
    /// Errors: it is a folder, or no file can be made there.
    pub(super) fn prepare(path: &Path, readers: Readers) -> Result<Self, CliError> {
        let wrong = |source| CliError::Write { path: path.to_owned(), source };
        let place = OutputPlace::find(path, readers).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), place })
    }

    /// Writes `text`, whole or not at all.
    ///
    /// Errors: it cannot be written.
    pub(super) fn write(self, text: &str) -> Result<(), CliError> {
        self.fill(text)?.keep()
    }

    /// Writes `text` beside its place.
    ///
    /// Errors: it cannot be written.
    pub(super) fn fill(mut self, text: &str) -> Result<Self, CliError> {
        let written = match &mut self.place {
            OutputPlace::File { beside, .. } => beside.write_all(text.as_bytes()),
            OutputPlace::Stream => write_stream(&self.path, text),
        };
        written.map_err(|source| CliError::Write { path: self.path.clone(), source })?;
        Ok(self)
    }

    /// Puts the text into its place.
    ///
    /// Errors: it cannot be put there.
    pub(super) fn keep(self) -> Result<(), CliError> {
        let OutputPlace::File { beside, real } = self.place else { return Ok(()) };
        let kept = beside.persist(real);
        kept.map(drop).map_err(|it| CliError::Write { path: self.path, source: it.error })
    }
}

impl OutputPlace {
    fn find(path: &Path, readers: Readers) -> std::io::Result<Self> {
        // A link is followed, so that it stays one; the streams of this process are links that only look like it.
        let is_of_system = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
        let here = path.metadata();
        let real = match &here {
            Ok(found) if found.is_dir() => return Err(std::io::ErrorKind::IsADirectory.into()),
            Ok(found) if is_of_system || !found.is_file() => return Ok(Self::Stream),
            Ok(_) => {
                // A rename would replace a file that nobody may write to.
                OpenOptions::new().append(true).open(path)?;
                path.canonicalize()?
            }
            Err(_) if path.is_symlink() => {
                return Err(std::io::Error::other("it is a link to a file that is not there"));
            }
            Err(_) => path.to_owned(),
        };
        let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut builder = Builder::new();
        builder.prefix(".neonbench-").suffix(".partial");
        if let Some(permissions) = permissions(readers, here.ok().map(|it| it.permissions())) {
            builder.permissions(permissions);
        }
        Ok(Self::File { beside: builder.tempfile_in(folder)?, real })
    }
}

/// Permissions of a new file for `readers`, in the place of one that had those of `earlier`.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such permissions")]
fn permissions(readers: Readers, earlier: Option<Permissions>) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    // The system takes from them what the user's umask excludes.
    let all = || earlier.unwrap_or_else(|| Permissions::from_mode(0o666));
    Some(if readers == Readers::Owner { Permissions::from_mode(0o600) } else { all() })
}

#[cfg(not(unix))]
fn permissions(_: Readers, _: Option<Permissions>) -> Option<Permissions> {
    None
}

/// Writes to something that is no regular file. Standard output and error are those of this process: opened
/// anew, a file behind them would be written from its start.
fn write_stream(path: &Path, text: &str) -> std::io::Result<()> {
    match path.to_str() {
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => {
            let mut stdout = std::io::stdout();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        }
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => {
            std::io::stderr().write_all(text.as_bytes())
        }
        _ => OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes()),
    }
}

/// Removes the file at `path` if it is still the one that `text` was written to.
pub(super) fn remove_own(path: &Path, text: &str) {
    let is_file = path.symlink_metadata().is_ok_and(|it| it.is_file());
    if is_file && std::fs::read_to_string(path).is_ok_and(|found| found == text) {
        // Somebody may have taken it meanwhile.
        let _ = std::fs::remove_file(path);
    }
}

/// Creates a folder, and those above it.
///
/// Errors: it cannot be created.
pub(super) fn create_folder(path: &Path) -> Result<(), CliError> {
    let wrong = |source| CliError::Folder { path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(wrong)
}

/// Finds out whether a folder can be made at `path`, before the work for it begins.
///
/// Errors: something stands there that is no empty folder, or nothing can be made beside it.
pub(super) fn check_new_folder(path: &Path) -> Result<(), CliError> {
    if path.symlink_metadata().is_ok() {
        let is_empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if !is_empty {
            return Err(CliError::usage(format!(
                "{} exists: name a new folder, so that no file of an earlier export is taken for one of this",
                path.display()
            )));
        }
    }
    folder_beside(path).map(drop)
}

/// Writes files of these names and texts into the new folder `path`, which appears with all of them or not at all.
/// Only the owner may read them.
///
/// Errors: a file cannot be written, or something stands at `path` meanwhile.
pub(super) fn write_new_folder(path: &Path, files: &[(String, String)]) -> Result<(), CliError> {
    let beside = folder_beside(path)?;
    for (name, text) in files {
        Output::prepare(&beside.path().join(name), Readers::Owner)?.write(text)?;
    }
    let wrong = |source| CliError::Folder { path: path.to_owned(), source };
    // A rename takes the place of an empty folder on Unix alone.
    if path.is_dir() {
        std::fs::remove_dir(path).map_err(wrong)?;
    }
    std::fs::rename(beside.path(), path).map_err(wrong)?;
    // It has moved: nothing is left to remove.
    drop(beside.keep());
    Ok(())
}

/// An empty folder beside `path`, which only the owner may enter; it goes when it is dropped.
fn folder_beside(path: &Path) -> Result<TempDir, CliError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = Builder::new();
    builder.prefix(".neonbench-").suffix(".partial");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let made = builder.tempdir_in(parent.unwrap_or(Path::new(".")));
    made.map_err(|source| CliError::Folder { path: path.to_owned(), source })
}

/// The fields in a saved answer of `GET /customFields?category=Account`.
///
/// Errors: the file cannot be read, or is no such answer.
pub(super) fn custom_fields(path: &Path) -> Result<Vec<CustomField>, CliError> {
    serde_json::from_str(&read_data(path)?).map_err(|error| {
        CliError::usage(format!(
            "{}: {error}: expected the response to GET /customFields?category=Account, which is an array",
            path.display()
        ))
    })
}
