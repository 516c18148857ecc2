//! Generated parts of the book: the reference of plan and profile files says what their schemas say,
//! and the selector's figures are those of `reports/published/selector.json`.
//!
//! `UPDATE_GOLDENS=1 cargo test --test it reference` renews them.

use neon_mock::profile::{BUILT_IN, WireProfile};
use neonbench::text::{count, share};
use neonbench_engine::plan::WirePlan;
use schemars::schema_for;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const PLAN: &str = "\
# Plan files

A plan says which accounts to migrate and how. It is TOML, or JSON with the same members. This page is generated from
`neonbench schema plan`. [examples/plan.toml](../../../examples/plan.toml) is a commented plan, and
[Check a plan](../recipes/plans.md) says how to try one.
";

const PROFILE: &str = "\
# Profile files

A profile says how the mock limits, delays and fails. It is TOML. This page is generated from `neonbench schema profile`.
[examples/profile.toml](../../../examples/profile.toml) is a commented profile with every member, and `neonbench profile
list` names the built-in ones.
";

/// Sets of strategies that a selector chooses among.
const PORTFOLIOS: [(&str, &str); 2] =
    [("guide", "the guide's four strategies"), ("full", "all strategies")];

/// The definition that `schema` refers to: itself, its items, its values, or what it may be beside null.
fn referred(schema: &Value) -> Option<&str> {
    let inside = ["items", "additionalProperties"].into_iter().find_map(|key| schema.get(key));
    match schema.get("$ref") {
        Some(path) => path.as_str()?.rsplit('/').next(),
        None => inside
            .and_then(referred)
            .or_else(|| schema.get("anyOf")?.as_array()?.iter().find_map(referred)),
    }
}

/// The type of a member, in words; `definitions` tell tables from names.
fn type_of(schema: &Value, definitions: &Map<String, Value>) -> String {
    if let Some(other) = schema.get("anyOf").and_then(|any| any.get(0)) {
        return type_of(other, definitions);
    }
    if schema.get("$ref").is_some() {
        let name = referred(schema).unwrap();
        let found = &definitions[name];
        return if found.get("properties").is_some() {
            format!("[{}](#{})", title(name), anchor(name))
        } else if found.get("prefixItems").is_some() {
            "list".to_owned()
        } else {
            "name".to_owned()
        };
    }
    let named = match &schema["type"] {
        Value::Array(types) => types[0].as_str().unwrap(),
        other => other.as_str().unwrap_or("any"),
    };
    match named {
        "array" if schema.get("prefixItems").is_some() => "list".to_owned(),
        "array" => format!("list of {}", type_of(&schema["items"], definitions)),
        "object" => format!("table of {}", type_of(&schema["additionalProperties"], definitions)),
        "string" if schema.get("examples").is_some() => "duration".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    }
}

/// `WireStaff` as a heading.
fn title(name: &str) -> &str {
    name.strip_prefix("Wire").unwrap_or(name)
}

fn anchor(name: &str) -> String {
    title(name).to_lowercase()
}

/// The first paragraph of an item's documentation, without links into the code, as a table's cell.
fn words(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    first.replace('|', "\\|")
}

/// The names that a member may have, each with its meaning where it has one.
fn choices(schema: &Value, definitions: &Map<String, Value>) -> Vec<String> {
    let schema = match referred(schema) {
        Some(name) if definitions[name].get("properties").is_none() => &definitions[name],
        Some(_) => return Vec::new(),
        None => schema,
    };
    let listed = |key: &str| schema.get(key).and_then(Value::as_array).into_iter().flatten();
    let explained = listed("oneOf").flat_map(|one| match one.get("const") {
        Some(name) => vec![format!("`{}`: {}", name.as_str().unwrap(), words(one))],
        None => choices(one, definitions),
    });
    let bare = listed("enum").filter_map(Value::as_str).map(|name| format!("`{name}`"));
    explained.chain(bare).collect()
}

/// The value of a member that is left out.
fn default_of(name: &str, table: &Value) -> String {
    let is_required = |list: &Value| list.as_array().unwrap().iter().any(|it| it == name);
    if table.get("required").is_some_and(is_required) {
        return "required".to_owned();
    }
    match table["properties"][name].get("default") {
        Some(Value::Bool(value)) => format!("`{value}`"),
        Some(Value::Number(value)) => format!("`{value}`"),
        Some(Value::String(value)) if !value.is_empty() => format!("`\"{value}\"`"),
        _ => "none".to_owned(),
    }
}

