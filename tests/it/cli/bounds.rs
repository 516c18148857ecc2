//! Numbers that no run can carry out: refused where they are read, with file, line, member and allowed values.

use super::place::Place;

/// A profile of constant times with `more` behind it.
fn profile(more: &str) -> String {
    let law = "{ law = \"constant\", time = \"1ms\" }";
    format!(
        "schema = 1\n[service]\nget = {law}\npatch = {law}\nput = {law}\nsearch = {law}\nmetadata = {law}\n{more}\n"
    )
}

#[test]
fn what_check_accepts_a_run_can_carry_out() {
    let place = Place::new();
    for (more, said) in [
        ("[staff]\nedits_per_s = 1e-12", "line 9: staff.edits_per_s = 1e-12: expected a rate"),
        ("[staff]\nedits_per_s = 5e-324", "line 9: staff.edits_per_s = 5e-324: expected a rate"),
        ("[staff]\nedits_per_s = nan", "line 9: staff.edits_per_s = NaN: expected a rate"),
        (
            "[staff]\nedits_per_s = 1.0\nskew = inf",
            "line 10: staff.skew = inf: expected an exponent",
        ),
        (
            "[staff]\nedits_per_s = 1.0\nthink = \"200000years\"",
            "line 10: staff.think: `200000years`",
        ),
        ("[behaviour]\nsearch_lag = \"600years\"", "line 9: behaviour.search_lag: `600years`"),
        ("[limits]\npool = 4294967295", "line 9: limits.pool = 4294967295: expected a number"),
        ("[limits]\nqueue = 4294967295", "line 9: limits.queue = 4294967295: expected a number"),
        ("[limits]\npool = 1e308", "line 9: limits.pool: invalid type"),
    ] {
        place.file("p.toml", &profile(more));
        for verb in ["profile check p.toml", "run --resources 3 --profile p.toml"] {
            place.refused(verb, 2, &["p.toml, ", said]);
        }
    }
}

#[test]
fn flags_name_what_they_take() {
    let place = Place::new();
    for (flags, said) in [
        ("--workers 4294967295", "a number of workers from 1 to 10000"),
        ("--batch-size 4294967295", "a number of accounts from 1 to 1000000"),
        ("--chunk-size 4294967295", "a number of accounts from 1 to 1000000"),
        ("--chunk-size 1 --chunk-pause 1000y", "`1000y` is more than a day"),
        ("--chunk-size 1 --chunk-pause 300y", "`300y` is more than a day"),
        ("--call-deadline 200000years", "`200000years` is more than a day"),
        ("--mappings 10000000", "a number of mappings from 1 to 500"),
        ("--resources 10000001", "a number of accounts from 1 to 10000000"),
        ("--limiter fixed:4294967295", "N from 1 to 1000000"),
        ("--headroom 4294967295", "a number of calls from 0 to 1000000"),
        ("--constraint rejected<nan%", "is no constraint"),
        ("--resource-ids 1-18446744073709551615", "more than 10000000 ids"),
    ] {
        place.refused(&format!("run {flags}"), 2, &[said]);
    }
    place.refused("compare --configs 4294967295/50", 2, &["a number of workers from 1 to 10000"]);
    place.refused("scalability --sizes 18446744073709551615", 2, &["10000000"]);
    place.refused("dataset describe plain --mappings 10000000", 2, &["500"]);
    place.refused("calibrate --min-gap-closed nan", 2, &["a number from -1000 to 1000"]);
    place.refused("serve --mappings 10000000", 2, &["a number of mappings from 1 to 500"]);
}

#[test]
#[cfg(unix)]
fn files_without_an_end_are_left_at_their_bound() {
    let place = Place::new();
    place.file("all.toml", "schema = 1\ndataset = \"/dev/zero\"\n");
    for (line, said) in [
        ("run --dataset /dev/zero", "it is larger than 8 MiB"),
        ("run --profile /dev/zero", "it is larger than 8 MiB"),
        ("run --plan /dev/zero", "it is larger than 8 MiB"),
        ("run --scenario /dev/zero", "it is larger than 8 MiB"),
        ("run --scenario all.toml", "it is larger than 8 MiB"),
        ("run --thresholds /dev/zero", "it is larger than 8 MiB"),
        ("plan preview /dev/zero", "it is larger than 8 MiB"),
        ("fit /dev/zero", "it is larger than 256 MiB"),
    ] {
        place.refused(line, 2, &["cannot read /dev/zero", said]);
    }
}

