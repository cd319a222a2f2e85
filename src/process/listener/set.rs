//! The master's listeners: bound, inherited, and replaced when the configuration changes.

use super::{Listener, Socket, SocketFile, UnixFile, cause, only_v6, tcp, unix};
use crate::http::{IN_USE, ServeError};
use crate::logging::ERROR;
use crate::process::channel::Inheritance;
use crate::process::root_files;
use crate::settings::{Bind, ServerSettings, Settings};
use listenfd::ListenFd;
use socket2::SockRef;
use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// Queue length at an address of `admin.bind`, which few clients connect to.
const ADMIN_BACKLOG: i32 = 64;

/// One socket with the address it was bound for; `None` for a socket of systemd.
struct Bound {
    bind: Option<Bind>,
    listener: Listener,
    socket: Socket,
}

impl Bound {
    /// Whether clients find it at its address.
    fn is_there(&self) -> bool {
        match &self.listener {
            Listener::Unix(file) => self.bind.is_none() || file.is_there(),
            Listener::Tcp(_) => true,
        }
    }

    /// Applies new settings: queue length, and mode and owner of its file.
    fn renew(&self, backlog: i32, kind: UnixFile) -> io::Result<()> {
        match &self.socket {
            Socket::Tcp(socket) => SockRef::from(socket).listen(backlog)?,
            Socket::Unix(socket) => SockRef::from(socket).listen(backlog)?,
        }
        match &self.listener {
            Listener::Unix(file) if file.is_there() => {
                root_files::give_socket(file.path(), kind.mode, (kind.user, kind.group))
            }
            _ => Ok(()),
        }
    }
}

/// Sockets that workers listen on; generations share those that stay.
///
/// A child gets those of `server` first, then those of `admin`.
#[derive(Clone, Default)]
pub(in crate::process) struct Listeners {
    server: Vec<Rc<Bound>>,
    admin: Vec<Rc<Bound>>,
}

impl Listeners {
    /// Binds everything configured, or nothing.
    pub(in crate::process) fn bind(settings: &Settings) -> Result<Self, ServeError> {
        Self::default().exchange(settings, (None, None))
    }

    /// The listeners for changed settings: keeps what stays and binds what is new, or changes
    /// nothing.
    ///
    /// Sockets passed by systemd stay whatever the settings say; none of them is for `admin.bind`.
    /// `(user, group)` will own new unix sockets.
    pub(in crate::process) fn exchange(
        &self,
        settings: &Settings,
        (user, group): (Option<u32>, Option<u32>),
    ) -> Result<Self, ServeError> {
        let file = UnixFile { mode: settings.server.socket_mode.bits(), user, group };
        let backlog = backlog(&settings.server);
        let beside = &addresses(&[&settings.server.bind, &settings.admin.bind]);
        let server = if self.server.iter().any(|bound| bound.bind.is_none()) {
            self.server.clone()
        } else {
            let key = Key { name: "server.bind", backlog, file, beside };
            key.exchange(&self.server, &settings.server.bind)?
        };
        let key = Key { name: "admin.bind", backlog: ADMIN_BACKLOG, file, beside };
        Ok(Self { server, admin: key.exchange(&self.admin, &settings.admin.bind)? })
    }

    /// The same at the start: retries an address in use for five seconds, as gunicorn does. The
    /// worker processes of a killed server may still have it.
    pub(in crate::process) fn exchange_at_start(
        &self,
        settings: &Settings,
        owner: (Option<u32>, Option<u32>),
    ) -> Result<Self, ServeError> {
        for _ in 0..5 {
            match self.exchange(settings, owner) {
                Err(ServeError::Bind { key, bind, cause }) if cause == IN_USE => {
                    log::warn!(target: ERROR, "{bind}: {cause} ({key}); it is tried again in 1 s");
                    thread::sleep(Duration::from_secs(1));
                }
                done => return done,
            }
        }
        self.exchange(settings, owner)
    }

