//! What proves that a form is one of this server's pages, shown to this browser, and that a cookie was set
//! here.

use crate::sealing::mac::{MacKey, TAG};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::Write as _;

/// Random bytes of a cookie: 128 bits.
const RANDOM: usize = 16;

/// Whose a form is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormOwner {
    /// Whoever it was expected to be.
    Expected,
    /// Another session or browser, as which this server showed the same form.
    Another,
    /// Nobody: this server has not made it for this action.
    Nobody,
}

/// Makes and knows the tokens in forms, and the cookies of browsers without a session.
#[derive(Debug)]
pub struct BrowserKey(MacKey);

impl BrowserKey {
    /// Takes a key that nothing else is made with.
    #[must_use]
    pub fn new(key: MacKey) -> Self {
        Self(key)
    }

    /// The token of a form: `of` names the session or the browser it is shown to.
    #[must_use]
    pub fn form_token(&self, of: &str, action: &str) -> String {
        let owner = self.owner(of);
        URL_SAFE_NO_PAD.encode([owner, self.tag(&["form", action], &owner)].concat())
    }

    /// Whose form comes with this token.
    #[must_use]
    pub fn form_owner(&self, of: &str, action: &str, token: &str) -> FormOwner {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return FormOwner::Nobody };
        let Some((owner, tag)) = bytes.split_first_chunk::<TAG>() else { return FormOwner::Nobody };
        if !self.0.is_tag(&message(&["form", action], owner), tag) {
            FormOwner::Nobody
        } else if self.0.is_tag(&message(&["owner"], of.as_bytes()), owner) {
            FormOwner::Expected
        } else {
            FormOwner::Another
        }
    }

    /// A cookie that names a browser, for one purpose.
    #[must_use]
    pub fn cookie(&self, purpose: &str) -> String {
        let random: [u8; RANDOM] = rand::random();
        URL_SAFE_NO_PAD.encode([random, self.tag(&["cookie", purpose], &random)].concat())
    }

    /// What may be stored of such a cookie, if it was made here for this purpose: others cannot be
    /// told from it.
    #[must_use]
    pub fn cookie_name(&self, purpose: &str, cookie: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (random, tag) = bytes.split_first_chunk::<RANDOM>()?;
        if !self.0.is_tag(&message(&["cookie", purpose], random), tag) {
            return None;
        }
        let name = self.tag(&["name", purpose], random);
        Some(name.iter().fold(String::with_capacity(2 * TAG), |mut text, byte| {
            // A String takes everything.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    fn owner(&self, of: &str) -> [u8; TAG] {
        self.tag(&["owner"], of.as_bytes())
    }

    fn tag(&self, words: &[&str], bytes: &[u8]) -> [u8; TAG] {
        self.0.tag(&message(words, bytes))
    }
}

/// No word has a zero byte.
fn message(words: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut message: Vec<u8> =
        words.iter().flat_map(|word| [word.as_bytes(), &[0]].concat()).collect();
    message.extend(bytes);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::SealingKey;

    fn key() -> BrowserKey {
        BrowserKey::new(SealingKey::random().unwrap().into_mac_key())
    }

    #[test]
    fn a_form_is_its_owners_and_for_one_action() {
        let key = key();
        let token = key.form_token("session 1", "login");
        assert_eq!(key.form_owner("session 1", "login", &token), FormOwner::Expected);
        assert_eq!(key.form_owner("session 2", "login", &token), FormOwner::Another);
        for (of, action, token) in [
            ("session 1", "logout", token.as_str()),
            ("session 1", "login", &token[1..]),
            ("session 1", "login", &token.to_lowercase()),
            ("session 1", "login", ""),
            ("session 1", "login", "é"),
            ("session 1", "login", &self::key().form_token("session 1", "login")),
        ] {
            assert_eq!(key.form_owner(of, action, token), FormOwner::Nobody, "{token}");
        }
    }

    #[test]
    fn a_cookie_is_known_for_its_purpose() {
        let key = key();
        let cookie = key.cookie("device");
        let name = key.cookie_name("device", &cookie).unwrap();
        assert_eq!(name.len(), 32);
        assert_eq!(key.cookie_name("device", &cookie), Some(name.clone()));
        assert_ne!(key.cookie_name("device", &key.cookie("device")), Some(name));
        assert_eq!(key.cookie_name("visitor", &cookie), None);
        assert_eq!(self::key().cookie_name("device", &cookie), None);
        for text in ["", "x", &cookie[1..], "é"] {
            assert_eq!(key.cookie_name("device", text), None, "{text}");
        }
    }
}
