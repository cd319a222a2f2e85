//! A file that a setting names, and its content when the settings were accepted.

use crate::domain::Secret;
use rustix::fs::{OFlags, fcntl_setfl};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// A file that a setting names. Once its content is held, changes on disk no longer count.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "PathBuf")]
pub struct NamedFile {
    pub(super) path: PathBuf,
    pub(super) held: Option<Arc<Content>>,
}

/// A file's content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Absent: it is not text.
    text: Option<Text>,
    /// The permissions of a regular file.
    mode: Option<u32>,
}

/// A comparable text; [`Secret`] is deliberately not comparable.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
struct Text(Secret);

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other.0.expose())
    }
}

impl Eq for Text {}

/// Only for sending it to a worker process over its channel.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl NamedFile {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its content when the settings were accepted; before that, its current content.
    pub fn read(&self) -> io::Result<Arc<Content>> {
        match &self.held {
            Some(content) => Ok(Arc::clone(content)),
            None => open(&self.path).and_then(Content::of).map(Arc::new),
        }
    }

    /// Its content when the settings were accepted.
    #[must_use]
    pub fn held(&self) -> Option<&Content> {
        self.held.as_deref()
    }

    /// Reads it, opened by `open`, and holds the content from now on.
    pub fn hold(&mut self, open: impl Fn(&Path) -> io::Result<File>) -> io::Result<()> {
        if self.held.is_none() {
            self.held = Some(Arc::new(open(&self.path).and_then(Content::of)?));
        }
        Ok(())
    }
}

impl<P: Into<PathBuf>> From<P> for NamedFile {
    fn from(path: P) -> Self {
        Self { path: path.into(), held: None }
    }
}

/// Leaves out the content.
impl fmt::Debug for NamedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

impl Content {
    fn of(file: File) -> io::Result<Self> {
        // `open` does not wait for a pipe's writer; reading waits for its data.
        fcntl_setfl(&file, OFlags::empty())?;
        let metadata = file.metadata()?;
        // Allocated once: a growing buffer would leave copies of a secret behind.
        let size = metadata.len().min(LONGEST) + 1;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.take(LONGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            return Err(io::Error::new(ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
        }
        Ok(Self {
            text: String::from_utf8(bytes).ok().map(|text| Text(Secret::new(text))),
            mode: metadata.is_file().then(|| metadata.mode()),
        })
    }

    /// Its text; `None` if it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&Secret> {
        self.text.as_ref().map(|text| &text.0)
    }

    /// The same as an I/O result.
    pub fn to_text(&self) -> io::Result<&Secret> {
        let wrong = || io::Error::new(ErrorKind::InvalidData, "it is no UTF-8 text");
        self.text().ok_or_else(wrong)
    }

    /// The permissions, if it is a regular file.
    #[must_use]
    pub fn mode(&self) -> Option<u32> {
        self.mode
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Opens a file to hold its content; a pipe without a writer is empty.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}
