//! Resident memory: what calls leave behind, and what a changed account costs.

use super::servers::Rival;
use super::support::{at_most, headline, is_part, sized};
use super::{ACCOUNTS, patch};
use neon_mock::Neon;
use neon_mock::api::FieldId;
use neon_mock::dataset::Dataset;
use neon_mock::org::{FIRST_FIELD_ID, Organisation};
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use std::fs;

/// The most that a million GETs may leave behind, in MB.
const BAR_GETS_MB: f64 = 5.0;

/// The most that an account with one changed field may cost, in bytes.
const BAR_ACCOUNT_BYTES: f64 = 400.0;

/// Resident memory of this process in bytes; `None` where the system does not report it.
fn rss_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kib| kib * 1024.0)
}

/// Prints both figures, unless the command line asks for a part of the benches.
///
/// To be called before anything else: memory that was freed before would be counted as none.
pub(crate) fn headlines() {
    if is_part() {
        return;
    }
    if let Some((gets, grown)) = of_gets() {
        headline(&format!(
            "mock over HTTP, memory: {gets} GETs leave {:.2} MB behind ({})",
            grown / 1e6,
            at_most(BAR_GETS_MB, grown / 1e6)
        ));
    }
    if let Some(bytes) = of_changed_accounts() {
        headline(&format!(
            "mock, memory: an account with one changed field takes {bytes:.0} bytes ({})\n",
            at_most(BAR_ACCOUNT_BYTES, bytes)
        ));
    }
}

fn of_gets() -> Option<(u64, f64)> {
    let mut shell = Rival::shell(true);
    // Warm up so that one-off allocations do not count: connections, histograms, the journal's ring.
    shell.drive(sized(5 * ACCOUNTS, 20));
    let before = rss_bytes()?;
    let gets = sized(1_000_000, 20);
    shell.drive(gets);
    Some((gets, rss_bytes()? - before))
}

fn of_changed_accounts() -> Option<f64> {
    let accounts = sized(200_000, 100);
    let dataset = Dataset::built_in("plain", 3).expect("a built-in dataset");
    let organisation = Organisation::new(&dataset, accounts, 1);
    let profile = Profile::built_in("unlimited").expect("a built-in profile");
    let mut neon = Neon::new(profile, organisation, 1);
    let before = rss_bytes()?;
    for id in 1..=accounts {
        neon.handle(Timestamp::ZERO, &patch(id, FieldId(FIRST_FIELD_ID), &["copper willow"]));
    }
    let grown = rss_bytes()? - before;
    assert_eq!(neon.organisation().changed_accounts() as u64, accounts);
    Some(grown / accounts as f64)
}
