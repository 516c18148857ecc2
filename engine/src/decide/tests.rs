//! Every operation as a table: fields before, fields after.

use super::*;
use crate::plan::{LetterCase, Mapping, Operation, Plan, Transform};
use Operation::{AddOption, CopyIfEmpty, Merge, Replace};
use neon_mock::api::{AccountBody, CustomField, OptionItem};
use neon_mock::dataset::Dataset;
use neon_mock::org::Organisation;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `S`, `T`, `U`, `M` hold text, `C` and `D` several options, `R` and `P` one; `I` belongs to
/// individuals and `K` to companies.
const FIELDS: &str = r#"
schema = 1
fields = [
  { name = "S", type = "text" },
  { name = "T", type = "text" },
  { name = "U", type = "text" },
  { name = "M", type = "multiline" },
  { name = "C", type = "checkbox", values = ["Gold", "Silver", "Bronze"] },
  { name = "D", type = "checkbox", values = ["Bronze", "Tin", "Silver", "Gold"] },
  { name = "R", type = "radio", values = ["Silver", "Gold"] },
  { name = "P", type = "dropdown", values = ["Gold", "Silver", "Tin"] },
  { name = "I", type = "text", for = "individual" },
  { name = "K", type = "text", for = "company" },
]
"#;

fn fields() -> Arc<[CustomField]> {
    let dataset = Dataset::from_toml("fields", FIELDS, 0).unwrap();
    Arc::clone(Organisation::new(&dataset, 0, 1).definitions())
}

/// Fields and what they hold: a text, or names of options separated by commas. Those that hold
/// nothing are left out.
type Sheet = BTreeMap<String, String>;

fn sheet(filled: &[(&str, &str)]) -> Sheet {
    let filled = filled.iter().filter(|(_, value)| !value.is_empty());
    filled.map(|&(field, value)| (field.to_owned(), value.to_owned())).collect()
}

fn account(kind: AccountKind, sheet: &Sheet) -> Account {
    let fields = fields();
    let item = |(name, text): (&String, &String)| {
        let field = fields.iter().find(|field| *field.name == **name).unwrap();
        let mut item = CustomFieldItem { id: Some(field.id), ..CustomFieldItem::default() };
        if field.display_type.has_options() {
            let option = |name| field.option_values.iter().find(|option| &*option.name == name);
            let ids = text.split(',').map(|name| OptionItem::by_id(option(name).unwrap().id));
            item.option_values = Some(ids.collect());
        } else {
            item.value = Some(text.as_str().into());
        }
        item
    };
    let items = sheet.iter().map(item).collect();
    let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
    Account { kind, body }
}

/// The value that a written item leaves in its field, in the notation of [`Sheet`].
fn shown(item: &CustomFieldItem) -> (String, String) {
    let fields = fields();
    let field = fields.iter().find(|field| Some(field.id) == item.id).unwrap();
    let name = |id| &*field.option_values.iter().find(|option| option.id == id).unwrap().name;
    let value = match item.held() {
        None => String::new(),
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Options(ids)) => ids.iter().map(|&id| name(id)).collect::<Vec<_>>().join(","),
    };
    (field.name.to_string(), value)
}

/// Result of migrating one account.
#[derive(Debug)]
struct After {
    sheet: Sheet,
    decision: AccountDecision,
}

impl After {
    fn get(&self, field: &str) -> &str {
        self.sheet.get(field).map_or("", String::as_str)
    }

    fn problems(&self) -> Vec<String> {
        self.decision.problems.iter().map(ToString::to_string).collect()
    }
}

fn carry_out(plan: &Plan, kind: AccountKind, before: &Sheet) -> After {
    let task = ResolvedPlan::resolve(plan, &fields()).unwrap();
    let decision = decide(&account(kind, before), &task, &task.steps);
    let mut sheet = before.clone();
    for (field, value) in decision.items.iter().map(shown) {
        assert_ne!(before.get(&field).map_or("", String::as_str), value, "{field}: nothing new");
        match value.as_str() {
            "" => sheet.remove(&field),
            _ => sheet.insert(field, value),
        };
    }
    After { sheet, decision }
}

