//! Random plans over random organisations. Everything is drawn as plain numbers, which proptest
//! shrinks well, and made valid afterwards.

use super::interpreter::{Field, Rule, Step, Verb};
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy, WriteMode};
use neonbench_engine::plan::{LetterCase, Mapping, Operation, Plan, Transform};
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};
use proptest::collection::vec;
use proptest::prelude::{Just, any, prop, prop_oneof};
use proptest::strategy::Strategy as Strategy_;
use std::fmt::Write as _;
use std::num::NonZeroU32;

/// Texts and options: some are part of others, some are blank, some are dirty.
const WORDS: [&str; 10] =
    ["Gold", "Silver", "gold", "Gold Silver", "a", "a a", "xa", "Gold|Silver", "  ", " Gold "];

/// Texts that can be options as well.
const OPTIONS: [&str; 7] = ["Gold", "Silver", "gold", "Gold Silver", "a", "GOLD", "Gold|Silver"];

const BUILT_IN: [&str; 6] = ["plain", "v-fields", "mixed", "dirty", "companies", "half-migrated"];

const KINDS: [&str; 5] = ["text", "multiline", "checkbox", "dropdown", "radio"];

/// A field of a random dataset: kind, whose, how filled, which values, and which field it mirrors.
type RawField = (u8, u8, u8, u8, Option<u8>);

/// A mapping: source, target, operation, steps, validates, clears.
type RawRule = (u8, u8, u8, Vec<(u8, u8, u8)>, bool, bool);

/// Input of a property, before it is made valid.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Raw {
    dataset: RawDataset,
    rules: Vec<RawRule>,
    cleanup_only: bool,
    accounts: u64,
    stride: usize,
    has_stranger: bool,
    seed: u64,
    workers: u32,
    batch_size: u32,
    chunk_size: Option<u32>,
    write: WriteMode,
    caches: bool,
    pools: Option<u32>,
    law: u8,
    lags: bool,
}

#[derive(Clone, Debug)]
enum RawDataset {
    BuiltIn(&'static str),
    Made { companies: u8, dirty: u8, fields: Vec<RawField>, shown: u8 },
}

fn dataset() -> impl Strategy_<Value = RawDataset> {
    let field = (0..5_u8, 0..4_u8, 0..4_u8, any::<u8>(), prop::option::weighted(0.2, any::<u8>()));
    prop_oneof![
        1 => prop::sample::select(&BUILT_IN[..]).prop_map(RawDataset::BuiltIn),
        2 => (0..4_u8, 0..3_u8, vec(field, 2..7), any::<u8>()).prop_map(
            |(companies, dirty, fields, shown)| RawDataset::Made {
                companies,
                dirty,
                fields,
                shown,
            },
        ),
    ]
}

/// Any of them.
pub(crate) fn raw() -> impl Strategy_<Value = Raw> {
    let steps = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec((0..9_u8, any::<u8>(), any::<u8>()), 1..4),
    ];
    let rule = (0..8_u8, 0..8_u8, 0..5_u8, steps, any::<bool>(), any::<bool>());
    let work = (
        dataset(),
        vec(rule, 1..7),
        prop::bool::weighted(0.1),
        1..=40_u64,
        1..4_usize,
        any::<bool>(),
    );
    let write = prop::sample::select(&WriteMode::ALL[..]);
    let how = (any::<u64>(), 1..=10_u32, 1..=60_u32, prop::option::of(1..=50_u32), write);
    let server = (
        prop::bool::weighted(0.8),
        prop::option::of(1..=5_u32),
        0..3_u8,
        prop::bool::weighted(0.3),
    );
    (work, how, server).prop_map(|(work, how, server)| {
        let (dataset, rules, cleanup_only, accounts, stride, has_stranger) = work;
        let (seed, workers, batch_size, chunk_size, write) = how;
        let (caches, pools, law, lags) = server;
        Raw {
            dataset,
            rules,
            cleanup_only,
            accounts,
            stride,
            has_stranger,
            seed,
            workers,
            batch_size,
            chunk_size,
            write,
            caches,
            pools,
            law,
            lags,
        }
    })
}

/// Input of a property.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) scenario: Scenario,
    pub(crate) fields: Vec<Field>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) cleanup_only: bool,
    raw: Raw,
}

