//! All texts of pages, in every language: one typed table, so that a missing one does not compile.
//!
//! A text with something in it is a function; `|name| format!(…)` is one.

mod account;
mod authorize;
mod common;
mod error;
mod login;
mod provider;

pub use error::Words;

/// The texts in one language.
pub struct Texts {
    /// Of the pages between a client's request and the way back.
    pub authorize: authorize::Texts,
    /// Of several pages.
    pub common: common::Texts,
    /// Of the account page.
    pub account: account::Texts,
    /// Of the page that says what is wrong.
    pub error: error::Texts,
    /// Of the login page.
    pub login: login::Texts,
    /// About other providers.
    pub provider: provider::Texts,
}

/// English
pub static EN: Texts = Texts {
    account: account::EN,
    authorize: authorize::EN,
    common: common::EN,
    error: error::EN,
    login: login::EN,
    provider: provider::EN,
};

/// Korean
pub static KO: Texts = Texts {
    account: account::KO,
    authorize: authorize::KO,
    common: common::KO,
    error: error::KO,
    login: login::KO,
    provider: provider::KO,
};

/// So many seconds, as people say it.
fn soon(seconds: u64, second: &str, minute: &str, join: fn(u64, &str) -> String) -> String {
    if seconds < 60 { join(seconds.max(1), second) } else { join(seconds.div_ceil(60), minute) }
}
