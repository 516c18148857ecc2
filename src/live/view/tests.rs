use super::super::{AccountCounts, CourseWord, FailureGroup, LiveState};
use super::words::{self, RunCalendar};
use super::*;
use crate::live;
use base64::Engine as _;

#[path = "../../../examples/live_page/samples.rs"]
mod samples;

use samples::Sample;

fn sample(name: &str) -> Sample {
    samples::all().into_iter().find(|(it, _)| *it == name).expect("a sample has that name").1
}

fn page_of(sample: &Sample) -> String {
    page(&sample.facts, &sample.snapshot, &sample.marks, &sample.line)
}

fn part_of(sample: &Sample, wanted: &str) -> String {
    let parts = parts(&sample.facts, &sample.snapshot, &sample.marks, &sample.line);
    parts.into_iter().find(|(id, _)| *id == wanted).expect("the page has that part").1
}

/// The texts of `html`, without its tags.
fn text_of(html: &str) -> String {
    let texts = html.split('<').map(|it| it.split_once('>').map_or(it, |(_, text)| text));
    let words = texts.collect::<Vec<_>>().join(" ").replace("&#x2f;", "/");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The only text between `<tag>` and its end.
fn only<'a>(page: &'a str, tag: &str) -> &'a str {
    let parts: Vec<&str> = page.split(&format!("<{tag}>")).collect();
    assert_eq!(parts.len(), 2, "one {tag}");
    parts[1].split(&format!("</{tag}>")).next().unwrap()
}

#[test]
fn every_state_is_a_whole_page_with_its_parts_in_order() {
    for (name, sample) in samples::all() {
        let page = page_of(&sample);
        let mut last = 0;
        for (id, html) in parts(&sample.facts, &sample.snapshot, &sample.marks, &sample.line) {
            let at = page.find(&format!(" id=\"{id}\"")).unwrap_or_else(|| panic!("{name}: {id}"));
            assert!(at > last, "{name}: {id} stands before its place");
            assert!(page.contains(&html), "{name}: {id}");
            last = at;
        }
        let is_over = sample.snapshot.state == LiveState::Ended;
        let refreshed = "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>";
        assert_eq!(page.contains(refreshed), !is_over, "{name}");
        assert!(page.ends_with("</html>\n") && page.contains("<h1>"), "{name}");
    }
}

#[test]
fn the_fullest_page_has_at_most_60_kb() {
    for (name, sample) in samples::all() {
        let bytes = page_of(&sample).len();
        assert!(bytes <= 60_000, "{name}: {bytes} bytes");
    }
}

#[test]
fn the_policy_allows_the_pages_one_script_and_one_style() {
    let policy = content_security_policy();
    for (_, sample) in samples::all() {
        let page = page_of(&sample);
        for (tag, directive) in [("script", "script-src"), ("style", "style-src")] {
            let digest = ring::digest::digest(&ring::digest::SHA256, only(&page, tag).as_bytes());
            let source = format!("{directive} 'sha256-{}';", STANDARD.encode(digest));
            assert!(policy.contains(&source), "{policy}");
            assert_eq!(page.matches(&format!("<{tag}")).count(), 1, "{tag}");
        }
        let body = page.split_once("<body").unwrap().1;
        let body = body.split_once("<script>").unwrap().0;
        let attributes = body.split_whitespace().filter_map(|word| word.split_once('='));
        let mut names = attributes.map(|(name, _)| name);
        assert!(!names.any(|name| name == "style" || name.starts_with("on")), "{body}");
        assert!(!page.contains(" src=") && !page.contains("url("), "it loads nothing");
    }
    assert!(SCRIPT.lines().count() <= 60);
}

#[test]
fn text_from_elsewhere_is_shown_and_not_obeyed() {
    const HOSTILE: &str = "<script>alert(1)</script>\u{202e}\u{1b}[2J\" onclick=\"x";
    let mut hostile = sample("running");
    let hostile_text = || HOSTILE.to_owned();
    hostile.facts.strategy = hostile_text();
    hostile.facts.scenario = hostile_text();
    hostile.facts.target = Some(hostile_text());
    hostile.facts.settings = vec![[HOSTILE; 3].map(str::to_owned)];
    hostile.facts.digests = vec![[HOSTILE; 2].map(str::to_owned)];
    hostile.facts.commands = vec![["neonbench resume".to_owned(), format!("resume {HOSTILE}")]];
    let snapshot = &mut hostile.snapshot;
    snapshot.why = Some(format!("by {HOSTILE}"));
    snapshot.failures =
        vec![FailureGroup { kind: hostile_text(), accounts: 1, first_s: 0.0, last_s: 1.0 }];
    let regime = snapshot.regime.as_mut().unwrap();
    (regime.change, regime.advice) = (hostile_text(), hostile_text());
    snapshot.verdict = Some(live::RunEnd {
        exit_code: Some(1),
        words: hostile_text(),
        next: hostile_text(),
        report: Some(hostile_text()),
    });
    for mark in &mut hostile.marks {
        mark.words = hostile_text();
    }
    for state in LiveState::ALL {
        hostile.snapshot.state = state;
        let page = page_of(&hostile);
        assert_eq!(page.matches("<script").count(), 1, "{state:?}");
        assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'), "{state:?}");
        assert!(!page.contains("\" onclick") && page.contains("\\u{202e}"), "{state:?}");
    }
}

