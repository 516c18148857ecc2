//! Files as browsers, shells and spreadsheets write them.

use super::place::Place;
use serde_json::{Value, json};

/// The text in UTF-16 with a byte order mark, as PowerShell redirects it.
fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A recording of calls that take from 100 ms to 300 ms.
fn recording(calls: u32) -> Value {
    let entry = |call: u32| {
        let wait = 100.0 + f64::from(call * 7 % 200);
        json!({
            "startedDateTime": format!("2026-03-04T09:{:02}:{:02}Z", call / 60, call % 60),
            "time": wait + 1.0,
            "request": { "method": "GET", "url": format!("https://api.example.org/v2/accounts/{}", call + 1) },
            "response": { "status": 200 },
            "timings": { "send": 0.5, "wait": wait, "receive": 0.5 },
        })
    };
    json!({ "log": { "version": "1.2", "entries": (0..calls).map(entry).collect::<Vec<_>>() } })
}

#[test]
fn every_file_is_read_with_a_byte_order_mark_and_in_utf_16() {
    let place = Place::new();
    let plan =
        "schema = 1\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n";
    let in_json = "{\"schema\": 1, \"mappings\": [{\"source\": \"V-1\", \"target\": \"T-1\", \"operation\": \"replace\"}]}";
    let yaml = "plan:\n  mappings:\n  - {source_field: V-1, target_field: T-1, strategy: replace}\n  resource_ids: [1]\n";
    let answer = r#"[{"id": "1", "name": "V-1", "displayType": "OneLineText"},
                     {"id": "2", "name": "T-1", "displayType": "OneLineText"}]"#;
    let dataset = "schema = 1\n[[fields]]\nname = \"V-1\"\ntype = \"text\"\n[[fields]]\nname = \"T-1\"\ntype = \"text\"\n";
    for (name, text, line) in [
        ("plan.toml", plan, "run --plan plan.toml --resources 9 --no-store"),
        ("plan.json", in_json, "run --plan plan.json --resources 9 --no-store"),
        ("theirs.yaml", yaml, "plan import theirs.yaml"),
        ("answer.json", answer, "dataset import --custom-fields answer.json"),
        ("own.toml", dataset, "dataset describe own.toml --resources 5"),
        ("ids.txt", "3\n5\n", "run --resources 9 --resource-ids @ids.txt --no-store"),
        ("calls.har", &recording(40).to_string(), "fit calls.har"),
    ] {
        let crlf = text.replace('\n', "\r\n");
        let files =
            [text.into(), crlf.clone().into(), format!("\u{feff}{crlf}").into(), utf16(&crlf)];
        let said = files.map(|bytes: Vec<u8>| {
            std::fs::write(place.path().join(name), bytes).unwrap();
            place.neonbench(line)
        });
        assert_eq!(said[0].code, 0, "{line}: {:?}", said[0]);
        for other in &said[1..] {
            assert_eq!((other.code, &other.stdout), (0, &said[0].stdout), "{line}: {other:?}");
        }
    }
    std::fs::write(place.path().join("plan.toml"), b"\xe4\xf6\xfc").unwrap();
    place.refused("run --plan plan.toml", 2, &["plan.toml", "neither UTF-8 nor UTF-16"]);
}

#[test]
fn an_export_of_a_report_names_the_accounts() {
    let place = Place::new();
    place.file("ids.csv", "Account ID\r\n\"12\"\r\n\"15\"\r\n");
    let run = place.json("run --resources 20 --resource-ids @ids.csv --json --no-store", 0);
    assert_eq!(run["resources"], 2);
    place.file("ids.csv", "Name;Account ID;Gift\r\n\"A; B\";12;5\r\nC;15;7\r\nA;12;9\r\n");
    let run = place.json("run --resources 20 --resource-ids @ids.csv --json --no-store", 0);
    assert_eq!(run["resources"], 2);
    place.file("ids.csv", "Name,Gift\nA,5\n");
    let line = "run --resources 20 --resource-ids @ids.csv";
    place.refused(line, 2, &["ids.csv, line 1", "`Account ID`"]);
    place.file("ids.txt", "12\n15\n12\n");
    let line = "run --resources 20 --resource-ids @ids.txt";
    place.refused(line, 2, &["ids.txt, line 3", "listed twice"]);
}

