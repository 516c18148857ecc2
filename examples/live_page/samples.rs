//! Runs as the live page may meet them: one of each state, the fullest, and the shortest.

use super::live::{
    AccountCounts, Band, CourseWord, EchoState, EditsState, EndpointState, FailureGroup, LiveCurve,
    LivePoint, LiveSnapshot, LiveState, Mark, MarkKind, Pace, Regime, RunEnd, RunFacts, SCHEMA,
};

/// The data of a page.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) facts: RunFacts,
    pub(crate) snapshot: LiveSnapshot,
    pub(crate) marks: Vec<Mark>,
    pub(crate) line: LiveCurve,
}

/// Accounts of the samples.
const ALL: u64 = 20_000;

/// 30 November 2026, 14:02 UTC.
const BEGAN: i64 = 1_796_047_320;

/// One sample of each state, the worst and the shortest, by name.
pub(crate) fn all() -> Vec<(&'static str, Sample)> {
    let with = |change: fn(&mut Sample)| {
        let mut sample = running();
        change(&mut sample);
        sample
    };
    vec![
        ("starting", with(start)),
        ("running", running()),
        (
            "paused",
            with(|it| {
                it.snapshot.state = LiveState::Paused;
                it.snapshot.why = Some("by anna: lunch of the front office".into());
                it.snapshot.since_s = 1_290.0;
            }),
        ),
        ("stopping", with(|it| it.snapshot.state = LiveState::Stopping)),
        (
            "checking",
            with(|it| {
                it.snapshot.state = LiveState::Checking;
                it.snapshot.left_s = None;
            }),
        ),
        ("ended", with(end)),
        (
            "ended-with-failures",
            with(|it| {
                end(it);
                it.snapshot.accounts.migrated -= 31;
                it.snapshot.accounts.failed = 31;
                it.snapshot.failures = failures();
                it.snapshot.verdict = Some(RunEnd {
                    exit_code: Some(3),
                    words: "31 of 20,000 accounts failed; the others hold what the plan says"
                        .into(),
                    next: "neonbench retry 7".into(),
                    report: Some("neonbench report --runs 7".into()),
                });
            }),
        ),
        (
            "silent",
            with(|it| {
                it.snapshot.state = LiveState::Silent;
                it.snapshot.heard_s = 1_271.0;
            }),
        ),
        ("worst", worst()),
        ("short", short()),
    ]
}

fn start(it: &mut Sample) {
    let snapshot = &mut it.snapshot;
    snapshot.state = LiveState::Starting;
    (snapshot.since_s, snapshot.now_s, snapshot.heard_s) = (0.0, 0.4, 0.3);
    snapshot.now_unix_s = BEGAN;
    snapshot.accounts = AccountCounts { all: Some(ALL), ..AccountCounts::default() };
    (snapshot.left_s, snapshot.course, snapshot.regime) = (None, None, None);
    snapshot.endpoints.clear();
    snapshot.failures.clear();
    (snapshot.pace, snapshot.edits, snapshot.echo) = (Pace::default(), EditsState::default(), None);
    it.marks.clear();
    it.line.points.clear();
}

fn end(it: &mut Sample) {
    let snapshot = &mut it.snapshot;
    snapshot.state = LiveState::Ended;
    (snapshot.since_s, snapshot.now_s, snapshot.now_unix_s) = (2_212.0, 2_300.0, BEGAN + 2_300);
    (snapshot.left_s, snapshot.regime) = (None, None);
    snapshot.accounts.migrated = ALL - 2_120 - 40;
    snapshot.accounts.failed = 0;
    snapshot.failures.clear();
    for endpoint in &mut snapshot.endpoints {
        (endpoint.in_flight, endpoint.refused_by_minute) = (0, [0; 10]);
    }
    snapshot.verdict = Some(RunEnd {
        exit_code: Some(0),
        words: "All 20,000 accounts hold what the plan says".into(),
        next: "neonbench verify 7".into(),
        report: Some("neonbench report --runs 7".into()),
    });
    it.line.points = points(2_212.0, ALL);
}

