//! The members of a field in an answer of `GET /customFields`, beside its name, type and options' names.

use crate::api::{CustomField, OptionDef, OptionStatus};
use serde::{Deserialize, Serialize};

/// The group of fields whose dataset names none, as `look_ups.json` lists it.
pub(crate) const GROUP_ID: &str = "12";

/// Members of a field's definition that change no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldDefinition {
    /// Format of a text, such as `Date`; empty for null, and absent for Neon's own default.
    pub data_type: Option<String>,
    /// Id of its group; empty for null, and absent for a group that the mock has.
    pub group: Option<String>,
    /// True if constituents cannot edit it.
    pub read_only: bool,
    /// Type of the records that have it; absent for `Account`.
    pub component: Option<String>,
    /// True if it is inactive.
    pub inactive: bool,
}

impl FieldDefinition {
    /// The members of `field` that a dataset without them would serve otherwise.
    pub(super) fn of(field: &CustomField) -> Self {
        let text = |member: &Option<String>| Some(member.clone().unwrap_or_default());
        Self {
            data_type: text(&field.data_type),
            group: text(&field.group_id),
            read_only: field.constituent_read_only == Some(true),
            component: field.component.clone().filter(|component| component != "Account"),
            inactive: field.status == Some(OptionStatus::Inactive),
        }
    }

    /// The data type on the wire, where Neon's own would be `default`.
    pub(crate) fn data_type(&self, default: Option<&str>) -> Option<String> {
        given(self.data_type.as_deref(), default)
    }

    /// The group's id on the wire.
    pub(crate) fn group_id(&self) -> Option<String> {
        given(self.group.as_deref(), Some(GROUP_ID))
    }

    /// The component on the wire.
    pub(crate) fn component(&self) -> String {
        self.component.clone().unwrap_or_else(|| "Account".to_owned())
    }

    /// The status on the wire.
    pub(crate) const fn status(&self) -> OptionStatus {
        if self.inactive { OptionStatus::Inactive } else { OptionStatus::Active }
    }
}

/// The text of a member that may be left out, and may be empty for null.
fn given(member: Option<&str>, default: Option<&str>) -> Option<String> {
    member.or(default).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// An option of a dataset file with all that an answer says of it. Members that are left out are null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireOption {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// `ACTIVE` or `INACTIVE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OptionStatus>,
    /// A code that the organisation gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Shown on public forms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// Shown on constituents' forms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constituent: Option<bool>,
}

impl From<&OptionDef> for WireOption {
    fn from(option: &OptionDef) -> Self {
        Self {
            id: option.id.0,
            name: option.name.to_string(),
            status: option.status,
            code: option.code.as_ref().map(ToString::to_string),
            public: option.visible_on_public_forms,
            constituent: option.visible_on_constituent_forms,
        }
    }
}

impl WireOption {
    /// The option on the wire.
    pub(crate) fn definition(&self) -> OptionDef {
        OptionDef {
            id: crate::api::OptionId(self.id),
            name: self.name.as_str().into(),
            status: self.status,
            code: self.code.as_deref().map(Into::into),
            visible_on_public_forms: self.public,
            visible_on_constituent_forms: self.constituent,
        }
    }
}
