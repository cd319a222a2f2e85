//! What the master can be asked to do, by signal or over its control socket.

use super::Event;
use rustix::process::Signal;
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

/// Something that the master is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Read the configuration again and replace all workers.
    Reload,
    /// One worker thread more.
    More,
    /// One worker thread fewer.
    Fewer,
    /// Reopen the log's files.
    ReopenLogs,
    /// Start the program anew, and let it take over.
    Upgrade,
    /// Stop the workers, keep the master.
    Rest,
    /// Stop; what is in flight may finish.
    Stop,
    /// Stop at once.
    Quit,
}

/// gunicorn's signals.
const SIGNALS: [(Signal, &str, Command); 9] = [
    (Signal::HUP, "HUP", Command::Reload),
    (Signal::TTIN, "TTIN", Command::More),
    (Signal::TTOU, "TTOU", Command::Fewer),
    (Signal::USR1, "USR1", Command::ReopenLogs),
    (Signal::USR2, "USR2", Command::Upgrade),
    (Signal::WINCH, "WINCH", Command::Rest),
    (Signal::TERM, "TERM", Command::Stop),
    (Signal::INT, "INT", Command::Quit),
    (Signal::QUIT, "QUIT", Command::Quit),
];

/// Catches the signals from now on.
pub(super) fn listen(events: &UnboundedSender<Event>) -> io::Result<()> {
    for (kind, name, command) in SIGNALS {
        let mut signals = signal(SignalKind::from_raw(kind.as_raw()))?;
        let events = events.clone();
        actix_web::rt::spawn(async move {
            while signals.recv().await.is_some() {
                if events.send(Event::Signal(name, command)).is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}
