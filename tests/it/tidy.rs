//! The shape of the code, as tables, and checks that the code keeps to them: imports go down, only
//! shells use a shell's means, files are short, nothing is left undone.
//!
//! A crate boundary already keeps the engine from the report and the mock from both. These tables
//! order the modules inside each crate. To add a module, name it on a floor of [`CRATES`].

use std::fs;
use std::path::Path;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Token};

/// Modules of one floor, separated by spaces. They do not import each other; `a+b` are two files
/// that may. `a/b` gives a submodule a floor of its own.
type Floor = &'static str;

/// Folder of each crate's sources, and its floors from the lowest to the highest.
#[rustfmt::skip]
const CRATES: &[(&str, &[Floor])] = &[
    ("mock/src/", &[
        "named bounds",
        "time rng file api",
        "service limit fault staff integration webhooks behaviour dataset",
        "org",
        "profile",
        "neon",
        "wall_clock credentials served mishap",
        "live",
        "server",
        "neon_mock+builder",
        "wiremock",
        "lib",
    ]),
    ("engine/src/", &[
        "near",
        "plan",
        "event transport clock journal",
        "decide measure",
        "scenario",
        "engine",
        "bound audit log",
        "read_back",
        "world",
        "record",
        "run",
        "lib",
    ]),
    ("src/", &[
        "digest text stats",
        "findings replicate neon_import",
        "probe",
        "experiment",
        "findings/gain delta judge selftest",
        "store",
        "select",
        "report/shared",
        "live",
        // A section of a page imports no other.
        "report/decision/answer report/decision/baseline report/decision/how report/decision/responses \
         report/decision/risks report/decision/strategies report/decision/timeline report/decision/unfinished report/decision/whatif \
         report/guide/batches report/guide/claims report/guide/examples report/guide/map report/guide/odds \
         report/guide/responses report/guide/verdict report/judged report/methodology/auto \
         report/methodology/benches report/methodology/forecasts report/methodology/http \
         report/methodology/regrets report/methodology/staff",
        "manager preflight report",
        "cli",
        "lib main",
    ]),
];

/// Names that only shells may use, and the files or folders that may, separated by spaces.
///
/// Code that waits, listens, reads a file or prints is a shell. `@ids.txt` in a list of ids is read
/// where the list is; the report's renderer runs nothing. A `Stop` and a `Control` wake what waits by tokio's `Notify`,
/// which needs no runtime.
#[rustfmt::skip]
const MEANS: &[(&str, &str)] = &[
    ("tokio", "engine/src/world engine/src/run src/preflight/server src/probe src/cli src/selftest mock/src/server \
               mock/src/wall_clock mock/src/builder engine/src/engine/stop engine/src/engine/control src/live/server"),
    ("hyper", "mock/src/server src/live/server src/live/gate"),
    ("reqwest", "engine/src/world"),
    ("rustls", "engine/src/world"),
    ("rusqlite", "src/store"),
    ("clap", "src/cli"),
    ("jiff", "src/cli/control/hours"),
    ("indicatif", "src/cli"),
    ("plotters", "src/report"),
    ("minijinja", "src/report src/live/view"),
    ("wiremock", "mock/src/wiremock mock/src/lib"),
    ("std::fs", "src/cli src/store src/preflight/host engine/src/plan/ids mock/src/wall_clock"),
    ("std::net", "engine/src/world src/selftest src/cli mock/src/server mock/src/builder \
                  mock/src/neon_mock src/live/server src/live/gate"),
    ("std::env", "src/cli src/selftest/record"),
    ("std::process", "src/cli src/main"),
    ("std::thread", "mock/src/server mock/src/wall_clock src/experiment src/report/suite src/report/methodology/http \
                     src/select src/selftest/record src/store src/live/server src/cli"),
    ("println!", "src/cli"),
    ("eprintln!", "src/cli src/main"),
    ("neon_mock::NeonMock", "mock/src/lib engine/src/run src/manager src/preflight src/selftest src/probe src/cli"),
    ("neonbench_engine::run", "src/experiment src/replicate src/delta src/findings/gain src/probe \
                               src/store src/select src/manager src/preflight src/report/shared src/report/methodology/http \
                               src/report/decision/risks src/report/decision/timeline \
                               src/report/decision/whatif src/cli"),
    ("neonbench_engine::world", "src/experiment src/manager src/preflight src/report/methodology src/probe \
                                 src/select/simulate src/selftest src/cli"),
];

