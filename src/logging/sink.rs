//! The asynchronous end of the log: callers append to memory, one thread writes.

use super::whole::{Unwritten, WholeLines};
use super::{ERROR, LoggingError};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Deref;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that are written before the pause is over.
const FULL: usize = 64 << 10;
/// Buffered bytes above which lines are dropped.
const CAP: usize = 8 << 20;
/// Pause between two writes, so that a busy server writes many lines at once.
const PAUSE: Duration = Duration::from_millis(50);

/// Lines lost in this process so far.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How many log lines were dropped so far, by all sinks of this process.
pub fn dropped() -> u64 {
    LOST.load(Relaxed)
}

/// Takes whole lines and never waits for their reader.
///
/// The first line after a silence is written at once, others within 50 ms. Lines beyond 8 MiB of
/// backlog are dropped; how many is logged once there is room again.
#[derive(Clone)]
pub(super) struct Sink(Arc<SinkHandle>);

/// The callers' half of a sink: once the last one is dropped, the thread writes the rest and ends.
struct SinkHandle(Arc<Shared>);

impl Deref for SinkHandle {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for SinkHandle {
    fn drop(&mut self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }
}

struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is independent of the others")]
struct State {
    buffer: Vec<u8>,
    dropped: u64,
    /// A thread waits in [`Sink::drain`].
    hurry: bool,
    /// The thread is writing what it took from `buffer`.
    writing: bool,
    /// No caller is left.
    closed: bool,
    /// Reopen the file once `buffer` is written.
    reopen: bool,
}

impl Sink {
    /// Starts the thread that writes to `out`; `name` is for messages about dropped lines.
    pub(super) fn new(name: &str, out: impl Output) -> Result<Self, LoggingError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
        });
        let sink = Self(Arc::new(SinkHandle(Arc::clone(&shared))));
        std::thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn({
                let name = name.to_owned();
                move || shared.write_to(out, &name)
            })
            .map_err(|error| LoggingError::Thread(error.to_string()))?;
        Ok(sink)
    }

    /// Reopens the file, by its path, after the buffered lines; soon, on the sink's own thread.
    pub(super) fn reopen(&self) {
        self.0.lock().reopen = true;
        self.0.filled.notify_one();
    }

    /// Waits until everything is written, for `limit` at most.
    pub(super) fn drain(&self, limit: Duration) {
        let mut state = self.0.lock();
        state.hurry = true;
        self.0.filled.notify_one();
        let pending = |state: &mut State| state.writing || state.is_due();
        drop(self.0.drained.wait_timeout_while(state, limit, pending));
    }
}

impl Write for Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        let before = state.buffer.len();
        if before + line.len() > CAP {
            state.dropped += 1;
            LOST.fetch_add(1, Relaxed);
        } else {
            state.buffer.extend_from_slice(line);
            let after = state.buffer.len();
            drop(state);
            if before == 0 || before < FULL && after >= FULL {
                self.0.filled.notify_one();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut out: impl Output, name: &str) {
        let mut lines = Vec::new();
        let mut dropped = 0;
        let mut failed: Option<Unwritten> = None;
        loop {
            let mut state = self.lock();
            while !state.is_due() {
                state.writing = false;
                state.hurry = false;
                self.drained.notify_all();
                if state.closed {
                    return;
                }
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.writing = true;
            std::mem::swap(&mut state.buffer, &mut lines);
            let reopen = std::mem::take(&mut state.reopen);
            dropped += std::mem::take(&mut state.dropped);
            drop(state);

            match out.put(&lines) {
                Ok(()) if lines.is_empty() => {}
                Ok(()) => {
                    if dropped > 0 {
                        log::warn!(target: ERROR, "{dropped} log lines were dropped: {name} does \
                                                   not accept them fast enough");
                        dropped = 0;
                    }
                    if let Some(Unwritten { lines, error }) = failed.take() {
                        let error = cause(&error);
                        log::warn!(target: ERROR, "{lines} log lines were dropped: {name}: {error}");
                    }
                }
                // There is no other place for them: counts them until there is room again.
                Err(now) => {
                    LOST.fetch_add(now.lines, Relaxed);
                    if let Some(failed) = &mut failed {
                        failed.lines += now.lines;
                    } else {
                        let error = cause(&now.error);
                        log::error!(target: ERROR, "log lines are dropped until {name} accepts \
                                                    them again: {error}");
                        failed = Some(now);
                    }
                }
            }
            lines.clear();
            lines.shrink_to(2 * FULL);
            if reopen && let Err(error) = out.reopen() {
                log::error!(target: ERROR, "the log continues in the old file: {name}: {error}");
            }

            let waiting =
                |state: &mut State| !state.hurry && !state.reopen && state.buffer.len() < FULL;
            drop(self.filled.wait_timeout_while(self.lock(), PAUSE, waiting));
        }
    }
}

/// The error for use within a line: `no space left on device (os error 28)`.
fn cause(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

impl State {
    fn is_due(&self) -> bool {
        !self.buffer.is_empty() || self.reopen
    }
}

/// The destination of a sink's lines.
pub(super) trait Output: Send + 'static {
    /// Creates a new file after rotation; streams stay as they are.
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Writes whole lines.
    fn put(&mut self, lines: &[u8]) -> Result<(), Unwritten>;
}

/// The process's own streams.
impl<F: AsFd + Send + 'static> Output for WholeLines<F> {
    fn put(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        Self::put(self, lines)
    }
}

/// Opens a log file, at the start and after rotation.
pub type Open = Arc<dyn Fn(&Path) -> io::Result<File> + Send + Sync>;

/// Opens a log file for appending, or creates it, readable for its owner and group.
pub fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

/// A file that lines are appended to.
pub(super) struct LogFile {
    path: PathBuf,
    lines: WholeLines<File>,
    open: Open,
}

impl LogFile {
    pub(super) fn open(path: &Path, open: &Open) -> io::Result<Self> {
        let lines = WholeLines::new(open(path)?);
        Ok(Self { path: path.to_owned(), lines, open: Arc::clone(open) })
    }

    pub(super) fn file(&self) -> &File {
        self.lines.end()
    }
}

impl Output for LogFile {
    fn reopen(&mut self) -> io::Result<()> {
        self.lines.replace((self.open)(&self.path)?);
        Ok(())
    }

    fn put(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        self.lines.put(lines)
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! An output that tests can read and block.

    use super::*;

    /// Keeps what is written; while [`Pipe::hold`]'s guard lives, writers wait.
    #[derive(Clone, Default)]
    pub(in crate::logging) struct Pipe(Arc<Mutex<Vec<u8>>>);

    impl Pipe {
        pub(in crate::logging) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        pub(in crate::logging) fn hold(&self) -> MutexGuard<'_, Vec<u8>> {
            self.0.lock().unwrap()
        }
    }

    impl Output for Pipe {
        fn put(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
            self.0.lock().unwrap().extend_from_slice(lines);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