fn running() -> Sample {
    let strings = |them: &[[&str; 2]]| them.iter().map(|it| it.map(str::to_owned)).collect();
    let settings = [
        ["strategy", "pipelined", "chosen by auto"],
        ["workers", "as many as the server bears", "default"],
        ["headroom", "1 place left to others", "--headroom"],
        ["retries", "5 per call, within 10 % of all calls", "plan file"],
        ["guard", "none", "default"],
    ];
    let endpoints = vec![
        endpoint("GET /accounts/{id}", [4, 5], [0, 0, 0, 2, 0, 7, 3, 0, 0, 1]),
        endpoint("PATCH /accounts/{id}", [3, 8], [0; 10]),
        endpoint("POST /accounts/search", [1, 2], [0, 0, 0, 0, 0, 0, 0, 0, 0, 12]),
    ];
    Sample {
        facts: RunFacts {
            run: Some(7),
            verb: "run".into(),
            strategy: "pipelined".into(),
            scenario: "volunteer-fields".into(),
            target: Some("https://api.neoncrm.com/v2, organisation helpinghands".into()),
            began_unix_s: BEGAN,
            settings: settings.map(|it| it.map(str::to_owned)).to_vec(),
            digests: strings(&[["plan", &"5e1f".repeat(16)], ["profile", &"c0de".repeat(16)]]),
            after: Vec::new(),
            commands: strings(&[
                ["Pause", "neonbench pause 7"],
                ["Leave more places to others", "neonbench slow 7 --headroom 2"],
                ["Stop, and keep what is done", "neonbench stop 7"],
                ["Go on after a stop", "neonbench resume 7"],
                ["Check what stands there", "neonbench verify 7"],
                ["Take everything back", "neonbench undo 7"],
            ]),
            is_dry: false,
        },
        snapshot: LiveSnapshot {
            schema: SCHEMA,
            state: LiveState::Running,
            why: None,
            since_s: 3.0,
            now_s: 1_334.0,
            now_unix_s: BEGAN + 1_334,
            heard_s: 1_333.6,
            accounts: AccountCounts {
                all: Some(ALL),
                migrated: 10_228,
                unchanged: 2_120,
                unmapped: 40,
                skipped: 0,
                failed: 12,
                before: 0,
                reviewed: 0,
            },
            left_s: Some([720.0, 1_020.0, 1_860.0]),
            course: Some(CourseWord::AsForecast),
            endpoints,
            pace: Pace {
                accounts_per_s: Some(9.31),
                calls_per_s: Some(17.4),
                waiting_share: Some(0.063),
            },
            failures: failures()[..2].to_vec(),
            edits: EditsState {
                reread: 0,
                met: 0,
                written: 10_228,
                exposure_mean_s: 0.84,
                at_risk_per_1000: 0.233,
            },
            echo: Some(EchoState { deliveries: 10_228, per_minute: 561.0 }),
            regime: Some(Regime {
                change: "GET /accounts/{id} takes 5 calls at a time, before 8".into(),
                at_s: 1_002.0,
                advice: "Nothing to do: the limiter has followed; the run takes some 4 min longer."
                    .into(),
            }),
            verdict: None,
        },
        marks: [
            (0.0, MarkKind::State, "the run began"),
            (12.5, MarkKind::Refusals, "31 refusals within 5 s of POST /accounts/search"),
            (640.0, MarkKind::Connection, "a connection broke; 2 calls were sent again"),
            (1_002.0, MarkKind::Regime, "GET /accounts/{id} takes 5 calls at a time, before 8"),
            (1_190.0, MarkKind::Command, "slow --headroom 1, by anna: acknowledged"),
            (1_220.0, MarkKind::Forecast, "back within the band of 90 %"),
        ]
        .into_iter()
        .zip(1..)
        .map(|((at_s, kind, words), id)| Mark { id, at_s, kind, words: words.into() })
        .collect(),
        line: LiveCurve { points: points(1_334.0, 12_400), forecast: forecast(2_300.0, ALL, 50) },
    }
}

