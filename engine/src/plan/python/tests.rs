//! Plans of the Python engine, in and out.

use super::*;

const FILE: &str = r#"
metadata: {export_timestamp: "2025-01-01", plan_summary: {}}
plan:
  mappings:
    - {source_field: V-A, target_field: T, strategy: COPY_IF_EMPTY, transform_function: null,
       validation_required: false, preserve_source: false}
    - source_field: V-B
      target_field: Skills
      strategy: add_option
      transform_function: {has_function: true, function_name: to_skill, note: code}
      priority: 3
  resource_ids: [4, "5", 6]
  batch_size: 25
  max_workers: 0
  smart_migration: true
conflicts: [{field: V-A}]
"#;

fn read(text: &str) -> Result<Carried<Plan>, PythonError> {
    Plan::from_python(parse_yaml(text).unwrap())
}

#[test]
fn what_cannot_be_carried_over_is_named() {
    let Carried { made, left_out } = read(FILE).unwrap();
    let [first, second] = &made.mappings[..] else { panic!("{made:?}") };
    assert_eq!((first.operation, first.preserve_source), (Operation::CopyIfEmpty, false));
    assert!(!first.validation_required && second.validation_required);
    assert_eq!(made.selection, Selection::Ids([4, 5, 6].map(AccountId).into()));
    assert_eq!(made.hints.batch_size, NonZeroU32::new(25));
    assert!(made.hints.dry_run == Some(true) && made.hints.smart_migration);
    for named in ["`conflicts`", "max_workers = 0", "`to_skill` is code", "[1].priority"] {
        assert_eq!(left_out.iter().filter(|it| it.contains(named)).count(), 1, "{left_out:?}");
    }
    assert_eq!(left_out.len(), 4, "{left_out:?}");
}

#[test]
fn the_builders_form_is_understood() {
    let text = "V-A: TODO\nV-B: {field: T}\nV-C: {field: Skills, option: Cooking}\n";
    let Carried { made, left_out } = read(text).unwrap();
    let operations: Vec<_> = made.mappings.iter().map(|it| it.operation).collect();
    assert_eq!(operations, [Operation::CopyIfEmpty, Operation::AddOption]);
    assert_eq!(made.mappings[1].transform.len(), 1);
    assert!(left_out[0].contains("`V-A`"), "{left_out:?}");
}

#[test]
fn what_would_mean_something_else_is_refused() {
    let error = |from: &str, to: &str| {
        assert!(FILE.contains(from));
        read(&FILE.replace(from, to)).unwrap_err().to_string()
    };
    let filter = error("resource_ids: [4, \"5\", 6]", "resource_filter: {city: [Bern]}");
    assert!(filter.contains("all accounts"), "{filter}");
    assert!(error("\"5\"", "five").contains("\"five\" is no account id"));
    assert!(error("add_option", "append").contains("`append`; expected replace"));
    assert!(read("[1]").is_err() && read("plan: {mappings: []}").is_err());
}

#[test]
fn a_filter_is_values_by_field_there_and_equalities_here() {
    let filter = FILE.replace(
        "resource_ids: [4, \"5\", 6]",
        "resource_filter: {Account Type: Individual, Level: 3}",
    );
    let plan = read(&filter).unwrap().made;
    let Selection::Filter(criteria) = &plan.selection else { panic!("{plan:?}") };
    let found: Vec<_> =
        criteria.iter().map(|it| (&*it.field, it.operator, it.value.as_deref().unwrap())).collect();
    let equal = Operator::Equal;
    assert_eq!(found, [("Account Type", equal, "Individual"), ("Level", equal, "3")]);
    let exported = plan.to_python().made;
    let expected = json!({"Account Type": "Individual", "Level": "3"});
    assert_eq!(exported["plan"]["resource_filter"], expected);
    // A criterion that is no equality is named, and no wider filter is written in its place.
    let mut other = plan;
    let Selection::Filter(criteria) = &mut other.selection else { panic!() };
    criteria[1].operator = Operator::NotBlank;
    criteria[1].value = None;
    let Carried { made, left_out } = other.to_python();
    assert_eq!(made["plan"]["resource_filter"], Value::Null);
    assert!(left_out.iter().any(|it| it.contains("`Level NOT_BLANK`")), "{left_out:?}");
}

#[test]
fn a_plan_that_does_not_say_goes_out_as_a_dry_run() {
    let dry_run = |hint: &str| {
        let text = format!(
            "schema = 1\n{hint}\n[[mappings]]\nsource = \"A\"\ntarget = \"B\"\noperation = \"replace\"\n"
        );
        let plan = Plan::from_toml("plan.toml", &text).unwrap();
        plan.to_python().made["plan"]["dry_run"].as_bool().unwrap()
    };
    let said = ["", "dry_run = true", "dry_run = false"].map(dry_run);
    assert_eq!(said, [true, true, false]);
}

