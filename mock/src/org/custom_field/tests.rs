//! Fields and groups that come, change and go while records hold values of them.

use super::*;
use crate::api::{
    Account, AccountBody, AccountId, AccountKind, AccountSettings, AccountType, Criterion,
    CustomFieldItem, DisplayType, Operator, OptionItem, OutputField, Page, SearchAccounts, Value,
};
use crate::behaviour::Behaviour;
use crate::dataset::Dataset;
use crate::org::WriteError;
use crate::time::Timestamp;

/// Fields 85, 86 are text, 87 and 88 checkboxes with options 301… and 309….
fn organisation() -> Organisation {
    Organisation::new(&Dataset::built_in("v-fields", 2).unwrap(), 50, 1)
}

fn draft(name: &str, display_type: DisplayType, options: &[&str]) -> FieldDraft {
    let option = |name: &&str| OptionDraft { name: Some((*name).into()), ..OptionDraft::default() };
    FieldDraft {
        name: Some(name.into()),
        display_type: Some(display_type),
        component: Some(Category::Account),
        option_values: (!options.is_empty()).then(|| options.iter().map(option).collect()),
        ..FieldDraft::default()
    }
}

fn write(
    organisation: &mut Organisation,
    id: AccountId,
    item: CustomFieldItem,
) -> Result<(), WriteError> {
    let body = AccountBody { account_custom_fields: Some(vec![item]), ..AccountBody::default() };
    let account = Account { kind: AccountKind::Individual, body };
    organisation.patch(Timestamp::ZERO, id, &account, &Behaviour::default())
}

fn value(organisation: &Organisation, id: AccountId, field: FieldId) -> Option<Value> {
    organisation.values(id).into_iter().find(|(known, _)| *known == field).map(|(_, value)| value)
}

/// A draft that repeats a definition as a client would that read it.
fn repeated(definition: &CustomField) -> FieldDraft {
    let option = |option: &OptionDef| OptionDraft {
        id: Some(option.id),
        name: Some(Arc::clone(&option.name)),
        ..OptionDraft::default()
    };
    FieldDraft {
        name: Some(Arc::clone(&definition.name)),
        display_type: Some(definition.display_type),
        option_values: Some(definition.option_values.iter().map(option).collect()),
        ..FieldDraft::default()
    }
}

#[test]
fn a_created_field_is_listed_written_and_searched() {
    let mut organisation = organisation();
    let before = organisation.digest();
    let mut wanted = draft("Skills", DisplayType::Checkbox, &["Cooking", "Driving"]);
    wanted.display_name = Some("Skills (public)".into());
    let id = organisation.create_field(&wanted).unwrap();
    assert_eq!(id, FieldId(89));
    assert_eq!(organisation.digest(), before, "it is empty on every account");
    assert_eq!(organisation.definitions().last(), Some(organisation.custom_field(id).unwrap()));
    let option = organisation.custom_field(id).unwrap().option_values[1].id;

    let item = CustomFieldItem {
        id: Some(id),
        option_values: Some(vec![OptionItem::by_id(option)]),
        ..CustomFieldItem::default()
    };
    write(&mut organisation, AccountId(7), item).unwrap();
    assert_eq!(value(&organisation, AccountId(7), id), Value::options([option]));
    let search = |field: &str| SearchAccounts {
        search_fields: vec![Criterion {
            field: field.to_owned(),
            operator: Operator::NotBlank,
            value: None,
            value_list: None,
        }],
        output_fields: vec![OutputField::Name("Account ID".to_owned()), OutputField::Id(id)],
        pagination: Page::default(),
    };
    for field in ["89", "Skills (public)", "Skills"] {
        let found = organisation.search(Timestamp::ZERO, &search(field), &Behaviour::default());
        let rows = found.unwrap().search_results;
        assert_eq!((rows.len(), rows[0].get("Skills (public)")), (1, Some("Driving")));
    }
    assert_eq!(organisation.original().digest(), before);
}

#[test]
fn a_put_keeps_adds_renames_and_removes_options() {
    let mut organisation = organisation();
    let id = FieldId(87);
    let holders: Vec<(AccountId, Value)> = organisation
        .ids()
        .filter_map(|account| Some((account, value(&organisation, account, id)?)))
        .collect();
    let originals: Vec<_> = organisation.ids().map(|id| organisation.original_values(id)).collect();
    let mut wanted = repeated(organisation.custom_field(id).unwrap());
    let options = wanted.option_values.as_mut().unwrap();
    let removed = options.remove(0).id.unwrap();
    options[0].name = Some("Baking".into());
    options.push(OptionDraft { name: Some("Welding".into()), ..OptionDraft::default() });
    organisation.put_field(id, &wanted).unwrap();

    let now = &organisation.custom_field(id).unwrap().option_values;
    assert_eq!((&*now[0].name, now[0].id), ("Baking", OptionId(302)));
    let added = now.last().unwrap();
    assert_eq!((&*added.name, added.id), ("Welding", OptionId(317)));
    let holds = |value: &Value| matches!(value, Value::Options(ids) if ids.contains(&removed));
    assert!(holders.iter().any(|(_, value)| holds(value)));
    for (account, old) in holders {
        let Value::Options(ids) = old else { panic!("a checkbox") };
        let left = Value::options(ids.into_iter().filter(|&id| id != removed));
        assert_eq!(value(&organisation, account, id), left);
    }
    let item = |id| CustomFieldItem {
        id: Some(FieldId(87)),
        option_values: Some(vec![OptionItem::by_id(id)]),
        ..CustomFieldItem::default()
    };
    let refused = write(&mut organisation, AccountId(3), item(removed));
    assert_eq!(refused, Err(WriteError::OptionIdInvalid));
    write(&mut organisation, AccountId(3), item(OptionId(317))).unwrap();
    let unchanged: Vec<_> = organisation.ids().map(|id| organisation.original_values(id)).collect();
    assert_eq!(unchanged, originals, "what was there before stays known");
}

