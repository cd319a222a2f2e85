//! `[registration]`

use crate::domain::ScopeName;
use crate::settings::declaration::{seconds, settings, whole};
use crate::settings::key::Kind;
use crate::settings::units::DAY;
use std::num::NonZeroU32;

settings! {
    /// `[registration]`: whether strangers may make accounts for themselves.
    pub struct RegistrationSettings in registration {
        /// Whether there is `POST /register`, which makes an account for whoever asks. Its responses tell which
        /// names are taken; with `users.unique_email`, which addresses are, too. No address is verified.
        enabled: bool = false;

        /// The scopes of those who register. Each must be declared.
        scopes: Vec<String> = ["me"] => Kind::List(ScopeName::is_valid, "a list of scopes");

        /// Registrations at once from one network (24 bits of an IPv4 address or 56 bits of an IPv6 address),
        /// for all servers on the database together. Those with a name that is taken count, too.
        burst: NonZeroU32 = 10 => whole(1, 100_000);

        /// Seconds until one more is allowed there.
        every: NonZeroU32 = "5m" => seconds(1, DAY);
    }
}
