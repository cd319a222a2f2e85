//! `[passwords]`

use crate::settings::declaration::{settings, whole, words};
use crate::settings::key::Kind;
use crate::settings::named_file::NamedFile;
use std::num::NonZeroUsize;

settings! {
    /// `[passwords]`
    pub struct PasswordSettings in passwords {
        /// What new passwords are hashed with: "bcrypt" or "argon2id" (19 MiB, two passes, one lane, as
        /// OWASP recommends). Other stored hashes are renewed when their users log in. With argon2id,
        /// a login takes the work of argon2id, and a stored bcrypt hash that takes longer reveals
        /// until then that its user exists.
        algorithm: HashAlgorithm = "bcrypt";

        /// A file with a pepper: a secret of at least 32 bytes, for example from `openssl rand -hex
        /// 32`, without which a stolen database is of no use for guessing passwords. New hashes are
        /// made of the password and the pepper (HMAC-SHA-256) and marked with it; those without it
        /// stay valid and are renewed when their users log in. Keep a copy: without the pepper, no
        /// password with such a hash can be verified, and each of these users needs a new one. All
        /// servers on one database must have the same. Absent: no pepper.
        #[example = "/run/secrets/bailiwick-pepper"]
        pepper_file: Option<NamedFile> => Kind::SecretFile;

        /// bcrypt's cost: two to this power rounds, so one more doubles the time. A stored hash of
        /// a lower cost is renewed when its user logs in, and until then verified in the time of
        /// this cost. A stored hash of a higher cost takes longer, which reveals that its user
        /// exists: set this to the highest stored cost. `users import` accepts hashes up to 14, or
        /// up to 2 above this. No password matches a stored hash above 16, or 2 above this, so one
        /// login cannot keep a thread busy for hours. Imported hashes of other schemes (argon2,
        /// scrypt, PBKDF2, …) are renewed likewise.
        bcrypt_cost: u32 = 12 => whole(4, 31);

        /// Threads that hash passwords, separate from the workers. Each verifies up to four at a
        /// time, in little more time than one. As many more compute what is not bcrypt, one at a
        /// time each: for argon2 and scrypt they take up to 256 MiB each. Absent: one per core.
        #[example = 2]
        hash_threads: Option<NonZeroUsize> => whole(1, 1024);

        /// Logins that may wait for such a thread; more get a 503. Clients take turns (an IPv4
        /// address is one client, and so is an IPv6 network of 64 bits, and all peers of a unix
        /// socket), and so do the users that one client logs in as. While others wait, a client or
        /// a user has at most a quarter of the places; a full queue makes room for a client with
        /// fewer places than the one with the most.
        hash_queue: NonZeroUsize = 64 => whole(1, 1_000_000);

        /// Whether a new password must have at least 8 characters and not be a common one. The
        /// limit of 71 bytes always applies: bcrypt ignores the rest.
        policy: bool = true;
    }
}

words! {
    /// What new passwords are hashed with.
    pub enum HashAlgorithm {
        /// bcrypt
        Bcrypt = "bcrypt",
        /// argon2id
        Argon2id = "argon2id",
    }
}
