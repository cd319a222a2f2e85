//! Which operations have limits of their own on their bodies.

use crate::openapi::BodyLimit;
use actix_web::dev::{ResourceDef, ServiceRequest};
use actix_web::http::Method;
use serde_json::Value;

/// All of them; most servers have none.
#[derive(Default)]
pub(super) struct BodyLimits(Vec<(Method, ResourceDef, BodyLimit)>);

impl BodyLimits {
    pub(super) fn of(document: &Value) -> Self {
        let known = |(method, path, limit): (&str, &str, BodyLimit)| {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
            Some((method, ResourceDef::new(path.trim_end_matches('/')), limit))
        };
        Self(BodyLimit::of(document).filter_map(known).collect())
    }

    /// The limit of the operation that a request is for.
    pub(super) fn find(&self, request: &ServiceRequest) -> Option<BodyLimit> {
        let path = request.path().strip_suffix('/').unwrap_or(request.path());
        let matches = |(method, pattern, _): &&(Method, ResourceDef, BodyLimit)| {
            method == request.method() && pattern.is_match(path)
        };
        self.0.iter().find(matches).map(|(.., limit)| *limit)
    }
}
