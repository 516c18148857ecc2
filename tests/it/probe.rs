//! Probes: planted limits and service times come back, as exactly as so few calls allow; and a probe
//! does no more than it says, by the server's own count.

mod colleagues;

use neon_mock::api::{Class, Endpoint};
use neon_mock::profile::{BUILT_IN, Profile};
use neon_mock::{Neon, NeonMock};
use neonbench::experiment::{Forecast, forecast};
use neonbench::probe::{
    AdmissionLimit, Har, MOST_CALLS, MOST_SAMPLE, PassedOver, ProbeError, ProbeOptions,
    ProbeSubject, ProbeTrace, TargetFit, draws, probe,
};
use neonbench_engine::engine::{AccountSource as Ids, Settings, Strategy};
use neonbench_engine::event::{Attempt, Event, Outcome};
use neonbench_engine::journal::NoJournal;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{Resources, Scenario, Workload};
use neonbench_engine::world::{HttpTransport, InProcess, Target, VirtualClock, WallClock};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const READS: ProbeOptions = ProbeOptions { find_pool: true, sample: 0, seed: 1 };
const SAMPLE: ProbeOptions = ProbeOptions { find_pool: true, sample: MOST_SAMPLE, seed: 1 };

fn scenario(profile: Profile) -> Scenario {
    let workload = Workload { resources: Some(200), profile: Some(profile), ..Workload::default() };
    Scenario::new(workload).unwrap()
}

fn built_in(name: &str) -> Scenario {
    scenario(Profile::built_in(name).unwrap())
}

/// `limit` on reads and writes; log-normal service times with p99 four times the median.
fn planted(limit: &str, median: Duration) -> Scenario {
    let law = |factor: u32| {
        let text = |time| humantime::format_duration(time).to_string();
        let (median, p99) = (text(median * factor), text(median * factor * 4));
        format!("{{ law = \"log-normal\", median = \"{median}\", p99 = \"{p99}\" }}")
    };
    let text = format!(
        "schema = 1\n[limits]\n{limit}\nreject_after = \"30ms\"\n[service]\nget = {get}\npatch = {patch}\n\
         put = {patch}\nsearch = {patch}\nmetadata = {get}\n",
        get = law(2),
        patch = law(3)
    );
    scenario(Profile::from_toml("planted", &text).unwrap())
}

/// The trace of a probe, and the server as the probe left it.
fn probed(scenario: &Scenario, options: &ProbeOptions) -> Result<(ProbeTrace, Neon), ProbeError> {
    let Resources::Ids(ids) = &scenario.resources else { panic!("a list of accounts") };
    let subject =
        ProbeSubject { resources: Ids::Ids(ids), plan: &scenario.plan, journal: &NoJournal };
    let clock = VirtualClock::new();
    let transport = InProcess::new(scenario.neon(options.seed), clock.clone());
    let trace = clock.run(probe(&transport, &clock, &subject, options)).unwrap()?;
    Ok((trace, transport.into_neon()))
}

fn fitted(scenario: &Scenario, options: &ProbeOptions) -> TargetFit {
    TargetFit::of(&probed(scenario, options).unwrap().0).unwrap()
}

/// The profile of `fit`, written to a file and read again.
fn reread(fit: &TargetFit) -> Profile {
    Profile::from_toml("fitted.toml", &fit.to_toml("a test")).unwrap()
}

/// The forecast of `scenario` where its target is known by `profile`.
fn forecast_by(scenario: &Scenario, settings: &Settings, profile: Profile) -> Forecast {
    let mut known = scenario.clone();
    known.profile = profile;
    forecast(&known, settings).unwrap()
}

