//! Read-only look-ups: the same few made-up entries in every organisation, as JSON.

use crate::api::{Category, Endpoint};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Answers by path template.
static ANSWERS: LazyLock<BTreeMap<&'static str, &'static RawValue>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("look_ups.json")).expect("the built-in answers are JSON")
});

/// The answer to a look-up at `endpoint`.
pub(crate) fn look_up(endpoint: Endpoint) -> &'static str {
    ANSWERS[endpoint.template()].get()
}

/// The groups of custom fields of `component`: one for the fields of accounts.
pub(crate) fn groups(component: Category) -> &'static str {
    if component == Category::Account { look_up(Endpoint::ListGroups) } else { "[]" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::LookUp;

    #[test]
    fn each_look_up_has_an_answer() {
        let answered = Endpoint::ALL
            .into_iter()
            .filter(|it| LookUp::new(*it).is_some() && *it != Endpoint::ListWebhooks);
        assert_eq!(
            answered.filter(|endpoint| !look_up(*endpoint).is_empty()).count() + 1,
            ANSWERS.len()
        );
        assert!(look_up(Endpoint::ListGroups).contains(crate::dataset::GROUP_ID));
    }
}
