//! Whether Actix still accepts on the server's sockets: it reports a pause too early, and complains
//! about a socket shut down meanwhile.

use rustix::fs::fstat;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// This takes microseconds unless the machine is very busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// The epoll instance that waits for connections, as shown in `proc_pid_fdinfo(5)`.
pub(super) struct Accepting {
    /// `None` if the system does not show it.
    epoll: Option<PathBuf>,
    /// As written there.
    sockets: Vec<String>,
}

impl Accepting {
    /// Call this when the server has started, before it has connections.
    pub(super) fn at(sockets: &[OwnedFd]) -> Self {
        let inodes = sockets.iter().filter_map(|socket| fstat(socket).ok());
        let sockets = inodes.map(|stat| format!(" ino:{:x} ", stat.st_ino)).collect();
        let mut accepting = Self { epoll: None, sockets };
        let all = fs::read_dir("/proc/self/fdinfo").into_iter().flatten().flatten();
        accepting.epoll = all.map(|entry| entry.path()).find(|path| accepting.is_watched_by(path));
        accepting
    }

    fn is_watched_by(&self, epoll: &PathBuf) -> bool {
        let text = fs::read_to_string(epoll).unwrap_or_default();
        let mut watched = text.lines().filter(|line| line.starts_with("tfd:"));
        watched.any(|line| self.sockets.iter().any(|socket| line.contains(socket)))
    }

    /// Waits until this process has stopped accepting, after Actix was told to pause.
    pub(super) async fn is_over(&self) {
        let Some(epoll) = &self.epoll else { return };
        let end = Instant::now() + PATIENCE;
        while self.is_watched_by(epoll) && Instant::now() < end {
            // No sleep: a client that connects now would be lost.
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[actix_web::test]
    async fn a_socket_is_watched_until_it_is_deregistered() {
        let (listener, other) =
            (TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0"));
        let (listener, other) = (listener.expect("a port"), other.expect("a port"));
        listener.set_nonblocking(true).expect("an option");
        let shared = [OwnedFd::from(listener.try_clone().expect("a copy"))];
        let watched = tokio::net::TcpListener::from_std(listener).expect("registered");
        assert!(Accepting::at(&[other.into()]).epoll.is_none());
        let accepting = Accepting::at(&shared);
        let epoll = accepting.epoll.clone().expect("an epoll instance");
        assert!(accepting.is_watched_by(&epoll));
        drop(watched);
        accepting.is_over().await;
        assert!(!accepting.is_watched_by(&epoll));
    }
}
