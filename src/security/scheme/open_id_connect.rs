//! OpenID Connect: the provider's discovery document says how to log in.

use super::{Malformed, Scheme, secret};
use crate::api_error::AuthScheme;
use crate::domain::Secret;
use actix_web::HttpRequest;
use actix_web::http::header;
use serde_json::{Value, json};

/// FastAPI's `OpenIdConnect(openIdConnectUrl=…)`: as there, gives the whole `Authorization` value,
/// which the application checks in a [`Dependency`](crate::security::Dependency) of its own.
#[derive(Clone, Copy, Debug)]
pub struct OpenIdConnect {
    url: &'static str,
}

impl OpenIdConnect {
    /// With the URL of the discovery document (OpenID Connect Discovery 1.0 §4).
    #[must_use]
    pub const fn new(open_id_connect_url: &'static str) -> Self {
        Self { url: open_id_connect_url }
    }
}

impl Scheme for OpenIdConnect {
    type Credentials = Secret;

    fn find(&self, request: &HttpRequest) -> Result<Option<Secret>, Malformed> {
        let value = request.headers().get(header::AUTHORIZATION);
        Ok(value.filter(|value| !value.is_empty()).map(|value| secret(value.as_bytes())))
    }

    fn challenge(&self) -> AuthScheme {
        AuthScheme::Bearer
    }

    fn document(&self) -> Value {
        json!({"type": "openIdConnect", "openIdConnectUrl": self.url})
    }
}
