//! The report in a real browser: Chromium, headless. Ignored unless asked for, since not every
//! machine has one: `.ci/browser` installs it and runs these.
//!
//! Each check is a script that runs in a page around the report, in a frame of the width in question,
//! and says what it found; the test reads it from the document that Chromium prints at the end.

use neonbench::experiment::Goal;
use neonbench::report::decision::DecisionModel;
use neonbench::report::decision::explore;
use neonbench::report::html::decision_page;
use neonbench::report::shared::exploration::Exploration;
use neonbench::report::shared::provenance::Provenance;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::scenario::Workload;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const WIDTHS_PX: [u32; 3] = [390, 1_280, 1_920];

/// The page of a small decision, with text that a page must not obey.
fn page() -> String {
    let workload = Workload {
        name: Some("<script>alert(1)</script> \"quoted\" \u{202e}reversed".to_owned()),
        resources: Some(30),
        mappings: Some(2),
        ..Workload::default()
    };
    let settings = |strategy: Strategy| Settings::new(strategy);
    let exploration = Exploration {
        workload: &workload,
        settings: &settings,
        replicates: 2,
        goal: Goal::default(),
    };
    let decision = explore(&exploration, &mut |_| {}).unwrap();
    let command = "neonbench report --resources 30 --mappings 2 --replicates 2".to_owned();
    let next = Some("neonbench run --resources 30 --mappings 2 --dry-run".to_owned());
    let provenance = Provenance { command, next, seed: 1, replicates: 2, ..Provenance::default() };
    decision_page(&DecisionModel::new(&decision), &provenance)
}

