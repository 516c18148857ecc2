//! Shared by the commands that choose, fit and judge: flags, calibration files, the regret table.

use super::args::{GoalArgs, SelectorArgs};
use super::error::CliError;
use super::files::read;
use super::output::{count, duration, percent, plural, print, table};
use neonbench::experiment::{Goal, Portfolio};
use neonbench::select::{Calibration, Judgement, Knowledge, ProbeRow, RegretRow, SelectorName};
use std::path::Path;

impl GoalArgs {
    /// The goal asked for.
    pub(super) fn goal(&self) -> Goal {
        let objective = self.objective.unwrap_or_default();
        Goal { objective, constraints: self.constraint.clone(), echo: self.echo }
    }
}

impl SelectorArgs {
    /// The calibration in force.
    pub(super) fn calibration(&self) -> Result<Calibration, CliError> {
        self.thresholds
            .as_ref()
            .map_or_else(|| Ok(Calibration::shipped()), |path| calibration(path))
    }
}

/// The calibration in that file.
pub(super) fn calibration(path: &Path) -> Result<Calibration, CliError> {
    Ok(Calibration::from_toml(&path.display().to_string(), &read(path)?)?)
}

/// The row of a selector over all scenarios, where the profile is known.
pub(super) fn overall(
    judgement: &Judgement,
    portfolio: Portfolio,
    name: SelectorName,
) -> Option<&RegretRow> {
    let is_asked = |row: &&RegretRow| {
        (row.portfolio, row.name, row.knowledge) == (portfolio, name, Knowledge::Known)
    };
    judgement.selectors.iter().filter(is_asked).find(|row| row.family == "all")
}

/// Prints what choosing can save, and what each selector's choices cost above the best.
pub(super) fn print_judgement(judgement: &Judgement) -> Result<(), CliError> {
    let Judgement { scenarios, simulated_calls, wall_s, prize, prediction, .. } = judgement;
    print(&format!(
        "best single strategy ÷ best for each scenario: {:.2} among the guide's strategies, {:.2} among all",
        prize.guide, prize.full
    ))?;
    if prize.full < 1.3 {
        print(
            "among all strategies, one is nearly the best everywhere: objectives and constraints decide",
        )?;
    }
    let header = "known | portfolio | family | selector | mean regret | \
        ?5 – 95 % of the mean | ?p95 | ?worst | gap closed | ?scenarios";
    print(&table(header, judgement.selectors.iter().map(row)))?;
    if !judgement.probes.is_empty() {
        print("\nwith the time and calls of the probe included, among all strategies:")?;
        let header = "known | family | probe takes | ?calls | mean regret | without a probe | \
            pays from accounts × mappings | ?scenarios";
        print(&table(header, judgement.probes.iter().map(probe_row)))?;
    }
    if !judgement.left_out.is_empty() {
        print("\nwith a part of the scenarios left out of the fit, on that part:")?;
        let rows = judgement.left_out.iter().map(|left_out| {
            let mut cells = row(&left_out.row);
            cells[2].clone_from(&left_out.left_out);
            cells
        });
        print(&table(header, rows))?;
    }
    print(&format!(
        "forecast: the median is off by {} in half of the scenarios at most, and by {} in 95 % of them; the 90 % \
         interval holds {} of {} runs",
        percent(prediction.median_abs_error),
        percent(prediction.p95_abs_error),
        percent(prediction.interval_coverage),
        prediction.pairs
    ))?;
    print(&format!(
        "{}, {} simulated, {}",
        plural(*scenarios as u64, "scenario"),
        plural(*simulated_calls, "call"),
        duration(*wall_s)
    ))
}

fn probe_row(row: &ProbeRow) -> Vec<String> {
    vec![
        row.knowledge.name().to_owned(),
        row.family.clone(),
        duration(row.duration_s),
        count(row.calls.round() as u64),
        format!("{:.1} %", row.mean_regret * 100.0),
        format!("{:.1} %", row.unprobed_regret * 100.0),
        row.pays_from.map_or_else(|| "–".to_owned(), count),
        row.scenarios.to_string(),
    ]
}

fn row(row: &RegretRow) -> Vec<String> {
    let share = |regret: f64| format!("{:.1} %", regret * 100.0);
    let [low, high] = row.mean_regret_interval;
    vec![
        row.knowledge.name().to_owned(),
        row.portfolio.name().to_owned(),
        row.family.clone(),
        row.name.name().to_owned(),
        share(row.mean_regret),
        format!("{} – {}", share(low), share(high)),
        share(row.p95_regret),
        share(row.worst_regret),
        row.gap_closed.map_or_else(|| "–".to_owned(), |gap| format!("{gap:.3}")),
        row.scenarios.to_string(),
    ]
}
