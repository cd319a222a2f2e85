//! Which public keys are strong enough to prove anybody: not those with which others can sign as well.

use aws_lc_rs::signature::{EcdsaVerificationAlgorithm, ParsedPublicKey};

/// Bits of an RSA modulus.
const MODULUS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// An exponent that is read here has at most 33 bits.
const EXPONENT: std::ops::Range<u64> = 65_537..1 << 33;

/// Small-order points of edwards25519, without the sign of x: their y is 0, 1, -1, or one of the two of
/// order 8. Anybody can make signatures that they verify.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    first(1),
    first_and_rest(0xec),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn first(byte: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    bytes
}

/// 2^255 - 256 and this byte: the prime is that with 0xed.
const fn first_and_rest(byte: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = byte;
    bytes[31] = 0x7f;
    bytes
}

/// An RSA key by its modulus and its exponent, big-endian.
pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<(), String> {
    let n = without_zeros(n);
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if !MODULUS.contains(&bits) {
        return Err("is not of 2048 to 8192 bits".to_owned());
    }
    if n.last().is_some_and(|last| last % 2 == 0) {
        return Err("has an even modulus (`n`)".to_owned());
    }
    let e = without_zeros(e);
    let exponent = match e.len() {
        0..=8 => e.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte)),
        _ => u64::MAX,
    };
    if !EXPONENT.contains(&exponent) || exponent % 2 == 0 {
        return Err("has an exponent (`e`) that is not odd and from 65537 to 2^33".to_owned());
    }
    Ok(())
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// A point by its coordinates.
pub(super) fn point(
    curve: &'static EcdsaVerificationAlgorithm,
    x: &[u8],
    y: &[u8],
) -> Result<(), String> {
    let point = [&[4], x, y].concat();
    let read = ParsedPublicKey::new(curve, point);
    read.map(drop).map_err(|_| "is no point of its curve".to_owned())
}

/// An Ed25519 key.
pub(super) fn ed25519(x: &[u8]) -> Result<(), String> {
    let Ok(mut y) = <[u8; 32]>::try_from(x) else { return Err("is not of 32 bytes".to_owned()) };
    y[31] &= 0x7f;
    let prime = first_and_rest(0xed);
    if y.iter().rev().ge(prime.iter().rev()) {
        return Err("is not canonical (RFC 8032 §5.1.3)".to_owned());
    }
    if SMALL_ORDER.contains(&y) {
        return Err("is of small order: anybody can sign for it".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_rsa_keys_are_refused() {
        let odd = [&[0x80][..], &[0; 254], &[1]].concat();
        let good = |n: &[u8], e: &[u8]| rsa(n, e).is_ok();
        assert!(good(&odd, &[1, 0, 1]) && good(&[&[0], &*odd].concat(), &[0, 1, 0, 1]));
        for e in [&[][..], &[0], &[1], &[3], &[17], &[255, 255], &[1, 0, 0], &[1, 0, 2], &[1; 9]] {
            let problem = rsa(&odd, e).unwrap_err();
            assert!(problem.contains("`e`"), "{e:?}: {problem}");
        }
        let even = [&[0x80][..], &[0; 255]].concat();
        assert!(rsa(&even, &[1, 0, 1]).unwrap_err().contains("even"));
        let short = [&[0x7f][..], &[0xff; 255]].concat();
        for n in [&short[..], &[], &[0; 256], &[0xff; 1025], &[&[0; 9], &short[..]].concat()] {
            assert!(rsa(n, &[1, 0, 1]).unwrap_err().contains("2048"), "{n:?}");
        }
    }

    #[test]
    fn weak_ed25519_keys_are_refused() {
        for small in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut key = small;
                key[31] |= sign;
                assert!(ed25519(&key).unwrap_err().contains("small order"), "{key:?}");
            }
        }
        for first in 0xed..=0xff {
            for last in [0x7f, 0xff] {
                let mut key = first_and_rest(first);
                key[31] = last;
                assert!(ed25519(&key).unwrap_err().contains("canonical"), "{key:?}");
            }
        }
        assert!(ed25519(&[9; 31]).is_err() && ed25519(&[9; 32]).is_ok());
    }
}
