//! The socket of a run under way: beside the store, one per run, for its owner's user alone.

use super::protocol::{ControlAnswer, ControlRequest, RunCondition, SCHEMA};
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use neonbench_engine::clock::Clock as _;
use neonbench_engine::engine::Stop;
use neonbench_engine::world::{WallClock, runtime};
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes of a request or an answer, and the time that each side gives the other.
const MOST_BYTES: u64 = 4_096;
const PATIENCE: Duration = Duration::from_secs(2);

/// Clients that are served at once; others wait in the system's queue.
const MOST_CLIENTS: usize = 8;

/// Bytes of a path that the address of a socket holds on every Unix. Source: `unix(7)`.
const MOST_OF_PATH: usize = 100;

/// The socket of run `id` of the store at `store`.
pub(super) fn beside(store: &Path, id: i64) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(format!(".run-{id}.sock"));
    name.into()
}

/// A path to the socket `name` in the open `folder` that is short enough for an address: through the process's own
/// open files where the system shows them, as Linux does.
fn address(path: &Path, folder: &File, name: &std::ffi::OsStr) -> PathBuf {
    if path.as_os_str().len() <= MOST_OF_PATH {
        return path.to_owned();
    }
    Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name)
}

/// The folder of `path`.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A socket that takes requests until it is dropped.
pub(in crate::cli) struct ControlSocket {
    path: PathBuf,
    /// Device and number of its file: another may have taken its place by its end.
    file: (u64, u64),
    end: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl ControlSocket {
    /// Listens at `path`, which is replaced if it is there: only the owner of a run listens for it. Each request goes
    /// to `answer`, in a thread of the socket's own.
    ///
    /// Errors: there can be no socket, for example since the file system has none, or its path is too long.
    pub(super) fn open(
        path: &Path,
        answer: impl Fn(&ControlRequest) -> ControlAnswer + Send + 'static,
    ) -> io::Result<Self> {
        let (listener, file) = bind(path)?;
        let runtime = runtime()?;
        let end = Arc::new(Stop::default());
        let ended = Arc::clone(&end);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                // Without it, nobody can give orders, and the run goes on.
                if let Ok(listener) = tokio::net::UnixListener::from_std(listener) {
                    select(pin!(serve(&listener, &answer)), pin!(ended.raised())).await;
                }
            });
        });
        Ok(Self { path: path.to_owned(), file, end, thread: Some(thread) })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.end.set();
        if let Some(thread) = self.thread.take() {
            // Its panic was shown, and the result is not its own.
            let _ = thread.join();
        }
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            // A file that stays is replaced by the next owner.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|file| (file.dev(), file.ino()))
}

/// A socket at `path`. It is made in a folder that only its owner can enter, and moved from there once only its owner
/// can open it.
fn bind(path: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    let private = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(private).tempdir_in(folder_of(path))?;
    let first = folder.path().join("s");
    let opened = File::open(folder.path())?;
    let listener = UnixListener::bind(address(&first, &opened, "s".as_ref()))?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(&first, Permissions::from_mode(0o600))?;
    fs::rename(&first, path)?;
    Ok((listener, identity(path)?))
}

/// Serves clients for ever, some at a time.
async fn serve(
    listener: &tokio::net::UnixListener,
    answer: &impl Fn(&ControlRequest) -> ControlAnswer,
) {
    let clock = WallClock::start();
    let mut clients = FuturesUnordered::new();
    loop {
        if clients.len() >= MOST_CLIENTS {
            clients.next().await;
            continue;
        }
        let come = match select(pin!(listener.accept()), pin!(next(&mut clients))).await {
            Either::Left((come, _)) => come,
            Either::Right(_) => continue,
        };
        match come {
            Ok((client, _)) => clients.push(async {
                let served = serve_one(client, answer);
                let patience = clock.sleep_until(clock.now() + PATIENCE);
                select(pin!(served), pin!(patience)).await;
            }),
            // Out of descriptors, perhaps: a moment later there may be some.
            Err(_) => clock.sleep_until(clock.now() + Duration::from_millis(100)).await,
        }
    }
}

/// The end of the next client; without clients, never.
async fn next<F: Future<Output = ()>>(clients: &mut FuturesUnordered<F>) {
    if clients.next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Answers one request.
async fn serve_one(
    mut client: tokio::net::UnixStream,
    answer: &impl Fn(&ControlRequest) -> ControlAnswer,
) {
    let (asks, mut hears) = client.split();
    let mut line = Vec::new();
    let mut asks = tokio::io::BufReader::new(asks.take(MOST_BYTES));
    if asks.read_until(b'\n', &mut line).await.is_err() {
        return;
    }
    let answer = match ControlRequest::parse(&line) {
        Ok(request) => answer(&request),
        Err(words) => misunderstood(words),
    };
    let mut line = serde_json::to_vec(&answer).expect("an answer is JSON");
    line.push(b'\n');
    // A client that has gone has no use for it.
    let _ = hears.write_all(&line).await;
    let _ = hears.shutdown().await;
}

fn misunderstood(words: String) -> ControlAnswer {
    let (state, holds) = (RunCondition::Running, Vec::new());
    ControlAnswer { schema: SCHEMA, ok: false, state, words, headroom: 0, holds, page: None }
}

/// Sends `request` to the socket at `path`; its answer.
///
/// Errors: nobody listens there, or no answer comes.
pub(super) fn ask(path: &Path, request: &ControlRequest) -> io::Result<ControlAnswer> {
    let opened = File::open(folder_of(path))?;
    let mut server =
        UnixStream::connect(address(path, &opened, path.file_name().unwrap_or_default()))?;
    // The server may be busy with others for as long as it gives each of them.
    server.set_read_timeout(Some(5 * PATIENCE))?;
    server.set_write_timeout(Some(5 * PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    server.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(server.take(MOST_BYTES)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
