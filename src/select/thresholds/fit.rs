//! Fits the readable rule to a sweep, by trying everything.

use super::super::calibration::ByPortfolio;
use super::super::features::{CapacityMargin, LimitKind};
use super::super::sweep::SweepResult;
use super::{ThresholdRow, Thresholds, capacity};
use crate::experiment::{Candidate, MAX_WORKERS, Portfolio, grid};
use neonbench_engine::engine::Strategy;

/// Bounds on accounts for each place that are tried.
const ACCOUNTS_A_PLACE: [u64; 7] = [1, 2, 3, 5, 10, 20, 50];

/// Bounds on mappings that are tried.
const MAPPINGS: [u64; 4] = [1, 2, 3, 5];

/// Shares of windows that are tried.
const OF_WINDOWS: [f64; 6] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Deviations left free beside others that are tried.
const DEVIATIONS_FOR_OTHERS: [f64; 3] = [0.0, 0.5, 1.0];

/// Saving that a further row must bring, in mean cost ÷ best: a rule is for people to read.
const WORTH_A_ROW: f64 = 0.02;

/// Cases that a bound must have on each side: what fewer speak for is chance.
const FEWEST_CASES: usize = 5;

/// No case counts for more than this: one that goes wrong must not decide for all.
const MOST_RATIO: f64 = 10.0;

impl Thresholds {
    /// Fits the rules of both portfolios to a sweep.
    ///
    /// The rule of all strategies says when our own takes over from what the rule of the guide's
    /// strategies says, and nothing else: so few rows are not fitted to chance.
    pub(in crate::select) fn fit(swept: &[SweepResult]) -> ByPortfolio<Self> {
        let mut tried = Vec::new();
        for of_windows in OF_WINDOWS {
            for deviations_for_others in DEVIATIONS_FOR_OTHERS {
                tried.push(CapacityMargin { of_windows, deviations_for_others });
            }
        }
        let guide = Self::best(swept, Portfolio::Guide, &tried, &guides_actions());
        let mut actions: Vec<ThresholdRow> =
            guide.rows.iter().map(ThresholdRow::unbounded).collect();
        actions.push(action(Strategy::Pipelined, 0, 1));
        let full = Self::best(swept, Portfolio::Full, &[guide.using()], &actions);
        ByPortfolio { guide, full }
    }

    /// The best rule of some of `actions`: one for whatever limits, or one for each limit with bounds
    /// of its own, whichever comes out cheaper by what its rows are worth.
    fn best(
        swept: &[SweepResult],
        portfolio: Portfolio,
        tried: &[CapacityMargin],
        actions: &[ThresholdRow],
    ) -> Self {
        let mut best: Option<(f64, Self)> = None;
        for using in tried {
            let actions = Actions::new(swept, portfolio, *using, actions);
            for (mean, rows) in [actions.alike(), actions.by_limit()] {
                let cost = mean + WORTH_A_ROW * rows.len() as f64;
                if best.as_ref().is_none_or(|(least, _)| cost < least - 1e-9) {
                    let rule = Self {
                        of_windows: using.of_windows,
                        deviations_for_others: using.deviations_for_others,
                        places_if_unknown: actions.places_if_unknown,
                        rows,
                    };
                    best = Some((cost, rule));
                }
            }
        }
        best.expect("something was tried").1
    }
}

/// A case as a rule sees it.
struct ThresholdCase {
    resources: u64,
    mappings: u64,
    places: u32,
    limit: LimitKind,
}

/// Every action, and what it costs in every case.
struct Actions {
    rows: Vec<ThresholdRow>,
    /// By action, then by case: cost ÷ best.
    ratios: Vec<Vec<f64>>,
    /// The same where nothing is known of the target.
    ratios_if_unknown: Vec<Vec<f64>>,
    jobs: Vec<ThresholdCase>,
    places_if_unknown: u32,
}

