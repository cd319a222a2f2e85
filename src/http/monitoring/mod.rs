//! The server's state: health, metrics, and a worker process's own figures.

pub(crate) mod admin;
pub(crate) mod metrics;
pub(crate) mod stats;

/// The paths of health and metrics.
pub(super) const PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
