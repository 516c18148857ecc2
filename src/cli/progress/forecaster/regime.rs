//! A change of the server's behaviour in words: what changed, what to do, and what that would gain.

use neonbench::experiment::{ChangedFigure, Course, RegimeChange, regime_change};
use neonbench::text::{duration, percent};
use neonbench_engine::engine::Settings;
use neonbench_engine::engine::limiter::Limiter;

/// Two changes that lie closer together, as a share of the accounts that have ended, are one.
const APART: f64 = 0.1;

/// Tells each change once.
#[derive(Debug, Default)]
pub(super) struct RegimeWatch {
    told: Option<u64>,
}

impl RegimeWatch {
    /// The latest change of `course`, if it was not told yet.
    pub(super) fn look(&mut self, course: &Course) -> Option<RegimeChange> {
        let change = regime_change(course).filter(is_the_servers)?;
        let apart = course.landed() as f64 * APART;
        if self.told.is_some_and(|told| (change.since as f64 - told as f64).abs() <= apart) {
            return None;
        }
        self.told = Some(change.since);
        Some(change)
    }
}

/// Accounts from which on a change may be the server's: before them the run finds its limits.
const WARM_UP: u64 = 64;

/// False of a change that the run itself may have made: it finds its limits at its start, and more of them later.
fn is_the_servers(change: &RegimeChange) -> bool {
    let is_ours = match change.figure {
        // Accounts that need no write take less time than others: that is the plan's.
        ChangedFigure::Pace => true,
        ChangedFigure::InFlight(_) => !change.is_slower(),
        ChangedFigure::Refused(_) | ChangedFigure::Service(_) => false,
    };
    change.since >= WARM_UP && !is_ours
}

/// The change in words.
pub(super) fn in_words(change: &RegimeChange) -> String {
    let [before, after] = change.values;
    match change.figure {
        ChangedFigure::Refused(endpoint) => format!(
            "{} refuses {} of the calls, before {}",
            endpoint.name(),
            percent(after),
            percent(before)
        ),
        ChangedFigure::Service(endpoint) => {
            let [before, after] = [before, after].map(duration);
            format!("{} takes {after} per call, before {before}", endpoint.name())
        }
        ChangedFigure::InFlight(endpoint) => {
            format!("{} takes {after:.1} calls at a time, before {before:.1}", endpoint.name())
        }
        ChangedFigure::Pace => {
            let [before, after] = [before, after].map(duration);
            format!("an account takes {after}, before {before}")
        }
    }
}

/// Advice about it, where the rest takes `left_s` as it is: `simulated` gives the same under other settings.
pub(super) fn advice(
    change: &RegimeChange,
    course: &Course,
    left_s: f64,
    (id, settings): (Option<i64>, &Settings),
    simulated: &dyn Fn(&Settings) -> Option<[f64; 3]>,
) -> String {
    let left = course.left().unwrap_or_default();
    let former_s = left as f64 * change.account_s[0];
    let (now, former) = (duration(left_s), duration(former_s));
    let rest = format!("the rest takes about {now} as it is now, at the former pace {former}");
    if !change.is_slower() {
        return format!("{rest}; there is nothing to do");
    }
    let wait = duration((left_s - former_s).max(0.0));
    let Some(id) = id else {
        return format!("{rest}; to pause it pays if the server recovers within {wait}");
    };
    let pause = format!(
        "`neonbench pause {id}` pays if the server recovers within {wait}; `neonbench go {id}` goes on"
    );
    let slower = matches!(change.figure, ChangedFigure::Refused(_))
        .then(|| slowed(settings))
        .flatten()
        .and_then(|settings| simulated(&settings))
        .map(|[_, middle, _]| {
            format!(
                "; `neonbench slow {id} --headroom 1` leaves a place to others, and the rest takes about {}",
                duration(middle)
            )
        });
    format!("{rest}; {pause}{}", slower.unwrap_or_default())
}

/// The settings with a place more for others.
fn slowed(settings: &Settings) -> Option<Settings> {
    let limiter = match settings.limiter {
        Limiter::Adaptive { headroom, manners, echo } => {
            Limiter::Adaptive { headroom: headroom + 1, manners, echo }
        }
        _ => return None,
    };
    Some(Settings { limiter, ..settings.clone() })
}