/// Applies `mappings` to an individual that holds `before`.
fn after(mappings: &[Mapping], before: &[(&str, &str)]) -> After {
    carry_out(&plan(mappings), AccountKind::Individual, &sheet(before))
}

fn plan(mappings: &[Mapping]) -> Plan {
    Plan { mappings: mappings.to_vec(), ..Plan::default() }
}

fn keeping(operation: Operation, source: &str, target: &str) -> Mapping {
    Mapping::new(source, target, operation)
}

fn clearing(operation: Operation, source: &str, target: &str) -> Mapping {
    Mapping { preserve_source: false, ..Mapping::new(source, target, operation) }
}

fn transformed(operation: Operation, source: &str, target: &str, steps: &[Transform]) -> Mapping {
    Mapping { transform: steps.to_vec(), ..Mapping::new(source, target, operation) }
}

/// Effect of a mapping of the table below on its source, if the source is to be cleared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    /// Its value stands in the target, so it goes.
    Goes,
    /// Its value does not stand there, so it stays.
    Stays,
}

/// A field and what it holds.
type Cell = (&'static str, &'static str);

/// Operation, source, target, what the target holds then, and what becomes of the source.
type Row = (Operation, Cell, Cell, &'static str, Source);

const TABLE: &[Row] = {
    use Source::{Goes, Stays};
    &[
        // Text into text.
        (Replace, ("S", "new"), ("T", ""), "new", Goes),
        (Replace, ("S", "new"), ("T", "old"), "new", Goes),
        (Replace, ("S", "same"), ("T", "same"), "same", Goes),
        (Replace, ("S", "  padded "), ("T", "padded"), "  padded ", Goes),
        (Merge, ("S", "new"), ("T", ""), "new", Goes),
        (Merge, ("S", "new"), ("T", " \t"), "new", Goes),
        (Merge, ("S", "new"), ("T", "old"), "old new", Goes),
        (Merge, ("S", "old"), ("T", "old"), "old", Goes),
        (CopyIfEmpty, ("S", "new"), ("T", ""), "new", Goes),
        (CopyIfEmpty, ("S", "new"), ("T", "  "), "new", Goes),
        (CopyIfEmpty, ("S", "new"), ("T", "old"), "old", Stays),
        (CopyIfEmpty, ("S", "same"), ("T", "same"), "same", Goes),
        // Text into options.
        (Replace, ("S", "Gold"), ("C", ""), "Gold", Goes),
        (Replace, ("S", "Gold"), ("C", "Gold,Silver"), "Gold", Goes),
        (Replace, ("S", "Gold"), ("R", "Silver"), "Gold", Goes),
        (Merge, ("S", "Bronze"), ("C", "Gold"), "Gold,Bronze", Goes),
        (Merge, ("S", "Gold"), ("C", "Gold,Silver"), "Gold,Silver", Goes),
        (Merge, ("S", "Gold"), ("P", ""), "Gold", Goes),
        (AddOption, ("S", "Bronze"), ("C", ""), "Bronze", Goes),
        (AddOption, ("S", "Bronze"), ("C", "Gold"), "Gold,Bronze", Goes),
        (AddOption, ("S", "Gold"), ("C", "Gold"), "Gold", Goes),
        (AddOption, ("S", "Gold"), ("R", "Gold"), "Gold", Goes),
        (CopyIfEmpty, ("S", "Gold"), ("C", ""), "Gold", Goes),
        (CopyIfEmpty, ("S", "Gold"), ("C", "Silver"), "Silver", Stays),
        (CopyIfEmpty, ("S", "Gold"), ("C", "Gold"), "Gold", Goes),
        (CopyIfEmpty, ("S", "Gold"), ("C", "Gold,Silver"), "Gold,Silver", Stays),
        // Options into options: by name, whatever their ids.
        (Replace, ("C", "Gold,Bronze"), ("D", "Tin"), "Bronze,Gold", Goes),
        (Merge, ("C", "Gold,Bronze"), ("D", "Tin"), "Bronze,Tin,Gold", Goes),
        (AddOption, ("C", "Gold"), ("D", "Silver"), "Silver,Gold", Goes),
        (CopyIfEmpty, ("C", "Gold"), ("D", ""), "Gold", Goes),
        (CopyIfEmpty, ("C", "Gold,Bronze"), ("D", "Bronze,Gold"), "Bronze,Gold", Goes),
        (Replace, ("R", "Silver"), ("P", "Tin"), "Silver", Goes),
        (Replace, ("P", "Gold"), ("C", "Silver"), "Gold", Goes),
        // Options into text.
        (Replace, ("C", "Gold"), ("T", "old"), "Gold", Goes),
        (Replace, ("C", "Gold,Silver"), ("M", ""), "Gold|Silver", Goes),
        (Merge, ("R", "Gold"), ("T", "old"), "old Gold", Goes),
        (Merge, ("R", "Gold"), ("T", "Gold medal"), "Gold medal", Goes),
        (CopyIfEmpty, ("P", "Tin"), ("T", ""), "Tin", Goes),
        (CopyIfEmpty, ("P", "Tin"), ("T", "old"), "old", Stays),
        // A blank source is nothing to do.
        (Replace, ("S", ""), ("T", "old"), "old", Stays),
        (Replace, ("S", " \t\n"), ("T", "old"), "old", Stays),
        (Replace, ("S", " "), ("C", "Gold"), "Gold", Stays),
        (Replace, ("C", ""), ("T", "old"), "old", Stays),
        (Merge, ("S", "  "), ("T", "old"), "old", Stays),
        (Merge, ("C", ""), ("D", "Tin"), "Tin", Stays),
        (AddOption, ("S", ""), ("C", "Gold"), "Gold", Stays),
        (AddOption, ("S", " "), ("R", ""), "", Stays),
        (CopyIfEmpty, ("S", " "), ("T", ""), "", Stays),
        (CopyIfEmpty, ("R", ""), ("C", ""), "", Stays),
    ]
};

#[test]
fn every_operation_means_what_the_table_says() {
    for row @ (operation, source, target, expected, _) in TABLE {
        let found = after(&[keeping(*operation, source.0, target.0)], &[*source, *target]);
        assert_eq!(found.get(target.0), *expected, "{row:?}");
        assert_eq!(found.get(source.0), source.1, "{row:?}");
        assert!(found.problems().is_empty() && found.decision.applicable, "{row:?}");
    }
}

#[test]
fn transform_means_replace() {
    let trim = [Transform::Trim];
    for row @ (_, source, target, expected, _) in TABLE.iter().filter(|row| row.0 == Replace) {
        let mapping = transformed(Operation::Transform, source.0, target.0, &trim);
        assert_eq!(
            after(&[mapping], &[*source, *target]).get(target.0),
            expected.trim(),
            "{row:?}"
        );
    }
}

#[test]
fn a_source_is_cleared_only_where_its_value_stands() {
    for row @ (operation, source, target, expected, then) in TABLE {
        let found = after(&[clearing(*operation, source.0, target.0)], &[*source, *target]);
        let left = if *then == Source::Goes { "" } else { source.1 };
        assert_eq!((found.get(target.0), found.get(source.0)), (*expected, left), "{row:?}");
    }
}

#[test]
fn a_second_time_there_is_nothing_to_do() {
    for row @ (operation, source, target, ..) in TABLE {
        for make in [keeping, clearing] {
            let plan = plan(&[make(*operation, source.0, target.0)]);
            let once = carry_out(&plan, AccountKind::Individual, &sheet(&[*source, *target]));
            let twice = carry_out(&plan, AccountKind::Individual, &once.sheet);
            assert!(twice.decision.items.is_empty(), "{row:?}: {twice:?}");
        }
    }
}

#[test]
fn a_merge_looks_for_whole_words() {
    // Columns: old value, merged value, new value.
    let table = [
        ("catalogue", "cat", "catalogue cat"),
        ("concat", "cat", "concat cat"),
        ("a cat sat", "cat", "a cat sat"),
        ("cat", "cat", "cat"),
        ("cat,dog", "cat", "cat,dog cat"),
        ("one\ncat\ntwo", "cat", "one\ncat\ntwo"),
        ("a cat sat", "cat sat", "a cat sat"),
        ("a cat sat", "sat cat", "a cat sat sat cat"),
        ("Cat", "cat", "Cat cat"),
        ("kůň", "ků", "kůň ků"),
        ("x", " cat", "x  cat"),
        // The first place where it is found is inside a word, and overlaps the right one.
        ("xa a a", "a a", "xa a a"),
        ("xa", "a a", "xa a a"),
    ];
    for row @ (old, new, expected) in table {
        let merge = [keeping(Merge, "S", "T")];
        let found = after(&merge, &[("S", new), ("T", old)]);
        assert_eq!(found.get("T"), expected, "{row:?}");
        let again = after(&merge, &[("S", new), ("T", expected)]);
        assert!(again.decision.items.is_empty(), "{row:?}: {again:?}");
    }
}

/// Operation, source, target and what the target holds, and the problem.
const PROBLEMS: &[(Operation, Cell, Cell, &str)] = &[
    (Replace, ("S", "Zinc"), ("C", "Gold"), "field `C` has no option `Zinc`"),
    (Replace, ("S", "gold"), ("C", ""), "field `C` has no option `gold`"),
    (Merge, ("S", "Zinc"), ("C", "Gold"), "field `C` has no option `Zinc`"),
    (AddOption, ("S", "Zinc"), ("C", "Gold"), "field `C` has no option `Zinc`"),
    (CopyIfEmpty, ("S", "Zinc"), ("C", ""), "field `C` has no option `Zinc`"),
    (Replace, ("C", "Gold,Bronze"), ("P", "Tin"), "field `P` has no option `Bronze`"),
    (Replace, ("C", "Gold,Silver"), ("P", "Tin"), "field `P` holds one option, not several"),
    (AddOption, ("C", "Gold,Silver"), ("R", ""), "field `R` holds one option, not several"),
    (Merge, ("S", "Gold"), ("R", "Silver"), "field `R` holds one option and already has another"),
    (
        AddOption,
        ("S", "Gold"),
        ("R", "Silver"),
        "field `R` holds one option and already has another",
    ),
];

#[test]
fn what_the_target_cannot_hold_is_a_problem_and_changes_nothing() {
    for row @ (operation, source, target, problem) in PROBLEMS {
        let found = after(&[clearing(*operation, source.0, target.0)], &[*source, *target]);
        assert_eq!(found.problems(), [*problem], "{row:?}");
        assert!(found.decision.items.is_empty() && found.decision.applicable, "{row:?}");
    }
}

#[test]
fn without_validation_it_is_left_out() {
    for row @ (operation, source, target, _) in PROBLEMS {
        let mapping = clearing(*operation, source.0, target.0);
        let mapping = Mapping { validation_required: false, ..mapping };
        let found = after(&[mapping, keeping(Replace, source.0, "U")], &[*source, *target]);
        assert!(found.problems().is_empty(), "{row:?}");
        assert_eq!(found.get(target.0), target.1, "{row:?}");
        // Its source stays, so that the next mapping finds it.
        assert_eq!(found.get("U"), source.1.replace(',', "|"), "{row:?}");
    }
}

#[test]
fn a_problem_leaves_the_other_mappings_alone() {
    let mappings =
        [keeping(Replace, "S", "C"), clearing(Replace, "T", "U"), keeping(AddOption, "S", "D")];
    let found = after(&mappings, &[("S", "Zinc"), ("T", "text")]);
    assert_eq!((found.get("U"), found.get("T")), ("text", ""));
    assert_eq!(found.problems().len(), 2);
}

#[test]
fn each_mapping_sees_the_result_of_those_before_it() {
    let chain = [keeping(Replace, "S", "T"), keeping(Replace, "T", "U"), keeping(Merge, "U", "M")];
    let found = after(&chain, &[("S", "new"), ("T", "old"), ("M", "first")]);
    assert_eq!((found.get("U"), found.get("M")), ("new", "first new"));

    let backwards = [keeping(Replace, "T", "U"), keeping(Replace, "S", "T")];
    let found = after(&backwards, &[("S", "new"), ("T", "old")]);
    assert_eq!((found.get("T"), found.get("U")), ("new", "old"));

    // Three options into one target: the guide's own engine keeps the last alone.
    let options = [
        clearing(AddOption, "S", "C"),
        clearing(AddOption, "T", "C"),
        keeping(AddOption, "U", "C"),
    ];
    let found = after(&options, &[("S", "Gold"), ("T", "Bronze"), ("U", "Silver")]);
    assert_eq!((found.get("C"), found.get("S"), found.get("T")), ("Gold,Silver,Bronze", "", ""));

    // A field that was cleared is blank for the mappings that follow.
    let moved = [clearing(Replace, "S", "T"), keeping(Replace, "S", "U")];
    let found = after(&moved, &[("S", "new"), ("U", "old")]);
    assert_eq!((found.get("S"), found.get("T"), found.get("U")), ("", "new", "old"));

    // Two fields that swap by way of a third.
    let swap =
        [clearing(Replace, "S", "U"), clearing(Replace, "T", "S"), clearing(Replace, "U", "T")];
    let found = after(&swap, &[("S", "one"), ("T", "two")]);
    assert_eq!((found.get("S"), found.get("T"), found.get("U")), ("two", "one", ""));
}

#[test]
fn there_and_back_again_needs_no_write() {
    let mappings = [clearing(Replace, "S", "T"), clearing(Replace, "T", "S")];
    let found = after(&mappings, &[("S", "text")]);
    assert!(found.decision.items.is_empty(), "{found:?}");
}

#[test]
fn steps_one_by_one_come_to_the_same() {
    let mappings = [
        clearing(Merge, "S", "T"),
        clearing(CopyIfEmpty, "T", "U"),
        keeping(AddOption, "U", "C"),
        clearing(Merge, "C", "D"),
    ];
    let plan = plan(&mappings);
    let before = sheet(&[("S", "Gold"), ("C", "Silver"), ("D", "Tin")]);
    let at_once = carry_out(&plan, AccountKind::Individual, &before);
    let one_by_one = mappings.iter().fold(before, |before, mapping| {
        carry_out(&self::plan(std::slice::from_ref(mapping)), AccountKind::Individual, &before)
            .sheet
    });
    assert_eq!(at_once.sheet, one_by_one);
    assert_eq!(at_once.sheet, sheet(&[("U", "Gold"), ("D", "Tin,Silver,Gold")]));
}

#[test]
fn a_field_mapped_onto_itself_is_never_wiped() {
    for operation in [Replace, Merge, CopyIfEmpty, Operation::Transform] {
        let mapping = Mapping { transform: vec![Transform::Trim], ..clearing(operation, "S", "S") };
        let found = after(&[mapping], &[("S", "text")]);
        assert!(found.decision.items.is_empty(), "{operation}: {found:?}");
    }
    for operation in [Replace, Merge, AddOption, CopyIfEmpty] {
        let found = after(&[clearing(operation, "C", "C")], &[("C", "Gold,Silver")]);
        assert!(found.decision.items.is_empty(), "{operation}: {found:?}");
    }
    let mapping = Mapping {
        transform: vec![Transform::Case(LetterCase::Upper)],
        ..clearing(Operation::Transform, "S", "S")
    };
    assert_eq!(after(&[mapping], &[("S", "text")]).get("S"), "TEXT");
}

#[test]
fn transforms_work_on_the_way_and_in_their_order() {
    let map = |pairs: &[(&str, &str)], default: Option<&str>| {
        let values = pairs.iter().map(|&(from, to)| (from.into(), to.into())).collect();
        Transform::Map { values, default: default.map(CompactString::from), otherwise: None }
    };
    let split = || Transform::split(";").unwrap();
    let skill = || Transform::template("Skill: {value}").unwrap();
    // Operation, steps, source, target, what the target holds then.
    let table = [
        (Replace, vec![Transform::Trim], ("S", "  a b "), ("T", "old"), "a b"),
        (
            Replace,
            vec![Transform::Case(LetterCase::Lower), skill()],
            ("S", "ABC"),
            ("T", ""),
            "Skill: abc",
        ),
        (
            Replace,
            vec![skill(), Transform::Case(LetterCase::Lower)],
            ("S", "ABC"),
            ("T", ""),
            "skill: abc",
        ),
        (Replace, vec![split()], ("S", "a;b"), ("T", ""), "a|b"),
        (
            AddOption,
            vec![split(), Transform::Trim],
            ("S", "Gold; Bronze;;"),
            ("C", "Silver"),
            "Gold,Silver,Bronze",
        ),
        (AddOption, vec![map(&[("au", "Gold")], None)], ("S", "au"), ("C", ""), "Gold"),
        (AddOption, vec![map(&[("au", "Gold")], Some("Bronze"))], ("S", "fe"), ("C", ""), "Bronze"),
        // A text without an entry in the map is not carried.
        (Replace, vec![map(&[("au", "Gold")], None)], ("S", "fe"), ("C", "Silver"), "Silver"),
        (
            AddOption,
            vec![Transform::Constant("Gold".into())],
            ("S", "any"),
            ("C", "Silver"),
            "Gold,Silver",
        ),
        (
            Replace,
            vec![Transform::Constant("Gold".into())],
            ("C", "Silver,Bronze"),
            ("R", ""),
            "Gold",
        ),
        (
            Merge,
            vec![Transform::regex_replace(r"(\d+) years", "${1}y").unwrap()],
            ("S", "3 years"),
            ("T", "old"),
            "old 3y",
        ),
        (
            Replace,
            vec![Transform::Case(LetterCase::Title)],
            ("C", "Gold,Silver"),
            ("D", ""),
            "Silver,Gold",
        ),
    ];
    for (operation, steps, source, target, expected) in table {
        let found = after(&[transformed(operation, source.0, target.0, &steps)], &[source, target]);
        assert_eq!(found.get(target.0), expected, "{operation} {steps:?}");
        assert!(found.problems().is_empty(), "{operation} {steps:?}");
    }
}

#[test]
fn a_constant_is_not_carried_from_a_blank_source() {
    let constant = [Transform::Constant("Gold".into())];
    for blank in ["", "  "] {
        let found = after(&[transformed(AddOption, "S", "C", &constant)], &[("S", blank)]);
        assert!(found.decision.items.is_empty(), "{found:?}");
    }
}

#[test]
fn a_transform_that_leaves_nothing_keeps_the_source() {
    let nothing = Transform::Map { values: BTreeMap::new(), default: None, otherwise: None };
    for operation in [Replace, Merge, CopyIfEmpty, Operation::Transform] {
        let mapping = Mapping { transform: vec![nothing.clone()], ..clearing(operation, "S", "T") };
        let found = after(&[mapping], &[("S", "text"), ("T", "")]);
        assert!(found.decision.items.is_empty(), "{operation}: {found:?}");
    }
}

#[test]
fn a_source_that_is_carried_in_part_is_kept() {
    let values = [("Gold".into(), "Tin".into())].into();
    let only_gold = Transform::Map { values, default: None, otherwise: None };
    let mapping = |steps: &[Transform]| Mapping {
        transform: steps.to_vec(),
        ..clearing(AddOption, "C", "D")
    };
    let before = [("C", "Gold,Silver"), ("D", "Bronze")];
    let found = after(&[mapping(&[only_gold])], &before);
    assert_eq!((found.get("C"), found.get("D")), ("Gold,Silver", "Bronze,Tin"));
    // A constant stands for the whole value, whatever it was.
    let found = after(&[mapping(&[Transform::Constant("Tin".into())])], &before);
    assert_eq!((found.get("C"), found.get("D")), ("", "Bronze,Tin"));
}

#[test]
fn fields_of_another_kind_of_account_are_passed_over() {
    let (individual, company) = (AccountKind::Individual, AccountKind::Company);
    let text = [("S", "text"), ("T", "old")];
    let to_company = plan(&[clearing(Replace, "S", "K")]);
    let to_individual = plan(&[clearing(Replace, "S", "I")]);
    for (plan, kind, applies) in [
        (&to_company, company, true),
        (&to_company, individual, false),
        (&to_individual, company, false),
        (&to_individual, individual, true),
    ] {
        let found = carry_out(plan, kind, &sheet(&text));
        assert_eq!(found.decision.applicable, applies, "{kind:?}");
        assert_eq!(found.decision.items.len(), if applies { 2 } else { 0 }, "{kind:?}");
    }
    // No account has both.
    let never = plan(&[keeping(Replace, "I", "K")]);
    assert!(!carry_out(&never, individual, &sheet(&[("I", "text")])).decision.applicable);
    // One mapping of several is enough.
    let mixed = plan(&[keeping(Replace, "S", "K"), keeping(Replace, "S", "T")]);
    let found = carry_out(&mixed, individual, &sheet(&text));
    assert!(found.decision.applicable);
    assert_eq!(found.get("T"), "text");
}

#[test]
fn cleanup_migrates_nothing_and_clears_what_already_stands() {
    // Operation, source, target, what the source holds then.
    let table = [
        (Replace, ("S", "text"), ("T", "text"), ""),
        (Replace, ("S", "text"), ("T", "other"), "text"),
        (Replace, ("S", "text"), ("T", ""), "text"),
        (Merge, ("S", "cat"), ("T", "a cat sat"), ""),
        (Merge, ("S", "cat"), ("T", "catalogue"), "cat"),
        (AddOption, ("S", "Gold"), ("C", "Gold,Silver"), ""),
        (AddOption, ("S", "Gold"), ("C", "Silver"), "Gold"),
        (CopyIfEmpty, ("S", "text"), ("T", "text"), ""),
        (CopyIfEmpty, ("S", "text"), ("T", "other"), "text"),
        (CopyIfEmpty, ("S", "text"), ("T", ""), "text"),
        (Replace, ("C", "Gold,Bronze"), ("D", "Bronze,Gold"), ""),
        (Replace, ("C", "Gold"), ("D", "Bronze,Gold"), "Gold"),
        (Replace, ("S", " "), ("T", " "), " "),
    ];
    for row @ (operation, source, target, left) in table {
        for (make, left) in [(clearing as fn(_, _, _) -> _, left), (keeping, source.1)] {
            let mappings = vec![make(operation, source.0, target.0)];
            let plan = Plan { mappings, cleanup_only: true, ..Plan::default() };
            let found = carry_out(&plan, AccountKind::Individual, &sheet(&[source, target]));
            assert_eq!((found.get(source.0), found.get(target.0)), (left, target.1), "{row:?}");
        }
    }
}

#[test]
fn cleanup_after_a_migration_that_kept_its_sources_clears_them() {
    let mappings = |make: fn(Operation, &str, &str) -> Mapping| {
        vec![make(Merge, "S", "T"), make(AddOption, "U", "C")]
    };
    let before = [("S", "new"), ("T", "old"), ("U", "Gold"), ("C", "Silver")];
    let migrated = after(&mappings(keeping), &before).sheet;
    let plan = Plan { mappings: mappings(clearing), cleanup_only: true, ..Plan::default() };
    let found = carry_out(&plan, AccountKind::Individual, &migrated);
    assert_eq!(found.sheet, after(&mappings(clearing), &before).sheet);
}

#[test]
fn cleared_and_written_fields_go_into_one_write_by_id() {
    let found = after(
        &[clearing(AddOption, "S", "C"), clearing(Replace, "D", "T")],
        &[("S", "Gold"), ("C", "Silver"), ("D", "Tin"), ("U", "untouched")],
    );
    let fields = fields();
    let id = |name: &str| fields.iter().find(|field| *field.name == *name).map(|field| field.id);
    let ids: Vec<_> = found.decision.items.iter().map(|item| item.id).collect();
    assert_eq!(ids, [id("S"), id("C"), id("D"), id("T")]);
    let [text, _, options, _] = found.decision.items.as_slice() else { panic!("{found:?}") };
    assert_eq!((text.value.as_deref(), &text.option_values), (Some(""), &None));
    assert_eq!(options.option_values.as_deref(), Some(&[][..]));
    assert!(found.decision.items.iter().all(|item| item.name.is_none()));
}

#[test]
fn an_option_that_the_definitions_do_not_know_is_neither_carried_nor_lost() {
    let mut stranger = account(AccountKind::Individual, &sheet(&[("C", "Gold")]));
    let items = stranger.body.account_custom_fields.as_mut().unwrap();
    items[0].option_values.as_mut().unwrap().push(OptionItem::by_id(OptionId(9_999)));
    let plan = plan(&[clearing(Replace, "C", "T")]);
    let task = ResolvedPlan::resolve(&plan, &fields()).unwrap();
    let decision = decide(&stranger, &task, &task.steps);
    // Nor is its field cleared: it would be lost.
    assert_eq!(decision.items.iter().map(shown).collect::<Vec<_>>(), [("T".into(), "Gold".into())]);
}
