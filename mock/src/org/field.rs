//! One custom field: its settings, its definition, and the items that hold its values.

use crate::api::{
    AccountKind, AccountSettings, CustomField, CustomFieldItem, DisplayType, FieldId, OptionDef,
    OptionId, OptionItem, OptionStatus, Value,
};
use crate::dataset::{FieldSpec, WireOption};
use crate::rng;
use compact_str::CompactString;
use rand_distr::Zipf;
use std::sync::Arc;

/// One custom field: its settings, its definition and its keys.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) spec: FieldSpec,
    pub(super) definition: CustomField,
    pub(super) key: u64,
    pub(super) zipf: Option<Zipf<f64>>,
}

impl Field {
    /// The field `id` of a dataset; takes ids of options that have none off `next_option`. Its values are drawn
    /// by its name, or by its id too if a field before it has the name.
    pub(super) fn synthetic(
        (id, spec): (FieldId, &FieldSpec),
        is_first: bool,
        seed: u64,
        next_option: &mut u32,
    ) -> Self {
        let definition = definition(id, spec, next_option);
        let zipf = (spec.values.len() > 1)
            .then(|| Zipf::new(spec.values.len() as f64, spec.skew).expect("a checked exponent"));
        Self { spec: spec.clone(), definition, key: key((id, spec), is_first, seed), zipf }
    }

    /// The same field with the values of another seed.
    pub(super) fn reseeded(&self, is_first: bool, seed: u64) -> Self {
        Self { key: key((self.definition.id, &self.spec), is_first, seed), ..self.clone() }
    }

    /// True if accounts of `kind` have this field.
    pub(super) fn belongs_to(&self, kind: AccountKind) -> bool {
        self.spec.accounts.includes(kind)
    }

    /// The option of that id.
    pub(super) fn option(&self, id: OptionId) -> Option<&OptionDef> {
        let options = &self.definition.option_values;
        // Ids follow one another unless the dataset gives them.
        let guess = id.0.checked_sub(options.first()?.id.0).and_then(|at| options.get(at as usize));
        guess
            .filter(|option| option.id == id)
            .or_else(|| options.iter().find(|option| option.id == id))
    }

    pub(super) fn item(&self, value: Value) -> CustomFieldItem {
        let (value, option_values) = match value {
            Value::Text(text) => (Some(text), None),
            Value::Options(ids) => {
                (None, Some(ids.iter().map(|&id| self.option_item(id)).collect()))
            }
        };
        let CustomField { id, name, .. } = &self.definition;
        CustomFieldItem {
            id: Some(*id),
            name: Some(Arc::clone(name)),
            value,
            option_values,
            is_null: false,
        }
    }

    fn option_item(&self, id: OptionId) -> OptionItem {
        let option = self.option(id);
        let name = option.map(|option| Arc::clone(&option.name));
        let status = option.and_then(|option| option.status).unwrap_or(OptionStatus::Active);
        OptionItem { id: Some(id), name, status: Some(status) }
    }
}

/// The key of a field's values.
fn key((id, FieldSpec { name, .. }): (FieldId, &FieldSpec), is_first: bool, seed: u64) -> u64 {
    let stream = if is_first { format!("field/{name}") } else { format!("field/{name}/{id}") };
    rng::key(seed, &stream)
}

fn definition(id: FieldId, spec: &FieldSpec, next_option: &mut u32) -> CustomField {
    let name: Arc<str> = Arc::from(spec.name.as_str());
    let display_type = DisplayType::from(spec.kind);
    let option_values = if !spec.options.is_empty() {
        spec.options.iter().map(WireOption::definition).collect()
    } else if display_type.has_options() {
        let numbered = spec.values.iter().enumerate().map(|(index, name)| {
            let given = spec.option_ids.get(index).copied();
            let id = given.unwrap_or_else(|| {
                *next_option += 1;
                OptionId(*next_option - 1)
            });
            (id, name)
        });
        let option = |(id, name): (OptionId, &String)| OptionDef {
            id,
            name: Arc::from(name.as_str()),
            status: None,
            code: Some(CompactString::default()),
            visible_on_public_forms: Some(true),
            visible_on_constituent_forms: Some(true),
        };
        numbered.map(option).collect()
    } else {
        Vec::new()
    };
    CustomField {
        id,
        display_name: Some(
            spec.display_name.as_deref().map_or_else(|| Arc::clone(&name), Arc::from),
        ),
        name,
        status: Some(spec.definition.status()),
        component: Some(spec.definition.component()),
        display_type,
        // Recorded fields with options, and of several lines, have none.
        data_type: spec
            .definition
            .data_type((display_type == DisplayType::OneLineText).then_some("Text")),
        group_id: spec.definition.group_id(),
        constituent_read_only: Some(spec.definition.read_only),
        option_values,
        account_settings: Some(AccountSettings { account_type: spec.accounts }),
    }
}
