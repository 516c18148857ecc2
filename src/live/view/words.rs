//! The words of the page: how far the run is, when it is done, its state, and edits of colleagues.

use crate::live::{
    AccountCounts, CourseWord, EditsState, LiveSnapshot, LiveState, RunEnd, RunFacts,
};
use crate::text::{count, duration, percent, plural, sig3};
use minijinja::Value;
use serde::Serialize;
use time::OffsetDateTime;

/// Estimates that reach further are none: 30 years.
const FURTHEST_S: f64 = 1e9;

/// Times of a run as times of day, in UTC; the script turns them into those of the viewer's zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunCalendar {
    /// When the run began, by the clock that says what time it is now.
    began_unix_s: f64,
    now_unix_s: i64,
}

impl RunCalendar {
    pub(super) fn of(snapshot: &LiveSnapshot) -> Self {
        let now_unix_s = snapshot.now_unix_s;
        Self { began_unix_s: now_unix_s as f64 - snapshot.now_s, now_unix_s }
    }

    /// The time of day `at_s` after the run began, to the second.
    pub(super) fn at(self, at_s: f64) -> Value {
        self.moment((self.began_unix_s + at_s).round() as i64, true)
    }

    /// The day and the minute when the run began.
    pub(super) fn began(self, unix_s: i64) -> Value {
        self.moment(unix_s, false)
    }

    /// `unix_s` as an element of HTML: `14:32 UTC`, with the day where it is another than today.
    fn moment(self, unix_s: i64, with_seconds: bool) -> Value {
        let Ok(at) = OffsetDateTime::from_unix_timestamp(unix_s) else {
            return Value::from("an unknown time");
        };
        let (hour, minute, second) = at.to_hms();
        let today = OffsetDateTime::from_unix_timestamp(self.now_unix_s).map(OffsetDateTime::date);
        let (date, month) = (at.date(), at.month().to_string());
        let day = if today == Ok(date) {
            String::new()
        } else {
            format!("{} {}, ", at.day(), &month[..3])
        };
        let seconds = if with_seconds { format!(":{second:02}") } else { String::new() };
        Value::from_safe_string(format!(
            "<time datetime=\"{date}T{hour:02}:{minute:02}:{second:02}Z\">{day}{hour:02}:{minute:02}{seconds} UTC</time>"
        ))
    }
}

