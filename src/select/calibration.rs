//! The calibration file: what was fitted for the selectors, and a signature of what it was fitted for; and the
//! choice of `auto`.

use super::features::TargetFeatures;
use super::rehearsal::{CHOICE, CandidateSet, Rehearsal, UNCERTAIN_CHOICE};
use super::target::{Knowledge, KnownTarget};
use super::thresholds::Thresholds;
use crate::experiment::{Candidate, Constraint, Goal, Portfolio, coarse_grid, grid, seeds};
use crate::text::{plural, size};
use neon_mock::bounds::{BATCH, OutOfBounds, QUEUE, SHARE, WORKERS};
use neon_mock::file::{FileError, Member};
use neon_mock::rng;
use neonbench_engine::engine::{DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Settings, Strategy};
use neonbench_engine::scenario::Scenario;
use serde::{Deserialize, Serialize};

/// Version of the file's form.
const SCHEMA: u32 = 1;

/// The file that `auto` uses by default.
pub const SHIPPED: &str = include_str!("../../reports/thresholds.toml");

/// The readable selector as it was fitted, and the fallback where no simulation can be made.
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
const FEATURES: &str = "resources, mappings, mean_s, pool, per_second, contention, coherency, others_per_s, limited by";

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
        }
        read.bounded().map_err(|(member, error)| {
            FileError::member(origin, text, &member, format_args!("{member} {error}"))
        })?;
        let is_strange = |strategy: Strategy| !Strategy::GUIDE.contains(&strategy);
        let strange = read.thresholds.guide.rows.iter().find(|row| is_strange(row.strategy));
        if let Some(row) = strange {
            let reason = format!("strategy {} is none of the guide's", row.strategy);
            return wrong("thresholds", reason);
        }
        Ok(read)
    }

    /// Checks every figure.
    fn bounded(&self) -> Result<(), (Member, OutOfBounds)> {
        let Self { thresholds, single_best, goal, .. } = self;
        let of = |top: &str, portfolio: &str| Member::top(top).key(portfolio);
        for (name, rule) in [("guide", &thresholds.guide), ("full", &thresholds.full)] {
            rule.bounded()
                .map_err(|(member, error)| (of("thresholds", name).join(member), error))?;
        }
        for (name, best) in [("guide", &single_best.guide), ("full", &single_best.full)] {
            let at = |member: &str| of("single_best", name).key(member);
            WORKERS.check(best.workers).map_err(|error| (at("workers"), error))?;
            BATCH.check(best.batch_size).map_err(|error| (at("batch_size"), error))?;
        }
        for (index, constraint) in goal.constraints.iter().enumerate() {
            let at = || Member::top("goal").key("constraints").index(index);
            match constraint {
                Constraint::RejectedBelow(share) | Constraint::EchoBelow(share) => {
                    SHARE.check(*share).map(|_| ())
                }
                Constraint::Headroom(places) => QUEUE.check(*places).map(|_| ()),
            }
            .map_err(|error| (at(), error))?;
        }
        Ok(())
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
    /// The knowledge that it rests on.
    pub knowledge: Knowledge,
    /// The selector that decided, and its reason.
    pub reason: String,
    /// Calls that were simulated for it.
    pub simulated_calls: u64,
}

/// The job that a choice is for, and what the choice has to keep to.
#[derive(Clone, Copy)]
pub struct ChoiceRequest<'a> {
    /// The job.
    pub scenario: &'a Scenario,
    /// Settings that no candidate says, such as how accounts are written.
    pub settings: &'a Settings,
    /// The measure that choices are judged by.
    pub goal: &'a Goal,
    /// A candidate with the settings that the user gave.
    pub pinned: &'a dyn Fn(Candidate) -> Candidate,
}

impl<'a> ChoiceRequest<'a> {
    /// A choice among all candidates, with defaults of what they do not say.
    pub fn new(scenario: &'a Scenario, goal: &'a Goal) -> Self {
        const DEFAULTS: &Settings = &Settings::new(Strategy::Standard);
        Self { scenario, settings: DEFAULTS, goal, pinned: &|one| one }
    }
}

