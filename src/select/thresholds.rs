//! The readable selector: a few rows over accounts, mappings and places, the first that fits decides.

use super::configuration::{Configuration, MAX_WORKERS, Portfolio, grid};
use super::model::Work;
use super::observed::{LimitKind, Observed};
use super::swept::Swept;
use crate::engine::Strategy;
use serde::{Deserialize, Serialize};

/// A row of the rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// It is for so many accounts for each place at most; without it for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts_a_place_up_to: Option<u64>,
    /// It is for so many mappings at most; without it for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings_up_to: Option<u64>,
    /// It is for places that are so limited; without it for any, and where nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<LimitKind>,
    /// The strategy.
    pub strategy: Strategy,
    /// Workers beyond the places; less than none leaves places free.
    pub workers_beyond_places: i32,
    /// Accounts in memory for each worker.
    pub batch_per_worker: u32,
}

/// The rule of one portfolio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Share used of the places that a window comes to by Little's law.
    pub of_windows: f64,
    /// Places where nothing is known of any limit.
    pub places_if_unknown: u32,
    /// The first row that fits decides. The last fits all.
    pub rows: Vec<Row>,
}

/// Bounds on accounts for each place that are tried.
const ACCOUNTS_A_PLACE: [u64; 7] = [1, 2, 3, 5, 10, 20, 50];

/// Bounds on mappings that are tried.
const MAPPINGS: [u64; 4] = [1, 2, 3, 5];

/// Shares of windows that are tried.
const OF_WINDOWS: [f64; 6] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// What a further row must save, in mean cost ÷ best: a rule is for people to read.
const WORTH_A_ROW: f64 = 0.02;

/// No case counts for more than this: one that goes wrong must not decide for all.
const MOST_RATIO: f64 = 10.0;

impl Thresholds {
    /// The places on the target that `observed` describes; those assumed where it says nothing.
    pub fn places(&self, resources: u64, observed: Option<&Observed>) -> (u32, Option<LimitKind>) {
        let found = observed.and_then(|observed| observed.places(resources, self.of_windows));
        found.map_or((self.places_if_unknown, None), |(places, kind)| (whole(places), Some(kind)))
    }

    /// The choice for so many accounts and mappings, and the row that decided.
    ///
    /// Panics without rows; a file without any is refused.
    pub fn choose(
        &self,
        resources: u64,
        mappings: u64,
        places: u32,
        kind: Option<LimitKind>,
    ) -> (Configuration, &Row) {
        let fits = |row: &&Row| {
            row.accounts_a_place_up_to.is_none_or(|most| resources <= most * u64::from(places))
                && row.mappings_up_to.is_none_or(|most| mappings <= most)
                && row.limited_by.is_none_or(|limit| kind == Some(limit))
        };
        let row = self.rows.iter().find(fits).or(self.rows.last()).expect("a rule has rows");
        (row.configuration(places), row)
    }

    /// Fits the rule of `portfolio` to a sweep, by trying every pair of bounds and the best action
    /// between them.
    pub fn fit(swept: &[Swept], portfolio: Portfolio) -> Self {
        let mut best: Option<(f64, Self)> = None;
        let bounds = |all: &[u64]| -> Vec<Option<u64>> {
            std::iter::once(None).chain(all.iter().copied().map(Some)).collect()
        };
        for of_windows in OF_WINDOWS {
            let actions = Actions::new(swept, portfolio, of_windows);
            let a_place = bounds(&ACCOUNTS_A_PLACE);
            let splits =
                a_place.iter().flat_map(|a_place| [false, true].map(|by_kind| (*a_place, by_kind)));
            for (a_place, by_kind) in splits {
                for mappings in bounds(&MAPPINGS) {
                    let (mean, rows) = actions.rows(swept, Split { a_place, mappings, by_kind });
                    let cost = mean + WORTH_A_ROW * rows.len() as f64;
                    if best.as_ref().is_none_or(|(least, _)| cost < least - 1e-9) {
                        let places_if_unknown = actions.places_if_unknown;
                        best = Some((cost, Self { of_windows, places_if_unknown, rows }));
                    }
                }
            }
        }
        best.expect("something was tried").1
    }
}

impl Row {
    /// Whether both say the same, wherever they are.
    fn does_as(&self, other: &Self) -> bool {
        let action = |row: &Self| (row.strategy, row.workers_beyond_places, row.batch_per_worker);
        action(self) == action(other)
    }

    fn configuration(&self, places: u32) -> Configuration {
        let workers =
            places.saturating_add_signed(self.workers_beyond_places).clamp(1, MAX_WORKERS);
        match self.strategy {
            // These have one worker, or rule themselves.
            Strategy::Standard | Strategy::PutBatch | Strategy::Pipelined => {
                Configuration { strategy: self.strategy, workers: 5, batch_size: 50 }
            }
            Strategy::Parallel => {
                Configuration { strategy: self.strategy, workers, batch_size: 50 }
            }
            Strategy::Hybrid => Configuration {
                strategy: self.strategy,
                workers,
                batch_size: workers * self.batch_per_worker,
            },
        }
    }
}

/// Whole places: none is half a place, but for rounding.
fn whole(places: f64) -> u32 {
    ((places + 1e-6) as u32).max(1)
}

/// Bounds between the rows of a rule.
#[derive(Clone, Copy)]
struct Split {
    a_place: Option<u64>,
    mappings: Option<u64>,
    by_kind: bool,
}

