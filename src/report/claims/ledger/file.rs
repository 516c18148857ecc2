//! The ledger's file: read into claims whose gaps are filled, and written with what was measured.

use super::{Case, Claim, Claimed, Figure, Ledger, Tested, Trial, Untestable};
use neon_mock::file::{DurationText, FileError, Member};
use neonbench_engine::engine::{DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Strategy};
use serde::Deserialize;
use std::num::NonZeroU32;
use std::time::Duration;

/// The ledger that the report prints.
pub(super) const SHIPPED: &str = include_str!("../../../../reports/claims.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLedger {
    schema: u32,
    claim: Vec<WireClaim>,
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
    cases: Vec<WireCase>,
    /// What the runs came to; read by nobody, since the runs are made again.
    #[serde(default, rename = "measured")]
    _measured: Vec<f64>,
    #[serde(default, rename = "verdict")]
    _verdict: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCase {
    name: String,
    #[serde(default)]
    run: WireRun,
    than: Option<Vec<WireRun>>,
}

/// A run with gaps: what it does not say is as in the run that it is a variant of.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRun {
    profile: Option<String>,
    pool: Option<NonZeroU32>,
    dataset: Option<String>,
    resources: Option<u64>,
    mappings: Option<u32>,
    sample: Option<u64>,
    strategy: Option<Strategy>,
    /// The strategy is what the guide's rule chooses.
    rule: Option<bool>,
    workers: Option<NonZeroU32>,
    batch_size: Option<NonZeroU32>,
    chunk_size: Option<NonZeroU32>,
    chunk_pause: Option<DurationText>,
    metadata_cache: Option<bool>,
    one_search_a_value: Option<bool>,
    dry_run: Option<bool>,
}

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
    Claim { id: String, reason: &'static str },
}

/// Reads a ledger's `text`; `origin` names it in errors.
///
/// Errors: among others, a row that no run tests, and one that compares with nothing.
pub fn read(origin: &str, text: &str) -> Result<Ledger, ReadError> {
    let wire: WireLedger =
        toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))?;
    if wire.schema != 1 {
        let reason = format!("schema = {}: this version reads schema 1", wire.schema);
        return Err(FileError::member(origin, text, &Member::top("schema"), reason).into());
    }
    let mut claims: Vec<Claim> = Vec::new();
    for claim in wire.claim {
        if claims.iter().any(|other| other.id == claim.id) {
            return Err(ReadError::Twice(claim.id));
        }
        claims.push(claim.fill()?);
    }
    Ok(Ledger { claims, untestable: wire.untestable })
}

impl WireClaim {
    fn fill(self) -> Result<Claim, ReadError> {
        let Self { id, section, says, figure, is, from, to, run, than, cases, .. } = self;
        let wrong = |reason| ReadError::Claim { id: id.clone(), reason };
        if cases.is_empty() {
            return Err(ReadError::NoCase(id));
        }
        if is.is_some() == (from.is_some() || to.is_some()) {
            return Err(wrong("it claims either a point (`is`) or a range (`from`, `to`)"));
        }
        let mut filled = Vec::new();
        for case in cases {
            let run = case.run.over(&run);
            let others = case.than.as_ref().unwrap_or(&than);
            let than = others.iter().map(|other| other.over(&run).fill());
            let than = than.collect::<Option<Vec<Trial>>>();
            let (Some(run), Some(than)) = (run.fill(), than) else {
                return Err(wrong("a run needs a `strategy`, or `rule = true`"));
            };
            if than.is_empty() == figure.compares() {
                return Err(wrong("figures that compare need `than`, and no other has it"));
            }
            filled.push(Case { name: case.name, run, than });
        }
        Ok(Claim { id, section, says, figure, claimed: Claimed { is, from, to }, cases: filled })
    }
}

