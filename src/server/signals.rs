//! Signals of the operating system, as a channel, so that tests can send them too.

use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Asks the server to stop; the name is for the log.
pub(super) type Signals = mpsc::UnboundedReceiver<&'static str>;

/// Catches SIGTERM, SIGINT and SIGQUIT from now on.
pub(super) fn listen() -> io::Result<Signals> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let (sender, receiver) = mpsc::unbounded_channel();
    actix_web::rt::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                _ = quit.recv() => "SIGQUIT",
            };
            if sender.send(name).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
