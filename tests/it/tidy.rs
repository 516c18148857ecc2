//! The rooms of the design and their floors, as data, and a check that imports only go down.
//!
//! Purity is a failing build, not a promise: what a room may name, and who may use a shell's means,
//! stands in the tables below. A new file that stands in no room fails here until it gets one.

use std::fs;
use std::path::{Path, PathBuf};

/// A file and the folder beside it, and the floor that they stand on. The longest path wins.
type Room = (&'static str, u32);

/// The mock. Everything from 50 up is a shell.
const MOCK: &[Room] = &[
    ("time", 0),
    ("rng", 0),
    ("file", 0),
    ("api", 0),
    ("service", 10),
    ("limit", 10),
    ("fault", 10),
    ("staff", 10),
    ("behaviour", 10),
    ("dataset", 10),
    ("org", 15),
    ("profile", 20),
    ("neon", 30),
    ("wall_clock", 50),
    ("credentials", 50),
    ("served", 50),
    ("live", 51),
    ("server", 52),
    // A builder makes a mock and a mock offers a builder: one room in two files.
    ("neon_mock", 53),
    ("builder", 53),
    ("wiremock", 54),
    ("lib", 100),
];

/// The library and the binary.
const ROOT: &[Room] = &[
    ("near", 0),
    ("plan", 10),
    ("event", 10),
    ("transport", 10),
    ("clock", 10),
    ("journal", 10),
    ("decide", 20),
    ("measure", 20),
    ("scenario", 30),
    ("engine", 40),
    ("bound", 41),
    ("audit", 41),
    ("log", 41),
    ("read_back", 50),
    ("world", 51),
    ("record", 55),
    ("findings", 56),
    ("run", 60),
    ("replicate", 65),
    ("findings/gain", 66),
    ("delta", 66),
    ("judge", 66),
    ("probe", 66),
    ("selftest", 66),
    ("store", 70),
    ("select", 75),
    ("manager", 80),
    ("report", 80),
    ("cli", 90),
    ("main", 100),
    ("lib", 100),
];

/// Pairs of rooms on one floor that are one room in two files.
const ONE_ROOM: &[(&str, &str)] = &[("neon_mock", "builder")];

/// What only some may name: the name, and paths below `src` or `mock/src` that may.
///
/// Whatever waits, listens, reads a file or speaks to a person is a shell.
const MEANS: &[(&str, &[&str])] = &[
    (
        "tokio",
        &[
            "src/world",
            "src/run",
            "src/probe/target",
            "src/cli",
            "src/selftest",
            "mock/src/server",
            "mock/src/wall_clock",
            "mock/src/builder",
        ],
    ),
    ("hyper", &["mock/src/server"]),
    ("reqwest", &["src/world", "src/cli"]),
    ("rustls", &["src/world"]),
    ("rusqlite", &["src/store"]),
    ("clap", &["src/cli"]),
    ("indicatif", &["src/cli"]),
    ("plotters", &["src/report"]),
    ("minijinja", &["src/report"]),
    ("wiremock", &["mock/src/wiremock", "mock/src/lib"]),
    // `@ids.txt` in a list of ids is read where the list is.
    ("std::fs", &["src/cli", "src/store", "src/plan/ids", "mock/src/wall_clock"]),
    (
        "std::net",
        &[
            "src/world",
            "src/selftest",
            "src/cli",
            "mock/src/server",
            "mock/src/builder",
            "mock/src/neon_mock",
        ],
    ),
    ("std::env", &["src/cli", "src/selftest/record"]),
    ("std::process", &["src/cli", "src/main"]),
    (
        "std::thread",
        &[
            "mock/src/server",
            "mock/src/wall_clock",
            "src/report/suite",
            "src/select",
            "src/replicate",
            "src/selftest/record",
            "src/cli",
        ],
    ),
    ("println!", &["src/cli"]),
    ("eprintln!", &["src/cli", "src/main"]),
    (
        "neon_mock::NeonMock",
        &["src/run", "src/manager", "src/selftest", "src/probe/target", "src/cli"],
    ),
    ("neon_mock::StartError", &["src/run", "src/manager", "src/selftest", "src/cli"]),
    // The renderer never runs anything.
    (
        "crate::run",
        &[
            "src/replicate",
            "src/findings/gain",
            "src/probe",
            "src/store",
            "src/select",
            "src/manager",
            "src/report/suite",
            "src/cli",
        ],
    ),
    (
        "crate::world",
        &[
            "src/run",
            "src/manager",
            "src/report/suite",
            "src/probe/target",
            "src/select/simulate",
            "src/selftest",
            "src/cli",
        ],
    ),
];

/// Files above the bound, each with the reason why it is not yet below; the list only shrinks.
const LONG: &[&str] = &[];

/// Lines that a file may have.
const MAX_LINES: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` with one of `extensions`, with its path from the root, in order.
fn files(folder: &str, extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | "out" | "published")
                    && !name.starts_with('.')
                {
                    folders.push(path);
                }
            } else if extensions.iter().any(|wanted| name.ends_with(&format!(".{wanted}"))) {
                let from_root = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((from_root, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// `text` without comments, and with the insides of string and character literals blanked. Line
/// ends stay.
fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut made = String::with_capacity(text.len());
    let mut index = 0;
    while index < chars.len() {
        let end = match (at(index), at(index + 1)) {
            ('/', '/') => (index..chars.len()).find(|&end| at(end) == '\n').unwrap_or(chars.len()),
            ('/', '*') => block_comment_end(&chars, index),
            ('"', _) => string_end(&chars, index),
            ('r', '"' | '#') if !is_name(at(index.wrapping_sub(1))) => {
                raw_string_end(&chars, index)
            }
            ('\'', '\\') => {
                (index + 3..chars.len()).find(|&end| at(end) == '\'').map_or(chars.len(), |e| e + 1)
            }
            ('\'', _) if at(index + 2) == '\'' => index + 3,
            _ => index,
        };
        if end == index {
            made.push(at(index));
            index += 1;
        } else {
            made.extend(chars[index..end].iter().filter(|&&c| c == '\n'));
            made.push(' ');
            index = end;
        }
    }
    made
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut index) = (0, start);
    while index + 1 < chars.len() {
        match (chars[index], chars[index + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') if depth == 1 => return index + 2,
            ('*', '/') => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
    }
    chars.len()
}

fn string_end(chars: &[char], start: usize) -> usize {
    let mut index = start + 1;
    while index < chars.len() {
        match chars[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

/// Where the raw string at `start` ends; `start` if there is none.
fn raw_string_end(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    let body = start + 1 + hashes;
    if chars.get(body) != Some(&'"') {
        return start;
    }
    let closes = |&index: &usize| {
        chars[index] == '"'
            && chars[index + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    (body + 1..chars.len()).find(closes).map_or(chars.len(), |index| index + 1 + hashes)
}

/// `code` without its inline test modules.
fn without_tests(code: &str) -> String {
    let mut made = code.to_owned();
    while let Some(start) = made.find("#[cfg(test)]") {
        let rest = &made[start..];
        let end = match (rest.find(';'), rest.find('{')) {
            (Some(semicolon), None) => semicolon + 1,
            (Some(semicolon), Some(brace)) if semicolon < brace => semicolon + 1,
            (_, Some(brace)) => block_end(rest, brace),
            (None, None) => rest.len(),
        };
        made.replace_range(start..start + end, "");
    }
    made
}

fn block_end(code: &str, brace: usize) -> usize {
    let mut depth = 0_u32;
    for (index, character) in code.char_indices().skip_while(|(index, _)| *index < brace) {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return index + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Every path that begins with `first` and goes on: `use crate::{a::B, c}` names `a::B` and `c`.
fn paths(code: &str, first: &str) -> Vec<String> {
    let start = format!("{first}::");
    let named = code.match_indices(&start).filter(|(index, _)| {
        let before = code[..*index].chars().next_back();
        !before.is_some_and(|before| is_name(before) || before == ':' || before == '$')
    });
    let mut found = Vec::new();
    for (index, _) in named {
        let mut rest = &code[index + start.len()..];
        tree(&mut rest, "", &mut found);
    }
    found
}

/// Takes one tree of a `use` off `rest`, or one path.
fn tree(rest: &mut &str, prefix: &str, found: &mut Vec<String>) {
    *rest = rest.trim_start();
    if let Some(inside) = rest.strip_prefix('{') {
        *rest = inside;
        loop {
            *rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            if let Some(after) = rest.strip_prefix('}') {
                *rest = after;
                return;
            }
            let before = rest.len();
            tree(rest, prefix, found);
            if rest.len() == before {
                return;
            }
        }
    }
    let end = rest.find(|c: char| !is_name(c) && c != '*').unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
    *rest = after;
    if let Some(deeper) = after.trim_start().strip_prefix("::")
        && !deeper.starts_with('<')
    {
        *rest = deeper;
        tree(rest, &path, found);
        return;
    }
    // `as OtherName`
    if let Some(alias) = rest.trim_start().strip_prefix("as ") {
        *rest = alias.trim_start().trim_start_matches(is_name);
    }
    found.push(path);
}

/// The room of a path such as `engine/retry` or `engine`.
fn room<'a>(rooms: &'a [Room], path: &str) -> Option<&'a Room> {
    let inside = |room: &&Room| {
        path.strip_prefix(room.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    rooms.iter().filter(inside).max_by_key(|room| room.0.len())
}

/// The modules that a file names, as paths from the crate's root: `engine/retry/backoff`.
fn named(code: &str, module: &str) -> Vec<String> {
    let from_root = paths(code, "crate").into_iter().map(|path| path.replace("::", "/"));
    let parent = module.rsplit_once('/').map_or("", |(parent, _)| parent);
    // `super` in an inline module means the file itself, which is its own room either way.
    let from_parent = paths(code, "super").into_iter().filter(|path| !path.starts_with("super"));
    let from_parent = from_parent.map(|path| {
        let path = path.replace("::", "/");
        if parent.is_empty() { path } else { format!("{parent}/{path}") }
    });
    from_root.chain(from_parent).collect()
}

/// What `text`, the file of `module`, names that it may not.
fn violations(rooms: &[Room], module: &str, text: &str) -> Vec<String> {
    let Some(&(own, floor)) = room(rooms, module) else {
        return vec![format!("{module} stands in no room: give it one in tests/tidy.rs")];
    };
    let code = without_tests(&code(text));
    let mut wrong = Vec::new();
    for path in named(&code, module) {
        // Names that the crate's root re-exports stand in no room, and macros neither.
        let Some(&(other, other_floor)) = room(rooms, &path) else { continue };
        let one_room = own == other
            || ONE_ROOM.iter().any(|&(a, b)| (own, other) == (a, b) || (own, other) == (b, a));
        if !one_room && other_floor >= floor {
            wrong.push(format!(
                "{module} (floor {floor}) names {path} (floor {other_floor}): imports go down"
            ));
        }
    }
    wrong
}

/// What a file uses that only others may.
fn means(file: &str, text: &str) -> Vec<String> {
    let code = without_tests(&code(text));
    let stem = file.trim_end_matches(".rs");
    let may = |path: &&&str| {
        stem.strip_prefix(**path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut wrong = Vec::new();
    for (name, allowed) in MEANS {
        // Within the mock that is a module of its own.
        let is_its_own = file.starts_with("mock/") && name.starts_with("neon_mock::");
        if is_its_own || allowed.iter().any(|path| may(&path)) {
            continue;
        }
        let used = match name.rsplit_once("::") {
            Some((outer, inner)) => {
                paths(&code, outer.split("::").next().unwrap_or(outer)).iter().any(|path| {
                    let full = format!("{}::{path}", outer.split("::").next().unwrap_or(outer));
                    full == *name || full.starts_with(&format!("{outer}::{inner}::"))
                })
            }
            None if name.ends_with('!') => code
                .match_indices(name)
                .any(|(index, _)| !code[..index].chars().next_back().is_some_and(is_name)),
            None => !paths(&code, name).is_empty(),
        };
        if used {
            wrong.push(format!("{file} uses {name}, which only {allowed:?} may"));
        }
    }
    wrong
}

/// The modules of a crate, without those of tests: `#[cfg(test)] mod fixture;` makes one.
fn modules(src: &str) -> Vec<(String, String)> {
    let module = |file: &str| file.strip_prefix(src).unwrap().trim_end_matches(".rs").to_owned();
    let all: Vec<(String, String)> =
        files(src, &["rs"]).into_iter().map(|(file, text)| (module(&file), text)).collect();
    let mut of_tests = Vec::new();
    for (module, text) in &all {
        let code = code(text);
        for (start, attribute) in code.match_indices("#[cfg(test)]") {
            let rest = code[start + attribute.len()..].trim_start();
            let name = rest.strip_prefix("mod ").and_then(|rest| rest.split_once(';'));
            of_tests.extend(name.map(|(name, _)| match module.as_str() {
                "lib" => name.to_owned(),
                module => format!("{module}/{name}"),
            }));
        }
    }
    all.into_iter().filter(|(module, _)| !of_tests.contains(module)).collect()
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn imports_go_from_a_higher_floor_to_a_lower_one() {
    let mut wrong = Vec::new();
    for (rooms, src) in [(ROOT, "src/"), (MOCK, "mock/src/")] {
        for (module, text) in modules(src) {
            wrong.extend(violations(rooms, &module, &text));
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_mock_has_never_heard_of_migration() {
    for (file, text) in files("mock", &["rs", "toml"]) {
        assert!(!text.contains("neonbench"), "{file} names the root package");
    }
}

#[test]
fn only_shells_have_the_means_of_shells() {
    let mut wrong = Vec::new();
    for src in ["src/", "mock/src/"] {
        for (module, text) in modules(src) {
            wrong.extend(means(&format!("{src}{module}.rs"), &text));
        }
    }
    assert_none(&wrong);
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    for folder in ["src", "mock", "tests", "benches", "examples"] {
        for (file, text) in files(folder, &["rs"]) {
            let lines = text.lines().count();
            let is_listed = LONG.contains(&file.as_str());
            if lines > MAX_LINES && !is_listed {
                wrong.push(format!("{file} has {lines} lines"));
            }
            if lines <= MAX_LINES && is_listed {
                wrong.push(format!("{file} is short now: strike it from the list"));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn nothing_is_left_undone_or_tied_to_one_machine() {
    // Put together here, so that this file does not find itself.
    let joined = |parts: [&str; 2]| parts.concat();
    let never_in_code =
        [joined(["to", "do!"]), joined(["unimple", "mented!"]), joined(["uns", "afe "])];
    let never_at_all = [
        joined(["FIX", "ME"]),
        joined(["/ho", "me/"]),
        joined(["/wo", "rk/"]),
        joined(["/ro", "ot/"]),
        joined(["/Us", "ers/"]),
        joined(["C:", "\\"]),
    ];
    let mut wrong = Vec::new();
    for (file, text) in files("", &["rs", "toml", "md", "html", "css"]) {
        let found = |words: &[String], text: &str| -> Vec<String> {
            let found = words.iter().filter(|word| text.contains(word.as_str()));
            found.map(|word| format!("{file}: {word}")).collect()
        };
        if Path::new(&file).extension().is_some_and(|extension| extension == "rs") {
            wrong.extend(found(&never_in_code, &code(&text)));
        }
        wrong.extend(found(&never_at_all, &text));
    }
    assert_none(&wrong);
}

#[test]
fn planted_violations_are_caught() {
    let up = |module, text: &str| violations(ROOT, module, text);
    // From a lower floor to a higher one, however it is written.
    for text in [
        "use crate::cli::CliError;",
        "use crate::{event::Event, run::{RunSpec, Run}};",
        "fn f() { let _ = crate::run::World::Virtual; }",
        "use crate::\n    engine as motor;",
        "use super::record::RunRecord;",
        "pub use crate::select;",
        "const C: char = '\"'; use crate::cli::X; const D: char = '\"';",
        "const S: &str = r#\"a\"b\"#; use crate::cli::X;",
    ] {
        assert!(!up("plan", text).is_empty(), "{text}");
        assert_eq!(up("cli/run", text), Vec::<String>::new(), "{text}");
    }
    assert!(up("plan/ids", "use super::super::cli::X;").is_empty(), "not looked into");
    assert_eq!(up("engine/retry", "use crate::audit::Audit;").len(), 1);
    assert_eq!(up("plan", "use crate::event::Event;").len(), 1, "one floor is not a lower one");
    assert_eq!(up("lost", "").len(), 1, "a file without a room");
    assert_eq!(violations(MOCK, "org/search", "use crate::neon::Neon;").len(), 1);
    assert_eq!(violations(MOCK, "neon", "use crate::{live::Live, org::X};").len(), 1);

    // What is right, or no import.
    for text in [
        "use super::settings::Settings; use crate::plan::Plan; use crate::engine::retry;",
        "// use crate::cli::X;\n/* use crate::cli::X; /* */ */",
        "const S: &str = \"crate::cli::X\"; const T: &str = r#\"\"crate::cli\"#;",
        "#[cfg(test)]\nmod tests { use crate::cli::X; fn f() { {} } }",
        "#[cfg(test)]\nmod tests;",
        "use std::fmt; use neon_mock::api::{Account, Body}; macro_rules! m { () => { $crate::cli } }",
        "use crate::CAN_BE_ANYTHING;",
    ] {
        assert_eq!(up("engine/caller", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn planted_means_are_caught() {
    for (file, text) in [
        ("src/decide.rs", "use tokio::time::sleep;"),
        ("src/engine/retry.rs", "fn f() { std::fs::read(\"x\"); }"),
        ("src/audit.rs", "use std::{fmt, fs::File};"),
        ("src/measure.rs", "fn f() { println!(); }"),
        ("src/report/html.rs", "use crate::run::RunSpec;"),
        ("src/report/html.rs", "use crate::{record::R, world::{self, Target}};"),
        ("src/scenario.rs", "use neon_mock::{Neon, NeonMock};"),
        ("mock/src/org.rs", "use std::net::IpAddr;"),
        ("mock/src/neon.rs", "use hyper::Request;"),
    ] {
        assert_eq!(means(file, text).len(), 1, "{file}: {text}");
    }
    for (file, text) in [
        ("src/cli/run.rs", "fn f() { println!(); std::fs::read(\"x\"); }"),
        ("src/main.rs", "fn f() { eprintln!(); }"),
        ("src/report/suite.rs", "use crate::{run::RunSpec, world::Target};"),
        (
            "src/report/html.rs",
            "fn f() { writeln!(text, \"println!\"); } mod run; use crate::record::run;",
        ),
        ("src/scenario.rs", "use neon_mock::{Neon, org::Organisation}; // std::fs::read"),
    ] {
        assert_eq!(means(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}
