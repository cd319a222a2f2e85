//! `[cache]`

use crate::settings::declaration::{seconds, settings, whole};
use crate::settings::units::DAY;
use std::num::{NonZeroU32, NonZeroUsize};

settings! {
    /// `[cache]`: users in memory.
    pub struct CacheSettings in cache {
        /// Users kept in memory: the most requested ones need no query. Each takes about a third of
        /// a KiB in each process, once requested. Changes by other processes are still seen within
        /// a second.
        size: NonZeroUsize = 100000 => whole(1, 10_000_000);

        /// Seconds after which a user is read again even if the database has reported no change.
        max_age: NonZeroU32 = 30 => seconds(1, DAY);

        /// Seconds for which users in memory are still trusted while the database is unreachable,
        /// counted from its last response. After that, requests get a 503.
        stale_max: u32 = 5 => seconds(0, 3600);
    }
}
