//! `quiet`: the migration runs while few people edit, and ends before its window does.

use super::{Item, ItemStage};
use crate::preflight::subject::{Preflight, PreflightError};
use crate::preflight::{ItemResult, ItemStatus};
use crate::text::{duration, sig3};
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime, Weekday};

pub(super) const ITEM: Item = Item {
    name: "quiet",
    question: "Does the migration run in quiet hours, and end before its window does?",
    stage: ItemStage::Reads,
    is_sized: false,
    reads: 0,
    run,
};

const HOURS_OF_WEEK: i64 = 168;

/// Weeks of edits that are counted.
const WEEKS: i64 = 26;

const WEEK_S: i64 = 7 * 24 * 3600;

/// Edits during a migration that are none to speak of.
const FEW: f64 = 1.0;

/// Edits by hour of the week (UTC, from Monday on), as the stamps of the last changes tell: of an account that was
/// edited twice they show the later one.
#[derive(Debug)]
struct WeekOfEdits {
    /// Edits per week in each hour.
    rate: [f64; HOURS_OF_WEEK as usize],
    edits: usize,
}

impl WeekOfEdits {
    /// The edits of the last weeks before `now`. Changes in one minute are one: a batch job is nobody's edit.
    fn of(modified: impl Iterator<Item = i64>, now: i64) -> Self {
        let recent = modified.filter(|at| (now - WEEKS * WEEK_S..=now).contains(at));
        let minutes: BTreeSet<i64> = recent.map(|at| at.div_euclid(60)).collect();
        let mut rate = [0.0; HOURS_OF_WEEK as usize];
        for minute in &minutes {
            rate[hour_of_week(minute * 60)] += 1.0 / WEEKS as f64;
        }
        Self { rate, edits: minutes.len() }
    }

    /// Edits to expect from `start` on for `seconds`.
    fn expected(&self, start: i64, seconds: f64) -> f64 {
        let (mut at, mut left, mut edits) = (start, seconds, 0.0);
        while left > 0.0 {
            let rest = (3600 - at.rem_euclid(3600)) as f64;
            let span = rest.min(left);
            edits += self.rate[hour_of_week(at)] * span / 3600.0;
            (at, left) = (at + rest as i64, left - span);
        }
        edits
    }

    /// The start in the week from `now` on at which the fewest edits are to be expected, and their number; the
    /// first of several.
    fn quietest(&self, now: i64, seconds: f64) -> (i64, f64) {
        let hours = (1..HOURS_OF_WEEK).map(|hour| (now.div_euclid(3600) + hour) * 3600);
        let starts = std::iter::once(now).chain(hours);
        let edits = starts.map(|start| (start, self.expected(start, seconds)));
        edits.fold((now, f64::INFINITY), |best, next| if next.1 < best.1 { next } else { best })
    }
}

fn hour_of_week(at: i64) -> usize {
    // The first day of 1970 was a Thursday.
    (at.div_euclid(3600) + 3 * 24).rem_euclid(HOURS_OF_WEEK) as usize
}

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let [p5, p50, p95] = subject.forecast()?.makespan_s;
    let (now, until) = (subject.now_unix_s, subject.until_unix_s);
    let snapshot = subject.snapshot()?;
    let stamps = snapshot.accounts.iter().filter_map(|account| account.modified_unix_s);
    let week = WeekOfEdits::of(stamps, now);
    let expected = week.expected(now, p95);
    let (quietest, fewest) = week.quietest(now, p95);
    let takes = format!("{} to {}", duration(p50), duration(p95));
    let mut result = ItemResult::pass(format!(
        "a run from now on takes {takes} and meets {} edits",
        if expected == 0.0 { "no".to_owned() } else { format!("about {}", sig3(expected)) }
    ))
    .with("makespan_s", vec![p5, p50, p95])
    .with("edits_seen", week.edits)
    .with("expected_edits", expected)
    .with("quietest_from", stamp(quietest))
    .with("quietest_edits", fewest)
    .with("edits_by_hour_of_week", week.rate.to_vec());
    if snapshot.accounts.iter().all(|account| account.modified_unix_s.is_none())
        && !snapshot.accounts.is_empty()
    {
        let unknown =
            "the server tells no account's last change, so that hours of edits are not known";
        result.find(ItemStatus::Unknown, unknown.to_owned());
    }
    if let Some(until) = until
        && now as f64 + p95 > until as f64
    {
        result.fail(format!(
            "the window ends at {} UTC, and a run from now on may take until {} UTC",
            stamp(until),
            stamp(now + p95.ceil() as i64)
        ));
    }
    if expected >= FEW && expected > fewest {
        result.warn(format!(
            "about {} edits are to be expected; from {} UTC on there are {}",
            sig3(expected),
            stamp(quietest),
            sig3(fewest)
        ));
    }
    Ok(result)
}

/// `Sat 2026-11-28 06:00`.
pub(super) fn stamp(at: i64) -> String {
    let at = OffsetDateTime::UNIX_EPOCH + Duration::seconds(at);
    let day = match at.weekday() {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    };
    format!("{day} {} {:02}:{:02}", at.date(), at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 2026-11-02, 00:00 UTC.
    const MONDAY: i64 = 1_793_577_600;

    #[test]
    fn hours_are_those_of_the_calendar() {
        assert_eq!(stamp(MONDAY), "Mon 2026-11-02 00:00");
        assert_eq!(hour_of_week(MONDAY), 0);
        assert_eq!(hour_of_week(MONDAY + 6 * 24 * 3600 + 5 * 3600 + 1), 6 * 24 + 5);
    }

    #[test]
    fn edits_are_expected_at_the_hours_in_which_they_were_made() {
        // Each Monday from 9 to 10, ten edits in as many minutes, for all weeks; and one batch job.
        let weeks = (1..=WEEKS).map(|week| MONDAY - week * WEEK_S + 9 * 3600);
        let edits = weeks.flat_map(|nine| (0..10).map(move |minute| nine + minute * 60));
        let batch = std::iter::repeat_n(MONDAY - 3600, 5_000);
        let week = WeekOfEdits::of(edits.chain(batch), MONDAY);
        assert_eq!(week.edits, 10 * WEEKS as usize + 1);
        let at_nine = MONDAY + 9 * 3600;
        assert!((week.expected(at_nine, 3600.0) - 10.0).abs() < 1e-9);
        assert!((week.expected(at_nine - 1800, 3600.0) - 5.0).abs() < 1e-9);
        assert_eq!(week.quietest(at_nine, 3600.0), (at_nine + 3600, 0.0));
        // Older edits say nothing of the present.
        assert_eq!(WeekOfEdits::of([MONDAY - 30 * WEEK_S].into_iter(), MONDAY).edits, 0);
    }
}
