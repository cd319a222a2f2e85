//! bailiwick: the auth and application server.

pub mod cli;
pub mod domain;
pub mod logging;
pub mod server;
pub mod settings;

pub use cli::Server;

#[doc(hidden)]
pub use inventory;