    /// Applies new settings to those that stayed; systemd's are left alone.
    pub(in crate::process) fn renew(
        &self,
        settings: &ServerSettings,
        (user, group): (Option<u32>, Option<u32>),
    ) {
        let kind = UnixFile { mode: settings.socket_mode.bits(), user, group };
        let server = self.server.iter().map(|bound| (bound, backlog(settings)));
        let all = server.chain(self.admin.iter().map(|bound| (bound, ADMIN_BACKLOG)));
        for (bound, backlog) in all {
            if let Some(bind) = &bound.bind
                && let Err(error) = bound.renew(backlog, kind)
            {
                log::error!(target: ERROR, "{bind}: it stays as it was: {}", cause(&error));
            }
        }
    }

    /// The sockets passed by systemd, if any (`sd_listen_fds(3)`).
    pub(in crate::process) fn passed(mut passed: ListenFd) -> io::Result<Option<Self>> {
        let sockets = (0..passed.len()).map(|at| Socket::take(&mut passed, at));
        let bound = sockets.map(|socket| {
            let socket = socket?;
            Ok(Rc::new(Bound { bind: None, listener: socket.listener()?, socket }))
        });
        let all = bound.collect::<io::Result<Vec<_>>>()?;
        Ok(if all.is_empty() { None } else { Some(Self { server: all, admin: Vec::new() }) })
    }

    /// The sockets of the predecessor.
    pub(in crate::process) fn inherit(
        mut passed: ListenFd,
        inheritance: &Inheritance,
    ) -> io::Result<Self> {
        let binds = inheritance.binds.iter().chain(&inheritance.admin);
        let bound = binds.enumerate().map(|(at, bind)| {
            let socket = Socket::take(&mut passed, at)?;
            let bind: Option<Bind> = bind.as_ref().and_then(|bind| bind.parse().ok());
            let listener = match &bind {
                Some(Bind::Unix(path)) => {
                    let path = Path::new(path);
                    Listener::Unix(SocketFile::of(path).unwrap_or_else(|_| SocketFile::gone(path)))
                }
                _ => socket.listener()?,
            };
            Ok(Rc::new(Bound { bind, listener, socket }))
        });
        let mut server = bound.collect::<io::Result<Vec<_>>>()?;
        let admin = server.split_off(inheritance.binds.len());
        Ok(Self { server, admin })
    }

    /// What a successor needs to know of them.
    pub(in crate::process) fn inheritance(&self) -> Inheritance {
        let binds = |bound: &[Rc<Bound>]| {
            bound.iter().map(|bound| bound.bind.as_ref().map(ToString::to_string)).collect()
        };
        Inheritance { binds: binds(&self.server), admin: binds(&self.admin) }
    }

    /// The sockets for another process.
    pub(in crate::process) fn share(&self) -> io::Result<Vec<OwnedFd>> {
        self.all().map(|bound| bound.socket.share()).collect()
    }

    /// The sockets for a server in this process.
    pub(in crate::process) fn into_parts(self) -> (Vec<Listener>, Vec<Socket>) {
        let bound = self.server.into_iter().filter_map(Rc::into_inner);
        bound.map(|bound| (bound.listener, bound.socket)).unzip()
    }

    /// How many there are for the API.
    pub(in crate::process) fn len(&self) -> usize {
        self.server.len()
    }

    /// How many there are for health and metrics.
    pub(in crate::process) fn admin_len(&self) -> usize {
        self.admin.len()
    }

    /// The URLs of the API.
    pub(in crate::process) fn urls(&self) -> impl Iterator<Item = &dyn fmt::Display> {
        self.server.iter().map(|bound| &bound.listener as &dyn fmt::Display)
    }

    /// The URL of the first listener of the API that a browser on this machine can reach.
    pub(in crate::process) fn browsable(&self) -> Option<String> {
        self.server.iter().find_map(|bound| match bound.listener {
            Listener::Tcp(address) if address.ip().is_unspecified() => {
                Some(format!("http://localhost:{}", address.port()))
            }
            Listener::Tcp(address) => Some(format!("http://{address}")),
            Listener::Unix(_) => None,
        })
    }

    /// The URLs of health and metrics.
    pub(in crate::process) fn admin_urls(&self) -> impl Iterator<Item = &dyn fmt::Display> {
        self.admin.iter().map(|bound| &bound.listener as &dyn fmt::Display)
    }

