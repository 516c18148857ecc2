//! The selector: its files are what they say they are, it chooses among what it may, and its rule for
//! the Python engine means in Python what it means here.

use neon_mock::file::DurationText;
use neon_mock::profile::{BUILT_IN, Profile, WireProfile};
use neonbench::experiment::{Candidate, Constraint, Goal, Objective, Portfolio, Summary, simulate};
use neonbench::probe::{self, AdmissionLimit, ProbeOptions, TargetFit};
use neonbench::select::case::{self, Family, HELD_OUT, QUICK, SelectorCase};
use neonbench::select::{
    Calibration, ChoiceRequest, Knowledge, KnownTarget, SHIPPED, StrategyChoice, StrategyRule,
    inputs, signature,
};
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{Guard, Reads, Settings, Stop, Strategy, WriteMode};
use neonbench_engine::journal::NoJournal;
use neonbench_engine::run::World;
use neonbench_engine::scenario::{Scenario, Workload};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::process::Command;
use std::time::Duration;

#[test]
fn the_shipped_calibration_is_of_these_inputs_and_says_all_that_it_is() {
    let shipped = Calibration::shipped();
    assert_eq!(shipped.signature, signature());
    let made_anew = "make it anew: neonbench calibrate --write";
    assert_eq!(shipped.inputs, inputs(QUICK, &Goal::default()), "{made_anew}");
    assert_eq!(shipped.to_toml(), SHIPPED, "{made_anew}");
}

#[test]
fn the_sets_are_drawn_from_their_seeds_and_have_nothing_in_common() {
    assert_eq!(case::write(case::draw(7, "quick", 3, 400)), QUICK);
    assert_eq!(case::write(case::draw(20_261_129, "held-out", 3, 5_000)), HELD_OUT);
    let profiles = |text: &str| -> Vec<String> {
        let cases = case::read("a set", text).unwrap();
        cases.iter().map(|case| case.scenario.profile.digest().to_owned()).collect()
    };
    let fitted = profiles(QUICK);
    assert!(profiles(HELD_OUT).iter().all(|digest| !fitted.contains(digest)));
}

#[test]
fn the_held_out_set_has_the_shares_that_were_fixed() {
    let cases = case::read("the held-out set", HELD_OUT).unwrap();
    let mut counts: BTreeMap<Family, usize> = BTreeMap::new();
    for case in &cases {
        *counts.entry(case.family).or_default() += 1;
    }
    assert_eq!(cases.len(), 60);
    for (family, percent) in [
        (Family::Pools, 30),
        (Family::Windows, 20),
        (Family::Mixed, 10),
        (Family::Scope, 10),
        (Family::Congested, 10),
        (Family::Faults, 10),
        (Family::Staff, 10),
    ] {
        assert_eq!(counts[&family] * 100, cases.len() * percent, "{}", family.name());
    }
}

fn plain(resources: u64, mappings: u32, profile: &str) -> Scenario {
    Scenario::new(Workload {
        profile: Some(Profile::built_in(profile).unwrap()),
        resources: Some(resources),
        mappings: Some(mappings),
        ..Workload::default()
    })
    .unwrap()
}

fn decide(scenario: &Scenario, known: bool, goal: &Goal, portfolio: Portfolio) -> StrategyChoice {
    let target = known.then(|| KnownTarget::of(&scenario.profile));
    Calibration::shipped().decide(ChoiceRequest::new(scenario, goal), target.as_ref(), portfolio)
}

#[test]
fn auto_goes_by_what_is_known_and_says_so() {
    let goal = Goal::default();
    let scenario = plain(60, 2, "documented");
    let known = decide(&scenario, true, &goal, Portfolio::Guide);
    assert_eq!(known.knowledge, Knowledge::Known);
    assert!(known.reason.contains("on profile documented"), "{}", known.reason);
    // Five places for reads and five for writes: as many workers are refused nothing.
    assert_eq!((known.candidate.strategy, known.candidate.workers), (Strategy::Hybrid, 5));
    assert_eq!(known, decide(&scenario, true, &goal, Portfolio::Guide));
    // Of nothing, the limiter finds out.
    let unknown = decide(&scenario, false, &goal, Portfolio::Full);
    assert_eq!(unknown.knowledge, Knowledge::Nothing);
    assert_eq!(unknown.candidate.strategy, Strategy::Pipelined);
}

#[test]
fn objectives_and_constraints_change_the_choice() {
    let scenario = plain(40, 2, "documented");
    let workers = |goal: &Goal| decide(&scenario, true, goal, Portfolio::Guide).candidate.workers;
    let fastest = Goal { objective: Objective::Fastest, constraints: Vec::new(), echo: None };
    assert!(workers(&fastest) > 5, "refusals are free where only speed counts");
    let headroom = "headroom>=2".parse::<Constraint>().unwrap();
    let gentle = Goal { objective: Objective::Fastest, constraints: vec![headroom], echo: None };
    assert_eq!(workers(&gentle), 3);
}

