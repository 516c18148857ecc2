//! The output of a judged command, passed on to standard error up to a bound.

use crate::cli::terminal::complain;
use std::io::{self, PipeReader, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The most bytes that are shown; the rest is read and dropped, so that the command goes on.
const MAX_OUTPUT: usize = 16 << 20;

/// Time to show what the command left in the pipe when it ended.
const AFTER_END: Duration = Duration::from_secs(1);

/// A thread that passes output on: this process must not wait for a terminal that stands still.
pub(super) struct PassedOutput {
    ended: mpsc::Receiver<()>,
}

impl PassedOutput {
    /// Passes on what comes out of `pipe`.
    pub(super) fn of(mut pipe: PipeReader) -> Self {
        let (end, ended) = mpsc::channel();
        thread::spawn(move || {
            if pass_on(&mut pipe, &mut io::stderr()) > 0 {
                complain("note: the rest of the command's output is left out");
            }
            end.send(()).ok();
        });
        Self { ended }
    }

    /// Waits a moment until all is shown. Every process that writes into the pipe has ended by now.
    pub(super) fn finish(self) {
        self.ended.recv_timeout(AFTER_END).ok();
    }
}

/// Passes output on to its end; the number of bytes that were left out.
fn pass_on(pipe: &mut impl Read, out: &mut impl Write) -> usize {
    let mut buffer = vec![0; 64 << 10];
    let (mut left, mut left_out) = (MAX_OUTPUT, 0);
    loop {
        let read = match pipe.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return left_out,
            Ok(read) => read,
        };
        let shown = read.min(left);
        // Nobody may be there to read it.
        out.write_all(&buffer[..shown]).ok();
        left -= shown;
        left_out += read - shown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_read_to_its_end_and_shown_up_to_its_bound() {
        let mut pipe = io::repeat(b'x').take(3 * MAX_OUTPUT as u64);
        let mut shown = Vec::new();
        assert_eq!(pass_on(&mut pipe, &mut shown), 2 * MAX_OUTPUT);
        assert_eq!((shown.len(), pipe.limit()), (MAX_OUTPUT, 0));
    }
}
