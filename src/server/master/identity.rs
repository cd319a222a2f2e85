//! The user and group that worker processes run as, the umask, and the pidfile.

use crate::server::error::ServeError;
use crate::settings::ServerSettings;
use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process, umask};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Whom worker processes run as; nothing: as the master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
}

impl Identity {
    /// Looks the names up. A user without a group comes with its own.
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
}

/// Sets `server.umask` for this process and those that it starts.
pub(super) fn set_umask(settings: &ServerSettings) {
    if let Some(mask) = settings.umask {
        umask(Mode::from_bits_truncate(mask.bits()));
    }
}

/// The file with this process's id; removed with the value, unless another process has replaced it.
#[derive(Debug)]
pub(super) struct Pidfile(PathBuf);

impl Pidfile {
    /// Refuses a pidfile whose process lives, save that of the master before this one.
    pub(super) fn check(path: &Path, predecessor: Option<i32>) -> Result<(), ServeError> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let Ok(pid) = text.trim().parse::<i32>() else { return Ok(()) };
        let own = i32::try_from(std::process::id()).ok();
        if Some(pid) == predecessor || Some(pid) == own || !lives(pid) {
            return Ok(());
        }
        Err(ServeError::Running { pidfile: path.to_owned(), pid })
    }

    /// Writes it; whoever reads it at any time sees a whole one.
    pub(super) fn write(path: &Path) -> Result<Self, ServeError> {
        let pid = std::process::id();
        let other = path.with_extension(format!("{pid}.new"));
        let write = || -> io::Result<()> {
            fs::write(&other, format!("{pid}\n"))?;
            fs::rename(&other, path)
        };
        write().map_err(|error| ServeError::File {
            path: path.to_owned(),
            cause: error.to_string(),
            key: "server.pidfile",
        })?;
        Ok(Self(path.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        if text.trim().parse() == Ok(std::process::id()) {
            // Nothing can be done about a folder that has become read-only.
            let _ = fs::remove_file(&self.0);
        }
    }
}

fn lives(pid: i32) -> bool {
    let Some(pid) = Pid::from_raw(pid.max(0)) else { return false };
    matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pidfile_lives_as_long_as_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.pid");
        let file = Pidfile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_living_server_is_respected_and_a_dead_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.pid");
        fs::write(&path, "1\n").unwrap();
        let error = Pidfile::check(&path, None).unwrap_err().to_string();
        assert!(error.contains("process 1 (server.pidfile)"), "{error}");
        Pidfile::check(&path, Some(1)).unwrap();
        for stale in ["", "x", "-1", "2147483647"] {
            fs::write(&path, stale).unwrap();
            Pidfile::check(&path, None).unwrap();
        }
    }

    #[test]
    fn a_successors_pidfile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.pid");
        let file = Pidfile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(file);
        assert!(path.exists());
    }
}
