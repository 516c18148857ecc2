//! Fits the service times of profiles `guide-1`, `guide-2` and `guide-3` to the guide's tables.
//!
//! ```text
//! cargo run --release --example fit_guide
//! ```
//!
//! The guide says how long each strategy takes, but not how long a call takes. For each of its
//! examples, every row is simulated under profile `documented` with the guide's 3 workers and
//! batches of 50, as a mean over 20 seeds. One scale on all service times is then fitted by least
//! squares of ln(simulated ÷ claimed). A residual is what that scale leaves unexplained: +0.46
//! means that the simulation takes 46 % longer than the guide says.

use neonbench::report::shared::SuiteError;
use neonbench::report::shared::rows::EXAMPLES;
use neonbench::report::shared::rows::fit::{Medians, fit_example};

const SEED: u64 = 1;
const REPLICATES: u32 = 20;

fn main() -> Result<(), SuiteError> {
    let documented = Medians::of("documented").expect("a built-in, log-normal profile");
    for example in EXAMPLES {
        let fit = fit_example(&example, SEED, REPLICATES)?;
        let medians = documented.scaled(fit.scale);
        println!(
            "{}: {} accounts x {} mappings, scale {:.4} on `documented`",
            example.name, example.accounts, example.mappings, fit.scale
        );
        println!(
            "  medians: get {} ms, patch and put {} ms, search {} ms, metadata {} ms; p99 = 4 x median",
            medians.get_ms, medians.patch_ms, medians.search_ms, medians.metadata_ms
        );
        for (claim, residual) in example.claims.iter().zip(&fit.residuals) {
            println!(
                "  {:<10} {:>5.1} min claimed, residual {:+.1} %",
                claim.strategy.name(),
                claim.minutes,
                residual * 100.0
            );
        }
    }
    Ok(())
}
