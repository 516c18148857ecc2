use super::*;
use crate::plan::{Mapping, Operation, Plan};
use neon_mock::api::{CustomField, OptionId, Value};
use neon_mock::dataset::Dataset;
use neon_mock::org::Organisation;
use std::sync::Arc;

const FIELDS: &str = r#"
schema = 1
fields = [
  { name = "Notes", type = "text" },
  { name = "Skills", type = "checkbox", values = ["Gold", "Silver", "Tin"] },
  { name = "Odd", type = "checkbox", values = ["Gold", "Silver", "Gold|Silver"] },
  { name = "Rank", display_name = "Level", type = "radio", values = ["Silver", "Gold"] },
  { name = "Other Rank", display_name = "Level", type = "radio", values = ["Silver", "Gold"] },
  { name = "Own Id", display_name = "Account ID", type = "text" },
]
"#;

fn fields() -> Arc<[CustomField]> {
    let dataset = Dataset::from_toml("fields", FIELDS, 0).unwrap();
    Arc::clone(Organisation::new(&dataset, 0, 1).definitions())
}

/// The task of replacing the second of each pair by the first.
fn task(pairs: &[(&str, &str)]) -> ResolvedPlan {
    let mapping =
        |&(source, target): &(&str, &str)| Mapping::new(source, target, Operation::Replace);
    let plan = Plan { mappings: pairs.iter().map(mapping).collect(), ..Plan::default() };
    ResolvedPlan::resolve(&plan, &fields()).unwrap()
}

fn row(cells: &[(&str, Option<&str>)]) -> SearchRow {
    SearchRow(cells.iter().map(|&(name, cell)| (Arc::from(name), cell.map(Into::into))).collect())
}

/// Reads a row of an individual with the fields of `pairs`.
fn read(
    pairs: &[(&str, &str)],
    cells: &[(&str, Option<&str>)],
) -> Result<(AccountKind, SlotValues), Inconclusive> {
    let task = task(pairs);
    let slots: Vec<usize> = (0..task.slots.len()).collect();
    let mut state = vec![None; slots.len()];
    let kind = Columns::new(&task, &slots).unwrap().read(&row(cells), &mut state)?;
    Ok((kind, state))
}

/// The options of those names, in the field of that name.
fn options(field: &str, names: &[&str]) -> Option<Value> {
    let fields = fields();
    let field = fields.iter().find(|known| *known.name == *field).unwrap();
    let id = |name: &&str| field.option_values.iter().find(|it| &*it.name == *name).unwrap().id;
    Value::options(names.iter().map(id))
}

const PERSON: (&str, Option<&str>) = ("Account Type", Some("Individual"));

#[test]
fn cells_are_read_in_any_order_and_options_by_their_names() {
    let pairs = [("Notes", "Skills"), ("Rank", "Skills")];
    let cells = [
        ("Skills", Some("Tin|Gold")),
        ("Account Type", Some("COMPANY")),
        ("Level", Some("Gold")),
        ("Account ID", Some("7")),
        ("Notes", Some(" a|b ")),
    ];
    let (kind, state) = read(&pairs, &cells).unwrap();
    assert_eq!(kind, AccountKind::Company);
    let text = Some(Value::Text(" a|b ".into()));
    assert_eq!(state, [text, options("Skills", &["Gold", "Tin"]), options("Rank", &["Gold"])]);
    assert_eq!(account_of(&row(&cells)), Ok(AccountId(7)));
    assert_eq!(account_of(&row(&[("Account ID", Some("seven"))])), Err(Inconclusive));
}

#[test]
fn null_is_empty_and_a_missing_column_settles_nothing() {
    let pairs = [("Notes", "Skills")];
    let (_, state) = read(&pairs, &[PERSON, ("Notes", None), ("Skills", Some(""))]).unwrap();
    assert_eq!(state, [None, None]);
    assert_eq!(read(&pairs, &[PERSON, ("Notes", Some("a"))]), Err(Inconclusive));
    let no_kind = [("Notes", None), ("Skills", None)];
    assert_eq!(read(&pairs, &no_kind), Err(Inconclusive));
    let odd_kind = [("Account Type", Some("Household")), ("Notes", None), ("Skills", None)];
    assert_eq!(read(&pairs, &odd_kind), Err(Inconclusive));
}

#[test]
fn options_that_a_name_does_not_settle_are_left_to_a_single_read() {
    let says = |cell| read(&[("Notes", "Odd")], &[PERSON, ("Notes", None), ("Odd", Some(cell))]);
    let (_, state) = says("Gold").unwrap();
    assert_eq!(state[1], options("Odd", &["Gold"]));
    // Both options, or the one that is called so.
    assert_eq!(says("Gold|Silver"), Err(Inconclusive));
    assert_eq!(says("Bronze"), Err(Inconclusive));
    // A second option of one name.
    let mut fields: Vec<CustomField> = fields().to_vec();
    let again = fields[1].option_values[0].clone();
    fields[1].option_values.push(neon_mock::api::OptionDef { id: OptionId(9_999), ..again });
    let mapping = Mapping::new("Notes", "Skills", Operation::Replace);
    let plan = Plan { mappings: vec![mapping], ..Plan::default() };
    let slot = ResolvedPlan::resolve(&plan, &fields).unwrap().slots[1].clone();
    assert_eq!(slot.shown("Gold"), Err(Inconclusive));
    assert_eq!(slot.shown("Silver|Tin"), Ok(options("Skills", &["Silver", "Tin"])));
}

#[test]
fn columns_that_would_hide_one_another_are_not_asked_for() {
    let columns = |pairs: &[(&str, &str)], slots: &[usize]| {
        let task = task(pairs);
        Columns::new(&task, slots).map(|columns| columns.output_fields().len())
    };
    assert_eq!(columns(&[("Notes", "Rank")], &[0, 1]), Some(4));
    assert_eq!(columns(&[("Rank", "Other Rank")], &[0, 1]), None);
    // Each for itself they hide nothing.
    assert_eq!(columns(&[("Rank", "Other Rank")], &[1]), Some(3));
    assert_eq!(columns(&[("Notes", "Own Id")], &[0, 1]), None);
}

#[test]
fn ids_in_a_row_are_a_range_and_others_a_list() {
    let ids = |ids: &[u64]| criteria(&ids.iter().copied().map(AccountId).collect::<Vec<_>>());
    let operators = |numbers: &[u64]| -> Vec<Operator> {
        ids(numbers).iter().map(|criterion| criterion.operator).collect()
    };
    assert_eq!(operators(&[7]), [Operator::Equal]);
    assert_eq!(operators(&[7, 8, 9]), [Operator::GreaterAndEqual, Operator::LessAndEqual]);
    for others in [&[9, 8, 7][..], &[7, 9], &[1, 2, 4]] {
        assert_eq!(operators(others), [Operator::InRange]);
    }
    let list = ids(&[3, 1])[0].value_list.clone().unwrap();
    assert_eq!(list, ["3", "1"]);
}
