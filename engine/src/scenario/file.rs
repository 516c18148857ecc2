//! Scenario files, and the built-in ones: the guide's three worked examples.

use neon_mock::bounds::{ACCOUNTS, BATCH, MAPPINGS, WORKERS};
use neon_mock::file::{FileError, Member};
use serde::Deserialize;
use std::num::NonZeroU32;

/// The built-in scenarios: name and TOML.
pub const BUILT_IN: [(&str, &str); 3] = [
    ("guide-1", include_str!("guide-1.toml")),
    ("guide-2", include_str!("guide-2.toml")),
    ("guide-3", include_str!("guide-3.toml")),
];

/// A scenario as its file has it. What it leaves out is as on the command line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the members are the command line's flags")]
pub struct WireScenario {
    pub schema: u32,
    #[serde(default)]
    pub description: String,
    pub plan: Option<String>,
    pub profile: Option<String>,
    pub dataset: Option<String>,
    pub resources: Option<u64>,
    pub mappings: Option<u32>,
    pub resource_ids: Option<String>,
    pub workers: Option<NonZeroU32>,
    pub batch_size: Option<NonZeroU32>,
    pub seed: Option<u64>,
}

impl WireScenario {
    /// Reads a scenario file's `text`; `origin` names it in errors.
    ///
    /// Errors: [`FileError`] with file, line and field.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, FileError> {
        let wire: Self =
            toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))?;
        if wire.schema != 1 {
            let reason = format!("schema = {}: this version reads schema 1", wire.schema);
            return Err(FileError::member(origin, text, &Member::top("schema"), reason));
        }
        let figures = [
            ("resources", wire.resources.map(|it| ACCOUNTS.check(it).map(|_| ()))),
            ("mappings", wire.mappings.map(|it| MAPPINGS.check(it).map(|_| ()))),
            ("workers", wire.workers.map(|it| WORKERS.check(it.get()).map(|_| ()))),
            ("batch_size", wire.batch_size.map(|it| BATCH.check(it.get()).map(|_| ()))),
        ];
        for (name, checked) in figures {
            if let Some(Err(error)) = checked {
                let reason = format!("{name} {error}");
                return Err(FileError::member(origin, text, &Member::top(name), reason));
            }
        }
        Ok(wire)
    }

    /// The built-in scenario of that name.
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::from_toml(name, text).expect("a built-in scenario is valid"))
    }
}
