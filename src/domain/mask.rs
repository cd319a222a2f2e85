//! Hides API keys, refresh tokens and secrets of clients in texts that clients chose and that are logged.

use crate::domain::key_id::KeyId;
use std::borrow::Cow;

/// What every API key begins with.
pub const KEY_PREFIX: &str = "bwk_";

/// Shortest part that can be a secret: a name may begin like one.
const SHORTEST: usize = 20;

/// Where a key or another secret made here begins: `bw`, a letter for its kind, and `_`.
fn beginning(text: &str) -> Option<usize> {
    let is_one = |part: &[u8]| matches!(part, [b'b', b'w', b'a'..=b'z', b'_']);
    text.as_bytes().windows(KEY_PREFIX.len()).position(is_one)
}

/// The text with `***` for what is secret of each API key, refresh token and client's secret in it: all
/// but a key's id. They land in a username or a path by mistake, and the log must not keep them.
#[must_use]
pub fn without_keys(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = beginning(rest) {
        let (before, secret) = rest.split_at(at + KEY_PREFIX.len());
        shown.push_str(before);
        let is_key = before.ends_with(KEY_PREFIX);
        // Base62, or base64url.
        let goes_on = |c: char| c.is_ascii_alphanumeric() || (!is_key && matches!(c, '-' | '_'));
        let end = secret.find(|c: char| !goes_on(c)).unwrap_or(secret.len());
        let (digits, after) = secret.split_at(end);
        rest = match digits.split_at_checked(KeyId::LENGTH) {
            Some((id, secret)) if is_key && !secret.is_empty() => {
                shown.extend([id, "***"]);
                after
            }
            _ if !is_key && digits.len() >= SHORTEST => {
                shown.push_str("***");
                after
            }
            _ => secret,
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

    #[test]
    fn nothing_is_left_of_other_secrets() {
        let refresh = "bwr_AQAAAAAAAKvNAAAAAAAAAAUAAAAAAAABAnP5mbV5Aik6Fm_--7hUSCs";
        let client = format!("bwc_{}", "x".repeat(43));
        for (secret, masked) in [(refresh, "bwr_***"), (&*client, "bwc_***")] {
            for around in ["S", "/users/S", "/?x=S&y=S.", "é S\n", "bwr_ S bwc_ab", "x S:S"] {
                let (text, expected) = (around.replace('S', secret), around.replace('S', masked));
                assert_eq!(without_keys(&text), expected);
            }
        }
        for text in ["bwr_", "bwc_team", "bw_", "bw1_00000000000000000000000", "BWR_"] {
            assert_eq!(without_keys(text), text);
        }
    }
}
