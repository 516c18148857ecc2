//! The selectors scenario by scenario: regrets, and the worst scenarios.

mod chart;

pub(crate) use chart::regrets;

use crate::experiment::Portfolio;
use crate::select::{CaseVerdict, Knowledge, SelectorName};
use crate::text::share;
use serde::Serialize;

/// Regret up to which a choice is near the best; a little above a tenth, since regrets are quotients.
const NEAR: f64 = 0.1 + 1e-9;

/// The worst scenarios shown of each selector.
const WORST: usize = 3;

/// The selectors, scenario by scenario.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RegretsModel {
    /// The distributions' result, in words.
    pub title: String,
    /// Scenarios that were judged.
    pub scenarios: u64,
    /// Those in which a selector's choice costs at most a tenth more than the best, by selector, among all
    /// strategies; the best selector first.
    pub near: Vec<NearBest>,
    /// The forecasts' result, in words.
    pub forecast_title: String,
    /// One per selector and portfolio.
    pub spreads: Vec<Spread>,
    /// The worst scenarios of each selector, among all strategies.
    pub worst: Vec<WorstRow>,
}

/// The regrets of one selector.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Spread {
    /// The selector.
    pub selector: SelectorName,
    /// Among which strategies it chooses.
    pub portfolio: Portfolio,
    /// One per scenario, from the least to the largest.
    pub regrets: Vec<f64>,
}

/// The scenarios in which a selector chooses well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NearBest {
    pub selector: SelectorName,
    pub name: &'static str,
    pub scenarios: u64,
}

/// A scenario in which a selector is far off.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct WorstRow {
    pub selector: SelectorName,
    pub name: String,
    pub family: &'static str,
    pub choice: String,
    pub best: String,
    pub regret: f64,
}

impl RegretsModel {
    /// `None` where the scenarios were not kept. `forecast_title` is the forecasts' result.
    pub(crate) fn new(verdicts: &[CaseVerdict], forecast_title: String) -> Option<Self> {
        if verdicts.is_empty() {
            return None;
        }
        let mut spreads = Vec::new();
        for portfolio in Portfolio::ALL {
            for selector in SelectorName::ALL {
                let of_case = |verdict: &CaseVerdict| regret(verdict, portfolio, selector);
                let mut regrets: Vec<f64> = verdicts.iter().filter_map(of_case).collect();
                regrets.sort_by(f64::total_cmp);
                spreads.push(Spread { selector, portfolio, regrets });
            }
        }
        let mut near: Vec<NearBest> =
            SelectorName::ALL.map(|selector| near(&spreads, selector)).into();
        near.sort_by_key(|row| {
            (std::cmp::Reverse(row.scenarios), std::cmp::Reverse(row.selector as usize))
        });
        Some(Self {
            title: title(&spreads, verdicts.len()),
            scenarios: verdicts.len() as u64,
            near,
            forecast_title,
            worst: SelectorName::ALL
                .iter()
                .flat_map(|selector| worst(verdicts, *selector))
                .collect(),
            spreads,
        })
    }
}

fn regret(verdict: &CaseVerdict, portfolio: Portfolio, selector: SelectorName) -> Option<f64> {
    verdict.known_costs(portfolio).map(|costs| costs.ratio(selector) - 1.0)
}

/// The regrets of `selector` among all strategies, from the least to the largest.
fn regrets_of(spreads: &[Spread], selector: SelectorName) -> &[f64] {
    let of = |it: &&Spread| it.selector == selector && it.portfolio == Portfolio::Full;
    spreads.iter().find(of).map_or(&[], |spread| &spread.regrets)
}

fn near(spreads: &[Spread], selector: SelectorName) -> NearBest {
    let near = regrets_of(spreads, selector).iter().filter(|regret| **regret <= NEAR);
    NearBest { selector, name: selector.in_words(), scenarios: near.count() as u64 }
}

fn title(spreads: &[Spread], scenarios: usize) -> String {
    let [ours, guide] =
        [SelectorName::CostModel, SelectorName::Guide].map(|it| near(spreads, it).scenarios);
    let largest = regrets_of(spreads, SelectorName::CostModel).last().copied().unwrap_or_default();
    format!(
        "auto stays within 10 % of the best in {ours} of {scenarios} scenarios (at worst {} above it), the \
         guide's rule in {guide}",
        share(largest)
    )
}

/// Where `selector` is furthest off among all strategies; nowhere if it is nowhere off.
fn worst(verdicts: &[CaseVerdict], selector: SelectorName) -> Vec<WorstRow> {
    let full = Portfolio::Full as usize;
    let row = |verdict: &CaseVerdict| {
        Some(WorstRow {
            selector,
            name: verdict.name.clone(),
            family: verdict.family.name(),
            choice: verdict.with(Knowledge::Known)?.candidates[full][selector as usize].to_string(),
            best: verdict.best[full]?.to_string(),
            regret: regret(verdict, Portfolio::Full, selector)?,
        })
    };
    let mut rows: Vec<WorstRow> =
        verdicts.iter().filter_map(row).filter(|row| row.regret > 1e-3).collect();
    rows.sort_by(|a, b| b.regret.total_cmp(&a.regret));
    rows.truncate(WORST);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn regrets_are_spread_by_selector_and_the_worst_come_first() {
        let sample = evidence().selector.unwrap();
        let model = RegretsModel::new(&sample.verdicts, String::new()).unwrap();
        assert_eq!(
            model.title,
            "auto stays within 10 % of the best in 2 of 2 scenarios (at worst 10 % above it), the guide's \
             rule in 0"
        );
        let ours = model.spreads.last().unwrap();
        assert_eq!((ours.selector, ours.portfolio), (SelectorName::CostModel, Portfolio::Full));
        assert!((ours.regrets[1] - 0.1).abs() < 1e-12 && ours.regrets[0].abs() < 1e-12);
        // The rule of the pool is nowhere off, so that it has no worst scenario.
        let of = |name| model.worst.iter().filter(|row| row.selector == name).count();
        assert_eq!(SelectorName::ALL.map(of), [2, 2, 0, 2, 1]);
        assert_eq!(model.worst[0].choice, "put_batch, batches of 50");
        let last = model.worst.last().unwrap();
        assert_eq!((last.name.as_str(), last.family), ("held-faults-01", "faults"));
    }
}
