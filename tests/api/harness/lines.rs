//! The output of a process, line by line, to wait for.

use super::DEADLINE;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

/// Lines from a pipe as they arrive.
#[derive(Debug)]
pub(crate) struct Lines(Arc<(Mutex<Collected>, Condvar)>);

#[derive(Debug, Default)]
struct Collected {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Self {
        let collected = Self(Arc::default());
        let writer = Self(Arc::clone(&collected.0));
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                writer.state().lines.push(text);
                writer.0.1.notify_all();
                line.clear();
            }
            writer.state().ended = true;
            writer.0.1.notify_all();
        });
        collected
    }

    /// Waits for the first line that contains the text.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let found =
            |state: &Collected| state.lines.iter().find(|line| line.contains(text)).cloned();
        let waiting = |state: &mut Collected| found(state).is_none() && !state.ended;
        let (_, changed) = &*self.0;
        let (state, _) =
            changed.wait_timeout_while(self.state(), DEADLINE, waiting).expect("no panic");
        found(&state)
            .unwrap_or_else(|| panic!("no line with `{text}` in:\n{}", state.lines.join("\n")))
    }

    fn state(&self) -> MutexGuard<'_, Collected> {
        self.0.0.lock().expect("no panic")
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        self.state().lines.join("\n")
    }
}
