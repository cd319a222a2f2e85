//! Hides API keys in texts that clients chose and that are logged.

use crate::domain::key_id::KeyId;
use std::borrow::Cow;

/// What every API key begins with.
pub const KEY_PREFIX: &str = "bwk_";

/// The text with `***` for what is secret of each API key in it: all but its id. A key lands in a
/// username or a path by mistake, and the log must not keep it.
#[must_use]
pub fn without_keys(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, key)) = rest.split_once(KEY_PREFIX) {
        let end = key.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(key.len());
        let (digits, after) = key.split_at(end);
        shown.push_str(before);
        shown.push_str(KEY_PREFIX);
        rest = match digits.split_at_checked(KeyId::LENGTH) {
            Some((id, secret)) if !secret.is_empty() => {
                shown.extend([id, "***"]);
                after
            }
            _ => key,
        };
    }
    if shown.is_empty() {
        return text.into();
    }
    shown.push_str(rest);
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_id_of_a_key_is_left() {
        let id = "abcdefghij0123456789AB";
        let key = format!("bwk_{id}{}", "x".repeat(49));
        let masked = format!("bwk_{id}***");
        for around in ["KEY", "/users/KEY", "/?x=KEY&y=KEY.", "é KEY\n", "bwk_ KEY bwk_ab"] {
            let (text, expected) = (around.replace("KEY", &key), around.replace("KEY", &masked));
            assert_eq!(without_keys(&text), expected);
        }
        for text in ["", "johndoe", "bwk_", &format!("bwk_{id}"), "bwk_bwk_", "BWK_"] {
            assert_eq!(without_keys(text), text);
        }
        assert_eq!(without_keys(&format!("bwk_bwk_{id}secret")), format!("bwk_bwk_{id}***"));
        assert!(matches!(without_keys("johndoe"), Cow::Borrowed(_)));
    }
}
