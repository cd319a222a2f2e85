//! What every request passes: connections, the order of middleware, the access log, monitoring.

pub(crate) mod access_log;
pub(crate) mod app;
mod around;
mod background;
mod body_limits;
pub(crate) mod budget;
pub(crate) mod connection;
mod document;
mod error;
pub(crate) mod middleware;
pub(crate) mod monitoring;
mod mounts;
mod route_limits;
pub(crate) mod state;

pub use around::Next;
pub(crate) use background::Background;
pub use background::{BackgroundTasks, blocking};
pub use document::document;
pub(crate) use error::IN_USE;
pub use error::ServeError;
pub use mounts::{Mounts, Routes};
pub use route_limits::{Limits, Rate, limits};
pub(crate) use state::check_pages;