/// Lines that a file may have.
const MAX_LINES: usize = 600;

/// The files below `folder` with one of `extensions` and their texts, by their paths from the root.
pub(crate) fn files(folder: &str, extensions: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let is_made = matches!(name.as_str(), "target" | "out" | "published");
                folders.extend((!is_made && !name.starts_with('.')).then_some(path));
            } else if path
                .extension()
                .is_some_and(|it| extensions.iter().any(|wanted| it == *wanted))
            {
                let from_root = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.push((from_root, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The modules of a crate by their paths (`engine/retry`), without those of tests.
pub(crate) fn modules(src: &str) -> Vec<(String, syn::File)> {
    let parsed = files(src, &["rs"]).into_iter().map(|(file, text)| {
        let module = file.strip_prefix(src).unwrap().strip_suffix(".rs").unwrap().to_owned();
        (module, syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}")))
    });
    let mut all: Vec<(String, syn::File)> = parsed.collect();
    let mut of_tests = Vec::new();
    for (module, file) in &all {
        let parent = if module == "lib" || module == "main" { "" } else { module };
        of_tests.extend(file.items.iter().filter_map(|item| match item {
            syn::Item::Mod(inner) if inner.content.is_none() && is_test(&inner.attrs) => {
                Some(format!("{parent}/{}", inner.ident).trim_start_matches('/').to_owned())
            }
            _ => None,
        }));
    }
    all.retain(|(module, _)| !of_tests.iter().any(|test| is_in(module, test)));
    all
}

/// True if `#[cfg(test)]` is among `attributes`.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// True if `path` is `folder`, or lies below it.
fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every path and macro that a file names outside its tests: `std::fs::File`, `println!`.
/// Arguments of a macro are seen where they are expressions.
#[derive(Default)]
struct Named {
    paths: Vec<String>,
    /// Inline modules around the place that is visited: `super` leads out of the innermost.
    depth: usize,
}

impl Named {
    fn of(file: &syn::File) -> Vec<String> {
        let mut named = Self::default();
        named.visit_file(file);
        named.paths
    }

    fn push(&mut self, path: &str) {
        // Inside an inline module the first `super` is the file itself.
        let mut path = path;
        for _ in 0..self.depth {
            path = path.strip_prefix("super::").unwrap_or(path);
        }
        self.paths.push(path.to_owned());
    }

    fn push_tree(&mut self, prefix: &str, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(it) => self.push_tree(&format!("{prefix}{}::", it.ident), &it.tree),
            syn::UseTree::Name(it) if it.ident == "self" => self.push(prefix.trim_end_matches(':')),
            syn::UseTree::Name(it) => self.push(&format!("{prefix}{}", it.ident)),
            syn::UseTree::Rename(it) => self.push(&format!("{prefix}{}", it.ident)),
            syn::UseTree::Glob(_) => self.push(prefix.trim_end_matches(':')),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.push_tree(prefix, tree));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Named {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            self.depth += 1;
            visit::visit_item_mod(self, module);
            self.depth -= 1;
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        if !is_test(&import.attrs) {
            self.push_tree("", &import.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        self.push(&segments.join("::"));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().unwrap();
        self.push(&format!("{}!", name.ident));
        let arguments = call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        for argument in arguments.iter().flatten() {
            Named::visit_expr(self, argument);
        }
        visit::visit_macro(self, call);
    }
}

/// The floor of a module, and its room there; the longest name wins.
fn room(floors: &[Floor], module: &str) -> Option<(usize, &'static str)> {
    let rooms = floors.iter().enumerate().flat_map(|(floor, rooms)| {
        rooms
            .split_whitespace()
            .flat_map(move |room| room.split('+').map(move |name| (floor, room, name)))
    });
    let around = rooms.filter(|(_, _, name)| is_in(module, name));
    around.max_by_key(|(_, _, name)| name.len()).map(|(floor, room, _)| (floor, room))
}

/// Modules that `module` imports and may not.
fn violations(floors: &[Floor], module: &str, file: &syn::File) -> Vec<String> {
    let Some((floor, own)) = room(floors, module) else {
        return vec![format!("{module} has no floor: give it one in tests/it/tidy.rs")];
    };
    let mut wrong = Vec::new();
    for path in Named::of(file) {
        let path = path.replace("::", "/");
        let mut around = module.rsplit_once('/').map_or("", |(parent, _)| parent);
        let mut rest = path.as_str();
        if let Some(from_root) = rest.strip_prefix("crate/") {
            (around, rest) = ("", from_root);
        } else if let Some(from_parent) = rest.strip_prefix("super/") {
            rest = from_parent;
            while let Some(further) = rest.strip_prefix("super/") {
                around = around.rsplit_once('/').map_or("", |(parent, _)| parent);
                rest = further;
            }
        } else {
            continue;
        }
        let named = format!("{around}/{rest}");
        // Items that the crate's root exports itself are on no floor.
        let Some((other, room)) = room(floors, named.trim_start_matches('/')) else { continue };
        if room != own && other >= floor {
            wrong.push(format!("{module} (floor {floor}) imports {path} (floor {other})"));
        }
    }
    wrong
}

/// Names that `file` uses and only others may.
fn means(file: &str, parsed: &syn::File) -> Vec<String> {
    let module = file.trim_end_matches(".rs");
    let named = Named::of(parsed);
    let is_used = |name: &str| {
        named.iter().any(|path| path == name || path.starts_with(&format!("{name}::")))
    };
    let forbidden = MEANS.iter().filter(|(name, may)| {
        !may.split_whitespace().any(|folder| is_in(module, folder)) && is_used(name)
    });
    forbidden.map(|(name, may)| format!("{file} uses {name}, which only {may} may")).collect()
}

pub(crate) fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn imports_go_down() {
    let mut wrong = Vec::new();
    for (src, floors) in CRATES {
        for (module, file) in modules(src) {
            wrong.extend(violations(floors, &module, &file));
        }
    }
    assert_none(&wrong);
}

#[test]
fn only_shells_use_the_means_of_shells() {
    let mut wrong = Vec::new();
    for (src, _) in CRATES {
        for (module, file) in modules(src) {
            wrong.extend(means(&format!("{src}{module}.rs"), &file));
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_mock_does_not_know_the_benchmark() {
    for (file, text) in files("mock", &["rs", "toml"]) {
        assert!(!text.contains("neonbench"), "{file} names it");
    }
}

#[test]
fn files_are_short() {
    let long = files("", &["rs"]).into_iter().filter(|(_, text)| text.lines().count() > MAX_LINES);
    assert_none(&long.map(|(file, _)| file).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_undone_or_tied_to_one_machine() {
    // Put together here, so that this file does not find itself.
    let never = [
        ["to", "do!("],
        ["unimple", "mented!("],
        ["FIX", "ME"],
        ["/ho", "me/"],
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/Us", "ers/"],
        ["C:", "\\"],
    ];
    let mut wrong = Vec::new();
    for (file, text) in files("", &["rs", "toml", "md", "html", "css", "js"]) {
        let found = never.iter().map(|parts| parts.concat()).filter(|word| text.contains(word));
        wrong.extend(found.map(|word| format!("{file}: {word}")));
    }
    assert_none(&wrong);
}

#[test]
fn planted_violations_are_caught() {
    let floors = |src: &str| CRATES.iter().find(|(folder, _)| *folder == src).unwrap().1;
    let up = |src: &str, module: &str, text: &str| {
        violations(floors(src), module, &syn::parse_file(text).unwrap())
    };
    // From a lower floor to a higher one, however it is written.
    for text in [
        "use crate::run::RunSpec;",
        "use crate::{event::Event, run::{RunSpec, Run}};",
        "fn f() { let _ = crate::run::World::Virtual; }",
        "fn f() { assert!(g(1, crate::run::World::Virtual)); }",
        "fn f(record: &crate::record::RunRecord) {}",
        "use crate::\n    engine as motor;",
        "use super::record::RunRecord;",
        "pub use crate::audit;",
        "mod inner { use super::super::run::Run; }",
    ] {
        assert!(!up("engine/src/", "plan", text).is_empty(), "{text}");
        assert!(up("engine/src/", "lib", text).is_empty(), "{text}");
    }
    assert_eq!(up("engine/src/", "plan/ids", "use super::super::run::Run;").len(), 1);
    assert_eq!(up("engine/src/", "engine/retry", "use crate::audit::Audit;").len(), 1);
    assert_eq!(up("engine/src/", "clock", "use crate::event::Event;").len(), 1, "one floor");
    assert_eq!(up("engine/src/", "lost", "").len(), 1, "a file without a floor");
    assert_eq!(up("mock/src/", "neon", "use crate::{live::Live, org::X};").len(), 1);
    assert!(up("mock/src/", "builder", "use crate::neon_mock::NeonMock;").is_empty());
    assert_eq!(up("src/", "findings", "use crate::experiment::Rank;").len(), 1);
    assert!(up("src/", "findings/gain", "use crate::experiment::Rank;").is_empty());
    for text in ["use crate::report::decision::risks::rows;", "use crate::report::model::Model;"] {
        assert_eq!(up("src/", "report/decision/whatif/pools", text).len(), 1, "{text}");
        assert!(up("src/", "report/html", text).is_empty(), "{text}");
    }
    for text in [
        "use super::settings::Settings; use crate::plan::Plan; use crate::engine::retry;",
        "// use crate::run::X;\n/* use crate::run::X; /* */ */",
        "const S: &str = \"crate::run::X\"; const C: char = '\"';",
        "#[cfg(test)] mod tests { use crate::run::X; fn f() { {} } }",
        "#[cfg(test)] mod tests; #[cfg(test)] use crate::run::X;",
        "use std::fmt; macro_rules! m { () => { $crate::run } } use crate::CAN_BE_ANYTHING;",
        "mod inner { use super::super::retry::Retry; }",
    ] {
        assert_eq!(up("engine/src/", "engine/caller", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn planted_means_are_caught() {
    let means = |file, text| means(file, &syn::parse_file(text).unwrap());
    for (file, text) in [
        ("engine/src/decide.rs", "use tokio::time::sleep;"),
        ("engine/src/engine/retry.rs", "fn f() { std::fs::read(\"x\"); }"),
        ("engine/src/audit.rs", "use std::{fmt, fs::File};"),
        ("engine/src/measure.rs", "fn f() { println!(); }"),
        ("engine/src/measure.rs", "fn f() { assert!(std::env::var(\"x\").is_ok()); }"),
        ("engine/src/scenario.rs", "use neon_mock::{Neon, NeonMock};"),
        ("src/report/html.rs", "use neonbench_engine::run::RunSpec;"),
        ("src/report/html.rs", "use neonbench_engine::{record::R, world::{self, Target}};"),
        ("src/store.rs", "use clap::Parser;"),
        ("mock/src/org.rs", "use std::net::IpAddr;"),
        ("mock/src/neon.rs", "use hyper::Request;"),
    ] {
        assert_eq!(means(file, text).len(), 1, "{file}: {text}");
    }
    for (file, text) in [
        ("src/cli/run.rs", "fn f() { println!(); std::fs::read(\"x\"); }"),
        ("src/main.rs", "fn f() { eprintln!(); }"),
        ("src/report/methodology/http.rs", "use neonbench_engine::{run::RunSpec, world::Target};"),
        ("src/report/html.rs", "fn f() { writeln!(text, \"println!\"); } mod run;"),
        ("src/report/html.rs", "use neonbench_engine::record::run; use crate::run;"),
        ("engine/src/scenario.rs", "use neon_mock::{Neon, org::Organisation}; // std::fs::read"),
    ] {
        assert_eq!(means(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}
