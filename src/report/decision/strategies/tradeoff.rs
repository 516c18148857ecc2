//! The figure that is set against time: refusals or, where nearly no call is refused, edits of colleagues.

use crate::report::shared::league::{CLIFF, RankedStrategy};
use crate::stats::pareto_front;
use crate::text::AT_RISK;
use serde::Serialize;

/// Each strategy's time against one other figure, of which less is better.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Tradeoff {
    /// The figure that stands against the makespan.
    pub against: Drawback,
    /// The figure of each row of the league; none of one that is not valid.
    pub figures: Vec<Option<f64>>,
    /// True for each row that no other beats in both.
    pub is_on_frontier: Vec<bool>,
    /// The result, in words.
    pub title: String,
    /// The meaning of the figure, in a sentence.
    pub meaning: String,
}

/// A figure of which less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Drawback {
    /// Share of the calls that were refused.
    Refused,
    /// Edits of colleagues overwritten per run.
    Overwritten,
    /// Edits to expect between the reading and the writing of 1,000 accounts.
    AtRisk,
}

/// Figures of which the least is so large a part of the largest tell nothing apart.
const ALIKE: f64 = 0.95;

impl Drawback {
    fn of(self, row: &RankedStrategy) -> f64 {
        match self {
            Self::Refused => row.refused,
            Self::Overwritten => row.edits.edits_overwritten,
            Self::AtRisk => row.edits.edits_at_risk,
        }
    }

    /// The figure, as an axis names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "share of calls refused",
            Self::Overwritten => "edits overwritten per run",
            Self::AtRisk => "edits at risk per 1,000 accounts",
        }
    }

    /// Words for the title: which strategy has least, less or more of it.
    const fn degrees(self) -> [&'static str; 3] {
        match self {
            Self::Refused => ["is the least often refused", "less often refused", "more refusals"],
            Self::Overwritten => [
                "overwrites the fewest edits",
                "safer for edits of colleagues",
                "more edits overwritten",
            ],
            Self::AtRisk => [
                "puts the fewest edits at risk",
                "safer for edits of colleagues",
                "more edits at risk",
            ],
        }
    }
}

impl Tradeoff {
    /// Of the rows of `league`; `None` where fewer than two are valid, or nothing tells them apart.
    pub(crate) fn of(league: &[RankedStrategy]) -> Option<Self> {
        let valid: Vec<usize> = (0..league.len()).filter(|place| league[*place].is_valid).collect();
        let figures = |risk: Drawback| valid.iter().map(move |place| risk.of(&league[*place]));
        let range = |risk: Drawback| {
            figures(risk)
                .fold([f64::MAX, 0.0], |[low, high]: [f64; 2], it| [low.min(it), high.max(it)])
        };
        let candidates =
            [(Drawback::Refused, CLIFF), (Drawback::Overwritten, 0.0), (Drawback::AtRisk, 0.0)];
        let (against, _) = candidates.into_iter().find(|(risk, more_than)| {
            let [low, high] = range(*risk);
            low < ALIKE * high && high > *more_than
        })?;
        let point = |place: &usize| [league[*place].makespan_s[1], against.of(&league[*place])];
        let front = pareto_front(&valid.iter().map(point).collect::<Vec<_>>());
        let mut is_on_frontier = vec![false; league.len()];
        for place in &front {
            is_on_frontier[valid[*place]] = true;
        }
        let [least, less, more] = against.degrees();
        let mut names: Vec<String> =
            front.iter().map(|place| league[valid[*place]].name.clone()).collect();
        let title = if let [only] = names.as_slice() {
            format!("{only} is the fastest and {least}")
        } else if names.len() == valid.len() {
            format!("Faster means {more}")
        } else {
            let end = names.pop().unwrap_or_default();
            format!("No strategy is both faster and {less} than {} or {end}", names.join(", "))
        };
        let meaning = match against {
            Drawback::Refused => "Refused calls are answered with 429.".to_owned(),
            Drawback::Overwritten => {
                "An edit is overwritten if a colleague saves it between the reading and the writing of its account."
                    .to_owned()
            }
            Drawback::AtRisk => format!("Edits at risk{AT_RISK}."),
        };
        let figure = |row: &RankedStrategy| row.is_valid.then(|| against.of(row));
        let figures = league.iter().map(figure).collect();
        Some(Self { against, figures, is_on_frontier, title, meaning })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::decision::DecisionModel;

    /// The league of the fixture with `figures` per row: makespan, share refused, edits at risk.
    fn tradeoff(figures: [[f64; 3]; 3]) -> Option<Tradeoff> {
        let (decision, _) = crate::report::fixture::decision();
        let mut league = DecisionModel::new(&decision).league;
        league.truncate(3);
        for (row, [time_s, refused, edits_at_risk]) in league.iter_mut().zip(figures) {
            (row.makespan_s, row.refused) = ([time_s; 3], refused);
            row.edits.edits_at_risk = edits_at_risk;
        }
        Tradeoff::of(&league)
    }

    #[test]
    fn edits_are_what_counts_where_nearly_nothing_is_refused() {
        let refused = tradeoff([[10.0, 0.2, 9.0], [20.0, 0.0, 5.0], [30.0, 0.0, 1.0]]).unwrap();
        assert_eq!(
            (refused.against, refused.is_on_frontier),
            (Drawback::Refused, vec![true, true, false])
        );
        assert!(
            refused.title.starts_with("No strategy is both faster and less often refused than ")
        );
        let edits = tradeoff([[10.0, 0.019, 9.0], [20.0, 0.0, 5.0], [30.0, 0.0, 1.0]]).unwrap();
        assert_eq!((edits.against, edits.is_on_frontier), (Drawback::AtRisk, vec![true; 3]));
        assert_eq!(edits.title, "Faster means more edits at risk");
        let one = tradeoff([[10.0, 0.0, 1.0], [20.0, 0.0, 5.0], [30.0, 0.0, 9.0]]).unwrap();
        assert!(one.title.ends_with(" is the fastest and puts the fewest edits at risk"));
    }

    #[test]
    fn where_nothing_tells_strategies_apart_there_is_none() {
        assert_eq!(tradeoff([[10.0, 0.0, 0.0], [20.0, 0.0, 0.0], [30.0, 0.0, 0.0]]), None);
        assert_eq!(tradeoff([[10.0, 0.0, 2.0], [20.0, 0.0, 2.0], [30.0, 0.0, 2.0]]), None);
    }
}
