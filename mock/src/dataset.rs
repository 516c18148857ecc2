//! Datasets: settings of a synthetic organisation.
//!
//! [`WireDataset`] mirrors the TOML file, [`Dataset`] is its checked form. A field whose
//! name contains `#` is a family: one field per number from 1 to the number of mappings.

mod definition;
mod import;

#[cfg(test)]
pub(crate) use definition::GROUP_ID;
pub use definition::{FieldDefinition, WireOption};
pub use import::{Imported, import};

use crate::api::{AccountType, DisplayType, FieldId, OptionId};
use crate::bounds::{Bounds, EXPONENT, FIELDS, IDS, MIRRORS, OutOfBounds, SHARE, VALUES};
use crate::file::{FileError, Member};
use crate::named;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The built-in datasets: name and commented TOML.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("plain", include_str!("../datasets/plain.toml")),
    ("v-fields", include_str!("../datasets/v-fields.toml")),
    ("mixed", include_str!("../datasets/mixed.toml")),
    ("dirty", include_str!("../datasets/dirty.toml")),
    ("companies", include_str!("../datasets/companies.toml")),
    ("half-migrated", include_str!("../datasets/half-migrated.toml")),
];

/// The first custom field's id where a dataset gives none; the others follow.
pub const FIRST_FIELD_ID: u32 = 85;

/// A dataset file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireDataset {
    /// Version of the form: 1.
    pub schema: u32,
    /// Purpose, one sentence.
    #[serde(default)]
    pub description: String,
    /// Share of accounts that are companies.
    #[serde(default)]
    pub companies: f64,
    /// Share of texts with stray white space, separators, markup or quotes.
    #[serde(default)]
    pub dirty: f64,
    /// Share of texts in other scripts, with combining marks or emoji.
    #[serde(default)]
    pub unicode: f64,
    /// Share of ids that were merged into other accounts, and answer 222.
    #[serde(default)]
    pub merged: f64,
    /// The custom fields.
    #[serde(default)]
    pub fields: Vec<WireField>,
}

/// A field, or a family of fields, of a dataset file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireField {
    /// Its name. Without an id, `#` in it is replaced by a number.
    pub name: String,
    /// Its id; without one, the number after the field before it. Fields with ids may share a name.
    pub id: Option<u32>,
    /// Name in search columns, where it differs.
    pub display_name: Option<String>,
    /// Type of its value.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// Which accounts it belongs to.
    #[serde(default, rename = "for")]
    pub accounts: WireAccountType,
    /// Share of accounts on which it is filled.
    #[serde(default)]
    pub filled: f64,
    /// Options of an option field; vocabulary of a text field, where none means free text.
    #[serde(default)]
    pub values: Vec<String>,
    /// Ids of the options, in the order of `values`; without them they are numbered.
    #[serde(default)]
    pub option_ids: Vec<u32>,
    /// Options with all that an answer of Neon says of them, instead of `values` and `option_ids`.
    #[serde(default)]
    pub options: Vec<WireOption>,
    /// Format of a text: `Date`, `Whole_Number`, …; empty for none.
    pub data_type: Option<String>,
    /// Id of its group; empty for none.
    pub group: Option<String>,
    /// True if constituents cannot edit it.
    #[serde(default)]
    pub read_only: bool,
    /// Type of the records that have it, where that is not `Account`.
    pub component: Option<String>,
    /// True if it is inactive.
    #[serde(default)]
    pub inactive: bool,
    /// Exponent of Zipf's law over the values; 0 makes all as likely.
    #[serde(default)]
    pub skew: f64,
    /// A field that this one already agrees with on a share of the accounts.
    pub mirrors: Option<String>,
    /// That share.
    #[serde(default)]
    pub mirrored: f64,
    /// First number that `#` takes.
    #[serde(default = "one")]
    pub from: u32,
    /// Step of the numbers that `#` takes.
    #[serde(default = "one")]
    pub step: u32,
}

const fn one() -> u32 {
    1
}