impl Case {
    pub(crate) fn new(raw: &Raw) -> Self {
        let dataset = match &raw.dataset {
            RawDataset::BuiltIn(name) => DatasetSource::BuiltIn((*name).to_owned()),
            made @ RawDataset::Made { .. } => {
                DatasetSource::File { origin: "random".to_owned(), text: toml_of(made) }
            }
        };
        // The fields are known only once there is an organisation: the first scenario's plan names
        // none but the first.
        let workload = |plan: Option<Plan>| Workload {
            plan,
            dataset: Some(dataset.clone()),
            profile: Some(profile(raw)),
            resources: Some(raw.accounts),
            ids: Some(ids(raw)),
            ..Workload::default()
        };
        let first = match &raw.dataset {
            RawDataset::BuiltIn(_) => "V-1",
            RawDataset::Made { .. } => "F-0",
        };
        // As many mappings as there are: built-in datasets have a source and a target for each.
        let probe = Mapping::new(first, first, Operation::Replace);
        let probe = Plan { mappings: vec![probe; raw.rules.len()], ..Plan::default() };
        let organisation = Scenario::new(workload(Some(probe))).unwrap().organisation(raw.seed);
        let fields: Vec<Field> = organisation.definitions().iter().map(Field::from).collect();
        let rules: Vec<Rule> = raw.rules.iter().map(|raw| rule(raw, &fields)).collect();
        let plan = Plan {
            mappings: rules.iter().map(|rule| mapping(rule, &fields)).collect(),
            cleanup_only: raw.cleanup_only,
            ..Plan::default()
        };
        let scenario = Scenario::new(workload(Some(plan))).unwrap();
        Self { scenario, fields, rules, cleanup_only: raw.cleanup_only, raw: raw.clone() }
    }

    pub(crate) fn settings(&self, strategy: Strategy) -> Settings {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap();
        let mut settings = Settings::new(strategy);
        settings.workers = at_least_one(self.raw.workers);
        settings.batch_size = at_least_one(self.raw.batch_size);
        settings.chunk_size = self.raw.chunk_size.map(at_least_one);
        settings.write = self.raw.write;
        settings.metadata_cache = self.raw.caches;
        settings.seed = self.raw.seed;
        settings
    }

    /// True if a search may return values from before a write.
    pub(crate) const fn lags(&self) -> bool {
        self.raw.lags
    }

    /// True if applying the plan twice equals applying it once: no mapping reads a field that
    /// another writes, and mappings that share a target each add to it.
    pub(crate) fn is_idempotent(&self) -> bool {
        let adds = |rule: &Rule| matches!(rule.verb, Verb::Merge | Verb::AddOption);
        self.rules.iter().enumerate().all(|(index, rule)| {
            let read = self.rules.iter().any(|other| other.source == rule.target);
            let mut others = self.rules.iter().enumerate().filter(|(other, _)| *other != index);
            let shared = others
                .any(|(_, other)| other.target == rule.target && !(adds(rule) && adds(other)));
            !read && !shared
        })
    }
}

/// Every so many accounts, from the last to the first, and perhaps one that there is not.
fn ids(raw: &Raw) -> Vec<neon_mock::api::AccountId> {
    let stranger = raw.has_stranger.then_some(raw.accounts + 7);
    let known = (1..=raw.accounts).rev().step_by(raw.stride);
    known.chain(stranger).map(neon_mock::api::AccountId).collect()
}

fn toml_of(dataset: &RawDataset) -> String {
    let RawDataset::Made { companies, dirty, fields, shown } = dataset else { unreachable!() };
    let share = |quarters: u8| f64::from(quarters) / 4.0;
    let mut text =
        format!("schema = 1\ncompanies = {:?}\ndirty = {:?}\n", share(*companies), share(*dirty));
    for (index, (kind, accounts, filled, values, mirrors)) in fields.iter().enumerate() {
        let kind = KINDS[usize::from(*kind)];
        let accounts = ["any", "any", "individual", "company"][usize::from(*accounts)];
        let pool = if matches!(kind, "text" | "multiline") { &WORDS[..] } else { &OPTIONS[..] };
        let count = 2 + usize::from(*values) % (pool.len() - 1);
        let values: Vec<&str> =
            pool.iter().copied().cycle().skip(usize::from(*values)).take(count).collect();
        // {:?} of plain ASCII is what TOML reads back.
        let _ = write!(
            text,
            "[[fields]]\nname = \"F-{index}\"\ntype = \"{kind}\"\nfor = \"{accounts}\"\n\
             filled = {:?}\nvalues = {values:?}\nskew = {:?}\n",
            0.25 + share(*filled),
            share(*filled)
        );
        // Columns that hide one another, or those that every row needs.
        match usize::from(*shown) + index {
            sum if sum % 8 < 2 => text.push_str("display_name = \"Shown\"\n"),
            sum if sum % 16 == 2 => text.push_str("display_name = \"Account Type\"\n"),
            _ => {}
        }
        if let Some(mirrored) = mirrors.map(usize::from).filter(|_| index > 0) {
            let _ = writeln!(text, "mirrors = \"F-{}\"\nmirrored = 0.5", mirrored % index);
        }
    }
    text
}

