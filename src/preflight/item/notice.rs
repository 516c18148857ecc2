//! `notice`: colleagues are told, and the webhooks that the migration sets off are known.

use super::{Item, Stage};
use crate::preflight::ItemResult;
use crate::preflight::notice::{AnnouncedHook, Notice};
use crate::preflight::subject::{Preflight, PreflightError};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

pub(super) const ITEM: Item = Item {
    name: "notice",
    question: "Are colleagues told, and is it known which webhooks are set off?",
    stage: Stage::Reads,
    is_sized: false,
    reads: 1,
    run,
};

/// Name of the note.
const FILE: &str = "notice.md";

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
    let until = subject.until_unix_s.map(|until| {
        let until = OffsetDateTime::UNIX_EPOCH + Duration::seconds(until);
        format!("{} {:02}:{:02} UTC", until.date(), until.hour(), until.minute())
    });
    let notice = Notice {
        plan: subject.plan,
        organisation: &subject.place.target.org_id,
        accounts,
        makespan_s,
        from: None,
        until: until.as_deref(),
        contact: None,
        told: subject.told,
        undo: "neonbench undo",
        hooks: hooks.as_deref(),
        refused_share: None,
    };
    let mut result = notice.result();
    result.findings.extend(remark);
    let path = subject.folder.join(FILE);
    match subject.host.write(&path, &notice.to_markdown()) {
        Ok(()) => {
            result.evidence.insert("file".to_owned(), path.display().to_string().into());
        }
        Err(error) => result.warn(error.to_string()),
    }
    Ok(result)
}
