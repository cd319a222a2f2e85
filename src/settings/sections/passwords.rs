//! `[passwords]`

use crate::settings::declaration::{settings, whole};
use std::num::NonZeroUsize;

settings! {
    /// `[passwords]`
    pub struct PasswordSettings in passwords {
        /// bcrypt's cost: 2 to its power rounds, so one more takes twice the time. A stored hash of a
        /// lower cost is renewed when its user logs in, and meanwhile verified in the time of this
        /// cost. One of a higher cost takes longer, which tells that its user exists: set this to the
        /// highest cost that is stored. `users import` takes hashes up to 14, or up to 2 above this.
        /// No password matches a stored hash above 16, or 2 above this, so that one login cannot keep
        /// a thread busy for hours.
        bcrypt_cost: u32 = 12 => whole(4, 31);

        /// Threads that hash passwords, apart from the workers. Each verifies up to four at a time,
        /// in little more time than one. Absent: one for each core.
        #[example = 2]
        hash_threads: Option<NonZeroUsize> => whole(1, 1024);

        /// Logins that may wait for such a thread; more get a 503. Clients take turns (an IPv4
        /// address is one, a network of 64 bits of IPv6 too, and all peers of a unix socket), and so
        /// do the users that one client logs in as. While others wait, a client or a user has at most
        /// a quarter of the places; in a full queue, whoever has most makes room for whoever has
        /// least.
        hash_queue: NonZeroUsize = 64 => whole(1, 1_000_000);

        /// Whether a new password must have at least 8 characters and not be a common one. 71 bytes
        /// are the most in any case: bcrypt ignores what stands behind.
        policy: bool = true;
    }
}
