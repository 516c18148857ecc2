//! Scenarios drawn from a seed, in fixed shares of each family.

use super::{Family, WireSelectorCase};
use neon_mock::behaviour::Behaviour;
use neon_mock::fault::FaultKind;
use neon_mock::file::DurationText;
use neon_mock::limit::Scope;
use neon_mock::profile::{
    LawName, Profile, WireCongestion, WireFault, WireLaw, WireLimits, WireProfile, WireService,
};
use neon_mock::rng::{self, Generator};
use neon_mock::staff::WireStaff;
use rand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;

/// Of twenty scenarios, so many are of each family.
const SHARES: [(Family, usize); 7] = [
    (Family::Pools, 6),
    (Family::Windows, 4),
    (Family::Mixed, 2),
    (Family::Scope, 2),
    (Family::Congested, 2),
    (Family::Faults, 2),
    (Family::Staff, 2),
];

/// Figures of limits that are drawn.
const POOLS: [u32; 8] = [1, 2, 3, 4, 5, 7, 10, 20];
const WINDOWS: [u32; 6] = [1, 2, 3, 5, 8, 25];

/// Draws `twenties` × 20 scenarios of up to `most` accounts; names begin with `name`.
pub fn draw(seed: u64, name: &str, twenties: usize, most: u64) -> Vec<WireSelectorCase> {
    let mut dice = Dice(rng::stream(seed, "scenarios"));
    let mut cases = Vec::new();
    for (family, of_twenty) in SHARES {
        for number in 0..of_twenty * twenties {
            let name = format!("{name}-{}-{:02}", family.name(), number + 1);
            // Sizes are spread over the whole range, not left to chance.
            let place = (number as f64 + dice.unit()) / (of_twenty * twenties) as f64;
            let resources = (most as f64).powf(place).round() as u64;
            cases.push(dice.case(name, family, resources));
        }
    }
    cases
}

struct Dice(Generator);

impl Dice {
    fn unit(&mut self) -> f64 {
        rng::unit(self.0.next_u64())
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[rng::below(self.0.next_u64(), of.len())]
    }

    fn is(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Anything from `low` to `high`, each octave alike, to two digits.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        two_digits(low * (high / low).powf(self.unit()))
    }

    fn case(&mut self, name: String, family: Family, resources: u64) -> WireSelectorCase {
        // Many mappings make a sweep slow, not different: where records are many, they are few.
        let most: &[u32] =
            if resources <= 60 { &[1, 2, 3, 5, 8, 12, 20, 30] } else { &[1, 2, 3, 4, 6] };
        let mappings = self.one(most);
        let dataset = self.one(&["plain", "plain", "plain", "half-migrated", "v-fields"]);
        let limits = self.limits(family);
        let (service, patch_s) = self.service(family);
        let faults = if family == Family::Faults { vec![self.fault()] } else { Vec::new() };
        // Up to a third of the pool: more than that, and nobody's calls get through.
        let pool = f64::from(limits.pool.unwrap_or(1));
        let edits_per_s = self.between(0.03, 0.3) * pool / patch_s;
        let staff = (family == Family::Staff).then(|| WireStaff {
            edits_per_s: two_digits(edits_per_s.min(4.0)),
            skew: self.one(&[0.0, 1.0]),
            think: DurationText(Duration::from_millis(self.one(&[200, 1_000, 5_000, 20_000]))),
            fields: Vec::new(),
        });
        let profile = WireProfile {
            schema: 1,
            description: String::new(),
            limits,
            service,
            behaviour: Behaviour::default(),
            faults,
            staff,
            integration: None,
            evidence: None,
        };
        // Draws are checked here, so that a set holds valid scenarios alone.
        Profile::try_from_wire(&name, &profile).expect("the laws draw valid profiles");
        WireSelectorCase { name, resources, mappings, dataset: dataset.to_owned(), profile }
    }

