//! The user and group that worker processes run as, and the umask.

use crate::http::ServeError;
use crate::logging::{self, Open, open_file};
use crate::process::root_files::{self, Owner};
use crate::services;
use crate::settings::{self, LoggingSettings, ServerSettings, Settings, Unreadable};
use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs::Mode;
use rustix::process::umask;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// User and group of worker processes; `None`: the master's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
}

impl Identity {
    /// Looks the names up. A user without `server.group` gets its own group.
    pub(super) fn of(settings: &ServerSettings) -> Result<Self, ServeError> {
        let unknown = |key: &str, value: &str, allowed| ServeError::Setting {
            key: key.to_owned(),
            value: value.to_owned(),
            allowed,
        };
        let mut identity = Self::default();
        if let Some(name) = &settings.user {
            let number = name.parse().ok();
            let found = match number {
                Some(number) => User::from_uid(Uid::from_raw(number)),
                None => User::from_name(name),
            };
            let user = found.ok().flatten();
            identity.user = user.as_ref().map(|user| user.uid.as_raw()).or(number);
            identity.group = user.map(|user| user.gid.as_raw());
            if identity.user.is_none() {
                return Err(unknown("server.user", name, "a user of this machine, or a number"));
            }
        }
        if let Some(name) = &settings.group {
            let number = || name.parse().ok().map(Gid::from_raw);
            let group =
                Group::from_name(name).ok().flatten().map(|group| group.gid).or_else(number);
            let Some(group) = group else {
                return Err(unknown("server.group", name, "a group of this machine, or a number"));
            };
            identity.group = Some(group.as_raw());
        }
        Ok(identity)
    }

    /// The owner of the log files, if it is not this process's user.
    fn owner(self) -> Option<Owner> {
        let user = self.user.filter(|user| *user != 0 && root_files::is_root())?;
        Some(Owner { user, group: self.group.unwrap_or(0) })
    }

    /// Refuses log files that the worker processes could not rotate.
    pub(super) fn check_log(self, settings: &LoggingSettings) -> Result<(), ServeError> {
        let Some(owner) = self.owner() else { return Ok(()) };
        let may_write = |folder: &Path| owner.may_write(folder);
        // Other faults are reported elsewhere.
        logging::check(settings)
            .map_or(Ok(()), |()| Ok(logging::check_folders(settings, owner.user, may_write)?))
    }

    /// Reads the files named in the settings for the worker processes and keeps their content: with
    /// their user's rights, or as root where only root decides what is read.
    pub(super) fn hold_files(self, settings: &mut Settings) -> Result<(), ServeError> {
        let open = |path: &Path| match self.owner() {
            Some(owner) => owner.read(path),
            None => settings::open_file(path),
        };
        let failed = |Unreadable { key, path, cause }| ServeError::File {
            path: settings::shown_path(&path).into(),
            cause: format!("cannot be read: {cause}"),
            key,
        };
        settings.hold_files(open).map_err(failed)
    }

    /// Creates a missing signing secret, as the worker processes' user, and keeps it.
    pub(super) fn hold_secret(self, settings: &mut Settings) {
        let secret = || services::make_secret(settings).map_err(io::Error::other);
        let made = match self.owner() {
            Some(owner) => owner.act(secret),
            None => secret(),
        };
        // If that fails, a worker process tries too and reports why.
        if let Some(file) = made.ok().flatten() {
            settings.tokens.secret_file = Some(file);
        }
    }

    /// How to open log files, in the master too, so that worker processes can open them as well.
    pub(super) fn log_opener(self) -> Open {
        match self.owner() {
            Some(owner) => Arc::new(move |path: &Path| owner.open(path)),
            None => Arc::new(|path: &Path| {
                root_files::check_place(path)?;
                open_file(path)
            }),
        }
    }
}

/// Sets `server.umask` for this process and its children.
pub(super) fn set_umask(settings: &ServerSettings) {
    if let Some(mask) = settings.umask {
        umask(Mode::from_bits_truncate(mask.bits()));
    }
}
