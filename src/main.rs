//! The `neonbench` command: parse, call, print the error, end with the contract's code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::survive_size_limits();
    cli::main().unwrap_or_else(|error| {
        cli::complain(format_args!("error: {}", cli::in_words(&error)));
        ExitCode::from(cli::exit_code(&error))
    })
}