/// The sentence of a page: the progress of a run, and its end.
#[derive(Debug, Serialize)]
pub(super) struct Sentence {
    /// `12,400 of 20,000 accounts`.
    pub(super) far: String,
    /// `Done between 14:32 and 14:51`, as HTML.
    pub(super) done: Value,
    /// Probability of the interval, where `done` has one.
    pub(super) sure: Option<&'static str>,
    /// `in 12 to 31 min`.
    pub(super) near: Option<String>,
    /// Beside the forecast made before the run: icon, words and tone.
    pub(super) course: Option<[&'static str; 3]>,
}

pub(super) fn sentence(snapshot: &LiveSnapshot, calendar: RunCalendar) -> Sentence {
    let left = left_s(snapshot);
    let (done, near) = match (snapshot.state, left) {
        (LiveState::Starting, _) => (text("Starting"), None),
        (LiveState::Stopping, _) => (text("Stopping: calls in flight end"), None),
        (LiveState::Ended, _) => (
            after("Ended at", &calendar.at(snapshot.since_s)),
            Some(format!("after {}", duration(snapshot.since_s))),
        ),
        (LiveState::Silent, left) => {
            let near = left.map(|left| format!("{} were left then", span(left)));
            (after("No word since", &calendar.at(snapshot.heard_s)), near)
        }
        (LiveState::Paused, Some(left)) => {
            (text(&format!("{} left once it goes on", span(left))), None)
        }
        (LiveState::Paused, None) => (text("Paused"), None),
        (LiveState::Checking, None) => (text("All accounts have ended and are read again"), None),
        (LiveState::Running, None) => (text("No estimate of the time left yet"), None),
        (LiveState::Running | LiveState::Checking, Some(left)) => {
            (between(left, calendar), Some(format!("in {}", span(left))))
        }
    };
    let is_estimate = left.is_some()
        && matches!(snapshot.state, LiveState::Running | LiveState::Checking | LiveState::Paused);
    Sentence {
        far: far(&snapshot.accounts),
        done,
        sure: is_estimate.then_some("90 %"),
        near,
        course: snapshot.course.map(course),
    }
}

/// The 5th and the 95th percentile of the seconds left, where they are estimated.
fn left_s(snapshot: &LiveSnapshot) -> Option<[f64; 2]> {
    let [low, _, high] = snapshot.left_s?;
    (low >= 0.0 && low <= high && high < FURTHEST_S).then_some([low, high])
}

fn text(words: &str) -> Value {
    Value::from(words)
}

fn after(words: &str, moment: &Value) -> Value {
    Value::from_safe_string(format!("{words} {moment}"))
}

/// When a run is done that has so many seconds left: to the second where that tells the ends apart.
fn between([low, high]: [f64; 2], calendar: RunCalendar) -> Value {
    let is_near = high < 120.0 || high - low < 60.0;
    let [from, to] =
        [low, high].map(|left| calendar.moment(calendar.now_unix_s + left.round() as i64, is_near));
    if from == to {
        return after("Done at", &from);
    }
    Value::from_safe_string(format!("Done between {from} and {to}"))
}

/// An interval of seconds in words: `12 to 31 min`, `40 s to 3 min`, `1 h 10 min to 2 h 05 min`.
pub(super) fn span([low, high]: [f64; 2]) -> String {
    if high < 1.0 {
        return "less than 1 s".to_owned();
    }
    let in_unit = |seconds: f64| match seconds {
        _ if seconds < 99.5 => (format!("{seconds:.0}"), " s"),
        _ if seconds < 5_970.0 => (format!("{:.0}", seconds / 60.0), " min"),
        _ => (duration(seconds), ""),
    };
    let ((low, low_unit), (high, high_unit)) = (in_unit(low), in_unit(high));
    match () {
        () if (&low, low_unit) == (&high, high_unit) => format!("about {high}{high_unit}"),
        () if low_unit == high_unit => format!("{low} to {high}{high_unit}"),
        () => format!("{low}{low_unit} to {high}{high_unit}"),
    }
}

/// `12,400 of 20,000 accounts`, `1 of 1 account`, `3 accounts so far`.
pub(super) fn far(accounts: &AccountCounts) -> String {
    let ended = accounts.ended();
    match accounts.all {
        Some(all) => format!("{} of {}", count(ended), plural(all, "account")),
        None => format!("{} so far", plural(ended, "account")),
    }
}

const fn course(course: CourseWord) -> [&'static str; 3] {
    match course {
        CourseWord::AsForecast => ["✓", "as forecast", "good"],
        CourseWord::Slower => ["▼", "slower than forecast", "mixed"],
        CourseWord::Faster => ["▲", "faster than forecast", "good"],
    }
}

/// The share of accounts that have ended, from 0 to 1, where their number is known.
fn share_ended(accounts: &AccountCounts) -> Option<f64> {
    let all = accounts.all.filter(|all| *all > 0)?;
    Some(accounts.ended() as f64 / all as f64)
}

/// The title of the page, which a tab cuts after some 20 letters.
pub(super) fn title(snapshot: &LiveSnapshot) -> String {
    // Not everything has ended before everything has ended.
    let done =
        share_ended(&snapshot.accounts).map(|share| percent((share * 100.0).floor() / 100.0));
    let done = done.unwrap_or_else(|| far(&snapshot.accounts));
    match (snapshot.state, &snapshot.verdict) {
        (LiveState::Ended, Some(RunEnd { exit_code: Some(code), .. })) => {
            format!("Ended, exit code {code}")
        }
        (LiveState::Running, _) => match left_s(snapshot) {
            Some(left) => format!("{done}, {} left", span(left)),
            None => done,
        },
        (state, _) => format!("{}, {done}", self::state(state).words),
    }
}

/// The sentence for a screen reader that is told of changes: it names tenths of the accounts, and no times.
pub(super) fn spoken(snapshot: &LiveSnapshot) -> String {
    let tenths =
        share_ended(&snapshot.accounts).map(|share| percent((share * 10.0).floor() / 10.0));
    let tenths =
        tenths.map(|tenths| format!(" {tenths} of the accounts have ended.")).unwrap_or_default();
    let course = snapshot.course.map(|course| format!(" The run is {}.", course.name()));
    let verdict = snapshot.verdict.as_ref().map(|verdict| format!(" {}", verdict.words));
    let state = state(snapshot.state).words;
    format!("{state}.{tenths}{}{}", course.unwrap_or_default(), verdict.unwrap_or_default())
}

/// A state in words, and the path of its icon on a sheet of 16 × 16.
#[derive(Debug, Serialize)]
pub(super) struct StateWords {
    pub(super) words: &'static str,
    icon: &'static str,
    is_solid: bool,
    tone: &'static str,
}

pub(super) const fn state(state: LiveState) -> StateWords {
    let (words, tone, icon) = match state {
        LiveState::Starting => ("Starting", "", "M8 1a7 7 0 1 0 .01 0zM8 4v4l3 2"),
        LiveState::Running => ("Running", "good", "M4 2l10 6-10 6z"),
        LiveState::Paused => ("Paused", "mixed", "M4 2h3v12h-3zM9 2h3v12h-3z"),
        LiveState::Stopping => ("Stopping", "mixed", "M3 3h10v10h-10z"),
        LiveState::Checking => {
            ("Reading the accounts again", "good", "M7 2a5 5 0 1 0 .01 0zM10.5 10.5l4 4")
        }
        LiveState::Ended => ("Ended", "", "M3 15v-13h10l-3 3.5 3 3.5h-10"),
        LiveState::Silent => ("No word", "bad", "M8 2l7 12h-14zM8 6v4M8 12v.5"),
    };
    let is_solid = matches!(state, LiveState::Running | LiveState::Paused | LiveState::Stopping);
    StateWords { words, icon, is_solid, tone }
}

/// Edits of colleagues: sentences, the most telling first.
pub(super) fn edits(edits: EditsState) -> Vec<String> {
    let EditsState { reread, met, written, exposure_mean_s, at_risk_per_1000 } = edits;
    if written == 0 && reread == 0 {
        return vec!["No account has been written yet.".to_owned()];
    }
    if exposure_mean_s <= 0.0 && reread == 0 {
        return vec![format!("{} written.", plural(written, "account"))];
    }
    let is_one = written == 1;
    let read_again = match (reread, met) {
        (0, _) => format!(
            "{} written, {} read again before its write: an edit between the read and the write would be overwritten.",
            plural(written, "account"),
            if is_one { "not" } else { "none of them" }
        ),
        (_, 0) => format!(
            "{} read again before the write: nobody had changed {}.",
            plural(reread, "account"),
            if reread == 1 { "it" } else { "them" }
        ),
        (_, met) => format!(
            "{} read again before the write: somebody had changed {} of them, and the run decided anew.",
            plural(reread, "account"),
            count(met)
        ),
    };
    let mut sentences = vec![read_again];
    if written > 0 {
        sentences.push(format!(
            "{} from the read of an account to its write, on average.",
            duration(exposure_mean_s)
        ));
    }
    if at_risk_per_1000 > 0.0 {
        sentences.push(format!("{} at risk{}.", sig3(at_risk_per_1000), crate::text::AT_RISK));
    }
    sentences
}

/// The age of the last word: `just now`, `12.3 s ago`.
pub(super) fn age(snapshot: &LiveSnapshot) -> String {
    match snapshot.now_s - snapshot.heard_s {
        age_s if age_s < 1.5 => "just now".to_owned(),
        age_s => format!("{} ago", duration(age_s)),
    }
}

/// The command that goes on with the run once its process is gone.
pub(super) fn resume(facts: &RunFacts, snapshot: &LiveSnapshot) -> Option<String> {
    let commands = facts.commands.iter().map(|[_, command]| command);
    let mut resumes = commands.filter(|command| command.split(' ').any(|word| word == "resume"));
    let next = || snapshot.verdict.as_ref().map(|verdict| verdict.next.clone());
    resumes.next().cloned().or_else(next)
}
