//! `[logins]`

use crate::settings::declaration::{seconds, settings, whole};
use crate::settings::units::DAY;
use std::num::NonZeroU32;

settings! {
    /// `[logins]`: how many wrong passwords an account, a network and a device have.
    #[derive(Copy)]
    pub struct LoginSettings in logins {
        /// Whether wrong passwords are counted, for all servers on the database together: in logins,
        /// HTTP Basic and changes of one's own password. A try for which there is no room gets a 429
        /// with `Retry-After`. Right passwords do not count, and a user whose account is attacked
        /// still logs in from where it has logged in before.
        throttle: bool = true;

        /// Seconds for which a network or device is known after a login.
        known_for: NonZeroU32 = "30d" => seconds(60, 366 * DAY);

        /// Wrong passwords at once, for an account on a device that it has logged in on. A device is a
        /// browser with a cookie of a login page; the API sets none, so it knows networks only.
        known_device_burst: NonZeroU32 = 20 => whole(1, 100_000);

        /// Seconds until one more is allowed there.
        known_device_every: NonZeroU32 = "1m" => seconds(1, DAY);

        /// Wrong passwords at once, for an account in a network that it has logged in from. A network
        /// is 24 bits of an IPv4 address or 56 bits of an IPv6 address.
        known_network_burst: NonZeroU32 = 20 => whole(1, 100_000);

        /// Seconds until one more is allowed there.
        known_network_every: NonZeroU32 = "1m" => seconds(1, DAY);

        /// Wrong passwords at once, for an account in any other network.
        unknown_network_burst: NonZeroU32 = 5 => whole(1, 100_000);

        /// Seconds until one more is allowed there.
        unknown_network_every: NonZeroU32 = "5m" => seconds(1, DAY);

        /// Wrong passwords at once, for an account in all these other networks together.
        all_unknown_burst: NonZeroU32 = 10 => whole(1, 100_000);

        /// Seconds until one more is allowed in them.
        all_unknown_every: NonZeroU32 = "10m" => seconds(1, DAY);

        /// Wrong passwords at once, for all accounts together in one network. Raise it where many
        /// people share one.
        all_accounts_burst: NonZeroU32 = 50 => whole(1, 100_000);

        /// Seconds until one more is allowed there.
        all_accounts_every: NonZeroU32 = "30s" => seconds(1, DAY);
    }
}
