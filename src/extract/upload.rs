//! Files that are uploaded in a form.

use actix_web::web;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of files that a form keeps in memory; the rest is on disk.
const IN_MEMORY: usize = 256 * 1024;

/// A file in a [`Multipart`](crate::Multipart) form: FastAPI's `UploadFile`.
///
/// 256 KiB of a form's files stay in memory; the rest is in temporary files (`TMPDIR`), which have no name
/// and end with the request. Name and media type are what the client says.
#[derive(Clone)]
pub struct UploadFile(Arc<Uploaded>);

struct Uploaded {
    filename: String,
    content_type: Option<String>,
    size: u64,
    content: Content,
}

enum Content {
    Memory(Vec<u8>),
    Disk(File),
}

impl UploadFile {
    /// Its name on the client's machine, without folders, control characters and what makes a name hidden, of 255
    /// bytes at the most; `file` if nothing is left. It is safe to show, and to put behind a prefix of your own, but
    /// no name to save it under: others may send the same.
    #[must_use]
    pub fn filename(&self) -> &str {
        &self.0.filename
    }

    /// Its media type.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.0.content_type.as_deref()
    }

    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// All of it.
    pub async fn read(&self) -> io::Result<Vec<u8>> {
        self.clone()
            .off_the_worker(|file| {
                let mut all = Vec::new();
                file.write_to(&mut all).map(|()| all)
            })
            .await
    }

    /// Writes it to a file, which is replaced if it exists.
    pub async fn save(&self, path: impl Into<PathBuf>) -> io::Result<()> {
        let path = path.into();
        self.clone().off_the_worker(move |file| file.write_to(&mut File::create(path)?)).await
    }

    async fn off_the_worker<R: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        web::block(move || work(&self)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn write_to(&self, target: &mut impl Write) -> io::Result<()> {
        let file = match &self.0.content {
            Content::Memory(bytes) => return target.write_all(bytes),
            Content::Disk(file) => file,
        };
        // Without moving the file's position, which all clones share.
        let (mut piece, mut at) = (vec![0; 64 * 1024], 0);
        loop {
            match file.read_at(&mut piece, at)? {
                0 => return Ok(()),
                length => {
                    target.write_all(&piece[..length])?;
                    at += length as u64;
                }
            }
        }
    }
}

/// The content may be private.
impl fmt::Debug for UploadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadFile").field("size", &self.0.size).finish_non_exhaustive()
    }
}

/// A file that arrives.
pub(super) struct Arriving {
    filename: String,
    content_type: Option<String>,
    size: u64,
    /// What is not on disk yet.
    bytes: Vec<u8>,
    disk: Option<File>,
}

impl Arriving {
    pub(super) fn new(filename: String, content_type: Option<String>) -> Self {
        Self { filename, content_type, size: 0, bytes: Vec::new(), disk: None }
    }

    /// Adds bytes; `spare` is what the form's files may still keep in memory.
    pub(super) async fn add(&mut self, bytes: &[u8], spare: &mut usize) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        if self.disk.is_none() && bytes.len() <= *spare {
            *spare -= bytes.len();
            return Ok(());
        }
        // In large pieces: each is a message to another thread.
        if self.disk.is_none() || self.bytes.len() >= IN_MEMORY {
            self.flush().await
        } else {
            Ok(())
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        let (bytes, disk) = (std::mem::take(&mut self.bytes), self.disk.take());
        let written = web::block(move || {
            let mut disk = match disk {
                Some(disk) => disk,
                None => tempfile::tempfile()?,
            };
            disk.write_all(&bytes).map(|()| disk)
        });
        self.disk = Some(written.await.unwrap_or_else(|error| Err(io::Error::other(error)))?);
        Ok(())
    }

    /// The file, unless it is what a browser sends for a field without a file.
    pub(super) async fn end(mut self) -> io::Result<Option<UploadFile>> {
        if self.disk.is_some() && !self.bytes.is_empty() {
            self.flush().await?;
        }
        let Self { filename, content_type, size, bytes, disk } = self;
        if filename.is_empty() && size == 0 {
            return Ok(None);
        }
        let content = disk.map_or(Content::Memory(bytes), Content::Disk);
        let filename = plain(&filename);
        Ok(Some(UploadFile(Arc::new(Uploaded { filename, content_type, size, content }))))
    }
}

/// Longest name of a file on most systems.
const LONGEST_NAME: usize = 255;

/// A name that leads nowhere else.
fn plain(filename: &str) -> String {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name: String = name.chars().filter(|c| !c.is_control()).collect();
    while name.len() > LONGEST_NAME {
        name.pop();
    }
    match name.trim().trim_start_matches('.').trim_start() {
        "" => "file".to_owned(),
        plain => plain.to_owned(),
    }
}

/// What a form's files may keep in memory.
pub(super) const SPARE: usize = IN_MEMORY;

thread_local! {
    /// The files of the form that is being read.
    static FILES: RefCell<Vec<UploadFile>> = const { RefCell::new(Vec::new()) };
}

/// Reads a value that refers to these files by their numbers.
pub(super) fn with_files<R>(files: Vec<UploadFile>, read: impl FnOnce() -> R) -> R {
    FILES.set(files);
    let result = read();
    FILES.set(Vec::new());
    result
}

/// How a form's value refers to a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    file: usize,
}

impl<'de> Deserialize<'de> for UploadFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Place { file } = Place::deserialize(deserializer)?;
        let found = FILES.with_borrow(|files| files.get(file).cloned());
        found.ok_or_else(|| D::Error::custom("files are in forms only: take a Multipart"))
    }
}

impl JsonSchema for UploadFile {
    fn schema_name() -> Cow<'static, str> {
        "UploadFile".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "binary"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        for (sent, plain_name) in [
            ("a.png", "a.png"),
            ("C:\\pictures\\a.png", "a.png"),
            ("../../etc/passwd", "passwd"),
            ("a/..", "file"),
            (".", "file"),
            ("", "file"),
            ("a/", "file"),
            (".htaccess", "htaccess"),
            ("..a", "a"),
            (" a b\r\n\0.txt ", "a b.txt"),
            ("..\\", "file"),
            ("ä.txt", "ä.txt"),
        ] {
            assert_eq!(plain(sent), plain_name, "{sent:?}");
        }
        assert_eq!(plain(&"ä".repeat(200)).len(), 254);
    }
}
