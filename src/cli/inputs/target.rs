//! The servers that flags name, and whether they may be written to.

use super::DEMO;
use crate::cli::args::{AccessArgs, CredentialArgs};
use crate::cli::error::CliError;
use crate::cli::terminal::complain;
use neonbench_engine::run::RunError;
use neonbench_engine::world::{HEALTH_PATH, Target};

/// The server at `base_url`, if it may be called: but for the mock on this machine, it is written to only where its
/// organisation was typed out.
pub(in crate::cli) fn writable_target(
    base_url: &str,
    access: &AccessArgs,
    writes: bool,
) -> Result<Target, CliError> {
    let target = called_target(base_url, access, writes)?;
    if writes {
        check_writable(&target, access)?;
    }
    Ok(target)
}

/// The same; whether a server on this machine is the mock is not asked.
pub(super) fn called_target(
    base_url: &str,
    access: &AccessArgs,
    writes: bool,
) -> Result<Target, CliError> {
    let target = target(base_url, &access.credentials)?;
    if writes && !target.is_loopback() {
        check_writable(&target, access)?;
    }
    with_credentials(target, &access.credentials)
}

/// Errors: the server may not be written to, or cannot be asked whether it is the mock.
pub(super) fn check_writable(target: &Target, access: &AccessArgs) -> Result<(), CliError> {
    let allowed = access.allow_writes_to.as_deref();
    match target.is_writable(allowed) {
        Ok(true) => Ok(()),
        Ok(false) => Err(refused_write(target, allowed)),
        Err(error) => Err(CliError::Target(format!("the target is unreachable: {error}"))),
    }
}

/// The server at `base_url`, to be read only.
pub(in crate::cli) fn readable_target(
    base_url: &str,
    credentials: &CredentialArgs,
) -> Result<Target, CliError> {
    with_credentials(target(base_url, credentials)?, credentials)
}

/// The server at `base_url`, with the mock's credentials where none are given for this machine.
fn target(base_url: &str, credentials: &CredentialArgs) -> Result<Target, CliError> {
    let org_id = credentials.org_id.clone().unwrap_or_default();
    let api_key = credentials.api_key.clone().unwrap_or_default();
    let mut target = Target::new(base_url, &org_id, &api_key).map_err(RunError::Http)?;
    if target.is_loopback() {
        for credential in [&mut target.org_id, &mut target.api_key] {
            if credential.is_empty() {
                DEMO.clone_into(credential);
            }
        }
    }
    Ok(target)
}

/// The same, if it has all credentials and they may be sent; says which proxy they go through.
fn with_credentials(target: Target, given: &CredentialArgs) -> Result<Target, CliError> {
    for (credential, flag) in [
        (&target.org_id, "--org-id (or NEON_ORG_ID)"),
        (&target.api_key, "--api-key (or NEON_API_KEY)"),
    ] {
        if credential.is_empty() {
            return Err(CliError::usage(format!("{} needs {flag}", target.base_url)));
        }
    }
    if target.is_plain_http() && !given.allow_plain_http {
        return Err(CliError::Guard(format!(
            "refused to send an API key to {}: it is not on this machine, and http:// is clear text; use https://, or \
             add --allow-plain-http; nothing was sent",
            target.base_url
        )));
    }
    if let Some(proxy) = target.proxy() {
        complain(format_args!("note: calls go through the proxy {proxy} of the environment"));
    }
    Ok(target)
}

/// The error of a write without leave.
fn refused_write(target: &Target, allowed: Option<&str>) -> CliError {
    let Target { base_url, org_id, .. } = target;
    let why = match allowed {
        Some(allowed) => {
            format!("--allow-writes-to is `{allowed}`, and the organisation is `{org_id}`")
        }
        None if target.is_loopback() => format!(
            "it is on this machine, but it is not the mock of neonbench, which answers GET {HEALTH_PATH}; it may \
             forward to an organisation; add --allow-writes-to with the organisation's id to write"
        ),
        None => "it is not on this machine; add --dry-run to read without writing, or --allow-writes-to with the \
             organisation's id to write"
            .to_owned(),
    };
    CliError::Guard(format!("refused to write to {base_url}: {why}; nothing was sent"))
}
