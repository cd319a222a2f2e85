//! bailiwick: the auth and application server.

pub mod api_error;
pub mod domain;
pub mod logging;
pub mod server;
pub mod services;
pub mod settings;

#[doc(hidden)]
pub use inventory;
