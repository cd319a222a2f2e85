//! crypt(3)'s MD5, of which `htpasswd` has a variant with a prefix of its own.

use md5::{Digest as _, Md5};

const ROUNDS: usize = 1000;

/// The digest before its bytes are shuffled and encoded.
pub(super) fn md5_crypt(password: &[u8], magic: &str, salt: &[u8]) -> Vec<u8> {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password);
    let inner = inner.finalize();
    let mut first = Md5::new();
    first.update(password);
    first.update(magic);
    first.update(salt);
    let fill: Vec<u8> = inner.iter().copied().cycle().take(password.len()).collect();
    first.update(fill);
    // As originally written: a NUL for each set bit, else the password's first byte.
    let mut length = password.len();
    while length > 0 {
        let byte = if length & 1 == 1 { 0 } else { password[0] };
        first.update([byte]);
        length >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..ROUNDS {
        let mut next = Md5::new();
        let odd = round % 2 == 1;
        next.update(if odd { password } else { &digest });
        if !round.is_multiple_of(3) {
            next.update(salt);
        }
        if !round.is_multiple_of(7) {
            next.update(password);
        }
        next.update(if odd { &digest } else { password });
        digest = next.finalize();
    }
    digest.to_vec()
}
