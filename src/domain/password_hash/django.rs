//! Django's hashes: `algorithm$…`.

use crate::domain::password_hash::bcrypt_hash::{BcryptHash, Before};
use crate::domain::password_hash::encoding::base64;
use crate::domain::password_hash::modular::{self, number, parts};
use crate::domain::password_hash::other::{HashFunction, OtherHash, Scheme};
use crate::domain::password_hash::{PasswordHash, PasswordHashError};

const PBKDF2: PasswordHashError =
    PasswordHashError::Malformed("`pbkdf2_sha256$`, iterations, `$`, a salt, `$` and base64");
const SCRYPT: PasswordHashError =
    PasswordHashError::Malformed("`scrypt$`, N, `$`, a salt, `$`, r, `$`, p, `$` and base64");
const ARGON2: PasswordHashError =
    PasswordHashError::Malformed("`argon2$` and an argon2 hash without its first `$`");

/// `None` if it is not Django's.
pub(super) fn parse(text: &str) -> Option<Result<PasswordHash, PasswordHashError>> {
    let (algorithm, rest) = text.split_once('$')?;
    Some(match algorithm {
        "pbkdf2_sha256" => pbkdf2(text, HashFunction::Sha256, rest),
        "pbkdf2_sha1" => pbkdf2(text, HashFunction::Sha1, rest),
        "pbkdf2_sha512" => pbkdf2(text, HashFunction::Sha512, rest),
        "scrypt" => scrypt(text, rest),
        "argon2" if rest.starts_with("argon2") => modular::parse(&format!("${rest}")),
        "argon2" => Err(ARGON2),
        "bcrypt" => rest.parse::<BcryptHash>().map(PasswordHash::from),
        "bcrypt_sha256" => {
            rest.parse::<BcryptHash>().map(|hash| hash.with(Before::HexOfSha256).into())
        }
        "md5" | "sha1" | "unsalted_md5" | "unsalted_sha1" | "crypt" => {
            Err(PasswordHashError::Simple)
        }
        _ => return None,
    })
}

fn pbkdf2(text: &str, digest: HashFunction, rest: &str) -> Result<PasswordHash, PasswordHashError> {
    let [rounds, salt, found] = parts(rest).ok_or(PBKDF2)?;
    let rounds = number(rounds).ok_or(PBKDF2)?;
    let found = base64(found).ok_or(PBKDF2)?;
    Ok(OtherHash::new(text, Scheme::Pbkdf2 { digest, rounds }, salt.as_bytes(), &found)?.into())
}

fn scrypt(text: &str, rest: &str) -> Result<PasswordHash, PasswordHashError> {
    let [n, salt, r, p, found] = parts(rest).ok_or(SCRYPT)?;
    let log_n = number(n).and_then(power_of_two).ok_or(SCRYPT)?;
    let (r, p) = (number(r).ok_or(SCRYPT)?, number(p).ok_or(SCRYPT)?);
    let found = base64(found).ok_or(SCRYPT)?;
    Ok(OtherHash::new(text, Scheme::Scrypt { log_n, r, p }, salt.as_bytes(), &found)?.into())
}

/// scrypt's N as a power of two.
pub(super) fn power_of_two(n: u32) -> Option<u8> {
    n.is_power_of_two().then(|| n.trailing_zeros()).and_then(|log| u8::try_from(log).ok())
}
