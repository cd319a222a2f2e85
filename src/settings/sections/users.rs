//! `[users]`

use crate::settings::declaration::settings;

settings! {
    /// `[users]`: what must be unique besides the exact name.
    #[derive(Copy)]
    pub struct UserSettings in users {
        /// Whether `Alice` and `alice` are one name. Then only one of them can be created, and its
        /// user can log in as either. Existing names stay; users whose names differ only in case
        /// log in with their exact names, and the start reports them.
        case_insensitive: bool = false;

        /// Whether each e-mail address can belong to only one user; the case of ASCII letters does
        /// not matter. Existing duplicates stay, and the start reports them.
        unique_email: bool = false;
    }
}
