//! The ledger's file: read into claims whose gaps are filled, and written with the measured figures.

use super::examples::{self, PREFIX};
use super::{ClaimLedger, ClaimSetting, Claimed, Figure, GuideClaim, Tested, Trial, Untestable};
use crate::select::guide_rule;
use neon_mock::file::{FileError, Member};
use serde::Deserialize;

/// The ledger that the report prints.
pub(super) const SHIPPED: &str = include_str!("../../../../reports/claims.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLedger {
    schema: u32,
    claim: Vec<WireClaim>,
    examples: Option<WireExamples>,
    #[serde(default)]
    untestable: Vec<Untestable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireClaim {
    id: String,
    section: String,
    says: String,
    figure: Figure,
    is: Option<f64>,
    from: Option<f64>,
    to: Option<f64>,
    #[serde(default)]
    run: WireRun,
    #[serde(default)]
    than: Vec<WireRun>,
    cases: Vec<WireSetting>,
    /// Not read: the runs are made again.
    #[serde(default, rename = "measured")]
    _measured: Vec<f64>,
    #[serde(default, rename = "verdict")]
    _verdict: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSetting {
    name: String,
    #[serde(default)]
    run: WireRun,
    than: Option<Vec<WireRun>>,
}

/// The place of the worked examples' rows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireExamples {
    /// The id of the claim that follows them.
    before: String,
    #[serde(default, rename = "measured")]
    _measured: toml::Table,
}

/// Members of a [`Trial`], and `rule = true` in place of a strategy; a variant leaves out those that
/// are as in the run that it varies.
type WireRun = toml::Table;

/// A ledger that is none.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ReadError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("claim {0}: two rows have this id")]
    Twice(String),
    #[error("claim {0}: a row without a run: `cases` is empty")]
    NoCase(String),
    #[error("claim {id}: {reason}")]
    Claim { id: String, reason: String },
    #[error("examples: no claim has the id {0}, which `before` names")]
    NoPlace(String),
}

/// Reads a ledger's `text`; `origin` names it in errors.
///
/// Errors: among others, a row that no run tests, and one that compares with nothing.
pub fn read(origin: &str, text: &str) -> Result<ClaimLedger, ReadError> {
    let wire: WireLedger =
        toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))?;
    if wire.schema != 1 {
        let reason = format!("schema = {}: this version reads schema 1", wire.schema);
        return Err(FileError::member(origin, text, &Member::top("schema"), reason).into());
    }
    let mut claims: Vec<GuideClaim> = Vec::new();
    for claim in wire.claim {
        if claims.iter().any(|other| other.id == claim.id) {
            return Err(ReadError::Twice(claim.id));
        }
        claims.push(claim.fill()?);
    }
    if let Some(WireExamples { before, .. }) = wire.examples {
        let place = claims.iter().position(|claim| claim.id == before);
        let place = place.ok_or(ReadError::NoPlace(before))?;
        claims.splice(place..place, examples::claims());
    }
    Ok(ClaimLedger { claims, untestable: wire.untestable })
}

impl WireClaim {
    fn fill(self) -> Result<GuideClaim, ReadError> {
        let Self { id, section, says, figure, is, from, to, run, than, cases, .. } = self;
        let wrong = |reason: &str| ReadError::Claim { id: id.clone(), reason: reason.to_owned() };
        if cases.is_empty() {
            return Err(ReadError::NoCase(id));
        }
        if is.is_some() == (from.is_some() || to.is_some()) {
            return Err(wrong("it claims either a point (`is`) or a range (`from`, `to`)"));
        }
        let trial = |run: WireRun| trial(run).map_err(|reason| wrong(&reason));
        let mut filled = Vec::new();
        for case in cases {
            let run = varied(&run, &case.run);
            let others = case.than.as_ref().unwrap_or(&than);
            let others = others.iter().map(|other| trial(varied(&run, other)));
            let baselines = others.collect::<Result<Vec<Trial>, _>>()?;
            if baselines.is_empty() == figure.compares() {
                return Err(wrong("figures that compare need `than`, and no other has it"));
            }
            filled.push(ClaimSetting { name: case.name, run: trial(run)?, baselines });
        }
        let claimed = Claimed { is, from, to };
        Ok(GuideClaim { id, section, says, figure, claimed, cases: filled })
    }
}

