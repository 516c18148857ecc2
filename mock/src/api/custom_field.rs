//! Custom fields: their definitions, and their values on a record.

use super::account::AccountKind;
use super::id::{FieldId, OptionId};
use super::scalar;
use crate::named;
use compact_str::CompactString;
use serde::ser::{SerializeMap as _, SerializeStruct as _};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

/// Display type of a field, which fixes the type of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisplayType {
    /// Any number of options: the only multi-valued type.
    Checkbox,
    /// One option.
    Dropdown,
    /// One option.
    Radio,
    /// One line of text.
    OneLineText,
    /// Text with line breaks.
    MultiLineText,
    /// Text; not migrated.
    Password,
    /// A file; not migrated.
    File,
    /// A link to an account; not migrated.
    Account,
    /// A type that this version does not know; not migrated.
    #[serde(other)]
    Other,
}

impl DisplayType {
    /// True if its value is a set of option ids.
    pub const fn has_options(self) -> bool {
        matches!(self, Self::Checkbox | Self::Dropdown | Self::Radio)
    }

    /// True if it can hold more than one option.
    pub const fn is_multi_valued(self) -> bool {
        matches!(self, Self::Checkbox)
    }

    /// True unless this version does not know the type.
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Other)
    }

    /// True if its value is plain text.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::OneLineText | Self::MultiLineText)
    }
}

/// Kinds of account that have a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountType {
    /// All accounts.
    #[default]
    Any,
    /// Individuals only.
    Individual,
    /// Companies only.
    Company,
}

impl AccountType {
    /// True if accounts of `kind` are included.
    pub const fn includes(self, kind: AccountKind) -> bool {
        match self {
            Self::Any => true,
            Self::Individual => matches!(kind, AccountKind::Individual),
            Self::Company => matches!(kind, AccountKind::Company),
        }
    }
}

/// Status of a field or an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OptionStatus {
    /// Can be chosen.
    Active,
    /// Cannot be chosen any more; stays on records that have it.
    Inactive,
    /// A status that this version does not know.
    #[serde(other)]
    Other,
}

named! {
    /// The record type that a custom field belongs to.
    #[allow(missing_docs, reason = "the names are Neon's own record types")]
    pub enum Category {
        Account = "Account",
        Donation = "Donation",
        Event = "Event",
        Attendee = "Attendee",
        Individual = "Individual",
        Company = "Company",
        Activity = "Activity",
        Membership = "Membership",
        Product = "Product",
        Prospect = "Prospect",
        Grant = "Grant",
    }
}

/// Definition of a custom field, as `GET /customFields` lists it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomField {
    /// Id, which writes refer to.
    pub id: FieldId,
    /// Name, as on records.
    pub name: Arc<str>,
    /// Name in search columns; may differ, and need not be unique.
    pub display_name: Option<Arc<str>>,
    /// `ACTIVE` or `INACTIVE`.
    pub status: Option<OptionStatus>,
    /// The record type it belongs to.
    pub component: Option<String>,
    /// Display type.
    pub display_type: DisplayType,
    /// Format of its text; absent for any text.
    pub data_type: Option<String>,
    /// The group it is shown in.
    pub group_id: Option<String>,
    /// True if constituents cannot edit it.
    pub constituent_read_only: Option<bool>,
    /// Its options, in their order; empty for text, which is null on the wire.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub option_values: Vec<OptionDef>,
    /// Accounts that have the field.
    pub account_settings: Option<AccountSettings>,
}

impl CustomField {
    /// Its name in search columns.
    pub fn column_name(&self) -> &Arc<str> {
        self.display_name.as_ref().unwrap_or(&self.name)
    }

    /// Accounts that have the field; all where Neon does not say.
    pub fn account_type(&self) -> AccountType {
        self.account_settings.map_or(AccountType::Any, |settings| settings.account_type)
    }
}

impl Serialize for CustomField {
    /// Every member that recorded answers have, in their order. The settings of other records'
    /// fields are null.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = (!self.option_values.is_empty()).then_some(&self.option_values);
        let mut members = serializer.serialize_struct("CustomField", 14)?;
        members.serialize_field("id", &self.id)?;
        members.serialize_field("name", &self.name)?;
        members.serialize_field("status", &self.status)?;
        members.serialize_field("displayName", self.column_name())?;
        members.serialize_field("groupId", &self.group_id)?;
        members.serialize_field("displayType", &self.display_type)?;
        members.serialize_field("dataType", &self.data_type)?;
        members.serialize_field("constituentReadOnly", &self.constituent_read_only)?;
        members.serialize_field("component", &self.component)?;
        members.serialize_field("optionValues", &options)?;
        members.serialize_field("accountSettings", &self.account_settings)?;
        for of_other_records in ["eventSettings", "membershipSettings", "productSettings"] {
            members.serialize_field(of_other_records, &())?;
        }
        members.end()
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<OptionDef>, D::Error> {
    Ok(Option::<Vec<OptionDef>>::deserialize(d)?.unwrap_or_default())
}

/// Account settings of a field definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccountSettings {
    /// Individuals, companies or both.
    pub account_type: AccountType,
}

