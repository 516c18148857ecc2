//! The adaptive limiter against others, a small league: no other is both faster and refused less.

#[path = "../../benches/limiters/aimd.rs"]
mod aimd;
#[path = "../../benches/limiters/gradient2.rs"]
mod gradient2;
#[path = "../../benches/limiters/league.rs"]
mod league;
#[path = "../../benches/limiters/vegas.rs"]
mod vegas;

use aimd::AimdLimits;
use gradient2::Gradient2Limits;
use league::{Finish, TRACKS, Track, race};
use neon_mock::profile::Profile;
use neonbench_engine::engine::limiter::{LimitFactory, Limiter};
use neonbench_engine::engine::{self, Job, Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::scenario::{Resources, Scenario, Workload};
use neonbench_engine::world::{InProcess, VirtualClock};
use vegas::VegasLimits;

const ACCOUNTS: u64 = 400;

fn mean(track: &Track, limits: &dyn LimitFactory) -> Finish {
    mean_of(track, limits, ACCOUNTS)
}

fn mean_of(track: &Track, limits: &dyn LimitFactory, accounts: u64) -> Finish {
    let runs: Vec<Finish> = (1..=4).map(|seed| race(track, limits, accounts, seed)).collect();
    Finish::mean(&runs)
}

#[test]
fn nobody_who_is_not_told_the_pool_is_faster_and_politer() {
    let rivals: [(&str, &dyn LimitFactory); 3] =
        [("aimd", &AimdLimits), ("gradient2", &Gradient2Limits), ("vegas", &VegasLimits)];
    for track in TRACKS {
        let ours = mean(&track, &Limiter::adaptive(0));
        for (name, limits) in rivals {
            let theirs = mean(&track, limits);
            let dominated =
                theirs.makespan_s <= ours.makespan_s && theirs.refused_share <= ours.refused_share;
            assert!(!dominated, "{}: {name} {theirs:?} against {ours:?}", track.name);
        }
    }
}

#[test]
fn a_pool_is_found_with_a_handful_of_refusals() {
    for track in TRACKS.iter().filter(|track| track.pool.is_some() && track.then.is_none()) {
        let shared = track.name.contains("staff") || track.name.contains("all");
        if shared {
            continue;
        }
        // Beyond 16 calls the limit opens slowly: 400 accounts are too few for 50.
        let accounts = if track.pool == Some(50) { 5 * ACCOUNTS } else { ACCOUNTS };
        let ours = mean_of(track, &Limiter::adaptive(0), accounts);
        let refused = ours.refused_share * ours.calls_per_record * accounts as f64;
        assert!(refused <= 12.0, "{}: {refused} refused", track.name);
        assert!(ours.found_s < 0.5 * ours.makespan_s, "{}: {ours:?}", track.name);
    }
}

#[test]
fn a_server_that_says_when_to_come_back_is_obeyed() {
    let profile = "schema = 1\n[limits]\npool = 2\nreject_after = \"30ms\"\nretry_after = \"2s\"\n\
        [service]\nget = { law = \"constant\", time = \"200ms\" }\n\
        patch = { law = \"constant\", time = \"300ms\" }\nput = { law = \"constant\", time = \"300ms\" }\n\
        search = { law = \"constant\", time = \"400ms\" }\n\
        metadata = { law = \"constant\", time = \"100ms\" }\n";
    let scenario = Scenario::new(Workload {
        profile: Some(Profile::from_toml("retry-after", profile).unwrap()),
        resources: Some(60),
        ..Workload::default()
    })
    .unwrap();
    let Resources::Ids(ids) = &scenario.resources else { unreachable!("the plain workload") };
    for strategy in Strategy::ALL {
        let settings = Settings::new(strategy);
        let clock = VirtualClock::new();
        let transport = InProcess::new(scenario.neon(1), clock.clone());
        let job = Job::new(&scenario.plan, &settings, engine::AccountSource::Ids(ids));
        clock.run(engine::run(&transport, &clock, job, &mut |_: &Event| {})).unwrap().unwrap();
        let neon = transport.into_neon();
        assert_eq!(neon.calls().early(), 0, "{strategy}: {} refused", neon.calls().rejected());
        assert_eq!(neon.calls().rejected() > 0, strategy.is_concurrent(), "{strategy}");
    }
}
