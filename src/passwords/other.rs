//! Digests by schemes other than bcrypt.

use crate::domain::{Argon2, BcryptHash, Before, HashFunction, OtherHash, Scheme, Secret};
use crate::passwords::error::PasswordError;
use crate::passwords::md5_crypt::md5_crypt;
use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use aws_lc_rs::{hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use std::num::NonZeroU32;

/// Each round of SHA-crypt goes over all of the password: most bytes that all of them go over.
const MOST_SHA_CRYPT: usize = 128_000_000;

/// Whether the digest covers the whole password, not just its beginning.
pub(super) fn reads_all_of(hash: &OtherHash, password: &Secret) -> bool {
    match hash.scheme() {
        Scheme::ShaCrypt { rounds, .. } => password.expose().len() <= longest_sha_crypt(rounds),
        _ => true,
    }
}

fn longest_sha_crypt(rounds: u32) -> usize {
    MOST_SHA_CRYPT / usize::try_from(rounds).unwrap_or(usize::MAX).max(1)
}

/// The digest of this password, computed like the stored hash's.
pub(super) fn digest(hash: &OtherHash, password: &Secret) -> Result<Vec<u8>, PasswordError> {
    let mut found = vec![0; hash.length()];
    let (password, salt) = (password.expose().as_bytes(), hash.salt());
    match hash.scheme() {
        Scheme::Argon2 { variant, version, memory, passes, lanes } => {
            argon2(variant, version, (memory, passes, lanes))
                .and_then(|argon2| argon2.hash_password_into(password, salt, &mut found))
                .map_err(|_| PasswordError::Failed)?;
        }
        Scheme::Scrypt { log_n, r, p } => {
            let params = scrypt::Params::new(log_n, r, p).map_err(|_| PasswordError::Failed)?;
            scrypt::scrypt(password, salt, &params, &mut found)
                .map_err(|_| PasswordError::Failed)?;
        }
        Scheme::Pbkdf2 { digest, rounds } => {
            let algorithm = match digest {
                HashFunction::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                HashFunction::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                HashFunction::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
                HashFunction::Md5 => return Err(PasswordError::Failed),
            };
            let rounds = NonZeroU32::new(rounds).ok_or(PasswordError::Failed)?;
            pbkdf2::derive(algorithm, rounds, salt, password, &mut found);
        }
        Scheme::ShaCrypt { digest, rounds } => {
            let password = password.get(..longest_sha_crypt(rounds)).unwrap_or(password);
            let params = sha_crypt::Params::new(rounds).map_err(|_| PasswordError::Failed)?;
            found = match digest {
                HashFunction::Sha512 => sha_crypt::sha512_crypt(password, salt, params).to_vec(),
                _ => sha_crypt::sha256_crypt(password, salt, params).to_vec(),
            };
        }
        Scheme::Md5Crypt { magic } => found = md5_crypt(password, magic, salt),
        Scheme::Salted(function) => {
            let text = [password, salt].concat();
            found = match function {
                HashFunction::Md5 => Md5::digest(text).to_vec(),
                HashFunction::Sha1 => of(&SHA1_FOR_LEGACY_USE_ONLY, &text),
                HashFunction::Sha256 => of(&SHA256, &text),
                HashFunction::Sha512 => of(&SHA512, &text),
            };
        }
    }
    Ok(found)
}

/// argon2 with these KiB, passes and lanes.
fn argon2(
    variant: Argon2,
    version: u32,
    (memory, passes, lanes): (u32, u32, u32),
) -> argon2::Result<argon2::Argon2<'static>> {
    let algorithm = match variant {
        Argon2::D => argon2::Algorithm::Argon2d,
        Argon2::I => argon2::Algorithm::Argon2i,
        Argon2::Id => argon2::Algorithm::Argon2id,
    };
    let params = argon2::Params::new(memory, passes, lanes, None)?;
    Ok(argon2::Argon2::new(algorithm, version.try_into()?, params))
}

fn of(function: &'static digest::Algorithm, text: &[u8]) -> Vec<u8> {
    digest::digest(function, text).as_ref().to_vec()
}

/// What bcrypt hashes instead of the password.
pub(super) fn before_bcrypt(hash: &BcryptHash, password: Secret) -> Secret {
    let text = password.expose().as_bytes();
    match hash.before() {
        Before::Nothing => password,
        Before::HexOfSha256 => {
            let digits = |byte: &u8| format!("{byte:02x}");
            Secret::new(of(&SHA256, text).iter().map(digits).collect::<String>())
        }
        Before::Base64OfSha256 => Secret::new(STANDARD.encode(of(&SHA256, text))),
        Before::Base64OfHmac => hmac_of(hash.salt_letters().as_bytes(), text),
    }
}

/// HMAC-SHA-256 in base64: 44 characters, which bcrypt reads completely.
fn hmac_of(key: &[u8], text: &[u8]) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    Secret::new(STANDARD.encode(hmac::sign(&key, text)))
}
