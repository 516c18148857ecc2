//! `journal`: the store can be written, has room for the journal, a run that is killed is resumed by it, and the live
//! page of a run can be read.

use super::{Item, ItemStage};
use crate::live::page_answers;
use crate::preflight::ItemResult;
use crate::preflight::host::free_bytes;
use crate::preflight::killed::{Hardship, killed_and_resumed};
use crate::preflight::subject::{Preflight, PreflightError};
use crate::store::Store;
use crate::text::{mib, plural};
use std::path::Path;

pub(super) const ITEM: Item = Item {
    name: "journal",
    question: "Is there a journal with room for it, and does a killed run resume by it?",
    stage: ItemStage::Free,
    is_sized: true,
    reads: 0,
    run,
};

/// Accounts of the run that is killed.
const ACCOUNTS: u64 = 60;

/// Bytes that a store takes whatever it holds: tables, its log of 1,000 pages, and the record of a run.
const FIXED_BYTES: u64 = 6 << 20;

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let mut result = ItemResult::pass("");
    let store = match subject.store {
        Some(path) if subject.keeps_journal => path,
        store => {
            let flag = if store.is_none() { "--no-store" } else { "--no-journal" };
            result.fail(format!(
                "there is no journal ({flag}): a run that breaks off cannot be resumed, verified or undone"
            ));
            return Ok(result);
        }
    };
    let opened = Store::open(store).and_then(|store| store.check_in_place());
    if let Err(error) = opened {
        result.fail(format!("the store cannot be used: {}", PreflightError::of(&error)));
        return Ok(result);
    }
    let migration = subject.migration()?;
    let beside = store.parent().filter(|folder| !folder.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    let folder = tempfile::tempdir_in(beside)?;
    let part = migration.scenario.part(ACCOUNTS);
    let hardship = Hardship { kills: 1, withdraws_key: false };
    let killed = killed_and_resumed(&part, &migration.settings, hardship, folder.path())?;
    let accounts = migration.scenario.expected_resources();
    let needed = FIXED_BYTES + (killed.bytes_per_account * accounts as f64) as u64;
    let resumed = if killed.kills > 0 { "a killed run resumes" } else { "no run was killed" };
    result.summary =
        format!("{resumed}; {} need {} of journal", plural(accounts, "account"), mib(needed));
    killed.judge(hardship, &mut result);
    let free = free_bytes(beside);
    let mut result = result
        .with("bytes_per_account", killed.bytes_per_account.round())
        .with("bytes_needed", needed)
        .with("bytes_free", free)
        .with("killed_run", killed.evidence());
    let page = page_answers();
    result = result.with("live_page", page.is_ok());
    if let Err(why) = page {
        result.warn(format!("the live page of a run (--live) cannot be read here: {why}"));
    }
    match free {
        Some(free) if free < needed => result.fail(format!(
            "the disk of {} has {} free, and the journal needs {}",
            store.display(),
            mib(free),
            mib(needed)
        )),
        Some(free) if free < 2 * needed => result.warn(format!(
            "the disk of {} has {} free, less than twice the {} that the journal needs",
            store.display(),
            mib(free),
            mib(needed)
        )),
        Some(_) => {}
        None => result.remark("this system does not tell how much room the disk has"),
    }
    Ok(result)
}
