//! One organisation: synthetic accounts made on demand, and what was changed on them.
//!
//! An account is computed from (seed, id): reading account 900,000 costs what reading account 1
//! does, and only changed accounts take memory. Nothing here knows of limits or time beyond the
//! moment of a write.

mod digest;
mod search;
mod synthetic;
mod write;

pub use digest::StateDigest;
pub use search::SearchError;
pub use write::WriteError;

use crate::api::{
    Account, AccountBody, AccountId, AccountKind, AccountPage, AccountRow, AccountSettings,
    CustomField, CustomFieldItem, FieldId, ListAccounts, MAX_PAGE_SIZE, OptionDef, OptionId,
    OptionItem, OptionStatus, Page, Pagination, Timestamps, UserType, Value,
};
use crate::dataset::{Dataset, FieldSpec};
use crate::rng;
use crate::time::Timestamp;
use rand_distr::Zipf;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The first custom field's id; the others follow. Lower ids belong to no field.
pub const FIRST_FIELD_ID: u32 = 85;

/// The first option's id; the others follow, field by field.
pub const FIRST_OPTION_ID: u32 = 301;

/// When every synthetic account was last changed: 2024-01-01T00:00:00Z, in Unix seconds.
const LAST_CHANGED_S: i64 = 1_704_067_200;

/// One organisation's accounts and fields.
#[derive(Clone, Debug)]
pub struct Organisation {
    accounts: u64,
    companies: f64,
    dirty: f64,
    unicode: f64,
    kind_key: u64,
    name_key: u64,
    fields: Vec<Field>,
    definitions: Arc<[CustomField]>,
    changes: BTreeMap<AccountId, Change>,
}

/// One custom field: its settings, its definition and its keys.
#[derive(Clone, Debug)]
struct Field {
    spec: FieldSpec,
    definition: CustomField,
    key: u64,
    zipf: Option<Zipf<f64>>,
}

/// What was changed on one account.
#[derive(Clone, Debug, Default)]
struct Change {
    /// New values by position of the field; `None` was cleared.
    values: Vec<(usize, Option<Value>)>,
    /// The identity that a PUT wrote in place of the synthetic one.
    identity: Option<Box<AccountBody>>,
    changed_s: i64,
}

impl Organisation {
    /// The organisation that `dataset` describes, with accounts `1 … accounts`.
    pub fn new(dataset: &Dataset, accounts: u64, seed: u64) -> Self {
        let mut next_option = FIRST_OPTION_ID;
        let mut fields = Vec::with_capacity(dataset.fields.len());
        for (position, spec) in dataset.fields.iter().enumerate() {
            let definition = definition(position, spec, &mut next_option);
            let zipf = (spec.values.len() > 1).then(|| {
                Zipf::new(spec.values.len() as f64, spec.skew).expect("a checked exponent")
            });
            let key = rng::key(seed, &format!("field/{}", spec.name));
            fields.push(Field { spec: spec.clone(), definition, key, zipf });
        }
        Self {
            accounts,
            companies: dataset.companies,
            dirty: dataset.dirty,
            unicode: dataset.unicode,
            kind_key: rng::key(seed, "kind"),
            name_key: rng::key(seed, "name"),
            definitions: fields.iter().map(|field| field.definition.clone()).collect(),
            fields,
            changes: BTreeMap::new(),
        }
    }

    /// How many accounts there are; their ids are `1 … accounts`.
    pub const fn accounts(&self) -> u64 {
        self.accounts
    }

    /// How many accounts differ, or once differed, from their synthetic state.
    pub fn changed_accounts(&self) -> usize {
        self.changes.len()
    }

    /// Every custom field's definition, in id order.
    pub const fn definitions(&self) -> &Arc<[CustomField]> {
        &self.definitions
    }

    /// Whether the account exists.
    pub const fn contains(&self, id: AccountId) -> bool {
        id.0 >= 1 && id.0 <= self.accounts
    }

    /// Person or company. Meaningless for ids that do not exist.
    pub fn kind(&self, id: AccountId) -> AccountKind {
        // Asked for every field of every account: most organisations of a test have no companies.
        if self.companies > 0.0 && rng::unit(rng::keyed(self.kind_key, id.0)) < self.companies {
            AccountKind::Company
        } else {
            AccountKind::Individual
        }
    }

    /// The custom fields of an account that are not empty, in id order, as they are now.
    pub fn values(&self, id: AccountId) -> Vec<(FieldId, Value)> {
        let change = self.changes.get(&id);
        self.collect(id, |position| self.value_now(change, id, position))
    }

