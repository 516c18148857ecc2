use super::*;
use neon_mock::api::AccountKind;

const ID: AccountId = AccountId(7);

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::Text(text.into()))
}

fn change(field: u32, before: &str, after: &str) -> Change {
    Change { field: FieldId(field), has_options: false, before: text(before), after: text(after) }
}

fn account(fields: &[(u32, &str)]) -> Account {
    let item = |&(id, value): &(u32, &str)| {
        CustomFieldItem::to_write(FieldId(id), false, text(value).as_ref())
    };
    let items = fields.iter().map(item).collect();
    let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
    Account { kind: AccountKind::Individual, body }
}

fn entry(changes: Vec<Change>, open: Option<Vec<Change>>) -> Entry {
    let open = open.map(|changes| Intent {
        id: ID,
        kind: AccountKind::Individual,
        mappings_done: 2,
        changes,
        problem: None,
    });
    Entry { changes, open, ..Entry::default() }
}

/// What is restored, as (field, to), and the fields in conflict.
fn judged(entry: &Entry, fields: &[(u32, &str)]) -> (Vec<(u32, Option<Value>)>, Vec<u32>) {
    let Judgement { restore, conflicts } = judge(ID, entry, &account(fields));
    let restore = restore.into_iter().map(|change| (change.field.0, change.after)).collect();
    (restore, conflicts.into_iter().map(|conflict| conflict.field.0).collect())
}

#[test]
fn a_field_goes_back_only_where_it_holds_what_was_left_there() {
    let entry = entry(vec![change(1, "a", "b"), change(2, "", "c"), change(3, "d", "")], None);
    let back = vec![(1, text("a")), (2, None), (3, text("d"))];
    assert_eq!(judged(&entry, &[(1, "b"), (2, "c")]), (back, vec![]));
    assert_eq!(judged(&entry, &[(1, "x"), (3, "y")]), (vec![], vec![1, 3]));
    assert_eq!(judged(&entry, &[(1, "a"), (3, "d")]), (vec![], vec![]));
}

#[test]
fn an_open_write_is_taken_back_if_it_turns_out_carried_out() {
    let entry =
        entry(vec![change(1, "a", "b")], Some(vec![change(1, "b", "c"), change(2, "", "z")]));
    let back = vec![(1, text("a")), (2, None)];
    assert_eq!(judged(&entry, &[(1, "c"), (2, "z")]), (back, vec![]));
    assert_eq!(judged(&entry, &[(1, "b")]), (vec![(1, text("a"))], vec![]));
    assert_eq!(judged(&entry, &[(1, "q"), (2, "z")]), (vec![(2, None)], vec![1]));
}

#[test]
fn what_others_wrote_between_two_writes_comes_back() {
    let entry = entry(vec![change(1, "a", "b")], Some(vec![change(1, "x", "c")]));
    assert_eq!(judged(&entry, &[(1, "c")]), (vec![(1, text("x"))], vec![]));
    assert_eq!(judged(&entry, &[(1, "x")]), (vec![], vec![1]));
}

#[test]
fn verification_takes_an_open_write_either_way_and_says_which() {
    let entry =
        entry(vec![change(1, "a", "b")], Some(vec![change(1, "b", "c"), change(2, "", "z")]));
    let differing = |fields: &[(u32, &str)]| {
        let (conflicts, was_not_written) = differing(ID, &entry, &account(fields));
        (conflicts.len(), was_not_written)
    };
    assert_eq!(differing(&[(1, "c"), (2, "z")]), (0, false));
    assert_eq!(differing(&[(1, "b")]), (0, true));
    assert_eq!(differing(&[(1, "q"), (2, "z")]), (1, false));
}
