//! Tags that prove that something was made here.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use std::fmt;

/// Bytes of a tag: 128 bits.
pub const TAG: usize = 16;

/// Makes tags, and knows its own.
pub struct MacKey(Key);

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl MacKey {
    /// Takes random bytes that nothing else is made with.
    #[must_use]
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        Self(Key::new(HMAC_SHA256, bytes))
    }

    /// The tag of these bytes.
    #[must_use]
    pub fn tag(&self, bytes: &[u8]) -> [u8; TAG] {
        sign(&self.0, bytes).as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Whether this is their tag; compared in constant time.
    #[must_use]
    pub fn is_tag(&self, bytes: &[u8], tag: &[u8]) -> bool {
        verify_slices_are_equal(&self.tag(bytes), tag).is_ok()
    }
}
