//! Judges selectors: on scenarios and seeds that no fit ever saw, with all that they may know of a target.

use super::calibration::{ByPortfolio, Calibration, ChoiceRequest};
use super::case::{Family, SelectorCase};
use super::features::TargetFeatures;
use super::guide_choice;
use super::probing::{ProbeCost, ProbeRow};
use super::regret::{Costs, RegretRow, SelectorName, rows, vbs_gap};
use super::rehearsal::{Rehearsal, THOROUGH};
use super::sweep::whole_grid;
use super::target::{Knowledge, KnownTarget};
use crate::experiment::{
    Candidate, CandidateRuns, Forecast, Goal, Portfolio, RunFigures, Summary, forecast,
    parallel_map, seeds,
};
use crate::probe::{self, MOST_SAMPLE, ProbeOptions, TargetFit};
use crate::stats::{quantile, sorted};
use neonbench_engine::engine::{DEFAULT_WORKERS, Stop, Strategy};
use neonbench_engine::journal::NoJournal;
use neonbench_engine::run::{RunError, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Runs that a choice is judged by, at least and at most, and the calls that they may come to: short
/// runs scatter more.
const REPLICATES: (u64, u64) = (20, 120);
const CALLS: u64 = 4_000;

/// A choice that costs so many times the best in a few runs is judged by them: one that is plainly dear need
/// not be known to the percent.
const PLAINLY_DEARER: f64 = 3.0;
const FEW: u64 = 3;

/// Runs instead for jobs of at most so many calls that go wrong now and then, where one in a hundred,
/// which waits for seconds, decides the mean; and how many times the best's cost a choice may take to
/// be worth them.
const REPLICATES_WHERE_WRONG: u64 = 2_000;
const SHORT: u64 = 50;
const WORTH: f64 = 1.5;

/// Runs that a forecast is compared with; the first of them are those of the judgement.
const FORECAST_RUNS: u64 = 50;

/// Error of a forecast in one case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ForecastError {
    /// |p50 − median of the runs| ÷ median.
    pub error: f64,
    /// The forecast: 5th, 50th and 95th percentile of the makespan, in seconds.
    pub forecast_s: [f64; 3],
    /// The median of the runs, in seconds.
    pub median_s: f64,
    /// Runs within the interval.
    pub within: u64,
    /// Runs.
    pub runs: u64,
}

/// One case, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CaseVerdict {
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: Family,
    /// Its profile, where that is a built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Accounts × mappings.
    #[serde(default)]
    pub size: u64,
    /// The best that was found, by portfolio.
    pub best: [Option<Candidate>; Portfolio::ALL.len()],
    /// The choices and their costs, in the order of [`Knowledge::ALL`]; without those that were not judged.
    pub choices: Vec<InformedChoices>,
    /// The forecast of the choice that `auto` makes where the profile is known.
    pub forecast: Option<ForecastError>,
}

/// Choices that rest on the same knowledge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct InformedChoices {
    /// The knowledge.
    pub knowledge: Knowledge,
    /// Costs, by portfolio; `None` where nothing is allowed.
    pub costs: [Option<Costs>; Portfolio::ALL.len()],
    /// The choices, in the order of [`SelectorName::ALL`], by portfolio.
    pub candidates: [[Candidate; SelectorName::ALL.len()]; Portfolio::ALL.len()],
    /// The probe that the knowledge is from; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeCost>,
}

impl CaseVerdict {
    /// The choices that rest on `knowledge`; `None` where they were not judged.
    pub fn with(&self, knowledge: Knowledge) -> Option<&InformedChoices> {
        self.choices.iter().find(|it| it.knowledge == knowledge)
    }

    /// Costs of the choices in `portfolio` where the profile is known; `None` where nothing is allowed.
    pub fn known_costs(&self, portfolio: Portfolio) -> Option<Costs> {
        self.with(Knowledge::Known)?.costs[portfolio as usize]
    }
}

/// A judgement: `calibrate --json` and `evaluate --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct Judgement {
    pub schema: u32,
    pub scenarios: usize,
    pub simulated_calls: u64,
    pub wall_s: f64,
    /// The gap that choosing can close: the mean cost of the single best ÷ that of the virtual best.
    pub prize: ByPortfolio<f64>,
    pub selectors: Vec<RegretRow>,
    /// Costs and savings of probing among all strategies, by family and built-in profile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeRow>,
    pub prediction: Prediction,
    /// The same with something left out of the fit, judged on what was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// Accuracy of forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct Prediction {
    pub median_abs_error: f64,
    pub p95_abs_error: f64,
    pub interval_coverage: f64,
    /// Scenario–seed pairs that the coverage is of.
    pub pairs: u64,
}

