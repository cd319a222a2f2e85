//! How the server is: health, metrics, and the worker's own figures.

pub(crate) mod admin;
pub(crate) mod metrics;
pub(crate) mod vitals;
