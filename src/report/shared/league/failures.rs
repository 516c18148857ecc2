//! The failures of a league's runs.

use super::StrategyRuns;
use serde::Serialize;
use std::collections::BTreeMap;

/// Failures that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ErrorGroup {
    pub endpoint: String,
    pub outcome: String,
    pub count: u64,
    pub accounts: Vec<String>,
    pub message: String,
    pub hint: String,
}

/// The failures of all runs, alike ones together, the most frequent first.
pub(crate) fn errors(league: &[StrategyRuns]) -> Vec<ErrorGroup> {
    /// Accounts that a group names.
    const NAMED: usize = 5;
    let mut groups: BTreeMap<(String, String, String), ErrorGroup> = BTreeMap::new();
    for error in league.iter().flat_map(|contender| &contender.runs).flat_map(|run| &run.errors) {
        let key = (error.endpoint.clone(), error.outcome.clone(), error.hint.clone());
        let group = groups.entry(key).or_insert_with(|| ErrorGroup {
            endpoint: error.endpoint.clone(),
            outcome: error.outcome.clone(),
            count: 0,
            accounts: Vec::new(),
            message: error.message.clone(),
            hint: error.hint.clone(),
        });
        group.count += 1;
        if group.accounts.len() < NAMED && !group.accounts.contains(&error.resource_id) {
            group.accounts.push(error.resource_id.clone());
        }
    }
    let mut groups: Vec<ErrorGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}