#[test]
fn the_sentence_counts_accounts_as_people_say_them() {
    let far =
        |all, migrated| words::far(&AccountCounts { all, migrated, ..AccountCounts::default() });
    assert_eq!(far(Some(0), 0), "0 of 0 accounts");
    assert_eq!(far(Some(1), 0), "0 of 1 account");
    assert_eq!(far(Some(1), 1), "1 of 1 account");
    assert_eq!(far(Some(20_000), 12_400), "12,400 of 20,000 accounts");
    assert_eq!([far(None, 0), far(None, 1)], ["0 accounts so far", "1 account so far"]);
}

#[test]
fn each_state_has_its_sentence() {
    let sentence = |name: &str| text_of(&part_of(&sample(name), "sentence"));
    let far = "pipelined · 12,400 of 20,000 accounts";
    let course = "✓ as forecast";
    let said = [
        ("starting", "pipelined · 0 of 20,000 accounts Starting".to_owned()),
        (
            "running",
            format!("{far} Done between 14:36 UTC and 14:55 UTC (90 %) in 12 to 31 min {course}"),
        ),
        ("paused", format!("{far} 12 to 31 min left once it goes on (90 %) {course}")),
        ("stopping", format!("{far} Stopping: calls in flight end {course}")),
        ("checking", format!("{far} All accounts have ended and are read again {course}")),
        (
            "ended",
            format!(
                "pipelined · 20,000 of 20,000 accounts Ended at 14:38:52 UTC after 36 min 52 s {course}"
            ),
        ),
        (
            "silent",
            format!("{far} No word since 14:23:11 UTC 12 to 31 min were left then {course}"),
        ),
    ];
    for (name, words) in said {
        assert_eq!(sentence(name).replace('\u{a0}', " "), words, "{name}");
    }
    let mut dry = sample("running");
    (dry.facts.is_dry, dry.snapshot.left_s) = (true, None);
    dry.snapshot.course = Some(CourseWord::Slower);
    let words = "pipelined · dry run · 12,400 of 20,000 accounts No estimate of the time left yet ▼ slower than forecast";
    assert_eq!(text_of(&part_of(&dry, "sentence")), words);
}

#[test]
fn intervals_name_a_unit_once_where_both_ends_share_it() {
    let spans = [
        ([0.0, 0.2], "less than 1 s"),
        ([0.2, 5.0], "0 to 5 s"),
        ([20.2, 45.0], "20 to 45 s"),
        ([720.0, 1_860.0], "12 to 31 min"),
        ([725.0, 730.0], "about 12 min"),
        ([40.0, 180.0], "40 s to 3 min"),
        ([4_200.0, 7_500.0], "70 min to 2 h 05 min"),
    ];
    for (ends, words) in spans {
        assert_eq!(words::span(ends), words);
    }
}

#[test]
fn another_day_is_named() {
    let mut late = sample("running");
    late.snapshot.left_s = Some([36_000.0, 40_000.0, 50_000.0]);
    let words = text_of(&part_of(&late, "sentence"));
    assert!(words.contains("Done between 1 Dec, 00:24 UTC and 1 Dec, 04:17 UTC"), "{words}");
    late.snapshot.left_s = Some([36_000.0, 40_000.0, f64::INFINITY]);
    assert!(part_of(&late, "sentence").contains("No estimate"));
    assert_eq!(RunCalendar::of(&late.snapshot).at(f64::MAX).to_string(), "an unknown time");
}

#[test]
fn a_run_of_5_ms_shows_all_charts() {
    let short = sample("short");
    let page = page_of(&short);
    for shown in [
        "class=\"bar\"",
        "class=\"wide\"",
        "class=\"narrow\"",
        "class=\"boxes\"",
        "class=\"ticks\"",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(part_of(&short, "fan").contains(">5 ms</text>"));
}

#[test]
fn the_end_stands_first_with_its_commands() {
    let end = text_of(&part_of(&sample("ended-with-failures"), "end"));
    let words = "✕ 31 of 20,000 accounts failed; the others hold what the plan says Exit code 3. \
                 Make the report neonbench report --runs 7 Next neonbench retry 7";
    assert_eq!(end, words);
    assert_eq!(part_of(&sample("running"), "end"), "");
    assert!(text_of(&part_of(&sample("silent"), "state")).ends_with("go on neonbench resume 7"));
}

#[test]
fn edits_at_risk_are_never_said_to_be_none() {
    let edits = |reread, met, written| {
        let exposure_mean_s = 1.0;
        let state = live::EditsState { reread, met, written, exposure_mean_s, ..<_>::default() };
        words::edits(state)[0].clone()
    };
    assert_eq!(edits(0, 0, 0), "No account has been written yet.");
    assert!(edits(0, 0, 1).starts_with("1 account written, not read again before its write:"));
    assert!(
        edits(0, 0, 9).starts_with("9 accounts written, none of them read again before its write:")
    );
    assert_eq!(edits(1, 0, 1), "1 account read again before the write: nobody had changed it.");
    assert!(
        edits(9, 2, 7)
            .starts_with("9 accounts read again before the write: somebody had changed 2 of them")
    );
}

#[test]
fn the_newest_marks_stand_first() {
    let marks = part_of(&sample("worst"), "marks");
    assert_eq!(marks.matches("<li>").count(), SHOWN_MARKS);
    assert!(text_of(&marks).starts_with("What happened 14:18:40 UTC"));
    assert!(text_of(&marks).ends_with("970 earlier."));
}