named! {
    /// Type of a field, as dataset files and plans spell it.
    pub enum FieldKind {
        /// One line of text.
        Text = "text",
        /// Text with line breaks.
        Multiline = "multiline",
        /// One option.
        Dropdown = "dropdown",
        /// One option.
        Radio = "radio",
        /// Any number of options.
        Checkbox = "checkbox",
    }
}

impl From<FieldKind> for DisplayType {
    fn from(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Text => Self::OneLineText,
            FieldKind::Multiline => Self::MultiLineText,
            FieldKind::Dropdown => Self::Dropdown,
            FieldKind::Radio => Self::Radio,
            FieldKind::Checkbox => Self::Checkbox,
        }
    }
}

/// Which accounts a field belongs to, as dataset files spell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum WireAccountType {
    #[default]
    Any,
    Individual,
    Company,
}

impl From<WireAccountType> for AccountType {
    fn from(accounts: WireAccountType) -> Self {
        match accounts {
            WireAccountType::Any => Self::Any,
            WireAccountType::Individual => Self::Individual,
            WireAccountType::Company => Self::Company,
        }
    }
}

/// Settings of a synthetic organisation, checked.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Share of accounts that are companies, in [0, 1].
    pub companies: f64,
    /// Share of texts that are dirty, in [0, 1].
    pub dirty: f64,
    /// Share of texts beyond plain letters, in [0, 1].
    pub unicode: f64,
    /// Share of ids that were merged into other accounts, in [0, 1].
    pub merged: f64,
    /// The custom fields; names are unique among those without ids.
    pub fields: Vec<FieldSpec>,
}

/// One custom field of a dataset.
#[derive(Clone, Debug)]
pub struct FieldSpec {
    /// Its name.
    pub name: String,
    /// Its id; `None` is the number after the field before it. Given ids ascend.
    pub id: Option<FieldId>,
    /// Name in search columns, where it differs.
    pub display_name: Option<String>,
    /// Type of its value.
    pub kind: FieldKind,
    /// Which accounts it belongs to.
    pub accounts: AccountType,
    /// Share of accounts on which it is filled, in [0, 1].
    pub filled: f64,
    /// Options, or vocabulary.
    pub values: Vec<String>,
    /// Ids of the options, one for each of `values`; none means that they are numbered.
    pub option_ids: Vec<OptionId>,
    /// The options as an answer has them, one for each of `values`; none where the dataset does not say.
    pub options: Vec<WireOption>,
    /// The rest of the field's definition.
    pub definition: FieldDefinition,
    /// Exponent of Zipf's law over `values`, not negative.
    pub skew: f64,
    /// Position of the field that it agrees with, and the share of accounts on which it does.
    pub mirrors: Option<(usize, f64)>,
}

/// Errors of a dataset file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum DatasetError {
    #[error("schema = {0}: this version reads schema 1")]
    Schema(u32),
    #[error("{member} {source}")]
    Bounds { member: Member, source: OutOfBounds },
    #[error("{member} = 0: a step is at least 1")]
    Step { member: Member },
    #[error("{member}: a field of this type has options and needs `values`")]
    NoValues { member: Member },
    #[error("{member}: the value `{value}` is there twice")]
    DuplicateValue { member: Member, value: String },
    #[error("{member}: there are two fields `{name}`")]
    DuplicateField { member: Member, name: String },
    #[error("{member}: no field before this one is called `{mirrors}`")]
    UnknownMirror { member: Member, mirrors: String },
    #[error(
        "{member} = {id}: fields stand in the order of their ids, and the one before has {last}"
    )]
    IdOrder { member: Member, id: u32, last: u32 },
    #[error(
        "{member}: `options` names the values and ids of a field with options: leave out `values` and `option_ids`"
    )]
    OptionsBeside { member: Member },
    #[error("{member}: {ids} ids for {values} options: expected one for each of `values`")]
    OptionIds { member: Member, ids: usize, values: usize },
    #[error("{member}: only a field with options has option ids")]
    OptionIdsOfText { member: Member },
    #[error("{member}: the option id {id} is there twice")]
    DuplicateOptionId { member: Member, id: u32 },
}