/// A row of a fit that did not see something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LeftOut {
    /// The part that the fit did not see.
    pub left_out: String,
    /// The selector's regret on it.
    #[serde(flatten)]
    pub row: RegretRow,
}

/// A case whose best candidate is known, with a cache of its simulations.
#[derive(Debug)]
pub struct PreparedCase<'a> {
    case: &'a SelectorCase,
    goal: &'a Goal,
    /// Runs of the whole plan.
    runs: Rehearsal<'a>,
    best: [Option<Candidate>; Portfolio::ALL.len()],
    targets: Vec<JudgedTarget>,
    forecasts: BTreeMap<Candidate, Forecast>,
    /// Calls of searches, choices and forecasts.
    calls: u64,
}

/// A target as far as a selector knows it, and the choices that no calibration changes.
#[derive(Debug)]
struct JudgedTarget {
    knowledge: Knowledge,
    /// `None` where nothing is known.
    target: Option<KnownTarget>,
    /// Time, calls and refusals of the probe.
    probe: Option<RunFigures>,
    /// The choice of `auto`, by portfolio, once it was made.
    choices: [Option<Candidate>; Portfolio::ALL.len()],
}

/// Prepared cases, each locked by the thread that works on it.
pub type PreparedCases<'a> = Vec<Mutex<PreparedCase<'a>>>;

/// Searches the best of each of `cases`; choices are judged with all of `knowledge`.
///
/// Errors: a run could not be made.
pub fn prepared_cases<'a>(
    cases: &'a [SelectorCase],
    knowledge: &[Knowledge],
    goal: &'a Goal,
) -> Result<PreparedCases<'a>, RunError> {
    parallel_map(cases, |case| Ok(Mutex::new(PreparedCase::new(case, knowledge, goal)?)))
}

/// Calls that were simulated on `cases` so far.
pub fn simulated_calls(cases: &PreparedCases<'_>) -> u64 {
    let calls = |case: &Mutex<PreparedCase<'_>>| {
        let case = case.lock().expect("no thread panicked");
        case.calls + case.runs.calls
    };
    cases.iter().map(calls).sum()
}

/// Judges every selector of `calibration` on the cases that are meant.
pub fn judge(
    cases: &PreparedCases<'_>,
    calibration: &Calibration,
    is_meant: fn(&SelectorCase) -> bool,
) -> Result<Vec<CaseVerdict>, RunError> {
    let judged = parallel_map(cases, |case| {
        let mut case = case.lock().expect("no thread panicked");
        is_meant(case.case).then(|| case.judge(calibration)).transpose()
    });
    Ok(judged?.into_iter().flatten().collect())
}

impl<'a> PreparedCase<'a> {
    fn new(
        case: &'a SelectorCase,
        knowledge: &[Knowledge],
        goal: &'a Goal,
    ) -> Result<Self, RunError> {
        let scenario = &case.scenario;
        let known = KnownTarget::of(&scenario.profile);
        let mut search = Rehearsal::new(scenario, known, goal);
        let found = search.search(&whole_grid(), &THOROUGH, &seeds::SEARCH)?;
        let best = found.best.map(|best| best.map(|(candidate, _)| candidate));
        let targets = knowledge.iter().map(|knowledge| JudgedTarget::new(case, *knowledge));
        Ok(Self {
            case,
            goal,
            runs: Rehearsal::whole(scenario, goal),
            best,
            targets: targets.collect(),
            forecasts: BTreeMap::new(),
            calls: search.calls,
        })
    }

