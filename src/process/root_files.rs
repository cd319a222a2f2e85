//! Files that the master creates: its own where no other user can interfere, and log files that
//! belong to the worker processes' user.

use crate::logging::open_file;
use crate::settings;
use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, access, chownat, fchmod, openat, statat,
};
use rustix::process::geteuid;
use rustix::thread::{Gid, Uid, set_thread_gid, set_thread_groups, set_thread_uid};
use std::fmt::Write as _;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Links followed before they count as a loop, as in the kernel.
const LINKS: usize = 40;

const EVERYBODY: u32 = 0o002;
const GROUP: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// Whether this process runs as root.
pub(super) fn is_root() -> bool {
    geteuid().is_root()
}

/// Refuses a place for a file of root's that another user could occupy or redirect: every folder on
/// the way must be root's alone. Other users put their files where they like.
pub(super) fn check_place(path: &Path) -> io::Result<()> {
    if is_root() { root_owns_the_way(path) } else { Ok(()) }
}

/// In a sticky folder such as `/tmp`, root's files stay where they are, but anyone can take a free
/// name; so the last folder must not be sticky.
fn root_owns_the_way(path: &Path) -> io::Result<()> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..LINKS {
        match first_link(path.parent().unwrap_or(&path))? {
            None => return Ok(()),
            // `rest` may be empty: the link is the last folder.
            Some((link, rest)) => {
                let target = link.parent().unwrap_or(&link).join(fs::read_link(&link)?);
                path = target.join(rest).join(path.file_name().unwrap_or_default());
            }
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Checks each folder from the root down to this one, as far as they exist; or stops at the first
/// link and returns it with the rest of the path.
fn first_link(folder: &Path) -> io::Result<Option<(PathBuf, PathBuf)>> {
    let mut way: Vec<_> = folder.ancestors().collect();
    way.reverse();
    let mut last = None;
    for step in way {
        let found = match fs::symlink_metadata(step) {
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            found => found?,
        };
        if found.uid() != 0 {
            return Err(open_to(step, &format!("it belongs to user {}", found.uid())));
        }
        if found.is_symlink() {
            let rest = folder.strip_prefix(step).unwrap_or(Path::new(""));
            return Ok(Some((step.to_owned(), rest.to_owned())));
        }
        if let Some(whose) = shared_with(&found).filter(|_| found.mode() & STICKY == 0) {
            return Err(open_to(step, &whose));
        }
        last = Some((step, found));
    }
    match last.and_then(|(step, found)| Some((step, shared_with(&found)?))) {
        Some((step, whose)) => Err(open_to(step, &whose)),
        None => Ok(None),
    }
}

/// Who besides root can write in the folder.
fn shared_with(found: &Metadata) -> Option<String> {
    if found.mode() & EVERYBODY != 0 {
        Some("everyone can write there".to_owned())
    } else if found.mode() & GROUP != 0 && found.gid() != 0 {
        Some(format!("group {} can write there", found.gid()))
    } else {
        None
    }
}

fn open_to(folder: &Path, whose: &str) -> io::Error {
    let folder = folder.display();
    io::Error::other(format!(
        "{folder} must be writable by root alone, as this process runs as \
                              root; {whose}"
    ))
}

/// An unpredictable name beside `path`.
pub(super) fn draft_of(path: &Path) -> PathBuf {
    path.with_file_name(format!(".bailiwick-{:08x}", rand::random::<u32>()))
}

/// Creates a new file under an unpredictable name.
pub(super) fn draft(path: &Path, mode: u32) -> io::Result<(File, PathBuf)> {
    let draft = draft_of(path);
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    Ok((file, draft))
}

/// Gives a socket's file its owner and mode, whatever the umask; refuses a file put in its place.
///
/// `socket_mode` before the bind made sure that the file never had more than `mode`.
pub(super) fn give_socket(
    path: &Path,
    mode: u32,
    (user, group): (Option<u32>, Option<u32>),
) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags, Mode::empty())?;
    let found = statat(&file, "", AtFlags::EMPTY_PATH)?.st_mode;
    if FileType::from_raw_mode(found) != FileType::Socket {
        return Err(io::Error::other("another file was put in its place"));
    }
    if user.is_some() || group.is_some() {
        chownat(&file, "", user.map(Uid::from_raw), group.map(Gid::from_raw), AtFlags::EMPTY_PATH)?;
    }
    if found & 0o777 != mode {
        // Through the descriptor: what it refers to cannot be swapped.
        let this = format!("/proc/self/fd/{}", file.as_raw_fd());
        fs::set_permissions(this, Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Sets the mode that a socket's file gets when it is bound, less the umask.
pub(super) fn socket_mode(socket: impl AsFd, mode: u32) -> io::Result<()> {
    Ok(fchmod(socket, Mode::from_bits_truncate(mode))?)
}

/// The owner of the log files, if it is not this process's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Owner {
    /// Opens a log file for appending with its owner's rights, because the owner must be able to
    /// open it too.
    ///
    /// Links are followed only where the owner may write. Only where the owner may not create or
    /// write the file does root do it, in a folder of root's alone, and gives the file away.
    pub(super) fn open(self, path: &Path) -> io::Result<File> {
        match self.act(|| open_file(path)) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.give(path).map_err(|why| {
                    io::Error::other(format!("user {} may not write it, and {why}", self.user))
                })?;
                self.act(|| open_file(path))
            }
            opened => opened,
        }
    }

    /// Opens a file for reading with its owner's rights.
    ///
    /// A process of the owner's gets its content: links are followed where the owner may read,
    /// otherwise only from folders of root's alone.
    pub(super) fn read(self, path: &Path) -> io::Result<File> {
        match self.act(|| settings::open_file(path)) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                root_owns_the_way(path).map_err(|why| {
                    io::Error::other(format!("user {} must not read it, and {why}", self.user))
                })?;
                settings::open_file(path)
            }
            opened => opened,
        }
    }

    /// Whether the owner may create and move files in this folder.
    pub(super) fn may_write(self, folder: &Path) -> bool {
        self.act(|| Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)).is_ok()
    }

    fn give(self, path: &Path) -> io::Result<()> {
        root_owns_the_way(path)?;
        let nofollow = i32::try_from(OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
        let (file, draft) = match OpenOptions::new().append(true).custom_flags(nofollow).open(path)
        {
            Ok(file) => (file, None),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (file, draft) = draft(path, 0o640)?;
                (file, Some(draft))
            }
            Err(error) => return Err(error),
        };
        let found = file.metadata()?;
        if !found.is_file() || found.nlink() != 1 {
            return Err(io::Error::other("it is not a regular file with a single name"));
        }
        fchown(&file, Some(self.user), Some(self.group))?;
        draft.map_or(Ok(()), |draft| fs::rename(draft, path))
    }

    /// Runs something with the owner's rights, on a thread that has no others.
    pub(super) fn act<T: Send>(self, what: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let become_it_and = || {
            let group = Gid::from_raw(self.group);
            set_thread_groups(&[])?;
            set_thread_gid(group)?;
            set_thread_uid(Uid::from_raw(self.user))?;
            what()
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, become_it_and)?;
            thread.join().map_err(|_| io::Error::other("a thread panicked"))?
        })
    }
}

