//! `[cache]`

use crate::settings::declaration::{seconds, settings, whole};
use crate::settings::units::DAY;
use std::num::{NonZeroU32, NonZeroUsize};

settings! {
    /// `[cache]`: users in memory.
    pub struct CacheSettings in cache {
        /// Users kept in memory: those asked for most need no query. Each takes about a third of a
        /// KiB in each process, once it has been asked for. Changes by other processes are seen
        /// within a second all the same.
        size: NonZeroUsize = 100000 => whole(1, 10_000_000);

        /// Seconds after which a user is read again even if the database told of no change.
        max_age: NonZeroU32 = 30 => seconds(1, DAY);

        /// Seconds for which users in memory are still believed when the database is away, counted
        /// from the last time that it answered. After that, requests get a 503.
        stale_max: u32 = 5 => seconds(0, 3600);
    }
}
