//! Hashes that begin with `$`: crypt(3)'s, PHC strings and passlib's.

use crate::domain::password_hash::bcrypt_hash::{BcryptHash, Before};
use crate::domain::password_hash::encoding::{adapted_base64, base64, crypt};
use crate::domain::password_hash::other::{Argon2, HashFunction, OtherHash, Scheme};
use crate::domain::password_hash::{PasswordHash, PasswordHashError};

type Parsed = Result<PasswordHash, PasswordHashError>;

const ARGON2: PasswordHashError =
    PasswordHashError::Malformed("`$argon2id$v=19$m=65536,t=3,p=4$`, a salt, `$` and a digest");
const SCRYPT: PasswordHashError =
    PasswordHashError::Malformed("`$scrypt$ln=16,r=8,p=1$`, a salt, `$` and a digest");
const PBKDF2: PasswordHashError =
    PasswordHashError::Malformed("`$pbkdf2-sha256$`, rounds, `$`, a salt, `$` and a digest");
const BCRYPT_SHA256: PasswordHashError = PasswordHashError::Malformed(
    "`$bcrypt-sha256$v=2,t=2b,r=12$`, 22 characters, `$` and 31 characters",
);
const SHA_CRYPT: PasswordHashError = PasswordHashError::Malformed(
    "`$5$` or `$6$`, perhaps `rounds=5000$`, a salt, `$` and 43 or 86 characters",
);
const MD5_CRYPT: PasswordHashError =
    PasswordHashError::Malformed("`$apr1$`, a salt, `$` and 22 characters");

/// SHA-crypt's default rounds, and the minimum.
const SHA_CRYPT_ROUNDS: (u32, u32) = (5000, 1000);

/// Longest salt that SHA-crypt uses.
const SHA_CRYPT_SALT: usize = 16;

/// The same for MD5-crypt.
const MD5_CRYPT_SALT: usize = 8;

pub(super) fn parse(text: &str) -> Parsed {
    let Some((scheme, rest)) = text[1..].split_once('$') else {
        return Err(PasswordHashError::Unknown);
    };
    match scheme {
        "argon2d" => argon2(text, Argon2::D, rest),
        "argon2i" => argon2(text, Argon2::I, rest),
        "argon2id" => argon2(text, Argon2::Id, rest),
        "scrypt" => scrypt(text, rest),
        "pbkdf2" | "pbkdf2-sha1" => pbkdf2(text, HashFunction::Sha1, rest),
        "pbkdf2-sha256" => pbkdf2(text, HashFunction::Sha256, rest),
        "pbkdf2-sha512" => pbkdf2(text, HashFunction::Sha512, rest),
        "bcrypt-sha256" => bcrypt_sha256(rest),
        "5" => sha_crypt(text, HashFunction::Sha256, rest),
        "6" => sha_crypt(text, HashFunction::Sha512, rest),
        "1" => md5_crypt(text, "$1$", rest),
        "apr1" => md5_crypt(text, "$apr1$", rest),
        _ if scheme.starts_with('2') => Ok(text.parse::<BcryptHash>()?.into()),
        _ => Err(PasswordHashError::Unknown),
    }
}

/// Without a version it is 0x10, from before versions were written.
fn argon2(text: &str, variant: Argon2, rest: &str) -> Parsed {
    let (version, rest) = match rest.strip_prefix("v=") {
        Some(rest) => rest.split_once('$').ok_or(ARGON2)?,
        None => ("16", rest),
    };
    let version = number(version).filter(|v| [0x10, 0x13].contains(v)).ok_or(ARGON2)?;
    let [costs, salt, digest] = parts(rest).ok_or(ARGON2)?;
    let [memory, passes, lanes] = named(costs, ["m", "t", "p"]).ok_or(ARGON2)?;
    let (salt, digest) = (base64(salt).ok_or(ARGON2)?, base64(digest).ok_or(ARGON2)?);
    let scheme = Scheme::Argon2 { variant, version, memory, passes, lanes };
    Ok(OtherHash::new(text, scheme, &salt, &digest)?.into())
}