#[test]
fn files_of_hostile_sizes_are_refused_or_read_at_once() {
    let place = Place::new();
    let mapping = |n: usize| {
        format!(
            "[[mappings]]\nsource = \"V-{n}\"\ntarget = \"V-{}\"\noperation = \"merge\"\n",
            n + 1
        )
    };
    let mappings = |count: usize| -> String { (0..count).map(mapping).collect() };
    place.file("most.toml", &format!("schema = 1\n{}", mappings(500)));
    let most = place.json("plan preview most.toml --json --sample 1", 0);
    assert_eq!(most["accounts"].as_array().map(Vec::len), Some(1), "{most}");
    place.file("more.toml", &format!("schema = 1\n{}", mappings(501)));
    let said = ["more.toml, line 2: mappings = 501: expected a number of mappings from 1 to 500"];
    place.refused("plan preview more.toml", 2, &said);

    let field = |n: usize| format!("[[fields]]\nname = \"V-{n}\"\ntype = \"text\"\n");
    let fields = (0..50_000).map(field).collect::<Vec<_>>().concat();
    place.file("fields.toml", &format!("schema = 1\n{fields}"));
    let said = ["fields.toml, line 2: fields = 5001: expected at most 5000 fields"];
    place.refused("dataset describe fields.toml", 2, &said);

    let values: Vec<String> = (0..200_000).map(|n| format!("\"o{n}\"")).collect();
    let values = values.join(",");
    let field = format!("[[fields]]\nname = \"V-1\"\ntype = \"checkbox\"\nvalues = [{values}]\n");
    place.file("values.toml", &format!("schema = 1\n{field}"));
    let said = ["values.toml, line 5: fields[0].values = 200000: expected at most 5000 values"];
    place.refused("dataset describe values.toml", 2, &said);
}

#[test]
fn a_transform_that_multiplies_is_stopped_and_named() {
    let place = Place::new();
    let template = format!("{{ step = \"template\", template = \"{}\" }}", "{value}".repeat(8));
    let regex = "{ step = \"regex_replace\", pattern = \"\", with = \"xxxxxxxx\" }";
    for step in [template.as_str(), regex] {
        let steps = [step; 12].join(", ");
        place.file(
            "plan.toml",
            &format!(
                "schema = 1\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"transform\"\ntransform = [{steps}]\n"
            ),
        );
        let said = "plan.toml, line 6: mappings[0].transform: the transform makes more than 65536 bytes of a single letter";
        for verb in [
            "plan check plan.toml --dataset plain",
            "plan preview plan.toml",
            "run --plan plan.toml",
        ] {
            place.refused(verb, 2, &[said]);
        }
    }
    // A map stops a letter, and lets what it knows through: the accounts that have it fail, one by one.
    let steps = [template.as_str(); 6].join(", ");
    let map = "{ step = \"map\", values = { Yes = \"On\" } }";
    let head =
        "schema = 1\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"transform\"";
    place.file("plan.toml", &format!("{head}\ntransform = [{map}, {steps}]\n"));
    let run =
        place.json("run --plan plan.toml --resources 3 --strategy hybrid --no-store --json", 3);
    assert_eq!(run["records"]["failed"], 3, "{run:#}");
    assert!(run["errors"][0].to_string().contains("more than 65536 bytes"), "{run:#}");
}

#[test]
fn ids_of_nobody_are_bounded() {
    let place = Place::new();
    let words = ["9999899 of the ids", "100 accounts", "at most 100000"];
    place.refused("run --resources 100 --resource-ids 1-9999999", 2, &words);
    let few = place.neonbench("run --resources 100 --resource-ids 1-110 --strategy hybrid");
    assert_eq!(few.code, 3, "{few:?}");
}

#[test]
fn a_histogram_is_held_against_its_bytes() {
    let place = Place::new();
    // A head of HdrHistogram's form that says that 2 GiB of counts follow.
    place
        .file("get.hlog", "0.0,1.0,2.0,HISTE3////8AAAAAAAAAAgAAAAAAAAABAAAAAAAAA+g/8AAAAAAAAA==\n");
    let of_file = profile("").replace(
        "get = { law = \"constant\", time = \"1ms\" }",
        "get = { law = \"empirical\", histogram = \"get.hlog\" }",
    );
    place.file("p.toml", &of_file);
    let said = ["p.toml, line 3: service.get.histogram", "interval 1 is no HdrHistogram interval"];
    place.refused("profile check p.toml", 2, &said);
}
