//! Why a password was not hashed or not accepted.

use thiserror::Error;

/// What can go wrong with passwords. No variant holds one.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// Fewer than [`SHORTEST`](crate::passwords::SHORTEST) characters.
    #[error("String should have at least 8 characters")]
    TooShort,
    /// More than [`LONGEST`](crate::passwords::LONGEST) bytes: bcrypt would ignore the rest.
    #[error("String should have at most 71 bytes")]
    TooLong,
    /// A NUL character: C implementations of bcrypt would stop there.
    #[error("String should not contain NUL characters")]
    Nul,
    /// One of the most common passwords.
    #[error("String should not be one of the most common passwords")]
    TooCommon,
    /// The queue of logins is full.
    #[error("too many logins at once, try again in {retry_after_seconds} seconds")]
    Busy {
        /// When to try again, an estimate in seconds, at least 1.
        retry_after_seconds: u64,
    },
    /// The setting `passwords.bcrypt_cost` is out of bounds.
    #[error("`passwords.bcrypt_cost` is {0}: expected 4 to 31")]
    CostNotAllowed(u32),
    /// The pepper file, and what is wrong with it.
    #[error("passwords.pepper_file {0}: {1}")]
    Pepper(String, String),
    /// The hashing threads could not be started.
    #[error("cannot start the hashing threads: {0}")]
    NoThreads(#[source] std::io::Error),
    /// On this machine the result is not bcrypt: it could admit nobody, or anybody.
    #[error("password hashes are computed incorrectly on this machine")]
    NotBcrypt,
    /// Hashing itself failed: no randomness, or a fault in the library.
    #[error("the password could not be hashed")]
    Failed,
}