/// Definition of an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptionDef {
    /// Id, which writes refer to.
    pub id: OptionId,
    /// Its name.
    pub name: Arc<str>,
    /// `ACTIVE` or `INACTIVE`; null in recorded answers.
    #[serde(default)]
    pub status: Option<OptionStatus>,
    /// A code that the organisation gave it; often empty.
    #[serde(default)]
    pub code: Option<CompactString>,
    /// Shown on public forms.
    pub visible_on_public_forms: Option<bool>,
    /// Shown on constituents' forms.
    pub visible_on_constituent_forms: Option<bool>,
}

/// The value of one custom field on one record: text or options.
///
/// No member is required on the wire, so none is here; a write without `id` is refused by Neon,
/// not by the type.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "WireItem")]
pub struct CustomFieldItem {
    /// The field.
    pub id: Option<FieldId>,
    /// The field's name; ignored in writes.
    pub name: Option<Arc<str>>,
    /// The text of a text field; `""` in a write clears it.
    pub value: Option<CompactString>,
    /// The options of an option field; the set is replaced by a write, and `[]` clears it.
    pub option_values: Option<Vec<OptionItem>>,
    /// True if the item spells out `"value": null` and names no options. Its effect on a text
    /// field is uncertain.
    pub is_null: bool,
}

/// An item as the wire has it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireItem {
    id: Option<FieldId>,
    name: Option<Arc<str>>,
    #[serde(deserialize_with = "scalar::present")]
    #[expect(clippy::option_option, reason = "absent, null and a text are three things here")]
    value: Option<Option<CompactString>>,
    option_values: Option<Vec<OptionItem>>,
}

impl From<WireItem> for CustomFieldItem {
    fn from(wire: WireItem) -> Self {
        let WireItem { id, name, value, option_values } = wire;
        let is_null = value == Some(None) && option_values.is_none();
        Self { id, name, value: value.flatten(), option_values, is_null }
    }
}

impl Serialize for CustomFieldItem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Neon's answers name the field and spell out both members, null where they do not
        // apply. A write names only what it sets: what a null would do there is uncertain.
        let as_read = self.name.is_some();
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        if let Some(name) = &self.name {
            map.serialize_entry("name", name)?;
        }
        if as_read || self.is_null || self.value.is_some() {
            map.serialize_entry("value", &self.value)?;
        }
        if as_read || self.option_values.is_some() {
            map.serialize_entry("optionValues", &self.option_values)?;
        }
        map.end()
    }
}

/// One option on a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionItem {
    /// The option; required in writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<OptionId>,
    /// Its name; ignored in writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Status of the option; ignored in writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OptionStatus>,
}

impl OptionItem {
    /// A reference by id alone, as writes send it.
    pub const fn by_id(id: OptionId) -> Self {
        Self { id: Some(id), name: None, status: None }
    }
}

/// Value of a custom field on a record. An empty field has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Text, not empty.
    Text(CompactString),
    /// Options, at least one, in id order.
    Options(SmallVec<[OptionId; 4]>),
}

impl Value {
    /// The options of those ids; `None` if there are none.
    pub fn options(ids: impl IntoIterator<Item = OptionId>) -> Option<Self> {
        let mut ids: SmallVec<[OptionId; 4]> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        (!ids.is_empty()).then_some(Self::Options(ids))
    }
}

impl CustomFieldItem {
    /// The item's value; `None` if it is empty.
    pub fn held(&self) -> Option<Value> {
        if let Some(text) = self.value.as_ref().filter(|text| !text.is_empty()) {
            return Some(Value::Text(text.clone()));
        }
        Value::options(self.option_values.iter().flatten().filter_map(|option| option.id))
    }

    /// True if the item's value is `value`; `None` stands for empty.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        match (self.value.as_ref().filter(|text| !text.is_empty()), value) {
            (Some(text), Some(Value::Text(value))) => text == value,
            (Some(_), _) => false,
            (None, value) => self.held().as_ref() == value,
        }
    }

    /// The item that writes `value` into field `id`, which has options or not; `None` clears it.
    pub fn to_write(id: FieldId, has_options: bool, value: Option<&Value>) -> Self {
        let mut item = Self { id: Some(id), ..Self::default() };
        match value {
            Some(Value::Text(text)) => item.value = Some(text.clone()),
            Some(Value::Options(ids)) => {
                item.option_values = Some(ids.iter().copied().map(OptionItem::by_id).collect());
            }
            None if has_options => item.option_values = Some(Vec::new()),
            None => item.value = Some(CompactString::default()),
        }
        item
    }
}