/// Random pools and service times. Written as a file: files are a contract, structs are not.
fn profile(raw: &Raw) -> Profile {
    let law = match raw.law {
        0 => "{ law = \"constant\", time = \"100ms\" }",
        1 => "{ law = \"uniform\", low = \"10ms\", high = \"200ms\" }",
        _ => "{ law = \"log-normal\", median = \"50ms\", p99 = \"200ms\" }",
    };
    let pool = raw.pools.map_or_else(String::new, |pool| format!("pool = {pool}\n"));
    let mut text = format!("schema = 1\n[limits]\n{pool}reject_after = \"5ms\"\n[service]\n");
    for class in ["get", "patch", "put", "search", "metadata"] {
        let _ = writeln!(text, "{class} = {law}");
    }
    if raw.lags {
        text.push_str("[behaviour]\nsearch_lag = \"1h\"\n");
    }
    Profile::from_toml("random", &text).unwrap()
}

fn rule(raw: &RawRule, fields: &[Field]) -> Rule {
    let (source, target, verb, steps, validates, clears) = raw;
    let position = |number: u8| usize::from(number) % fields.len();
    let (source, target) = (position(*source), position(*target));
    let mut steps: Vec<Step> = steps.iter().map(|&(step, a, b)| self::step(step, a, b)).collect();
    let verb = match verb {
        0 => Verb::Replace,
        1 => Verb::CopyIfEmpty,
        2 => Verb::Transform,
        3 if fields[target].holds_options => Verb::AddOption,
        _ => Verb::Merge,
    };
    if verb == Verb::Transform && steps.is_empty() {
        steps.push(Step::Trim);
    }
    Rule { source, target, verb, steps, validates: *validates, clears: *clears }
}

fn step(step: u8, a: u8, b: u8) -> Step {
    let word = |number: u8| OPTIONS[usize::from(number) % OPTIONS.len()].to_owned();
    match step {
        0 => Step::Constant(word(a)),
        1 => {
            let known = OPTIONS.iter().take(1 + usize::from(a) % OPTIONS.len());
            let values = known
                .enumerate()
                .map(|(index, known)| ((*known).to_owned(), word((index as u8).wrapping_add(b))));
            Step::Map(values.collect(), a.is_multiple_of(2).then(|| word(b)))
        }
        2 => Step::Trim,
        3 => Step::Upper,
        4 => Step::Lower,
        5 => Step::Title,
        6 => Step::Split([" ", "|", "old"][usize::from(a) % 3].to_owned()),
        7 => Step::Runs([' ', 'l', 'a'][usize::from(a) % 3], word(b)),
        _ => Step::Template(
            ["{value}", "{value} {value}", "x{value}"][usize::from(a) % 3].to_owned(),
        ),
    }
}

/// The rule in the library's words.
fn mapping(rule: &Rule, fields: &[Field]) -> Mapping {
    let operation = match rule.verb {
        Verb::Replace => Operation::Replace,
        Verb::Merge => Operation::Merge,
        Verb::AddOption => Operation::AddOption,
        Verb::CopyIfEmpty => Operation::CopyIfEmpty,
        Verb::Transform => Operation::Transform,
    };
    let transform = rule.steps.iter().map(|step| match step {
        Step::Constant(value) => Transform::Constant(value.as_str().into()),
        Step::Map(values, default) => Transform::Map {
            values: values.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
            default: default.as_deref().map(Into::into),
            otherwise: None,
        },
        Step::Trim => Transform::Trim,
        Step::Upper => Transform::Case(LetterCase::Upper),
        Step::Lower => Transform::Case(LetterCase::Lower),
        Step::Title => Transform::Case(LetterCase::Title),
        Step::Split(separator) => Transform::split(separator).unwrap(),
        Step::Runs(character, with) => {
            Transform::regex_replace(&format!("{character}+"), with).unwrap()
        }
        Step::Template(template) => Transform::template(template).unwrap(),
    });
    let mut mapping = Mapping::new(&fields[rule.source].name, &fields[rule.target].name, operation);
    mapping.transform = transform.collect();
    mapping.validation_required = rule.validates;
    mapping.preserve_source = !rule.clears;
    mapping
}
