//! The regret table: what each selector's choices cost above the best, by portfolio and family.

use super::target::Knowledge;
use crate::experiment::{Portfolio, times_as_much};
use crate::stats::{bootstrap, mean, quantile, sorted};
use serde::{Deserialize, Serialize};

neon_mock::named! {
    /// A selector.
    #[derive(schemars::JsonSchema)]
    pub enum SelectorName {
        /// The guide's rule, with the guide's workers and batch size.
        Guide = "guide",
        /// The one candidate that did best in the fit.
        SingleBest = "single_best",
        /// Hybrid with as many workers as the smallest pool.
        PoolRule = "pool_rule",
        /// The readable rule.
        Thresholds = "thresholds",
        /// Simulations of the candidates, which `auto` goes by.
        CostModel = "cost_model",
    }
}

impl SelectorName {
    /// Its name for people.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Guide => "the guide's rule",
            Self::SingleBest => "one setting for all",
            Self::PoolRule => "workers = smallest pool",
            Self::Thresholds => "readable rules",
            Self::CostModel => "auto",
        }
    }
}

/// Costs of the choices for one case, in one portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Costs {
    /// Cost of the best.
    pub best: f64,
    /// Cost of each selector's choice, in the order of [`SelectorName::ALL`].
    pub chosen: [f64; SelectorName::ALL.len()],
}

/// A choice that fails its audit or breaks a constraint counts as so many times the best.
const BROKEN: f64 = 10.0;

impl Costs {
    /// Costs of choices against `best`; infinite ones count as ten times the best.
    pub fn new(best: f64, chosen: [f64; SelectorName::ALL.len()]) -> Self {
        let bounded = |cost: f64| if cost.is_finite() { cost } else { BROKEN * best };
        Self { best, chosen: chosen.map(bounded) }
    }

    /// Cost of the choice of `name` as a multiple of the best.
    pub fn ratio(&self, name: SelectorName) -> f64 {
        times_as_much(self.chosen[name as usize], self.best)
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct RegretRow {
    pub portfolio: Portfolio,
    /// A family, or `all`.
    pub family: String,
    pub name: SelectorName,
    pub mean_regret: f64,
    /// Of the mean, by bootstrap over scenarios: from its 5th to its 95th percentile.
    pub mean_regret_interval: [f64; 2],
    pub p95_regret: f64,
    pub worst_regret: f64,
    /// The knowledge that choices rest on.
    pub knowledge: Knowledge,
    /// (single best − chosen) ÷ (single best − best), of mean ratios; `None` where the single best is best.
    pub gap_closed: Option<f64>,
    pub scenarios: usize,
}

/// The rows of all selectors for the cases of one family, or of all.
pub(super) fn rows(
    portfolio: Portfolio,
    family: &str,
    knowledge: Knowledge,
    costs: &[Costs],
) -> Vec<RegretRow> {
    let mean_ratio = |name| mean(costs.iter().map(|costs| costs.ratio(name)));
    let single_best = mean_ratio(SelectorName::SingleBest);
    let row = |name| {
        let regrets: Vec<f64> = costs.iter().map(|costs| costs.ratio(name) - 1.0).collect();
        let mean_regret_interval = bootstrap([&regrets], 0.9, |[mean]| mean);
        let gap = single_best - 1.0;
        let regrets = sorted(regrets);
        RegretRow {
            portfolio,
            family: family.to_owned(),
            name,
            knowledge,
            mean_regret: mean_ratio(name) - 1.0,
            mean_regret_interval,
            p95_regret: quantile(&regrets, 0.95),
            worst_regret: regrets[regrets.len() - 1],
            gap_closed: (gap > 1e-9).then(|| (single_best - mean_ratio(name)) / gap),
            scenarios: costs.len(),
        }
    };
    if costs.is_empty() { Vec::new() } else { SelectorName::ALL.map(row).to_vec() }
}

/// The mean of single best ÷ best: what choosing can save.
pub(super) fn vbs_gap(costs: &[Costs]) -> f64 {
    mean(costs.iter().map(|costs| costs.ratio(SelectorName::SingleBest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regret_and_gap_are_against_the_best_and_the_single_best() {
        let costs = [
            Costs::new(10.0, [20.0, 15.0, 10.0, 12.0, 10.0]),
            Costs::new(1.0, [1.0, 2.5, f64::INFINITY, 1.0, 1.1]),
        ];
        let rows = rows(Portfolio::Guide, "all", Knowledge::Known, &costs);
        let of = |name: SelectorName| &rows[name as usize];
        assert!((vbs_gap(&costs) - 2.0).abs() < 1e-12);
        assert!((of(SelectorName::Guide).mean_regret - 0.5).abs() < 1e-12);
        assert!((of(SelectorName::PoolRule).worst_regret - 9.0).abs() < 1e-12);
        assert!((of(SelectorName::CostModel).gap_closed.unwrap() - 0.95).abs() < 1e-12);
        assert!(of(SelectorName::SingleBest).gap_closed.unwrap().abs() < 1e-12);
        let [low, high] = of(SelectorName::CostModel).mean_regret_interval;
        assert!((0.0..0.05).contains(&low) && (0.05..0.101).contains(&high));
    }
}
