//! Everything that a judged command started, and its end.
//!
//! On Linux this process adopts the orphans of its command (`PR_SET_CHILD_SUBREAPER`), so that none escapes by a
//! session of its own or a double fork. Elsewhere the process group of the command is all that can be found.
//! Deliberately absent: the death of this process by SIGKILL, which ends nothing else.

/// Adopts, from now on, what the commands of this process leave behind.
#[cfg(target_os = "linux")]
pub(super) fn adopt() {
    // An old kernel that cannot leaves the process group, which is ended anyway.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Kills every child of this process, and theirs, which become its children by that.
#[cfg(target_os = "linux")]
pub(super) fn end_all() {
    use rustix::process::{Signal, WaitOptions, kill_process, waitpid};
    /// A command that starts others faster than this finds them is given up.
    const ROUNDS: u32 = 1_000;
    for _ in 0..ROUNDS {
        let children = children();
        if children.is_empty() {
            return;
        }
        for child in children {
            // Both fail if it has ended meanwhile.
            let _ = kill_process(child, Signal::KILL);
            let _ = waitpid(Some(child), WaitOptions::NOHANG);
        }
        std::thread::yield_now();
    }
}

/// The children of this process, by the fourth word of each process's line in `/proc`.
#[cfg(target_os = "linux")]
fn children() -> Vec<rustix::process::Pid> {
    use rustix::process::Pid;
    let own = std::process::id();
    let child = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read(entry.path().join("stat")).ok()?;
        // The second word is the name, in brackets, and may be anything.
        let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
        let rest = String::from_utf8_lossy(&stat[after_name..]);
        let parent: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        (parent == own).then(|| Pid::from_raw(id)).flatten()
    };
    std::fs::read_dir("/proc").into_iter().flatten().filter_map(child).collect()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn adopt() {}

#[cfg(not(target_os = "linux"))]
pub(super) fn end_all() {}