/// Figures of `candidate`, or of the choice, under twenty seeds that no choice rests on.
fn runs(scenario: &Scenario, candidate: &Candidate) -> Summary {
    let run = |seed| {
        simulate(scenario, &candidate.settings(seed, &Goal::default()), None).unwrap().figures
    };
    (77_000_001..77_000_021).map(run).collect()
}

#[test]
fn auto_never_takes_what_fails_for_fast() {
    // Service times of `congested`, three times as long: the more calls in flight, the slower, until
    // calls time out.
    let (_, text) = BUILT_IN.into_iter().find(|(name, _)| *name == "congested").unwrap();
    let mut wire: WireProfile = toml::from_str(text).unwrap();
    for law in [&mut wire.service.get, &mut wire.service.patch, &mut wire.service.search] {
        for time in [&mut law.median, &mut law.p99] {
            *time = time.map(|time| DurationText(time.0 * 3));
        }
    }
    let mut scenario = plain(300, 3, "congested");
    scenario.profile = Profile::try_from_wire("congested-x3", &wire).unwrap();
    let chosen = decide(&scenario, true, &Goal::default(), Portfolio::Full).candidate;
    assert_eq!(runs(&scenario, &chosen).failed(), 0, "{chosen}");
}

#[test]
fn auto_rehearses_whatever_a_profile_says() {
    // Colleagues think for 20 s: what reads long before it writes overwrites more of their edits, and is not
    // slower for it.
    let staff = plain(200, 3, "staff");
    let chosen = decide(&staff, true, &Goal::default(), Portfolio::Full).candidate;
    let objective = Objective::Balanced;
    let cost_s = |candidate: &Candidate| runs(&staff, candidate).cost_s(objective);
    let pipelined = Candidate::new(Strategy::Pipelined, 5, 50);
    assert!(cost_s(&chosen) <= 1.02 * cost_s(&pipelined), "{chosen}");
    // A refusal that is not retried within a second is dear: the choice knows the header.
    let (_, text) = BUILT_IN.into_iter().find(|(name, _)| *name == "per-second").unwrap();
    let mut wire: WireProfile = toml::from_str(text).unwrap();
    wire.limits.retry_after = Some(DurationText(Duration::from_secs(5)));
    let mut patient = plain(60, 2, "per-second");
    patient.profile = Profile::try_from_wire("patient", &wire).unwrap();
    let chosen = decide(&patient, true, &Goal::default(), Portfolio::Full).candidate;
    let cost_s = |candidate: &Candidate| runs(&patient, candidate).cost_s(objective);
    for cap in [1, 2, 3, 5] {
        let limiter = Some(Limiter::Fixed(NonZeroU32::new(cap).unwrap()));
        let capped = Candidate { limiter, ..pipelined };
        assert!(cost_s(&chosen) <= 1.05 * cost_s(&capped), "{chosen} against {capped}");
    }
}

#[test]
fn a_limit_that_no_call_met_is_not_believed() {
    // Reads have ten places and writes two: a probe that writes nothing cannot see it.
    let mut wire: WireProfile = toml::from_str(BUILT_IN[0].1).unwrap();
    wire.limits.pool = Some(10);
    wire.limits.endpoints = BTreeMap::from([
        ("POST /accounts/search".to_owned(), 1),
        ("PATCH /accounts/{id}".to_owned(), 2),
    ]);
    let mut scenario = plain(200, 1, "documented");
    scenario.profile = Profile::try_from_wire("narrow-writes", &wire).unwrap();
    let options = ProbeOptions { find_pool: true, sample: 0, seed: 1 };
    let trace = probe::run(&scenario, &World::Virtual, &options, &NoJournal, Stop::NEVER).unwrap();
    let fit = TargetFit::of(&trace).unwrap();
    assert_eq!(fit.limits.patch, Some(AdmissionLimit::Pool(10)), "the likeliest limit is wrong");
    let target = KnownTarget::probed(fit);
    let (goal, shipped) = (Goal::default(), Calibration::shipped());
    let decided =
        shipped.decide(ChoiceRequest::new(&scenario, &goal), Some(&target), Portfolio::Full);
    let cost_s = |one: &Candidate| runs(&scenario, one).cost_s(Objective::Balanced);
    let limiter = Some(Limiter::Fixed(NonZeroU32::new(2).unwrap()));
    let right = Candidate { limiter, ..Candidate::new(Strategy::Pipelined, 5, 50) };
    let (chosen, right) = (cost_s(&decided.candidate), cost_s(&right));
    assert!(chosen < 1.5 * right, "{}: {chosen} s against {right} s", decided.candidate);
}

#[test]
fn a_choice_leaves_alone_the_settings_that_were_given() {
    let scenario = plain(60, 2, "documented");
    let target = KnownTarget::of(&scenario.profile);
    let pinned =
        |candidate: Candidate| Candidate { limiter: Some(Limiter::None), workers: 2, ..candidate };
    let goal = Goal::default();
    let request = ChoiceRequest { pinned: &pinned, ..ChoiceRequest::new(&scenario, &goal) };
    let choice = Calibration::shipped().decide(request, Some(&target), Portfolio::Full);
    assert_eq!((choice.candidate.limiter, choice.candidate.workers), (Some(Limiter::None), 2));
}

