//! The calibration file: both selectors as they were fitted, and a signature of what they were fitted
//! for.

use super::cost_model::CostModel;
use super::features::{CapacityMargin, TargetFeatures};
use super::model::JobFeatures;
use super::rehearsal::RehearsalTarget;
use super::thresholds::Thresholds;
use crate::experiment::{Candidate, Goal, Portfolio};
use neon_mock::file::{FileError, Member};
use neon_mock::rng;
use neonbench_engine::engine::Strategy;
use neonbench_engine::scenario::Scenario;
use serde::{Deserialize, Serialize};

/// Version of the file's form.
const SCHEMA: u32 = 1;

/// The file that `auto` uses by default.
pub const SHIPPED: &str = include_str!("../../reports/thresholds.toml");

/// Both selectors, and the fallback where they find nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of the form: 1.
    pub schema: u32,
    /// Signature of the strategies, features, form and engine version that it was fitted for.
    pub signature: String,
    /// Digest of the scenarios and the goal that it was fitted to.
    pub inputs: String,
    /// The goal of the fit.
    pub goal: Goal,
    /// The one configuration that does best in the mean, by portfolio.
    pub single_best: ByPortfolio<Candidate>,
    /// The readable rule, by portfolio.
    pub thresholds: ByPortfolio<Thresholds>,
    /// The cost model.
    pub cost_model: CostModel,
}

/// One of each portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "one member a portfolio")]
pub struct ByPortfolio<T> {
    pub guide: T,
    pub full: T,
}

impl<T> ByPortfolio<T> {
    /// The one of `portfolio`.
    pub const fn of(&self, portfolio: Portfolio) -> &T {
        match portfolio {
            Portfolio::Guide => &self.guide,
            Portfolio::Full => &self.full,
        }
    }
}

/// Names of the selectors' features; a change here makes older files useless.
const FEATURES: &str = "resources, mappings, changing, quantiles, pool, per_second, refusal, \
                        contention, coherency, failing, ambiguous, others, shared, limited by";

/// The signature of calibrations that this version makes and reads.
pub fn signature() -> String {
    let strategies = Strategy::ALL.map(Strategy::name).join(", ");
    let version = env!("CARGO_PKG_VERSION");
    format!("{:016x}", rng::key(u64::from(SCHEMA), &format!("{strategies}; {FEATURES}; {version}")))
}

/// A digest of what a calibration is fitted to.
pub fn inputs(cases: &str, goal: &Goal) -> String {
    let goal = serde_json::to_string(goal).expect("plain data");
    format!("{:016x}", rng::key(u64::from(SCHEMA), &format!("{cases}; {goal}")))
}

impl Calibration {
    /// The one that is shipped.
    pub fn shipped() -> Self {
        Self::from_toml("reports/thresholds.toml", SHIPPED)
            .expect("the shipped calibration is valid")
    }

    /// Reads a calibration file's `text`; `origin` names it in errors.
    ///
    /// Errors: among others, one that was fitted for other strategies, features or another engine.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, FileError> {
        let read: Self =
            toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))?;
        let wrong = |member: &str, reason: String| {
            Err(FileError::member(origin, text, &Member::top(member), reason))
        };
        if read.schema != SCHEMA {
            return wrong(
                "schema",
                format!("schema = {}: this version reads schema {SCHEMA}", read.schema),
            );
        }
        if read.signature != signature() {
            return wrong(
                "signature",
                format!(
                    "signature = \"{}\": it was fitted for other strategies, features or another version of the \
                     engine; this one reads \"{}\"; make a new one by `neonbench calibrate --write {origin}`",
                    read.signature,
                    signature()
                ),
            );
        }
        for thresholds in [&read.thresholds.guide, &read.thresholds.full] {
            if thresholds.rows.is_empty() {
                return wrong("thresholds", "a rule needs at least one row".to_owned());
            }
            let bad = thresholds.rows.iter().find(|row| row.batch_per_worker == 0);
            if bad.is_some() || thresholds.places_if_unknown == 0 {
                return wrong(
                    "thresholds",
                    "places_if_unknown and batch_per_worker are at least 1".to_owned(),
                );
            }
        }
        let strange =
            read.thresholds.guide.rows.iter().find(|row| !Portfolio::Guide.holds(row.strategy));
        if let Some(row) = strange {
            let reason = format!("strategy {} is none of the guide's", row.strategy);
            return wrong("thresholds", reason);
        }
        Ok(read)
    }

    /// The file's text, commented.
    pub fn to_toml(&self) -> String {
        let text = toml::to_string(self).expect("plain data");
        let commented = [
            (
                "schema = ",
                "# How `auto` chooses, as `neonbench calibrate --write` fitted it. Edit what you like, and see\n\
                 # what it costs: `neonbench evaluate --thresholds THIS-FILE`.",
            ),
            ("[goal]", "\n# What choices are judged by."),
            (
                "[single_best.guide]",
                "# The one configuration that does best in the mean: what stands in when nothing else can\n# speak.",
            ),
            (
                "[thresholds.guide]",
                "# The rule for targets of which little is known. The first row that fits decides; a row\n\
                 # without bounds fits all. `places` are the smaller pool of reads and writes without what\n\
                 # others mostly hold of it (their mean and `deviations_for_others` of their standard\n\
                 # deviations), or of a window of calls a second the share `of_windows` of what fits into it\n\
                 # by Little's law.\n\
                 # `guide` chooses among the guide's strategies, `full` also among our own.",
            ),
            (
                "[cost_model.coefficients]",
                "# The cost model, for targets whose limits and times are known: fitted coefficients …",
            ),
            (
                "[cost_model.error]",
                "# … and standard deviations of the logarithm of what it predicts: what lies within two of them of\n# the best is tried in virtual time before a choice is made.",
            ),
        ];
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            if let Some((_, comment)) = commented.iter().find(|(start, _)| line.starts_with(start))
            {
                lines.extend(comment.lines().map(str::to_owned));
            }
            lines.push(line.to_owned());
        }
        lines.join("\n") + "\n"
    }
}

