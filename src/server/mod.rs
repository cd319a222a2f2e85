//! Shim, replaced at the merge.

use crate::settings::Settings;
use std::fmt;
use std::sync::Arc;

/// Where an application puts its routes.
pub type Routes<'a> = paperclip::actix::web::ServiceConfig<'a>;

type Mount = Box<dyn Fn(&mut Routes<'_>) + Send + Sync>;

/// The routes that are served beside the built-in ones.
#[derive(Default)]
pub struct Application {
    mounts: Vec<Mount>,
}

impl Application {
    /// Adds routes; `mount` is called once in each worker.
    pub fn mount(&mut self, mount: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) {
        self.mounts.push(Box::new(mount));
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("mounts", &self.mounts.len()).finish()
    }
}

/// Why the server does not serve.
#[derive(Debug)]
pub struct ServeError;

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shim")
    }
}

/// Checks the settings of the server and of the log without starting anything.
pub fn check(_settings: &Settings) -> Result<(), ServeError> {
    Ok(())
}

/// Serves until a signal ends it.
pub fn run(
    _application: Application,
    _settings: Arc<Settings>,
    _demo: bool,
) -> Result<(), ServeError> {
    Err(ServeError)
}

/// The OpenAPI document.
#[must_use]
pub fn document(_application: &Application, _settings: &Settings) -> serde_json::Value {
    serde_json::json!({"openapi": "3.0.3"})
}
