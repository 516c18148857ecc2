//! The subjects of a certificate: their contents, their digests, and their changes in words.

use super::change::CertificateChange;
use super::members::{MemberTexts, differences, members, shown};
use crate::digest::sha256;
use crate::experiment::Goal;
use crate::select::Calibration;
use crate::store::ProfileText;
use crate::text::{count, plural};
use neon_mock::api::{AccountId, CustomField, OptionDef};
use neonbench_engine::engine::Settings;
use neonbench_engine::plan::{Plan, WirePlan, list_ids};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Letters of a list of accounts that a certificate holds; of a longer one it holds the digest.
const MOST_LETTERS: usize = 64 * 1024;

/// The contents of a certificate's subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedSubjects {
    /// The plan's members.
    pub plan: BTreeMap<String, String>,
    /// The accounts that the plan selects.
    pub accounts: CertifiedAccounts,
    /// The field definitions of the organisation, by their ids.
    pub fields: BTreeMap<String, CertifiedField>,
    /// The members of the profile in force.
    pub profile: BTreeMap<String, String>,
    /// The members of the calibration in force.
    pub calibration: BTreeMap<String, String>,
    /// The settings of the run, the goal of `auto`, and whether writes are journaled.
    pub settings: BTreeMap<String, String>,
}

/// A set of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedAccounts {
    /// Number of accounts.
    pub count: u64,
    /// Ids and ranges in order, as `--resource-ids` takes them; none if the list is long.
    pub ids: Option<String>,
    /// SHA-256 of that list, in hexadecimal digits.
    pub sha256: String,
}

/// The definition of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedField {
    /// Its name.
    pub name: String,
    /// Its other members but for its options, by the API's names.
    pub shape: BTreeMap<String, String>,
    /// Its options by their ids: the name, and the status where Neon gives one.
    pub options: BTreeMap<String, String>,
}

/// A migration to be certified.
#[derive(Clone, Copy, Debug)]
pub struct CertifiedJob<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The accounts that it selects, in any order.
    pub accounts: &'a [AccountId],
    /// The field definitions of the organisation.
    pub fields: &'a [CustomField],
    /// The profile in force.
    pub profile: &'a ProfileText,
    /// The calibration in force.
    pub calibration: &'a Calibration,
    /// The settings in force.
    pub settings: &'a Settings,
    /// The goal of the choice.
    pub goal: &'a Goal,
    /// True if each write is journaled before it is sent.
    pub is_journaled: bool,
}

impl CertifiedSubjects {
    /// The subjects of `job`.
    pub fn new(job: &CertifiedJob<'_>) -> Self {
        // A dry run tries what was certified, and writes nothing.
        let mut settings = members(&Settings { dry_run: false, ..job.settings.clone() });
        settings.remove("dry_run");
        settings.extend(members(job.goal));
        settings.insert("journal".to_owned(), job.is_journaled.to_string());
        let profile: serde_json::Value =
            toml::from_str(&job.profile.text).expect("the profile was read from it");
        let mut profile = members(&profile);
        for (name, bytes) in &job.profile.beside {
            profile.insert(format!("file {name}"), format!("sha256:{}", sha256(bytes)));
        }
        let mut plan = members(&WirePlan::from(job.plan));
        // Neither what the accounts are given by nor a hint to run dry changes what is written to them.
        plan.retain(|name, _| name != "resource_ids" && name != "dry_run");
        Self {
            plan,
            accounts: CertifiedAccounts::new(job.accounts),
            fields: job.fields.iter().map(|it| (it.id.to_string(), it.into())).collect(),
            profile,
            calibration: members(job.calibration),
            settings,
        }
    }

    /// Names and digests, in the order of the members.
    pub(super) fn digests(&self) -> [(&'static str, String); 6] {
        fn digest(content: &impl Serialize) -> String {
            // Through a value, which keeps keys in order.
            let value = serde_json::to_value(content).expect("plain data");
            sha256(value.to_string().as_bytes())
        }
        let Self { plan, accounts, fields, profile, calibration, settings } = self;
        [
            ("plan", digest(plan)),
            ("accounts", digest(accounts)),
            ("fields", digest(fields)),
            ("profile", digest(profile)),
            ("calibration", digest(calibration)),
            ("settings", digest(settings)),
        ]
    }

    /// The subjects that are not the same in `now`.
    pub(super) fn changes(&self, now: &Self) -> Vec<CertificateChange> {
        let of = |noun: &str, then: &MemberTexts, now: &MemberTexts| {
            let named = differences(then, now).into_iter().map(|it| format!("{noun} {it}"));
            named.collect::<Vec<_>>()
        };
        let changes = [
            ("plan", of("plan", &self.plan, &now.plan)),
            ("accounts", self.accounts.changes(&now.accounts)),
            ("fields", fields(&self.fields, &now.fields)),
            ("profile", of("profile", &self.profile, &now.profile)),
            ("calibration", of("calibration", &self.calibration, &now.calibration)),
            ("settings", of("setting", &self.settings, &now.settings)),
        ];
        let named = changes.into_iter().filter(|(_, words)| !words.is_empty());
        named.map(|(subject, words)| CertificateChange::Subject { subject, words }).collect()
    }
}

impl CertifiedAccounts {
    fn new(ids: &[AccountId]) -> Self {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let list = list_ids(&ids);
        Self {
            count: ids.len() as u64,
            sha256: sha256(list.as_bytes()),
            ids: Some(list).filter(|list| list.len() <= MOST_LETTERS),
        }
    }

