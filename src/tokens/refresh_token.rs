//! The text of a refresh token: `bwr_`, then in base64url a version, the family, the generation and
//! a tag, which proves that this server has made it.

use crate::domain::{FamilyId, RefreshToken, Secret};
use crate::sealing::{MacKey, TAG};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What every refresh token begins with, so that scanners find leaked ones.
const PREFIX: &str = "bwr_";

const VERSION: u8 = 1;

/// Bytes before the tag: version, family, generation.
const SIGNED: usize = 1 + 16 + 8;

/// Characters of a token.
const LENGTH: usize = PREFIX.len() + ((SIGNED + TAG) * 8).div_ceil(6);

/// Makes refresh tokens, and tells its own from others.
#[derive(Debug)]
pub struct RefreshKey(MacKey);

impl RefreshKey {
    /// Takes a key that makes no other tags.
    #[must_use]
    pub fn new(key: MacKey) -> Self {
        Self(key)
    }

    /// The text of a token: the same whenever it is asked for.
    #[must_use]
    pub fn write(&self, token: RefreshToken) -> Secret {
        let mut bytes = [0; SIGNED + TAG];
        let (signed, tag) = bytes.split_at_mut(SIGNED);
        signed[0] = VERSION;
        signed[1..17].copy_from_slice(&token.family.0.to_be_bytes());
        signed[17..].copy_from_slice(&token.generation.to_be_bytes());
        tag.copy_from_slice(&self.0.tag(signed));
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Secret::new(text)
    }

    /// Reads a token that was made with this key; any other text is none.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<RefreshToken> {
        let text = text.strip_prefix(PREFIX).filter(|_| text.len() == LENGTH)?;
        let bytes: [u8; SIGNED + TAG] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (signed, tag) = bytes.split_at(SIGNED);
        let (version, rest) = signed.split_first().filter(|_| self.0.is_tag(signed, tag))?;
        let (family, generation) = rest.split_first_chunk()?;
        let generation = i64::from_be_bytes(generation.try_into().ok()?);
        let family = FamilyId(u128::from_be_bytes(*family));
        (*version == VERSION).then_some(RefreshToken { family, generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(bytes: [u8; 32]) -> RefreshKey {
        RefreshKey::new(MacKey::new(&bytes))
    }

    fn token(family: u128, generation: i64) -> RefreshToken {
        RefreshToken { family: FamilyId(family), generation }
    }

    /// Tokens are out in the world: their form must never change. The tag is what Python's
    /// `hmac.digest` says.
    #[test]
    fn the_form_of_a_token_stays() {
        let key = key([7; 32]);
        let text = "bwr_AQAAAAAAAKvNAAAAAAAAAAUAAAAAAAABAnP5mbV5Aik6Fm_--7hUSCs";
        assert_eq!(key.write(token(0xabcd << 64 | 5, 258)).expose(), text);
        assert_eq!(key.read(text), Some(token(0xabcd << 64 | 5, 258)));
        assert_eq!((text.len(), format!("{key:?}").as_str()), (LENGTH, "RefreshKey(***)"));
    }

    #[test]
    fn only_the_key_that_made_it_reads_it() {
        let (key, other) = (key([1; 32]), key([2; 32]));
        for made in [token(0, 0), token(u128::MAX, i64::MAX), token(1, 7)] {
            let text = key.write(made);
            assert_eq!(key.read(text.expose()), Some(made));
            assert_eq!(other.read(text.expose()), None);
            assert!(!format!("{text:?}").contains(text.expose()));
        }
    }

    proptest! {
        #[test]
        fn any_other_text_is_none(text in ".{0,70}", at in 0..LENGTH, by in "[0-9A-Za-z_é=-]") {
            let key = key([1; 32]);
            prop_assert_eq!(key.read(&text), None);
            prop_assert_eq!(key.read(&("bwr_".to_owned() + &text)), None);
            let made = key.write(token(77, 3));
            let mut other = made.expose().to_owned();
            other.replace_range(at..=at, &by);
            prop_assert_eq!(key.read(&other).is_some(), other == made.expose());
        }
    }
}
