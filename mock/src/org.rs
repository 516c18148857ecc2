//! One organisation: synthetic accounts made on demand, and what was changed on them.
//!
//! An account is computed from (seed, id): reading account 900,000 costs what reading account 1
//! does, and only changed accounts take memory. Nothing here knows of limits or time beyond the
//! moment of a write.

mod change;
mod changes;
mod digest;
mod field;
mod lag;
mod list;
pub(crate) mod look_up;
mod merged;
mod search;
mod standard;
mod synthetic;
mod write;

pub(crate) use change::Author;
pub use digest::StateDigest;
pub use list::PageTooLarge;
pub use search::SearchError;
pub use write::WriteError;

use crate::api::{
    Account, AccountBody, AccountId, AccountKind, AccountRow, CustomField, CustomFieldItem,
    FieldId, Timestamps, UserType, Value,
};
use crate::dataset::Dataset;
use crate::rng;
use change::AccountChange;
use changes::Changes;
use compact_str::CompactString;
use field::Field;
use lag::Past;
use merged::Merged;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

pub use crate::dataset::FIRST_FIELD_ID;

/// The first option's id where a dataset gives none; the others follow, field by field.
pub const FIRST_OPTION_ID: u32 = 301;

/// When every synthetic account was last changed: 2024-01-01T00:00:00Z, in Unix seconds.
const LAST_CHANGED_S: i64 = 1_704_067_200;

/// `at` of a run as the organisation's calendar has it, in RFC 3339.
pub(crate) fn moment(at: crate::time::Timestamp) -> Option<String> {
    let after_s = i64::try_from(at.as_nanos() / 1_000_000_000).ok()?;
    crate::api::rfc3339_text(LAST_CHANGED_S.checked_add(after_s)?)
}

/// The user of the organisation who made its accounts and edits them; `look_ups.json` lists this one.
const STAFF_NAME: &str = "Robin Okafor";

/// One organisation's accounts and fields.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Synthetic accounts: ids `1 … accounts`. Those that were created come after them.
    accounts: u64,
    companies: f64,
    dirty: f64,
    unicode: f64,
    kind_key: u64,
    name_key: u64,
    merged: Option<Merged>,
    /// Custom fields in id order.
    fields: Arc<[Field]>,
    /// Their definitions, in the same order.
    definitions: Arc<[CustomField]>,
    /// The same in the order of their names, as Neon lists them.
    listed: Arc<[CustomField]>,
    changes: Changes,
    repeated_writes: u64,
    applied_writes: u64,
    /// Kinds of the accounts that were created.
    created: Vec<AccountKind>,
    /// Earlier states that searches still see; empty where they do not lag.
    past: VecDeque<Past>,
}

impl Organisation {
    /// The organisation that `dataset` describes, with ids `1 … accounts`.
    pub fn new(dataset: &Dataset, accounts: u64, seed: u64) -> Self {
        let mut next_option = FIRST_OPTION_ID;
        let mut names = BTreeSet::new();
        let specs = dataset.ids().zip(&dataset.fields);
        let fields: Arc<[Field]> = specs
            .map(|(id, spec)| {
                let is_first = names.insert(&spec.name);
                Field::synthetic((id, spec), is_first, seed, &mut next_option)
            })
            .collect();
        let definitions: Arc<[CustomField]> =
            fields.iter().map(|field| field.definition.clone()).collect();
        let mut listed = definitions.to_vec();
        listed.sort_by_cached_key(|field| (field.name.to_lowercase(), field.id));
        let mut organisation = Self {
            accounts,
            companies: dataset.companies,
            dirty: dataset.dirty,
            unicode: dataset.unicode,
            kind_key: rng::key(seed, "kind"),
            name_key: rng::key(seed, "name"),
            merged: (dataset.merged > 0.0).then(|| Merged::new(dataset.merged, seed)),
            definitions,
            listed: listed.into(),
            fields,
            changes: Changes::default(),
            repeated_writes: 0,
            applied_writes: 0,
            created: Vec::new(),
            past: VecDeque::new(),
        };
        organisation.count_merged();
        organisation
    }

    /// Number of accounts at the start, merged ones included; their ids are `1 … accounts`.
    pub const fn accounts(&self) -> u64 {
        self.accounts
    }

    /// The largest id: those of accounts that were created come after the others.
    pub const fn last_id(&self) -> u64 {
        self.accounts + self.created.len() as u64
    }

    /// Number of accounts that were ever written to.
    pub fn changed_accounts(&self) -> usize {
        self.changes.len()
    }

    /// Writes of the client, by PATCH and PUT, that took effect, whatever it was answered.
    pub const fn applied_writes(&self) -> u64 {
        self.applied_writes
    }

    /// Client writes that repeated an earlier one: they left the account as it was.
    pub const fn repeated_writes(&self) -> u64 {
        self.repeated_writes
    }

    /// Every custom field's definition, in id order.
    pub const fn definitions(&self) -> &Arc<[CustomField]> {
        &self.definitions
    }

