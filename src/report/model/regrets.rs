//! The selectors scenario by scenario: regrets, the worst scenarios, and the forecasts' errors.

use crate::experiment::Portfolio;
use crate::report::evidence::SelectorSample;
use crate::select::{CaseVerdict, SelectorName};
use crate::text::{percent, sig3};
use serde::Serialize;

/// Deviation up to which a forecast counts as exact.
pub(crate) const BAND: f64 = 0.03;

/// Regret up to which a choice is near the best; a little above a tenth, since regrets are quotients.
const NEAR: f64 = 0.1 + 1e-9;

/// The worst scenarios shown of each selector.
const WORST: usize = 3;

/// The selectors, scenario by scenario.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RegretsModel {
    /// The distributions' result, in words.
    pub title: String,
    /// The forecasts' result, in words.
    pub forecast_title: String,
    /// One per selector and portfolio.
    pub spreads: Vec<Spread>,
    /// One per scenario.
    pub scenarios: Vec<ScenarioRow>,
    /// The worst scenarios of each selector, among all strategies.
    pub worst: Vec<WorstRow>,
    /// One per scenario that has a forecast.
    pub forecasts: Vec<ForecastRow>,
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

/// The regrets in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ScenarioRow {
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: &'static str,
    /// By portfolio those of each selector; `None` where nothing is allowed.
    pub regrets: [[Option<f64>; SelectorName::ALL.len()]; Portfolio::ALL.len()],
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

/// A forecast beside its runs.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ForecastRow {
    /// The scenario.
    pub name: String,
    /// Its family.
    pub family: &'static str,
    /// The number of its mark in the chart.
    pub number: u8,
    /// 5th, 50th and 95th percentile as forecast, in seconds.
    pub forecast_s: [f64; 3],
    /// The median of the runs, in seconds.
    pub median_s: f64,
    /// p50 ÷ median − 1.
    pub deviation: f64,
    /// The runs that the interval holds, as a share.
    pub within: f64,
}

impl RegretsModel {
    /// `None` where the scenarios were not kept.
    pub(super) fn new(sample: &SelectorSample) -> Option<Self> {
        let verdicts = &sample.verdicts;
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
        let forecasts: Vec<ForecastRow> = verdicts.iter().filter_map(ForecastRow::new).collect();
        Some(Self {
            title: title(&spreads, verdicts.len()),
            forecast_title: forecast_title(&forecasts),
            scenarios: verdicts.iter().map(ScenarioRow::new).collect(),
            worst: SelectorName::ALL
                .iter()
                .flat_map(|selector| worst(verdicts, *selector))
                .collect(),
            spreads,
            forecasts,
        })
    }
}

fn regret(verdict: &CaseVerdict, portfolio: Portfolio, selector: SelectorName) -> Option<f64> {
    verdict.costs[portfolio as usize].map(|costs| costs.ratio(selector) - 1.0)
}

fn title(spreads: &[Spread], scenarios: usize) -> String {
    let good = |selector| {
        let of = |it: &&Spread| it.selector == selector && it.portfolio == Portfolio::Full;
        let regrets = spreads.iter().find(of).map_or(&[][..], |spread| &spread.regrets);
        let largest = regrets.last().copied().unwrap_or_default();
        (regrets.iter().filter(|regret| **regret <= NEAR).count(), largest)
    };
    let (ours, largest) = good(SelectorName::CostModel);
    let (guide, _) = good(SelectorName::Guide);
    format!(
        "auto stays within 10 % of the best in {ours} of {scenarios} scenarios (at worst {} above it), the \
         guide's rule in {guide}",
        percent(largest)
    )
}

fn forecast_title(forecasts: &[ForecastRow]) -> String {
    let near = forecasts.iter().filter(|row| row.deviation.abs() <= BAND).count();
    let largest = forecasts.iter().map(|row| row.deviation.abs()).fold(0.0, f64::max);
    format!(
        "Predicted against simulated: {near} of {} forecasts are within 3 %, the furthest is off by {} %",
        forecasts.len(),
        sig3(largest * 100.0)
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
            choice: verdict.choices[full][selector as usize].to_string(),
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

impl ScenarioRow {
    fn new(verdict: &CaseVerdict) -> Self {
        let of = |portfolio| SelectorName::ALL.map(|name| regret(verdict, portfolio, name));
        Self {
            name: verdict.name.clone(),
            family: verdict.family.name(),
            regrets: Portfolio::ALL.map(of),
        }
    }
}

impl ForecastRow {
    fn new(verdict: &CaseVerdict) -> Option<Self> {
        let forecast = verdict.forecast?;
        Some(Self {
            name: verdict.name.clone(),
            family: verdict.family.name(),
            number: verdict.family as u8,
            forecast_s: forecast.forecast_s,
            median_s: forecast.median_s,
            deviation: forecast.forecast_s[1] / forecast.median_s - 1.0,
            within: forecast.within as f64 / forecast.runs.max(1) as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn regrets_are_spread_by_selector_and_the_worst_come_first() {
        let model = RegretsModel::new(&evidence().selector.unwrap()).unwrap();
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
        assert!(model.forecast_title.contains("2 of 2 forecasts are within 3 %"));
        assert!((model.forecasts[0].deviation - 0.01).abs() < 1e-12);
    }
}
