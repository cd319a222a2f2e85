//! bailiwick: the auth and application server.

pub mod domain;
pub mod settings;

#[doc(hidden)]
pub use inventory;