#[test]
fn the_csv_form_is_understood() {
    let text = "source_field,target_field,strategy,preserve_source,validation_required,\
                has_transform_function,notes\r\nV-A,T-A,replace,True,True,False,\r\n\
                V-B,\"T-B, new\",add_option,False,True,True,Requires transform function recreation\r\n\r\n\
                # Metadata\r\n# Total mappings:,2\r\n# Dry run:,True\r\n";
    let Carried { made, left_out } = Plan::from_python_csv(text).unwrap();
    let [first, second] = &made.mappings[..] else { panic!("{made:?}") };
    assert_eq!((&*first.source, &*first.target), ("V-A", "T-A"));
    assert_eq!((&*second.target, second.operation), ("T-B, new", Operation::AddOption));
    assert!(first.preserve_source && !second.preserve_source);
    assert_eq!(made.hints.dry_run, Some(true));
    assert!(
        left_out.iter().any(|it| it.contains("mappings[1]: its transform function")),
        "{left_out:?}"
    );
    let written = Plan::from_python_csv(&text.replace("run:,True", "run:,False")).unwrap();
    assert_eq!(written.made.hints.dry_run, Some(false));
    assert!(Plan::from_python_csv("a,b\n1,2\n").is_err() && Plan::from_python_csv("").is_err());
}

#[test]
fn targets_that_nobody_has_chosen_are_named() {
    let mapping = "{source_field: V-A, target_field: TODO_SPECIFY_TARGET, strategy: COPY_IF_EMPTY}";
    let text =
        format!("plan:\n  mappings:\n  - {mapping}\n  - {}\n", mapping.replace("V-A", "V-B"));
    let Carried { made, left_out } = read(&text).unwrap();
    assert_eq!(made.mappings.len(), 2);
    let todo = left_out.iter().filter(|it| it.contains("`TODO_SPECIFY_TARGET` is no target"));
    assert_eq!(todo.count(), 2, "{left_out:?}");
}

#[test]
fn hostile_yaml_is_refused_with_its_place() {
    let level = |level: u32| {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("a{level}: &a{level} [{aliases}]\n")
    };
    let mut bomb = vec!["a0: &a0 [x, x]\n".to_owned()];
    bomb.extend((1..9).map(level));
    let bomb = bomb.concat();
    let deep = format!("plan: {}{}", "[".repeat(2_000), "]".repeat(2_000));
    let deep_block: String = (0..2_000).map(|level| " ".repeat(level) + "a:\n").collect();
    for hostile in [bomb.as_str(), &deep, &deep_block] {
        let error = parse_yaml(hostile).unwrap_err().to_string();
        assert!(error.contains("line"), "{error}");
    }
    let twice = parse_yaml("plan: 1\nplan: 2\n").unwrap_err().to_string();
    assert!(twice.contains("line 2") && twice.contains("plan"), "{twice}");
}

#[test]
fn scalars_of_yaml_keep_their_text() {
    let text = "[yes, No, on, 2025-01-01, 007, 1_000, '5', 5, true, ~, 1e3]";
    let expected =
        json!(["yes", "No", "on", "2025-01-01", "007", "1_000", "5", 5, true, null, 1e3]);
    assert_eq!(parse_yaml(text).unwrap(), expected);
    assert_eq!(parse_yaml(&to_yaml(&expected)).unwrap(), expected);
    // The Python engine reads YAML 1.1, where these would be booleans, a date and numbers.
    let written = to_yaml(&json!(["yes", "No", "on", "2025-01-01", "007", "1_000", "5"]));
    for line in written.lines() {
        assert!(line.contains('"') || line.contains('\''), "{written}");
    }
    let merged = parse_yaml("base: &b {x: 1, y: 2}\nmade: {<<: *b, y: 3}\n").unwrap();
    assert_eq!(merged["made"], json!({"x": 1, "y": 3}));
}

#[test]
fn a_plan_of_ours_goes_out_and_comes_back() {
    let plan = read(FILE).unwrap().made;
    let Carried { made, left_out } = plan.to_python();
    assert_eq!(left_out, Vec::<String>::new());
    let back = Plan::from_python(made).unwrap();
    let expected = Plan { hints: Hints { max_workers: NonZeroU32::new(5), ..plan.hints }, ..plan };
    assert_eq!(back.made.to_json(), expected.to_json());
}
