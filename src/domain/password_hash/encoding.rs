//! Text encodings of hashes.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig as Config};

const LENIENT: Config = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// With or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// The letters of crypt(3), six bits each.
const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// base64, with or without padding.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// base64 without padding, as PHC strings have it.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes).trim_end_matches('=').to_owned()
}

/// passlib's base64, with `.` instead of `+`.
pub(super) fn adapted_base64(text: &str) -> Option<Vec<u8>> {
    base64(&text.replace('.', "+"))
}

/// Two digits per byte.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match *pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

/// crypt(3)'s characters, four for three bytes, which have these positions in the digest.
pub(super) fn crypt(
    text: &str,
    places: impl Iterator<Item = [usize; 3]>,
    length: usize,
) -> Option<Vec<u8>> {
    let mut digest = vec![0; length];
    let mut letters = text.as_bytes().chunks(4);
    for group in places {
        let mut word = 0_usize;
        for (at, letter) in letters.next()?.iter().enumerate() {
            word |= LETTERS.iter().position(|known| known == letter)? << (6 * at);
        }
        for (shift, place) in [16, 8, 0].into_iter().zip(group) {
            let byte = u8::try_from(word >> shift & 0xff).ok()?;
            // A position beyond the digest pads the last group.
            match digest.get_mut(place) {
                Some(kept) => *kept = byte,
                None if byte == 0 => {}
                None => return None,
            }
        }
    }
    letters.next().is_none().then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_stray_bits_do_not_count() {
        for text in ["AQ==", "AQ", "AR"] {
            assert_eq!(base64(text), Some(vec![1]), "{text}");
        }
        assert_eq!(base64("A"), None);
        assert_eq!(adapted_base64("..8"), base64("++8"));
        assert_eq!(to_base64(&[1]), "AQ");
    }

    #[test]
    fn hexadecimal_has_two_digits_a_byte() {
        assert_eq!(hex("00fFa1"), Some(vec![0, 0xff, 0xa1]));
        for text in ["0", "0g", "é"] {
            assert_eq!(hex(text), None, "{text}");
        }
    }
}