/// Every action, and what it costs in every case.
struct Actions {
    rows: Vec<Row>,
    /// By action, then by case: cost ÷ best.
    ratios: Vec<Vec<f64>>,
    /// By case.
    places: Vec<(u32, Option<LimitKind>)>,
    places_if_unknown: u32,
}

impl Actions {
    fn new(swept: &[Swept], portfolio: Portfolio, of_windows: f64) -> Self {
        let row = |strategy, workers_beyond_places, batch_per_worker| Row {
            accounts_a_place_up_to: None,
            mappings_up_to: None,
            limited_by: None,
            strategy,
            workers_beyond_places,
            batch_per_worker,
        };
        let mut rows = Vec::new();
        for beyond in [0, -1, 1, 2] {
            for batch in [1, 2, 5] {
                rows.push(row(Strategy::Hybrid, beyond, batch));
            }
        }
        rows.push(row(Strategy::PutBatch, 0, 1));
        rows.push(row(Strategy::Parallel, 0, 1));
        rows.push(row(Strategy::Standard, 0, 1));
        if portfolio == Portfolio::Full {
            rows.push(row(Strategy::Pipelined, 0, 1));
        }
        let grid = grid();
        let found = |swept: &Swept| swept.observed.places(swept.work.resources as u64, of_windows);
        let ratio = |row: &Row, swept: &Swept, unknown: u32| {
            let places = found(swept).map_or(unknown, |(places, _)| whole(places));
            let wanted = row.configuration(places);
            let (resources, mappings) = (swept.work.resources as u64, swept.work.mappings as u64);
            let alike = wanted.behaviour(resources, mappings);
            let place = grid.iter().position(|other| other.behaviour(resources, mappings) == alike);
            let ratio = place.and_then(|place| swept.ratio(portfolio, place));
            ratio.unwrap_or(MOST_RATIO).min(MOST_RATIO)
        };
        let total = |unknown: u32| {
            // A target whose limits nobody looked for may have any: that of each case.
            let configuration = rows[0].configuration(unknown);
            let place = grid.iter().position(|other| *other == configuration);
            let ratios = swept.iter().filter_map(|swept| swept.ratio(portfolio, place?));
            ratios.map(|ratio| ratio.min(MOST_RATIO)).sum::<f64>()
        };
        let places_if_unknown = (1..=MAX_WORKERS)
            .min_by(|a, b| total(*a).total_cmp(&total(*b)))
            .expect("workers to try");
        let ratios = rows
            .iter()
            .map(|row| swept.iter().map(|swept| ratio(row, swept, places_if_unknown)).collect())
            .collect();
        let places = swept.iter().map(|swept| {
            found(swept)
                .map_or((places_if_unknown, None), |(places, kind)| (whole(places), Some(kind)))
        });
        Self { rows, ratios, places: places.collect(), places_if_unknown }
    }

    /// The rows of that split with the best action in each, and the mean ratio.
    fn rows(&self, swept: &[Swept], split: Split) -> (f64, Vec<Row>) {
        let sides = |is_split: bool| if is_split { vec![true, false] } else { vec![false] };
        let side = |case: usize| {
            let (places, kind) = self.places[case];
            let Work { resources, mappings, .. } = swept[case].work;
            (
                split.a_place.is_some_and(|most| resources as u64 <= most * u64::from(places)),
                split.mappings.is_some_and(|most| mappings as u64 <= most),
                kind.filter(|_| split.by_kind),
            )
        };
        let mut rows: Vec<Row> = Vec::new();
        let mut sum = 0.0;
        let kinds = [Some(LimitKind::Pool), Some(LimitKind::Window), Some(LimitKind::Load), None];
        let kinds = if split.by_kind { &kinds[..] } else { &kinds[3..] };
        for is_few in sides(split.a_place.is_some()) {
            for kind in kinds {
                for is_simple in sides(split.mappings.is_some()) {
                    let cases: Vec<usize> = (0..swept.len())
                        .filter(|case| side(*case) == (is_few, is_simple, *kind))
                        .collect();
                    let total = |action: usize| {
                        cases.iter().map(|case| self.ratios[action][*case]).sum::<f64>()
                    };
                    let action = (0..self.rows.len())
                        .min_by(|a, b| total(*a).total_cmp(&total(*b)))
                        .expect("actions to choose among");
                    sum += total(action);
                    rows.push(Row {
                        accounts_a_place_up_to: split.a_place.filter(|_| is_few),
                        mappings_up_to: split.mappings.filter(|_| is_simple),
                        limited_by: *kind,
                        ..self.rows[action].clone()
                    });
                }
            }
        }
        (sum / swept.len().max(1) as f64, without_repetition(rows))
    }
}

/// `rows` without those that say what the next one does, which fits wherever they do.
fn without_repetition(mut rows: Vec<Row>) -> Vec<Row> {
    let mut place = 0;
    while place + 1 < rows.len() {
        let (row, next) = (&rows[place], &rows[place + 1]);
        let is_covered = (next.accounts_a_place_up_to.is_none()
            || next.accounts_a_place_up_to == row.accounts_a_place_up_to)
            && (next.mappings_up_to.is_none() || next.mappings_up_to == row.mappings_up_to)
            && (next.limited_by.is_none() || next.limited_by == row.limited_by);
        if is_covered && row.does_as(next) {
            rows.remove(place);
            place = 0;
        } else {
            place += 1;
        }
    }
    rows
}
