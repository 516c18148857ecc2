//! `access`: the key reads what the migration reads.

use super::{Item, ItemStage};
use crate::preflight::ItemResult;
use crate::preflight::subject::{Preflight, PreflightError};
use neon_mock::api::Request;

pub(super) const ITEM: Item = Item {
    name: "access",
    question: "May the key read field definitions, searches and accounts?",
    stage: ItemStage::Reads,
    is_sized: false,
    reads: 1,
    run,
};

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    // Anything but an answer ends here: no other item can be judged then.
    let definitions = match subject.definitions() {
        Ok(definitions) => definitions,
        Err(error) => {
            let mut result = ItemResult::pass("the field definitions cannot be read");
            result.fail(error.to_string());
            return Ok(result);
        }
    };
    let org_id = &subject.place.target.org_id;
    let mut result = ItemResult::pass(format!(
        "the key of organisation `{org_id}` reads definitions, searches and accounts"
    ))
    .with("org_id", org_id.clone())
    .with("field_definitions", definitions.len());
    let first = match subject.snapshot() {
        Ok(snapshot) => snapshot.accounts.first().map(|account| account.id),
        Err(PreflightError::Blocked(_)) => None,
        Err(error) => {
            result.fail(format!("accounts cannot be searched: {error}"));
            return Ok(result);
        }
    };
    let Some(first) = first else { return Ok(result) };
    let status = subject.reader.response(&Request::GetAccount(first))?.status;
    if status.0 == 403 {
        result
            .fail(format!("account {first} cannot be read: the key's user has no right to (403)"));
    } else if !status.is_success() {
        result.warn(format!("account {first} cannot be read: the server answers {}", status.0));
    }
    result.evidence.insert("account_status".to_owned(), status.0.into());
    Ok(result)
}