    /// The same before anything was changed.
    pub fn original_values(&self, id: AccountId) -> Vec<(FieldId, Value)> {
        self.collect(id, |position| self.original_value(id, position))
    }

    /// The same organisation before anything was changed.
    #[must_use]
    pub fn original(&self) -> Self {
        Self {
            fields: self.fields.clone(),
            definitions: Arc::clone(&self.definitions),
            changes: BTreeMap::new(),
            ..*self
        }
    }

    /// Whether anything on the account was ever changed.
    pub fn is_changed(&self, id: AccountId) -> bool {
        self.changes.contains_key(&id)
    }

    /// The whole account as it is now; `None` if there is none of that id.
    pub fn account(&self, id: AccountId) -> Option<Account> {
        let change = self.changes.get(&id);
        let values = self.values_of(id, change)?;
        Some(self.assemble(id, change, values))
    }

    /// Whether name and contact of the account are as they were before anything was changed.
    pub fn has_original_identity(&self, id: AccountId) -> bool {
        let changed = self.changes.get(&id).and_then(|change| change.identity.as_deref());
        changed.is_none_or(|now| {
            let original = self.identity(id, self.kind(id));
            now.name == original.name
                && now.primary_contact == original.primary_contact
                && now.primary_contact_account_id == original.primary_contact_account_id
        })
    }

    /// A page of accounts.
    pub fn list(&self, list: &ListAccounts) -> AccountPage {
        let matches = |row: &AccountRow| {
            list.user_type.is_none_or(|user_type| row.user_type == user_type)
                && same(list.email.as_deref(), row.email.as_deref())
                && same(list.first_name.as_deref(), row.first_name.as_deref())
                && same(list.last_name.as_deref(), row.last_name.as_deref())
        };
        let rows = (1..=self.accounts).map(|id| self.row(AccountId(id))).filter(matches);
        let (accounts, pagination) = paged(rows, &list.page);
        AccountPage { accounts, pagination }
    }

    /// The digest of the state of all accounts; see [`StateDigest`].
    pub fn digest(&self) -> String {
        let mut digest = StateDigest::new();
        for id in (1..=self.accounts).map(AccountId) {
            digest.account(id, &self.values(id));
        }
        digest.finish()
    }

    fn values_of(&self, id: AccountId, change: Option<&Change>) -> Option<Vec<CustomFieldItem>> {
        if !self.contains(id) {
            return None;
        }
        let mut items = Vec::with_capacity(self.fields.len());
        for (position, field) in self.fields.iter().enumerate() {
            if let Some(value) = self.value_now(change, id, position) {
                items.push(field.item(value));
            }
        }
        Some(items)
    }

    fn collect(
        &self,
        id: AccountId,
        value: impl Fn(usize) -> Option<Value>,
    ) -> Vec<(FieldId, Value)> {
        if !self.contains(id) {
            return Vec::new();
        }
        let mut values = Vec::with_capacity(self.fields.len());
        for (position, field) in self.fields.iter().enumerate() {
            if let Some(value) = value(position) {
                values.push((field.definition.id, value));
            }
        }
        values
    }

    fn value_now(&self, change: Option<&Change>, id: AccountId, position: usize) -> Option<Value> {
        let changed = change
            .and_then(|change| change.values.iter().find(|(changed, _)| *changed == position));
        match changed {
            Some((_, value)) => value.clone(),
            None => self.original_value(id, position),
        }
    }

    fn assemble(
        &self,
        id: AccountId,
        change: Option<&Change>,
        items: Vec<CustomFieldItem>,
    ) -> Account {
        let kind = self.kind(id);
        let replaced = change.and_then(|change| change.identity.as_deref().cloned());
        let mut body = replaced.unwrap_or_else(|| self.identity(id, kind));
        body.account_id = Some(id);
        body.account_custom_fields = Some(items);
        body.timestamps = Some(Timestamps {
            created_date_time: Some(LAST_CHANGED_S),
            last_modified_date_time: Some(change.map_or(LAST_CHANGED_S, |change| change.changed_s)),
        });
        Account { kind, body }
    }

    fn row(&self, id: AccountId) -> AccountRow {
        let kind = self.kind(id);
        let replaced = self.changes.get(&id).and_then(|change| change.identity.as_deref().cloned());
        let body = replaced.unwrap_or_else(|| self.identity(id, kind));
        let contact = body.primary_contact.unwrap_or_default();
        AccountRow {
            account_id: id,
            first_name: contact.first_name,
            last_name: contact.last_name,
            company_name: body.name,
            email: contact.email1,
            user_type: UserType::from(kind),
        }
    }

