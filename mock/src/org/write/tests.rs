//! Effects and refusals of writes.

use super::*;
use crate::api::OptionItem;
use crate::dataset::Dataset;

fn organisation() -> Organisation {
    Organisation::new(&Dataset::built_in("v-fields", 2).unwrap(), 10, 1)
}

fn body(items: Vec<CustomFieldItem>) -> Account {
    let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
    Account { kind: AccountKind::Individual, body }
}

fn text(id: u32, value: &str) -> CustomFieldItem {
    CustomFieldItem {
        id: Some(FieldId(id)),
        value: Some(value.into()),
        ..CustomFieldItem::default()
    }
}

fn options(id: u32, ids: &[u32]) -> CustomFieldItem {
    let items = ids.iter().map(|&id| OptionItem::by_id(OptionId(id))).collect();
    CustomFieldItem {
        id: Some(FieldId(id)),
        option_values: Some(items),
        ..CustomFieldItem::default()
    }
}

fn value(organisation: &Organisation, field: u32) -> Option<Value> {
    let values = organisation.values(AccountId(3));
    values.into_iter().find(|(id, _)| id.0 == field).map(|(_, value)| value)
}

/// Fields 85, 86 are text, 87 and 88 checkboxes with options 301… and 309….
#[test]
fn patch_replaces_what_it_lists_and_leaves_the_rest() {
    let mut organisation = organisation();
    let before = value(&organisation, 86);
    let account = body(vec![text(85, "new"), options(87, &[304, 301])]);
    organisation.patch(Timestamp::ZERO, AccountId(3), &account, &Behaviour::default()).unwrap();
    assert_eq!(value(&organisation, 85), Some(Value::Text("new".into())));
    assert_eq!(
        value(&organisation, 87),
        Some(Value::Options([301, 304].map(OptionId).into_iter().collect()))
    );
    assert_eq!(value(&organisation, 86), before);

    let account = body(vec![text(85, ""), options(87, &[])]);
    organisation.patch(Timestamp::ZERO, AccountId(3), &account, &Behaviour::default()).unwrap();
    assert_eq!((value(&organisation, 85), value(&organisation, 87)), (None, None));
}

#[test]
fn patch_merges_the_members_that_it_names() {
    let mut organisation = organisation();
    let first_name = |organisation: &Organisation| {
        let body = organisation.account(AccountId(3)).unwrap().body;
        let contact = body.primary_contact.unwrap();
        (contact.first_name.unwrap(), contact.last_name)
    };
    let (_, last_name) = first_name(&organisation);
    let mut account =
        body(vec![CustomFieldItem { id: Some(FieldId(85)), ..CustomFieldItem::default() }]);
    let before = value(&organisation, 85);
    account.body.primary_contact =
        Some(PrimaryContact { first_name: Some("Zed".into()), ..PrimaryContact::default() });
    organisation.patch(Timestamp::ZERO, AccountId(3), &account, &Behaviour::default()).unwrap();
    assert_eq!(first_name(&organisation), ("Zed".into(), last_name));
    assert!(!organisation.has_original_identity(AccountId(3)));
    assert_eq!(value(&organisation, 85), before, "an item without a value changes nothing");
}

#[test]
fn put_wipes_what_it_leaves_out() {
    let mut organisation = organisation();
    organisation
        .put(Timestamp::ZERO, AccountId(3), &body(vec![text(85, "only")]), &Behaviour::default())
        .unwrap();
    assert_eq!(organisation.values(AccountId(3)).len(), 1);
    assert!(organisation.account(AccountId(3)).unwrap().body.primary_contact.is_none());
}

#[test]
fn a_bad_item_refuses_the_whole_write() {
    let mut organisation = organisation();
    let digest = organisation.digest();
    let mut refuse = |items, error| {
        let refused =
            organisation.patch(Timestamp::ZERO, AccountId(3), &body(items), &Behaviour::default());
        assert_eq!(refused, Err(error));
    };
    refuse(vec![text(85, "x"), CustomFieldItem::default()], WriteError::FieldIdRequired);
    refuse(vec![text(99, "x")], WriteError::FieldIdInvalid);
    refuse(vec![text(87, "x")], WriteError::OptionValueRequired);
    refuse(vec![text(85, "x"), options(87, &[999])], WriteError::OptionIdInvalid);
    refuse(vec![options(87, &[301, 301])], WriteError::OptionIdDuplicated);
    refuse(vec![text(85, "x"), text(85, "y")], WriteError::FieldIdDuplicated);
    assert_eq!(organisation.digest(), digest);
}

fn patched(items: Vec<CustomFieldItem>, behaviour: &Behaviour) -> Organisation {
    let mut organisation = organisation();
    // Ignored: the state shows if it was refused.
    let _ = organisation.patch(Timestamp::ZERO, AccountId(3), &body(items), behaviour);
    organisation
}

