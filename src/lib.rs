//! bailiwick: the auth and application server.

pub mod api_error;
pub mod cli;
pub mod domain;
pub mod logging;
pub mod oauth;
pub mod passwords;
pub mod routes;
pub mod security;
pub mod server;
pub mod services;
pub mod settings;
pub mod storage;
pub mod tokens;

pub use cli::Server;
pub use server::Routes;

#[doc(hidden)]
pub use actix_web;
#[doc(hidden)]
pub use inventory;
#[doc(hidden)]
pub use paperclip;
