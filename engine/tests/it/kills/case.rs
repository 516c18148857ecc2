//! What a schedule is tried on: an organisation, a plan, a strategy and a kind of fault.

use neon_mock::api::AccountId;
use neon_mock::fault::FaultKind;
use neon_mock::profile::Profile;
use neon_mock::rng::{self, Generator};
use neonbench_engine::engine::{Guard, Reads, Settings, Strategy, WriteMode};
use neonbench_engine::plan::{Mapping, Operation, Plan};
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};
use rand::Rng;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

const LIMITS: &str = r#"
schema = 1
[limits]
pool = 3
reject_after = "5ms"
[service]
get = { law = "uniform", low = "20ms", high = "60ms" }
patch = { law = "uniform", low = "30ms", high = "90ms" }
put = { law = "uniform", low = "30ms", high = "90ms" }
search = { law = "constant", time = "80ms" }
metadata = { law = "constant", time = "20ms" }
"#;

const BUILT_IN: [&str; 6] = ["plain", "v-fields", "mixed", "dirty", "companies", "half-migrated"];

const FIELDS: [&str; 4] = ["A", "B", "C", "D"];

/// What a schedule is tried on.
pub(crate) struct Case {
    pub(crate) scenario: Scenario,
    pub(crate) settings: Settings,
    pub(crate) ids: Vec<AccountId>,
    /// The limits without the faults.
    pub(crate) calm: Profile,
    dataset: String,
    fault: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { strategy, write, reads, guard, .. } = &self.settings;
        let accounts = self.ids.len();
        write!(
            f,
            "{}, {accounts} accounts, {strategy}, {write:?}, {reads:?}, guard {guard:?}",
            self.dataset
        )?;
        write!(f, ", {}", self.fault)?;
        for mapping in &self.scenario.plan.mappings {
            let arrow = if mapping.preserve_source { "->" } else { "=>" };
            write!(f, " [{}{arrow}{} {}]", mapping.source, mapping.target, mapping.operation)?;
        }
        Ok(())
    }
}

impl Case {
    /// One that follows from the seed.
    pub(crate) fn draw(seed: u64, draws: &mut Generator) -> Self {
        let mut below = |bound: usize| rng::below(draws.next_u64(), bound);
        let accounts = 2 + below(6) as u64;
        let mappings = 1 + below(4);
        let fault = FaultKind::ALL.get(below(FaultKind::ALL.len() + 1)).copied();
        let dataset = BUILT_IN.get(below(2 * BUILT_IN.len())).copied();
        let workload = Workload {
            dataset: dataset.map(|name| DatasetSource::BuiltIn(name.to_owned())),
            plan: dataset.is_none().then(|| plan(mappings, &mut below)),
            mappings: dataset.map(|_| mappings as u32),
            profile: Some(profile(fault)),
            resources: Some(accounts),
            ..Workload::default()
        };
        let strategy = Strategy::ALL[below(Strategy::ALL.len())];
        let mut settings = Settings::new(strategy);
        settings.workers = NonZeroU32::new(1 + below(4) as u32).unwrap();
        settings.batch_size = NonZeroU32::new(1 + below(6) as u32).unwrap();
        settings.write = if below(3) == 0 { WriteMode::Put } else { WriteMode::Patch };
        settings.reads = if below(3) == 0 { Reads::Search } else { strategy.default_reads() };
        settings.guard = if below(3) == 0 { Guard::Reread } else { Guard::None };
        settings.seed = seed;
        Self {
            scenario: Scenario::new(workload).unwrap(),
            settings,
            ids: (1..=accounts).map(AccountId).collect(),
            calm: profile(None),
            dataset: dataset.unwrap_or("own plan").to_owned(),
            fault: fault.map_or("no fault", FaultKind::name),
        }
    }
}

/// Mappings that chain, clear, merge and go round in circles.
fn plan(mappings: usize, below: &mut impl FnMut(usize) -> usize) -> Plan {
    let operations = [Operation::Replace, Operation::Merge, Operation::CopyIfEmpty];
    let mut mapping = |_| {
        let source = below(FIELDS.len());
        let target = (source + 1 + below(FIELDS.len() - 1)) % FIELDS.len();
        let operation = operations[below(operations.len())];
        let mut mapping = Mapping::new(FIELDS[source], FIELDS[target], operation);
        mapping.preserve_source = below(2) == 0;
        mapping
    };
    Plan { mappings: (0..mappings).map(&mut mapping).collect(), ..Plan::default() }
}

/// The limits, with faults of one kind on a part of the calls on accounts.
fn profile(fault: Option<FaultKind>) -> Profile {
    thread_local! {
        static READ: RefCell<BTreeMap<Option<FaultKind>, Profile>> = RefCell::default();
    }
    let read = || {
        let faults = fault.map_or_else(String::new, |kind| {
            // A wrong key ends the whole run each time.
            let share = if kind == FaultKind::Unauthorized { 0.03 } else { 0.15 };
            let classes = "classes = [\"get\", \"patch\", \"put\", \"search\"]";
            format!("[[faults]]\nkind = \"{}\"\nshare = {share}\n{classes}\n", kind.name())
        });
        Profile::from_toml("kills", &format!("{LIMITS}{faults}")).unwrap()
    };
    READ.with_borrow_mut(|known| known.entry(fault).or_insert_with(read).clone())
}