#[test]
fn a_fit_says_what_it_used_and_refuses_what_cannot_be() {
    let place = Place::new();
    let mut recorded = recording(120);
    let entries = recorded["log"]["entries"].as_array_mut().unwrap();
    let mut cached = entries[0].clone();
    cached["_fromCache"] = json!("memory");
    entries.extend(vec![cached; 6]);
    place.file("calls.har", &recorded.to_string());
    let fit = place.json("fit calls.har --json", 0);
    assert_eq!(
        (&fit["cost"]["calls"], &fit["cost"]["passed_over"]["cached"]),
        (&120.into(), &6.into())
    );
    let median = fit["times"]["get"]["median_ms"].as_f64().unwrap();
    assert!((180.0..210.0).contains(&median), "{fit}");
    let said = place.neonbench("fit calls.har").stdout;
    assert!(said.contains("used      120 GET /accounts/{id}"), "{said}");
    assert!(said.contains("passed    over 6 answered from a cache"), "{said}");
    // Times of a nanosecond among a few: without a mark nobody can tell, but the law that they make cannot be.
    recorded = recording(7);
    for entry in recorded["log"]["entries"].as_array_mut().unwrap().iter_mut().step_by(3) {
        entry["timings"] = json!({ "send": 0, "wait": 1e-6, "receive": 0 });
    }
    place.file("calls.har", &recorded.to_string());
    place.refused(
        "fit calls.har",
        2,
        &["calls.har: the times of reads fit no law", "no measurements"],
    );
    place.file("calls.har", "{");
    let said = place.neonbench("fit calls.har");
    assert!(said.stderr.starts_with("error: calls.har: EOF"), "{said:?}");
}

#[test]
fn a_plan_of_the_python_engine_comes_in_by_each_of_its_formats() {
    let place = Place::new();
    place.file("theirs.csv", "source_field,target_field,strategy,preserve_source,validation_required,has_transform_function,notes\nV-A,T-A,replace,True,True,False,\n");
    let imported = place.neonbench("plan import theirs.csv --to plan.toml");
    assert!(imported.code == 3 && imported.stdout.contains("1 mapping"), "{imported:?}");
    let plan = std::fs::read_to_string(place.path().join("plan.toml")).unwrap();
    assert!(plan.contains("dry_run = true"), "{plan}");
    place.file("theirs.yaml", "plan:\n  mappings:\n  - {source_field: V-A, target_field: T-A, strategy: replace}\n  resource_filter: {\"Account Type\": \"Individual\"}\n");
    assert_eq!(place.neonbench("plan import theirs.yaml --to filter.toml").code, 0);
    let run = place.json("run --plan filter.toml --resources 30 --json --no-store", 0);
    assert_eq!(run["resources"], 30);
    let exported = place.neonbench("plan export filter.toml --to back.json");
    let back = std::fs::read_to_string(place.path().join("back.json")).unwrap();
    let back: Value = serde_json::from_str(&back).unwrap();
    assert_eq!(
        back["plan"]["resource_filter"],
        json!({ "Account Type": "Individual" }),
        "{exported:?}"
    );
    place.file("todo.yaml", "plan:\n  mappings:\n  - {source_field: V-A, target_field: TODO_SPECIFY_TARGET, strategy: COPY_IF_EMPTY}\n");
    let todo = place.neonbench("plan import todo.yaml");
    assert!(
        todo.code == 3 && todo.stderr.contains("`TODO_SPECIFY_TARGET` is no target"),
        "{todo:?}"
    );
    // A plan that was filled in halfway is named by its line, and not run.
    let plan = |target: &str| {
        format!(
            "schema = 1\n[[mappings]]\nsource = \"V-A\"\ntarget = \"T\"\noperation = \"replace\"\n\n[[mappings]]\nsource = \"V-B\"\ntarget = \"{target}\"\noperation = \"replace\"\n"
        )
    };
    for target in ["TODO", "TODO_SPECIFY_TARGET"] {
        place.file("half.toml", &plan(target));
        place.refused(
            "run --plan half.toml --no-store",
            2,
            &["half.toml, line 7", target, "`V-B`"],
        );
        let tried = place.neonbench("run --plan half.toml --no-store --dry-run");
        assert!(tried.code == 0 && tried.stderr.contains("half.toml, line 7"), "{tried:?}");
    }
    place.file("named.toml", &plan("TODO list"));
    assert_eq!(place.neonbench("run --plan named.toml --no-store").code, 0);
}
