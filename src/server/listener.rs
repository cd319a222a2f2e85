//! The sockets that the server listens on, TCP and unix.

use super::error::ServeError;
use crate::settings::AdminSettings;
use crate::settings::Bind;
use crate::settings::ServerSettings;
use socket2::{Domain, SockAddr, Type};
use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Owner and group may connect: the proxy in front joins the group.
const UNIX_MODE: u32 = 0o660;

/// Connections that may wait at an address of `admin.bind`.
const ADMIN_BACKLOG: i32 = 64;

/// A bound socket, not yet served.
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where the server listens; `Display` is its URL. Dropping it removes a unix socket's file.
#[derive(Debug)]
pub(super) enum Listener {
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

/// Bound sockets, with what removes them.
pub(super) struct Listeners(Vec<(Listener, Socket)>);

impl Listeners {
    /// Binds everything of `server.bind`, or nothing.
    pub(super) fn bind(settings: &ServerSettings) -> Result<Self, ServeError> {
        let backlog = i32::try_from(settings.backlog.get()).unwrap_or(i32::MAX);
        Self::bind_all("server.bind", &settings.bind, backlog)
    }

    /// The same for `admin.bind`, which few connect to.
    pub(super) fn bind_admin(settings: &AdminSettings) -> Result<Self, ServeError> {
        Self::bind_all("admin.bind", &settings.bind, ADMIN_BACKLOG)
    }

    fn bind_all(key: &'static str, binds: &[Bind], backlog: i32) -> Result<Self, ServeError> {
        let mut all = Vec::new();
        for bind in binds {
            let failed = |error: io::Error| ServeError::Bind {
                key,
                bind: bind.clone(),
                cause: cause(&error),
            };
            match bind {
                Bind::Tcp { host, port } => {
                    all.extend(tcp((host, *port), backlog).map_err(failed)?);
                }
                Bind::Unix(path) => all.push(unix(path, backlog).map_err(failed)?),
            }
        }
        Ok(Self(all))
    }

    pub(super) fn into_parts(self) -> (Vec<Listener>, Vec<Socket>) {
        self.0.into_iter().unzip()
    }
}

/// What went wrong, without the number that only programmers know.
fn cause(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "address already in use".to_owned(),
        ErrorKind::AddrNotAvailable => "not an address of this machine".to_owned(),
        ErrorKind::NotFound => "no such folder".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Binds every address that a name stands for, `localhost` for example 127.0.0.1 and `::1`.
fn tcp((host, port): (&str, u16), backlog: i32) -> io::Result<Vec<(Listener, Socket)>> {
    let mut bound: Vec<(Listener, Socket)> = Vec::new();
    let mut missing = None;
    let mut port = port;
    for mut address in (host, port).to_socket_addrs()? {
        address.set_port(port);
        // A hosts file may name an address twice.
        if bound.iter().any(|(other, _)| matches!(other, Listener::Tcp(other) if *other == address))
        {
            continue;
        }
        match tcp_socket(address, backlog) {
            Ok(listener) => {
                let address = listener.local_addr()?;
                // With port 0 all addresses of a name get the port that the first one got.
                port = address.port();
                bound.push((Listener::Tcp(address), Socket::Tcp(listener)));
            }
            // A name may stand for IPv6 on a machine without it.
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

fn tcp_socket(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // So that `0.0.0.0:80` and `[::]:80` can stand side by side on every system.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// The file of a unix socket; removed when dropped, if it is still this socket's.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| found.dev() == self.device && found.ino() == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            log::warn!("{}: cannot be removed: {error}", self.path.display());
        }
    }
}

/// Binds under another name and renames, so that at no time the path leads nowhere.
fn unix(path: &Path, backlog: i32) -> io::Result<(Listener, Socket)> {
    refuse_what_is_not_stale(path)?;
    let other = path.with_file_name(format!(".bailiwick-{}", std::process::id()));
    let (socket, mut file) = bind_unix(&other, backlog)?;
    fs::rename(&other, path)?;
    path.clone_into(&mut file.path);
    Ok((Listener::Unix(file), Socket::Unix(socket)))
}

fn bind_unix(path: &Path, backlog: i32) -> io::Result<(UnixListener, SocketFile)> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let found = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), device: found.dev(), inode: found.ino() };
    fs::set_permissions(path, Permissions::from_mode(UNIX_MODE))?;
    socket.listen(backlog)?;
    Ok((socket.into(), file))
}

/// Only a socket that nobody listens on may be replaced.
fn refuse_what_is_not_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::other("exists and is not a socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(ErrorKind::AddrInUse.into()),
    }
}

#[cfg(test)]
mod tests;