    /// Closes those of the API.
    pub(in crate::process) fn keep_admin(&mut self) {
        self.server.clear();
    }

    /// Whether this program has bound those of the API: systemd keeps its own for the next start.
    pub(in crate::process) fn are_ours(&self) -> bool {
        self.server.iter().all(|bound| bound.bind.is_some())
    }

    fn all(&self) -> impl Iterator<Item = &Rc<Bound>> {
        self.server.iter().chain(&self.admin)
    }

    /// Leaves the files of unix sockets to the process that took over the sockets.
    pub(in crate::process) fn leave(&self) {
        for bound in self.all() {
            if let Listener::Unix(file) = &bound.listener {
                file.disown();
            }
        }
    }
}

fn backlog(settings: &ServerSettings) -> i32 {
    i32::try_from(settings.backlog.get()).unwrap_or(i32::MAX)
}

/// The configuration's TCP addresses, if an IPv6 wildcard needs them. Anything unparsable is
/// reported at the bind.
fn addresses(settings: &[&[Bind]]) -> Vec<SocketAddr> {
    let binds = settings.iter().copied().flatten();
    let hosts = binds.filter_map(|bind| match bind {
        Bind::Tcp { host, port } => Some((host.as_str(), *port)),
        Bind::Unix(_) => None,
    });
    let is_wildcard = |host: &str| host.parse() == Ok(Ipv6Addr::UNSPECIFIED);
    if !hosts.clone().any(|(host, _)| is_wildcard(host)) {
        return Vec::new();
    }
    hosts.filter_map(|host| host.to_socket_addrs().ok()).flatten().collect()
}

/// The setting that names the addresses.
struct Key<'a> {
    name: &'static str,
    backlog: i32,
    file: UnixFile,
    /// All TCP addresses of the configuration, other settings' included.
    beside: &'a [SocketAddr],
}

impl Key<'_> {
    fn exchange(&self, before: &[Rc<Bound>], binds: &[Bind]) -> Result<Vec<Rc<Bound>>, ServeError> {
        let mut all = Vec::new();
        for bind in binds {
            let same = |bound: &&Rc<Bound>| bound.bind.as_ref() == Some(bind);
            if all.iter().any(|bound| same(&bound)) {
                continue;
            }
            let mut known: Vec<_> = before.iter().filter(same).cloned().collect();
            if known.iter().any(|bound| !bound.is_there()) {
                log::warn!(target: ERROR, "{bind}: its file was removed: it is made again ({})", self.name);
                known.clear();
            }
            if known.is_empty() {
                all.extend(self.bound(bind)?);
            } else {
                for bound in &known {
                    self.tell_of_v4(bound);
                }
                all.extend(known);
            }
        }
        Ok(all)
    }

    /// Whether a socket takes IPv4 is fixed when it is bound.
    fn tell_of_v4(&self, bound: &Bound) {
        if let (Listener::Tcp(address), Socket::Tcp(socket)) = (&bound.listener, &bound.socket)
            && address.is_ipv6()
            && address.ip().is_unspecified()
            && SockRef::from(socket).only_v6().unwrap_or(false)
            && !only_v6(*address, self.beside)
        {
            let name = self.name;
            log::warn!(target: ERROR, "{address} accepts only IPv6 until the next start ({name})");
        }
    }

    fn bound(&self, bind: &Bind) -> Result<Vec<Rc<Bound>>, ServeError> {
        let bound = match bind {
            Bind::Tcp { host, port } => tcp((host, *port), self.backlog, self.beside),
            Bind::Unix(path) => {
                unix(Path::new(path), self.backlog, self.file).map(|bound| vec![bound])
            }
        };
        let failed =
            |error| ServeError::Bind { key: self.name, bind: bind.clone(), cause: cause(&error) };
        let bound = bound.map_err(failed)?.into_iter();
        Ok(bound
            .map(|(listener, socket)| Rc::new(Bound { bind: Some(bind.clone()), listener, socket }))
            .collect())
    }
}
