//! `unknowns`: the open questions of the API that the plan depends on, and whether the sample has answered them.

use super::{Item, ItemStage};
use crate::preflight::ItemResult;
use crate::preflight::subject::{Preflight, PreflightError};
use crate::text::plural;
use neonbench_engine::engine::{Settings, WriteMode};
use neonbench_engine::plan::{Plan, Selection};

pub(super) const ITEM: Item = Item {
    name: "unknowns",
    question: "Which open questions of the API does the plan depend on, and has the sample answered them?",
    stage: ItemStage::After,
    is_sized: false,
    reads: 0,
    run,
};

/// An open question of the API.
struct OpenQuestion {
    /// The question, as a sentence.
    words: &'static str,
    /// True if a plan depends on it.
    concerns: fn(&Plan, &Settings) -> bool,
    /// True if a sample that is written, verified and taken back answers it.
    is_answered: bool,
}

/// The questions that no documentation and no recording settles.
const QUESTIONS: &[OpenQuestion] = &[
    OpenQuestion {
        words: "a PATCH leaves fields alone that it does not name",
        concerns: |_, settings| settings.write != WriteMode::Put,
        is_answered: true,
    },
    OpenQuestion {
        words: "an empty text, or an empty list of options, clears a field",
        concerns: |plan, _| plan.mappings.iter().any(|it| !it.preserve_source),
        is_answered: true,
    },
    OpenQuestion {
        words: "a search shows every account once, whatever is written meanwhile",
        concerns: |plan, _| !matches!(plan.selection, Selection::Ids(_)),
        is_answered: true,
    },
    OpenQuestion {
        words: "a PUT takes read-only members as they were read, and wipes what it does not name",
        concerns: |_, settings| settings.write != WriteMode::Patch,
        is_answered: false,
    },
];

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let settings = subject.migration()?.settings;
    let sample = subject.found.sample.as_ref();
    let is_written = sample.is_some_and(|it| it.written > 0 && it.faults.is_empty());
    let open = QUESTIONS.iter().filter(|it| (it.concerns)(subject.plan, &settings));
    let (answered, left): (Vec<_>, Vec<_>) = open.partition(|it| it.is_answered && is_written);
    let words = |of: &[&OpenQuestion]| of.iter().map(|it| it.words).collect::<Vec<_>>();
    let mut result = ItemResult::pass(match left.len() {
        0 => format!("{} answered by the sample", plural(answered.len() as u64, "open question")),
        left => format!("{} not answered", plural(left as u64, "open question")),
    })
    .with("answered", words(&answered))
    .with("open", words(&left));
    for question in &left {
        result.warn(format!("nobody knows whether {}", question.words));
    }
    if subject.is_own_mock() {
        result.remark("a mock answers as it assumes: only the organisation itself tells");
    }
    Ok(result)
}
