//! Which passwords a user may choose.

use crate::domain::Secret;
use crate::passwords::error::PasswordError;
use zxcvbn::matching::patterns::MatchPattern;

/// Shortest new password in characters (NIST SP 800-63B §5.1.1.2).
pub const SHORTEST: usize = 8;

/// Longest new password in bytes: bcrypt reads 72, and one is the closing NUL.
pub const LONGEST: usize = 71;

/// Stands behind the password when zxcvbn looks at it: a "word" of rank 1 that nobody types.
const MARKER: &str = "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\u{e}\u{f}\u{10}\u{11}";

/// The longest entry of zxcvbn's list, in characters. Anything longer cannot be on it, and zxcvbn's
/// work grows fast with the length.
const LONGEST_COMMON: usize = 20;

/// What every hash of ours requires, policy or not.
pub(super) fn check_hashable(password: &Secret, longest: usize) -> Result<(), PasswordError> {
    if password.expose().len() > longest {
        Err(PasswordError::TooLong)
    } else if password.expose().contains('\0') {
        Err(PasswordError::Nul)
    } else {
        Ok(())
    }
}

/// What a user may choose.
pub(super) fn check_choice(password: &Secret) -> Result<(), PasswordError> {
    check_hashable(password, LONGEST)?;
    if password.expose().chars().count() < SHORTEST {
        Err(PasswordError::TooShort)
    } else if is_common(password.expose()) {
        Err(PasswordError::TooCommon)
    } else {
        Ok(())
    }
}

/// Whether the whole password is one of zxcvbn's 30,000 common ones, in any case.
///
/// zxcvbn has no function for that: it returns the cheapest way to guess a text as a sequence of
/// matches. A marker at the end makes every split of the password more expensive than one match for
/// all of it, and a capital at the start keeps repeats (`asdfasdf`) from being cheaper than the
/// list. Entries spelled backwards or with digits for letters, and sequences of digits, are refused
/// as well.
fn is_common(password: &str) -> bool {
    if password.chars().count() > LONGEST_COMMON {
        return false;
    }
    let mut lower = password.to_lowercase();
    let only_digits = lower.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(first) = lower.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    lower.push_str(MARKER);
    let estimate = zxcvbn::zxcvbn(&lower, &[MARKER]);
    let [whole, marker] = estimate.sequence() else { return false };
    marker.token == MARKER
        && match &whole.pattern {
            // The dictionary's type has no public name.
            MatchPattern::Dictionary(found) => {
                format!("{:?}", found.dictionary_name) == "Passwords"
            }
            MatchPattern::Repeat(_) | MatchPattern::Sequence(_) => only_digits,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str) -> Option<String> {
        check_choice(&Secret::new(password)).err().map(|error| error.to_string())
    }

    #[test]
    fn eight_characters_are_enough() {
        assert_eq!(refusal("1234"), Some("String should have at least 8 characters".into()));
        assert_eq!(refusal("k7!pq2z"), Some("String should have at least 8 characters".into()));
        assert_eq!(refusal("k7!pq2zx"), None);
        assert_eq!(refusal("한국어비밀번호암"), None);
    }

    #[test]
    fn bytes_are_bounded_as_bcrypt_counts_them() {
        let too_long = Some("String should have at most 71 bytes".to_owned());
        assert_eq!(refusal(&"a".repeat(71)), None);
        assert_eq!(refusal(&"a".repeat(72)), too_long);
        assert_eq!(refusal(&"한".repeat(24)), too_long);
        assert_eq!(refusal(&"a".repeat(5000)), too_long);
    }

    #[test]
    fn nul_is_refused() {
        let message = "String should not contain NUL characters";
        assert_eq!(refusal("abcdefgh\0ijk"), Some(message.into()));
    }

    #[test]
    fn common_ones_are_refused_in_any_case() {
        for password in [
            "password",
            "PASSWORD",
            "PassWord",
            "12345678",
            "11111111",
            "baseball",
            "iloveyou",
            "trustno1",
            "1qaz2wsx",
            "qwertyuiop",
            "password1",
            "patrick9",
            "1william",
            "melissa2",
            "gfhjkmgfhjkm",
            "00000001",
            "1234567890",
            "p@ssw0rd",
            "drowssap",
        ] {
            let message = "String should not be one of the most common passwords";
            assert_eq!(refusal(password), Some(message.into()), "{password}");
        }
    }

    #[test]
    fn merely_simple_ones_are_not_on_the_list() {
        for password in [
            "secretalice",
            "correct horse",
            "password-2",
            "rainbow-1",
            "stanleyjobson",
            "aaaaaaaaaaaaaaaaaaaaaaa",
            "patrick9x",
            "é-éléphant",
            MARKER,
        ] {
            assert_eq!(refusal(password), None, "{password}");
        }
    }
}
