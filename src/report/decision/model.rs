//! The figures of a decision about one migration: its evidence, judged.

use super::answer::{self, Told};
use super::risks::{self, FindingRow};
use super::strategies::{Tradeoff, against};
use super::whatif::{pools, scaling, surface, varied_on};
use super::{Decision, how, timeline};
use crate::report::shared::fact::Fact;
use crate::report::shared::league::{ErrorGroup, RankedStrategy, StrategyRuns, errors, ranked};
use crate::report::shared::validity::Validity;
use neonbench_engine::engine::Strategy;
use serde::Serialize;

/// The figures of a decision about one migration.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DecisionModel<'a> {
    /// The records that the figures are made from, which page and summary show beside them.
    #[serde(skip)]
    pub decision: &'a Decision,
    /// The runs of the strategy to use.
    #[serde(skip)]
    pub winner: Option<&'a StrategyRuns>,
    /// The strategy to use; `None` if none is valid.
    pub best: Option<Strategy>,
    /// The strategy that was tried over time and under other limits: the first of the league.
    pub explored: Strategy,
    /// True if nothing was to be written.
    pub dry_run: bool,
    /// The seeds of the runs, in words.
    pub seeds: String,
    /// The answer in one line.
    pub headline: String,
    /// The answer in sentences.
    pub lede: Vec<String>,
    /// Four figures beside it, of the first of the league: accounts as planned, refused calls, edits of
    /// colleagues, the way back.
    pub facts: Vec<Fact>,
    /// The least time that the limits allow, in words.
    pub limit: String,
    /// Sentences: one per thing measured or assumed.
    pub sure: Vec<String>,
    /// The audits of all runs, in words, with their seeds.
    pub audits: Fact,
    /// End of the axis of the times, in seconds: longer ones are cut off.
    pub axis_s: f64,
    /// Causes that held the first run of each strategy back, in words.
    pub findings: Vec<FindingRow>,
    /// The criterion that the league is ranked by, in words.
    pub ranked_by: String,
    /// The strategies that tie for the first place; one without a tie, none without a best.
    pub tied: Vec<Strategy>,
    /// True if every run passed its audit.
    pub is_valid: bool,
    /// Ranked, the best first; invalid ones last.
    pub league: Vec<RankedStrategy>,
    /// `b takes 1.23 times as long as a (95 % interval 1.20 to 1.26, n = 20)`, for each b but the best.
    pub faster: Vec<String>,
    /// The surface's result, in words.
    pub surface_title: String,
    pub scaling_title: String,
    pub pools_title: String,
    pub timeline_title: String,
    /// The accounts that the sliders' runs are of, in words, where they are fewer than all.
    pub grid_on: String,
    /// Time against refusals or edits; `None` where nothing tells the strategies apart.
    pub tradeoff: Option<Tradeoff>,
    /// Losses over all runs of the league.
    pub integrity: Validity,
    pub errors: Vec<ErrorGroup>,
}

impl<'a> DecisionModel<'a> {
    /// Judges `decision`.
    pub fn new(decision: &'a Decision) -> Self {
        let ranking = decision.ranking();
        let league =
            ranked(ranking.sort(decision.league.iter().collect::<Vec<_>>()), &decision.goal);
        let winner = ranking.best.first().map(|place| &decision.league[*place]);
        let best = winner.map(|winner| winner.strategy);
        let explored = decision.explored();
        let integrity = risks::integrity(&decision.league);
        let ratios = winner.map_or_else(Vec::new, |winner| against(winner, &decision.league));
        let dry_run = decision.league.iter().flat_map(|one| &one.runs).any(|run| run.dry_run);
        let errors = errors(&decision.league);
        let seeds = how::seeds(&decision.league);
        let told = Told {
            resources: decision.resources,
            mappings: decision.mappings,
            profile: &decision.profile,
            service_times: decision.service_times,
            goal: &decision.goal,
            runs: &decision.league,
            failures: &errors,
            league: &league,
            tied: ranking.best.len(),
            dry_run,
        };
        Self {
            facts: told.facts(),
            limit: league.first().map_or_else(String::new, |row| answer::limit(row, dry_run)),
            sure: told.sure(),
            audits: risks::audits(&integrity, &seeds),
            axis_s: answer::axis_s(&league),
            findings: risks::rows(&decision.league),
            decision,
            winner,
            best,
            explored,
            dry_run,
            seeds,
            ranked_by: decision.goal.in_words(),
            tied: ranking.best.iter().map(|place| decision.league[*place].strategy).collect(),
            headline: told.headline(),
            lede: told.lede(),
            is_valid: integrity.valid == integrity.runs,
            faster: ratios.iter().map(ToString::to_string).collect(),
            surface_title: surface::title(
                &decision.surface,
                decision.varied_accounts,
                decision.resources,
            ),
            scaling_title: scaling::title(&decision.scaling),
            pools_title: pools::title(decision.pool, &decision.pools, explored),
            timeline_title: timeline::title(explored, &decision.timeline),
            grid_on: varied_on(decision.grid.accounts, decision.resources),
            tradeoff: Tradeoff::of(&league),
            integrity,
            errors,
            league,
        }
    }
}

#[cfg(test)]
mod tests;
