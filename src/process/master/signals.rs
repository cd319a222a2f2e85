//! Commands to the master, by signal or over its control socket.

use super::Event;
use crate::domain::program;
use crate::logging::ERROR;
use rustix::io::Errno;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

/// A command to the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Reload the configuration and replace all workers.
    Reload,
    /// Change the number of worker threads in each process.
    Workers(Threads),
    /// Reopen the log files.
    ReopenLogs,
    /// Start the program again and let it take over.
    Upgrade,
    /// Stop the workers, keep the master.
    Rest,
    /// Start the workers again after [`Command::Rest`].
    Wake,
    /// Stop; requests in flight may finish.
    Stop,
    /// Stop at once.
    Quit,
}

/// How many worker threads each process is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Threads {
    /// This many more, or fewer.
    By(isize),
    /// This many.
    Be(usize),
}

/// gunicorn's signals.
const SIGNALS: [(Signal, &str, Command); 9] = [
    (Signal::HUP, "HUP", Command::Reload),
    (Signal::TTIN, "TTIN", Command::Workers(Threads::By(1))),
    (Signal::TTOU, "TTOU", Command::Workers(Threads::By(-1))),
    (Signal::USR1, "USR1", Command::ReopenLogs),
    (Signal::USR2, "USR2", Command::Upgrade),
    (Signal::WINCH, "WINCH", Command::Rest),
    (Signal::TERM, "TERM", Command::Stop),
    (Signal::INT, "INT", Command::Quit),
    (Signal::QUIT, "QUIT", Command::Quit),
];

/// Catches the signals from now on.
pub(super) fn listen(events: &UnboundedSender<Event>) -> io::Result<()> {
    // A file that may grow no further (`ulimit -f`) is an error for its writer, not the end of the
    // server. Tokio's handler stays when the stream is dropped.
    drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?);
    let mut spent = signal(SignalKind::from_raw(Signal::XCPU.as_raw()))?;
    actix_web::rt::spawn(async move {
        // From then on it arrives every second.
        if spent.recv().await.is_some() {
            log::error!(
                target: ERROR,
                "This process has used its CPU time (ulimit -t), and the system may end it soon; USR2 \
                 starts another"
            );
        }
    });
    for (kind, name, command) in SIGNALS {
        let mut signals = signal(SignalKind::from_raw(kind.as_raw()))?;
        let events = events.clone();
        actix_web::rt::spawn(async move {
            let mut told = false;
            while signals.recv().await.is_some() {
                // A terminal sends it whenever its size changes.
                if kind == Signal::WINCH && has_terminal() {
                    if !std::mem::replace(&mut told, true) {
                        log::info!(
                            target: ERROR,
                            "WINCH is ignored on a terminal; `{} ctl rest` stops the workers",
                            program()
                        );
                    }
                    continue;
                }
                if events.send(Event::Signal(name, command)).is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}

/// Whether this process has a controlling terminal now; it may have lost the one it started on.
fn has_terminal() -> bool {
    // Only this error means that there is none.
    let none = |error: io::Error| error.raw_os_error() == Some(Errno::NXIO.raw_os_error());
    !File::open("/dev/tty").is_err_and(none)
}