fn chromium(profile: &Path, flags: &[&str], page: &Path) -> Output {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
        .args(["--allow-file-access-from-files", "--virtual-time-budget=3000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(flags)
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium starts; `.ci/browser` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

struct Browser {
    folder: tempfile::TempDir,
}

impl Browser {
    fn new() -> Self {
        Self::of(&page())
    }

    fn of(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("report.html"), page).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The findings of `script` on the report, in a frame of `width_px`; `inner` is the report's window.
    fn find(&self, width_px: u32, flags: &[&str], script: &str) -> serde_json::Value {
        self.find_in("", width_px, flags, script)
    }

    /// The same in a frame with those attributes more.
    fn find_in(
        &self,
        attributes: &str,
        width_px: u32,
        flags: &[&str],
        script: &str,
    ) -> serde_json::Value {
        let frame = format!(
            "<!doctype html><iframe id=frame {attributes} src=report.html style=\"border:0;width:{width_px}px;\
             height:900px\"></iframe><pre id=found></pre><script>
            document.getElementById('frame').addEventListener('load', () => {{
              const inner = document.getElementById('frame').contentWindow;
              const page = inner.document;
              const found = (() => {{ {script} }})();
              document.getElementById('found').textContent = 'FOUND' + JSON.stringify(found) + 'END';
            }});</script>"
        );
        let path = self.path("frame.html");
        std::fs::write(&path, frame).unwrap();
        let profile = self.path("profile");
        let all: Vec<&str> = ["--dump-dom", "--window-size=2000,1000"]
            .into_iter()
            .chain(flags.iter().copied())
            .collect();
        let output = chromium(&profile, &all, &path);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let said: Vec<&str> = errors.lines().filter(|line| line.contains("CONSOLE")).collect();
        // An answer that was asked for is no error.
        let said: Vec<&str> =
            said.into_iter().filter(|line| !line.contains("Blocked script execution")).collect();
        assert!(said.is_empty(), "the console says {said:?}");
        let dom = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = dom.split_once("FOUND").and_then(|(_, rest)| rest.split_once("END"));
        let (json, _) = text.unwrap_or_else(|| panic!("nothing was found: {errors}"));
        let json = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
    }
}

#[test]
#[ignore = "needs chromium: .ci/browser installs it and runs this"]
fn charts_show_at_every_width_and_nothing_scrolls_sideways() {
    for page in pages() {
        fits(&page);
    }
}

fn fits(page: &str) {
    let browser = Browser::of(page);
    for width_px in WIDTHS_PX {
        let found = browser.find(
            width_px,
            &[],
            "for (const details of page.querySelectorAll('details')) details.open = true;
             const shown = [...page.querySelectorAll('svg')].filter((svg) => svg.checkVisibility());
             const charts = shown.map((svg) => {
               const box = svg.getBoundingClientRect();
               const scale = box.width / svg.viewBox.baseVal.width;
               const texts = [...svg.querySelectorAll('text')];
               const sizes = texts.map((text) => parseFloat(inner.getComputedStyle(text).fontSize));
               const beyond = texts.filter((text) => {
                 const own = text.getBoundingClientRect();
                 return own.left < box.left - 1 || own.right > box.right + 1;
               });
               return [box.width, box.height, scale * Math.min(...sizes), beyond.map((it) => it.textContent)];
             });
             return { charts, beyond: page.documentElement.scrollWidth - inner.innerWidth,
               loaded: inner.performance.getEntriesByType('resource').length };",
        );
        let charts = found["charts"].as_array().unwrap();
        // Each is there twice, and shown in the form that fits.
        assert_eq!(2 * charts.len(), page.matches("<svg").count(), "{found}");
        for chart in charts {
            let [width, height, text] = [0, 1, 2].map(|place| chart[place].as_f64().unwrap());
            assert!(width > 300.0 && height > 40.0, "{width_px} px: {found}");
            assert!(text >= 11.0, "{width_px} px wide: a text of {text} px in {chart}");
            assert_eq!(
                chart[3],
                serde_json::json!([]),
                "{width_px} px wide: text beyond its chart"
            );
        }
        assert!(found["beyond"].as_i64().unwrap() <= 0, "{width_px} px: {found}");
        assert_eq!(found["loaded"], 0, "a request left the page");
    }
}

/// Pages of a small decision, and one that was made before, such as the main job's.
fn pages() -> impl Iterator<Item = String> {
    let made = std::env::var("NEONBENCH_REPORT").map(|path| std::fs::read_to_string(path).unwrap());
    [Ok(page()), made].into_iter().flatten()
}

/// The answer: recommendation with its range, limit, refusals, edits at risk, and both commands.
const ANSWER: [&str; 6] =
    [".answer h1", ".answer .lede", ".league", ".answer .note", "#next", "#repeat"];

#[test]
#[ignore = "needs chromium: .ci/browser installs it and runs this"]
fn the_answer_is_on_the_first_screen_and_the_page_is_short() {
    for page in pages() {
        assert!(page.len() <= 500_000, "{} bytes", page.len());
        let browser = Browser::of(&page);
        for (width_px, screens) in [(1_280, 900.0), (390, 2.0 * 844.0)] {
            let found = browser.find(
                width_px,
                &[],
                &format!(
                    "const ends = {ANSWER:?}.map((name) => page.querySelector(name).getBoundingClientRect().bottom);
                     return {{ ends, height: page.documentElement.scrollHeight,
                       words: page.body.innerText.trim().split(/\\s+/).length }};"
                ),
            );
            for end in found["ends"].as_array().unwrap() {
                assert!(end.as_f64().unwrap() <= screens, "{width_px} px: {found}");
            }
            println!("{width_px} px, {} bytes: {found}", page.len());
            assert!(found["words"].as_u64().unwrap() <= 2_200, "{found}");
            let is_wide = width_px == 1_280;
            assert!(!is_wide || found["height"].as_u64().unwrap() <= 6 * 900, "{found}");
        }
    }
}

#[test]
#[ignore = "needs chromium: .ci/browser installs it and runs this"]
fn the_keyboard_reaches_each_control_in_a_few_stops() {
    for page in pages() {
        let found = Browser::of(&page).find(
            1_280,
            &[],
            "const stops = (root) => [...root.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')]
               .filter((it) => it.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }));
             const first = stops(page)[0];
             const links = [...page.querySelectorAll('nav a')];
             const paths = [['closed', stops(page).length]];
             for (const details of page.querySelectorAll('details.card')) {
               // By the skip link, the contents' link, and what stands in the section before the control.
               const link = links.findIndex((it) => it.getAttribute('href') === '#' + details.id);
               links[link].click();
               inner.dispatchEvent(new inner.Event('hashchange'));
               if (!details.open) return { shut: details.id };
               paths.push([details.id, 1 + link + 1 + stops(details).length]);
               details.open = false;
             }
             return { first: first.className, sticky: inner.getComputedStyle(page.querySelector('body > header')).position, paths };",
        );
        assert_eq!(
            (&found["first"], &found["sticky"]),
            (&"skip".into(), &"sticky".into()),
            "{found}"
        );
        println!("{found}");
        for path in found["paths"].as_array().unwrap() {
            assert!(path[1].as_u64().unwrap() <= 25, "{path}: {found}");
        }
    }
}

#[test]
#[ignore = "needs chromium: .ci/browser installs it and runs this"]
fn tables_sort_filters_hide_and_sliders_answer() {
    let found = Browser::new().find(
        1_280,
        &[],
        "const table = page.querySelector('#strategies table.sortable');
         const first = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
         const head = table.tHead.rows[0].cells[1].querySelector('button');
         head.click(); const up = first(); head.click(); const down = first();
         const sliders = page.getElementById('sliders');
         const answer = () => page.getElementById('w-answer').textContent;
         const set = (id, value) => { const input = page.getElementById(id); input.value = value;
           input.dispatchEvent(new inner.Event('input', { bubbles: true })); };
         set('w-pool', 0); const narrow = answer(); set('w-pool', 3); const wide = answer();
         const spoken = page.getElementById('w-pool').getAttribute('aria-valuetext');
         const filter = page.querySelector('.filter input');
         filter.value = 'hybrid'; filter.dispatchEvent(new inner.Event('input'));
         const rows = [...page.querySelector('table.filtered').tBodies[0].rows];
         const shown = rows.filter((row) => !row.hidden);
         return { up, down, spoken, hidden: sliders.hidden, narrow, wide, rows: rows.length,
           shown: shown.length, hybrid: shown.every((row) => row.textContent.includes('hybrid')) };",
    );
    let names = |key: &str| -> Vec<String> { serde_json::from_value(found[key].clone()).unwrap() };
    let (up, mut down) = (names("up"), names("down"));
    down.reverse();
    assert_eq!(up, down, "{found}");
    assert!(up[0].starts_with("pipelined") && up.len() == 5, "{found}");
    assert_eq!(found["hidden"], false);
    assert_ne!(found["narrow"], found["wide"], "{found}");
    assert_eq!(found["spoken"], "20", "a slider says its value, and not its place: {found}");
    assert!(found["wide"].as_str().unwrap().contains("of the calls refused"), "{found}");
    assert_eq!(found["hybrid"], true, "{found}");
    assert!(
        0 < found["shown"].as_u64().unwrap() && found["shown"].as_u64() < found["rows"].as_u64()
    );
}

#[test]
#[ignore = "needs chromium: .ci/browser installs it and runs this"]
fn it_is_dark_where_the_reader_is_and_text_keeps_its_contrast() {
    let browser = Browser::new();
    let script = "const style = inner.getComputedStyle(page.body);
        const luminance = (colour) => { const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
            const share = part / 255;
            return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; });
          return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]; };
        const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)];
          return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
        const card = inner.getComputedStyle(page.querySelector('.card')).backgroundColor;
        const worst = Math.min(...[...page.querySelectorAll('.facts span, .league td, .league th, .card p, .card td, .card th, .card dd')]
          .map((element) => contrast(inner.getComputedStyle(element).color, card)));
        return { ground: luminance(style.backgroundColor), text: luminance(style.color), worst };";
    for (scheme, dark) in [("preferredColorScheme=0", true), ("preferredColorScheme=1", false)] {
        let found = browser.find(1_280, &[&format!("--blink-settings={scheme}")], script);
        let figure = |key: &str| found[key].as_f64().unwrap();
        assert_eq!(figure("ground") < figure("text"), dark, "{found}");
        assert!(figure("worst") >= 4.5, "WCAG 2 asks for 4.5: {found}");
    }
}