impl DatasetError {
    /// Member of the file that is wrong.
    pub fn member(&self) -> Member {
        match self {
            Self::Schema(_) => Member::top("schema"),
            Self::Bounds { member, .. }
            | Self::Step { member }
            | Self::NoValues { member }
            | Self::DuplicateValue { member, .. }
            | Self::DuplicateField { member, .. }
            | Self::UnknownMirror { member, .. }
            | Self::IdOrder { member, .. }
            | Self::OptionsBeside { member }
            | Self::OptionIds { member, .. }
            | Self::OptionIdsOfText { member }
            | Self::DuplicateOptionId { member, .. } => member.clone(),
        }
    }
}

impl Dataset {
    /// The built-in dataset `name`, with `mappings` fields per `#` family.
    ///
    /// `None`: no such name; see [`BUILT_IN`].
    pub fn built_in(name: &str, mappings: u32) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::from_toml(name, text, mappings).expect("a built-in dataset is valid"))
    }

    /// Reads a dataset file's `text`; `origin` names it in errors.
    ///
    /// Errors: [`FileError`] with line and member.
    pub fn from_toml(origin: &str, text: &str, mappings: u32) -> Result<Self, FileError> {
        let wire: WireDataset =
            toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))?;
        Self::try_from_wire(wire, mappings)
            .map_err(|error| FileError::member(origin, text, &error.member(), error))
    }

    /// Checks the contents of a file.
    ///
    /// Errors: [`DatasetError`], with the member that is wrong.
    pub fn try_from_wire(wire: WireDataset, mappings: u32) -> Result<Self, DatasetError> {
        if wire.schema != 1 {
            return Err(DatasetError::Schema(wire.schema));
        }
        let mut dataset = Self {
            companies: share(Member::top("companies"), wire.companies)?,
            dirty: share(Member::top("dirty"), wire.dirty)?,
            unicode: share(Member::top("unicode"), wire.unicode)?,
            merged: share(Member::top("merged"), wire.merged)?,
            fields: Vec::new(),
        };
        for (index, field) in wire.fields.into_iter().enumerate() {
            let member = Member::top("fields").index(index);
            if field.step == 0 {
                return Err(DatasetError::Step { member: member.key("step") });
            }
            let is_family = field.id.is_none() && field.name.contains('#');
            let numbers = if is_family { field.from..=mappings } else { 0..=0 };
            for number in numbers.step_by(field.step as usize) {
                dataset.push(&member, &field, number)?;
            }
        }
        Ok(dataset)
    }

    /// The position of the field `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    fn push(&mut self, member: &Member, wire: &WireField, number: u32) -> Result<(), DatasetError> {
        let numbered = |name: &str| match wire.id {
            Some(_) => name.to_owned(),
            None => name.replace('#', &number.to_string()),
        };
        let of_field = |name: &str| member.clone().key(name);
        let name = numbered(&wire.name);
        within(&EXPONENT, of_field("skew"), wire.skew)?;
        let has_options = DisplayType::from(wire.kind).has_options();
        if has_options && wire.values.is_empty() && wire.options.is_empty() {
            return Err(DatasetError::NoValues { member: of_field("type") });
        }
        let is_double = !wire.values.is_empty() || !wire.option_ids.is_empty() || !has_options;
        if !wire.options.is_empty() && is_double {
            return Err(DatasetError::OptionsBeside { member: of_field("options") });
        }
        for (name, count) in [("values", wire.values.len()), ("options", wire.options.len())] {
            within(&VALUES, of_field(name), count)?;
        }
        if let Some(value) = twice(&wire.values) {
            let member = of_field("values");
            return Err(DatasetError::DuplicateValue { member, value: value.clone() });
        }
        within(&FIELDS, Member::top("fields"), self.fields.len() + 1)?;
        if self.position(&name).is_some() && wire.id.is_none() {
            return Err(DatasetError::DuplicateField { member: of_field("name"), name });
        }
        let filled = share(of_field("filled"), wire.filled)?;
        let mirrored = share(of_field("mirrored"), wire.mirrored)?;
        let mirrors = match wire.mirrors.as_deref().map(numbered) {
            None => None,
            Some(mirrors) => {
                let Some(position) = self.position(&mirrors) else {
                    let member = of_field("mirrors");
                    return Err(DatasetError::UnknownMirror { member, mirrors });
                };
                let before = |&(at, _): &(usize, f64)| self.fields[at].mirrors;
                let row = std::iter::successors(Some((position, mirrored)), before);
                within(&MIRRORS, of_field("mirrors"), row.take(MIRRORS.most() + 1).count())?;
                Some((position, mirrored))
            }
        };
        self.check_ids(member, wire)?;
        let mut option_ids: Vec<u32> = wire.options.iter().map(|option| option.id).collect();
        option_ids.extend(&wire.option_ids);
        let named = wire.options.iter().map(|option| option.name.clone());
        self.fields.push(FieldSpec {
            name,
            id: wire.id.map(FieldId),
            display_name: wire.display_name.clone(),
            kind: wire.kind,
            accounts: wire.accounts.into(),
            filled,
            values: named.chain(wire.values.iter().cloned()).collect(),
            option_ids: option_ids.into_iter().map(OptionId).collect(),
            options: wire.options.clone(),
            definition: FieldDefinition {
                data_type: wire.data_type.clone(),
                group: wire.group.clone(),
                read_only: wire.read_only,
                component: wire.component.clone(),
                inactive: wire.inactive,
            },
            skew: wire.skew,
            mirrors,
        });
        Ok(())
    }

    /// Checks the ids that a file gives a field and its options.
    fn check_ids(&self, member: &Member, wire: &WireField) -> Result<(), DatasetError> {
        let of_field = |name: &str| member.clone().key(name);
        if let Some(id) = wire.id {
            within(&IDS, of_field("id"), id)?;
            let last = self.ids().last().map_or(0, |last| last.0);
            if id <= last {
                return Err(DatasetError::IdOrder { member: of_field("id"), id, last });
            }
        }
        let of_options: Vec<u32> = wire.options.iter().map(|option| option.id).collect();
        let (ids, values, member) = if of_options.is_empty() {
            (&wire.option_ids, wire.values.len(), "option_ids")
        } else {
            (&of_options, of_options.len(), "options")
        };
        let member = || of_field(member);
        if ids.is_empty() {
            return Ok(());
        }
        if !DisplayType::from(wire.kind).has_options() {
            return Err(DatasetError::OptionIdsOfText { member: member() });
        }
        if ids.len() != values {
            return Err(DatasetError::OptionIds { member: member(), ids: ids.len(), values });
        }
        match twice(ids) {
            Some(&id) => Err(DatasetError::DuplicateOptionId { member: member(), id }),
            None => Ok(()),
        }
    }

    /// The ids of the fields, in their order, which is ascending.
    pub(crate) fn ids(&self) -> impl Iterator<Item = FieldId> {
        let mut next = crate::dataset::FIRST_FIELD_ID;
        self.fields.iter().map(move |field| {
            let id = field.id.unwrap_or(FieldId(next));
            next = id.0.saturating_add(1);
            id
        })
    }
}

