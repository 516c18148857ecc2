//! Files that the user names.

use super::error::CliError;
use neon_mock::api::CustomField;
use neon_mock::bounds::{Bounds, DATA_BYTES, FILE_BYTES};
use neon_mock::file::{decoded, read_within};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

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

/// Writes `text` to `path`, or leaves what stands there.
///
/// Errors: the file cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    written(path, |beside| std::fs::write(beside, text))
}

/// The same, readable by its owner alone.
///
/// Errors: the file cannot be written.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), CliError> {
    written(path, |beside| {
        // A rest of an earlier try may be readable by others.
        let _ = std::fs::remove_file(beside);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(beside)?.write_all(text.as_bytes())
    })
}

fn written(path: &Path, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), CliError> {
    // Beside it first: a full disk leaves no half of a file under its name.
    let beside = path.with_extension("partial");
    let written = write(&beside).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|source| {
        // It is of no use, and may not be there.
        let _ = std::fs::remove_file(&beside);
        CliError::Write { path: path.to_owned(), source }
    })
}

/// Creates a folder, and those above it.
///
/// Errors: it cannot be created.
pub(super) fn create_folder(path: &Path) -> Result<(), CliError> {
    let wrong = |source| CliError::Folder { path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(wrong)
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
