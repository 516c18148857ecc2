//! Every verb on terminals of 80 and 120 columns: no line is wider, no word is cut, no figure is lost. Man
//! pages name the verbs, so that a new one cannot be forgotten here.

use super::journals::{plain, served};
use super::place::{Place, VARIABLES, whole_outcome};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

/// A use of each verb, on what [`prepared`] makes.
const LINES: [(&str, &str); 43] = [
    ("report", "report --runs 1 --out page"),
    ("run", "run --resources 30 --workers 20 --strategy hybrid --replicates 2 --forecast"),
    ("preflight", "preflight --plan plan.toml --only fields,advice,settings,notice"),
    ("pause", "pause 2"),
    ("go", "go 2"),
    ("slow", "slow 2 --headroom 1"),
    ("stop", "stop 2"),
    ("resume", "resume 2"),
    ("retry", "retry 2"),
    ("verify", "verify 2"),
    ("undo", "undo 2 --dry-run"),
    ("store-list", "store list"),
    ("store-purge", "store purge --before 2001-01-01"),
    ("benchmark", "benchmark --resources 30 --replicates 2 --sample-size 10"),
    ("scalability", "scalability --sizes 5,10 --replicates 2"),
    ("compare", "compare --resources 30 --replicates 2"),
    ("analyze", "analyze --resources 20"),
    ("probe", "probe --resources 30 --profile constant"),
    ("fit", "fit --run 3"),
    ("calibrate", "calibrate --set cases.toml --held-out cases.toml --min-gap-closed=-9"),
    ("evaluate", "evaluate --scenarios few"),
    ("show-config", "show-config --resources 30"),
    ("schema", "schema"),
    ("completions", "completions bash"),
    ("man", "man"),
    ("history", "history"),
    ("live", "live"),
    ("judge", "judge --resources 3 --compare -- true"),
    ("selftest", "selftest --help"),
    ("serve", "serve --help"),
    ("plan-check", "plan check plan.toml --dataset plain"),
    ("plan-preview", "plan preview plan.toml"),
    ("plan-ids", "plan ids plan.toml --sample 3"),
    ("plan-import", "plan import plan.yaml --to imported.toml"),
    ("plan-export", "plan export plan.toml --to plan.yaml"),
    ("profile-list", "profile list"),
    ("profile-show", "profile show documented"),
    ("profile-check", "profile check staff.toml --all"),
    ("dataset-list", "dataset list"),
    ("dataset-describe", "dataset describe dirty"),
    ("dataset-import", "dataset import --custom-fields fields.json --out own.toml"),
    ("dataset-export", "dataset export plain"),
    ("", "--help"),
];

/// Verbs that print a file, a script or a page for another program, whose lines are their own.
const FILES: [&str; 4] = ["completions", "man", "profile-show", "dataset-export"];

/// Words that only a narrow table says.
const NARROW: [&str; 8] = ["each", "row", "not", "shown", "at", "this", "width", "next"];

/// Units of a wall-clock time: a verb that says how long it took does not take as long twice.
const UNITS: [&str; 2] = ["min", "ms"];

/// A place with runs, plans and scenarios.
fn prepared(url: &str) -> Place {
    let place = Place::new();
    place.file(
        "plan.toml",
        "schema = 1\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n",
    );
    let case = "resources = 8\nmappings = 2\nprofile = \"constant\"\n";
    place.file("cases.toml", &format!("schema = 1\n[[scenarios]]\nname = \"small\"\n{case}"));
    std::fs::create_dir(place.path().join("few")).unwrap();
    place.file("few/small.toml", &format!("schema = 1\n{case}"));
    place.file(
        "fields.json",
        r#"[{"id": "7", "name": "Shoe size", "fieldDataType": "Text", "displayType": "OneLineText", "component": "Account"}]"#,
    );
    place.file("staff.toml", &place.neonbench("profile show staff").stdout);
    for line in [
        "run --resources 40 --replicates 2".to_owned(),
        format!("run --resources 12 --base-url {url}"),
        "run --resources 60 --strategy standard".to_owned(),
        "plan export plan.toml --to plan.yaml".to_owned(),
    ] {
        let said = place.neonbench(&line);
        // The Python SDK cannot hold all of the plan.
        assert!([0, 3].contains(&said.code), "{line}: {said:?}");
    }
    place
}

/// The output of `line` on a terminal of `columns` columns.
fn on_terminal(place: &Place, line: &str, columns: u16, env: (&str, &str)) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap();
    let path = OsStr::from_bytes(path.to_bytes());
    let ours = File::options().read(true).write(true).open(path).unwrap();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).unwrap();
    let end = || Stdio::from(ours.try_clone().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_neonbench"));
    command.args(line.split_whitespace()).current_dir(place.path());
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color").env(env.0, env.1);
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    drop((command, ours));
    let (mut shown, mut master, mut part) = (Vec::new(), File::from(terminal), [0; 4096]);
    // Linux ends a terminal that nobody holds any longer by an error.
    while let Ok(read @ 1..) = master.read(&mut part) {
        shown.extend_from_slice(&part[..read]);
    }
    child.wait().unwrap();
    String::from_utf8(shown).unwrap()
}