#[test]
#[ignore = "needs chromium: .ci/browser installs it and runs this"]
fn it_is_whole_without_scripts_and_prints() {
    let browser = Browser::new();
    let found = browser.find_in(
        "sandbox=allow-same-origin",
        1_280,
        &[],
        "const text = page.body.textContent;
         return { commands: page.querySelectorAll('.command code').length, buttons: page.querySelectorAll('button').length,
           sliders: page.getElementById('sliders').hidden,
           charts: page.querySelectorAll('svg').length,
           rows: page.querySelector('table.filtered').tBodies[0].rows.length,
           scripts: page.querySelectorAll('script').length,
           title: text.includes('<script>alert(1)<\\/script> \"quoted\"') };",
    );
    assert_eq!((&found["buttons"], &found["sliders"]), (&0.into(), &true.into()), "{found}");
    assert_eq!((&found["charts"], &found["commands"]), (&12.into(), &2.into()), "{found}");
    assert!(found["rows"].as_u64().unwrap() > 100, "{found}");
    // Text stays text, wherever it comes from: the page's own two scripts are all there are.
    assert_eq!((&found["title"], &found["scripts"]), (&true.into(), &2.into()), "{found}");
    let (report, pdf) = (browser.path("report.html"), browser.path("report.pdf"));
    let print = format!("--print-to-pdf={}", pdf.display());
    chromium(&browser.path("profile"), &[&print], &report);
    let bytes = std::fs::read(&pdf).unwrap();
    assert!(bytes.starts_with(b"%PDF") && bytes.len() > 20_000, "{} bytes", bytes.len());
}