    fn judge(&mut self, calibration: &Calibration) -> Result<CaseVerdict, RunError> {
        let mut informed = Vec::new();
        for place in 0..self.targets.len() {
            let mut candidates = Vec::new();
            for portfolio in Portfolio::ALL {
                candidates.push(self.choices(calibration, place, portfolio));
            }
            informed.push(candidates);
        }
        let mut least = [f64::INFINITY; Portfolio::ALL.len()];
        for portfolio in Portfolio::ALL {
            let chosen = informed.iter().flat_map(|it| it[portfolio as usize]);
            let judged = self.best[portfolio as usize].into_iter().chain(chosen);
            least[portfolio as usize] = self.least(&judged.collect::<Vec<_>>())?;
        }
        let mut choices = Vec::new();
        for (place, candidates) in informed.into_iter().enumerate() {
            choices.push(self.informed(place, candidates, &least)?);
        }
        let is_known = |it: &&InformedChoices| it.knowledge == Knowledge::Known;
        let auto = |it: &InformedChoices| {
            it.candidates[Portfolio::Full as usize][SelectorName::CostModel as usize]
        };
        let forecast = match choices.iter().find(is_known).map(auto) {
            Some(candidate) => {
                let seeds = seeds::first(&seeds::JUDGE, FORECAST_RUNS);
                let runs = self.runs.entry(&candidate, seeds)?.runs;
                ForecastError::new(&self.forecast(&candidate)?, &runs)
            }
            None => None,
        };
        let profile = self.case.is_built_in.then(|| self.case.scenario.profile.name().to_owned());
        Ok(CaseVerdict {
            name: self.case.scenario.name.clone(),
            family: self.case.family,
            profile,
            size: self.case.scenario.expected_resources() * self.case.scenario.mappings() as u64,
            best: self.best,
            choices,
            forecast,
        })
    }

    fn informed(
        &mut self,
        place: usize,
        candidates: Vec<[Candidate; SelectorName::ALL.len()]>,
        least: &[f64; Portfolio::ALL.len()],
    ) -> Result<InformedChoices, RunError> {
        let mut costs = [None; Portfolio::ALL.len()];
        for portfolio in Portfolio::ALL {
            let of = portfolio as usize;
            let mut chosen = [0.0; SelectorName::ALL.len()];
            for (cost, choice) in chosen.iter_mut().zip(&candidates[of]) {
                *cost = self.cost(choice, least[of])?;
            }
            costs[of] = least[of].is_finite().then(|| Costs::new(least[of], chosen));
        }
        let probe = self.targets[place].probe;
        let probe = probe.map(|probe| self.probe_cost(&probe, &candidates)).transpose()?;
        let candidates = candidates.try_into().expect("one of each portfolio");
        Ok(InformedChoices { knowledge: self.targets[place].knowledge, costs, candidates, probe })
    }

    /// The cost of `probe` and of the choice of `auto` in each portfolio as one run.
    fn probe_cost(
        &mut self,
        probe: &RunFigures,
        candidates: &[[Candidate; SelectorName::ALL.len()]],
    ) -> Result<ProbeCost, RunError> {
        let RunFigures { makespan_s: duration_s, calls, refused, .. } = *probe;
        let mut cost_with_choice = [0.0; Portfolio::ALL.len()];
        for (cost, chosen) in cost_with_choice.iter_mut().zip(candidates) {
            let auto = chosen[SelectorName::CostModel as usize];
            let runs = self.runs.entry(&auto, seeds::first(&seeds::JUDGE, REPLICATES.0))?.runs;
            let both = runs.runs().iter().map(|run| RunFigures {
                makespan_s: duration_s + run.makespan_s,
                calls: calls + run.calls,
                refused: refused + run.refused,
                ..*run
            });
            *cost = both.collect::<Summary>().cost_s(self.goal.objective);
        }
        Ok(ProbeCost { duration_s, calls, refused, cost_with_choice })
    }

    fn forecast(&mut self, candidate: &Candidate) -> Result<Forecast, RunError> {
        if let Some(forecast) = self.forecasts.get(candidate) {
            return Ok(*forecast);
        }
        let settings = candidate.settings(seeds::FORECAST.start, self.goal);
        let forecast = forecast(&self.case.scenario, &settings)?;
        self.calls += (forecast.calls * forecast.runs as f64).round() as u64;
        self.forecasts.insert(*candidate, forecast);
        Ok(forecast)
    }

