//! Starts this program again: as a worker, or as the master that takes over.

use super::crew::Message;
use super::identity::Identity;
use super::orphans::Children;
use super::{Event, Plan};
use crate::server::channel::{self, Channel, Handover, Report, SUCCESSOR, TakenOver, WORKER};
use crate::server::listener::Listeners;
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Resource, getrlimit};
use serde::Serialize;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use tokio::process::Child;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The first socket's number in a child: far from those that a starting process opens itself.
const FIRST_SOCKET: RawFd = 200;

/// The fewest files that a process must be allowed to open beside its sockets: what a worker process
/// opens for itself, and a few connections.
const FEWEST: u64 = 96;

/// How this program was started.
pub(super) struct Launcher {
    executable: PathBuf,
    arguments: Vec<OsString>,
    events: UnboundedSender<Event>,
    children: Children,
}

/// A child that was started.
pub(super) struct Launched {
    pub(super) pid: u32,
    pub(super) messages: UnboundedSender<Message>,
}

impl Launcher {
    pub(super) fn new(executable: PathBuf, events: UnboundedSender<Event>) -> Self {
        let arguments = std::env::args_os().collect();
        Self { executable, arguments, events, children: Children::new() }
    }

    /// The children that this process waits for.
    pub(super) fn children(&self) -> &Children {
        &self.children
    }

    /// The program's file.
    pub(super) fn executable(&self) -> &Path {
        &self.executable
    }

    /// Starts a worker process; what it says and its end come as events with this id.
    pub(super) fn worker(&self, id: u64, plan: &Plan) -> io::Result<Launched> {
        let handover = Handover {
            config: plan.layers.text.clone(),
            env_file: plan.layers.env_text.clone(),
            threads: plan.threads,
            sockets: plan.listeners.len(),
            admin_sockets: plan.listeners.admin_len(),
        };
        let mut command = self.command(&plan.listeners)?;
        command.env(WORKER, std::process::id().to_string());
        let Identity { user, group } = plan.identity;
        if let Some(group) = group {
            command.gid(group);
        }
        if let Some(user) = user {
            command.uid(user);
        }
        let (child, channel) = start(command, &handover)?;
        let Channel { mut reader, writer } = Channel::new(channel)?;
        let events = self.events.clone();
        actix_web::rt::spawn(async move {
            while let Some(report) = reader.next::<Report>().await {
                if events.send(Event::Report(id, report)).is_err() {
                    return;
                }
            }
        });
        Ok(self.attend(id, child, Some(writer)))
    }

    /// Starts the master that takes over these listeners.
    pub(super) fn successor(&self, id: u64, listeners: &Listeners) -> io::Result<Launched> {
        let mut command = self.command(listeners)?;
        command.env(SUCCESSOR, std::process::id().to_string());
        let (child, channel) = start(command, &listeners.inheritance())?;
        let Channel { mut reader, writer } = Channel::new(channel)?;
        let events = self.events.clone();
        actix_web::rt::spawn(async move {
            if let Some(TakenOver) = reader.next().await {
                let _ = events.send(Event::TakenOver(id));
            }
            // Its end of the channel must stay open until it is ready.
            drop(writer);
        });
        Ok(self.attend(id, child, None))
    }

    fn command(&self, listeners: &Listeners) -> io::Result<Command> {
        let mut command = Command::new(&self.executable);
        let mut arguments = self.arguments.iter();
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        let sockets: Vec<OwnedFd> = listeners.share()?;
        let files = getrlimit(Resource::Nofile).current;
        let first = first_socket(files, sockets.len()).map_err(io::Error::other)?;
        command
            .args(arguments)
            .env("LISTEN_FDS", sockets.len().to_string())
            .env("LISTEN_FDS_FIRST_FD", first.to_string());
        // systemd's variables name the first master: a successor feeds the watchdog, too.
        for name in ["LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID", WORKER, SUCCESSOR] {
            command.env_remove(name);
        }
        let mapping = |(parent_fd, child_fd)| FdMapping { parent_fd, child_fd };
        let mappings = sockets.into_iter().zip(first..).map(mapping).collect();
        command.fd_mappings(mappings).map_err(io::Error::other)?;
        Ok(command)
    }

    fn attend(&self, id: u64, child: Child, writer: Option<channel::ChannelWriter>) -> Launched {
        let (messages, receiver) = unbounded_channel();
        let pid = child.id().unwrap_or_default();
        let events = self.events.clone();
        let awaited = self.children.wait_for(child.id());
        actix_web::rt::spawn(async move {
            let ended = attend(child, writer, receiver).await;
            drop(awaited);
            let _ = events.send(Event::Ended(id, ended));
        });
        Launched { pid, messages }
    }
}

/// The first socket's number where a process may open so many files (`ulimit -n`).
fn first_socket(files: Option<u64>, sockets: usize) -> Result<RawFd, String> {
    let Some(files) = files else { return Ok(FIRST_SOCKET) };
    let sockets = u64::try_from(sockets).unwrap_or(u64::MAX);
    match files.checked_sub(sockets).filter(|room| *room >= FEWEST) {
        Some(room) => Ok(RawFd::try_from(room).map_or(FIRST_SOCKET, |room| room.min(FIRST_SOCKET))),
        None => Err(format!(
            "a process may open {files} files only (ulimit -n), and needs {} at least",
            sockets.saturating_add(FEWEST)
        )),
    }
}

/// Starts the child with its first line waiting in the channel.
fn start(mut command: Command, first: &impl Serialize) -> io::Result<(Child, UnixStream)> {
    let (mut ours, theirs) = UnixStream::pair()?;
    command.stdin(Stdio::from(OwnedFd::from(theirs)));
    let child = tokio::process::Command::from(command).spawn()?;
    // Written after the start: a long one would fill the channel before anybody reads it.
    match ours.write_all(&channel::line(first)?) {
        // It has ended already: how it has, is heard from its attendant.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok((child, ours))
}

/// Passes messages on until the child has ended.
async fn attend(
    mut child: Child,
    mut writer: Option<channel::ChannelWriter>,
    mut messages: UnboundedReceiver<Message>,
) -> io::Result<ExitStatus> {
    loop {
        let message = tokio::select! {
            ended = child.wait() => return ended,
            message = messages.recv() => message,
        };
        match (message, &mut writer) {
            (Some(Message::Order(order)), Some(writer)) => {
                // A few bytes always fit; a child that is gone is noticed above.
                let _ = writer.send(&order).await;
            }
            (Some(Message::Order(_)), None) => {}
            (Some(Message::Kill), _) => child.start_kill()?,
            (None, _) => return child.wait().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_passed_within_the_limit_of_files() {
        assert_eq!(first_socket(None, 2), Ok(FIRST_SOCKET));
        assert_eq!(first_socket(Some(1024), 2), Ok(FIRST_SOCKET));
        assert_eq!(first_socket(Some(201), 2), Ok(199));
        assert_eq!(first_socket(Some(98), 2), Ok(96));
        let line = first_socket(Some(97), 2).expect_err("too few");
        assert_eq!(line, "a process may open 97 files only (ulimit -n), and needs 98 at least");
    }
}
