//! Starts this program again: as a worker, or as the successor of the master.

use super::identity::Identity;
use super::orphans::Children;
use super::program::Program;
use super::workers::Message;
use super::{Event, Plan};
use crate::process::channel::{
    self, Channel, ChannelWriter, FromMaster, Handover, Report, SUCCESSOR, TakenOver, WORKER,
};
use crate::process::listener::Listeners;
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};
use std::io::{self, Write as _};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::pin::pin;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The first socket's number in a child: far from those that a starting process opens itself.
const FIRST_SOCKET: RawFd = 200;

/// The fewest files a process must be allowed to open beside its sockets: what a worker process
/// opens itself, and a few connections.
const FEWEST: u64 = 96;

/// To read the last messages of an ended child; its channel ends with it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How this program was started.
pub(super) struct Launcher {
    program: Program,
    events: UnboundedSender<Event>,
    children: Children,
}

/// A started child.
pub(super) struct Launched {
    pub(super) pid: u32,
    pub(super) messages: UnboundedSender<Message>,
}

impl Launcher {
    pub(super) fn new(program: Program, events: UnboundedSender<Event>) -> Self {
        Self { program, events, children: Children::new() }
    }

    /// The children of this process.
    pub(super) fn children(&self) -> &Children {
        &self.children
    }

    /// The program's path.
    pub(super) fn executable(&self) -> &Path {
        self.program.path()
    }

    /// Starts a worker process; its messages and its end arrive as events with this id.
    pub(super) fn worker(&self, id: u64, plan: &Plan, is_first: bool) -> io::Result<Launched> {
        let handover = Handover {
            config: plan.layers.text.clone(),
            env_file: plan.layers.env_text.clone(),
            files: plan.contents.clone(),
            looks_for_damage: is_first,
            threads: plan.threads,
            sockets: plan.listeners.len(),
            admin_sockets: plan.listeners.admin_len(),
        };
        // `--reload` is for those who build the next program.
        let is_built = plan.settings.server.reload;
        let command = if is_built { self.program.successor() } else { self.program.again() };
        let mut command = prepared(command, &plan.listeners)?;
        command.env(WORKER, std::process::id().to_string());
        let Identity { user, group } = plan.identity;
        if let Some(group) = group {
            command.gid(group);
        }
        if let Some(user) = user {
            command.uid(user);
        }
        let first = handover.packed()?;
        let (child, channel) = start(command)?;
        let Channel { mut reader, writer } = Channel::new(channel)?;
        let events = self.events.clone();
        let heard = actix_web::rt::spawn(async move {
            while let Some(report) = reader.next::<Report>().await {
                if events.send(Event::Report(id, report)).is_err() {
                    return;
                }
            }
        });
        Ok(self.attend(id, child, Some((writer, first)), Some(heard)))
    }

    /// Starts the master that takes over these listeners.
    pub(super) fn successor(&self, id: u64, listeners: &Listeners) -> io::Result<Launched> {
        let mut command = prepared(self.program.successor(), listeners)?;
        command.env(SUCCESSOR, std::process::id().to_string());
        let (child, mut channel) = start(command)?;
        match channel.write_all(&channel::line(&listeners.inheritance())?) {
            // It has already ended; its attendant reports how.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written?,
        }
        let Channel { mut reader, writer } = Channel::new(channel)?;
        let events = self.events.clone();
        actix_web::rt::spawn(async move {
            if let Some(TakenOver) = reader.next().await {
                let _ = events.send(Event::TakenOver(id));
            }
            if let Some(TakenOver) = reader.next().await {
                let _ = events.send(Event::Followed);
            }
            // Its end of the channel must stay open until it is ready.
            drop(writer);
        });
        Ok(self.attend(id, child, None, None))
    }

    fn attend(
        &self,
        id: u64,
        child: Child,
        first: Option<(ChannelWriter, Vec<u8>)>,
        heard: Option<JoinHandle<()>>,
    ) -> Launched {
        let (messages, receiver) = unbounded_channel();
        let pid = child.id().unwrap_or_default();
        let events = self.events.clone();
        let awaited = self.children.wait_for(child.id());
        actix_web::rt::spawn(async move {
            let ended = attend(child, first, receiver).await;
            drop(awaited);
            if let Some(heard) = heard {
                // Its last messages come before its end.
                let _ = timeout(LAST_WORDS, heard).await;
            }
            let _ = events.send(Event::Ended(id, ended));
        });
        Launched { pid, messages }
    }
}

/// Passes these sockets, and drops the variables meant for this process alone.
fn prepared(mut command: Command, listeners: &Listeners) -> io::Result<Command> {
    let sockets: Vec<OwnedFd> = listeners.share()?;
    let files = getrlimit(Resource::Nofile).current;
    let first = first_socket(files, sockets.len()).map_err(io::Error::other)?;
    command
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

/// The first socket's number, if a process may open enough files (`ulimit -n`).
fn first_socket(files: Option<u64>, sockets: usize) -> Result<RawFd, String> {
    let Some(files) = files else { return Ok(FIRST_SOCKET) };
    let sockets = u64::try_from(sockets).unwrap_or(u64::MAX);
    match files.checked_sub(sockets).filter(|room| *room >= FEWEST) {
        Some(room) => Ok(RawFd::try_from(room).map_or(FIRST_SOCKET, |room| room.min(FIRST_SOCKET))),
        None => Err(format!(
            "a process may open only {files} files (ulimit -n) but needs at least {}",
            sockets.saturating_add(FEWEST)
        )),
    }
}

/// Starts the child with the other end of the channel.
fn start(mut command: Command) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    command.stdin(Stdio::from(OwnedFd::from(theirs)));
    Ok((tokio::process::Command::from(command).spawn()?, ours))
}

/// Passes messages on, after the first one, until the child has ended.
async fn attend(
    mut child: Child,
    first: Option<(ChannelWriter, Vec<u8>)>,
    mut messages: UnboundedReceiver<Message>,
) -> io::Result<ExitStatus> {
    let (orders, receiver) = unbounded_channel();
    let mut written = pin!(write(first, receiver));
    loop {
        let message = tokio::select! {
            ended = child.wait() => return ended,
            () = &mut written => unreachable!("it ends with its orders, which are below"),
            message = messages.recv() => message,
        };
        match message {
            Some(Message::Order(order)) => drop(orders.send(FromMaster::Order(order))),
            Some(Message::Figures(question, figures)) => {
                drop(orders.send(FromMaster::Figures { question, figures }));
            }
            Some(Message::Audited(audited)) => {
                drop(orders.send(FromMaster::Audited { audited }));
            }
            Some(Message::Terminate) => {
                let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
                pid.map_or(Ok(()), |pid| kill_process(pid, Signal::TERM))?;
            }
            Some(Message::Kill) => child.start_kill()?,
            None => return child.wait().await,
        }
    }
}

/// Writes the messages for a child. A child that does not read blocks no other; one that has ended
/// is noticed elsewhere.
async fn write(first: Option<(ChannelWriter, Vec<u8>)>, mut orders: UnboundedReceiver<FromMaster>) {
    let Some((mut writer, first)) = first else { return std::future::pending().await };
    let _ = writer.put(&first).await;
    drop(first);
    while let Some(order) = orders.recv().await {
        let _ = writer.send(&order).await;
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
        assert_eq!(line, "a process may open only 97 files (ulimit -n) but needs at least 98");
    }
}