fn scrypt(text: &str, rest: &str) -> Parsed {
    let [costs, salt, digest] = parts(rest).ok_or(SCRYPT)?;
    let [log_n, r, p] = named(costs, ["ln", "r", "p"]).ok_or(SCRYPT)?;
    let log_n = u8::try_from(log_n).map_err(|_| SCRYPT)?;
    let (salt, digest) = (base64(salt).ok_or(SCRYPT)?, base64(digest).ok_or(SCRYPT)?);
    Ok(OtherHash::new(text, Scheme::Scrypt { log_n, r, p }, &salt, &digest)?.into())
}

/// The part after the scheme's name, as passlib writes it.
pub(super) fn pbkdf2(text: &str, digest: HashFunction, rest: &str) -> Parsed {
    let [rounds, salt, found] = parts(rest).ok_or(PBKDF2)?;
    let rounds = number(rounds).ok_or(PBKDF2)?;
    let salt = adapted_base64(salt).ok_or(PBKDF2)?;
    let found = adapted_base64(found).ok_or(PBKDF2)?;
    Ok(OtherHash::new(text, Scheme::Pbkdf2 { digest, rounds }, &salt, &found)?.into())
}

fn bcrypt_sha256(rest: &str) -> Parsed {
    let [costs, salt, digest] = parts(rest).ok_or(BCRYPT_SHA256)?;
    let (before, parts) = match costs.strip_prefix("v=2,t=") {
        Some(costs) => (Before::Base64OfHmac, costs.split_once(",r=")),
        None => (Before::Base64OfSha256, costs.split_once(',')),
    };
    let (version, cost) = parts.ok_or(BCRYPT_SHA256)?;
    let cost = number(cost).ok_or(BCRYPT_SHA256)?;
    let hash = format!("${version}${cost:02}${salt}{digest}");
    let hash: BcryptHash = hash.parse().map_err(|_| BCRYPT_SHA256)?;
    Ok(hash.with(before).into())
}

fn sha_crypt(text: &str, digest: HashFunction, rest: &str) -> Parsed {
    let (default, fewest) = SHA_CRYPT_ROUNDS;
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$').ok_or(SHA_CRYPT)?;
            (number(rounds).ok_or(SHA_CRYPT)?.max(fewest), rest)
        }
        None => (default, rest),
    };
    let (salt, letters) = rest.split_once('$').ok_or(SHA_CRYPT)?;
    let found = if digest == HashFunction::Sha512 {
        let next = |[a, b, c]: &[usize; 3]| Some([b + 1, c + 1, a + 1]);
        let places = std::iter::successors(Some([0, 21, 42]), next).take(21);
        crypt(letters, places.chain([[64, 64, 63]]), 64)
    } else {
        let next = |[a, b, c]: &[usize; 3]| Some([c + 1, a + 1, b + 1]);
        let places = std::iter::successors(Some([0, 10, 20]), next).take(10);
        crypt(letters, places.chain([[32, 31, 30]]), 32)
    };
    let found = found.ok_or(SHA_CRYPT)?;
    let salt = salt.as_bytes();
    let salt = salt.get(..SHA_CRYPT_SALT).unwrap_or(salt);
    Ok(OtherHash::new(text, Scheme::ShaCrypt { digest, rounds }, salt, &found)?.into())
}

fn md5_crypt(text: &str, magic: &'static str, rest: &str) -> Parsed {
    let (salt, letters) = rest.split_once('$').ok_or(MD5_CRYPT)?;
    let places = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [16, 16, 11]];
    let found = crypt(letters, places.into_iter(), 16).ok_or(MD5_CRYPT)?;
    let salt = salt.as_bytes();
    let salt = salt.get(..MD5_CRYPT_SALT).unwrap_or(salt);
    Ok(OtherHash::new(text, Scheme::Md5Crypt { magic }, salt, &found)?.into())
}

/// Digits only: `parse` alone would accept a sign, too.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Exactly `N` parts, between `$`.
pub(super) fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

/// The numbers of `m=1,t=2,p=3`, in any order.
fn named<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let pairs: Vec<_> = text.split(',').map(|pair| pair.split_once('=')).collect::<Option<_>>()?;
    let of = |name| pairs.iter().find(|(known, _)| *known == name).and_then(|pair| number(pair.1));
    let numbers: Vec<_> = names.into_iter().map(of).collect::<Option<_>>()?;
    numbers.try_into().ok().filter(|_| pairs.len() == N)
}
