//! A probe of an organisation in which colleagues work.

use super::{READS, SAMPLE, built_in, probed};
use neonbench::probe::{ProbeOptions, TargetFit};

#[test]
fn colleagues_are_seen_by_the_accounts_that_they_change() {
    let staffed = built_in("staff");
    let edits_per_s = staffed.profile.staff().unwrap().edits_per_s;
    for options in [READS, SAMPLE] {
        let (mut accounts, mut during_s) = (0, 0.0);
        for seed in 1..=40 {
            let (trace, _) = probed(&staffed, &ProbeOptions { seed, ..options }).unwrap();
            let seen = trace.edits.expect("two searches were answered");
            accounts += seen.accounts;
            during_s += seen.during.as_secs_f64();
            // A guard is considered, by the profile and by its file.
            let fit = TargetFit::of(&trace).unwrap();
            assert_eq!(fit.profile("probed").staff().is_some(), seen.accounts > 0, "seed {seed}");
        }
        let seen_per_s = f64::from(accounts) / during_s;
        // An account that is changed twice counts once, and times are in whole seconds.
        let share = seen_per_s / edits_per_s;
        assert!((0.6..1.1).contains(&share), "{seen_per_s} of {edits_per_s} per second");
    }
    let (trace, _) = probed(&built_in("documented"), &SAMPLE).unwrap();
    assert_eq!(trace.edits.unwrap().accounts, 0, "its own writes are no colleague's");
    let fit = TargetFit::of(&trace).unwrap();
    assert!(fit.profile("quiet").staff().is_none());
}
