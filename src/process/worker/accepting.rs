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
    /// What the system tells of the threads that accept (`proc_pid_stat(5)`).
    threads: Vec<PathBuf>,
}

/// The name that Actix gives to a thread that accepts; the system keeps 15 bytes of it.
const ACCEPTOR: &str = "actix-server ac";

impl Accepting {
    /// Call this when the server has started, before it has connections.
    pub(super) fn at(sockets: &[OwnedFd]) -> Self {
        let inodes = sockets.iter().filter_map(|socket| fstat(socket).ok());
        let sockets = inodes.map(|stat| format!(" ino:{:x} ", stat.st_ino)).collect();
        let mut accepting = Self { epoll: None, sockets, threads: acceptors() };
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
            yield_now().await;
        }
        // It may have heard of a connection together with the pause, and still take it.
        for thread in &self.threads {
            while is_busy(thread) && Instant::now() < end {
                yield_now().await;
            }
        }
    }
}

async fn yield_now() {
    std::thread::yield_now();
    tokio::task::yield_now().await;
}

fn acceptors() -> Vec<PathBuf> {
    let all = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let is_one = |thread: &PathBuf| {
        fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim_end() == ACCEPTOR)
    };
    all.map(|entry| entry.path()).filter(is_one).map(|thread| thread.join("stat")).collect()
}

/// Whether a thread runs, or could: one that waits for events sleeps.
fn is_busy(stat: &PathBuf) -> bool {
    let text = fs::read_to_string(stat).unwrap_or_default();
    text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};
    use std::thread;

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

    #[test]
    fn a_thread_that_accepts_is_busy_until_it_waits() {
        let (end, ended) = mpsc::channel::<()>();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let acceptor = thread::Builder::new().name("actix-server acceptor".to_owned());
        let acceptor = acceptor.spawn(move || {
            while !stopped.load(Ordering::SeqCst) {}
            let _ = ended.recv();
        });
        let until = |is: bool| {
            while acceptors().iter().any(is_busy) != is {
                thread::yield_now();
            }
        };
        until(true);
        stop.store(true, Ordering::SeqCst);
        until(false);
        drop(end);
        acceptor.expect("a thread").join().expect("it ends");
    }
}
