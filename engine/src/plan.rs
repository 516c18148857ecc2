//! Plans: mappings from source to target fields, and the accounts that they are for.
//!
//! A [`Plan`] names fields; a [`ResolvedPlan`] has found them among an organisation's definitions.
//! Deliberately absent: how the calls are made, which is the engine's.

mod check;
mod csv;
mod file;
mod ids;
mod python;
mod task;
mod transform;
mod wire;

pub use check::{Level, PlanIssue, SampledTexts, UNMAPPED_VALUE, check, repetition_warnings};
pub use ids::{IdsError, list_ids, parse_ids, parse_ids_beside};
pub use python::{Carried, PythonError, parse_yaml, to_yaml};
pub use task::{Inconclusive, ResolvedField, ResolvedMapping, ResolvedPlan};
pub use transform::{LetterCase, Otherwise, Texts, TooLong, Transform, TransformError};
pub use wire::{WireCriterion, WireMapping, WirePlan, WireStep};

use neon_mock::api::{AccountId, Criterion, Operator};
use neon_mock::dataset::FieldKind;
use std::num::NonZeroU32;

neon_mock::named! {
    /// Operation of a mapping on its target.
    #[derive(schemars::JsonSchema)]
    pub enum Operation {
        /// The target becomes the value.
        Replace = "replace",
        /// Text is appended unless the target contains it; options are united.
        Merge = "merge",
        /// The option that the value names is added to the target's.
        AddOption = "add_option",
        /// The target becomes the value if it is blank.
        CopyIfEmpty = "copy_if_empty",
        /// As `replace`, with a transform that must be given.
        Transform = "transform",
    }
}

/// One mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Name or id of the field read.
    pub source: String,
    /// Name or id of the field written.
    pub target: String,
    /// The operation.
    pub operation: Operation,
    /// The steps that transform the value, in order.
    pub transform: Vec<Transform>,
    /// True to fail an account if the target cannot hold its value; false to leave the value out.
    pub validation_required: bool,
    /// True to keep the source's value once it is in the target; false to clear it.
    pub preserve_source: bool,
    /// Type of the source, if the plan states it; used by synthetic organisations alone.
    pub source_type: Option<FieldKind>,
    /// Type of the target, if the plan states it; used by synthetic organisations alone.
    pub target_type: Option<FieldKind>,
    /// Options of the target, if the plan states them; used by synthetic organisations alone.
    pub target_options: Vec<String>,
    /// Place in the file, such as `plan.toml, line 7`; empty without a file.
    pub place: String,
}

impl Mapping {
    /// `operation` from `source` to `target`, with the defaults of a plan file.
    pub fn new(source: impl Into<String>, target: impl Into<String>, operation: Operation) -> Self {
        Self {
            source: source.into(),
            target: target.into(),
            operation,
            transform: Vec::new(),
            validation_required: true,
            preserve_source: true,
            source_type: None,
            target_type: None,
            target_options: Vec::new(),
            place: String::new(),
        }
    }

    /// True if nobody has named its target yet: it is that of a template, or blank.
    pub fn is_open(&self) -> bool {
        let target = self.target.trim();
        target.is_empty() || target == "TODO" || target == python::TODO_TARGET
    }
}

/// Which accounts a plan is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Selection {
    /// All accounts of the organisation. A synthetic one lists them; a server has to be searched.
    #[default]
    All,
    /// These, in this order.
    Ids(Vec<AccountId>),
    /// Accounts that meet every criterion; the engine searches for them first.
    Filter(Vec<Criterion>),
}

impl Selection {
    /// The selection as a server takes it: by a search that every account meets, where no accounts are named.
    #[must_use]
    pub fn at_server(&self) -> Self {
        match self {
            Self::All => {
                let (field, operator) = ("Account ID".to_owned(), Operator::NotBlank);
                Self::Filter(vec![Criterion { field, operator, value: None, value_list: None }])
            }
            named => named.clone(),
        }
    }
}

/// A migration plan.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Description for people.
    pub description: String,
    /// The mappings, in the order in which they apply.
    pub mappings: Vec<Mapping>,
    /// For which accounts.
    pub selection: Selection,
    /// Migrates nothing: of its mappings, those that do not preserve their source clear it where the target has its
    /// value.
    pub cleanup_only: bool,
    /// Suggestions for the run.
    pub hints: Hints,
}

/// Suggestions of a plan for its run. Flags override them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Accepted for the guide's users, without effect: a value that is in place is never written
    /// again, and an unchanged account costs no write, with or without it.
    pub smart_migration: bool,
    /// Accounts read into memory before they are written.
    pub batch_size: Option<NonZeroU32>,
    /// Accounts or batches side by side.
    pub max_workers: Option<NonZeroU32>,
    /// Reads and decides, but writes nothing; `None` leaves it to the run.
    pub dry_run: Option<bool>,
}

/// A plan that cannot be carried out on an organisation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum PlanError {
    #[error("{place}a plan needs at least one mapping")]
    NoMappings { place: String },
    #[error("{place}{role} field `{name}` is unknown; {known}")]
    UnknownField { place: String, role: &'static str, name: String, known: String },
    #[error(
        "{place}{role} field `{name}` is ambiguous: ids {ids} share the name; write the id of the one that is meant"
    )]
    AmbiguousField { place: String, role: &'static str, name: String, ids: String },
    #[error("{place}{role} field `{name}` is of type {kind}, which holds neither text nor options")]
    UnsupportedType { place: String, role: &'static str, name: String, kind: String },
    #[error("{place}add_option needs a target with options, and `{name}` holds text")]
    AddOptionToText { place: String, name: String },
    #[error("{place}operation = \"transform\" needs a `transform`")]
    MissingTransform { place: String },
}

impl Plan {
    /// The plain workload: `V-1 … V-M`, each replaced into its own `T-1 … T-M`.
    pub fn plain(mappings: u32) -> Self {
        let mapping =
            |number| Mapping::new(format!("V-{number}"), format!("T-{number}"), Operation::Replace);
        Self { mappings: (1..=mappings).map(mapping).collect(), ..Self::default() }
    }
}