impl WireRun {
    /// It, and where it says nothing what `base` says.
    fn over(&self, base: &Self) -> Self {
        let (it, base) = (self.clone(), base.clone());
        // Whoever names a strategy does not go by the rule of the run that it varies.
        let rule = it.rule.or(base.rule.filter(|_| it.strategy.is_none()));
        Self {
            profile: it.profile.or(base.profile),
            pool: it.pool.or(base.pool),
            dataset: it.dataset.or(base.dataset),
            resources: it.resources.or(base.resources),
            mappings: it.mappings.or(base.mappings),
            sample: it.sample.or(base.sample),
            strategy: it.strategy.or(base.strategy),
            rule,
            workers: it.workers.or(base.workers),
            batch_size: it.batch_size.or(base.batch_size),
            chunk_size: it.chunk_size.or(base.chunk_size),
            chunk_pause: it.chunk_pause.or(base.chunk_pause),
            metadata_cache: it.metadata_cache.or(base.metadata_cache),
            one_search_a_value: it.one_search_a_value.or(base.one_search_a_value),
            dry_run: it.dry_run.or(base.dry_run),
        }
    }

    /// It with the defaults; `None` without a strategy.
    fn fill(self) -> Option<Trial> {
        let rule = self.rule.unwrap_or(false);
        let strategy = self.strategy.or(rule.then_some(Strategy::Standard))?;
        let positive = |number| NonZeroU32::new(number).expect("the defaults are positive");
        let trial = Trial {
            profile: self.profile.unwrap_or_else(|| "documented".to_owned()),
            pool: self.pool,
            dataset: self.dataset.unwrap_or_else(|| "plain".to_owned()),
            resources: self.resources.unwrap_or(100),
            mappings: self.mappings.unwrap_or(3),
            sample: self.sample,
            strategy,
            workers: self.workers.unwrap_or(positive(DEFAULT_WORKERS)),
            batch_size: self.batch_size.unwrap_or(positive(DEFAULT_BATCH_SIZE)),
            chunk_size: self.chunk_size,
            chunk_pause: self.chunk_pause.map_or(Duration::ZERO, |pause| pause.0),
            metadata_cache: self.metadata_cache.unwrap_or(true),
            one_search_a_value: self.one_search_a_value.unwrap_or(false),
            dry_run: self.dry_run.unwrap_or(false),
        };
        Some(if rule { trial.by_rule() } else { trial })
    }
}

/// `text`, a ledger, with what was measured in `tested` in place of what it says so far. Comments
/// and all else stay.
pub fn with_results(text: &str, tested: &[Tested]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut results = tested.iter();
    let mut current: Option<&Tested> = None;
    let write = |lines: &mut Vec<String>, claim: Option<&Tested>| {
        let Some(claim) = claim else { return };
        // Blank lines and comments below a row belong to the next one.
        let belongs = |line: &String| !line.is_empty() && !line.starts_with('#');
        let end = lines.iter().rposition(belongs).map_or(0, |last| last + 1);
        let figures = claim.cases.iter().map(|case| figure(case.measured));
        let figures = figures.collect::<Vec<_>>().join(", ");
        let verdict = claim.verdict();
        lines.insert(end, format!("measured = [{figures}]"));
        lines.insert(end + 1, format!("verdict = {}", toml::Value::String(verdict)));
    };
    for line in text.lines() {
        if line.starts_with("measured = ") || line.starts_with("verdict = ") {
            continue;
        }
        if line.starts_with("[[") {
            write(&mut lines, current.take());
            if line == "[[claim]]" {
                current = results.next();
            }
        }
        lines.push(line.to_owned());
    }
    write(&mut lines, current);
    lines.join("\n") + "\n"
}

/// A figure as TOML has floats; what is none is not a number.
fn figure(measured: Option<f64>) -> String {
    measured.map_or_else(|| "nan".to_owned(), |figure| format!("{figure:?}"))
}

impl Figure {
    /// Whether it is of a run and others, and not of a run alone.
    const fn compares(self) -> bool {
        !matches!(
            self,
            Self::Calls
                | Self::CallsPerAccount
                | Self::Writes
                | Self::Minutes
                | Self::RefusedShare
                | Self::Buffered
                | Self::FailedShare
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let [standard, larger] = few.than.as_slice() else { panic!("two others") };
        assert_eq!((standard.strategy, standard.resources), (Strategy::Standard, 10));
        assert_eq!((larger.strategy, larger.batch_size.get()), (Strategy::Hybrid, 100));
        assert!(search.run.one_search_a_value && search.than[0].one_search_a_value);
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
    }
}