/// Rows of `table`, and below it the names that its members may have.
fn rows(table: &Value, definitions: &Map<String, Value>) -> String {
    let mut text = "\n| member | type | default | meaning |\n|---|---|---|---|\n".to_owned();
    let mut explained: Vec<(Vec<String>, &str)> = Vec::new();
    for (name, member) in table["properties"].as_object().unwrap() {
        let default = default_of(name, table);
        let mut meaning = words(member);
        let names = choices(member, definitions);
        if let Some((_, other)) = explained.iter().find(|(known, _)| *known == names) {
            let _ = write!(meaning, "<br>The names of `{other}`");
        } else if !names.is_empty() {
            for choice in &names {
                let _ = write!(meaning, "<br>{}", choice.trim_end_matches('.'));
            }
            explained.push((names, name));
        }
        let _ = writeln!(
            text,
            "| `{name}` | {} | {default} | {meaning} |",
            type_of(member, definitions)
        );
    }
    text
}

/// A page: `before`, the members of a file, and a section for each kind of table in it.
fn page(before: &str, schema: &Value) -> String {
    let empty = Map::new();
    let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let mut text = format!("{before}{}", rows(schema, definitions));
    let mut seen: Vec<&str> = Vec::new();
    let mut open = vec![schema];
    while let Some(table) = open.pop() {
        for member in table["properties"].as_object().unwrap().values() {
            let Some(name) = referred(member).filter(|name| !seen.contains(name)) else { continue };
            seen.push(name);
            let found = &definitions[name];
            if found.get("properties").is_none() {
                continue;
            }
            open.push(found);
            let about = words(found);
            let _ = write!(text, "\n## {}\n\n{about}\n{}", title(name), rows(found, definitions));
        }
    }
    text
}

/// A figure of the published record, as a percentage.
fn percent(ratio: &Value) -> String {
    share(ratio.as_f64().unwrap())
}

/// The figures of the selector over all judged scenarios, as Markdown tables.
fn selector(published: &Value) -> String {
    const KNOWLEDGE: [(&str, &str); 4] = [
        ("known", "profile known"),
        ("probe_sample", "probe with a sample run"),
        ("probe", "probe that only reads"),
        ("nothing", "nothing known"),
    ];
    const NAMES: [(&str, &str); 5] = [
        ("cost_model", "`auto`"),
        ("thresholds", "thresholds"),
        ("pool_rule", "pool rule"),
        ("single_best", "single best"),
        ("guide", "the guide's rule"),
    ];
    let all = published["selectors"].as_array().unwrap();
    // Two families and two built-in profiles share a name: the number of scenarios tells them apart.
    let found = |portfolio: &str, knowledge: &str, name: &str, like: &Value| {
        let is = |it: &&Value| {
            it["portfolio"] == portfolio
                && it["knowledge"] == knowledge
                && it["name"] == name
                && it["family"] == like["family"]
                && it["scenarios"] == like["scenarios"]
        };
        all.iter().find(is).unwrap_or_else(|| panic!("{portfolio} {knowledge} {name} {like}"))
    };
    let whole = serde_json::json!({ "family": "all", "scenarios": published["scenarios"] });
    let mut text = String::new();
    for (portfolio, of) in PORTFOLIOS {
        let _ = write!(
            text,
            "\nMean regret over {} scenarios, choosing among {of} (in brackets the worst):\n\n| selector |",
            published["scenarios"]
        );
        text.extend(KNOWLEDGE.map(|(_, words)| format!(" {words} |")));
        text.push_str("\n|---|--:|--:|--:|--:|\n");
        for (name, words) in NAMES {
            let _ = write!(text, "| {words} |");
            for (knowledge, _) in KNOWLEDGE {
                let row = found(portfolio, knowledge, name, &whole);
                let [mean, worst] = ["mean_regret", "worst_regret"].map(|key| percent(&row[key]));
                let _ = write!(text, " {mean} ({worst}) |");
            }
            text.push('\n');
        }
    }
    let families = all.iter().filter(|it| {
        it["portfolio"] == "full" && it["knowledge"] == "known" && it["name"] == "cost_model"
    });
    text.push_str(
        "\nMean regret of `auto` by family of scenarios and by built-in `profile`, among all strategies:\n\n\
         | family | scenarios |",
    );
    text.extend(KNOWLEDGE.map(|(_, words)| format!(" {words} |")));
    text.push_str("\n|---|--:|--:|--:|--:|--:|\n");
    let families: Vec<&Value> = families.filter(|it| it["family"] != "all").collect();
    for (index, family) in families.iter().enumerate() {
        let name = family["family"].as_str().unwrap();
        // Families come first: of two rows of one name the last is the profile's.
        let is_last = families[index + 1..].iter().all(|other| other["family"] != name);
        let is_profile = is_last && BUILT_IN.iter().any(|(known, _)| *known == name);
        let name = if is_profile { format!("`{name}`") } else { name.to_owned() };
        let _ = write!(text, "| {name} | {} |", family["scenarios"]);
        for (knowledge, _) in KNOWLEDGE {
            let row = found("full", knowledge, "cost_model", family);
            let _ = write!(text, " {} |", percent(&row["mean_regret"]));
        }
        text.push('\n');
    }
    let prediction = &published["prediction"];
    let _ = write!(
        text,
        "\nForecasts with the profile known, {} pairs of scenario and run: median error of the median time {}, 95th \
         percentile {}; {} of the runs lie in the 90 % interval.\n\n",
        count(prediction["pairs"].as_u64().unwrap()),
        percent(&prediction["median_abs_error"]),
        percent(&prediction["p95_abs_error"]),
        percent(&prediction["interval_coverage"]),
    );
    text
}