    fn limits(&mut self, family: Family) -> WireLimits {
        let mut limits = WireLimits {
            reject_after: DurationText(Duration::from_millis(self.one(&[10, 30, 100]))),
            retry_after: self
                .is(0.2)
                .then(|| DurationText(Duration::from_secs(self.one(&[1, 1, 2, 5])))),
            queue: self.is(0.1).then(|| self.one(&[1, 5, 20])),
            ..WireLimits::default()
        };
        let pool = self.one(&POOLS);
        match family {
            // A load that nothing bounds but itself, or a wide pool.
            Family::Congested => limits.pool = self.one(&[None, None, Some(10), Some(20)]),
            Family::Staff => limits.pool = Some(self.one(&[2, 5, 10, 20])),
            Family::Windows => limits.per_second = Some(self.one(&WINDOWS)),
            Family::Mixed => {
                limits.pool = Some(pool);
                limits.per_second = Some(self.one(&WINDOWS));
            }
            Family::Scope => {
                limits.scope = Some(self.one(&[Scope::Template, Scope::Organisation]));
                limits.pool = Some(pool.max(2));
                return limits;
            }
            Family::Pools | Family::Faults => limits.pool = Some(pool),
        }
        let search = "POST /accounts/search".to_owned();
        if limits.per_second.is_some() {
            limits.endpoints_per_second = BTreeMap::from([(search.clone(), 1)]);
        }
        if limits.pool.is_some() {
            let searches = self.one(&[1, 1, 1, 2]);
            limits.endpoints = BTreeMap::from([(search, searches)]);
            // Verbs differ now and then.
            if self.is(0.3) {
                let writes = self.one(&POOLS);
                limits.endpoints.insert("PATCH /accounts/{id}".to_owned(), writes);
            }
        }
        limits
    }

    fn service(&mut self, family: Family) -> (WireService, f64) {
        let law = self.one(&[
            LawName::LogNormal,
            LawName::LogNormal,
            LawName::LogNormal,
            LawName::Uniform,
            LawName::Constant,
            LawName::Empirical,
            LawName::Empirical,
        ]);
        let get_ms = self.between(20.0, 1_200.0);
        let patch_ms = two_digits(get_ms * self.between(0.3, 5.0));
        let search_ms = two_digits(get_ms * self.between(0.5, 10.0));
        let tail = self.one(&[1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 15.0]);
        let has_two_modes = self.is(0.5);
        let wire = |median_ms: f64| wire_law(law, median_ms, tail, has_two_modes);
        let congestion = (family == Family::Congested).then(|| WireCongestion {
            contention: self.between(0.02, 0.1),
            coherency: self.between(0.003, 0.05),
        });
        let service = WireService {
            get: wire(get_ms),
            patch: wire(patch_ms),
            put: wire(patch_ms),
            search: wire(search_ms),
            metadata: wire(get_ms),
            endpoints: BTreeMap::new(),
            congestion,
        };
        (service, patch_ms / 1e3)
    }

    fn fault(&mut self) -> WireFault {
        let kinds = [
            FaultKind::InternalError,
            FaultKind::BadGateway,
            FaultKind::Unavailable,
            FaultKind::GatewayTimeout,
            FaultKind::ResetBefore,
            FaultKind::ResetAfter,
            FaultKind::Malformed,
            FaultKind::SlowBody,
        ];
        let endpoints: &[&str] = self.one(&[&[][..], &[][..], &["PATCH /accounts/{id}"][..]]);
        WireFault {
            kinds: kinds.to_vec(),
            share: Some(self.between(0.005, 0.05)),
            endpoints: endpoints.iter().map(|name| (*name).to_owned()).collect(),
            ..WireFault::default()
        }
    }
}

/// `figure` to two digits.
fn two_digits(figure: f64) -> f64 {
    format!("{figure:.1e}").parse().expect("a figure as it was written")
}

/// A law with that median: its 99th percentile `tail` times as long, or as wide as that allows.
fn wire_law(law: LawName, median_ms: f64, tail: f64, has_two_modes: bool) -> WireLaw {
    let text = |ms: f64| Some(DurationText(Duration::from_micros((ms * 1e3).round() as u64)));
    let none = WireLaw::named(law);
    match law {
        LawName::Constant => WireLaw { time: text(median_ms), ..none },
        LawName::Uniform => {
            // From nearly nothing to twice the median, at the widest.
            let low = 1.0 / tail;
            WireLaw { low: text(median_ms * low), high: text(median_ms * (2.0 - low)), ..none }
        }
        LawName::LogNormal => {
            WireLaw { median: text(median_ms), p99: text(median_ms * tail), ..none }
        }
        LawName::Empirical => {
            // Most calls near the median and a few slow ones, or two kinds of call.
            let near = [0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.3, tail.sqrt(), tail];
            let two = [0.4, 0.42, 0.44, 0.46, 0.5, 1.5, 1.6, 1.7, 1.8, 0.8 + tail / 2.0];
            let factors = if has_two_modes { two } else { near };
            let samples = factors.iter().filter_map(|factor| text(median_ms * factor)).collect();
            WireLaw { samples: Some(samples), ..none }
        }
    }
}
