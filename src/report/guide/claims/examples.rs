//! The rows of the guide's worked examples as claims: calls, minutes and the share of time saved.

use super::{ClaimSetting, Claimed, Figure, GuideClaim, Trial};
use crate::report::shared::rows::{BATCH_SIZE, EXAMPLES, Example, ExampleRow, WORKERS};
use crate::text::{count, percent};
use neonbench_engine::engine::Strategy;

/// The start of these claims' ids, and of no other's.
pub(super) const PREFIX: &str = "example-";

/// The claims of all rows, in the guide's order.
pub(super) fn claims() -> impl Iterator<Item = GuideClaim> {
    let rows = |example: &'static Example| example.claims.iter().map(move |row| (example, row));
    EXAMPLES.iter().flat_map(rows).flat_map(|(example, row)| of_row(example, row))
}

fn of_row(example: &Example, row: &ExampleRow) -> Vec<GuideClaim> {
    let minutes =
        format!("takes {} minute{}", row.minutes, if row.minutes > 1.0 { "s" } else { "" });
    let calls = format!("takes {} calls", count(row.calls));
    let mut figures = vec![
        ("calls", Figure::Calls, row.calls as f64, calls),
        ("minutes", Figure::Minutes, row.minutes, minutes),
    ];
    figures.extend(row.saved.map(|saved| {
        ("saved", Figure::TimeSaved, saved, format!("saves {} of the time", percent(saved)))
    }));
    let claim = |(kind, figure, value, says): (&str, Figure, f64, String)| {
        let Example { number, accounts, mappings, name, .. } = example;
        let setting = |profile: &str| setting(example, row, figure, profile);
        GuideClaim {
            id: format!("{PREFIX}{number}-{}-{kind}", row.strategy.name().replace('_', "-")),
            section: format!("Example {number}"),
            says: format!(
                "{} accounts × {mappings} mappings: {} {says}",
                count(*accounts),
                row.strategy
            ),
            figure,
            claimed: Claimed::point(value),
            // Calls do not depend on service times, which are all that the fitted profile differs in.
            cases: match figure {
                Figure::Calls => vec![setting("documented")],
                _ => vec![setting(name), setting("documented")],
            },
        }
    };
    figures.into_iter().map(claim).collect()
}

fn setting(example: &Example, row: &ExampleRow, figure: Figure, profile: &str) -> ClaimSetting {
    let run = Trial {
        profile: profile.to_owned(),
        strategy: row.strategy,
        resources: example.accounts,
        mappings: example.mappings,
        workers: WORKERS,
        batch_size: BATCH_SIZE,
        ..Trial::default()
    };
    let standard = figure.compares().then(|| Trial { strategy: Strategy::Standard, ..run.clone() });
    let name = format!("profile {profile}");
    ClaimSetting { name, run, baselines: standard.into_iter().collect() }
}