/// The rows of the thresholds, and the single best settings, as a Markdown table.
fn rule(shipped: &Value) -> String {
    let mut text =
        "\n| choosing among | accounts per slot | mappings | strategy | workers | batch size |\n\
                    |---|---|---|---|---|---|\n"
            .to_owned();
    for (portfolio, of) in PORTFOLIOS {
        for row in shipped["thresholds"][portfolio]["rows"].as_array().unwrap() {
            let bound = |key: &str| match row.get(key) {
                Some(most) => format!("at most {most}"),
                None => "any".to_owned(),
            };
            let workers = match row["workers_beyond_places"].as_i64().unwrap() {
                0 => "slots".to_owned(),
                more => format!("slots {more:+}"),
            };
            let _ = writeln!(
                text,
                "| {of} | {} | {} | `{}` | {workers} | {} per worker |",
                bound("accounts_a_place_up_to"),
                bound("mappings_up_to"),
                row["strategy"].as_str().unwrap(),
                row["batch_per_worker"],
            );
        }
        let best = &shipped["single_best"][portfolio];
        let _ = writeln!(
            text,
            "| {of}, single best | any | any | `{}` | {} | {} |",
            best["strategy"].as_str().unwrap(),
            best["workers"],
            best["batch_size"]
        );
    }
    text
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Panics unless `file` holds `expected`; renews it if asked to.
fn is_current(file: &str, expected: &str) {
    let path = root().join(file);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{file} is stale: UPDATE_GOLDENS=1 cargo test --test it reference renews it"
    );
}

#[test]
fn the_reference_of_files_is_what_their_schemas_say() {
    let (plan, profile) = (schema_for!(WirePlan), schema_for!(WireProfile));
    is_current("docs/src/reference/plan.md", &page(PLAN, plan.as_value()));
    is_current("docs/src/reference/profile.md", &page(PROFILE, profile.as_value()));
}

/// `text` with `now` between the marks of `source`.
fn spliced(text: &str, source: &str, now: &str) -> String {
    let [begin, end] = ["begin", "end"].map(|at| format!("<!-- {source}: {at} -->"));
    let (before, rest) = text.split_once(&begin).expect("a mark for the beginning");
    let (_, after) = rest.split_once(&end).expect("a mark for the end");
    format!("{before}{begin}\n\n{}\n\n{end}{after}", now.trim())
}

#[test]
fn the_selectors_figures_in_the_book_are_the_recorded_ones() {
    let file = "docs/src/methodology/results.md";
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let published: Value = serde_json::from_str(&read("reports/published/selector.json")).unwrap();
    let shipped: Value = toml::from_str(&read("reports/thresholds.toml")).unwrap();
    let text = spliced(&read(file), "selector.json", &selector(&published));
    let text = spliced(&text, "thresholds.toml", &rule(&shipped));
    is_current(file, &text);
}
