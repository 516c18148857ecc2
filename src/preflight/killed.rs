//! A simulated run that is killed and resumed, by the journal and the ledger of a real store.

use super::subject::PreflightError;
use super::{ItemResult, ItemStatus};
use crate::store::{Claimant, Header, ProcessIdentity, ProfileText, RunState, Site, Store};
use crate::text::plural;
use neon_mock::api::AccountId;
use neon_mock::fault::FaultKind;
use neonbench_engine::audit::{Claims, compare};
use neonbench_engine::engine::{Job, Settings};
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::journal::AccountStatus;
use neonbench_engine::record::ChosenBy;
use neonbench_engine::run::{SimulatedServer, resources};
use neonbench_engine::scenario::Scenario;
use std::cell::Cell;
use std::path::Path;

/// Result of a run that was killed and resumed, by the server's truth.
#[derive(Clone, Debug, Default)]
pub(super) struct KilledRun {
    /// Kills that hit the run before its end.
    pub(super) kills: u32,
    /// Accounts of the run.
    pub(super) accounts: u64,
    /// Accounts that failed or stayed in doubt, with the reasons of the first.
    pub(super) failed: u64,
    /// Reasons of the first of them.
    pub(super) reasons: Vec<String>,
    /// Accounts without a verdict.
    pub(super) unaccounted: u64,
    /// Accounts that are not in the state that the plan demands.
    pub(super) mismatched: u64,
    /// Writes that were carried out twice.
    pub(super) repeated: u64,
    /// True if the run ended at once while its key was withdrawn.
    pub(super) key_was_refused: bool,
    /// Bytes of the store per account.
    pub(super) bytes_per_account: f64,
}

impl KilledRun {
    /// Fails `result` for lost accounts, wrong values, repeated writes and a withdrawn key that was not noticed. It is
    /// unknown where no kill met the run, and a warning where some did not.
    pub(super) fn judge(&self, hardship: Hardship, result: &mut ItemResult) {
        if self.kills < hardship.kills {
            let status = if self.kills == 0 { ItemStatus::Unknown } else { ItemStatus::Warn };
            let kills = plural(hardship.kills.into(), "kill");
            let met = format!("of {kills} {} met the run before its end", self.kills);
            result.find(status, met);
        }
        if hardship.withdraws_key && !self.key_was_refused && self.kills > 0 {
            result.fail("the run went on while its key was withdrawn");
        }
        let faults = [
            (self.unaccounted, "account", "no verdict"),
            (self.repeated, "write", "been made twice"),
            (self.mismatched, "account", "another state than the plan demands"),
        ];
        for (count, noun, what) in faults.into_iter().filter(|(count, ..)| *count > 0) {
            let have = if count == 1 { "has" } else { "have" };
            result
                .fail(format!("{} {have} {what} after kills and resumptions", plural(count, noun)));
        }
    }

    /// The figures.
    pub(super) fn evidence(&self) -> serde_json::Value {
        let Self { accounts, kills, failed, unaccounted, repeated, mismatched, .. } = self;
        serde_json::json!({
            "accounts": accounts, "kills": kills, "key_was_refused": self.key_was_refused, "failed": failed,
            "unaccounted": unaccounted, "repeated_writes": repeated, "mismatched": mismatched,
        })
    }
}

/// Reasons that are named.
const NAMED: usize = 5;

/// Counts the writes of a life.
struct WriteCounter<'a>(&'a Cell<u64>);

impl Observer for WriteCounter<'_> {
    fn observe(&mut self, event: &Event) {
        if matches!(event, Event::Written { .. }) {
            self.0.set(self.0.get() + 1);
        }
    }
}

/// Troubles of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hardship {
    /// Kills in the middle of it.
    pub(super) kills: u32,
    /// True if the key is withdrawn once, and given again.
    pub(super) withdraws_key: bool,
}

/// Runs `scenario` in virtual time, killed in the middle and resumed, with a store in `folder`.
///
/// Errors: the store cannot be used, or the run could not go on.
pub(super) fn killed_and_resumed(
    scenario: &Scenario,
    settings: &Settings,
    Hardship { kills, withdraws_key }: Hardship,
    folder: &Path,
) -> Result<KilledRun, PreflightError> {
    let settings = Settings { dry_run: false, ..settings.clone() };
    let neon = scenario.neon(settings.seed);
    let ids = scenario.selected(neon.organisation());
    let path = folder.join("killed.sqlite");
    let mut store = Store::open(&path)?;
    let empty = size_of(&path);
    let process = ProcessIdentity::default();
    let claimant = Claimant {
        verb: "preflight",
        process: &process,
        at_unix_s: 0,
        may_overlap: true,
        is_gone: |_| false,
    };
    let lease = store.begin(&header(scenario, &settings), Some(&ids), claimant)?;
    let server = SimulatedServer::new(neon);
    let mut found = KilledRun { accounts: ids.len() as u64, ..KilledRun::default() };
    for life in 0..=kills {
        let (ledger, written) = (store.ledger(lease.run)?, Cell::new(0));
        let span = (found.accounts / u64::from(kills + 1)).max(1);
        let goes_on = || life == kills || written.get() < span;
        let journal = store.journal(&lease)?;
        let job = Job::new(&scenario.plan, &settings, resources(scenario));
        let job = Job { journal: &journal, ledger: &ledger, ..job };
        found.kills += u32::from(!server.run(job, &goes_on, &mut WriteCounter(&written))?);
        if withdraws_key && life == 0 {
            server.fail_next(FaultKind::Unauthorized);
            let ledger = store.ledger(lease.run)?;
            let job = Job { ledger: &ledger, ..job };
            found.key_was_refused = server.run(job, &|| true, &mut WriteCounter(&written)).is_err();
        }
    }
    store.end(&lease, RunState::Finished, None)?;
    let ledger = store.ledger(lease.run)?;
    let mut failed: Vec<AccountId> = Vec::new();
    for &id in &ids {
        match ledger.get(id).and_then(|entry| entry.landed.as_ref()) {
            None => found.unaccounted += 1,
            Some((AccountStatus::Failed | AccountStatus::Ambiguous, reason)) => {
                failed.push(id);
                if found.reasons.len() < NAMED && !found.reasons.contains(reason) {
                    found.reasons.push(reason.clone());
                }
            }
            Some(_) => {}
        }
    }
    found.failed = failed.len() as u64;
    server.with(|neon| {
        let claims = Claims::Failed { failed: &failed, dry_run: false };
        found.mismatched = compare(scenario, neon, claims, &mut |_| {}).mismatched;
        found.repeated = neon.organisation().repeated_writes();
    });
    // Closed, a store has its log folded in, which is bounded otherwise.
    drop(store);
    let grown = size_of(&path).saturating_sub(empty);
    found.bytes_per_account = grown as f64 / (found.accounts.max(1)) as f64;
    Ok(found)
}

/// Bytes of a store.
fn size_of(store: &Path) -> u64 {
    store.metadata().map_or(0, |found| found.len())
}

/// The specification of a simulated run.
fn header(scenario: &Scenario, settings: &Settings) -> Header {
    Header {
        schema: Header::SCHEMA,
        scenario: scenario.name.clone(),
        plan: scenario.plan.clone(),
        accounts: scenario.accounts(),
        sample: None,
        dataset: scenario.dataset_source().cloned(),
        profile: ProfileText::built_in("documented").expect("it is built in"),
        settings: settings.clone(),
        chosen_by: ChosenBy::User,
        reason: "a preflight".to_owned(),
        site: Site::Virtual,
    }
}
