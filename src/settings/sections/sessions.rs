//! `[sessions]`

use crate::settings::declaration::{seconds, settings};
use crate::settings::units::DAY;
use std::num::NonZeroU32;

settings! {
    /// `[sessions]`: what a browser has after a login at /auth/login. Only with `server.public_url`.
    #[derive(Copy)]
    pub struct SessionSettings in sessions {
        /// Seconds after which a session ends that is not used, unless the user has asked to stay
        /// signed in. Its cookie also ends with the browser.
        idle: NonZeroU32 = "12h" => seconds(60, 366 * DAY);

        /// Seconds from the login until a session ends, used or not.
        lifetime: NonZeroU32 = "30d" => seconds(60, 366 * DAY);

        /// Whether users may ask to stay signed in: then the session lasts for `lifetime`, used or not,
        /// and survives the end of the browser.
        remember: bool = true;
    }
}
