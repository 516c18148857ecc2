//! `neonbench serve`: the mock over HTTP, until Ctrl-C or `POST /__mock/shutdown`.

use super::args::{EngineArgs, WorkloadArgs, WorldArgs};
use super::error::CliError;
use super::inputs::{DEMO, Inputs};
use super::output::{count, print};
use clap::Args;
use neon_mock::NeonMock;
use neonbench_engine::world::runtime;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Help on the admin routes, for `serve --help`.
const ADMIN: &str = "\
Admin routes, for clients on this machine with `Authorization: Bearer TOKEN`, JSON in and out:
  GET  /__mock/health            that it lives; needs no token
  GET  /__mock/state             digest of the organisation, accounts, changed accounts
  GET  /__mock/counters          calls by endpoint: admitted, rejected, failed
  GET  /__mock/histograms        response times as served, with a line of an HDR histogram log each
  GET  /__mock/journal?limit=N   the latest calls (up to 1,000), the newest first
  POST /__mock/reset             organisation, counters and limits as at the start
  POST /__mock/faults            {\"kinds\": [\"timeout\", …]}: how the next calls go wrong
  POST /__mock/profile           {\"name\": \"constant\"}: another profile from now on
  POST /__mock/shutdown          ends the server; calls in flight are cut";

/// Flags of `serve`.
#[derive(Debug, Args)]
#[command(after_long_help = ADMIN, after_help = "--help lists the admin routes.")]
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
    /// The token of the admin routes below /__mock/ [default: a random one, which is printed]
    #[arg(long, value_name = "TOKEN")]
    admin_token: Option<String>,
    /// Seed of the organisation and the service times [default: 1]
    #[arg(long, value_name = "K")]
    seed: Option<u64>,
    #[command(flatten)]
    workload: WorkloadArgs,
}

pub(super) fn run(args: &ServeArgs) -> Result<ExitCode, CliError> {
    let engine = EngineArgs { seed: args.seed, ..EngineArgs::default() };
    let inputs = Inputs::read(&args.workload, &engine, &WorldArgs::default())?;
    runtime().map_err(CliError::Runtime)?.block_on(serve(args, &inputs))
}

async fn serve(args: &ServeArgs, inputs: &Inputs) -> Result<ExitCode, CliError> {
    let mut builder = NeonMock::builder()
        .neon(inputs.scenario.neon(inputs.seed()))
        .credentials(&args.org_id, &args.api_key)
        .addr(args.addr);
    if let Some(token) = &args.admin_token {
        builder = builder.admin_token(token);
    }
    let mock = builder.try_start().await.map_err(CliError::Serve)?;
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    // Poll once so that the signal handler is installed before the address is printed.
    tokio::select! {
        biased;
        interrupted = &mut interrupt => {
            interrupted.map_err(CliError::Runtime)?;
            return Ok(ExitCode::SUCCESS);
        }
        () = std::future::ready(()) => {}
    }
    print(&format!("serving {} · Ctrl-C stops", mock.base_url()))?;
    print(&format!(
        "  {} accounts, dataset {}, profile {}, seed {}; organisation id {}",
        count(inputs.scenario.accounts()),
        inputs.scenario.dataset_name,
        inputs.scenario.profile.name(),
        inputs.seed(),
        args.org_id,
    ))?;
    // A token from the command line is a secret; a generated one has to be printed.
    let token = match &args.admin_token {
        Some(_) => "the one given",
        None => mock.admin_token(),
    };
    print(&format!("  admin http://{}/__mock/ · token: {token}", mock.addr()))?;
    if !args.addr.ip().is_loopback() {
        eprintln!("warning: {} can be reached from other machines", args.addr);
    }
    tokio::select! {
        biased;
        interrupted = interrupt => interrupted.map_err(CliError::Runtime)?,
        () = mock.stopped() => {}
    }
    let (calls, in_flight) = (mock.calls(), mock.in_flight());
    drop(mock);
    print(&format!(
        "stopped: {} calls, {} refused, {} cut in flight",
        count(calls.total()),
        count(calls.rejected()),
        count(in_flight),
    ))?;
    Ok(ExitCode::SUCCESS)
}
