//! The master's listeners: bound, inherited, and exchanged when the configuration changes.

use super::{Listener, Socket, SocketFile, cause, tcp, unix};
use crate::server::channel::Inheritance;
use crate::server::error::ServeError;
use crate::settings::Bind;
use crate::settings::ServerSettings;
use listenfd::ListenFd;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

/// One socket with what it was bound for; nothing for a socket of systemd.
struct Bound {
    bind: Option<Bind>,
    listener: Listener,
    socket: Socket,
}

/// Sockets that workers listen on; those that two generations share are the same.
#[derive(Clone, Default)]
pub(in crate::server) struct Listeners(Vec<Rc<Bound>>);

impl Listeners {
    /// Binds everything that is configured, or nothing.
    #[cfg(test)]
    pub(in crate::server) fn bind(settings: &ServerSettings) -> Result<Self, ServeError> {
        Self::default().exchange(settings)
    }

    /// The listeners for changed settings: what stays is kept, what is new is bound, or nothing is.
    ///
    /// The sockets that systemd has passed stay whatever the settings say.
    pub(in crate::server) fn exchange(
        &self,
        settings: &ServerSettings,
    ) -> Result<Self, ServeError> {
        if self.0.iter().any(|bound| bound.bind.is_none()) {
            return Ok(self.clone());
        }
        let mut all = Vec::new();
        for bind in &settings.bind {
            let same = |bound: &&Rc<Bound>| bound.bind.as_ref() == Some(bind);
            if all.iter().any(|bound| same(&bound)) {
                continue;
            }
            let known: Vec<_> = self.0.iter().filter(same).cloned().collect();
            if known.is_empty() {
                all.extend(bound(bind, settings)?);
            } else {
                all.extend(known);
            }
        }
        Ok(Self(all))
    }

    /// The sockets that systemd has passed, if it has (`sd_listen_fds(3)`).
    pub(in crate::server) fn passed(mut passed: ListenFd) -> io::Result<Option<Self>> {
        let sockets = (0..passed.len()).map(|at| Socket::take(&mut passed, at));
        let bound = sockets.map(|socket| {
            let socket = socket?;
            Ok(Rc::new(Bound { bind: None, listener: socket.listener()?, socket }))
        });
        let all = bound.collect::<io::Result<Vec<_>>>()?;
        Ok(if all.is_empty() { None } else { Some(Self(all)) })
    }

    /// The sockets of the master before this one.
    pub(in crate::server) fn inherit(
        mut passed: ListenFd,
        inheritance: &Inheritance,
    ) -> io::Result<Self> {
        let bound = inheritance.binds.iter().enumerate().map(|(at, bind)| {
            let socket = Socket::take(&mut passed, at)?;
            let bind: Option<Bind> = bind.as_ref().and_then(|bind| bind.parse().ok());
            let listener = match &bind {
                Some(Bind::Unix(path)) => Listener::Unix(SocketFile::of(path)?),
                _ => socket.listener()?,
            };
            Ok(Rc::new(Bound { bind, listener, socket }))
        });
        bound.collect::<io::Result<_>>().map(Self)
    }

    /// What a master that takes over needs to know of them.
    pub(in crate::server) fn inheritance(&self) -> Inheritance {
        let binds = self.0.iter().map(|bound| bound.bind.as_ref().map(ToString::to_string));
        Inheritance { binds: binds.collect() }
    }

    /// The sockets for another process.
    pub(in crate::server) fn share(&self) -> io::Result<Vec<OwnedFd>> {
        self.0.iter().map(|bound| bound.socket.share()).collect()
    }

    /// The sockets for a server in this process.
    #[cfg(test)]
    pub(in crate::server) fn into_parts(self) -> (Vec<Listener>, Vec<Socket>) {
        let bound = self.0.into_iter().filter_map(Rc::into_inner);
        bound.map(|bound| (bound.listener, bound.socket)).unzip()
    }

    pub(in crate::server) fn len(&self) -> usize {
        self.0.len()
    }

    /// Their URLs.
    pub(in crate::server) fn urls(&self) -> impl Iterator<Item = &dyn fmt::Display> {
        self.0.iter().map(|bound| &bound.listener as &dyn fmt::Display)
    }

    /// Leaves the files of unix sockets to whoever has taken the sockets over.
    pub(in crate::server) fn leave(&self) {
        for bound in &self.0 {
            if let Listener::Unix(file) = &bound.listener {
                file.disown();
            }
        }
    }
}

fn bound(bind: &Bind, settings: &ServerSettings) -> Result<Vec<Rc<Bound>>, ServeError> {
    let backlog = i32::try_from(settings.backlog.get()).unwrap_or(i32::MAX);
    let bound = match bind {
        Bind::Tcp { host, port } => tcp((host, *port), backlog),
        Bind::Unix(path) => unix(Path::new(path), backlog).map(|bound| vec![bound]),
    };
    let bound = bound
        .map_err(|error| ServeError::Bind { bind: bind.clone(), cause: cause(&error) })?
        .into_iter();
    Ok(bound
        .map(|(listener, socket)| Rc::new(Bound { bind: Some(bind.clone()), listener, socket }))
        .collect())
}