#[test]
fn empty_options_clear_or_do_nothing() {
    let behaviour = |empty_options| Behaviour { empty_options, ..Behaviour::default() };
    let after = |empty_options| {
        let mut organisation = patched(vec![options(87, &[301])], &Behaviour::default());
        let account = body(vec![options(87, &[])]);
        let behaviour = behaviour(empty_options);
        organisation.patch(Timestamp::ZERO, AccountId(3), &account, &behaviour).unwrap();
        value(&organisation, 87)
    };
    assert_eq!(after(EmptyOptions::default()), None);
    assert!(after(EmptyOptions::Ignored).is_some());
}

#[test]
fn a_null_text_does_nothing_clears_or_stores_the_word() {
    let null: CustomFieldItem = serde_json::from_str(r#"{"id":"85","value":null}"#).unwrap();
    let absent: CustomFieldItem = serde_json::from_str(r#"{"id":"85"}"#).unwrap();
    let after = |item: &CustomFieldItem, null_text| {
        let mut organisation = patched(vec![text(85, "old")], &Behaviour::default());
        let behaviour = Behaviour { null_text, ..Behaviour::default() };
        let account = body(vec![item.clone()]);
        organisation.patch(Timestamp::ZERO, AccountId(3), &account, &behaviour).unwrap();
        value(&organisation, 85)
    };
    let old = Some(Value::Text("old".into()));
    assert_eq!(after(&null, NullText::default()), old);
    assert_eq!(after(&null, NullText::Clears), None);
    assert_eq!(after(&null, NullText::StoresTheWord), Some(Value::Text("null".into())));
    assert_eq!(after(&absent, NullText::StoresTheWord), old);
}

#[test]
fn a_bad_item_lets_those_before_it_through_only_where_the_profile_says_so() {
    let items = || vec![text(85, "x"), text(86, "y"), options(87, &[999]), text(85, "z")];
    let original = organisation().digest();
    assert_eq!(patched(items(), &Behaviour::default()).digest(), original);
    let behaviour = Behaviour { bad_item: BadItem::AppliesTheFirst, ..Behaviour::default() };
    let organisation = patched(items(), &behaviour);
    assert_eq!(value(&organisation, 85), Some(Value::Text("x".into())));
    assert_eq!(value(&organisation, 86), Some(Value::Text("y".into())));
}

#[test]
fn unknown_members_are_ignored_or_refused() {
    let mut account = body(vec![text(85, "x")]);
    account.body.unknown_member = Some("individualAccount.customFieldResponses".into());
    let mut organisation = organisation();
    let mut patch = |unknown_members| {
        let behaviour = Behaviour { unknown_members, ..Behaviour::default() };
        organisation.patch(Timestamp::ZERO, AccountId(3), &account, &behaviour)
    };
    assert_eq!(patch(UnknownMembers::default()), Ok(()));
    assert!(matches!(patch(UnknownMembers::Refused), Err(WriteError::UnknownMember(_))));
}

#[test]
fn a_created_account_has_what_it_was_given_and_nothing_else() {
    let mut organisation = organisation();
    let original = organisation.digest();
    let account = body(vec![text(85, "new"), options(87, &[304])]);
    let id = organisation.create(Timestamp::ZERO, &account, &Behaviour::default()).unwrap();
    assert_eq!(id, AccountId(11));
    assert_eq!(organisation.values(id).len(), 2);
    assert!(organisation.original_values(id).is_empty());
    assert!(organisation.contains(id) && !organisation.has_original_identity(id));
    assert_ne!(organisation.digest(), original);
    assert_eq!(organisation.original().digest(), original);

    let nameless = Account { kind: AccountKind::Company, body: AccountBody::default() };
    let refused = organisation.create(Timestamp::ZERO, &nameless, &Behaviour::default());
    assert_eq!(refused, Err(WriteError::NameRequired));
    let bad = body(vec![text(85, "x"), options(87, &[999])]);
    let behaviour = Behaviour { bad_item: BadItem::AppliesTheFirst, ..Behaviour::default() };
    let refused = organisation.create(Timestamp::ZERO, &bad, &behaviour);
    assert_eq!(refused, Err(WriteError::OptionIdInvalid));
    assert_eq!(organisation.last_id(), 11);
}

#[test]
fn a_write_that_repeats_an_earlier_one_is_counted() {
    let mut organisation = organisation();
    let account = body(vec![text(85, "new"), options(87, &[301])]);
    let mut writes = |whole: bool, account: &Account| {
        let write = if whole { Organisation::put } else { Organisation::patch };
        let behaviour = Behaviour::default();
        write(&mut organisation, Timestamp::ZERO, AccountId(3), account, &behaviour).unwrap();
        organisation.repeated_writes()
    };
    assert_eq!((writes(false, &account), writes(false, &account)), (0, 1));
    assert_eq!(writes(false, &body(vec![text(85, "other")])), 1);
    assert_eq!((writes(true, &account), writes(true, &account)), (1, 2));
}