/// `text` without escape sequences.
fn plain_text(text: &str) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            characters.find(char::is_ascii_alphabetic);
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The words of `text`: letters only, since figures of the wall clock differ from one run to the next.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1);
    words.map(str::to_owned).collect()
}

#[test]
fn every_verb_fits_the_terminal_and_cuts_no_word() {
    let mock = served(&plain(12), 1);
    let place = prepared(&mock.base_url());
    let pages = place.neonbench("man --out pages");
    assert_eq!(pages.code, 0, "{pages:?}");
    for page in std::fs::read_dir(place.path().join("pages")).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        let verb =
            name.trim_start_matches("neonbench").trim_start_matches('-').trim_end_matches(".1");
        let below = format!("{verb}-");
        let is_there = LINES.iter().any(|(of, _)| *of == verb || of.starts_with(&below));
        assert!(is_there || verb.contains("help"), "{verb}: no line");
    }
    let mut wrong = Vec::new();
    for (verb, line) in LINES {
        // Help is as wide as 100 columns at most: one narrow terminal tells.
        let mut lines = vec![line.to_owned()];
        lines.extend(["-h", "--help"].map(|help| format!("{} {help}", verb.replacen('-', " ", 1))));
        if verb.starts_with("show") {
            lines.truncate(1);
        }
        for line in lines {
            let piped = place.neonbench(&line);
            let known = words(&format!("{}\n{}", piped.stdout, piped.stderr));
            assert!(!known.is_empty(), "{line}: {piped:?}");
            assert!(!piped.stdout.contains('\u{1b}') || verb == "completions", "{line}: not plain");
            let widths: &[u16] = if line.contains("-h") { &[80] } else { &[80, 120] };
            for &columns in widths {
                let shown = plain_text(&on_terminal(&place, &line, columns, ("COLUMNS", "")));
                let is_file = FILES.contains(&verb) && !line.contains("-h");
                let too_wide = shown
                    .split(['\n', '\r'])
                    .filter(|shown| !is_file && shown.chars().count() > columns.into());
                wrong.extend(too_wide.map(|shown| format!("{line}, {columns}: too wide: {shown}")));
                // The live line is drawn over, and its words are not those of the result.
                let lines = shown.split('\n').map(|line| {
                    let line = line.trim_end_matches('\r');
                    line.rsplit('\r').next().unwrap_or_default()
                });
                let is_cut = |word: &String| {
                    !known.contains(word) && !NARROW.contains(&&**word) && !UNITS.contains(&&**word)
                };
                let cut = lines.flat_map(words).filter(is_cut);
                wrong.extend(cut.map(|word| format!("{line}, {columns}: not in the pipe: {word}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let place = Place::new();
    let line = "run --resources 3 --strategy standard --no-store";
    let coloured = on_terminal(&place, line, 80, ("COLUMNS", ""));
    assert!(coloured.contains("\u{1b}[32mvalid\u{1b}[0m"), "{coloured:?}");
    let refused = on_terminal(&place, "run --profile fast", 80, ("COLUMNS", ""));
    assert!(refused.contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m"), "{refused:?}");
    for without in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
        let shown = on_terminal(&place, line, 80, without);
        let styles = shown.matches("\u{1b}[").count() - shown.matches("\u{1b}[2K").count();
        assert_eq!(styles - shown.matches("\u{1b}[1A").count(), 0, "{without:?}: {shown:?}");
    }
    assert!(!place.neonbench(line).stdout.contains('\u{1b}'));
}

#[test]
fn what_takes_a_while_says_how_far_it_is() {
    let place = Place::new();
    // Six calls of hundreds of milliseconds, one after another.
    let line = "run --resources 6 --mappings 1 --strategy standard --world http --no-store \
                --profile constant";
    let drawn = plain_text(&on_terminal(&place, line, 120, ("COLUMNS", "")));
    assert!(drawn.contains("step 2 of 3 · "), "{drawn}");
    assert!(
        drawn.contains(" · standard · ") && drawn.contains("/6 accounts · 1.0 in flight"),
        "{drawn}"
    );
    let piped = whole_outcome(&mut place.command(line));
    assert!(piped.stderr.starts_with("run: step 2 of 3 · "), "{piped:?}");
    assert_eq!(whole_outcome(&mut place.command(&format!("-q {line}"))).stderr, "");
    // A command of somebody else has the terminal as well, and gets lines.
    let judged =
        on_terminal(&place, "judge --resources 1 --no-store -- sleep 2.5", 80, ("COLUMNS", ""));
    assert!(plain_text(&judged).contains("judge: step 1 of 2 · "), "{judged:?}");
}