    /// The same in the order of their names, whatever the case. Source: recorded answers.
    pub const fn listed_definitions(&self) -> &Arc<[CustomField]> {
        &self.listed
    }

    /// The custom field of that id; `None` if there is none.
    pub fn custom_field(&self, id: FieldId) -> Option<&CustomField> {
        Some(&self.definitions[self.position(id)?])
    }

    /// True if the account exists: one merged into another does not.
    pub fn contains(&self, id: AccountId) -> bool {
        id.0 >= 1 && id.0 <= self.last_id() && self.survivor(id).is_none()
    }

    /// Kind of the account. Meaningless for ids that do not exist.
    pub fn kind(&self, id: AccountId) -> AccountKind {
        if id.0 > self.accounts {
            let created = self.created.get((id.0 - self.accounts - 1) as usize);
            return created.copied().unwrap_or(AccountKind::Individual);
        }
        // Hot path, called per field and account: most test organisations have no companies.
        if self.companies > 0.0 && rng::unit(rng::keyed(self.kind_key, id.0)) < self.companies {
            AccountKind::Company
        } else {
            AccountKind::Individual
        }
    }

    /// The custom fields of an account that are not empty, in id order, as they are now.
    pub fn values(&self, id: AccountId) -> Vec<(FieldId, Value)> {
        let change = self.changes.get(id);
        self.filled(
            id,
            |position| self.value_now(change, id, position),
            |field, value| (field.definition.id, value),
        )
    }

    /// The same before anything was changed.
    pub fn original_values(&self, id: AccountId) -> Vec<(FieldId, Value)> {
        self.filled(
            id,
            |position| self.original_value(id, position),
            |field, value| (field.definition.id, value),
        )
    }

    /// Each custom field of an account that has a value, as `item` makes it.
    fn filled<T>(
        &self,
        id: AccountId,
        value: impl Fn(usize) -> Option<Value>,
        item: impl Fn(&Field, Value) -> T,
    ) -> Vec<T> {
        if !self.contains(id) {
            return Vec::new();
        }
        let mut items = Vec::with_capacity(self.fields.len());
        for (position, field) in self.fields.iter().enumerate() {
            if let Some(value) = value(position) {
                items.push(item(field, value));
            }
        }
        items
    }

    /// The same organisation before anything was changed.
    #[must_use]
    pub fn original(&self) -> Self {
        Self {
            fields: Arc::clone(&self.fields),
            definitions: Arc::clone(&self.definitions),
            listed: Arc::clone(&self.listed),
            merged: self.merged.clone(),
            changes: Changes::default(),
            repeated_writes: 0,
            applied_writes: 0,
            created: Vec::new(),
            past: VecDeque::new(),
            ..*self
        }
    }

    /// The organisation that the same dataset makes of another seed.
    #[must_use]
    pub fn reseeded(&self, seed: u64) -> Self {
        let mut names = BTreeSet::new();
        let fields = self.fields.iter();
        let reseeded =
            fields.map(|field| field.reseeded(names.insert(field.spec.name.clone()), seed));
        let mut organisation = Self {
            fields: reseeded.collect(),
            kind_key: rng::key(seed, "kind"),
            name_key: rng::key(seed, "name"),
            merged: self.merged.as_ref().map(|merged| merged.reseeded(seed)),
            ..self.original()
        };
        organisation.count_merged();
        organisation
    }

    /// True if the account was ever written to.
    pub fn is_changed(&self, id: AccountId) -> bool {
        self.changes.get(id).is_some()
    }

    /// The whole account as it is now; `None` if there is none of that id.
    pub fn account(&self, id: AccountId) -> Option<Account> {
        if !self.contains(id) {
            return None;
        }
        let change = self.changes.get(id);
        let mut items = Vec::with_capacity(self.fields.len());
        for (position, field) in self.fields.iter().enumerate() {
            if let Some(value) = self.value_now(change, id, position) {
                items.push(field.item(value));
            }
        }
        Some(self.assemble(id, change, items))
    }

    /// True if name, contact and other standard members of the account are as at the start.
    pub fn has_original_identity(&self, id: AccountId) -> bool {
        if id.0 > self.accounts {
            return false;
        }
        let changed = self.changes.get(id).and_then(|change| change.identity.as_deref());
        changed.is_none_or(|now| {
            let original = self.identity(id, self.kind(id));
            now.name == original.name
                && now.primary_contact == original.primary_contact
                && now.primary_contact_account_id == original.primary_contact_account_id
                && now.others == original.others
        })
    }

    /// The digest of the state of all accounts; see [`StateDigest`].
    pub fn digest(&self) -> String {
        let mut digest = StateDigest::new();
        for id in self.ids() {
            digest.account(id, &self.values(id));
        }
        digest.finish()
    }

    fn value_now(
        &self,
        change: Option<&AccountChange>,
        id: AccountId,
        position: usize,
    ) -> Option<Value> {
        match change.and_then(|change| change.value(position)) {
            Some(value) => value,
            None => self.original_value(id, position),
        }
    }

