//! Hashes by schemes other than bcrypt: how they were computed, and the limits.
//!
//! A hash is accepted only if verifying it is bounded: about a second of one core, and 256 MiB.
//! Otherwise someone who can write hashes could stop every login.

use crate::domain::password_hash::PasswordHashError;
use crate::domain::password_hash::encoding::to_base64;
use subtle::ConstantTimeEq as _;

/// Most KiB of memory for one verification.
const MOST_MEMORY: u64 = 256 * 1024;

/// Most KiB that argon2 goes through, over all passes.
const MOST_ARGON2: u64 = 1024 * 1024;

/// Most KiB that scrypt goes through, over all its blocks.
const MOST_SCRYPT: u64 = 512 * 1024;

/// Most rounds of PBKDF2 with SHA-512, which takes longest, and with others.
const MOST_PBKDF2: (u32, u32) = (1_200_000, 2_000_000);

/// Most rounds of SHA-crypt.
const MOST_SHA_CRYPT: u32 = 1_000_000;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// MD5
    Md5,
    /// SHA-1
    Sha1,
    /// SHA-256
    Sha256,
    /// SHA-512
    Sha512,
}

impl HashFunction {
    /// Bytes of its digests.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// The argon2 variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argon2 {
    /// argon2d
    D,
    /// argon2i
    I,
    /// argon2id
    Id,
}

/// How a digest is computed from a password and a salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// argon2
    Argon2 {
        /// The variant.
        variant: Argon2,
        /// Version 0x10 or 0x13.
        version: u32,
        /// KiB of memory.
        memory: u32,
        /// Passes over the memory.
        passes: u32,
        /// Lanes of the memory.
        lanes: u32,
    },
    /// scrypt
    Scrypt {
        /// N as a power of two.
        log_n: u8,
        /// Size of a block.
        r: u32,
        /// Parallelism.
        p: u32,
    },
    /// PBKDF2 with HMAC
    Pbkdf2 {
        /// HMAC's hash function.
        digest: HashFunction,
        /// Iterations.
        rounds: u32,
    },
    /// SHA-256 or SHA-512 of crypt(3)
    ShaCrypt {
        /// Which of them.
        digest: HashFunction,
        /// Rounds.
        rounds: u32,
    },
    /// MD5 of crypt(3), or Apache's
    Md5Crypt {
        /// The prefix, which is hashed as well.
        magic: &'static str,
    },
    /// One digest of the password followed by the salt
    Salted(HashFunction),
}

/// A hash by a scheme other than bcrypt.
#[derive(Clone, PartialEq, Eq)]
pub struct OtherHash {
    text: Box<str>,
    scheme: Scheme,
    salt: Box<[u8]>,
    digest: Box<[u8]>,
}

impl OtherHash {
    /// A hash read from this text, if its cost is within the limits.
    pub(super) fn new(
        text: &str,
        scheme: Scheme,
        salt: &[u8],
        digest: &[u8],
    ) -> Result<Self, PasswordHashError> {
        scheme.check_cost()?;
        scheme.check_lengths(salt, digest)?;
        Ok(Self { text: text.into(), scheme, salt: salt.into(), digest: digest.into() })
    }

    /// An argon2 hash as this server writes it, as a PHC string.
    pub fn argon2id(
        (memory, passes, lanes): (u32, u32, u32),
        salt: &[u8],
        digest: &[u8],
    ) -> Result<Self, PasswordHashError> {
        let scheme = Scheme::Argon2 { variant: Argon2::Id, version: 0x13, memory, passes, lanes };
        let text = format!(
            "$argon2id$v=19$m={memory},t={passes},p={lanes}${}${}",
            to_base64(salt),
            to_base64(digest)
        );
        Self::new(&text, scheme, salt, digest)
    }

    /// The hash as it was read.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// How the digest is computed.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What is hashed with the password.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Bytes of the digest.
    #[must_use]
    pub fn length(&self) -> usize {
        self.digest.len()
    }

    /// Whether this is its digest, compared in constant time.
    #[must_use]
    pub fn has_digest(&self, digest: &[u8]) -> bool {
        self.digest.ct_eq(digest).into()
    }
}

impl Scheme {
    fn check_cost(self) -> Result<(), PasswordHashError> {
        let too_dear = match self {
            Self::Argon2 { memory, passes, lanes, .. } => {
                let (memory, passes) = (u64::from(memory), u64::from(passes));
                let allowed = lanes <= 255
                    && memory <= MOST_MEMORY
                    && memory.saturating_mul(passes) <= MOST_ARGON2;
                (!allowed)
                    .then_some("argon2 with at most 262144 KiB, and 1048576 KiB over all passes")
            }
            Self::Scrypt { log_n, r, p } => {
                let block = 1_u64.checked_shl(log_n.into()).and_then(|n| n.checked_mul(r.into()));
                let memory = block.map_or(u64::MAX, |block| block.div_ceil(8));
                let allowed = log_n < 32
                    && r <= 1024
                    && memory <= MOST_MEMORY
                    && memory.saturating_mul(p.into()) <= MOST_SCRYPT;
                (!allowed).then_some("scrypt with at most 256 MiB, and 512 MiB times `p`")
            }
            Self::Pbkdf2 { digest, rounds } => {
                let (of_sha512, of_others) = MOST_PBKDF2;
                let most = if digest == HashFunction::Sha512 { of_sha512 } else { of_others };
                (rounds > most)
                    .then_some("PBKDF2 with at most 2000000 rounds, 1200000 with SHA-512")
            }
            Self::ShaCrypt { rounds, .. } => {
                (rounds > MOST_SHA_CRYPT).then_some("SHA-crypt with at most 1000000 rounds")
            }
            Self::Md5Crypt { .. } | Self::Salted(_) => None,
        };
        too_dear.map_or(Ok(()), |expected| Err(PasswordHashError::TooDear(expected)))
    }

    /// A wrong password easily matches a short digest, and a long one costs more to derive.
    fn check_lengths(self, salt: &[u8], digest: &[u8]) -> Result<(), PasswordHashError> {
        let (allowed, expected) = match self {
            Self::Argon2 { memory, passes, lanes, .. } => (
                passes >= 1
                    && lanes >= 1
                    && memory >= 8 * lanes
                    && (8..=64).contains(&salt.len())
                    && (16..=64).contains(&digest.len()),
                "argon2 with a pass, a lane, 8 KiB a lane, a salt of 8 to 64 bytes and a digest of 16 \
                 to 64",
            ),
            Self::Scrypt { log_n, r, p } => (
                log_n >= 1 && r >= 1 && p >= 1 && (16..=64).contains(&digest.len()),
                "scrypt with `n`, `r` and `p` above 0 and a digest of 16 to 64 bytes",
            ),
            Self::Pbkdf2 { digest: function, rounds } => (
                rounds >= 1 && digest.len() == function.length(),
                "PBKDF2 with a round and a digest as long as its hash function's",
            ),
            Self::ShaCrypt { digest: function, .. } | Self::Salted(function) => {
                (digest.len() == function.length(), "a digest as long as its hash function's")
            }
            Self::Md5Crypt { .. } => (digest.len() == 16, "a digest of 16 bytes"),
        };
        if allowed { Ok(()) } else { Err(PasswordHashError::Malformed(expected)) }
    }
}
