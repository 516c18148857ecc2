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

/// The result of `work`, and the most bytes of memory that this process took meanwhile, what it held before included;
/// `None` if the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn peak_memory<R>(work: impl FnOnce() -> R) -> Option<(R, u64)> {
    // 5 resets the peak. Source: proc_pid_clear_refs(5).
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    let result = work();
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some((result, kib(&status, "VmHWM:")?))
}

/// The result of `work`, and the most bytes of memory that this process took meanwhile, what it held before included;
/// `None` if the system does not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn peak_memory<R>(_: impl FnOnce() -> R) -> Option<(R, u64)> {
    None
}

/// Bytes of the line `name` of a file below `/proc`, which counts in KiB.
#[cfg(target_os = "linux")]
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The least of the limits on the memory of this process, and its name; `None` if the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn memory_limit() -> Option<(u64, &'static str)> {
    use rustix::process::{Resource, getrlimit};
    let file = |path: &str| std::fs::read_to_string(path).ok();
    let number = |path: &str| file(path)?.trim().parse::<u64>().ok();
    // A container sees its own group at the root.
    let own = file("/proc/self/cgroup")
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("0::").map(str::to_owned)));
    let own = own.unwrap_or_default();
    let group = number(&format!("/sys/fs/cgroup{}/memory.max", own.trim_end_matches('/')))
        .or_else(|| number("/sys/fs/cgroup/memory.max"))
        .or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    let limit = |resource| getrlimit(resource).current;
    let info = file("/proc/meminfo").unwrap_or_default();
    let status = file("/proc/self/status").unwrap_or_default();
    let free = kib(&info, "MemAvailable:").map(|free| free + kib(&status, "VmRSS:").unwrap_or(0));
    [
        (group, "the limit of the control group"),
        (limit(Resource::Rss), "the limit of the process, `ulimit -m`"),
        (limit(Resource::Data), "the limit of the process, `ulimit -d`"),
        (limit(Resource::As), "the limit of the process, `ulimit -v`"),
        (free, "free on this machine"),
    ]
    .into_iter()
    .filter_map(|(bytes, name)| Some((bytes?, name)))
    .min_by_key(|(bytes, _)| *bytes)
}

/// The least of the limits on the memory of this process, and its name; `None` if the system does not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn memory_limit() -> Option<(u64, &'static str)> {
    None
}
