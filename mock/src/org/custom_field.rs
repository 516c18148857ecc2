//! Making, changing and deleting custom fields and their groups.

use super::field::{FIRST_GROUP_ID, Field};
use super::{FIRST_FIELD_ID, Organisation};
use crate::api::{
    AddToGroup, ApiError, Category, CustomField, FieldDraft, FieldId, Group, GroupDraft, GroupId,
    OptionDef, OptionDraft, OptionId,
};
use std::sync::Arc;

/// Why a field or a group was not made, changed or deleted. Nothing of it was applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum FieldError {
    #[error("custom field {0} does not exist")]
    UnknownField(FieldId),
    #[error("custom-field group {0} does not exist")]
    UnknownGroup(GroupId),
    #[error("a custom field needs a name")]
    NameRequired,
    #[error("a group needs a displayName")]
    GroupNameRequired,
    #[error("addToGroup needs a groupId")]
    GroupIdRequired,
    #[error("component is required")]
    ComponentRequired,
    #[error("this mock keeps custom fields of component Account, not {}", .0.name())]
    Component(Category),
    #[error("displayType is required, and one that Neon has")]
    TypeRequired,
    #[error("the displayType of a custom field cannot change")]
    TypeFixed,
    #[error("a custom field of this displayType needs optionValues")]
    OptionsRequired,
    #[error("a custom field of this displayType has no optionValues")]
    NoOptions,
    #[error("an option needs a name")]
    OptionNameRequired,
    #[error("there are two options `{0}`")]
    OptionNameDuplicated(Arc<str>),
    #[error("custom field option id is invalid")]
    OptionIdInvalid,
    #[error("custom field option id is duplicated")]
    OptionIdDuplicated,
}

impl FieldError {
    /// Whether what was to be changed is not there.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::UnknownField(_) | Self::UnknownGroup(_))
    }

    /// The error that Neon answers. Codes 51 to 55: Neon's page on response codes.
    pub fn api_error(&self) -> ApiError {
        let code = match self {
            Self::UnknownField(_) => 51,
            Self::OptionsRequired => 52,
            Self::OptionIdInvalid => 54,
            Self::OptionIdDuplicated => 55,
            _ => 1,
        };
        ApiError::new(code, self.to_string())
    }
}

/// The group that every organisation begins with.
pub(super) fn first_group() -> Group {
    Group {
        id: GroupId(FIRST_GROUP_ID),
        display_name: "General".to_owned(),
        description: None,
        component: Category::Account,
    }
}

impl Organisation {
    /// The custom field of that id.
    pub fn custom_field(&self, id: FieldId) -> Result<&CustomField, FieldError> {
        match self.position(id) {
            Some(position) => Ok(&self.fields[position].definition),
            None => Err(FieldError::UnknownField(id)),
        }
    }

    /// The id of the next field to be created.
    fn next_field_id(&self) -> FieldId {
        let last = self.fields.last().map(|field| field.definition.id);
        last.map_or(FieldId(FIRST_FIELD_ID), |last| FieldId(last.0.saturating_add(1)))
    }

    /// Makes the custom field that `draft` describes, empty on every account.
    pub fn create_field(&mut self, draft: &FieldDraft) -> Result<FieldId, FieldError> {
        if draft.component.is_none() {
            return Err(FieldError::ComponentRequired);
        }
        let display_type = draft.display_type.filter(|known| known.is_known());
        let display_type = display_type.ok_or(FieldError::TypeRequired)?;
        let mut field = Field::created(self.next_field_id(), display_type);
        let drafts = draft.option_values.as_deref().unwrap_or_default();
        if drafts.iter().any(|option| option.id.is_some()) {
            return Err(FieldError::OptionIdInvalid);
        }
        let mut next_option = self.next_option;
        self.edit(&mut field, draft, &mut next_option)?;
        self.next_option = next_option;
        // Nothing synthetic is drawn for it, but this is how it began.
        field.original = field.definition.clone();
        let id = field.definition.id;
        self.fields.push(field);
        self.list_definitions();
        Ok(id)
    }

    /// Replaces a custom field's definition. An option that `draft` leaves out is removed, also
    /// from the accounts that hold it; one without an id is new.
    pub fn put_field(&mut self, id: FieldId, draft: &FieldDraft) -> Result<(), FieldError> {
        let position = self.position(id).ok_or(FieldError::UnknownField(id))?;
        let mut field = self.fields[position].clone();
        if draft.display_type.is_some_and(|wanted| wanted != field.definition.display_type) {
            return Err(FieldError::TypeFixed);
        }
        let mut next_option = self.next_option;
        self.edit(&mut field, draft, &mut next_option)?;
        self.next_option = next_option;
        self.fields[position] = field;
        self.list_definitions();
        Ok(())
    }

    /// Takes a custom field away, with its values on every account.
    pub fn delete_field(&mut self, id: FieldId) -> Result<(), FieldError> {
        let position = self.position(id).ok_or(FieldError::UnknownField(id))?;
        self.fields[position].is_deleted = true;
        self.list_definitions();
        Ok(())
    }

    /// Groups of custom fields of that record type.
    pub fn groups(&self, component: Category) -> Vec<Group> {
        self.groups.iter().filter(|group| group.component == component).cloned().collect()
    }

    /// Makes a group.
    pub fn create_group(&mut self, draft: &GroupDraft) -> Result<GroupId, FieldError> {
        let display_name = name_of(draft)?;
        let component = draft.component.ok_or(FieldError::ComponentRequired)?;
        let id = GroupId(self.next_group);
        self.next_group += 1;
        let description = draft.description.clone();
        self.groups.push(Group { id, display_name, description, component });
        Ok(id)
    }

