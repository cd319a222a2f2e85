//! `server.upgrade`.

use serde::Deserialize;

/// Whether USR2 may replace the master by another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upgrade {
    /// Where whoever started it does not take the end of the process for the end of the server.
    Auto,
    /// Whoever started it.
    Always,
    /// Not at all.
    Never,
}
