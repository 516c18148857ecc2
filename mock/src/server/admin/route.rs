//! The admin routes, and their description in OpenAPI.

use serde_json::Value;

/// A route below the base path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Health,
    OpenApi,
    State,
    Counters,
    Histograms,
    Journal,
    Reset,
    Snapshot,
    Restore,
    Faults,
    Profile,
    Shutdown,
}

/// All but the version, which is the crate's.
const DESCRIPTION: &str = include_str!("openapi.json");

impl Route {
    /// All of them, those that only look first.
    pub(super) const ALL: [Self; 12] = [
        Self::Health,
        Self::OpenApi,
        Self::State,
        Self::Counters,
        Self::Histograms,
        Self::Journal,
        Self::Reset,
        Self::Snapshot,
        Self::Restore,
        Self::Faults,
        Self::Profile,
        Self::Shutdown,
    ];

    /// The route of a request; `None` if there is none.
    pub(super) fn of(verb: &str, path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| (route.verb(), route.path()) == (verb, path))
    }

    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Health
            | Self::OpenApi
            | Self::State
            | Self::Counters
            | Self::Histograms
            | Self::Journal => "GET",
            Self::Reset
            | Self::Snapshot
            | Self::Restore
            | Self::Faults
            | Self::Profile
            | Self::Shutdown => "POST",
        }
    }

    /// Below the base path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::OpenApi => "openapi.json",
            Self::State => "state",
            Self::Counters => "counters",
            Self::Histograms => "histograms",
            Self::Journal => "journal",
            Self::Reset => "reset",
            Self::Snapshot => "snapshot",
            Self::Restore => "restore",
            Self::Faults => "faults",
            Self::Profile => "profile",
            Self::Shutdown => "shutdown",
        }
    }

    /// True for routes that ask for no token: a script needs them before it has one.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Health | Self::OpenApi)
    }
}

/// The routes in OpenAPI.
pub(super) fn description() -> Value {
    let mut description: Value = serde_json::from_str(DESCRIPTION).expect("the file is JSON");
    description["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    description
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::admin::BASE_PATH;
    use std::collections::BTreeSet;

    #[test]
    fn the_description_has_the_routes_that_there_are_and_no_others() {
        let description = description();
        let mut described = BTreeSet::new();
        for (path, verbs) in description["paths"].as_object().unwrap() {
            for (verb, operation) in verbs.as_object().unwrap() {
                // A route without a token says so by an empty list.
                let is_open = operation["security"] == serde_json::json!([]);
                described.insert((verb.to_uppercase(), path.clone(), is_open));
            }
        }
        let there = Route::ALL.into_iter().map(|route| {
            (route.verb().to_owned(), format!("{BASE_PATH}{}", route.path()), route.is_open())
        });
        assert_eq!(described, there.collect());
    }
}
