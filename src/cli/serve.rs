//! `neonbench serve`: the mock over HTTP, until Ctrl-C, SIGTERM or `POST /__mock/shutdown`.

use super::args::{EngineArgs, WorkloadArgs, whole};
use super::error::CliError;
use super::files;
use super::inputs::{DEMO, Inputs};
use super::interrupt::StopSignals;
use super::output::{count, plural, print};
use super::terminal::{complain, escape_controls, print_file};
use clap::Args;
use neon_mock::{NeonMock, ServedCall};
use neonbench_engine::world::runtime;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::Level;

/// Help on the admin routes, for `serve --help`.
const ADMIN: &str = "\
Admin routes, in JSON, for clients on this machine that send
`Authorization: Bearer TOKEN`:
  GET  /__mock/health            the server is up; needs no token
  GET  /__mock/state             digest of the organisation, changed accounts
  GET  /__mock/counters          calls by endpoint: admitted, rejected, failed
  GET  /__mock/histograms        response times, as HDR histogram logs
  GET  /__mock/journal?limit=N   the latest calls (at most 1,000); with
                                 &values=true also the values in them
  GET  /__mock/openapi.json      these routes in OpenAPI; needs no token
  POST /__mock/reset             all as at the start, or {\"seed\": 7} as with
                                 that seed
  POST /__mock/snapshot          keep the state, as {\"name\": \"full\"}
  POST /__mock/restore           go back to it
  POST /__mock/faults            {\"kinds\": [\"timeout\", …]} or
                                 {\"statuses\": [503, …]} for the next calls;
                                 {\"tables\": [{\"status\": 429,
                                 \"endpoints\": [\"PATCH /accounts/{id}\"],
                                 \"records\": [7], \"first\": 2}]} by rule
  POST /__mock/profile           {\"name\": \"constant\"}, or a profile as TOML,
                                 from now on
  POST /__mock/shutdown          stop the server; calls in flight are cut";

/// Flags of `serve`.
#[derive(Debug, Args)]
#[command(long_about = "Serves the mock of the Neon API over HTTP, until Ctrl-C, SIGTERM or POST /__mock/shutdown.\n\nWith -v it logs each call.", after_long_help = ADMIN)]
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
    /// Write address, token and process id to this file once the mock answers; it goes when the mock stops
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Stop when standard input ends: a test that holds its other end leaves no mock behind, however it dies
    #[arg(long)]
    exit_with_stdin: bool,
    /// Print one JSON object at the start and one at the end
    #[arg(long)]
    json: bool,
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
    if tracing::enabled!(target: ACCESS_LOG, Level::INFO) {
        builder = builder.observer(log);
    }
    let mut signals = StopSignals::install().map_err(CliError::Runtime)?;
    let mock = builder.try_start().await.map_err(CliError::Serve)?;
    if !args.addr.ip().is_loopback() {
        complain(format_args!("warning: other machines can reach {}", args.addr));
    }
    let start = ServeStart::new(args, inputs, &mock);
    let start_json = serde_json::to_string(&start).expect("plain data");
    let ready = format!("{start_json}\n");
    if let Some(path) = &args.ready_file {
        files::write(path, &ready)?;
    }
    if args.json {
        print_file(&start_json)?;
    } else {
        print(&start.in_words())?;
    }
    tokio::select! {
        biased;
        asked = signals.next() => asked.map_err(CliError::Runtime)?,
        () = mock.stopped() => {}
        () = stdin_ends(args.exit_with_stdin) => {}
    }
    if let Some(path) = &args.ready_file {
        // A script that waits for the file must not find that of a mock that has gone.
        files::remove_own(path, &ready);
    }
    let end = ServeEnd {
        schema: 1,
        calls: mock.calls().total(),
        refused: mock.calls().rejected(),
        cut: mock.in_flight(),
    };
    drop(mock);
    if args.json {
        print_file(&serde_json::to_string(&end).expect("plain data"))?;
    } else {
        print(&format!(
            "stopped: {}, {} refused, {} cut in flight",
            plural(end.calls, "call"),
            count(end.refused),
            count(end.cut),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits until standard input ends or fails; for ever unless it `is_asked_for`.
///
/// The thread that reads is left to itself: nothing else ends a read that nobody answers.
async fn stdin_ends(is_asked_for: bool) {
    if !is_asked_for {
        return std::future::pending().await;
    }
    let (ended, has_ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // The bytes mean nothing. An error ends the input, too.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(ended);
    });
    // The sender is only ever dropped.
    let _ = has_ended.await;
}

/// Target of the log of calls.
const ACCESS_LOG: &str = "neonbench::serve";

/// Logs a call that was answered.
fn log(call: &ServedCall) {
    let status = call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let query = call.query.as_ref().map_or("", |_| "?…");
    let ms = call.served.as_secs_f64() * 1e3;
    let path = escape_controls(&call.path);
    tracing::info!(target: ACCESS_LOG, "{} {path}{query} {status} {ms:.1} ms", call.verb);
}

/// The address, the credentials and the token that a client needs, as JSON.
#[derive(Serialize)]
struct ServeStart {
    schema: u32,
    base_url: String,
    admin_url: String,
    /// `None` if it came from the command line, where it is a secret.
    admin_token: Option<String>,
    org_id: String,
    pid: u32,
    accounts: u64,
    dataset: String,
    profile: String,
    seed: u64,
}

/// The outcome of a call, as JSON.
#[derive(Serialize)]
struct ServeEnd {
    schema: u32,
    calls: u64,
    refused: u64,
    cut: u64,
}

impl ServeStart {
    fn new(args: &ServeArgs, inputs: &Inputs, mock: &NeonMock) -> Self {
        let scenario = &inputs.scenario;
        Self {
            schema: 1,
            base_url: mock.base_url(),
            admin_url: format!("http://{}/__mock/", mock.addr()),
            admin_token: args.admin_token.is_none().then(|| mock.admin_token().to_owned()),
            org_id: args.org_id.clone(),
            pid: std::process::id(),
            accounts: scenario.accounts(),
            dataset: scenario.dataset_name.clone(),
            profile: scenario.profile.name().to_owned(),
            seed: inputs.seed(),
        }
    }

    fn in_words(&self) -> String {
        let Self { base_url, admin_url, org_id, dataset, profile, seed, .. } = self;
        let accounts = plural(self.accounts, "account");
        let token = self.admin_token.as_deref().unwrap_or("the one given");
        format!(
            "serving {base_url} · Ctrl-C stops\n  {accounts}, dataset {dataset}, profile {profile}, \
             seed {seed}; organisation id {org_id}\n  admin {admin_url} · token: {token}"
        )
    }
}