    /// Renames a group.
    pub fn put_group(&mut self, id: GroupId, draft: &GroupDraft) -> Result<(), FieldError> {
        let display_name = name_of(draft)?;
        let group = self.groups.iter_mut().find(|group| group.id == id);
        let group = group.ok_or(FieldError::UnknownGroup(id))?;
        group.display_name = display_name;
        group.description.clone_from(&draft.description);
        Ok(())
    }

    /// Takes a group away; its fields are in none then.
    pub fn delete_group(&mut self, id: GroupId) -> Result<(), FieldError> {
        if !self.has_group(id) {
            return Err(FieldError::UnknownGroup(id));
        }
        self.groups.retain(|group| group.id != id);
        let text = id.to_string();
        for field in &mut self.fields {
            field.definition.group_id.take_if(|group| *group == text);
        }
        self.list_definitions();
        Ok(())
    }

    /// Moves fields into a group: all of them, or none where one is unknown.
    pub fn add_to_group(&mut self, order: &AddToGroup) -> Result<(), FieldError> {
        let group = order.group_id.ok_or(FieldError::GroupIdRequired)?;
        if !self.has_group(group) {
            return Err(FieldError::UnknownGroup(group));
        }
        let mut positions = Vec::with_capacity(order.custom_fields.len());
        for &id in &order.custom_fields {
            positions.push(self.position(id).ok_or(FieldError::UnknownField(id))?);
        }
        for position in positions {
            self.fields[position].definition.group_id = Some(group.to_string());
        }
        self.list_definitions();
        Ok(())
    }

    fn has_group(&self, id: GroupId) -> bool {
        self.groups.iter().any(|group| group.id == id)
    }

    /// Makes of `field` what `draft` says; what it leaves out has its default.
    fn edit(
        &self,
        field: &mut Field,
        draft: &FieldDraft,
        next_option: &mut u32,
    ) -> Result<(), FieldError> {
        let FieldDraft { name, display_name, status, component, data_type, group_id, .. } = draft;
        let name = name.as_ref().filter(|name| !name.trim().is_empty());
        let name = name.ok_or(FieldError::NameRequired)?;
        if let Some(component) = component.filter(|component| *component != Category::Account) {
            return Err(FieldError::Component(component));
        }
        if let Some(group) = group_id.filter(|group| !self.has_group(*group)) {
            return Err(FieldError::UnknownGroup(group));
        }
        let definition = &mut field.definition;
        let drafts = draft.option_values.as_deref().unwrap_or_default();
        if definition.display_type.has_options() {
            let options = options(&definition.option_values, drafts, next_option)?;
            let is_kept = |old: &OptionDef| options.iter().any(|option| option.id == old.id);
            field.lost_options |= !definition.option_values.iter().all(is_kept);
            definition.option_values = options;
        } else if !drafts.is_empty() {
            return Err(FieldError::NoOptions);
        }
        definition.name = Arc::clone(name);
        definition.display_name = Some(Arc::clone(display_name.as_ref().unwrap_or(name)));
        definition.status = status.or(definition.status);
        definition.data_type.clone_from(data_type);
        definition.group_id = group_id.map(|group| group.to_string());
        definition.constituent_read_only = Some(draft.constituent_read_only.unwrap_or(false));
        definition.account_settings = Some(draft.account_settings.unwrap_or_default());
        Ok(())
    }

    /// Lists the fields that there are.
    fn list_definitions(&mut self) {
        let fields = self.fields.iter().filter(|field| !field.is_deleted);
        self.definitions = fields.map(|field| field.definition.clone()).collect();
    }
}

fn name_of(draft: &GroupDraft) -> Result<String, FieldError> {
    let name = draft.display_name.as_ref().filter(|name| !name.trim().is_empty());
    name.cloned().ok_or(FieldError::GroupNameRequired)
}

/// The options that `drafts` make of the `old` ones.
fn options(
    old: &[OptionDef],
    drafts: &[OptionDraft],
    next_option: &mut u32,
) -> Result<Vec<OptionDef>, FieldError> {
    if drafts.is_empty() {
        return Err(FieldError::OptionsRequired);
    }
    let mut made: Vec<OptionDef> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let known = match draft.id {
            None => None,
            Some(id) => {
                let known = old.iter().find(|option| option.id == id);
                Some(known.ok_or(FieldError::OptionIdInvalid)?)
            }
        };
        let written = draft.name.as_ref().filter(|name| !name.trim().is_empty());
        let name = written.or(known.map(|known| &known.name));
        let name = name.ok_or(FieldError::OptionNameRequired)?;
        if made.iter().any(|option| option.name == *name) {
            return Err(FieldError::OptionNameDuplicated(Arc::clone(name)));
        }
        let id = known.map_or(OptionId(*next_option), |known| known.id);
        if made.iter().any(|option| option.id == id) {
            return Err(FieldError::OptionIdDuplicated);
        }
        *next_option += u32::from(known.is_none());
        made.push(OptionDef {
            id,
            name: Arc::clone(name),
            visible_on_public_forms: Some(draft.visible_on_public_forms.unwrap_or(true)),
            visible_on_constituent_forms: Some(draft.visible_on_constituent_forms.unwrap_or(true)),
        });
    }
    Ok(made)
}

#[cfg(test)]
mod tests;
