//! The `neonbench` command: parse, call, print the error chain, end with the contract's code.

mod cli;

use std::error::Error as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::main() {
        Ok(code) => code,
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(source) = cause {
                // Some libraries repeat their cause in their own message.
                let text = source.to_string();
                if !message.contains(&text) {
                    message.push_str(": ");
                    message.push_str(&text);
                }
                cause = source.source();
            }
            eprintln!("error: {}", cli::escape_controls(&message));
            ExitCode::from(cli::exit_code(&error))
        }
    }
}
