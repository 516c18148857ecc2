//! Files that the user names.

use super::error::CliError;
use std::path::Path;

/// The text of a file that the user named.
///
/// Errors: the file cannot be read, or is no UTF-8.
pub(super) fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| CliError::Read { path: path.to_owned(), source })
}