/// The candidates of a choice in `portfolio`, each as `pinned` makes it: settings that the user gave stay.
pub(super) fn candidates_of(
    portfolio: &'static [Portfolio],
    pinned: &dyn Fn(Candidate) -> Candidate,
) -> CandidateSet {
    let held = |all: Vec<Candidate>| -> Vec<Candidate> {
        let held = all.into_iter().filter(|one| portfolio.iter().any(|it| it.holds(one)));
        held.map(pinned).collect()
    };
    CandidateSet { candidates: held(coarse_grid()), joining: held(grid()), portfolios: portfolio }
}

impl Calibration {
    /// The choice in `portfolio`. Where the target is known, candidates are simulated on it; where nothing
    /// is, the limiter finds out while it works.
    pub fn decide(
        &self,
        request: ChoiceRequest<'_>,
        target: Option<&KnownTarget>,
        portfolio: Portfolio,
    ) -> StrategyChoice {
        let ChoiceRequest { scenario, settings, goal, pinned } = request;
        let Some(target) = target else { return self.unknown(request, portfolio) };
        let of: &'static [Portfolio] = match portfolio {
            Portfolio::Guide => &[Portfolio::Guide],
            Portfolio::Full => &[Portfolio::Full],
        };
        let mut rehearsal =
            Rehearsal::new(scenario, target.clone(), goal).with_settings(settings.clone());
        let search = if target.is_uncertain() { &UNCERTAIN_CHOICE } else { &CHOICE };
        let found = rehearsal.search(&candidates_of(of, pinned), search, &seeds::REHEARSAL);
        let size = size(scenario.expected_resources(), scenario.mappings() as u64);
        let best =
            found.ok().and_then(|found| Some((found.best[portfolio as usize]?.0, found.tried)));
        let (candidate, how) = if let Some((candidate, tried)) = best {
            let least = if target.is_uncertain() {
                "it has the lowest expected loss"
            } else {
                "it has the lowest cost"
            };
            (candidate, format!("{least} of {tried} candidates in simulations"))
        } else {
            let why = "no candidate passes its audit and keeps to the constraints; this does best in the \
                       mean; in simulations";
            (pinned(*self.single_best.of(portfolio)), why.to_owned())
        };
        let reason = format!(
            "{candidate}: {how} of {size} {} (objective: {})",
            target.in_words(),
            goal.objective
        );
        let simulated_calls = rehearsal.calls;
        StrategyChoice { candidate, knowledge: target.knowledge(), reason, simulated_calls }
    }

    /// The choice for a target of which nothing is known.
    fn unknown(&self, request: ChoiceRequest<'_>, portfolio: Portfolio) -> StrategyChoice {
        let ChoiceRequest { scenario, goal, pinned, .. } = request;
        if portfolio == Portfolio::Guide {
            let choice = self.by_thresholds(scenario, None, portfolio, goal);
            return StrategyChoice { candidate: pinned(choice.candidate), ..choice };
        }
        let candidate =
            pinned(Candidate::new(Strategy::Pipelined, DEFAULT_WORKERS, DEFAULT_BATCH_SIZE));
        let reason = format!(
            "{candidate}: the target is unknown, and the adaptive limiter finds its limits during the run"
        );
        StrategyChoice { candidate, knowledge: Knowledge::Nothing, reason, simulated_calls: 0 }
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
            row.accounts_a_place_up_to
                .map(|most| format!("up to {} per slot", plural(most, "account"))),
            row.limited_by.map(|kind| format!("a limit by {kind}")),
            row.mappings_up_to.map(|most| format!("up to {}", plural(most, "mapping"))),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        let row = if bounds.is_empty() { "any job".to_owned() } else { bounds.join(" and ") };
        let known =
            if features.is_some() { "" } else { " assumed, since nothing is known of the limits" };
        let reason = format!(
            "the thresholds ({}, {}{known}): the row for {row} says {candidate}",
            size(resources, mappings),
            plural(places.into(), "slot")
        );
        let knowledge = if features.is_some() { Knowledge::Known } else { Knowledge::Nothing };
        StrategyChoice { candidate, knowledge, reason, simulated_calls: 0 }
    }
}