#[test]
fn a_choice_is_simulated_with_the_settings_that_no_candidate_says() {
    // One PUT at a time, and five PATCHes.
    let (_, text) = BUILT_IN.into_iter().find(|(name, _)| *name == "documented").unwrap();
    let text =
        text.replacen("[limits.endpoints]", "[limits.endpoints]\n\"PUT /accounts/{id}\" = 1", 1);
    let wire: WireProfile = toml::from_str(&text).unwrap();
    let mut scenario = plain(60, 2, "documented");
    scenario.profile = Profile::try_from_wire("one put at a time", &wire).unwrap();
    let (target, goal) = (KnownTarget::of(&scenario.profile), Goal::default());
    let by = |write| {
        let settings = Settings { write, ..Settings::new(Strategy::Standard) };
        let request = ChoiceRequest { settings: &settings, ..ChoiceRequest::new(&scenario, &goal) };
        Calibration::shipped().decide(request, Some(&target), Portfolio::Full)
    };
    let (patch, put) = (by(WriteMode::Patch), by(WriteMode::Put));
    assert_ne!(patch.candidate, put.candidate);
    let refused = |candidate: &Candidate, write| {
        let settings = Settings { write, ..candidate.settings(1, &goal) };
        simulate(&scenario, &settings, None).unwrap().figures.refused
    };
    let (own, other) =
        (refused(&put.candidate, WriteMode::Put), refused(&patch.candidate, WriteMode::Put));
    assert!(own < other, "{}: {own}; {}: {other}", put.candidate, patch.candidate);
}

#[test]
fn the_choice_spares_edits_of_colleagues_unless_the_user_says_no() {
    let (staff, goal) = (plain(200, 3, "staff"), Goal::default());
    let target = KnownTarget::of(&staff.profile);
    let chosen = |pinned: &dyn Fn(Candidate) -> Candidate| {
        let request = ChoiceRequest { pinned, ..ChoiceRequest::new(&staff, &goal) };
        Calibration::shipped().decide(request, Some(&target), Portfolio::Full).candidate
    };
    let pipelined = Candidate::new(Strategy::Pipelined, 5, 50);
    let free = chosen(&|one| one);
    let guarded = chosen(&|one| Candidate { guard: one.guard, ..pipelined });
    assert_eq!(guarded.guard, Some(Guard::Reread), "{guarded}");
    let open = chosen(&|_| Candidate { guard: Some(Guard::None), ..pipelined });
    assert_eq!(open.guard, Some(Guard::None), "{open}");
    let overwritten = |candidate: &Candidate| runs(&staff, candidate).edits().edits_overwritten;
    let without = overwritten(&open);
    for spared in [&guarded, &free] {
        let edits = overwritten(spared);
        assert!(
            4.0 * edits < without,
            "{spared}: {edits} edits overwritten, and {without} under pipelined"
        );
    }
    let alone = decide(&plain(200, 3, "documented"), true, &goal, Portfolio::Full).candidate;
    assert_eq!(alone.guard, None, "{alone}");
}

#[test]
fn a_calibration_of_another_engine_is_refused_by_name() {
    let other = SHIPPED.replace(&signature(), "0123456789abcdef");
    let error = Calibration::from_toml("other.toml", &other).unwrap_err().to_string();
    assert!(error.contains("other.toml, line"), "{error}");
    assert!(error.contains("neonbench calibrate --write other.toml"), "{error}");
    let unknown = SHIPPED.replace("batch_per_worker", "batch_per_wroker");
    let error = Calibration::from_toml("typo.toml", &unknown).unwrap_err().to_string();
    assert!(error.contains("batch_per_wroker"), "{error}");
}

/// A handful of small cases, to fit to.
fn small() -> Vec<SelectorCase> {
    let mut cases = Vec::new();
    for (resources, mappings) in [(2, 1), (2, 4), (6, 1), (6, 3), (20, 1), (20, 6), (60, 2)] {
        cases.push(SelectorCase::new(plain(resources, mappings, "documented")));
    }
    cases
}

#[test]
fn the_rule_for_python_means_the_same_there() {
    let rule = StrategyRule::fit(&small(), &Goal::default(), Reads::Search).unwrap();
    let script = format!(
        "{}\n\
         class Plan:\n    \
             def __init__(self, n, m):\n        \
                 self.resource_ids = list(range(n)) if n else None\n        \
                 self.mappings = [None] * m\n\
         for n in range(0, 2001):\n    \
             print(','.join(_choose_optimal_strategy(None, Plan(n, m)) for m in range(1, 21)))\n",
        rule.to_python()
    );
    let output = match Command::new("python3").args(["-c", &script]).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("no python3 on this machine: not compared");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2_001);
    for (n, line) in lines.iter().enumerate() {
        // A plan without ids counts as a thousand.
        let resources = if n == 0 { 1_000 } else { n as u64 };
        let ours: Vec<&str> = (1..=20).map(|m| rule.choose(resources, m).name()).collect();
        assert_eq!(*line, ours.join(","), "{n} accounts");
    }
}
