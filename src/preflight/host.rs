//! Figures of this machine: room on its disks, memory of this process and its limits.

use std::path::Path;

/// Bytes that this user may still write to the disk of `folder`; `None` if the system does not tell.
#[cfg(unix)]
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail * found.f_frsize)
}

/// Bytes that this user may still write to the disk of `folder`; `None` if the system does not tell.
#[cfg(not(unix))]
pub(super) fn free_bytes(_: &Path) -> Option<u64> {
    None
}
