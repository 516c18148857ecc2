//! `notice`: colleagues are told, and the webhooks that the migration sets off are known.

use super::advice::{SIMULATED_ACCOUNTS, runs};
use super::quiet::stamp;
use super::{Item, ItemStage};
use crate::preflight::ItemResult;
use crate::preflight::notice::{AnnouncedHook, Notice, SimulatedEcho};
use crate::preflight::subject::{Preflight, PreflightError};
use neon_mock::file::DurationText;
use neon_mock::integration::WireIntegration;
use neonbench_engine::engine::limiter::ExpectedEcho;
use serde_json::Value;
use std::num::NonZeroU32;

pub(super) const ITEM: Item = Item {
    name: "notice",
    question: "Are colleagues told, and is it known which webhooks are set off?",
    stage: ItemStage::Reads,
    is_sized: false,
    reads: 1,
    run,
};

/// Name of the note.
const FILE: &str = "notice.md";

/// Time from a delivery until a receiver calls, where its profile does not say.
const DELAY: DurationText = DurationText(std::time::Duration::from_millis(500));

/// Share of the integrations' calls that is refused in simulated runs, where `hooks` receivers answer each write.
///
/// A profile with integrations says how they call. Else each receiver is taken to read the account back once, and
/// not to try again, as one that is published does; a mock's account has at most three such readers.
fn simulated_echo(
    subject: &mut Preflight<'_>,
    hooks: usize,
) -> Result<Option<SimulatedEcho>, PreflightError> {
    if hooks == 0 {
        return Ok(None);
    }
    let migration = subject.migration()?;
    let mut scenario = migration.scenario.part(SIMULATED_ACCOUNTS);
    let calls = hooks.min(3) as u32;
    let read_back = WireIntegration { calls, delay: DELAY, patience: 0 };
    let integration = scenario.profile.integration().cloned().unwrap_or_else(|| {
        scenario.profile = scenario.profile.with_integration(read_back.clone());
        read_back
    });
    let calls = NonZeroU32::new(integration.calls).unwrap_or(NonZeroU32::MIN);
    let echo = ExpectedEcho::new(calls, integration.delay.0);
    let refused_share = runs(&scenario, &migration.settings)?.runs.echo_refused_share();
    Ok(Some(SimulatedEcho { echo, refused_share }))
}

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let makespan_s = subject.forecast()?.makespan_s;
    let accounts = subject.snapshot()?.accounts.len() as u64;
    let answer = subject.reader.get("/webhooks");
    let (hooks, remark) = match &answer {
        Ok(answer) if answer.status == 200 => {
            let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            (json.is_array().then(|| AnnouncedHook::list(&json)), None)
        }
        Ok(answer) if answer.status == 404 => {
            (Some(Vec::new()), Some("the server has no GET /webhooks (404)".to_owned()))
        }
        Ok(answer) => (None, Some(format!("GET /webhooks: the server answered {}", answer.status))),
        Err(error) => (None, Some(error.to_string())),
    };
    let set_off = hooks.iter().flatten().filter(|hook| hook.is_set_off()).count();
    // Without this figure, the note is written all the same.
    let (refused, not_simulated) = match simulated_echo(subject, set_off) {
        Ok(refused) => (refused, None),
        Err(error) => (None, Some(format!("the integrations' calls were not simulated: {error}"))),
    };
    let migration = subject.migration()?;
    let mappings = subject.plan.mappings.len() as u64;
    let until = subject.until_unix_s.map(|until| format!("{} UTC", stamp(until)));
    let notice = Notice {
        plan: subject.plan,
        organisation: &subject.place.target.org_id,
        accounts,
        writes_per_account: migration.settings.strategy.record_calls_per_account(mappings) / 2,
        makespan_s,
        until: until.as_deref(),
        told: subject.told,
        undo: "neonbench undo RUN",
        hooks: hooks.as_deref(),
        refused,
    };
    let mut result = notice.result();
    result.findings.extend(remark);
    if let Some(words) = not_simulated {
        result.warn(words);
    }
    let path = subject.folder.join(FILE);
    match subject.host.write(&path, &notice.to_markdown()) {
        Ok(()) => {
            let file = path.display().to_string();
            result.remark(format!("the notice is {file}"));
            result.evidence.insert("file".to_owned(), file.into());
        }
        Err(error) => result.warn(error.to_string()),
    }
    Ok(result)
}
