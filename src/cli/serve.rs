//! `neonbench serve`: the mock over HTTP, until Ctrl-C.

use super::args::{EngineArgs, WorkloadArgs, WorldArgs};
use super::error::CliError;
use super::inputs::{DEMO, Inputs};
use super::output::{count, say};
use clap::Args;
use neon_mock::NeonMock;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Where to listen; port 0 picks one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,
    /// The organisation id to ask for
    #[arg(long, value_name = "ID", default_value = DEMO)]
    org_id: String,
    /// The API key to ask for
    #[arg(long, value_name = "KEY", default_value = DEMO)]
    api_key: String,
    /// Seed of the organisation and the service times [default: 1]
    #[arg(long, value_name = "K")]
    seed: Option<u64>,
    #[command(flatten)]
    workload: WorkloadArgs,
}

pub(super) fn run(args: &ServeArgs) -> Result<ExitCode, CliError> {
    let engine = EngineArgs { seed: args.seed, ..EngineArgs::default() };
    let inputs = Inputs::read(&args.workload, &engine, &WorldArgs::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Runtime)?;
    runtime.block_on(serve(args, &inputs))
}

async fn serve(args: &ServeArgs, inputs: &Inputs) -> Result<ExitCode, CliError> {
    let mock = NeonMock::builder()
        .neon(inputs.scenario.neon(inputs.seed()))
        .credentials(&args.org_id, &args.api_key)
        .addr(args.addr)
        .try_start()
        .await
        .map_err(CliError::Serve)?;
    say(&format!("serving {} · Ctrl-C stops", mock.base_url()))?;
    say(&format!(
        "  {} accounts, dataset {}, profile {}, seed {}; organisation id {}",
        count(inputs.scenario.accounts()),
        inputs.scenario.dataset_name,
        inputs.scenario.profile.name(),
        inputs.seed(),
        args.org_id,
    ))?;
    if !args.addr.ip().is_loopback() {
        eprintln!("warning: {} can be reached from other machines", args.addr);
    }
    tokio::signal::ctrl_c().await.map_err(CliError::Runtime)?;
    let calls = mock.calls();
    say(&format!("{} calls, {} refused", count(calls.total()), count(calls.rejected())))?;
    Ok(ExitCode::SUCCESS)
}