/// The candidate that `auto` stands for, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct StrategyChoice {
    /// The choice.
    pub candidate: Candidate,
    /// The selector that decided, and its reason.
    pub reason: String,
}

impl Calibration {
    /// The choice for `scenario` in `portfolio`: by the cost model if the target's `features` are known,
    /// else by the thresholds.
    pub fn decide(
        &self,
        scenario: &Scenario,
        features: Option<&TargetFeatures>,
        goal: &Goal,
        portfolio: Portfolio,
    ) -> StrategyChoice {
        let Some(features) = features else {
            return self.by_thresholds(scenario, None, portfolio, goal);
        };
        let work = JobFeatures::of(scenario);
        let mut target = RehearsalTarget::new(scenario, features, goal);
        let chosen = self.cost_model.choose(portfolio, goal, &work, features, &mut target);
        let Some((candidate, rehearsed)) = chosen else {
            let candidate = *self.single_best.of(portfolio);
            let reason = format!(
                "the single best, {candidate}: the cost model found nothing that passes its audit and keeps to \
                 the constraints"
            );
            return StrategyChoice { candidate, reason };
        };
        let how = match rehearsed {
            0 => "is clearly the cheapest that it predicts".to_owned(),
            1 => "is the cheapest in a rehearsal".to_owned(),
            many => format!("is the cheapest of {many} near ones in a rehearsal"),
        };
        let places = features.capacity(work.resources as u64, CapacityMargin::CAREFUL).map_or_else(
            || "no limit known".to_owned(),
            |(places, _)| format!("{places:.1} places"),
        );
        let reason = format!(
            "the cost model, {} ({} accounts × {} mappings, {places}): {candidate} {how}",
            goal.objective, work.resources, work.mappings
        );
        StrategyChoice { candidate, reason }
    }

    /// The choice of the thresholds.
    pub fn by_thresholds(
        &self,
        scenario: &Scenario,
        features: Option<&TargetFeatures>,
        portfolio: Portfolio,
        goal: &Goal,
    ) -> StrategyChoice {
        let thresholds = self.thresholds.of(portfolio);
        let (resources, mappings) = (scenario.expected_resources(), scenario.mappings() as u64);
        let (places, kind) = thresholds.capacity(resources, features);
        let places = places.saturating_sub(goal.headroom()).max(1);
        let (candidate, row) = thresholds.choose(resources, mappings, places, kind);
        let bounds = [
            row.accounts_a_place_up_to.map(|most| format!("up to {most} accounts a place")),
            row.limited_by.map(|kind| format!("a limit by {kind}")),
            row.mappings_up_to.map(|most| format!("up to {most} mappings")),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        let row = if bounds.is_empty() { "any job".to_owned() } else { bounds.join(" and ") };
        let known =
            if features.is_some() { "" } else { " assumed, since nothing is known of the limits" };
        let reason = format!(
            "the thresholds ({resources} accounts × {mappings} mappings, {places} places{known}): the row for {row} \
             says {candidate}"
        );
        StrategyChoice { candidate, reason }
    }
}