#[test]
fn planted_pools_and_windows_come_back_exactly() {
    let medians = [10, 100, 1_000].map(Duration::from_millis);
    for size in [1, 2, 5, 10] {
        for (limit, expected) in [
            (format!("pool = {size}"), AdmissionLimit::Pool(size)),
            (format!("per_second = {size}"), AdmissionLimit::PerSecond(size)),
        ] {
            for (median, seed) in medians.into_iter().flat_map(|it| (1..=10).map(move |k| (it, k)))
            {
                let scenario = planted(&limit, median);
                let fit = fitted(&scenario, &ProbeOptions { seed, ..READS });
                let found = fit.limits.get;
                assert_eq!(found, Some(expected), "{limit}, {median:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn a_sample_run_finds_the_pool_of_writes_too() {
    for (pools, expected) in [
        ("pool = 5", 5),
        ("pool = 2", 2),
        ("pool = 5\n[limits.endpoints]\n\"PATCH /accounts/{id}\" = 3", 3),
    ] {
        let (pool, rest) = pools.split_once('\n').unwrap_or((pools, ""));
        for seed in 1..=5 {
            let mut scenario = planted(pool, Duration::from_millis(100));
            if !rest.is_empty() {
                // The table has to come after the other limits.
                let text =
                    TargetFit::of(&probed(&scenario, &READS).unwrap().0).unwrap().to_toml("x");
                let text =
                    text.replace("\"PATCH /accounts/{id}\" = 5", "\"PATCH /accounts/{id}\" = 3");
                scenario.profile = Profile::from_toml("changed", &text).unwrap();
            }
            let fit = fitted(&scenario, &ProbeOptions { seed, ..SAMPLE });
            assert_eq!(
                fit.limits.patch,
                Some(AdmissionLimit::Pool(expected)),
                "{pools}, seed {seed}"
            );
        }
    }
}

#[test]
fn no_more_calls_than_sixty_and_no_write_that_was_not_asked_for() {
    for (name, _) in BUILT_IN {
        let scenario = built_in(name);
        let before = scenario.organisation(1).digest();
        for seed in 1..=20 {
            let (trace, neon) = probed(&scenario, &ProbeOptions { seed, ..READS }).unwrap();
            assert!(neon.calls().total() <= u64::from(MOST_CALLS), "{name}, seed {seed}");
            assert_eq!(neon.calls().total(), trace.calls.len() as u64, "{name}, seed {seed}");
            let writes = neon.calls().admitted(Class::Patch) + neon.calls().admitted(Class::Put);
            assert_eq!(writes, 0, "{name}, seed {seed}");

            let (trace, neon) = probed(&scenario, &ProbeOptions { seed, ..SAMPLE }).unwrap();
            assert!(neon.calls().total() <= u64::from(MOST_CALLS), "{name}, seed {seed}");
            assert_eq!(trace.written + trace.left, u64::from(MOST_SAMPLE), "{name}, seed {seed}");
            assert!(trace.left <= 4, "{name}, seed {seed}: {} left", trace.left);
        }
        if name != "staff" {
            let (_, neon) = probed(&scenario, &READS).unwrap();
            assert_eq!(neon.organisation().digest(), before, "{name}");
        }
    }
}

#[test]
fn nobody_is_refused_who_may_not_be() {
    let scenario = built_in("documented");
    let options = ProbeOptions { find_pool: false, ..SAMPLE };
    for options in [options, ProbeOptions { sample: 0, ..options }] {
        let (trace, neon) = probed(&scenario, &options).unwrap();
        assert_eq!((neon.calls().rejected(), trace.refused()), (0, 0));
        let fit = TargetFit::of(&trace).unwrap();
        assert_eq!(fit.limits.get, Some(AdmissionLimit::Pool(5)));
        assert!(fit.assumed.iter().any(|it| it.contains("not looked for")), "{:?}", fit.assumed);
    }
}

/// True if `truth` lies in the interval.
fn holds([low, high]: [f64; 2], truth: f64) -> bool {
    (low..=high).contains(&truth)
}

#[test]
fn nine_intervals_of_ten_hold_the_planted_median_and_p99() {
    const SEEDS: u64 = 200;
    let scenario = planted("pool = 5", Duration::from_millis(100));
    for options in [READS, SAMPLE] {
        let mut held = [0; 4];
        for seed in 1..=SEEDS {
            let [get, patch, ..] = fitted(&scenario, &ProbeOptions { seed, ..options }).estimates();
            held[0] += u64::from(holds(get.median_ms_interval, 200.0));
            held[1] += u64::from(holds(get.p99_ms_interval, 800.0));
            held[2] += u64::from(holds(patch.median_ms_interval, 300.0));
            held[3] += u64::from(holds(patch.p99_ms_interval, 1_200.0));
        }
        let shares = held.map(|held| held as f64 / SEEDS as f64);
        // Of 200 at 0.9, three standard deviations are 0.06.
        let measured = if options.sample > 0 { &shares[..] } else { &shares[..2] };
        assert!(measured.iter().all(|share| (0.84..=0.96).contains(share)), "{shares:?}");
        // An assumption shows in its interval: here the truth is 1.5, and 1.4 was assumed.
        assert!(shares[2..].iter().all(|share| *share >= 0.84), "{shares:?}");
    }
}

#[test]
fn constant_times_come_back_to_the_nanosecond() {
    let fit = fitted(&built_in("constant"), &SAMPLE);
    let medians = fit.estimates().map(|estimate| estimate.median_ms);
    assert!(medians.iter().zip([200.0, 300.0, 400.0, 100.0]).all(|(a, b)| (a - b).abs() < 1e-6));
    let [low, high] = fit.estimates()[1].p99_ms_interval;
    assert!((low - 300.0).abs() < 1e-6 && (high - 300.0).abs() < 1e-6, "{low} to {high}");
    assert!(fit.assumed.is_empty(), "{:?}", fit.assumed);
}

#[test]
fn others_at_work_are_not_taken_for_a_window() {
    let scenario = built_in("staff");
    let windows = (1..=20).filter(|&seed| {
        let limit = fitted(&scenario, &ProbeOptions { seed, ..READS }).limits.get;
        matches!(limit, Some(AdmissionLimit::PerSecond(_)))
    });
    assert!(windows.count() <= 1);
}

#[test]
fn growing_service_times_are_told_from_steady_ones() {
    let grown = |name| {
        let scenario = built_in(name);
        let likely = (1..=20)
            .filter(|&seed| fitted(&scenario, &ProbeOptions { seed, ..SAMPLE }).grows() > 0.5);
        likely.count()
    };
    let (congested, documented) = (grown("congested"), grown("documented"));
    assert!(congested >= 12 && documented <= 3, "{congested} and {documented} of 20");
}

#[test]
fn a_fitted_profile_is_a_file_that_means_the_same() {
    for name in ["documented", "per-second", "constant", "unlimited", "flaky", "congested"] {
        let fit = fitted(&built_in(name), &SAMPLE);
        let text = fit.to_toml("a \"name\"\nwith\u{1b} what TOML cannot hold");
        let read =
            Profile::from_toml("fitted.toml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let made = fit.profile("fitted");
        assert_eq!(read.limits(), made.limits(), "{name}");
        for endpoint in Endpoint::ALL {
            let [read, made] = [&read, &made].map(|it| it.law(endpoint).mean());
            assert_eq!(read, made, "{name}: {}", endpoint.name());
        }
        assert_eq!(read.faults().len(), made.faults().len(), "{name}");
    }
}

#[test]
fn a_forecast_from_a_probe_is_wider_than_what_it_leaves_open() {
    let scenario = built_in("documented");
    let settings = Settings::new(Strategy::Hybrid);
    let median = {
        let run = |seed| {
            let order = RunSpec::new(&scenario, Settings { seed, ..settings.clone() });
            order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record.makespan_s
        };
        let mut makespans: Vec<f64> = (100..111).map(run).collect();
        makespans.sort_by(f64::total_cmp);
        makespans[5]
    };
    let held = (1..=10).filter(|&seed| {
        let fit = fitted(&scenario, &ProbeOptions { seed, ..SAMPLE });
        let [low, middle, high] = forecast_by(&scenario, &settings, reread(&fit)).makespan_s;
        assert!(low < middle && middle < high && high > 1.1 * low);
        holds([low, high], median)
    });
    assert!(held.count() >= 7);
    let constant = built_in("constant");
    let fit = fitted(&constant, &SAMPLE);
    let [low, _, high] = forecast_by(&constant, &settings, reread(&fit)).makespan_s;
    let order = RunSpec::new(&constant, settings);
    let makespan_s = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record.makespan_s;
    assert!(holds([low, high], makespan_s), "{low} to {high} without {makespan_s}");
}

#[test]
fn over_http_a_probe_finds_the_same_by_the_servers_count() {
    let scenario = planted("pool = 3", Duration::from_millis(100));
    let Resources::Ids(ids) = &scenario.resources else { panic!("a list of accounts") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mock = NeonMock::builder().neon(scenario.neon(1)).start().await;
        let (org_id, api_key) = mock.credentials();
        let target = Target::new(&mock.base_url(), org_id, api_key).unwrap();
        let transport = HttpTransport::new(target).unwrap();
        let subject =
            ProbeSubject { resources: Ids::Ids(ids), plan: &scenario.plan, journal: &NoJournal };
        let trace = probe(&transport, &WallClock::start(), &subject, &SAMPLE).await.unwrap();
        let calls = mock.calls();
        assert!(calls.total() <= u64::from(MOST_CALLS));
        assert_eq!(calls.total(), trace.calls.len() as u64);
        assert_eq!(calls.of(Endpoint::PatchAccount).admitted, u64::from(MOST_SAMPLE));
        let fit = TargetFit::of(&trace).unwrap();
        assert_eq!(
            (fit.limits.get, fit.limits.patch),
            (Some(AdmissionLimit::Pool(3)), Some(AdmissionLimit::Pool(3)))
        );
        // By a wall clock of whole ms: the same law, and no exact figures.
        let [get, ..] = fit.estimates();
        assert!(get.median_ms_interval[0] < 260.0 && get.median_ms_interval[1] > 150.0, "{get:?}");
    });
}

#[test]
fn a_target_that_does_not_answer_as_neon_is_an_error() {
    let scenario = built_in("constant");
    let missing = Workload {
        resources: Some(3),
        ids: Some((900..910).map(neon_mock::api::AccountId).collect()),
        profile: Some(scenario.profile.clone()),
        ..Workload::default()
    };
    let missing = Scenario::new(missing).unwrap();
    assert!(matches!(probed(&missing, &READS), Ok((trace, _)) if TargetFit::of(&trace).is_err()));
    let too_many = ProbeOptions { sample: MOST_SAMPLE + 1, ..READS };
    assert!(matches!(probed(&scenario, &too_many), Err(ProbeError::Sample(21))));
    let refused = Profile::built_in("constant").unwrap();
    let text = "schema = 1\n[[faults]]\nkind = \"401\"\nshare = 1.0\n[service]\n";
    let (_, service) = BUILT_IN[2].1.split_once("[service]\n").unwrap();
    assert_eq!(refused.name(), "constant");
    let barred = scenario_of(&format!("{text}{service}"));
    assert!(
        matches!(probed(&barred, &READS), Err(ProbeError::Target(words)) if words.contains("401"))
    );
}

fn scenario_of(text: &str) -> Scenario {
    scenario(Profile::from_toml("barred", text).unwrap())
}

/// `trace` as a browser would have recorded it.
fn har(trace: &ProbeTrace) -> serde_json::Value {
    let entries: Vec<serde_json::Value> = trace
        .calls
        .iter()
        .map(|call| {
            let (verb, template) = call.endpoint.name().split_once(' ').unwrap();
            let sent_ns = call.sent_at.as_nanos();
            let (s, ns) = (sent_ns / 1_000_000_000, sent_ns % 1_000_000_000);
            let wait = call.done_at.since(call.sent_at).as_secs_f64() * 1e3;
            json!({
                // Half an hour before the next hour, two hours east of Greenwich.
                "startedDateTime": format!("2026-01-31T11:30:{s:02}.{ns:09}+02:00"),
                "time": wait + 70.0,
                "request": {
                    "method": verb,
                    "url": format!("https://api.example.org/v2{}?x=1", template.replace("{id}", "7")),
                },
                "response": { "status": if call.outcome == Outcome::Rejected { 429 } else { 200 } },
                "timings": { "blocked": 0, "dns": -1, "connect": -1, "send": 0, "wait": wait, "receive": 0 },
            })
        })
        .collect();
    json!({ "log": { "version": "1.2", "entries": entries } })
}

#[test]
fn a_har_file_tells_what_its_calls_told() {
    let (trace, _) = probed(&built_in("documented"), &SAMPLE).unwrap();
    let mut recorded = har(&trace);
    let entries = recorded["log"]["entries"].as_array_mut().unwrap();
    let mut other = entries[0].clone();
    other["request"]["url"] = json!("https://fonts.example.org/a.woff");
    entries.push(other);
    entries.reverse();
    let har = Har::read("x.har", &recorded.to_string()).unwrap();
    assert_eq!((har.trace.calls.len(), har.passed_over.foreign), (trace.calls.len(), 1));
    let (fit, from_har) = (TargetFit::of(&trace).unwrap(), TargetFit::of(&har.trace).unwrap());
    assert_eq!(from_har.limits.get, fit.limits.get);
    for (probed, recorded) in fit.estimates().into_iter().zip(from_har.estimates()) {
        // Recorded in ms with their digits: nothing is lost but rounding.
        assert!(
            (probed.median_ms / recorded.median_ms - 1.0).abs() < 0.02,
            "{probed:?} {recorded:?}"
        );
        assert_eq!(probed.calls, recorded.calls);
    }
}

#[test]
fn entries_that_no_server_answered_are_passed_over_and_counted() {
    let (trace, _) = probed(&built_in("documented"), &SAMPLE).unwrap();
    let clean = har(&trace);
    let read = |recorded: &serde_json::Value| Har::read("x.har", &recorded.to_string()).unwrap();
    let calls = trace.calls.len();
    let mut padded = clean.clone();
    let entries = padded["log"]["entries"].as_array_mut().unwrap();
    let template = entries.iter().find(|it| it["request"]["method"] == "GET").unwrap().clone();
    let with = |changes: serde_json::Value| {
        let mut entry = template.clone();
        for (member, value) in changes.as_object().unwrap() {
            entry[member] = value.clone();
        }
        entry
    };
    let instant = json!({ "send": 0, "wait": 1, "receive": 0 });
    entries.extend([
        with(json!({ "_fromCache": "memory", "time": 1, "timings": instant })),
        with(json!({ "_fromCache": "disk", "time": 0.9, "timings": instant })),
        with(json!({ "time": 0, "timings": {} })),
        with(json!({ "_fetchType": "Disk Cache", "time": 2 })),
        with(json!({ "_fetchedViaServiceWorker": true })),
        with(json!({ "response": { "status": 0 }, "time": 30_000 })),
        with(json!({ "response": { "status": -1 }, "time": -1, "timings": { "wait": -1 } })),
        with(json!({ "time": -1, "timings": { "send": -1, "wait": -1, "receive": -1 } })),
        with(json!({ "time": null, "timings": null })),
    ]);
    let found = read(&padded);
    let expected = PassedOver { foreign: 0, cached: 5, unanswered: 2, untimed: 2 };
    assert_eq!((found.trace.calls.len(), found.passed_over), (calls, expected));
    let medians = |trace: &ProbeTrace| {
        TargetFit::of(trace).unwrap().estimates().map(|law| (law.median_ms, law.p99_ms))
    };
    assert_eq!(medians(&found.trace), medians(&read(&clean).trace));

    // A wait of -1 is not known: the whole less the client's own phases stands for it.
    let mut unknown = clean.clone();
    for entry in unknown["log"]["entries"].as_array_mut().unwrap() {
        let wait = entry["timings"]["wait"].as_f64().unwrap();
        entry["time"] = json!(wait + 20.0);
        entry["timings"] = json!({ "blocked": 20, "send": -1, "wait": -1, "receive": 1.388 });
    }
    let exact = read(&clean).trace.calls;
    for (known, told) in read(&unknown).trace.calls.iter().zip(&exact) {
        let took = |call: &Attempt| call.done_at.since(call.sent_at).as_secs_f64();
        assert!((took(known) - took(told)).abs() < 1e-6, "{known:?} {told:?}");
    }
    let mut cached = clean;
    for entry in cached["log"]["entries"].as_array_mut().unwrap() {
        entry["_fromCache"] = json!("memory");
    }
    let error = Har::read("x.har", &cached.to_string()).unwrap_err().to_string();
    assert!(error.contains(&format!("{calls} answered from a cache")), "{error}");
}

#[test]
fn hostile_har_files_are_refused_by_entry_and_member() {
    let (trace, _) = probed(&built_in("constant"), &READS).unwrap();
    let good = har(&trace);
    let wrong = |path: &str, value: serde_json::Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value;
        Har::read("bad.har", &bad.to_string()).unwrap_err().to_string()
    };
    for (path, value, said) in [
        ("/log/entries", json!(7), "bad.har: log.entries"),
        ("/log/entries/3/startedDateTime", json!("yesterday"), "log.entries[3].startedDateTime"),
        (
            "/log/entries/3/startedDateTime",
            json!("9999-12-31T23:59:59Z"),
            "log.entries[3].startedDateTime",
        ),
        ("/log/entries/4/response/status", json!(70_000), "log.entries[4].response.status: 70000"),
        ("/log/entries/5/timings/wait", json!(1e300), "log.entries[5].timings.wait"),
        ("/log/entries/6/request", json!({ "method": 1 }), "log.entries[6].request.method"),
        ("/log/entries", json!([]), "none of the 0 entries"),
        ("/log/entries", json!(vec![good["log"]["entries"][0].clone(); 10_001]), "10001 entries"),
    ] {
        let error = wrong(path, value);
        assert!(error.contains(said), "{path}: {error}");
    }
    for text in ["", "{", "[]", "{\"log\":{}}", "null", &"[".repeat(100_000)] {
        let error = Har::read("bad.har", text).unwrap_err().to_string();
        assert!(error.starts_with("bad.har: "), "{error}");
    }
    // A phase that is no time of ours is no reason to end: negative phases did not happen.
    let mut odd = good.clone();
    odd["log"]["entries"][0]["timings"] = json!({ "wait": -1, "send": null });
    let odd = Har::read("odd.har", &odd.to_string()).unwrap();
    assert!(TargetFit::of(&odd.trace).is_ok());
}

#[test]
fn a_file_draws_what_its_fit_draws_until_it_is_changed_by_hand() {
    for name in ["documented", "per-second", "constant", "flaky", "congested", "staff"] {
        for options in [READS, SAMPLE] {
            let fit = fitted(&built_in(name), &options);
            let (file, made) = (reread(&fit), fit.profile("made"));
            assert_eq!(file.digest(), made.digest(), "{name}");
            let digests = |profile: &Profile| -> Vec<String> {
                draws(profile, 1..=20).map(|drawn| drawn.digest().to_owned()).collect()
            };
            let of_fit: Vec<String> = (1..=20).map(|k| fit.draw(k).digest().to_owned()).collect();
            assert_eq!((digests(&file), digests(&made)), (of_fit.clone(), of_fit), "{name}");
        }
    }
    let fit = fitted(&built_in("documented"), &SAMPLE);
    let by_hand =
        fit.to_toml("x").replace("\"GET /accounts/{id}\" = 5", "\"GET /accounts/{id}\" = 4");
    let by_hand = Profile::from_toml("changed.toml", &by_hand).unwrap();
    assert!(by_hand.is_changed_since_fitted() && by_hand.evidence().is_none());
    assert!(draws(&by_hand, 1..=5).all(|drawn| drawn.digest() == by_hand.digest()));
    let unknown = fit.to_toml("x").replacen("\"ok\"]", "\"okay\"]", 1);
    let unknown = Profile::from_toml("unknown.toml", &unknown).unwrap();
    let error = TargetFit::of_profile(&unknown).unwrap_err().to_string();
    assert!(error.contains("evidence.calls[0]") && error.contains("server_error"), "{error}");
}

#[test]
fn a_stored_run_is_evidence_too() {
    let scenario = built_in("documented");
    let order = RunSpec::new(&scenario, Settings::new(Strategy::Hybrid));
    let record = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record;
    let fit = TargetFit::of_record(&record).unwrap();
    let file = reread(&fit);
    let drawn: Vec<Profile> = draws(&file, 1..=30).collect();
    assert!(drawn.iter().zip(1..).all(|(drawn, seed)| drawn.digest() == fit.draw(seed).digest()));
    let pools: BTreeSet<_> = drawn.iter().map(|drawn| drawn.pool(Endpoint::PatchAccount)).collect();
    assert!(pools.len() > 3, "a record tells no limits: {pools:?}");
}

#[test]
fn pools_and_windows_above_ten_are_found_with_no_more_refusals_than_small_ones() {
    let right = |limit: &str,
                 expected: fn(AdmissionLimit, u32) -> bool,
                 size: u32,
                 options: &ProbeOptions| {
        let limit = format!("{limit} = {size}");
        let limit = limit.as_str();
        let scenario = planted(limit, Duration::from_millis(125));
        let is_right = |seed: &u64| {
            let (trace, _) = probed(&scenario, &ProbeOptions { seed: *seed, ..*options }).unwrap();
            assert!(trace.refused() <= 18, "{limit}, seed {seed}: {} refused", trace.refused());
            TargetFit::of(&trace).unwrap().limits.get.is_some_and(|limit| expected(limit, size))
        };
        (1..=20).filter(is_right).count()
    };
    let is_pool = |limit, size| limit == AdmissionLimit::Pool(size);
    // Half of them are taken for a pool: both explain the few refusals of the second burst.
    let is_limit = |limit, size: u32| match limit {
        AdmissionLimit::PerSecond(rate) => rate.abs_diff(size) <= 2,
        AdmissionLimit::Pool(pool) => pool > 10,
    };
    for options in [READS, SAMPLE] {
        for pool in [12, 15, 20] {
            let found = right("pool", is_pool, pool, &options);
            assert!(found >= 15, "{found} of 20 found a pool of {pool}");
        }
        right("pool", is_pool, 1, &options);
    }
    let found = right("per_second", is_limit, 15, &READS);
    assert!(found >= 15, "{found} of 20 found a window of 15");
}

#[test]
fn what_single_calls_do_not_show_is_said_and_drawn() {
    let scenario = built_in("documented");
    let mut calls = Vec::new();
    let order = RunSpec::new(&scenario, Settings::new(Strategy::Standard));
    let mut record = |event: &Event| {
        if let Event::Done(call) = event {
            calls.push(*call);
        }
    };
    order.run(&World::Virtual, &mut record).unwrap();
    calls.truncate(100);
    let fit = TargetFit::of(&ProbeTrace { calls, ..ProbeTrace::default() }).unwrap();
    let said = fit.not_shown.join("; ");
    for words in ["at most 1 reads were in flight", "at most 1 writes", "no search is among"] {
        assert!(said.contains(words), "no `{words}` in {said}");
    }
    assert!(fit.to_toml("x").contains("# Not known: at most 1 reads"));
    let pool = |seed| fit.draw(seed).pool(Endpoint::GetAccount).unwrap_or(u32::MAX);
    let pools: Vec<u32> = (1..=200).map(pool).collect();
    let share = |is_meant: fn(&u32) -> bool| {
        pools.iter().filter(|pool| is_meant(pool)).count() as f64 / pools.len() as f64
    };
    assert!(share(|pool| *pool <= 3) > 0.05 && share(|pool| *pool > 10) > 0.1, "{pools:?}");
}

#[test]
fn times_that_are_not_log_normal_are_drawn_from_themselves() {
    let two = "{ law = \"empirical\", samples = [\"100ms\", \"110ms\", \"120ms\", \"2s\"] }";
    let text = format!(
        "schema = 1\n[limits]\npool = 5\nreject_after = \"30ms\"\n[service]\nget = {two}\n\
         patch = {two}\nput = {two}\nsearch = {two}\nmetadata = {two}\n"
    );
    let scenario = scenario_of(&text);
    let told = (1..=20).filter(|&seed| {
        let fit = fitted(&scenario, &ProbeOptions { seed, ..SAMPLE });
        let drawn = fit.draw(seed);
        let mut from = neon_mock::rng::stream(seed, "test");
        let is_seen = |_| {
            let ms = drawn.law(Endpoint::PatchAccount).sample(&mut from).as_millis();
            // Growth is looked for in these times too, so that a draw may divide them by a factor.
            !(130..=1_000).contains(&ms)
        };
        fit.assumed.iter().any(|it| it.contains("not log-normal")) && (0..50).all(is_seen)
    });
    let steady = built_in("documented");
    let wrongly = (1..=40).filter(|&seed| {
        let fit = fitted(&steady, &ProbeOptions { seed, ..SAMPLE });
        fit.assumed.iter().any(|it| it.contains("writes take the times"))
    });
    let (told, wrongly) = (told.count(), wrongly.count());
    assert!(told >= 17 && wrongly <= 6, "{told} of 20 told, {wrongly} of 40 wrongly");
}

/// Waits that a server asks for are fitted within the bounds of a profile.
#[test]
fn absurd_delays_make_a_profile_all_the_same() {
    let (mut trace, _) = probed(&built_in("documented"), &READS).unwrap();
    for after in [Duration::MAX, Duration::from_secs(1 << 40), Duration::ZERO] {
        trace.retry_after = Some(after);
        reread(&TargetFit::of(&trace).unwrap());
    }
}