/// `base` with the members of `variant` in place of its own.
fn varied(base: &WireRun, variant: &WireRun) -> WireRun {
    let mut run = base.clone();
    if variant.contains_key("strategy") {
        // An explicit strategy overrides an inherited rule.
        run.remove("rule");
    }
    run.extend(variant.clone());
    run
}

fn trial(mut run: WireRun) -> Result<Trial, String> {
    let rule = run.remove("rule").is_some_and(|rule| rule == toml::Value::Boolean(true));
    if !rule && !run.contains_key("strategy") {
        return Err("a run needs a `strategy`, or `rule = true`".to_owned());
    }
    let mut trial: Trial = run.try_into().map_err(|error: toml::de::Error| error.to_string())?;
    if rule {
        trial.strategy = guide_rule(trial.resources, trial.mappings as usize);
    }
    Ok(trial)
}

/// `text`, a ledger, with the figures and verdicts of `tested` in place of its own. Comments and all
/// else stay.
pub fn with_results(text: &str, tested: &[Tested]) -> String {
    let (of_examples, claims): (Vec<&Tested>, Vec<&Tested>) =
        tested.iter().partition(|claim| claim.id.starts_with(PREFIX));
    let mut lines: Vec<String> = Vec::new();
    let mut results = claims.into_iter();
    let mut current: Option<&Tested> = None;
    let write = |lines: &mut Vec<String>, claim: Option<&Tested>| {
        let Some(claim) = claim else { return };
        // Blank lines and comments below a row belong to the next one.
        let belongs = |line: &String| !line.is_empty() && !line.starts_with('#');
        let end = lines.iter().rposition(belongs).map_or(0, |last| last + 1);
        let verdict = toml::Value::String(claim.verdict());
        lines.insert(end, format!("measured = {}", figures(claim)));
        lines.insert(end + 1, format!("verdict = {verdict}"));
    };
    for line in text.lines() {
        if ["measured = ", "verdict = ", PREFIX].iter().any(|start| line.starts_with(start)) {
            continue;
        }
        if line.starts_with('[') {
            write(&mut lines, current.take());
            if line == "[[claim]]" {
                current = results.next();
            }
        }
        lines.push(line.to_owned());
        if line == "[examples.measured]" {
            let row = |row: &&Tested| format!("{} = {} # {}", row.id, figures(row), row.verdict());
            lines.extend(of_examples.iter().map(row));
        }
    }
    write(&mut lines, current);
    lines.join("\n") + "\n"
}

