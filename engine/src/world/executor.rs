//! The one place where a tokio runtime is made.

use tokio::runtime::{Builder, Runtime};

/// A runtime on the calling thread, with timers and network, for a world on the wall clock.
///
/// One thread is enough: the engine is a single future, and the embedded mock serves on threads of
/// its own.
///
/// Errors: the operating system refuses what the runtime needs, such as a file descriptor.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
