//! `[users]`

use serde::Deserialize;

/// `[users]`: what may not stand in the store twice, beside the exact name.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSettings {
    /// Whether names that differ in nothing but case are one name.
    pub case_insensitive: bool,
    /// Whether an e-mail address may be that of one user only.
    pub unique_email: bool,
}