fn within<T: Copy + PartialOrd + fmt::Debug>(
    bounds: &Bounds<T>,
    member: Member,
    value: T,
) -> Result<T, DatasetError> {
    bounds.check(value).map_err(|source| DatasetError::Bounds { member, source })
}

/// The first of `items` that is there before.
fn twice<T: Ord>(items: &[T]) -> Option<&T> {
    let mut seen = BTreeSet::new();
    items.iter().find(|item| !seen.insert(*item))
}

fn share(member: Member, value: f64) -> Result<f64, DatasetError> {
    within(&SHARE, member, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_datasets_have_a_source_and_a_target_for_each_mapping() {
        for (name, _) in BUILT_IN {
            let dataset = Dataset::built_in(name, 8).unwrap();
            for number in 1..=8 {
                assert!(dataset.position(&format!("V-{number}")).is_some(), "{name}: V-{number}");
                assert!(dataset.position(&format!("T-{number}")).is_some(), "{name}: T-{number}");
            }
        }
    }

    #[test]
    fn settings_that_make_no_dataset_are_named() {
        let error = |text: &str| Dataset::from_toml("d.toml", text, 2).unwrap_err().to_string();
        assert!(error("schema = 2").contains("this version reads schema 1"));
        assert!(error("schema = 1\ncompanies = 1.5").contains("between 0 and 1"));
        for (name, values) in [("dirty", ["nan", "-0.1"]), ("merged", ["inf", "1e308"])] {
            for value in values {
                let said = error(&format!("schema = 1\n{name} = {value}"));
                assert!(said.contains("d.toml, line 2") && said.contains(name), "{said}");
                assert!(said.contains("between 0 and 1"), "{said}");
            }
        }
        for skew in ["nan", "inf", "-1.0", "1e308"] {
            let head = "schema = 1\n[[fields]]\nname = \"A\"\ntype = \"dropdown\"";
            let said = error(&format!("{head}\nvalues = [\"a\", \"b\"]\nskew = {skew}"));
            assert!(said.contains("d.toml, line 6: fields[0].skew ="), "{said}");
            assert!(said.contains("from 0 to 10"), "{said}");
        }
        let row = |n: usize| {
            let before = n.saturating_sub(1);
            let mirrors = if n > 0 { format!("mirrors = \"A{before}\"\n") } else { String::new() };
            format!("[[fields]]\nname = \"A{n}\"\ntype = \"text\"\n{mirrors}")
        };
        let of_row =
            |most| format!("schema = 1\n{}", (0..=most).map(row).collect::<Vec<_>>().concat());
        assert!(Dataset::from_toml("d.toml", &of_row(10), 2).is_ok());
        let long = error(&of_row(11));
        assert!(long.contains("fields[11].mirrors = 11: expected at most 10 mirrors"), "{long}");
        let many = (0..=5_000).map(|n| format!("[[fields]]\nname = \"A{n}\"\ntype = \"text\"\n"));
        let many = error(&format!("schema = 1\n{}", many.collect::<String>()));
        assert!(many.contains("fields = 5001: expected at most 5000 fields"), "{many}");
        let typo = error("schema = 1\n[[fields]]\nname = \"A\"\ntype = \"txt\"");
        assert!(typo.contains("d.toml") && typo.contains("line 4"), "{typo}");
        let options = error("schema = 1\n[[fields]]\nname = \"A\"\ntype = \"radio\"");
        assert!(options.contains("d.toml, line 4: fields[0].type"), "{options}");
        assert!(options.contains("needs `values`"), "{options}");
        let share = error("schema = 1\n[[fields]]\nname = \"A\"\ntype = \"text\"\nfilled = 2");
        assert!(share.contains("line 5: fields[0].filled = 2"), "{share}");
        let field = |rest: &str| format!("[[fields]]\nname = \"A{rest}\n");
        let first = field("\"\ntype = \"text\"\nid = 91");
        let order =
            error(&format!("schema = 1\n{first}{}", field("B\"\ntype = \"text\"\nid = 91")));
        assert!(order.contains("fields[1].id = 91") && order.contains("has 91"), "{order}");
        let text = "\"\ntype = \"text\"\noptions = [{ id = 1, name = \"x\" }]";
        let beside = error(&format!("schema = 1\n{}", field(text)));
        assert!(beside.contains("fields[0].options"), "{beside}");
        let options = |ids: &str| {
            let kind = "type = \"radio\"\nvalues = [\"x\", \"y\"]";
            error(&format!("schema = 1\n{}", field(&format!("\"\n{kind}\noption_ids = {ids}"))))
        };
        assert!(options("[3]").contains("1 ids for 2 options"));
        assert!(options("[3, 3]").contains("option id 3 is there twice"));
        let text =
            error(&format!("schema = 1\n{}", field("\"\ntype = \"text\"\noption_ids = [1]")));
        assert!(text.contains("only a field with options"), "{text}");
    }
}
