//! Probes judged: their time and calls, and the size of a job from which on they pay.

use super::judge::CaseVerdict;
use super::regret::SelectorName;
use super::target::Knowledge;
use crate::experiment::{Portfolio, times_as_much};
use crate::stats::mean;
use serde::{Deserialize, Serialize};

/// Time and calls of a probe, and the cost of it and `auto`'s choice together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProbeCost {
    /// Seconds from its first call sent to its last one answered.
    pub duration_s: f64,
    /// Its calls, refusals included.
    pub calls: u64,
    /// Its refusals.
    pub refused: u64,
    /// Mean cost of the probe and the choice of `auto` as one run, in seconds, by portfolio.
    pub cost_with_choice: [f64; Portfolio::ALL.len()],
}

/// Regret of `auto` after a probe, whose own time and calls are counted in, beside that without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProbeRow {
    /// A family, a built-in profile, or `all`.
    pub family: String,
    /// The kind of probe.
    pub knowledge: Knowledge,
    /// Mean seconds of the probe.
    pub duration_s: f64,
    /// Mean calls of the probe.
    pub calls: f64,
    /// Mean regret with the probe counted in.
    pub mean_regret: f64,
    /// Mean regret of the choice where nothing is known.
    pub unprobed_regret: f64,
    /// Accounts × mappings from which on probing pays: of the judged jobs of at least that size, the mean regret with
    /// the probe counted in is below that without one; `None` where it pays in no size that was judged.
    pub pays_from: Option<u64>,
    /// Scenarios.
    pub scenarios: usize,
}

impl ProbeRow {
    /// The row over those of `verdicts` whose best takes time; `None` where none was judged with a probe and
    /// without one.
    pub(super) fn of(
        family: &str,
        knowledge: Knowledge,
        verdicts: &[&CaseVerdict],
    ) -> Option<Self> {
        const FULL: usize = Portfolio::Full as usize;
        let case = |verdict: &&'_ CaseVerdict| {
            let probe = verdict.with(knowledge)?.probe.as_ref()?;
            let unprobed = verdict.with(Knowledge::Nothing)?.costs[FULL]?;
            let regret = times_as_much(probe.cost_with_choice[FULL], unprobed.best) - 1.0;
            let unprobed = unprobed.ratio(SelectorName::CostModel) - 1.0;
            // Where a run takes no time, a probe has no regret that is a number.
            regret.is_finite().then_some((verdict.size, *probe, regret, unprobed))
        };
        let mut cases: Vec<(u64, ProbeCost, f64, f64)> = verdicts.iter().filter_map(case).collect();
        cases.sort_by_key(|(size, ..)| *size);
        let pays = |place: &usize| {
            let of_size = || cases[*place..].iter();
            mean(of_size().map(|case| case.2)) < mean(of_size().map(|case| case.3))
        };
        let pays_from = (0..cases.len()).find(pays).map(|place| cases[place].0);
        (!cases.is_empty()).then(|| Self {
            family: family.to_owned(),
            knowledge,
            duration_s: mean(cases.iter().map(|case| case.1.duration_s)),
            calls: mean(cases.iter().map(|case| case.1.calls as f64)),
            mean_regret: mean(cases.iter().map(|case| case.2)),
            unprobed_regret: mean(cases.iter().map(|case| case.3)),
            pays_from,
            scenarios: cases.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::Family;
    use super::super::judge::InformedChoices;
    use super::super::regret::Costs;
    use super::*;
    use crate::experiment::Candidate;
    use neonbench_engine::engine::Strategy;

    /// A job whose best costs as many seconds as its size, half as much again where nothing is known, and nothing
    /// more after a probe of ten seconds.
    fn verdict(size: u64) -> CaseVerdict {
        let best = size as f64;
        let candidates = [[Candidate::new(Strategy::Pipelined, 5, 50); 5]; 2];
        let choices = |knowledge, cost, probe| InformedChoices {
            knowledge,
            costs: [Some(Costs::new(best, [cost; 5])); 2],
            candidates,
            probe,
        };
        let probe = ProbeCost {
            duration_s: 10.0,
            calls: 50,
            refused: 2,
            cost_with_choice: [best + 10.0; 2],
        };
        CaseVerdict {
            name: format!("of-{size}"),
            family: Family::Pools,
            profile: None,
            size,
            best: [None; 2],
            choices: vec![
                choices(Knowledge::Probe, best, Some(probe)),
                choices(Knowledge::Nothing, 1.5 * best, None),
            ],
            forecast: None,
        }
    }

    #[test]
    fn a_probe_pays_where_it_saves_more_than_it_takes() {
        let verdicts = [verdict(100), verdict(2), verdict(30)];
        let all: Vec<&CaseVerdict> = verdicts.iter().collect();
        let row = ProbeRow::of("pools", Knowledge::Probe, &all).unwrap();
        // Ten seconds are 5, 0.33 and 0.1 times the best, against a half each time.
        assert_eq!((row.pays_from, row.scenarios), (Some(30), 3));
        assert!((row.mean_regret - (5.0 + 1.0 / 3.0 + 0.1) / 3.0).abs() < 1e-9, "{row:?}");
        assert!((row.unprobed_regret - 0.5).abs() < 1e-9);
        // A job that takes no time has no regret.
        let instant = ProbeRow::of("pools", Knowledge::Probe, &[&verdict(0)]);
        assert_eq!(instant, None);
        let small = ProbeRow::of("pools", Knowledge::Probe, &[&verdicts[1]]).unwrap();
        assert_eq!(small.pays_from, None);
        assert_eq!(ProbeRow::of("pools", Knowledge::ProbeSample, &all), None);
    }
}