    /// The position of a field by its id.
    fn position(&self, id: FieldId) -> Option<usize> {
        let position = id.0.checked_sub(FIRST_FIELD_ID)? as usize;
        (position < self.fields.len()).then_some(position)
    }
}

impl Field {
    /// Whether accounts of `kind` have this field.
    fn belongs_to(&self, kind: AccountKind) -> bool {
        self.spec.accounts.includes(kind)
    }

    /// The option of that id.
    fn option(&self, id: OptionId) -> Option<&OptionDef> {
        let options = &self.definition.option_values;
        let first = options.first()?.id;
        options.get(id.0.checked_sub(first.0)? as usize)
    }

    fn item(&self, value: Value) -> CustomFieldItem {
        let (value, option_values) = match value {
            Value::Text(text) => (Some(text), None),
            Value::Options(ids) => {
                (None, Some(ids.iter().map(|&id| self.option_item(id)).collect()))
            }
        };
        let CustomField { id, name, .. } = &self.definition;
        CustomFieldItem { id: Some(*id), name: Some(Arc::clone(name)), value, option_values }
    }

    fn option_item(&self, id: OptionId) -> OptionItem {
        let name = self.option(id).map(|option| Arc::clone(&option.name));
        OptionItem { id: Some(id), name, status: Some(OptionStatus::Active) }
    }
}

fn definition(position: usize, spec: &FieldSpec, next_option: &mut u32) -> CustomField {
    let name: Arc<str> = Arc::from(spec.name.as_str());
    let display_type = spec.kind.into();
    let option_values = if crate::api::DisplayType::has_options(display_type) {
        let first = *next_option;
        *next_option += spec.values.len() as u32;
        let option = |(id, name): (u32, &String)| OptionDef {
            id: OptionId(id),
            name: Arc::from(name.as_str()),
            visible_on_public_forms: Some(true),
            visible_on_constituent_forms: Some(true),
        };
        (first..).zip(&spec.values).map(option).collect()
    } else {
        Vec::new()
    };
    CustomField {
        id: FieldId(FIRST_FIELD_ID + position as u32),
        display_name: Some(Arc::clone(&name)),
        name,
        status: Some(OptionStatus::Active),
        component: Some("Account".to_owned()),
        display_type,
        data_type: display_type.is_text().then(|| "Text".to_owned()),
        group_id: Some("12".to_owned()),
        constituent_read_only: Some(false),
        option_values,
        account_settings: Some(AccountSettings { account_type: spec.accounts }),
    }
}

fn same(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| found == Some(wanted))
}

/// One page of `rows`, and where it lies. Pages above the largest that Neon serves are clamped.
fn paged<T>(rows: impl Iterator<Item = T>, page: &Page) -> (Vec<T>, Pagination) {
    let size = page.page_size.clamp(1, MAX_PAGE_SIZE);
    let first = u64::from(page.current_page) * u64::from(size);
    let mut total = 0_u64;
    let mut kept = Vec::new();
    for row in rows {
        if total >= first && total < first + u64::from(size) {
            kept.push(row);
        }
        total += 1;
    }
    let pagination = Pagination {
        current_page: page.current_page,
        page_size: size,
        sort_column: page.sort_column.clone(),
        sort_direction: page.sort_direction,
        total_pages: total.div_ceil(u64::from(size)) as u32,
        total_results: total,
    };
    (kept, pagination)
}

/// The calendar second that a moment of the run stands for.
const fn calendar_s(now: Timestamp) -> i64 {
    LAST_CHANGED_S + (now.as_nanos() / 1_000_000_000).cast_signed()
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
    fn half_migrated_is_half_migrated() {
        let organisation = organisation("half-migrated");
        let done = (1..=1_000).filter(|&id| organisation.values(AccountId(id)).len() > 4).count();
        assert!(done > 900, "with four mappings hardly any account has none done: {done}");
        let targets: usize =
            (1..=1_000).map(|id| organisation.values(AccountId(id)).len() - 4).sum();
        assert!((1_800..2_200).contains(&targets), "{targets}");
    }

    #[test]
    fn pages_are_zero_based_and_at_most_two_hundred_rows() {
        let page = Page { current_page: 4, page_size: 500, ..Page::default() };
        let page = organisation("plain").list(&ListAccounts { page, ..ListAccounts::default() });
        assert_eq!(page.accounts[0].account_id, AccountId(801));
        assert_eq!((page.pagination.page_size, page.pagination.total_pages), (200, 5));
        assert!(page.pagination.is_last());
    }
}
