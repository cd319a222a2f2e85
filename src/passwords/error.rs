//! Why a password was not hashed or not accepted.

use std::fmt;

/// What can go wrong with passwords. No variant holds one.
#[derive(Debug)]
pub enum PasswordError {
    /// Fewer than [`SHORTEST`](crate::passwords::SHORTEST) characters.
    TooShort,
    /// More than [`LONGEST`](crate::passwords::LONGEST) bytes: bcrypt would ignore the rest.
    TooLong,
    /// A NUL character: C implementations of bcrypt would stop there.
    Nul,
    /// One of the most common passwords.
    TooCommon,
    /// The queue of logins is full.
    Busy {
        /// When to try again, an estimate in seconds, at least 1.
        retry_after_seconds: u64,
    },
    /// The setting `passwords.bcrypt_cost` is out of bounds.
    CostNotAllowed(u32),
    /// The hashing threads could not be started.
    NoThreads(std::io::Error),
    /// What this program computes on this machine is not bcrypt: it could let nobody in, or anybody.
    NotBcrypt,
    /// Hashing itself failed: no randomness, or a fault in the library.
    Failed,
}

/// The sentences about a password fit the `msg` of FastAPI's error lists.
impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => f.write_str("String should have at least 8 characters"),
            Self::TooLong => f.write_str("String should have at most 71 bytes"),
            Self::Nul => f.write_str("String should not contain NUL characters"),
            Self::TooCommon => f.write_str("String should not be one of the most common passwords"),
            Self::Busy { retry_after_seconds } => {
                write!(f, "too many logins at once, try again in {retry_after_seconds} seconds")
            }
            Self::CostNotAllowed(cost) => {
                write!(f, "`passwords.bcrypt_cost` is {cost}: expected 4 to 31")
            }
            Self::NoThreads(cause) => write!(f, "cannot start the hashing threads: {cause}"),
            Self::NotBcrypt => f.write_str(
                "password hashes are computed incorrectly on this \
                                            machine",
            ),
            Self::Failed => f.write_str("the password could not be hashed"),
        }
    }
}

impl std::error::Error for PasswordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoThreads(cause) => Some(cause),
            _ => None,
        }
    }
}
