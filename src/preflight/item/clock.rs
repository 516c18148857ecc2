//! `clock`: this machine and the server agree on the time, by which edits are told from one another.

use super::{Item, ItemStage};
use crate::preflight::ItemResult;
use crate::preflight::subject::{Preflight, PreflightError};
use crate::text::duration;

pub(super) const ITEM: Item = Item {
    name: "clock",
    question: "Do this machine and the server agree on the time?",
    stage: ItemStage::Reads,
    is_sized: false,
    reads: 1,
    run,
};

/// Seconds of difference: from where people should know, and from where the window and the stamps of edits mislead.
const APART_S: (i64, i64) = (10, 120);

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let sent = subject.host.now_unix_s();
    let answer = subject.reader.get("/customFields?category=Account")?;
    let received = subject.host.now_unix_s();
    let Some(theirs) = answer.date_unix_s.and_then(|date| i64::try_from(date).ok()) else {
        return Ok(ItemResult::unknown("the server does not say what time it is"));
    };
    let apart = theirs - theirs.clamp(sent, received.max(sent));
    let words = match apart {
        0 => "the clocks agree".to_owned(),
        apart if apart > 0 => format!("the server is {} ahead", duration(apart as f64)),
        apart => format!("the server is {} behind", duration(-apart as f64)),
    };
    let mut result = ItemResult::pass(words.clone()).with("server_ahead_s", apart);
    if apart.abs() > APART_S.1 {
        result.fail(format!("{words}: set this machine's clock, or ask Neon"));
    } else if apart.abs() > APART_S.0 {
        result.warn(words);
    }
    Ok(result)
}