#[test]
fn a_deleted_field_is_gone_everywhere() {
    let mut organisation = organisation();
    let id = FieldId(85);
    assert!(organisation.ids().any(|account| value(&organisation, account, id).is_some()));
    organisation.delete_field(id).unwrap();
    assert!(organisation.ids().all(|account| value(&organisation, account, id).is_none()));
    assert_eq!(organisation.delete_field(id), Err(FieldError::UnknownField(id)));
    assert!(organisation.custom_field(id).is_err());
    assert_eq!(organisation.definitions().len(), 3);
    let item =
        CustomFieldItem { id: Some(id), value: Some("x".into()), ..CustomFieldItem::default() };
    let refused = write(&mut organisation, AccountId(3), item);
    assert_eq!(refused, Err(WriteError::FieldIdInvalid));
    let criterion = |field: &str| {
        let (field, operator) = (field.to_owned(), Operator::NotBlank);
        [Criterion { field, operator, value: None, value_list: None }]
    };
    assert!(organisation.check_criteria(&criterion("V-1")).is_err());
    assert!(organisation.check_criteria(&criterion("V-2")).is_ok());
}

#[test]
fn drafts_that_make_no_field_are_refused_and_change_nothing() {
    let mut organisation = organisation();
    let definitions = Arc::clone(organisation.definitions());
    let text = || draft("A", DisplayType::OneLineText, &[]);
    let refused = |change: &dyn Fn(&mut FieldDraft)| {
        let mut wanted = text();
        change(&mut wanted);
        organisation.clone().create_field(&wanted).unwrap_err()
    };
    assert_eq!(refused(&|draft| draft.name = Some(" ".into())), FieldError::NameRequired);
    assert_eq!(refused(&|draft| draft.component = None), FieldError::ComponentRequired);
    let grant = FieldError::Component(Category::Grant);
    assert_eq!(refused(&|draft| draft.component = Some(Category::Grant)), grant);
    let other = Some(DisplayType::Other);
    assert_eq!(refused(&|draft| draft.display_type = other), FieldError::TypeRequired);
    let radio = Some(DisplayType::Radio);
    assert_eq!(refused(&|draft| draft.display_type = radio), FieldError::OptionsRequired);
    let unknown = FieldError::UnknownGroup(GroupId(99));
    assert_eq!(refused(&|draft| draft.group_id = Some(GroupId(99))), unknown);
    let with_options =
        |draft: &mut FieldDraft| draft.option_values = Some(vec![OptionDraft::default()]);
    assert_eq!(refused(&with_options), FieldError::NoOptions);

    let twice = organisation.create_field(&draft("A", DisplayType::Radio, &["x", "x"]));
    assert_eq!(twice, Err(FieldError::OptionNameDuplicated("x".into())));
    let mut wanted = repeated(&definitions[2]);
    wanted.display_type = Some(DisplayType::Dropdown);
    assert_eq!(organisation.put_field(FieldId(87), &wanted), Err(FieldError::TypeFixed));
    let mut wanted = repeated(&definitions[2]);
    wanted.option_values.as_mut().unwrap()[0].id = Some(OptionId(999));
    assert_eq!(organisation.put_field(FieldId(87), &wanted), Err(FieldError::OptionIdInvalid));
    assert_eq!(*organisation.definitions(), definitions);
}

#[test]
fn a_field_of_companies_cannot_be_written_to_a_person() {
    let mut organisation = organisation();
    let mut wanted = draft("Turnover", DisplayType::OneLineText, &[]);
    wanted.account_settings = Some(AccountSettings { account_type: AccountType::Company });
    let id = organisation.create_field(&wanted).unwrap();
    let item =
        CustomFieldItem { id: Some(id), value: Some("x".into()), ..CustomFieldItem::default() };
    let refused = write(&mut organisation, AccountId(3), item);
    assert_eq!(refused, Err(WriteError::FieldIdInvalid));
}

#[test]
fn fields_move_between_groups_and_outlive_them() {
    let mut organisation = organisation();
    assert_eq!(organisation.groups(Category::Account).len(), 1);
    let mut group = GroupDraft {
        display_name: Some("Volunteering".to_owned()),
        component: Some(Category::Account),
        ..GroupDraft::default()
    };
    let id = organisation.create_group(&group).unwrap();
    let moved = |group_id, fields: &[u32]| AddToGroup {
        group_id,
        custom_fields: fields.iter().copied().map(FieldId).collect(),
    };
    organisation.add_to_group(&moved(Some(id), &[85, 87])).unwrap();
    let groups = |organisation: &Organisation| -> Vec<Option<String>> {
        organisation.definitions().iter().map(|field| field.group_id.clone()).collect()
    };
    let text = |id: &str| Some(id.to_owned());
    assert_eq!(groups(&organisation), [text("13"), text("12"), text("13"), text("12")]);
    let refused = organisation.add_to_group(&moved(Some(id), &[86, 99]));
    assert_eq!(refused, Err(FieldError::UnknownField(FieldId(99))));
    assert_eq!(organisation.add_to_group(&moved(None, &[])), Err(FieldError::GroupIdRequired));

    group.display_name = Some("Helping".to_owned());
    organisation.put_group(id, &group).unwrap();
    assert_eq!(organisation.groups(Category::Account)[1].display_name, "Helping");
    organisation.delete_group(id).unwrap();
    assert_eq!(organisation.delete_group(id), Err(FieldError::UnknownGroup(id)));
    assert_eq!(groups(&organisation), [None, text("12"), None, text("12")]);
}
