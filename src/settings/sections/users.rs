//! `[users]`

use crate::settings::declaration::settings;

settings! {
    /// `[users]`: what may not stand in the store twice, beside the exact name.
    #[derive(Copy)]
    pub struct UserSettings in users {
        /// Whether `Alice` and `alice` are one name. Then one of them can be created only, and its
        /// user logs in as either. Names that the database already holds stay; where two of them
        /// differ in nothing but case, each logs in by its exact name, and the start says so.
        case_insensitive: bool = false;

        /// Whether a new e-mail address must be that of no other user, without regard to the case of
        /// ASCII letters. Addresses that the database already holds twice stay, and the start says
        /// so.
        unique_email: bool = false;
    }
}
