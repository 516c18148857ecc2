//! Successive halving: the rounds of a search, and the candidates that survive one.

use super::MOST_TIMES;
use crate::experiment::{Candidate, Portfolio};
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{Guard, Reads, Strategy};
use std::mem::{Discriminant, discriminant};

/// A round of a search.
#[derive(Clone, Copy, Debug)]
pub(in crate::select) struct Round {
    /// Runs of each candidate, as a share of those of the last round.
    pub(in crate::select) runs: f64,
    /// Cost as a multiple of the least up to which a candidate goes on.
    pub(in crate::select) at_most: f64,
    /// True if it is by the first accounts of a long plan alone, scaled up.
    pub(in crate::select) is_rough: bool,
    /// True if candidates next to the leaders join after it, and where colleagues edit, the leaders with a guard.
    pub(in crate::select) refines: bool,
}

/// A search by successive halving.
///
/// Source: Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits", ICML 2013.
#[derive(Clone, Copy, Debug)]
pub(in crate::select) struct Search {
    pub(in crate::select) rounds: &'static [Round],
    /// Calls of the runs of a candidate in the last round, and those runs at least and at most.
    pub(in crate::select) calls: u64,
    pub(in crate::select) runs: (u64, u64),
    /// Multiple of the least cost under a seed after which a run is ended, being hopeless.
    pub(in crate::select) hopeless: f64,
}

/// The candidates of a search, and the choices that it is for.
#[derive(Clone, Debug)]
pub(in crate::select) struct CandidateSet {
    /// The candidates that it begins with; ties go to the first.
    pub(in crate::select) candidates: Vec<Candidate>,
    /// Candidates of which those next to the leaders join in a round that refines.
    pub(in crate::select) joining: Vec<Candidate>,
    /// The portfolios whose best is searched.
    pub(in crate::select) portfolios: &'static [Portfolio],
}

/// A round of so many runs, as a share of the last round's, after which a candidate goes on that costs at most so many times the least.
pub(in crate::select) const fn round(runs: f64, at_most: f64) -> Round {
    Round { runs, at_most, is_rough: false, refines: false }
}

/// The search of a choice: a coarse grid, then what is next to the leaders.
pub(in crate::select) const CHOICE: Search = Search {
    rounds: &[
        Round { is_rough: true, ..round(0.025, 2.0) },
        Round { refines: true, ..round(0.12, 1.3) },
        round(0.12, 1.25),
        round(0.35, 1.1),
        round(1.0, 1.0),
    ],
    calls: 8_000,
    runs: (16, 200),
    hopeless: 3.0,
};

/// The same on an uncertain target: the profiles that decide come late, so more candidates go on, by shorter parts.
pub(in crate::select) const UNCERTAIN_CHOICE: Search = Search {
    rounds: &[
        Round { is_rough: true, ..round(0.04, 2.0) },
        Round { is_rough: true, refines: true, ..round(0.15, 1.4) },
        round(0.15, 1.25),
        round(0.4, 1.1),
        round(1.0, 1.0),
    ],
    calls: 8_000,
    runs: (64, 200),
    hopeless: MOST_TIMES,
};

/// The search of the best of a whole grid.
pub(in crate::select) const THOROUGH: Search = Search {
    rounds: &[
        Round { is_rough: true, ..round(0.025, 2.0) },
        // All of the grid is in the race: what joins is guarded leaders, where colleagues edit.
        Round { refines: true, ..round(0.1, 1.4) },
        round(0.3, 1.15),
        round(1.0, 1.0),
    ],
    calls: 8_000,
    runs: (8, 100),
    hopeless: 3.0,
};

/// Candidates of each portfolio that go on at least.
const FEWEST: usize = 4;

/// A class of candidates of which some survive each round.
pub(super) type Class = (Portfolio, bool);

/// The way in which a candidate works: all but its figures.
fn kind(
    one: &Candidate,
) -> (Strategy, Option<Discriminant<Limiter>>, Option<Reads>, Option<Guard>) {
    (one.strategy, one.limiter.as_ref().map(discriminant), one.reads, one.guard)
}

/// The survivors of a round, cheapest first: in each class what costs at most `at_most` times its least, if it is of
/// the cheaper half or the cheapest of its kind, and at least a few. Many that are nearly alike do not crowd out
/// another way that a few runs make look a little dearer.
pub(super) fn survivors(
    racing: &[Candidate],
    classes: &[Class],
    cost_s: impl Fn(&Candidate) -> f64,
    at_most: f64,
) -> Vec<Candidate> {
    let mut order: Vec<(f64, Candidate)> = racing.iter().map(|one| (cost_s(one), *one)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut goes_on = vec![false; order.len()];
    for (portfolio, adapts) in classes {
        let is_in = |one: &Candidate| portfolio.holds(one) && (!adapts || one.adapts());
        let held: Vec<usize> = (0..order.len()).filter(|place| is_in(&order[*place].1)).collect();
        let least = held.first().map_or(f64::INFINITY, |place| order[*place].0);
        let mut kinds = Vec::new();
        for (rank, &place) in held.iter().enumerate() {
            let (cost_s, candidate) = &order[place];
            let is_new = !kinds.contains(&kind(candidate));
            kinds.extend(is_new.then(|| kind(candidate)));
            let stands_out = is_new || 2 * rank < held.len();
            goes_on[place] |= rank < FEWEST || *cost_s <= at_most * least && stands_out;
        }
    }
    let kept = order.into_iter().zip(goes_on).filter(|(_, goes_on)| *goes_on);
    kept.map(|((_, candidate), _)| candidate).collect()
}
