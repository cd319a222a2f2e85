//! `[passwords]`

use crate::settings::declaration::{settings, whole};
use std::num::NonZeroUsize;

settings! {
    /// `[passwords]`
    pub struct PasswordSettings in passwords {
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
        /// a user has at most a quarter of the places; in a full queue, whoever has most makes room
        /// for whoever has least.
        hash_queue: NonZeroUsize = 64 => whole(1, 1_000_000);

        /// Whether a new password must have at least 8 characters and not be a common one. The
        /// limit of 71 bytes always applies: bcrypt ignores the rest.
        policy: bool = true;
    }
}
