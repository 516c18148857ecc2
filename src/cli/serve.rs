//! `neonbench serve`: the mock over HTTP, until Ctrl-C or `POST /__mock/shutdown`.

use super::args::{EngineArgs, WorkloadArgs, whole};
use super::error::CliError;
use super::inputs::{DEMO, Inputs};
use super::output::{count, plural, print};
use super::terminal::complain;
use clap::Args;
use neon_mock::NeonMock;
use neonbench_engine::world::runtime;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Help on the admin routes, for `serve --help`.
const ADMIN: &str = "\
Admin routes, in JSON, for clients on this machine that send
`Authorization: Bearer TOKEN`:
  GET  /__mock/health            the server is up; needs no token
  GET  /__mock/state             digest of the organisation, changed accounts
  GET  /__mock/counters          calls by endpoint: admitted, rejected, failed
  GET  /__mock/histograms        response times, as HDR histogram logs
  GET  /__mock/journal?limit=N   the latest calls (at most 1,000)
  POST /__mock/reset             restore organisation, counters and limits
  POST /__mock/faults            {\"kinds\": [\"timeout\", …]} for the next calls
  POST /__mock/profile           {\"name\": \"constant\"} from now on
  POST /__mock/shutdown          stop the server; calls in flight are cut";

/// Flags of `serve`.
#[derive(Debug, Args)]
#[command(long_about = "Serves the mock of the Neon API over HTTP, until Ctrl-C or POST /__mock/shutdown.", after_long_help = ADMIN)]
pub(super) struct ServeArgs {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    addr: SocketAddr,
    /// Organisation id that clients must send
    #[arg(long, value_name = "ID", default_value = DEMO)]
    org_id: String,
    /// API key that clients must send
    #[arg(long, value_name = "KEY", default_value = DEMO)]
    api_key: String,
    /// Token of the admin routes [default: a random one, which is printed]
    #[arg(long, value_name = "TOKEN")]
    admin_token: Option<String>,
    /// Seed of the organisation and the response times [default: 1]
    #[arg(long, value_name = "K", value_parser = whole::<u64>)]
    seed: Option<u64>,
    #[command(flatten)]
    workload: WorkloadArgs,
}

/// An address with a port.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8080")
}

pub(super) fn run(args: &ServeArgs) -> Result<ExitCode, CliError> {
    let engine = EngineArgs { seed: args.seed, ..EngineArgs::default() };
    let inputs = Inputs::to_serve(&args.workload, &engine)?;
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
    if !args.addr.ip().is_loopback() {
        complain(format_args!("warning: other machines can reach {}", args.addr));
    }
    print(&format!("serving {} · Ctrl-C stops", mock.base_url()))?;
    print(&format!(
        "  {}, dataset {}, profile {}, seed {}; organisation id {}",
        plural(inputs.scenario.accounts(), "account"),
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
    tokio::select! {
        biased;
        interrupted = interrupt => interrupted.map_err(CliError::Runtime)?,
        () = mock.stopped() => {}
    }
    let (calls, in_flight) = (mock.calls(), mock.in_flight());
    drop(mock);
    print(&format!(
        "stopped: {}, {} refused, {} cut in flight",
        plural(calls.total(), "call"),
        count(calls.rejected()),
        count(in_flight),
    ))?;
    Ok(ExitCode::SUCCESS)
}
