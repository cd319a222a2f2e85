//! The sockets that the server listens on, TCP and unix.

use crate::http::{IN_USE, ServeError};
use crate::process::root_files;
use crate::settings::{Bind, Settings};
use listenfd::ListenFd;
use socket2::{Domain, SockAddr, Type};
use std::cell::Cell;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Mode and owner of a new unix socket.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::process) struct UnixFile {
    /// Who may connect; the proxy in front joins the group.
    pub(in crate::process) mode: u32,
    /// Its owner; by default this process's user, or as the folder says.
    pub(in crate::process) user: Option<u32>,
    pub(in crate::process) group: Option<u32>,
}

/// A bound socket.
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Takes the socket at this position among those passed to this process.
    pub(super) fn take(passed: &mut ListenFd, at: usize) -> io::Result<Self> {
        let taken = match passed.take_tcp_listener(at) {
            Ok(socket) => socket.map(Self::Tcp),
            Err(_) => passed.take_unix_listener(at)?.map(Self::Unix),
        };
        taken.ok_or_else(|| io::Error::other(format!("socket {at} was not passed")))
    }

    /// A handle to the same socket for another process.
    pub(super) fn share(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(listener) => listener.as_fd().try_clone_to_owned(),
            Self::Unix(listener) => listener.as_fd().try_clone_to_owned(),
        }
    }

    /// Splits them into TCP and unix sockets.
    pub(super) fn by_kind(sockets: Vec<Self>) -> (Vec<TcpListener>, Vec<UnixListener>) {
        let (mut tcp, mut unix) = (Vec::new(), Vec::new());
        for socket in sockets {
            match socket {
                Self::Tcp(listener) => tcp.push(listener),
                Self::Unix(listener) => unix.push(listener),
            }
        }
        (tcp, unix)
    }

    /// Refuses connections from now on, in every process that has the socket. Connections not yet
    /// accepted are lost.
    pub(super) fn refuse(socket: &OwnedFd) -> io::Result<()> {
        socket2::SockRef::from(socket).shutdown(std::net::Shutdown::Read)
    }

    /// The address of a socket that another process bound.
    fn listener(&self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Listener::Tcp(listener.local_addr()?)
            }
            Self::Unix(listener) => {
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                let path = address.as_pathname().unwrap_or(Path::new("(unnamed)")).to_owned();
                Listener::Unix(SocketFile::gone(&path))
            }
        })
    }
}

/// An address the server listens on; `Display` is its URL. Dropping it removes a unix socket's
/// file.
#[derive(Debug)]
pub(in crate::process) enum Listener {
    Tcp(SocketAddr),
    Unix(SocketFile),
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(file) => write!(f, "unix:{}", file.path.display()),
        }
    }
}