    /// The choice of each selector, in the order of [`SelectorName::ALL`].
    fn choices(
        &mut self,
        calibration: &Calibration,
        place: usize,
        portfolio: Portfolio,
    ) -> [Candidate; SelectorName::ALL.len()] {
        let (scenario, goal) = (&self.case.scenario, self.goal);
        let judged = &mut self.targets[place];
        let point = judged.target.as_ref().map(KnownTarget::point);
        let features = point.as_ref().map(|profile| TargetFeatures::of(profile));
        let pool = point.as_ref().and_then(|profile| CandidateRuns::pool_of(profile));
        let places = pool.unwrap_or(DEFAULT_WORKERS);
        let by_thresholds =
            calibration.by_thresholds(scenario, features.as_ref(), portfolio, goal).candidate;
        let auto = judged.choices[portfolio as usize].unwrap_or_else(|| {
            let target = judged.target.as_ref();
            let choice = calibration.decide(ChoiceRequest::new(scenario, goal), target, portfolio);
            self.calls += choice.simulated_calls;
            choice.candidate
        });
        // Knowledge of the target decides, and the thresholds of a calibration only without it.
        if judged.target.is_some() {
            judged.choices[portfolio as usize] = Some(auto);
        }
        [
            guide_choice(scenario.expected_resources(), scenario.mappings()),
            *calibration.single_best.of(portfolio),
            Candidate::new(Strategy::Hybrid, places, places),
            by_thresholds,
            auto,
        ]
    }

    fn replicates(&self) -> u64 {
        (CALLS / self.calls_of_a_run()).clamp(REPLICATES.0, REPLICATES.1)
    }

    fn calls_of_a_run(&self) -> u64 {
        2 * self.case.scenario.expected_resources() + 1
    }

    /// The least mean cost of `candidates` on the seeds of the judgement.
    fn least(&mut self, candidates: &[Candidate]) -> Result<f64, RunError> {
        let few =
            candidates.iter().map(|one| self.runs.cost(one, seeds::first(&seeds::JUDGE, FEW)));
        let few = few.collect::<Result<Vec<f64>, _>>()?;
        let near = few.iter().copied().fold(f64::INFINITY, f64::min);
        let mut least = f64::INFINITY;
        // What is plainly dearer is known by a few runs alone, and the least of such means is none.
        let near_ones = candidates.iter().zip(few).filter(|(_, few)| *few <= PLAINLY_DEARER * near);
        for (candidate, _) in near_ones {
            least = least.min(self.cost(candidate, near)?);
        }
        Ok(least)
    }

    /// The mean cost of `candidate`: by many runs where a few that go wrong decide it, unless it is plainly
    /// dearer than `near`.
    fn cost(&mut self, candidate: &Candidate, near: f64) -> Result<f64, RunError> {
        let first = self.runs.cost(candidate, seeds::first(&seeds::JUDGE, FEW))?;
        if first > PLAINLY_DEARER * near {
            return Ok(first);
        }
        let seeds = seeds::first(&seeds::JUDGE, self.replicates());
        let cost = self.runs.cost(candidate, seeds)?;
        let is_short = self.calls_of_a_run() <= SHORT;
        if self.case.scenario.profile.faults().is_empty() || !is_short || cost > WORTH * near {
            return Ok(cost);
        }
        self.runs.cost(candidate, seeds::first(&seeds::JUDGE, REPLICATES_WHERE_WRONG))
    }
}

impl JudgedTarget {
    /// The target of `case` as far as `knowledge` goes; a probe that yields no fit leaves nothing known.
    fn new(case: &SelectorCase, knowledge: Knowledge) -> Self {
        let scenario = &case.scenario;
        let (mut target, mut probe) = (None, None);
        let sample = match knowledge {
            Knowledge::Known => {
                target = Some(KnownTarget::of(&scenario.profile));
                None
            }
            Knowledge::Nothing => None,
            Knowledge::Probe => Some(0),
            Knowledge::ProbeSample => {
                Some(scenario.expected_resources().min(u64::from(MOST_SAMPLE)) as u32)
            }
        };
        if let Some(sample) = sample {
            let options = ProbeOptions { find_pool: true, sample, seed: seeds::PROBE.start };
            if let Ok(trace) =
                probe::run(scenario, &World::Virtual, &options, &NoJournal, Stop::NEVER)
            {
                target = TargetFit::of(&trace).ok().map(KnownTarget::probed);
                probe = Some(RunFigures {
                    makespan_s: trace.lasted().as_secs_f64(),
                    calls: trace.calls.len() as u64,
                    refused: trace.refused() as u64,
                    ..RunFigures::NONE
                });
            }
        }
        Self { knowledge, target, probe, choices: [None; Portfolio::ALL.len()] }
    }
}

