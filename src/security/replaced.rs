//! Dependencies that a test replaces.

use crate::api_error::ApiError;
use crate::security::call::Call;
use crate::security::state::look;
use actix_web::HttpRequest;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this process has replaced any: no request of a real server looks for some.
static ANY: AtomicBool = AtomicBool::new(false);

type Build<D> = dyn Fn(&Call<'_>) -> Result<D, ApiError> + Send + Sync;

/// Builds a dependency instead of itself; it is state of the server.
pub struct Replaced<D>(Box<Build<D>>);

impl<D: 'static> Replaced<D> {
    /// From now on, requests look for it.
    pub fn new(build: impl Fn(&Call<'_>) -> Result<D, ApiError> + Send + Sync + 'static) -> Self {
        ANY.store(true, Ordering::Relaxed);
        Self(Box::new(build))
    }

    /// The one of the request's server, if there is any.
    pub(super) fn of(request: &HttpRequest) -> Option<&Self> {
        if ANY.load(Ordering::Relaxed) { look(request) } else { None }
    }

    pub(super) fn build(&self, call: &Call<'_>) -> Result<D, ApiError> {
        (self.0)(call)
    }
}