    fn assemble(
        &self,
        id: AccountId,
        change: Option<&AccountChange>,
        items: Vec<CustomFieldItem>,
    ) -> Account {
        let kind = self.kind(id);
        let mut body = self.identity_now(id, kind, change);
        body.account_id = Some(id);
        body.account_custom_fields = Some(items);
        let changed_s = change.map_or(LAST_CHANGED_S, AccountChange::changed_s);
        let is_created = id.0 > self.accounts;
        let created_by = if is_created { Author::Client } else { Author::Staff };
        let changed_by = change.map_or(created_by, AccountChange::author);
        body.timestamps = Some(Timestamps {
            created_by: Some(CompactString::const_new(created_by.name())),
            created_date_time: Some(if is_created { changed_s } else { LAST_CHANGED_S }),
            last_modified_by: Some(CompactString::const_new(changed_by.name())),
            last_modified_date_time: Some(changed_s),
        });
        Account { kind, body }
    }

    /// Name and contact after `change`.
    fn identity_now(
        &self,
        id: AccountId,
        kind: AccountKind,
        change: Option<&AccountChange>,
    ) -> AccountBody {
        let replaced = change.and_then(|change| change.identity.as_deref().cloned());
        replaced.unwrap_or_else(|| self.identity(id, kind))
    }

    fn row(&self, id: AccountId) -> AccountRow {
        let kind = self.kind(id);
        let body = self.identity_now(id, kind, self.changes.get(id));
        let contact = body.primary_contact.unwrap_or_default();
        // A company's contact lends it an address, and no name.
        let is_person = kind == AccountKind::Individual;
        AccountRow {
            account_id: id,
            first_name: contact.first_name.filter(|_| is_person),
            last_name: contact.last_name.filter(|_| is_person),
            company_name: body.name,
            email: contact.email1,
            user_type: UserType::from(kind),
        }
    }

    /// The position of a field by its id.
    fn position(&self, id: FieldId) -> Option<usize> {
        // Ids nearly always follow one another; those that a dataset gives ascend at least.
        let id_at = |position: usize| self.fields.get(position).map(|field| field.definition.id);
        let guess = id.0.checked_sub(id_at(0)?.0)? as usize;
        if id_at(guess) == Some(id) {
            return Some(guess);
        }
        self.fields.binary_search_by_key(&id, |field| field.definition.id).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organisation(dataset: &str) -> Organisation {
        Organisation::new(&Dataset::built_in(dataset, 4).unwrap(), 1_000, 1)
    }

    #[test]
    fn plain_has_every_source_filled_and_every_target_empty() {
        let organisation = organisation("plain");
        for id in [1, 500, 1_000].map(AccountId) {
            let account = organisation.account(id).unwrap();
            let names: Vec<String> = account
                .body
                .account_custom_fields
                .unwrap()
                .iter()
                .map(|item| item.name.as_ref().unwrap().to_string())
                .collect();
            assert_eq!(names, ["V-1", "V-2", "V-3", "V-4"]);
        }
        assert!(organisation.account(AccountId(0)).is_none());
        assert!(organisation.account(AccountId(1_001)).is_none());
    }

    #[test]
    fn the_same_seed_makes_the_same_organisation_and_another_seed_another() {
        let dataset = Dataset::built_in("dirty", 3).unwrap();
        let digest = |seed| Organisation::new(&dataset, 200, seed).digest();
        assert_eq!(digest(1), digest(1));
        assert_ne!(digest(1), digest(2));
    }

    #[test]
    fn a_reseeded_organisation_is_that_of_its_seed() {
        let toml = "schema = 1\ncompanies = 0.3\nmerged = 0.1\ndirty = 0.2\n\n[[fields]]\nname = \"V-1\"\n\
                    type = \"text\"\nfilled = 0.8\n";
        for dataset in [
            Dataset::built_in("dirty", 3).unwrap(),
            Dataset::built_in("companies", 2).unwrap(),
            Dataset::from_toml("d.toml", toml, 1).unwrap(),
        ] {
            let of_seed = |seed| Organisation::new(&dataset, 3_000, seed);
            let reseeded = of_seed(1).reseeded(2);
            assert_eq!(reseeded.digest(), of_seed(2).digest());
            for id in (1..=3_000).map(AccountId) {
                assert_eq!(reseeded.account(id), of_seed(2).account(id));
            }
            assert_ne!(reseeded.digest(), of_seed(1).digest());
        }
    }

    #[test]
    fn half_migrated_is_half_migrated() {
        let organisation = organisation("half-migrated");
        let done = (1..=1_000).filter(|&id| organisation.values(AccountId(id)).len() > 4).count();
        assert!(done > 900, "with four mappings hardly any account has none done: {done}");
        let targets: usize =
            (1..=1_000).map(|id| organisation.values(AccountId(id)).len() - 4).sum();
        assert!((1_800..2_200).contains(&targets), "{targets}");
    }
}