impl Actions {
    fn new(
        swept: &[SweepResult],
        portfolio: Portfolio,
        using: CapacityMargin,
        actions: &[ThresholdRow],
    ) -> Self {
        let rows = actions.to_vec();
        let job = |swept: &SweepResult| {
            let SweepResult { resources, mappings, .. } = *swept;
            let (places, limit) = capacity(resources, &swept.features, using);
            ThresholdCase { resources, mappings, places, limit }
        };
        let jobs: Vec<ThresholdCase> = swept.iter().map(job).collect();
        let ratios = |row: &ThresholdRow, places: &dyn Fn(&ThresholdCase) -> u32| -> Vec<f64> {
            let cases = swept.iter().zip(&jobs);
            cases.map(|(swept, job)| ratio(row, swept, job, places(job), portfolio)).collect()
        };
        let table = |places: &dyn Fn(&ThresholdCase) -> u32| {
            rows.iter().map(|row| ratios(row, places)).collect()
        };
        // A target whose limits nobody looked for may have any: that of each case.
        let total = |unknown: u32| ratios(&rows[0], &|_| unknown).iter().sum::<f64>();
        let places_if_unknown = (1..=MAX_WORKERS)
            .min_by(|a, b| total(*a).total_cmp(&total(*b)))
            .expect("workers to try");
        let (ratios, ratios_if_unknown) = (table(&|job| job.places), table(&|_| places_if_unknown));
        Self { rows, ratios, ratios_if_unknown, jobs, places_if_unknown }
    }

    /// The action that costs least in `cases`, and the sum of its ratios there.
    fn best(&self, ratios: &[Vec<f64>], cases: &[usize]) -> (f64, ThresholdRow) {
        let total = |action: usize| cases.iter().map(|case| ratios[action][*case]).sum::<f64>();
        let action = (0..self.rows.len())
            .min_by(|a, b| total(*a).total_cmp(&total(*b)))
            .expect("actions to choose among");
        (total(action), self.rows[action].clone())
    }

    /// The best rows for `cases`, all of which `limit` limits where it is known, and the sum of
    /// their ratios: every pair of bounds with the best action between them.
    fn bounded(&self, limit: Option<LimitKind>, cases: &[usize]) -> (f64, Vec<ThresholdRow>) {
        let bounds = |all: &[u64]| -> Vec<Option<u64>> {
            std::iter::once(None).chain(all.iter().copied().map(Some)).collect()
        };
        let mut best: Option<(f64, f64, Vec<ThresholdRow>)> = None;
        for a_place in bounds(&ACCOUNTS_A_PLACE) {
            for mappings in bounds(&MAPPINGS) {
                let Some((sum, rows)) = self.split(limit, cases, a_place, mappings) else {
                    continue;
                };
                let worth = WORTH_A_ROW * (rows.len() * self.jobs.len()) as f64;
                if best.as_ref().is_none_or(|(least, ..)| sum + worth < least - 1e-9) {
                    best = Some((sum + worth, sum, rows));
                }
            }
        }
        let (_, sum, rows) = best.expect("something was tried");
        (sum, rows)
    }

    /// Rows between those bounds; `None` where too few cases speak for one.
    fn split(
        &self,
        limit: Option<LimitKind>,
        cases: &[usize],
        a_place: Option<u64>,
        mappings: Option<u64>,
    ) -> Option<(f64, Vec<ThresholdRow>)> {
        let sides = |is_split: bool| if is_split { vec![true, false] } else { vec![false] };
        let side = |job: &ThresholdCase| {
            (
                a_place.is_some_and(|most| job.resources <= most * u64::from(job.places)),
                mappings.is_some_and(|most| job.mappings <= most),
            )
        };
        let mut rows: Vec<ThresholdRow> = Vec::new();
        let mut sum = 0.0;
        for is_few in sides(a_place.is_some()) {
            for is_simple in sides(mappings.is_some()) {
                let within = cases.iter().copied();
                let within: Vec<usize> =
                    within.filter(|case| side(&self.jobs[*case]) == (is_few, is_simple)).collect();
                if within.len() < FEWEST_CASES.min(cases.len()) {
                    return None;
                }
                let (total, row) = self.best(&self.ratios, &within);
                sum += total;
                rows.push(ThresholdRow {
                    accounts_a_place_up_to: a_place.filter(|_| is_few),
                    mappings_up_to: mappings.filter(|_| is_simple),
                    limited_by: limit,
                    ..row
                });
            }
        }
        Some((sum, without_repetition(rows)))
    }