    fn changes(&self, now: &Self) -> Vec<String> {
        if self == now {
            return Vec::new();
        }
        let accounts = |number: u64, of: &str, ranges: &[IdRange]| {
            let listed =
                if ranges.is_empty() { String::new() } else { format!(" ({})", list(ranges)) };
            let verb = if number == 1 { "matches" } else { "match" };
            format!("{} {of} {verb}{listed}", plural(number, "account"))
        };
        let both = |of: &Self| of.ids.as_deref().map(ranges);
        if let (Some(then), Some(now)) = (both(self), both(now)) {
            let (more, fewer) = (without(&now, &then), without(&then, &now));
            let words = [(&more, "more"), (&fewer, "fewer")];
            let some = words.into_iter().filter(|(ranges, _)| !ranges.is_empty());
            let words: Vec<String> =
                some.map(|(ranges, of)| accounts(size(ranges), of, ranges)).collect();
            if !words.is_empty() {
                return words;
            }
        }
        vec![match now.count.cmp(&self.count) {
            std::cmp::Ordering::Greater => accounts(now.count - self.count, "more", &[]),
            std::cmp::Ordering::Less => accounts(self.count - now.count, "fewer", &[]),
            std::cmp::Ordering::Equal => {
                format!("other accounts match, {} as before", count(now.count))
            }
        }]
    }
}

/// The first and the last id of accounts that follow each other.
type IdRange = (u64, u64);

/// The ranges in a list of ids, as far as it is one: it may be from a file that somebody changed.
fn ranges(ids: &str) -> Vec<IdRange> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?)).filter(|(first, last)| first <= last)
    };
    let mut ranges: Vec<IdRange> = ids.split(',').filter_map(range).collect();
    ranges.sort_unstable();
    ranges
}

/// The parts of `these` that are in none of `others`; both are in order.
fn without(these: &[IdRange], others: &[IdRange]) -> Vec<IdRange> {
    let mut left = Vec::new();
    let mut others = others.iter().peekable();
    for &(first, last) in these {
        let mut from = Some(first);
        while others.next_if(|&&(_, end)| end < first).is_some() {}
        for &(start, end) in others.clone().take_while(|&&(start, _)| start <= last) {
            let Some(at) = from else { break };
            if start > at {
                left.push((at, start - 1));
            }
            from = end.max(at.saturating_sub(1)).checked_add(1);
        }
        left.extend(from.filter(|&from| from <= last).map(|from| (from, last)));
    }
    left
}

fn size(ranges: &[IdRange]) -> u64 {
    let sizes = ranges.iter().map(|(first, last)| (last - first).saturating_add(1));
    sizes.fold(0, u64::saturating_add)
}

/// The first of `ranges`, as people read them.
fn list(ranges: &[IdRange]) -> String {
    const MOST: usize = 4;
    let one = |&(first, last): &IdRange| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let mut listed: Vec<String> = ranges.iter().take(MOST).map(one).collect();
    if ranges.len() > MOST {
        listed.push("…".to_owned());
    }
    listed.join(", ")
}

impl From<&CustomField> for CertifiedField {
    fn from(field: &CustomField) -> Self {
        let mut shape = members(field);
        shape.retain(|name, _| name != "id" && name != "name" && !name.starts_with("optionValues"));
        let option = |option: &OptionDef| {
            let status = members(&option.status).into_values().next();
            let status = status.map_or_else(String::new, |status| format!(" ({status})"));
            (option.id.to_string(), format!("{}{status}", option.name))
        };
        let options = field.option_values.iter().map(option).collect();
        Self { name: field.name.to_string(), shape, options }
    }
}

/// The fields that are not as they were, in words.
fn fields(
    then: &BTreeMap<String, CertifiedField>,
    now: &BTreeMap<String, CertifiedField>,
) -> Vec<String> {
    let ids: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let changes = ids.into_iter().flat_map(|id| match (then.get(id), now.get(id)) {
        (Some(then), Some(now)) => then.changes(now),
        (Some(gone), None) => vec![format!("field {} is gone", shown(&gone.name))],
        (None, new) => {
            new.map(|it| format!("field {} is new", shown(&it.name))).into_iter().collect()
        }
    });
    changes.collect()
}

impl CertifiedField {
    fn changes(&self, now: &Self) -> Vec<String> {
        let name = shown(&self.name);
        let mut words = Vec::new();
        if self.name != now.name {
            words.push(format!("field {name} is now {}", shown(&now.name)));
        }
        let shape = differences(&self.shape, &now.shape);
        words.extend(shape.into_iter().map(|it| format!("field {name}: {it}")));
        let ids: BTreeSet<&String> = self.options.keys().chain(now.options.keys()).collect();
        let options =
            ids.into_iter().filter_map(|id| match (self.options.get(id), now.options.get(id)) {
                (Some(then), Some(now)) if then == now => None,
                (Some(then), Some(now)) => Some(format!("{then} -> {now}")),
                (Some(then), None) => Some(format!("- {then}")),
                (None, now) => now.map(|now| format!("+ {now}")),
            });
        let options: Vec<String> = options.collect();
        if !options.is_empty() {
            words.push(format!("options of {name}: {}", options.join(", ")));
        }
        words
    }
}