/// A path as a single file name: readable and unique.
pub(super) fn flat(path: &Path) -> String {
    let mut name = String::new();
    for letter in path.to_string_lossy().trim_start_matches('/').chars() {
        match letter {
            '/' => name.push(':'),
            // Writing to a string does not fail.
            ':' | '%' => drop(write!(name, "%{:02x}", u32::from(letter))),
            _ => name.push(letter),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{DirBuilderExt as _, chown, symlink};
    use tempfile::TempDir;

    /// An unprivileged user, as an attacker would be.
    const NOBODY: u32 = 65_534;

    /// Nested folders, each with an owner, a group and a mode.
    fn nested(folders: &[(u32, u32, u32)]) -> (TempDir, PathBuf) {
        assert!(is_root(), "these tests need root");
        let outer = tempfile::tempdir().unwrap();
        let mut path = outer.path().to_owned();
        for (user, group, mode) in folders {
            path.push("f");
            fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
            chown(&path, Some(*user), Some(*group)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
        }
        (outer, path)
    }

    fn refusal(folders: &[(u32, u32, u32)]) -> Option<String> {
        let (_outer, path) = nested(folders);
        check_place(&path.join("file")).err().map(|error| error.to_string())
    }

    #[test]
    fn every_folder_on_the_way_is_roots_alone() {
        for good in [
            &[][..],
            &[(0, 0, 0o755)],
            &[(0, 0, 0o775)],
            &[(0, NOBODY, 0o2750)],
            // Like /tmp with a folder of root's in it.
            &[(0, 0, 0o1777), (0, 0, 0o700)],
        ] {
            assert_eq!(refusal(good), None, "{good:?}");
        }
        for (bad, whose) in [
            (&[(NOBODY, 0, 0o700)][..], "belongs to user 65534"),
            (&[(0, NOBODY, 0o770)], "group 65534"),
            (&[(0, 0, 0o777)], "everyone"),
            (&[(0, 0, 0o1777)], "everyone"),
            (&[(NOBODY, 0, 0o755), (0, 0, 0o755)], "belongs to user 65534"),
            (&[(0, 0, 0o777), (0, 0, 0o755)], "everyone"),
            (&[(0, NOBODY, 0o775), (0, 0, 0o755)], "group 65534"),
            (&[(0, 0, 0o1777), (NOBODY, 0, 0o755), (0, 0, 0o700)], "belongs to user 65534"),
        ] {
            let refusal = refusal(bad).unwrap_or_default();
            assert!(refusal.contains(whose), "{bad:?}: {refusal}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_made_in_one_of_roots() {
        let (_good, path) = nested(&[(0, 0, 0o755)]);
        check_place(&path.join("a/b/file")).unwrap();
        let (_sticky, path) = nested(&[(0, 0, 0o1777)]);
        check_place(&path.join("a/b/file")).unwrap_err();
    }

    #[test]
    fn links_are_followed_and_judged_like_folders() {
        let (_good, good) = nested(&[(0, 0, 0o755)]);
        let (_bad, bad) = nested(&[(NOBODY, 0, 0o755)]);
        let (_sticky, sticky) = nested(&[(0, 0, 0o1777)]);
        let link = |target: &Path, at: PathBuf, user: u32| {
            symlink(target, &at).unwrap();
            std::os::unix::fs::lchown(&at, Some(user), None).unwrap();
            at
        };
        let to_good = link(&good, sticky.join("good"), 0);
        check_place(&to_good.join("file")).unwrap();
        check_place(&to_good.join("deeper/file")).unwrap();
        let to_bad = link(&bad, good.join("bad"), 0);
        check_place(&to_bad.join("file")).unwrap_err();
        let planted = link(&good, sticky.join("planted"), NOBODY);
        check_place(&planted.join("file")).unwrap_err();
        let up = link(Path::new(".."), good.join("up"), 0);
        check_place(&up.join("file")).unwrap();
        let circle = link(&good.join("circle"), good.join("circle"), 0);
        check_place(&circle.join("file")).unwrap_err();
    }

    #[test]
    fn a_log_file_is_its_owners_wherever_root_could_write() {
        let owner = Owner { user: NOBODY, group: NOBODY };
        let whose = |path: &Path| {
            let found = fs::metadata(path).unwrap();
            (found.uid(), found.gid(), found.mode() & 0o777)
        };
        // Its own folder, and one where it may create nothing.
        for folder in [(NOBODY, NOBODY, 0o700), (0, 0, 0o755)] {
            let (outer, path) = nested(&[folder]);
            fs::set_permissions(outer.path(), Permissions::from_mode(0o755)).unwrap();
            let path = path.join("a.log");
            owner.open(&path).unwrap();
            assert_eq!(whose(&path), (NOBODY, NOBODY, 0o640));
            owner.open(&path).unwrap();
        }
        // Created by root before `server.user` was set.
        let (outer, path) = nested(&[(0, 0, 0o755)]);
        fs::set_permissions(outer.path(), Permissions::from_mode(0o755)).unwrap();
        let path = path.join("a.log");
        fs::write(&path, "old\n").unwrap();
        owner.open(&path).unwrap();
        assert_eq!(whose(&path).0, NOBODY);
    }

    #[test]
    fn a_link_in_the_owners_folder_leads_only_where_the_owner_may_write() {
        let owner = Owner { user: NOBODY, group: NOBODY };
        let (outer, path) = nested(&[(NOBODY, NOBODY, 0o755)]);
        fs::set_permissions(outer.path(), Permissions::from_mode(0o755)).unwrap();
        let roots = outer.path().join("roots");
        fs::write(&roots, "root's\n").unwrap();
        fs::set_permissions(&roots, Permissions::from_mode(0o664)).unwrap();
        symlink(&roots, path.join("existing.log")).unwrap();
        symlink(outer.path().join("absent"), path.join("absent.log")).unwrap();
        fs::hard_link(&roots, path.join("hard.log")).unwrap();
        for name in ["existing.log", "absent.log", "hard.log"] {
            owner.open(&path.join(name)).unwrap_err();
        }
        assert_eq!(fs::metadata(&roots).unwrap().uid(), 0);
        assert!(!outer.path().join("absent").exists());
    }

    #[test]
    fn flat_names_differ_where_paths_do() {
        assert_eq!(flat(Path::new("/var/lib/b")), "var:lib:b");
        assert_eq!(flat(Path::new("/a:b/c%3a")), "a%3ab:c%253a");
    }
}