impl ForecastError {
    fn new(forecast: &Forecast, runs: &Summary) -> Option<Self> {
        let makespans = sorted(runs.valid().map(|run| run.makespan_s));
        if makespans.is_empty() {
            return None;
        }
        let median = quantile(&makespans, 0.5);
        let [low, middle, high] = forecast.makespan_s;
        // A run that always takes the same time is met to the nanosecond, but for rounding.
        let near = 1e-9 * median;
        let within = makespans.iter().filter(|s| (low - near..=high + near).contains(*s)).count();
        Some(Self {
            error: if median > 0.0 { (middle - median).abs() / median } else { middle },
            forecast_s: forecast.makespan_s,
            median_s: median,
            within: within as u64,
            runs: makespans.len() as u64,
        })
    }
}

/// The table over `verdicts`, which took `simulated_calls` and `wall_s`.
pub fn judgement(verdicts: &[CaseVerdict], simulated_calls: u64, wall_s: f64) -> Judgement {
    // In the order of their names: sums of floats depend on it, and files may be read in any.
    let mut verdicts: Vec<&CaseVerdict> = verdicts.iter().collect();
    verdicts.sort_by(|a, b| a.name.cmp(&b.name));
    let of =
        |portfolio: Portfolio, knowledge: Knowledge, is_meant: &dyn Fn(&CaseVerdict) -> bool| {
            let wanted = verdicts.iter().filter(|verdict| is_meant(verdict));
            let costs = |verdict: &&CaseVerdict| verdict.with(knowledge)?.costs[portfolio as usize];
            wanted.filter_map(costs).collect::<Vec<Costs>>()
        };
    let mut profiles: Vec<&str> =
        verdicts.iter().filter_map(|verdict| verdict.profile.as_deref()).collect();
    profiles.sort_unstable();
    profiles.dedup();
    let mut probes = Vec::new();
    for knowledge in [Knowledge::ProbeSample, Knowledge::Probe] {
        let mut add = |label: &str, is_meant: &dyn Fn(&CaseVerdict) -> bool| {
            let wanted: Vec<&CaseVerdict> =
                verdicts.iter().filter(|verdict| is_meant(verdict)).copied().collect();
            probes.extend(ProbeRow::of(label, knowledge, &wanted));
        };
        add("all", &|_| true);
        for family in Family::ALL {
            add(family.name(), &|verdict| verdict.family == family);
        }
        for profile in &profiles {
            add(profile, &|verdict| verdict.profile.as_deref() == Some(*profile));
        }
    }
    let mut selectors = Vec::new();
    for knowledge in Knowledge::ALL {
        for portfolio in Portfolio::ALL {
            let mut add = |label: &str, is_meant: &dyn Fn(&CaseVerdict) -> bool| {
                let costs = of(portfolio, knowledge, is_meant);
                selectors.extend(rows(portfolio, label, knowledge, &costs));
            };
            add("all", &|_| true);
            for family in Family::ALL {
                add(family.name(), &|verdict| verdict.family == family);
            }
            for profile in &profiles {
                add(profile, &|verdict| verdict.profile.as_deref() == Some(*profile));
            }
        }
    }
    let prize = |portfolio| vbs_gap(&of(portfolio, Knowledge::Known, &|_| true));
    let errors = sorted(verdicts.iter().filter_map(|verdict| Some(verdict.forecast?.error)));
    let at = |q| if errors.is_empty() { 0.0 } else { quantile(&errors, q) };
    let (mut within, mut pairs) = (0, 0);
    for forecast in verdicts.iter().filter_map(|verdict| verdict.forecast) {
        within += forecast.within;
        pairs += forecast.runs;
    }
    Judgement {
        schema: 1,
        scenarios: verdicts.len(),
        simulated_calls,
        wall_s,
        prize: ByPortfolio { guide: prize(Portfolio::Guide), full: prize(Portfolio::Full) },
        selectors,
        probes,
        prediction: Prediction {
            median_abs_error: at(0.5),
            p95_abs_error: at(0.95),
            interval_coverage: within as f64 / f64::max(pairs as f64, 1.0),
            pairs,
        },
        left_out: Vec::new(),
    }
}
