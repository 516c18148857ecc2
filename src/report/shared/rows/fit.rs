//! The fit of service times to the guide's tables.
//!
//! The guide states no service time, so each example gets one free parameter: a scale on the
//! service times of profile `documented`, whose ratios and p99 = 4 × median stay. With three
//! workers no pool is ever full, so every makespan is proportional to that scale, and least
//! squares of ln(simulated ÷ claimed) over an example's rows has a closed form: the scale is the
//! geometric mean of claimed ÷ simulated. What one scale cannot explain is left as residuals.

use super::{Example, run};
use crate::experiment::{Summary, seeds, sweep};
use crate::report::shared::SuiteError;
use neon_mock::file::DurationText;
use neon_mock::profile::{self, WireProfile};
use neonbench_engine::engine::Settings;
use neonbench_engine::scenario::Scenario;
use serde::Serialize;

/// One row of the guide, simulated under profile `documented`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitSample {
    /// Mean makespan of the simulation, in seconds.
    pub simulated_s: f64,
    /// The guide's makespan, in seconds.
    pub claimed_s: f64,
}

/// A fitted scale, with its residuals.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ScaleFit {
    /// Factor on the service times of `documented`.
    pub scale: f64,
    /// Row by row, scaled simulation ÷ claim − 1.
    pub residuals: Vec<f64>,
}

/// Fits one scale to `samples`, which must not be empty.
pub fn fit(samples: &[FitSample]) -> ScaleFit {
    assert!(!samples.is_empty(), "a fit needs at least one row");
    let logs = samples.iter().map(|sample| (sample.claimed_s / sample.simulated_s).ln());
    let scale = (logs.sum::<f64>() / samples.len() as f64).exp();
    let residual = |sample: &FitSample| sample.simulated_s * scale / sample.claimed_s - 1.0;
    ScaleFit { scale, residuals: samples.iter().map(residual).collect() }
}

/// Medians of a profile's log-normal service times, in whole ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "one member a class")]
pub struct Medians {
    pub get_ms: u64,
    pub patch_ms: u64,
    pub search_ms: u64,
    pub metadata_ms: u64,
}

impl Medians {
    /// The medians of the built-in profile `name`; `None` if it is not log-normal throughout.
    pub fn of(name: &str) -> Option<Self> {
        let service = wire(name)?.service;
        let ms = |median: Option<DurationText>| median.map(|text| text.0.as_millis() as u64);
        Some(Self {
            get_ms: ms(service.get.median)?,
            patch_ms: ms(service.patch.median)?,
            search_ms: ms(service.search.median)?,
            metadata_ms: ms(service.metadata.median)?,
        })
    }

    /// All of them times `scale`, rounded to whole ms.
    #[must_use]
    pub fn scaled(self, scale: f64) -> Self {
        let scaled = |ms: u64| (ms as f64 * scale).round() as u64;
        Self {
            get_ms: scaled(self.get_ms),
            patch_ms: scaled(self.patch_ms),
            search_ms: scaled(self.search_ms),
            metadata_ms: scaled(self.metadata_ms),
        }
    }
}

/// The built-in profile `name` as its file has it.
fn wire(name: &str) -> Option<WireProfile> {
    let (_, text) = profile::BUILT_IN.iter().find(|(known, _)| *known == name)?;
    toml::from_str(text).ok()
}

/// Fits service times to the rows of `example`, each simulated under profile `documented`.
pub fn fit_example(example: &Example, seed: u64, replicates: u32) -> Result<ScaleFit, SuiteError> {
    let scenario = run::scenario(example, Scenario::profile("documented")?)?;
    let mut samples = Vec::new();
    let settings: Vec<Settings> =
        example.claims.iter().map(|claim| run::settings(claim.strategy, seed)).collect();
    let runs = sweep(&scenario, &settings, &seeds::from(seed, replicates))?;
    for (claim, runs) in example.claims.iter().zip(runs) {
        let simulated_s = runs.iter().collect::<Summary>().mean(|run| run.makespan_s);
        samples.push(FitSample { simulated_s, claimed_s: claim.seconds() });
    }
    Ok(fit(&samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::shared::rows::EXAMPLES;

    #[test]
    fn the_scale_is_the_geometric_mean_and_residuals_cancel() {
        let sample = |simulated_s, claimed_s| FitSample { simulated_s, claimed_s };
        let fit = fit(&[sample(1.0, 8.0), sample(1.0, 2.0)]);
        assert!((fit.scale - 4.0).abs() < 1e-12);
        assert!((fit.residuals[0] + 0.5).abs() < 1e-12 && (fit.residuals[1] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_built_in_profiles_are_the_fit() {
        let documented = Medians::of("documented").unwrap();
        for example in EXAMPLES {
            // Few seeds do where an example has thousands of calls; the third has 50.
            let seeds = if example.accounts < 100 { 20 } else { 2 };
            let fit = fit_example(&example, 1, seeds).unwrap();
            let (fitted, file) = (documented.scaled(fit.scale), Medians::of(example.name).unwrap());
            let tolerance = if seeds == 20 { 1e-9 } else { 0.01 };
            for (fitted, file) in [
                (fitted.get_ms, file.get_ms),
                (fitted.patch_ms, file.patch_ms),
                (fitted.search_ms, file.search_ms),
                (fitted.metadata_ms, file.metadata_ms),
            ] {
                let apart = fitted.abs_diff(file) as f64 / file as f64;
                assert!(apart <= tolerance, "{}: {fitted} ms fitted, {file} ms", example.name);
            }
        }
    }
}