/// What went wrong, without the error number.
pub(super) fn cause(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => IN_USE.to_owned(),
        ErrorKind::AddrNotAvailable => "not an address of this machine".to_owned(),
        ErrorKind::NotFound => "no such folder".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Binds every address of a name, such as 127.0.0.1 and `::1` for `localhost`.
///
/// `[::]` takes IPv4 too, as under gunicorn, unless one of `beside` needs it.
fn tcp(
    (host, port): (&str, u16),
    backlog: i32,
    beside: &[SocketAddr],
) -> io::Result<Vec<(Listener, Socket)>> {
    let mut bound: Vec<(Listener, Socket)> = Vec::new();
    let mut missing = None;
    let mut port = port;
    for mut address in (host, port).to_socket_addrs()? {
        address.set_port(port);
        // A hosts file may list an address twice.
        if bound.iter().any(|(other, _)| matches!(other, Listener::Tcp(other) if *other == address))
        {
            continue;
        }
        match tcp_socket(address, backlog, only_v6(address, beside)) {
            Ok(listener) => {
                let address = listener.local_addr()?;
                // With port 0, all addresses of a name get the port of the first.
                port = address.port();
                bound.push((Listener::Tcp(address), Socket::Tcp(listener)));
            }
            // A name may resolve to IPv6 on a machine without it.
            Err(error)
                if matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
                    || error.raw_os_error()
                        == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) =>
            {
                missing = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if bound.is_empty() => Err(error),
        _ => Ok(bound),
    }
}

/// Resolves the names in `server.bind` and `admin.bind` as a start does; returns what is wrong.
#[must_use]
pub fn find_hosts(settings: &Settings) -> Vec<ServeError> {
    let binds = settings.server.bind.iter().map(|bind| ("server.bind", bind));
    let binds = binds.chain(settings.admin.bind.iter().map(|bind| ("admin.bind", bind)));
    let wrong = |(key, bind): (&'static str, &Bind)| {
        let Bind::Tcp { host, port } = bind else { return None };
        let error = (host.as_str(), *port).to_socket_addrs().err()?;
        Some(ServeError::Bind { key, bind: bind.clone(), cause: cause(&error) })
    };
    binds.filter_map(wrong).collect()
}

/// Whether a socket for `address` leaves IPv4 to another on the same port: both cannot have it.
fn only_v6(address: SocketAddr, beside: &[SocketAddr]) -> bool {
    let is_v4_there = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
    !address.ip().is_unspecified() || address.port() != 0 && beside.iter().any(is_v4_there)
}

fn tcp_socket(address: SocketAddr, backlog: i32, only_v6: bool) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // Overrides `net.ipv6.bindv6only`: a configuration means the same on every machine.
        socket.set_only_v6(only_v6)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// The file of a unix socket; removed on drop if it is still this socket's.
#[derive(Debug)]
pub(in crate::process) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    ours: Cell<bool>,
}

impl SocketFile {
    /// Whether the file still exists: it may have been removed or replaced. While the socket lives,
    /// no other file has its device and inode.
    pub(super) fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file that no longer exists.
    fn gone(path: &Path) -> Self {
        Self { path: path.to_owned(), device: 0, inode: 0, ours: Cell::new(false) }
    }

    /// Leaves the file to another process.
    pub(super) fn disown(&self) {
        self.ours.set(false);
    }

    /// The file of a socket that this process now owns.
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        let (device, inode) = (found.dev(), found.ino());
        Ok(Self { path: path.to_owned(), device, inode, ours: Cell::new(true) })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = self.ours.get() && self.is_there();
        if ours && let Err(error) = fs::remove_file(&self.path) {
            log::warn!("{}: cannot be removed: {error}", self.path.display());
        }
    }
}

fn unix(path: &Path, backlog: i32, kind: UnixFile) -> io::Result<(Listener, Socket)> {
    refuse_what_is_not_stale(path)?;
    root_files::check_place(path)?;
    let (socket, file) = replace_unix(path, (backlog, kind))?;
    Ok((Listener::Unix(file), Socket::Unix(socket)))
}

/// Binds under another name and renames, so that the path always leads to a socket.
fn replace_unix(path: &Path, how: (i32, UnixFile)) -> io::Result<(UnixListener, SocketFile)> {
    let draft = root_files::draft_of(path);
    let (socket, mut file) = bind_unix(&draft, how)?;
    fs::rename(&draft, path)?;
    path.clone_into(&mut file.path);
    Ok((socket, file))
}

/// Binds the socket of `bailiwick ctl`, for this user alone. A successor takes it over.
pub(super) fn control(path: &Path, takes_over: bool) -> io::Result<(UnixListener, SocketFile)> {
    root_files::check_place(path)?;
    if !takes_over {
        refuse_what_is_not_stale(path)?;
    }
    replace_unix(path, (16, UnixFile { mode: 0o600, ..UnixFile::default() }))
}

fn bind_unix(
    path: &Path,
    (backlog, kind): (i32, UnixFile),
) -> io::Result<(UnixListener, SocketFile)> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    root_files::socket_mode(&socket, kind.mode)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::of(path)?;
    root_files::give_socket(path, kind.mode, (kind.user, kind.group))?;
    socket.listen(backlog)?;
    Ok((socket.into(), file))
}

/// Only a socket that no process listens on may be replaced.
fn refuse_what_is_not_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::other("exists and is not a socket"));
    }
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A stalled server may have a full queue, on which a connection would block.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        // Its server has gone, and perhaps the file with it.
        Err(error)
            if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) =>
        {
            Ok(())
        }
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Err(ErrorKind::AddrInUse.into()),
    }
}

mod set;

pub(super) use set::Listeners;

#[cfg(test)]
mod tests;