    /// One rule for whatever limits, and its mean ratio.
    fn alike(&self) -> (f64, Vec<ThresholdRow>) {
        let all: Vec<usize> = (0..self.jobs.len()).collect();
        let (sum, rows) = self.bounded(None, &all);
        (sum / all.len().max(1) as f64, rows)
    }

    /// Rows for each limit, a last one for targets of which nothing is known, and the mean ratio
    /// where something is.
    fn by_limit(&self) -> (f64, Vec<ThresholdRow>) {
        let all: Vec<usize> = (0..self.jobs.len()).collect();
        let mut rows = Vec::new();
        let mut sum = 0.0;
        for limit in LimitKind::ALL {
            let limited = all.iter().copied();
            let limited: Vec<usize> =
                limited.filter(|case| self.jobs[*case].limit == limit).collect();
            if !limited.is_empty() {
                let (total, of_limit) = self.bounded(Some(limit), &limited);
                sum += total;
                rows.extend(of_limit);
            }
        }
        rows.push(self.best(&self.ratios_if_unknown, &all).1);
        (sum / all.len().max(1) as f64, without_repetition(rows))
    }
}

/// A row without bounds.
const fn action(
    strategy: Strategy,
    workers_beyond_places: i32,
    batch_per_worker: u32,
) -> ThresholdRow {
    ThresholdRow {
        accounts_a_place_up_to: None,
        mappings_up_to: None,
        limited_by: None,
        strategy,
        workers_beyond_places,
        batch_per_worker,
    }
}

/// Actions that rows of the guide's strategies may name.
fn guides_actions() -> Vec<ThresholdRow> {
    let mut rows = Vec::new();
    for beyond in [0, -1, 1, 2] {
        for batch in [1, 2, 5] {
            rows.push(action(Strategy::Hybrid, beyond, batch));
        }
    }
    rows.push(action(Strategy::PutBatch, 0, 1));
    rows.push(action(Strategy::Parallel, 0, 1));
    rows.push(action(Strategy::Standard, 0, 1));
    rows
}

impl ThresholdRow {
    /// The action that it names.
    fn unbounded(&self) -> Self {
        action(self.strategy, self.workers_beyond_places, self.batch_per_worker)
    }
}

/// Cost of `row` in a case whose capacity is taken for `places`, as a multiple of the best.
fn ratio(
    row: &ThresholdRow,
    swept: &SweepResult,
    job: &ThresholdCase,
    places: u32,
    portfolio: Portfolio,
) -> f64 {
    let canonical = |one: &Candidate| one.canonical(job.resources, job.mappings);
    let wanted = canonical(&row.candidate(places));
    let place = grid().iter().position(|one| canonical(one) == wanted);
    let ratio = place.and_then(|place| swept.ratio(portfolio, place));
    ratio.unwrap_or(MOST_RATIO).min(MOST_RATIO)
}

/// `rows` without those that say what the next one does, which fits wherever they do.
fn without_repetition(mut rows: Vec<ThresholdRow>) -> Vec<ThresholdRow> {
    let mut place = 0;
    while place + 1 < rows.len() {
        let (row, next) = (&rows[place], &rows[place + 1]);
        let is_covered = (next.accounts_a_place_up_to.is_none()
            || next.accounts_a_place_up_to == row.accounts_a_place_up_to)
            && (next.mappings_up_to.is_none() || next.mappings_up_to == row.mappings_up_to)
            && (next.limited_by.is_none() || next.limited_by == row.limited_by);
        if is_covered && row.unbounded() == next.unbounded() {
            rows.remove(place);
            place = 0;
        } else {
            place += 1;
        }
    }
    rows
}
