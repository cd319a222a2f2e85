//! The asynchronous end of the log: callers append to memory, one thread writes.

use super::{ERROR, LoggingError};
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that are worth a write before the pause is over.
const FULL: usize = 64 << 10;
/// Bytes in memory above which lines are dropped.
const CAP: usize = 8 << 20;
/// Pause between two writes, so that a busy server writes many lines at once.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes whole lines and never waits for whoever reads them.
///
/// The first line after a silence is written at once, others within 50 ms. Lines above 8 MiB of
/// backlog are dropped; how many is logged as soon as there is room again.
#[derive(Clone)]
pub(super) struct Sink(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    dropped: u64,
    /// Somebody waits in [`Sink::drain`].
    hurry: bool,
    /// The thread writes what it took from `buffer`.
    writing: bool,
}

impl Sink {
    /// Starts the thread that writes to `out`; `name` is for the line about dropped lines.
    pub(super) fn new(
        name: &'static str,
        out: impl Write + Send + 'static,
    ) -> Result<Self, LoggingError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
        });
        let sink = Self(Arc::clone(&shared));
        std::thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn(move || shared.write_to(out, name))
            .map_err(|error| LoggingError::Thread(error.to_string()))?;
        Ok(sink)
    }

    /// Waits until everything is written, for `limit` at most.
    pub(super) fn drain(&self, limit: Duration) {
        let mut state = self.0.lock();
        state.hurry = true;
        self.0.filled.notify_one();
        let pending = |state: &mut State| state.writing || !state.buffer.is_empty();
        drop(self.0.drained.wait_timeout_while(state, limit, pending));
    }
}

impl Write for Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        let before = state.buffer.len();
        if before + line.len() > CAP {
            state.dropped += 1;
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

    fn write_to(&self, mut out: impl Write, name: &str) {
        let mut lines = Vec::new();
        loop {
            let mut state = self.lock();
            while state.buffer.is_empty() {
                state.writing = false;
                state.hurry = false;
                self.drained.notify_all();
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.writing = true;
            std::mem::swap(&mut state.buffer, &mut lines);
            let dropped = std::mem::take(&mut state.dropped);
            drop(state);

            // Whoever closed the other end has no use for the lines, and there is no other place.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
            lines.shrink_to(2 * FULL);
            if dropped > 0 {
                log::warn!(target: ERROR, "{dropped} lines of the log were dropped: {name} is not read fast enough");
            }

            let waiting = |state: &mut State| !state.hurry && state.buffer.len() < FULL;
            drop(self.filled.wait_timeout_while(self.lock(), PAUSE, waiting));
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! An output that tests can read, and hold up.

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

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Pipe;
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn lines_arrive_in_order() {
        let pipe = Pipe::default();
        let mut sink = Sink::new("test", pipe.clone()).unwrap();
        for number in 0..10_000 {
            writeln!(sink, "{number}").unwrap();
        }
        sink.drain(LONG);
        let numbers = (0..10_000).map(|number| number.to_string());
        assert!(pipe.text().lines().eq(numbers));
    }

    #[test]
    fn a_line_arrives_without_a_drain() {
        let pipe = Pipe::default();
        let mut sink = Sink::new("test", pipe.clone()).unwrap();
        writeln!(sink, "one").unwrap();
        while pipe.text() != "one\n" {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_reader_that_stands_still_costs_lines_and_no_time() {
        let pipe = Pipe::default();
        let mut sink = Sink::new("test", pipe.clone()).unwrap();
        let held = pipe.hold();
        let line = [b'x'; 1 << 10];
        for _ in 0..3 * (CAP / line.len()) {
            sink.write_all(&line).unwrap();
        }
        assert!(sink.0.lock().buffer.len() <= CAP);
        assert!(sink.0.lock().dropped > 0);
        sink.drain(Duration::from_millis(1));
        drop(held);
        sink.drain(LONG);
        assert!(pipe.text().len() >= CAP);
    }
}
