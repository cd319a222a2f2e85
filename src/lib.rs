//! bailiwick: the auth and application server.

pub mod domain;
pub mod settings;
pub mod storage;

#[doc(hidden)]
pub use inventory;
