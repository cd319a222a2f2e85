//! The pepper: a secret that goes into every new hash and is not in the database.

use crate::domain::{PepperId, Secret};
use crate::passwords::error::PasswordError;
use crate::settings::{NamedFile, shown_path};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Shortest and longest pepper in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 32..=4096;

/// The message whose MAC is a pepper's id.
const ID: &[u8] = b"bailiwick pepper id";

/// The key for a password before it is hashed.
pub(super) struct Pepper {
    key: Key,
    pub(super) id: PepperId,
}

impl Pepper {
    /// Reads it, with the rules for signing secrets.
    pub(super) fn read(file: &NamedFile) -> Result<Self, PasswordError> {
        let wrong = |why: &str| PasswordError::Pepper(shown_path(file.path()), why.to_owned());
        let content = file.read().map_err(|cause| wrong(&format!("cannot be read: {cause}")))?;
        let mode = content.mode().unwrap_or_default();
        if mode & 0o002 != 0 {
            return Err(wrong("everyone can write it; run `chmod o-rw` on it and replace it"));
        }
        if mode & 0o004 != 0 {
            let shown = shown_path(file.path());
            log::warn!("{shown}: everyone on this machine can read the pepper");
        }
        let text = content.text().map(|text| text.expose().trim_end_matches(['\r', '\n']));
        let text = text.filter(|text| LENGTHS.contains(&text.len()));
        let text = text.ok_or_else(|| wrong("expected 32 to 4096 bytes of UTF-8"))?;
        Ok(Self::new(text.as_bytes()))
    }

    fn new(secret: &[u8]) -> Self {
        let key = Key::new(HMAC_SHA256, secret);
        let id = sign(&key, ID).as_ref().first_chunk().copied().unwrap_or_default();
        Self { key, id: PepperId(u32::from_be_bytes(id)) }
    }

    /// What is hashed instead of the password: 44 characters, which bcrypt reads completely.
    pub(super) fn season(&self, password: &Secret) -> Secret {
        Secret::new(STANDARD.encode(sign(&self.key, password.expose().as_bytes())))
    }
}
