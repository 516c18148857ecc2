//! Forecasts beside the runs that they foretell.

mod chart;

pub(crate) use chart::forecasts;

use crate::select::{CaseVerdict, ForecastError};
use crate::text::share;

/// Deviation up to which a forecast counts as exact.
pub(crate) const BAND: f64 = 0.03;

/// The distance of a forecast's p50 from the median of its runs: p50 ÷ median − 1.
fn deviation(forecast: &ForecastError) -> f64 {
    forecast.forecast_s[1] / forecast.median_s - 1.0
}

/// The error of the forecasts, in words.
pub(crate) fn title(verdicts: &[CaseVerdict]) -> String {
    let forecasts = verdicts.iter().filter_map(|verdict| verdict.forecast.as_ref());
    let off: Vec<f64> = forecasts.map(|forecast| deviation(forecast).abs()).collect();
    let near = off.iter().filter(|off| **off <= BAND).count();
    let largest = off.iter().copied().fold(0.0, f64::max);
    format!(
        "{near} of {} forecasts are within 3 % of the simulated time, and the furthest is off by {}",
        off.len(),
        share(largest)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn a_forecast_is_held_against_the_median_of_its_runs() {
        let verdicts = evidence().selector.unwrap().verdicts;
        assert!(title(&verdicts).starts_with("2 of 2 forecasts are within 3 %"));
        assert!((deviation(&verdicts[0].forecast.unwrap()) - 0.01).abs() < 1e-12);
    }
}
