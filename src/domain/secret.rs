//! A string that must not be shown: passwords, signing keys.

use serde::Deserialize;
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, ZeroizeOnDrop};

/// A secret; it prints as `***` in `Debug` and has no `Display`.
///
/// [`Secret::expose`] is the only way out, so every use can be found by searching for it. Its
/// memory is overwritten on drop; a `String` is taken over without copying.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value that must not be shown.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in a time that depends only on the lengths.
    #[must_use]
    pub fn equals(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_stars() {
        assert_eq!(format!("{:?}", Secret::new("swordfish")), "***");
    }

    #[test]
    fn it_is_the_text_that_it_was_made_of_and_is_wiped() {
        const fn is_wiped<T: ZeroizeOnDrop>() {}
        const { is_wiped::<Secret>() };
        let text = "swordfish".to_owned();
        let place = text.as_ptr();
        assert_eq!(Secret::new(text).expose().as_ptr(), place, "a copy would be left behind");
    }

    #[test]
    fn equality_is_of_the_whole_value() {
        let secret = Secret::new("swordfish");
        assert!(secret.equals("swordfish"));
        assert!(!secret.equals("swordfis"));
        assert!(!secret.equals("swordfisH"));
        assert!(!secret.equals(""));
    }
}