fn endpoint(name: &'static str, [in_flight, limit]: [u32; 2], refused: [u32; 10]) -> EndpointState {
    EndpointState {
        endpoint: name,
        in_flight,
        limit: Some(limit),
        left_to_others: u32::from(limit > 2),
        answered: 11_480,
        refused: refused.iter().map(|it| u64::from(*it)).sum(),
        response_ms: Some([251.0, 893.4]),
        sampled: 1_044,
        refused_by_minute: refused,
    }
}

fn failures() -> Vec<FailureGroup> {
    let kinds = ["PATCH /accounts/{id}: 422", "GET /accounts/{id}: 404", "the value did not fit"];
    let group = |(kind, accounts): (&str, u64)| FailureGroup {
        kind: kind.into(),
        accounts,
        first_s: 61.0,
        last_s: 1_120.0,
    };
    kinds.into_iter().zip([11, 1, 19]).map(group).collect()
}

/// 600 points of a line that bends.
fn points(until_s: f64, ended: u64) -> Vec<LivePoint> {
    let point = |place: u64| {
        let share = place as f64 / 599.0;
        let bent = share + 0.04 * (share * 9.0).sin() * (1.0 - share);
        LivePoint {
            at_s: share * until_s,
            ended: (bent.max(0.0) * ended as f64) as u64,
            refused: place / 20,
            left_s: None,
        }
    };
    (0..600).map(point).collect()
}

fn forecast(median_s: f64, all: u64, bands: u64) -> Vec<Band> {
    let band = |place: u64| {
        let share = place as f64 / bands as f64;
        let spread = [-0.16, -0.12, -0.06, 0.0, 0.07, 0.15, 0.21];
        Band {
            ended: all * place / bands,
            at_s: spread.map(|by| share * median_s * (1.0 + by * share.sqrt())),
        }
    };
    (1..=bands).map(band).collect()
}

/// The fullest data that a page gets.
fn worst() -> Sample {
    const NAMES: [&str; 12] = [
        "GET /accounts/{id}",
        "PATCH /accounts/{id}",
        "PUT /accounts/{id}",
        "POST /accounts/search",
        "GET /customFields",
        "GET /customFields/{id}",
        "GET /accounts/search/searchFields",
        "GET /accounts/search/outputFields",
        "POST /accounts",
        "DELETE /accounts/{id}",
        "GET /accounts/{id}/memberships",
        "GET /accounts/{id}/donations",
    ];
    let mut sample = running();
    let snapshot = &mut sample.snapshot;
    snapshot.endpoints = NAMES.map(|name| endpoint(name, [59, 100], [999; 10])).to_vec();
    snapshot.failures = [31; 6].map(|_| failures().remove(0)).to_vec();
    for (place, failure) in snapshot.failures.iter_mut().enumerate() {
        failure.kind =
            format!("PATCH /accounts/{{id}}: connection reset after {place} retries of the call");
    }
    sample.facts.settings = vec![
        ["headroom", "1 place left to others of each verb", "--headroom"]
            .map(str::to_owned);
        25
    ];
    snapshot.accounts.skipped = 900;
    snapshot.accounts.before = 4_100;
    for point in &mut sample.line.points {
        point.ended = 4_100 + point.ended * 2 / 3;
    }
    let words = "GET /accounts/{id} takes 5 calls at a time, before 8; the limiter has followed it within 3 s";
    sample.marks = (1..=1_000)
        .map(|id| Mark { id, at_s: id as f64, kind: MarkKind::Connection, words: words.into() })
        .collect();
    sample
}

/// A run of 5 ms in virtual time.
fn short() -> Sample {
    let mut sample = running();
    end(&mut sample);
    sample.facts.target = None;
    let snapshot = &mut sample.snapshot;
    (snapshot.since_s, snapshot.now_s, snapshot.now_unix_s) = (0.005, 0.005, BEGAN);
    snapshot.accounts = AccountCounts { all: Some(1), migrated: 1, ..AccountCounts::default() };
    snapshot.edits.written = 1;
    sample.marks.truncate(1);
    sample.line = LiveCurve { points: points(0.005, 1), forecast: forecast(0.005, 1, 1) };
    sample
}
