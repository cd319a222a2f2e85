//! Werkzeug's hashes, which Flask applications store: `method:arguments$salt$hex`.

use crate::domain::password_hash::django::power_of_two;
use crate::domain::password_hash::encoding::hex;
use crate::domain::password_hash::modular::{number, parts};
use crate::domain::password_hash::other::{HashFunction, OtherHash, Scheme};
use crate::domain::password_hash::{PasswordHash, PasswordHashError};

const PBKDF2: PasswordHashError =
    PasswordHashError::Malformed("`pbkdf2:sha256:`, iterations, `$`, a salt, `$` and hexadecimal");
const SCRYPT: PasswordHashError =
    PasswordHashError::Malformed("`scrypt:32768:8:1$`, a salt, `$` and hexadecimal");

/// `None` if it is not Werkzeug's.
pub(super) fn parse(text: &str) -> Option<Result<PasswordHash, PasswordHashError>> {
    let (method, arguments) = text.split_once(':')?;
    match method {
        "pbkdf2" => Some(pbkdf2(text, arguments)),
        "scrypt" => Some(scrypt(text, arguments)),
        _ => None,
    }
}

fn pbkdf2(text: &str, arguments: &str) -> Result<PasswordHash, PasswordHashError> {
    let [method, salt, found] = parts(arguments).ok_or(PBKDF2)?;
    let (function, rounds) = method.split_once(':').ok_or(PBKDF2)?;
    let digest = match function {
        "sha1" => HashFunction::Sha1,
        "sha256" => HashFunction::Sha256,
        "sha512" => HashFunction::Sha512,
        _ => return Err(PBKDF2),
    };
    let scheme = Scheme::Pbkdf2 { digest, rounds: number(rounds).ok_or(PBKDF2)? };
    let found = hex(found).ok_or(PBKDF2)?;
    Ok(OtherHash::new(text, scheme, salt.as_bytes(), &found)?.into())
}

fn scrypt(text: &str, arguments: &str) -> Result<PasswordHash, PasswordHashError> {
    let [method, salt, found] = parts(arguments).ok_or(SCRYPT)?;
    let numbers: Option<Vec<_>> = method.split(':').map(number).collect();
    let Some([n, r, p]) = numbers.as_deref() else { return Err(SCRYPT) };
    let log_n = power_of_two(*n).ok_or(SCRYPT)?;
    let found = hex(found).ok_or(SCRYPT)?;
    let scheme = Scheme::Scrypt { log_n, r: *r, p: *p };
    Ok(OtherHash::new(text, scheme, salt.as_bytes(), &found)?.into())
}
