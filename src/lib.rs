//! bailiwick: the auth and application server.

pub mod domain;
pub mod oauth;
pub mod passwords;
pub mod settings;
pub mod tokens;

#[doc(hidden)]
pub use inventory;
