//! How the server is: health, metrics, and the worker's own figures.

pub(crate) mod admin;
pub(crate) mod metrics;
pub(crate) mod stats;

/// Where health and metrics are served.
pub(super) const PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
