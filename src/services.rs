//! Stand-in: the lead's module takes its place.

use crate::settings::Settings;
use std::fmt;
use std::sync::Arc;

/// Stand-in.
#[derive(Clone, Debug)]
pub struct Services;

/// Stand-in.
#[derive(Debug)]
pub struct StartError;

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("start")
    }
}

impl Services {
    /// Stand-in.
    #[expect(clippy::unused_async, reason = "stand-in")]
    pub async fn open(_settings: Arc<Settings>, _demo: bool) -> Result<Self, StartError> {
        Ok(Self)
    }
}