/// The figures of a claim as TOML; a missing one is not a number.
fn figures(claim: &Tested) -> String {
    let figure = |measured: Option<f64>| measured.map_or("nan".to_owned(), |it| format!("{it:?}"));
    let figures: Vec<String> = claim.cases.iter().map(|case| figure(case.measured)).collect();
    format!("[{}]", figures.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::engine::Strategy;

    const TEXT: &str = "\
# A ledger.
schema = 1

[[claim]]
id = \"a\"
section = \"S\"
says = \"twice as fast\"
figure = \"times_faster\"
from = 2.0
run = { strategy = \"hybrid\", batch_size = 10 }
than = [{ strategy = \"standard\" }, { batch_size = 100 }]
cases = [{ name = \"few\", run = { resources = 10 } }, { name = \"by search\", run = { one_search_a_value = true } }]
measured = [7.0]
verdict = \"old\"

# What is not tested.
[[untestable]]
section = \"S\"
says = \"x\"
why = \"y\"
";

    #[test]
    fn runs_inherit_from_the_row_and_others_from_the_run() {
        let ledger = read("t.toml", TEXT).unwrap();
        let [few, search] = ledger.claims[0].cases.as_slice() else { panic!("two cases") };
        assert_eq!((few.run.resources, few.run.batch_size.get()), (10, 10));
        let [standard, larger] = few.baselines.as_slice() else { panic!("two others") };
        assert_eq!((standard.strategy, standard.resources), (Strategy::Standard, 10));
        assert_eq!((larger.strategy, larger.batch_size.get()), (Strategy::Hybrid, 100));
        assert!(search.run.one_search_a_value && search.baselines[0].one_search_a_value);
        assert_eq!(ledger.untestable.len(), 1);
    }

    #[test]
    fn results_take_the_place_of_older_ones_and_all_else_stays() {
        let ledger = read("t.toml", TEXT).unwrap();
        let tested = [Tested::new(&ledger.claims[0], &[Some(2.5), Some(0.001)])];
        let written = with_results(TEXT, &tested);
        let expected =
            TEXT.replace("[7.0]", "[2.5, 0.001]").replace("\"old\"", "\"holds where: few\"");
        assert_eq!(written, expected);
        assert_eq!(with_results(&written, &tested), written);
        let bare = TEXT.replace("measured = [7.0]\nverdict = \"old\"\n", "");
        assert_eq!(with_results(&bare, &tested), expected);
    }

    #[test]
    fn the_rows_of_the_examples_take_their_place_and_their_results() {
        const PLACE: &str = "[examples]\nbefore = \"a\"\n\n[examples.measured]\n";
        let text = format!("{}\n{PLACE}example-0-old = [1.0] # holds\n", TEXT.trim_end());
        let ledger = read("t.toml", &text).unwrap();
        let ids: Vec<&str> = ledger.claims.iter().map(|claim| claim.id.as_str()).collect();
        assert_eq!((ids.len(), ids[0], ids[27]), (28, "example-1-standard-calls", "a"));
        assert_eq!(ledger.claims[1].says, "500 accounts × 8 mappings: standard takes 45 minutes");
        let measure = |claim: &GuideClaim| {
            let is = claim.claimed.is.or(claim.claimed.from);
            Tested::new(claim, &vec![is; claim.cases.len()])
        };
        let tested: Vec<Tested> = ledger.claims.iter().map(measure).collect();
        let written = with_results(&text, &tested);
        let rows = written.split_once("[examples.measured]\n").unwrap().1;
        assert_eq!(rows.lines().count(), 27);
        assert!(rows.starts_with("example-1-standard-calls = [8000.0] # holds\n"), "{rows}");
        assert_eq!(with_results(&written, &tested), written);
        let nowhere = text.replace("before = \"a\"", "before = \"b\"");
        assert!(
            read("t.toml", &nowhere).unwrap_err().to_string().contains("no claim has the id b")
        );
    }

    #[test]
    fn a_row_without_a_run_is_refused() {
        let wrong = |from: &str, to: &str| match read("t.toml", &TEXT.replace(from, to)) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{to} was read"),
        };
        let start = TEXT.find("cases = ").unwrap();
        let cases = &TEXT[start..start + TEXT[start..].find('\n').unwrap()];
        assert!(wrong(cases, "cases = []").contains("claim a: a row without a run"));
        assert!(wrong(cases, "").contains("missing field `cases`"));
        assert!(wrong("from = 2.0", "").contains("either a point"));
        assert!(wrong("from = 2.0", "from = 2.0\nis = 1.0").contains("either a point"));
        assert!(wrong("strategy = \"hybrid\", ", "").contains("needs a `strategy`"));
        assert!(wrong("times_faster", "minutes").contains("need `than`"));
        assert!(wrong("schema = 1", "schema = 2").contains("reads schema 1"));
        assert!(wrong("batch_size = 10", "batch = 10").contains("claim a: unknown field `batch`"));
    }
}
